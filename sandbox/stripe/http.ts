import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { control } from './control.ts';
import type { Journal } from './journal.ts';
import { answer, type Machine } from './requests.ts';

const LARGEST_BODY = 1 << 20;

/** Serves Stripe's API under `/v1/` and the simulator's own under `/_sim/`. */
export function createHttpServer(machine: Machine, journal: Journal): Server {
  return createServer((request, response) => {
    serve(machine, journal, request, response).catch((error: unknown) => {
      if (machine.closing.aborted) return;
      console.error('The Stripe simulator failed at a request.', error);
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { type: 'api_error', message: String(error) } }));
    });
  });
}

async function serve(
  machine: Machine,
  journal: Journal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://simulator');
  const method = request.method ?? 'GET';
  const body = await readBody(request);
  if (pathname.startsWith('/_sim/')) {
    const { status, value } = control(machine, journal, { method, path: pathname, search, body });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    return;
  }
  const key = request.headers['idempotency-key'];
  const account = request.headers['stripe-account'];
  const reply = await answer(machine, {
    method,
    path: pathname,
    query: search.slice(1),
    body,
    key: typeof key === 'string' && key !== '' ? key : null,
    account: typeof account === 'string' ? account : null,
    authorization: request.headers.authorization ?? '',
  });
  if (reply.cut === true) {
    request.socket.destroy();
    return;
  }
  response.writeHead(reply.status, {
    'content-type': reply.html === true ? 'text/html' : 'application/json',
    'request-id': reply.requestId,
    ...(typeof key === 'string' ? { 'idempotency-key': key } : {}),
    ...(reply.limited === undefined ? {} : { 'stripe-rate-limited-reason': reply.limited }),
    ...(reply.replayed === true ? { 'idempotent-replayed': 'true' } : {}),
  });
  response.end(reply.body);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > LARGEST_BODY) throw new Error('The body is too large.');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

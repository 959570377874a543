import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerCallRail } from './callrail.ts';
import { createLogFaults, type LogFault, type LogFaults } from './faults.ts';
import { answerTwilio } from './twilio.ts';

/** A call as the provider's log has it. */
export interface KnownCall {
  readonly externalId: string;
  readonly trackingNumber: string;
  /** Null when the caller withheld it. */
  readonly callerNumber: string | null;
  readonly startedAtMs: number;
  readonly durationS: number;
  readonly answered: boolean;
}

export interface LogAsked {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly mostPerPage: number | undefined;
}

export interface LogAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly body: object;
}

interface Options {
  readonly provider: 'callrail' | 'twilio';
  readonly account: string;
  /** One of them must be sent: the API key, or the auth token. */
  readonly tokens: readonly string[];
  /** Asked at each request, so that the list may change between pages. */
  readonly calls: () => readonly KnownCall[];
  /** Smaller pages than the provider's own. */
  readonly mostPerPage?: number;
}

export interface CallLogServer {
  readonly url: string;
  readonly faults: LogFaults;
  /** How many requests came, whatever was answered. */
  readonly requests: () => number;
  close(): Promise<void>;
}

/** The list of calls of CallRail or Twilio, over real HTTP. It keeps nothing: what it lists is what it is given. */
export async function startCallLogServer(options: Options): Promise<CallLogServer> {
  const { provider, account, tokens, calls, mostPerPage } = options;
  const faults = createLogFaults();
  const answer = provider === 'callrail' ? answerCallRail : answerTwilio;
  const accepted = tokens.map((token) =>
    provider === 'callrail'
      ? `Token token="${token}"`
      : `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`,
  );
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const fault = faults.take();
    if (!accepted.includes(request.headers.authorization ?? ''))
      return void reply(response, { status: 401, body: { code: 20003, message: 'Authenticate' } }, null);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://log');
    reply(response, answer({ path: pathname, query: searchParams, mostPerPage }, calls(), account), fault);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `http://127.0.0.1:${port}`, faults, requests: () => requests },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function reply(response: ServerResponse, { status = 200, body }: LogAnswer, fault: LogFault | null): void {
  const text = JSON.stringify(body);
  const json = { 'content-type': 'application/json' };
  if (fault === null) {
    response.writeHead(status, json).end(text);
  } else if (fault.kind === 'cut') {
    response.destroy();
  } else if (fault.kind === 'html') {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>We will be back soon.</html>');
  } else if (fault.kind === 'truncated') {
    response.writeHead(200, json).end(text.slice(0, Math.floor(text.length / 2)));
  } else {
    const wait = fault.retryAfterS === undefined ? {} : { 'retry-after': String(fault.retryAfterS) };
    response.writeHead(fault.status ?? 500, { ...json, ...wait }).end('{"code":"on_demand"}');
  }
}

import { once } from 'node:events';
import { type Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What becomes of one request: `hold` keeps it from the server until it is released; `hold-answer` lets it have its
 * effect and keeps the answer until then; `lose-answer` lets it have its effect and resets the caller's connection.
 */
type Deed = 'hold' | 'hold-answer' | 'lose-answer';

/** A request that was caught, once its deed has begun. */
interface Caught {
  readonly body: string;
  /** What the server answered; 0 while it has not heard the request. */
  readonly status: number;
  release(): void;
}

/** A way to an HTTP server on which single requests are caught: finer than a TCP proxy, which sees only bytes. */
export interface Gate {
  readonly url: string;
  /** Catches the next request whose method and path contain the text; resolves when it is caught. */
  catchNext(text: string, deed: Deed): Promise<Caught>;
  close(): Promise<void>;
}

interface Trap {
  readonly text: string;
  readonly deed: Deed;
  caught(caught: Caught): void;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export async function openGate(target: string): Promise<Gate> {
  const traps: Trap[] = [];

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readAll(incoming);
    const line = `${incoming.method} ${incoming.url}`;
    const at = traps.findIndex(({ text }) => line.includes(text));
    const [trap] = at < 0 ? [] : traps.splice(at, 1);
    const tell = (status: number) =>
      new Promise<void>((release) => trap?.caught({ body: body.toString(), status, release }));
    if (trap?.deed === 'hold') await tell(0);
    const answer = await forward(target, incoming, body);
    if (trap?.deed === 'hold-answer') await tell(answer.status);
    if (trap?.deed === 'lose-answer') {
      void tell(answer.status);
      outgoing.destroy();
      return;
    }
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
  }

  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    catchNext: (text, deed) => new Promise((caught) => traps.push({ text, deed, caught })),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Without an agent, so that no connection outlives a server that is killed. */
const agent: Agent | false = false;

async function forward(
  target: string,
  { method = 'GET', url = '/', headers }: IncomingMessage,
  body: Buffer,
): Promise<Answer> {
  const outgoing = request(new URL(url, target), { method, headers, agent });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const { connection: _, 'transfer-encoding': __, ...kept } = answer.headers;
  return { status: answer.statusCode ?? 502, headers: kept, body: await readAll(answer) };
}

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Somebody's server that is told of events: keeps what came, and answers as a test says. */
export async function startEventReceiver() {
  const received: Received[] = [];
  const behaves = {
    status: 200,
    headers: {} as Record<string, string>,
    /** Takes the request and says nothing. */
    hangs: false,
  };
  const hanging = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const isPacked = request.headers['content-encoding'] === 'gzip';
      const body = (isPacked ? gunzipSync(bytes) : bytes).toString();
      received.push({ path: request.url ?? '', headers: request.headers, body });
      if (behaves.hangs) hanging.add(response);
      else response.writeHead(behaves.status, behaves.headers).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    origin: `http://127.0.0.1:${port}`,
    received,
    behaves,
    /** Answers what hangs. */
    release(): void {
      for (const response of hanging) response.writeHead(behaves.status, behaves.headers).end('{}');
      hanging.clear();
    },
    async close(): Promise<void> {
      for (const response of hanging) response.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
export type EventReceiver = Awaited<ReturnType<typeof startEventReceiver>>;

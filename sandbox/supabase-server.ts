import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { serve } from '@hono/node-server';
import { type Lite, type LiteOptions, startLite } from './database/lite.ts';

export interface SupabaseServer extends Pick<Lite, 'serviceKey' | 'anonKey' | 'userToken'> {
  /** For SUPABASE_URL. */
  readonly url: string;
  close(): Promise<void>;
}

/** The Supabase API over HTTP on 127.0.0.1, for several processes that share one database. */
export async function startSupabaseServer({
  port = 0,
  ...options
}: LiteOptions & { port?: number }): Promise<SupabaseServer> {
  const lite = await startLite(options);
  const server = serve({
    fetch: (request: Request) => lite.fetch(request),
    port,
    hostname: '127.0.0.1',
  }) as Server;
  if (!server.listening) await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serviceKey: lite.serviceKey,
    anonKey: lite.anonKey,
    userToken: lite.userToken,
    async close() {
      const closed = new Promise((done) => server.close(done));
      // Answers that are under way are sent; connections that wait for a next request would hold the close for ever.
      server.closeIdleConnections();
      await closed;
      await lite.close();
    },
  };
}

/** As a process: `node sandbox/supabase-server.ts --database-url … --jwt-secret … [--port …]`; prints where it is as JSON. */
async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { 'database-url': text, 'jwt-secret': text, port: text } });
  const { 'database-url': authenticatorUrl, 'jwt-secret': jwtSecret, port = '0' } = values;
  if (authenticatorUrl === undefined || jwtSecret === undefined)
    throw new Error('--database-url and --jwt-secret are needed.');
  const server = await startSupabaseServer({ authenticatorUrl, jwtSecret, port: Number(port) });
  const { url, serviceKey, anonKey } = server;
  console.log(JSON.stringify({ url, serviceKey, anonKey }));
  const stop = () => void server.close();
  process.once('SIGTERM', stop).once('SIGINT', stop);
}

if (import.meta.main) await main();

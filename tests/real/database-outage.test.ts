import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../sandbox/database/embedded.ts';
import { type Lite, startLite } from '../../sandbox/database/lite.ts';
import { createDatabase } from '../../src/integrations/supabase/client.ts';
import { type Call, callOf, failureOf } from '../helpers/calls.ts';

let dataDir: string;
let postgres: EmbeddedPostgres;
let watcher: pg.Client;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'callclear-outage-'));
  await chmod(dataDir, 0o711);
  postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  watcher = new pg.Client({ connectionString: postgres.adminUrl });
  watcher.on('error', () => undefined);
  await watcher.connect();
  await watcher.query(
    'create function public.wait_s(p_s float) returns jsonb language sql as $$ select to_jsonb(true) from pg_sleep(p_s) $$',
  );
});
afterEach(async () => {
  await watcher.end();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const callsOf = (api: Lite): Call =>
  callOf(createDatabase({ url: api.url, secretKey: api.serviceKey, fetch: api.fetch }));

/** Until the server works on a request. */
const inFlight = () =>
  vi.waitFor(async () => {
    const { rows } = await watcher.query(`select 1 from pg_stat_activity where wait_event = 'PgSleep'`);
    expect(rows).toHaveLength(1);
  }, 60_000);

const OUTAGE = { name: 'OutageError', code: 'DATABASE_UNAVAILABLE' };

test('a way to the database that is cut: the work in flight and after it waits, and goes on when it is back', async () => {
  const road = await openRoad(postgres.port);
  const url = new URL(postgres.authenticatorUrl);
  url.port = String(road.port);
  const api = await startLite({ authenticatorUrl: url.href, jwtSecret: postgres.jwtSecret });
  const call = callsOf(api);

  const waiting = failureOf(call('wait_s', { p_s: 20 }));
  await inFlight();
  road.cut();
  expect(await waiting).toMatchObject(OUTAGE);
  expect(await failureOf(call('wait_s', { p_s: 0 }))).toMatchObject(OUTAGE);

  road.mend();
  await vi.waitFor(async () => expect(await call('wait_s', { p_s: 0 })).toBe(true), { timeout: 60_000 });
  await api.close();
  await road.close();
});

test('a server that is stopped with work in flight, and started again on its port, is used again', async () => {
  const api = await startLite(postgres);
  const call = callsOf(api);

  const waiting = failureOf(call('wait_s', { p_s: 20 }));
  await inFlight();
  await postgres.stop();
  expect(await waiting).toMatchObject(OUTAGE);
  expect(await failureOf(call('wait_s', { p_s: 0 }))).toMatchObject(OUTAGE);

  postgres = await startEmbeddedPostgres({ dataDir, durable: false, port: postgres.port });
  expect(await call('wait_s', { p_s: 0 })).toBe(true);
  await api.close();
});

/** A way to the database that can be cut, as a network fault cuts it. It keeps its port, which somebody else could take. */
async function openRoad(target: number) {
  const sockets = new Set<ReturnType<typeof createConnection>>();
  let isCut = false;
  const server = createServer((socket) => {
    if (isCut) return void socket.resetAndDestroy();
    const onward = createConnection(target, '127.0.0.1');
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('error', () => undefined).on('close', () => sockets.delete(end));
    }
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    cut,
    mend: () => {
      isCut = false;
    },
    close: async () => {
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}

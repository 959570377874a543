import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { validateEnvironment } from '../../src/config.ts';
import { createLogger } from '../../src/log.ts';
import { openRuntime, type Part, type Runtime } from '../../src/runtime.ts';
import { startScheduler } from '../../src/scheduler.ts';
import { startWorker } from '../../src/worker.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { type RealtimeServer, startRealtimeServer } from '../helpers/realtime-server.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';

const SECRET = `whsec_${Buffer.from('secret'.repeat(5)).toString('base64')}`;

let db: TestDatabase;
let realtime: RealtimeServer;
let runtime: Runtime;
let part: Part;
let logged: string;

async function open(env: Record<string, string>): Promise<void> {
  const config = validateEnvironment({ BODY_KEYS: Buffer.alloc(32, 7).toString('base64'), ...env });
  const { lite, queueUrl } = db;
  // One address for the API and its realtime, as a Supabase project has.
  const fetch: typeof globalThis.fetch = (input, init) =>
    lite.fetch(String(input instanceof Request ? input.url : input).replace(realtime.url, lite.url), init);
  const log = createLogger({
    level: 'info',
    destination: new Writable({
      write(chunk: Buffer, _encoding, done) {
        logged += chunk.toString();
        done();
      },
    }),
  });
  runtime = await openRuntime(
    config,
    {
      database: { url: realtime.url, secretKey: lite.serviceKey, fetch },
      queue: { kind: 'postgres', url: queueUrl },
      stripe: { secretKey: SECRET_KEY, apiBase: 'http://127.0.0.1:1', livemode: false },
      events: config.events,
      clock: { nowMs: () => Date.now() },
    },
    log,
  );
}

beforeEach(async () => {
  logged = '';
  [db, realtime] = await Promise.all([createTestDatabase(), startRealtimeServer()]);
});
afterEach(async () => {
  await part.close(5_000);
  await runtime.close();
  await Promise.all([db.close(), realtime.stop()]);
});

test('a worker that starts says who is told of events, and whom nobody had for hours is told nothing more', async () => {
  await db.sql(
    `insert into event_sinks (name, address_hash, seen_at) values ('webhook-gone', 'x', now() - interval '7 hours')`,
  );
  await open({
    EVENT_WEBHOOK_URLS: 'one=http://127.0.0.1:1/hooks',
    EVENT_WEBHOOK_SECRETS: `one=${SECRET}`,
  });
  part = await startWorker(runtime);
  expect(await db.sql('select name from event_sinks')).toEqual([{ name: 'webhook-one' }]);
});

test('a scheduler tells of a break as soon as Supabase says that there is one', async () => {
  await open({ SUPABASE_REALTIME: 'on' });
  part = await startScheduler(runtime);
  await vi.waitFor(() => expect(logged).toContain('changes come'), { timeout: 10_000 });
  await db.sql(
    `insert into reconciliation_breaks (identity, kind, currency, amount_minor, evidence, day, gates, changed_by, first_seen_at, last_seen_at)
     values ('movement:txn_1', 'amount', 'usd', 9000000, '{}', current_date, true, 'test', now(), now())`,
  );
  realtime.change('reconciliation_breaks', {
    ...{ type: 'INSERT', record: { state: 'open' }, columns: [{ name: 'state', type: 'text' }] },
  });
  await vi.waitFor(() => expect(logged).toContain('BREAK_UNRESOLVED'), { timeout: 10_000 });
  expect(realtime.seen.joins).toBe(1);
});

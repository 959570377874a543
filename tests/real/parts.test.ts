import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type LookupSettings, validateEnvironment } from '../../src/config.ts';
import { scoreCalls } from '../../src/jobs/fraud/score-call.job.ts';
import { createLogger } from '../../src/log.ts';
import { connectQueues } from '../../src/queues/connection.ts';
import { openRuntime, type Part, type Runtime } from '../../src/runtime.ts';
import { startScheduler } from '../../src/scheduler.ts';
import { startServer } from '../../src/server.ts';
import { startWorker } from '../../src/worker.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { type RealtimeServer, startRealtimeServer } from '../helpers/realtime-server.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';

const SECRET = `whsec_${Buffer.from('secret'.repeat(5)).toString('base64')}`;

const MINUTE_MS = 60_000;

let db: TestDatabase;
let realtime: RealtimeServer;
let runtime: Runtime;
let part: Part | null;
let logged: string;

const nowhere = (lookup: LookupSettings | null) => lookup && { ...lookup, apiBase: 'http://127.0.0.1:1' };

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
      ...{
        events: config.events,
        lookups: { ...config.lookups, telesign: nowhere(config.lookups.telesign) },
      },
      clock: { nowMs: () => Date.now() },
    },
    log,
  );
}

beforeEach(async () => {
  logged = '';
  part = null;
  [db, realtime] = await Promise.all([createTestDatabase(), startRealtimeServer()]);
});
afterEach(async () => {
  await part?.close(5_000);
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

test('a worker says it again each ten minutes, also after it could not be said', async () => {
  await open({ EVENT_WEBHOOK_URLS: 'one=http://127.0.0.1:1/hooks', EVENT_WEBHOOK_SECRETS: `one=${SECRET}` });
  const intervals = vi.spyOn(globalThis, 'setInterval');
  part = await startWorker(runtime);
  const [again, ...more] = intervals.mock.calls.flatMap(([run, ms]) => (ms === 600_000 ? [run] : []));
  intervals.mockRestore();
  if (again === undefined || more.length > 0) throw new Error('not one interval of ten minutes');
  await db.sql(`update event_sinks set seen_at = now() - interval '7 hours'`);
  await db.sql('alter table event_sinks rename to lost');
  again();
  await vi.waitFor(() => expect(logged).toContain('is not said again yet'), { timeout: 10_000 });
  await db.sql('alter table lost rename to event_sinks');
  again();
  const isSeen = () => db.sql(`select seen_at > now() - interval '1 minute' as seen from event_sinks`);
  await vi.waitFor(async () => expect(await isSeen()).toEqual([{ seen: true }]), { timeout: 10_000 });
});

test('a job that throws is typed, logged and counted, and the worker goes on', async () => {
  await open({});
  part = await startWorker(runtime);
  const add = async (callId: string) => {
    await runtime.enqueuer.add(scoreCalls, { callId }, { dueAtMs: Date.now(), trace: 'parts' });
    await vi.waitFor(() => expect(logged).toMatch(new RegExp(`"key":"${callId}".*"dead letter"`)), {
      timeout: 20_000,
    });
  };
  await add('e7a5d9e2-7f8e-4c35-9a53-07a2b8ed5f01');
  await add('e7a5d9e2-7f8e-4c35-9a53-07a2b8ed5f02');
  const { text } = await runtime.metrics.render();
  for (const name of ['attempt_failures_total', 'dead_letters_total'])
    expect(text).toContain(`callclear_${name}{job="fraud.score-call",code="CALL_UNKNOWN"} 2`);
});

test('a server whose database and queue are away says so on its pages by codes, logs why and counts it', async () => {
  await open({ PORT: '0', OPS_PASSWORDS: 'a-password-of-this-test' });
  const server = await startServer(runtime);
  part = server;
  const headers = { authorization: `Basic ${btoa('ops:a-password-of-this-test')}` };
  const ask = async (path: string) => {
    const answer = await fetch(`${server.url}${path}`, { headers });
    return [answer.status, await answer.json()];
  };
  const board = '/ops/queues/api/queues?activeQueue=calls&status=waiting&page=1&jobsPerPage=10';
  expect([(await ask('/readyz'))[0], (await ask(board))[0]]).toEqual([200, 200]);
  await db.sql('alter function public.health rename to gone');
  await db.sql('drop schema bullmq cascade');
  expect(await ask('/readyz')).toEqual([503, { ready: false, away: ['database'] }]);
  expect(await ask(board)).toMatchObject([503, { error: { code: 'QUEUE_UNAVAILABLE' } }]);
  expect(await ask('/healthz')).toEqual([200, { status: 'ok' }]);
  for (const text of ['not ready', 'The board cannot read the queue']) expect(logged).toContain(text);
  const { text } = await runtime.metrics.render();
  expect(text).toMatch(/callclear_page_failures_total\{page="health",code="\w+"\} 1/);
  expect(text).toContain('callclear_page_failures_total{page="board",code="QUEUE_UNAVAILABLE"} 1');
});

test('a scheduler tells of a break as soon as Supabase says that there is one, and of what it says that is nothing', async () => {
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
  realtime.say('nonsense');
  await vi.waitFor(() => expect(logged).toContain('"operation":"message","code":"ANSWER_INVALID"'), {
    timeout: 10_000,
  });
  expect((await runtime.metrics.render()).text).toContain(
    'callclear_integration_failures_total{provider="realtime",code="ANSWER_INVALID"} 1',
  );
});

test('whatever runs asks a provider in the line that the queue’s store keeps for all', async () => {
  await open({ TELESIGN_KEYS: 'customer:key' });
  const another = connectQueues(
    { kind: 'postgres', url: db.queueUrl },
    { role: 'producer' },
    () => undefined,
  );
  try {
    await another.turns('telesign', 20).pause(MINUTE_MS);
    const { telesign } = runtime.services.lookupProviders;
    await expect(telesign?.lookUp('+12025550123', new AbortController().signal)).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      detail: { code: 'no_turn', sent: false },
    });
    expect(telesign?.isAway()).toBe(true);
  } finally {
    await another.close(1_000);
  }
});

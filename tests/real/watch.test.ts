import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startSupabaseServer } from '../../sandbox/supabase-server.ts';
import type { News } from '../../src/cli/watch-lines.ts';
import { watchNews } from '../../src/cli/watch-news.ts';
import type { OpenCounts } from '../../src/integrations/supabase/news.ts';
import { DAY_MS, dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { MIGRATIONS } from '../helpers/migrations.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';

keepServer();
let house: House;
let road: Awaited<ReturnType<House['road']>>;
let told: News[];
let opened: OpenCounts[];
let watching: { close(): Promise<void> } | undefined;

beforeEach(async () => {
  house = await openHouse();
  road = await house.road();
  [told, opened, watching] = [[], [], undefined];
});
afterEach(async () => {
  await watching?.close();
  await house.end();
});

const soon = (check: () => void) => vi.waitFor(check, { timeout: 20_000 });
/** As where there is no realtime: everything is polled. */
async function watch(): Promise<void> {
  watching = await watchNews({
    ...{ news: house.services.news, nowMs: () => house.clock.nowMs() },
    realtime: {
      ...{ url: house.db.lite.url, secretKey: house.db.lite.serviceKey, isOn: false, pollMs: 50 },
      onFailure: ({ error }) => {
        throw error;
      },
    },
    onOpen: (open) => opened.push(open),
    onNews: (news) => told.push(news),
    onAway: () => undefined,
  });
}
const texts = () => told.map(({ event, text }) => `${event} ${text}`);
const nameOf = (road_: { id: string; buyer: { id: string } }) =>
  `Campaign ${road_.id.slice(0, 4)} (Buyer ${road_.buyer.id.slice(0, 4)})`;
const supplier = () => `Supplier ${road.supplier.id.slice(0, 4)}`;
const at = (ms: number) => `to_timestamp(${ms} / 1000.0)`;

/** A break as a comparison leaves it. */
const findBreak = (identity: string, kind = 'amount', dueMs: number | null = null) =>
  house.sql(
    `insert into reconciliation_breaks (identity, kind, currency, amount_minor, evidence, day, gates, due_at, changed_by, first_seen_at, last_seen_at)
     values ($1, $2, 'usd', 1234, '{}', current_date, true, ${dueMs === null ? 'null' : at(dueMs)}, 'test', ${at(house.clock.nowMs())}, ${at(house.clock.nowMs())})`,
    [identity, kind],
  );
const turnBreak = (identity: string, change: string) =>
  house.sql(
    `update reconciliation_breaks set ${change}, last_seen_at = ${at(house.clock.nowMs())} where identity = $1`,
    [identity],
  );
const newTerms = (id: string, validFromMs: number, priceMinor: number) =>
  house.put({
    terms: [
      {
        ...{ id, campaignId: road.id, validFromMs, currency: 'usd', priceMinor, supplierShareBps: 7_000 },
        ...{ minDurationS: 30, duplicateWindowS: 0 },
      },
    ],
  });
const fail = (job: string, key: string) =>
  house.services.work.fail({
    ...{ job, key, generation: 1, payload: {}, dueAtMs: house.clock.nowMs(), trace: 'tests' },
    ...{
      code: 'JOB_FAILED',
      message: 'no',
      attempts: 8,
      tries: [],
      payloadVersion: 1,
      nowMs: house.clock.nowMs(),
    },
  });
const propose = () =>
  house.sql(
    `insert into term_proposals (campaign_id, provider, offer_id, terms_id, changes, found_at)
     select campaign_id, 'tune', '7', id, '{"priceMinor": {"from": 4000, "to": 4550}}', ${at(house.clock.nowMs())} from campaign_terms where campaign_id = $1 order by valid_from limit 1`,
    [road.id],
  );

describe('whoever watches', () => {
  test('is told of each thing once, with names and amounts, by polling alone', async () => {
    await watch();
    await newTerms(randomUUID(), Date.UTC(2026, 11, 1, 5), 4_500);
    await findBreak('movement:txn_1');
    await house.call({ number: road.number, caller: null });
    await house.work();
    const [call] = await house.sql<{ id: string }>("select id from calls where status = 'held'");
    await fail('fraud.adjust-call', call?.id ?? '');
    await fail('analytics.roll-up-day', '2026-11-02');
    await propose();
    await soon(() => expect(told).toHaveLength(6));
    const [proposal] = await house.services.campaigns.proposals();
    const letters = await house.services.deadLetters.list({}, { afterId: null, limit: 2 });
    expect(texts().sort()).toEqual([
      'break movement:txn_1: amount, 12.34 USD; stops payouts',
      `call ${call?.id}: ${nameOf(road)}, of ${supplier()}, 120 s, 40.00 USD owed, score 45: the caller withheld the number (45)`,
      `letter ${letters[0]?.id}: fraud.adjust-call ${call?.id}, JOB_FAILED, ${nameOf(road)}, of ${supplier()}`,
      `letter ${letters[1]?.id}: analytics.roll-up-day 2026-11-02, JOB_FAILED`,
      `proposal ${proposal?.id}: ${nameOf(road)}, tune 7: priceMinor 40.00 USD → 45.50 USD`,
      `terms ${nameOf(road)}: 40.00 USD → 45.00 USD a call from 2026-12-01 05:00Z`,
    ]);
    // Later readings overlap, and show the same again.
    await findBreak('movement:txn_2');
    await soon(() => expect(texts()).toContain('break movement:txn_2: amount, 12.34 USD; stops payouts'));
    expect(told).toHaveLength(7);
    expect(told.every(({ atMs }) => Math.abs(house.clock.nowMs() - atMs) < 60_000)).toBe(true);
  });

  test('is told at the start how much stands open, and of none of that', async () => {
    await findBreak('movement:txn_1');
    await findBreak('line:1', 'expected', house.clock.nowMs() + DAY_MS);
    await house.call({ number: road.number, caller: null });
    await house.work();
    await fail('analytics.roll-up-day', '2026-11-02');
    await propose();
    await watch();
    expect(opened).toEqual([{ breaks: 1, calls: 1, letters: 1, proposals: 1 }]);
    await findBreak('movement:txn_2');
    await soon(() => expect(texts()).toEqual(['break movement:txn_2: amount, 12.34 USD; stops payouts']));
  });

  test('is told of a break that opens anew, that changes, and that was expected until it was due', async () => {
    await findBreak('movement:txn_1');
    await findBreak('line:1', 'expected', house.clock.nowMs() + 600_000);
    await watch();
    house.advance(300_000);
    await turnBreak('movement:txn_1', "state = 'closed', closed_at = now()");
    await turnBreak('movement:txn_1', "state = 'open', closed_at = null");
    await soon(() => expect(told).toHaveLength(1));
    house.advance(300_000);
    await soon(() => expect(texts().at(-1)).toMatch('line:1: missing_in_stripe'));
    await turnBreak('movement:txn_1', 'amount_minor = 99');
    await soon(() => expect(texts().at(-1)).toMatch('movement:txn_1: amount, 0.99 USD'));
    // The comparison of another night, which finds the same, is no news.
    house.advance(1_000);
    await turnBreak('movement:txn_1', 'told_on = null');
    await findBreak('movement:txn_2');
    await soon(() => expect(texts().at(-1)).toMatch('movement:txn_2'));
    expect(told).toHaveLength(4);
  });

  test('is told of a letter again when its work was replayed and died again', async () => {
    await watch();
    await fail('analytics.roll-up-day', '2026-11-02');
    await soon(() => expect(told).toHaveLength(1));
    const [letter] = await house.services.deadLetters.list({}, { afterId: null, limit: 1 });
    const decided = { by: 'ops', reason: 'mended', nowMs: house.clock.nowMs() };
    await house.services.work.replay({ id: letter?.id ?? '', ...decided });
    await house.services.work.fail({
      ...{
        job: 'analytics.roll-up-day',
        key: '2026-11-02',
        generation: 2,
        payload: {},
        dueAtMs: 0,
        trace: 'tests',
      },
      ...{
        code: 'JOB_TIMEOUT',
        message: 'no',
        attempts: 8,
        tries: [],
        payloadVersion: 1,
        nowMs: house.clock.nowMs(),
      },
    });
    await soon(() => expect(texts().at(-1)).toMatch('JOB_TIMEOUT'));
    expect(told).toHaveLength(2);
  });

  test('is told whose the invoice and the payout of a letter are', async () => {
    await house.call({ number: road.number });
    for (const days of [0, 1, 2]) await house.close(dateAfter(days));
    const whom = (job: string, table: string) =>
      house.sql(`select app.whom_of($1, id::text) as whom from ${table} limit 1`, [job]);
    const nobody = { campaignId: null, buyer: null, supplier: null };
    expect(await whom('billing.bill-buyer', 'invoices')).toEqual([
      { whom: { ...nobody, buyer: `Buyer ${road.buyer.id.slice(0, 4)}` } },
    ]);
    expect(await whom('payouts.pay-supplier', 'payouts')).toEqual([
      { whom: { ...nobody, supplier: supplier() } },
    ]);
    expect(await whom('analytics.roll-up-day', 'invoices')).toEqual([{ whom: null }]);
  });
});

test('at the command line it goes on after its machine slept, where nothing is embedded', async () => {
  const api = await startSupabaseServer(house.db);
  // As a laptop that wakes: the clock on the wall has gone on, and the steady one has not.
  const sleeps =
    "const now = Date.now; process.once('SIGUSR2', () => { Date.now = () => now() + 3_600_000; console.log('awake'); });";
  const child = spawn(process.execPath, ['src/cli.ts', 'watch'], {
    env: {
      ...{ SUPABASE_URL: api.url, SUPABASE_SECRET_KEY: api.serviceKey },
      ...{ QUEUE_DATABASE_URL: house.db.queueUrl, STRIPE_SECRET_KEY: SECRET_KEY },
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(sleeps)}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const out: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk.toString()));
  const says = (text: string) => soon(() => expect(out.join('')).toContain(text));
  try {
    await says('open');
    child.kill('SIGUSR2');
    await says('awake');
    await house.advanceTo(Date.now() + 3_600_000);
    await findBreak('movement:txn_1');
    await says('movement:txn_1: amount, 12.34 USD');
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(0);
  } finally {
    child.kill('SIGKILL');
    await api.close();
  }
});

test('terms that were known already are no news when they are imported again', async () => {
  await watch();
  const id = randomUUID();
  await newTerms(id, Date.UTC(2026, 11, 1), 4_500);
  await soon(() => expect(told).toHaveLength(1));
  house.advance(600_000);
  await newTerms(id, Date.UTC(2026, 11, 1), 4_500);
  await findBreak('movement:txn_1');
  await soon(() => expect(told).toHaveLength(2));
  expect(told[1]?.event).toBe('break');
});

test('a reading has the newest 500, no number of a caller, and of terms those of the last month and to come', async () => {
  const { news, clock } = house.services;
  await house.call({ number: road.number, caller: null });
  await house.work();
  const heldMs = clock.nowMs();
  await house.sql("update calls set caller_number = '+12127360001'");
  const calls = await news.calls(0, heldMs);
  expect(calls).toHaveLength(1);
  expect(JSON.stringify(calls)).not.toContain('7360001');

  await house.sql(
    `insert into reconciliation_breaks (identity, kind, currency, amount_minor, evidence, day, gates, changed_by, first_seen_at, last_seen_at)
     select 'movement:' || n, 'amount', 'usd', 1, '{}', current_date, true, 'test', ${at(heldMs)}, ${at(heldMs)} + make_interval(secs => n)
     from generate_series(1, 501) n`,
  );
  const breaks = await news.breaks(0, heldMs);
  expect([breaks.length, breaks[0]?.identity, breaks.at(-1)?.identity]).toEqual([
    ...[500, 'movement:2', 'movement:501'],
  ]);
  // A campaign has one open proposal.
  await house.sql(
    `with made as (insert into campaigns (buyer_id, name) select $1, n::text from generate_series(1, 501) n returning id, name)
     insert into term_proposals (campaign_id, provider, offer_id, changes, fault, found_at)
     select id, 'tune', name, '{}', 'x', ${at(heldMs)} + make_interval(secs => name::int) from made`,
    [road.buyer.id],
  );
  const proposals = (await news.proposals(0, heldMs)).map(({ offerId }) => offerId);
  expect([proposals.length, proposals[0], proposals.at(-1)]).toEqual([500, '2', '501']);

  const prices = async (nowMs: number) => (await news.terms(null, nowMs)).map(({ priceMinor }) => priceMinor);
  await newTerms(randomUUID(), Date.UTC(2026, 11, 1), 4_500);
  expect(await prices(Date.UTC(2026, 11, 20))).toEqual([4_000, 4_500]);
  expect(await prices(Date.UTC(2027, 0, 2))).toEqual([4_500]);
});

test('where Supabase streams changes, what is watched is among it, but for calls, and nothing else is', async () => {
  const migration = readFileSync(join(MIGRATIONS, '20261101000895_news.sql'), 'utf8');
  await house.sql('create publication supabase_realtime');
  await house.sql(migration.slice(migration.indexOf('do $$')));
  const streamed = await house.sql<{ name: string }>(
    "select schemaname || '.' || tablename as name from pg_publication_tables order by 1",
  );
  expect(streamed.map(({ name }) => name)).toEqual(
    ['campaign_terms', 'campaigns', 'dead_letters', 'reconciliation_breaks', 'term_proposals'].map(
      (one) => `public.${one}`,
    ),
  );
  // Whoever is no service sees nothing of them, by the API or by its stream.
  expect(
    await house.sql(
      `select table_name, grantee from information_schema.role_table_grants
       where table_name in (select tablename from pg_publication_tables) and grantee in ('anon', 'authenticated')
       union all select table_name, grantee from information_schema.column_privileges
       where table_name in (select tablename from pg_publication_tables) and grantee in ('anon', 'authenticated')`,
    ),
  ).toEqual([]);
});

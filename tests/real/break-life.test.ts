import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { tellBreaks } from '../../src/break-alerts.ts';
import { renderBreak } from '../../src/cli/recon.ts';
import type { ErrorReporter } from '../../src/integrations/sentry/reporter.ts';
import { type BreaksStore, createBreaksStore } from '../../src/integrations/supabase/breaks.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import {
  forgetMonths,
  insertMonth,
  type Line,
  type Movement,
  prepareMonths,
} from '../helpers/money-month.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 10, 10, 9);
let db: TestDatabase;
let breaks: BreaksStore;
let nowMs: number;

beforeAll(async () => {
  db = await createTestDatabase();
  await prepareMonths(db.sql);
  breaks = createBreaksStore(db.database.rpc);
});
afterAll(() => db.close());
beforeEach(async () => {
  await forgetMonths(db.sql);
  await db.sql('delete from ledger_accounts');
  await db.sql('update settings set difference_threshold_minor = 0');
  nowMs = START_MS;
});

const movement = (given: Partial<Movement> = {}): Movement => ({
  ...{
    id: 'txn_1',
    source: 'ch_1',
    category: 'charge',
    amount: 5_000,
    fee: 175,
    currency: 'usd',
    rate: null,
  },
  ...{ createdMs: START_MS - DAY_MS, availableMs: START_MS + DAY_MS },
  ...given,
});
const line = (chargeId = 'ch_1'): Line => ({
  ...{ template: 'charge', key: `charge:${chargeId}`, currency: 'usd', postedMs: START_MS - 60_000 },
  amounts: { gross: 5_000, fee: 175, net: 4_825 },
  refs: { chargeId, balanceTransactionId: 'txn_1', availableMs: START_MS + DAY_MS },
});
const compare = () =>
  db.sql('select reconcile_money($1, $2, $2, $2)', [
    new Date(nowMs - DAY_MS).toISOString().slice(0, 10),
    nowMs,
  ]);
const list = () => breaks.list(null, nowMs);
const shown = async (identity: string) => {
  const one = await breaks.show(identity, nowMs);
  if (one === null) throw new Error(`no break ${identity}`);
  return one;
};
const gate = async (currency = 'usd') =>
  (
    await db.sql<{ gate: string }>('select app.payout_gate($1, $2, app.at($3)) as gate', [
      ...[new Date(nowMs - DAY_MS).toISOString().slice(0, 10), currency, nowMs],
    ])
  )[0]?.gate;
const ignore = (identity: string) => breaks.ignore(identity, { by: 'ops', reason: 'seen before', nowMs });

test.each([
  ['ch_1', 2],
  ['py_1', 4],
])(
  'what Stripe need not show yet stops nothing, and is missing from its due time on: %s, T+%i days',
  async (id, days) => {
    await insertMonth(db.sql, { movements: [], lines: [line(id)] });
    await db.sql(
      "insert into ledger_accounts (kind, currency, balance_minor) values ('stripe_pending', 'usd', 4825)",
    );
    await compare();
    expect(await list()).toMatchObject([
      { identity: 'missing:txn_1', kind: 'expected', stopsPayouts: false },
    ]);
    expect(await gate()).toBe('open');
    // Nobody compares: it is late by itself.
    nowMs = START_MS - 60_000 + days * DAY_MS - 1;
    expect(await list()).toMatchObject([{ kind: 'expected', stopsPayouts: false }]);
    nowMs += 1;
    expect(await list()).toMatchObject([{ kind: 'missing_in_stripe', stopsPayouts: true }]);
    await compare();
    expect(await list()).toMatchObject([{ identity: 'missing:txn_1', kind: 'missing_in_stripe' }]);
    expect(await gate()).toBe('difference_unexplained');
    await db.sql('update settings set difference_threshold_minor = 4825');
    expect(await gate()).toBe('break_open');
  },
);

test('what was expected closes by itself when it comes', async () => {
  await insertMonth(db.sql, { movements: [], lines: [line()] });
  await compare();
  await insertMonth(db.sql, { movements: [movement()], lines: [] });
  nowMs += DAY_MS;
  await compare();
  expect(await list()).toEqual([]);
  const { state, history } = await shown('missing:txn_1');
  expect({ state, events: history.map(({ event }) => event) }).toEqual({
    ...{ state: 'closed', events: ['found', 'closed'] },
  });
});

test('the clocks of the rails are settings', async () => {
  await db.sql("update settings set card_settles_after = '1 hour'");
  await insertMonth(db.sql, { movements: [], lines: [line()] });
  nowMs += 3_600_000;
  await compare();
  expect(await list()).toMatchObject([{ kind: 'missing_in_stripe' }]);
  await db.sql("update settings set card_settles_after = '2 days'");
});

test('a break that a person ignores stops nothing while it stays the same, and says who did it and why', async () => {
  await insertMonth(db.sql, { movements: [movement({ fee: 176 })], lines: [line()] });
  await compare();
  expect(await list()).toMatchObject([{ identity: 'amount:txn_1', kind: 'fee', amountMinor: -1 }]);
  expect(await ignore('amount:txn_1')).toEqual({ ignored: true, state: 'ignored' });
  expect(await ignore('amount:txn_1')).toEqual({ ignored: false, state: 'ignored' });
  nowMs += DAY_MS;
  await compare();
  expect(await list()).toEqual([]);
  const one = await shown('amount:txn_1');
  expect(one).toMatchObject({
    ...{ state: 'ignored', reason: 'seen before' },
    evidence: { stripe: { feeMinor: 176 }, ledger: { feeMinor: 175 } },
    history: [{ event: 'found' }, { event: 'ignored', actor: 'ops', reason: 'seen before' }],
  });
  const text = renderBreak(one);
  expect(text).toMatch(/feeMinor +176 +175/);
  expect(text).toMatch(/ignored +fee +-0\.01 USD +ops +seen before/);
  expect(await db.sql("select actor from audit_log where action = 'break.ignore'")).toEqual([
    { actor: 'ops' },
  ]);
  await db.sql(`do $$ begin
    set local session_replication_role = replica;
    update journals set amounts = amounts || '{"net": 4820}';
  end $$`);
  await compare();
  expect(await list()).toMatchObject([{ state: 'open', amountMinor: 4 }]);
});

test('a break above the limit of approvals is not ignored', async () => {
  await insertMonth(db.sql, { movements: [movement({ amount: 2_000_000, fee: 0 })], lines: [] });
  await compare();
  await expect(ignore('movement:txn_1')).rejects.toMatchObject({ code: 'BREAK_NOT_IGNORABLE' });
  await expect(ignore('movement:none')).rejects.toMatchObject({ code: 'BREAK_UNKNOWN' });
});

test('what Stripe took back of an object that the books do not know is explained by a rule', async () => {
  const gone = { source: 'tu_1', category: 'topup', fee: 0 };
  const back = { ...gone, id: 'txn_2', category: 'topup_reversal', createdMs: START_MS - 3_600_000 };
  await insertMonth(db.sql, { movements: [movement({ ...gone, amount: 900 })], lines: [] });
  await compare();
  expect(await list()).toMatchObject([{ kind: 'unknown_category', amountMinor: 900 }]);
  await insertMonth(db.sql, { movements: [movement({ ...back, amount: -900 })], lines: [] });
  await compare();
  expect(await list()).toEqual([]);
  expect(await shown('movement:txn_1')).toMatchObject({ state: 'explained', rule: 'undone' });
  expect(await shown('movement:txn_2')).toMatchObject({ state: 'explained', rule: 'undone' });
  expect(await gate()).toBe('open');
});

test('what was taken back in another currency is not explained: the sums of two currencies are none', async () => {
  const gone = movement({ source: 'tu_1', category: 'topup', fee: 0, amount: 900 });
  await insertMonth(db.sql, {
    movements: [gone, { ...gone, id: 'txn_2', amount: -900, currency: 'eur' }],
    lines: [],
  });
  await compare();
  expect((await list()).map(({ identity, rule }) => [identity, rule])).toEqual([
    ['movement:txn_1', null],
    ['movement:txn_2', null],
  ]);
});

test('a match in another currency is a break of all that its line says: nothing of that came', async () => {
  await insertMonth(db.sql, { movements: [movement({ currency: 'eur' })], lines: [line()] });
  await compare();
  expect(await list()).toMatchObject([
    { identity: 'amount:txn_1', kind: 'currency', currency: 'usd', amountMinor: -4_825 },
  ]);
});

test('money that is available later than first said is explained, and earlier is told and stops nothing', async () => {
  const later = movement({ availableMs: START_MS + 3 * DAY_MS });
  await insertMonth(db.sql, { movements: [later], lines: [line()] });
  await compare();
  expect(await shown('amount:txn_1')).toMatchObject({
    kind: 'wrong_day',
    state: 'explained',
    rule: 'available_later',
  });
  await forgetMonths(db.sql);
  await insertMonth(db.sql, { movements: [movement({ availableMs: START_MS })], lines: [line()] });
  await compare();
  expect(await list()).toMatchObject([{ kind: 'wrong_day', stopsPayouts: false }]);
});

test('a transfer is matched by the payout that its metadata names, and by nothing less', async () => {
  const payoutId = '00000000-0000-4000-8000-000000000001';
  const sent: Line = {
    ...{ template: 'payout_send', key: 'payout_send:1', currency: 'usd', postedMs: START_MS - 60_000 },
    ...{ amounts: { amount: 900 }, refs: { payoutId, transferId: 'tr_1', balanceTransactionId: 'txn_1' } },
  };
  const other = movement({ id: 'txn_9', source: 'tr_9', category: 'transfer', amount: -900, fee: 0 });
  await insertMonth(db.sql, { movements: [other], lines: [sent] });
  await compare();
  expect((await list()).map(({ kind }) => kind).sort()).toEqual(['missing_in_stripe', 'orphan_transfer']);
  // They are alike, which is told, and never taken for a match.
  expect((await shown('movement:txn_9')).evidence).toMatchObject({ suggestion: 'journal:1' });
  await db.sql('select note_claim($1, $2)', ['txn_9', payoutId]);
  await compare();
  expect(await list()).toEqual([]);
  expect(
    await db.sql(
      'select m.id, c.matched_by, c.agrees from cash_matches c join stripe_movements m on m.seq = c.movement_seq',
    ),
  ).toEqual([{ id: 'txn_9', matched_by: 'metadata', agrees: true }]);
});

test('people are told of a large break, or an old one, once a day each', async () => {
  const small = movement({ id: 'txn_2', source: 'ch_2', amount: 700, fee: 0 });
  await insertMonth(db.sql, { movements: [movement({ amount: 100_001, fee: 0 }), small], lines: [] });
  await compare();
  const reported: [string, string][] = [];
  const reporter: ErrorReporter = {
    report: (failure, { key }) => reported.push([failure.message, key]),
    flush: async () => true,
  };
  const services = { breaks, clock: { nowMs: () => nowMs } };
  const told = async () => {
    reported.length = 0;
    await tellBreaks({ services, log: pino({ level: 'silent' }), reporter });
    return reported.map(([, key]) => key);
  };
  expect(await told()).toEqual(['movement:txn_1']);
  expect(reported[0]?.[0]).toBe(
    'movement:txn_1: missing_in_ledger, 100001 usd (minor units), open for 0 days',
  );
  expect(await told()).toEqual([]);
  nowMs += DAY_MS;
  expect(await told()).toEqual(['movement:txn_1']);
  nowMs += 2 * DAY_MS + 1;
  expect(await told()).toEqual(['movement:txn_1', 'movement:txn_2']);
  await ignore('movement:txn_2');
  nowMs += DAY_MS;
  expect(await told()).toEqual(['movement:txn_1']);
});

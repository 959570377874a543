import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parties } from '../../src/integrations/supabase/operations.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

const BUYER = '00000000-0000-4000-8000-000000000002';
const DATE = '2026-03-10';
let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await db.sql(`
    insert into buyers (id, name) values ('${BUYER}', 'Buyer');
    insert into campaigns (id, buyer_id, name) values ('${BUYER}', '${BUYER}', 'Campaign');
    insert into campaign_terms (id, campaign_id, valid_from, currency, price_minor, supplier_share_bps, min_duration_s, duplicate_window_s)
    values ('${BUYER}', '${BUYER}', '2020-01-01', 'usd', 100, 5000, 0, 0)`);
});
afterAll(() => db.close());

/** What a supplier is owed and owes, in what the currency can transfer at once. */
const drawn = fc.record({
  currency: fc.constantFrom('usd', 'kwd'),
  bps: fc.oneof(fc.integer({ min: 0, max: 9_999 }), fc.constantFrom(0, 1, 9_999)),
  earned: fc.oneof(fc.nat(200), fc.nat(2 ** 49)),
  cameBack: fc.nat(200),
  debt: fc.oneof(fc.constant(0), fc.nat(300)),
  minimum: fc.oneof(fc.constant(0), fc.nat(300)),
});
const unitOf = ({ currency }: { currency: string }) => (currency === 'kwd' ? 10 : 1);

/** Each supplier's money in one statement; earnings have cleared, and a transfer of an older payout came back. */
const MONEY = `
  with given as (select gen_random_uuid() as id, gen_random_uuid() as payout, x, ordinality as n, (x ->> 'unit')::bigint as unit
    from jsonb_array_elements($1::jsonb) with ordinality as all_given (x, ordinality)
  ), supplier as (
    insert into suppliers (id, name, stripe_account_id, reserve_bps, payout_minimums)
    select id, n::text, 'acct_' || n, (x ->> 'bps')::int, jsonb_build_object(x ->> 'currency', (x ->> 'minimum')::bigint * unit) from given
  ), earned as (
    insert into calls (id, source, external_id, tracking_number, started_at, duration_s, answered, facts_at, trace, business_date, made_at, changed_at)
    select id, 'test', n::text, '+1', '${DATE}', 60, true, '${DATE}', 'test', '${DATE}', '${DATE}', '${DATE}' from given
  ), earning as (
    insert into earnings (call_id, campaign_id, terms_id, buyer_id, supplier_id, currency, price_minor, share_minor, state, started_at, duration_s, business_date)
    select id, '${BUYER}', '${BUYER}', '${BUYER}', id, x ->> 'currency', greatest((x ->> 'earned')::bigint * unit, 1), (x ->> 'earned')::bigint * unit,
      'cleared', '${DATE}', 60, '${DATE}' from given
  ), debt as (
    insert into ledger_accounts (kind, owner_id, currency, balance_minor)
    select 'supplier_debt', id, x ->> 'currency', (x ->> 'debt')::bigint * unit from given
  ), run as (
    insert into payout_runs (business_date, currency, content_hash, amount_minor, planned_at)
    select '2026-03-01', code, '', 0, '2026-03-02' from currencies returning id, currency
  ), payout as (
    insert into payouts (id, run_id, supplier_id, currency, business_date, amount_minor, destination, body_hash, state, key_made_at, planned_at)
    select g.payout, run.id, g.id, run.currency, '2026-03-01', 9999, 'acct', 'hash', 'sent', '2026-03-02', '2026-03-02'
    from given g join run on run.currency = x ->> 'currency'
  )
  insert into transfer_reversals (id, of_payout_id, supplier_id, currency, amount_minor, balance_transaction_id, business_date, first_seen_at)
  select 'trr_' || n, payout, id, x ->> 'currency', (x ->> 'cameBack')::bigint * unit, 'txn_' || n, '${DATE}', '${DATE}'
  from given where (x ->> 'cameBack')::bigint > 0`;

test('whatever is owed, a reserve is of what is left of new earnings, is never the whole, and leaves what can be sent', async () => {
  const cases = fc.sample(drawn, { numRuns: 400, seed: 7 });
  await db.sql(MONEY, [JSON.stringify(cases.map((one) => ({ ...one, unit: unitOf(one) })))]);
  const rows = await db.sql<{
    name: string;
    amount: number;
    recovered: number;
    reserve: number;
    waits: string | null;
  }>(
    `select s.name, d.amount, d.recovered, d.reserve, d.waits_for as waits
     from app.payouts_due('${DATE}') d join suppliers s on s.id = d.supplier_id`,
  );
  expect(rows.length).toBe(400);
  let paying = 0;
  for (const { name, waits, ...told } of rows) {
    const one = cases[Number(name) - 1];
    if (one === undefined) throw new Error(`no case ${name}`);
    const unit = unitOf(one);
    const owed = one.earned + one.cameBack;
    const recovered = Math.min(one.debt, owed);
    const part = BigInt(Math.max(0, one.earned - recovered)) * BigInt(one.bps);
    const reserve = Number(part / 10_000n);
    const inUnits = { amount: owed - recovered - reserve, recovered, reserve };
    expect(Object.values(told), name).toEqual(Object.values(inUnits).map((amount) => amount * unit));
    if (waits !== null) continue;
    paying += 1;
    expect(told.amount, name).toBeGreaterThan(0);
    expect(inUnits.amount, name).toBeGreaterThanOrEqual(one.minimum);
  }
  expect(paying).toBeGreaterThan(100);
});

test.each([{ reserveBps: 10_000 }, { reserveBps: -1 }, { reserveBps: 0.5 }, { reserveDays: -1 }])(
  'terms that hold back %o are refused by the import',
  (terms) => {
    const none = { buyers: [], campaigns: [], terms: [], trackingNumbers: [] };
    const supplier = { id: BUYER, name: 'Supplier' };
    expect(parties.safeParse({ ...none, suppliers: [supplier] }).success).toBe(true);
    expect(parties.safeParse({ ...none, suppliers: [{ ...supplier, ...terms }] }).success).toBe(false);
  },
);

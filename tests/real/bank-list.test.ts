import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await db.sql("update settings set payout_destinations = '{ba_platform}'");
});
afterAll(() => db.close());

const PAYOUTS = 60;
const BEFORE = 400;

/** A manual payout and a reading of the balance each day, and before them a year of readings with a charge each. */
const fill = () =>
  db.sql(`
    insert into stripe_movements (id, source_id, reporting_category, amount_minor, fee_minor, net_minor, currency, available_at, created_at, seen_at)
    select 'txn_' || n, case when n > ${BEFORE} then 'po_' else 'ch_' end || n, case when n > ${BEFORE} then 'payout' else 'charge' end,
      amount, 0, amount, 'usd', at, at, at
    from generate_series(1, ${BEFORE + PAYOUTS}) n
      cross join lateral (select case when n > ${BEFORE} then -10 else 100 end as amount, timestamptz '2026-01-01' + n * interval '1 day' as at) one;
    insert into platform_payouts (id, currency, amount_minor, automatic, status, destination, reconciliation_status, arrives_at, created_at, first_seen_at, last_seen_at)
    select source_id, 'usd', 10, false, 'paid', 'ba_platform', 'not_applicable', created_at, created_at, seen_at, seen_at
    from stripe_movements where reporting_category = 'payout';
    insert into stripe_balances (currency, newest_movement_id, moved_until, balance_minor, read_at)
    select 'usd', id, created_at, sum(net_minor) over (order by created_at), created_at from stripe_movements;
    select reconcile_deposits(app.ms(timestamptz '2027-06-01'));
    analyze`);

test('all manual payouts are proved by one reading of the movements since the oldest of them', async () => {
  await fill();
  const [found] = await db.sql<{ scans: number; proved: number }>(`
    with before as materialized (select coalesce(sum(seq_scan + idx_scan), 0) as scans from pg_stat_xact_user_tables where relname = 'stripe_movements'),
      listed as materialized (select list_deposits() as l, scans from before)
    select (select sum(seq_scan + idx_scan) from pg_stat_xact_user_tables where relname = 'stripe_movements' and l is not null) - scans as scans,
      (select count(*) from jsonb_array_elements(l -> 'payouts') p where p ->> 'provedBy' = 'running_balance') as proved from listed`);
  expect(Number(found?.proved)).toBe(PAYOUTS);
  // One for each reading, and one for each payout.
  expect(Number(found?.scans)).toBeLessThan(3 * PAYOUTS);
  expect(Number(found?.scans)).toBeGreaterThan(0);
});

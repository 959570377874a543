import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPayoutsStore } from '../../src/integrations/supabase/payouts.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

const NOW_MS = Date.UTC(2026, 2, 12, 9, 30);
let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  // What is left when payouts were stopped between the plan of the 10th and its sends.
  await db.sql(`
    insert into suppliers (id, name, stripe_account_id) values ('00000000-0000-4000-8000-000000000001', 'Supplier', 'acct_1');
    with run as (
      insert into payout_runs (business_date, currency, content_hash, amount_minor, planned_at)
      values ('2026-03-10', 'usd', 'hash', 700, '2026-03-11') returning id)
    insert into payouts (run_id, supplier_id, currency, business_date, amount_minor, destination, body_hash, key_made_at, planned_at)
    select id, '00000000-0000-4000-8000-000000000001', 'usd', '2026-03-10', 700, 'acct_1', 'hash', '2026-03-11', '2026-03-11' from run`);
});
afterAll(() => db.close());

test('a payout that an earlier date planned waits as well while the money of this date is not compared', async () => {
  const due = () => db.sql(`select 1 from work where job = 'payouts.pay-supplier' and state = 'due'`);
  const { plan } = createPayoutsStore(db.database.rpc);
  await plan('2026-03-11', NOW_MS);
  expect(await due()).toHaveLength(0);

  await db.sql(`
    insert into reconciliation_runs (business_date, currency, state, as_of, stripe_available_minor, stripe_pending_minor,
      ledger_available_minor, ledger_pending_minor, difference_minor, matched, finished_at, listed_at)
    values ('2026-03-11', 'usd', 'finished', now(), 700, 0, 700, 0, 0, 1, now(), now())`);
  await plan('2026-03-11', NOW_MS);
  expect(await due()).toHaveLength(1);
});

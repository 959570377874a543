import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOperationsStore } from '../../src/integrations/supabase/operations.ts';
import { createPayoutsStore } from '../../src/integrations/supabase/payouts.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

const DAY_MS = 86_400_000;
const SUPPLIER = '00000000-0000-4000-8000-000000000001';
const BUYER = '00000000-0000-4000-8000-000000000002';
let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  await importSupplier({ stripeAccountId: 'acct_1' });
  await db.sql(`
    insert into buyers (id, name) values ('${BUYER}', 'Buyer');
    insert into campaigns (id, buyer_id, name) values ('${BUYER}', '${BUYER}', 'Campaign');
    insert into campaign_terms (id, campaign_id, valid_from, currency, price_minor, supplier_share_bps, min_duration_s, duplicate_window_s)
    values ('${BUYER}', '${BUYER}', '2020-01-01', 'usd', 100, 5000, 0, 0);
    insert into reconciliation_runs (business_date, currency, state, as_of, stripe_available_minor, stripe_pending_minor,
      ledger_available_minor, ledger_pending_minor, difference_minor, matched, finished_at, listed_at)
    select d, 'usd', 'finished', now(), 0, 0, 0, 0, 0, 0, '2030-01-01', now() from generate_series('2026-01-01'::date, '2027-12-31', '1 day') d`);
});
afterAll(() => db.close());

async function importSupplier(terms: object): Promise<void> {
  const parties = { buyers: [], campaigns: [], terms: [], trackingNumbers: [] };
  const supplier = { id: SUPPLIER, name: 'Supplier', ...terms };
  await createOperationsStore(db.database.rpc).importParties({ ...parties, suppliers: [supplier] }, 'ops', 0);
}

/** Earnings of a date that have cleared. */
async function cleared(date: string, shareMinor: number): Promise<void> {
  await db.sql(
    `with c as (insert into calls (source, external_id, tracking_number, started_at, duration_s, answered, facts_at, trace, business_date, made_at, changed_at)
       values ('test', gen_random_uuid()::text, '+1', $1::date, 60, true, $1::date, 'test', $1::date, $1::date, $1::date) returning id)
     insert into earnings (call_id, campaign_id, terms_id, buyer_id, supplier_id, currency, price_minor, share_minor, state, started_at, duration_s, business_date)
     select id, '${BUYER}', '${BUYER}', '${BUYER}', '${SUPPLIER}', 'usd', $2, $2, 'cleared', $1::date, 60, $1::date from c`,
    [date, shareMinor],
  );
}

const plan = (date: string) =>
  createPayoutsStore(db.database.rpc).plan(date, Date.parse(`${date}T09:00:00Z`) + DAY_MS);

/** Plans each date, and tells what it paid or what it waits for. */
async function planEach(from: string, count: number): Promise<Record<string, number | string>> {
  const told: Record<string, number | string> = {};
  for (let n = 0; n < count; n += 1) {
    const date = new Date(Date.parse(from) + n * DAY_MS).toISOString().slice(0, 10);
    const { amountMinor, skipped } = await plan(date);
    told[date] = amountMinor > 0 ? amountMinor : (skipped[0]?.reason ?? 'nothing');
  }
  return told;
}

/** Whether a day is one of its schedule, told from the calendar and not by arithmetic. */
function isDayOf(schedule: string, weekday: number, day: Date): boolean {
  if (schedule === 'weekly') return day.getUTCDay() === weekday % 7;
  const [first, sixteenth] = [day.getUTCDate() === 1, day.getUTCDate() === 16];
  return schedule === 'daily' || first || (schedule === 'twice_monthly' && sixteenth);
}

test('on every date of three years each schedule names the newest of its days that is net days old', async () => {
  const rows = await db.sql<{ schedule: string; weekday: number; net: number; date: string; day: string }>(`
    select s as schedule, w as weekday, n as net, d::date::text as date, app.payout_day(s, w, n, d::date)::text as day
    from unnest(array['daily', 'weekly', 'twice_monthly', 'monthly']) s, generate_series(1, 7) w, unnest(array[0, 1, 7, 30, 45]) n,
      generate_series('2027-01-01'::date, '2029-12-31', '1 day') d where s = 'weekly' or w = 1`);
  const wrong = rows.filter(({ schedule, weekday, net, date, day }) => {
    let expected = Date.parse(date) - net * DAY_MS;
    while (!isDayOf(schedule, weekday, new Date(expected))) expected -= DAY_MS;
    return Date.parse(day) !== expected;
  });
  expect(rows.length).toBe(10 * 5 * 1_096);
  expect(wrong).toEqual([]);
});

test('a weekly supplier with net days gets one payout a week, of what was earned before its day', async () => {
  await importSupplier({ payoutSchedule: 'weekly', payoutWeekday: 1, payoutNetDays: 2 });
  await cleared('2026-03-01', 500);
  await cleared('2026-03-02', 70);
  // Monday is the 2nd; its payout is due on the 4th, when the close of the 3rd runs.
  expect(await planEach('2026-03-01', 5)).toEqual({
    '2026-03-01': 'not_due',
    '2026-03-02': 'not_due',
    '2026-03-03': 500,
    '2026-03-04': 'paid_for_this_day',
    '2026-03-05': 'paid_for_this_day',
  });
  // A night that was missed, and what cleared late, make it later and no second one.
  expect(await planEach('2026-03-11', 2)).toEqual({ '2026-03-11': 70, '2026-03-12': 'nothing' });
});

test('what is below the minimum of its currency waits until it is not, and an import that does not name it keeps it', async () => {
  await importSupplier({ payoutSchedule: 'daily', payoutNetDays: 0, payoutMinimums: { usd: 1_000 } });
  await importSupplier({});
  await cleared('2026-04-01', 999);
  expect(await planEach('2026-04-01', 1)).toEqual({ '2026-04-01': 'below_minimum' });
  await cleared('2026-04-02', 1);
  expect(await planEach('2026-04-02', 1)).toEqual({ '2026-04-02': 1_000 });
});

test('a minimum in a currency that is not settled here is refused', async () => {
  await expect(importSupplier({ payoutMinimums: { xxx: 1 } })).rejects.toMatchObject({
    code: 'PARTIES_REFUSED',
  });
});

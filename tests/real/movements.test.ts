import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createStripeBalance } from '../../src/integrations/stripe/balance.ts';
import {
  createReconciliationStore,
  type ReconciliationStore,
} from '../../src/integrations/supabase/reconciliation.ts';
import { listMovements } from '../../src/jobs/reconciliation/reconcile-money.job.ts';
import type { JobServices } from '../../src/services.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

const NOON_MS = Date.UTC(2026, 10, 2, 12);
const PAGE = 100;
let db: TestDatabase;
let reconciliation: ReconciliationStore;
/** What Stripe has, the newest first; and the cursors that it was asked with. */
let stripe: number[];
let asked: (string | null)[];
let nowMs: number;

beforeAll(async () => {
  db = await createTestDatabase();
  reconciliation = createReconciliationStore(db.database.rpc);
});
afterAll(() => db.close());
beforeEach(async () => {
  await db.sql('truncate stripe_movements, stripe_listings cascade');
  asked = [];
  nowMs = NOON_MS;
  stripe = [];
  move(450);
});

/** So many more movements, a minute after one another: a listing begins only an hour before the newest. */
function move(count: number): void {
  const first = stripe.length + 1;
  stripe = [...Array.from({ length: count }, (_, nth) => first + nth).toReversed(), ...stripe];
}
const movement = (nth: number) => ({
  ...{
    id: `txn_${nth}`,
    sourceId: `ch_${nth}`,
    reportingCategory: 'charge',
    type: 'charge',
    currency: 'usd',
  },
  ...{ amountMinor: 1_000, feeMinor: 59, netMinor: 941, exchangeRate: null },
  ...{ createdMs: NOON_MS - 48 * 3_600_000 + nth * 60_000, availableOnMs: NOON_MS },
});
type Balance = JobServices['stripeBalance'];
const balance: Balance = {
  read: () => Promise.reject(new Error('nobody asks for the balance')),
  async listPage({ createdFromMs, createdBeforeMs, after }) {
    asked.push(after);
    const all = stripe
      .map(movement)
      .filter(({ createdMs }) => createdMs >= createdFromMs && createdMs < createdBeforeMs);
    const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
    const movements = all.slice(from, from + PAGE);
    const next = from + PAGE < all.length ? (movements.at(-1)?.id ?? null) : null;
    return { movements, next };
  },
};
/** The n-th page fails. */
const failingAt = (nth: number): Balance => ({
  ...balance,
  listPage: (window) =>
    asked.length + 1 === nth ? Promise.reject(new Error('page lost')) : balance.listPage(window),
});
const list = (given: Balance = balance, store = reconciliation) =>
  listMovements(
    { stripeBalance: given, reconciliation: store, clock: { nowMs: () => nowMs } },
    new AbortController().signal,
  );
const stored = async () =>
  (await db.sql<{ n: number }>('select count(distinct id)::int as n from stripe_movements'))[0]?.n;
const listings = async () =>
  (await db.sql<{ state: string }>('select state from stripe_listings order by id')).map(
    ({ state }) => state,
  );

test('a listing that fails midway goes on from its cursor, and another one brings what came meanwhile', async () => {
  await expect(list(failingAt(3))).rejects.toThrow('page lost');
  expect(await listings()).toEqual(['open']);
  move(30);
  nowMs += 60_000;
  asked = [];
  expect(await list()).toBe(nowMs);
  // Pages that were stored are not asked for again by the first listing; the second begins at the head.
  expect(asked.slice(0, 3)).toEqual(['txn_251', 'txn_151', 'txn_51']);
  expect(asked[3]).toBe(null);
  expect(await stored()).toBe(480);
  expect(await listings()).toEqual(['whole', 'whole']);
});

test('a listing that failed is never taken for a whole one: the next begins where the last whole one ended', async () => {
  stripe = stripe.slice(-50);
  await list();
  move(400);
  nowMs += 86_400_000;
  // Its first pages, which have the newest, are stored; the older pages are not.
  await expect(list(failingAt(asked.length + 3))).rejects.toThrow('page lost');
  expect(await stored()).toBe(250);
  await list();
  expect(await stored()).toBe(450);
});

test('one that stood open for a day is given up, and what it lacks is read by the next', async () => {
  await expect(list(failingAt(3))).rejects.toThrow('page lost');
  nowMs += 86_400_001;
  await list();
  expect(await listings()).toEqual(['given_up', 'whole']);
  expect(await stored()).toBe(450);
});

test('pages that repeat or grow while they are read store each movement once', async () => {
  let pages = 0;
  await list({
    ...balance,
    async listPage(window) {
      pages += 1;
      if (pages === 2) move(7);
      const page = await balance.listPage(window);
      // Each page also brings the last movements of the one before.
      const from = stripe.findIndex((nth) => `txn_${nth}` === page.movements[0]?.id);
      return {
        ...page,
        movements: [...stripe.slice(Math.max(0, from - 20), from).map(movement), ...page.movements],
      };
    },
  });
  expect(await stored()).toBe(450);
  await list();
  expect(await stored()).toBe(457);
});

test('what a night looks for among all movements is found by an index: payouts, what was taken back, reversals', async () => {
  await db.sql(`insert into stripe_movements (id, source_id, reporting_category, amount_minor, fee_minor, net_minor, currency, available_at, created_at, seen_at)
    select 'txn_' || i, 'x_' || i, case i % 10000 when 1 then 'payout' when 2 then 'refund' when 3 then 'transfer_reversal' else 'charge' end,
      -10, 0, -10, 'usd', now(), now(), now() from generate_series(1, 60000) i`);
  await db.sql(`insert into platform_payouts (id, currency, amount_minor, automatic, status, destination, reconciliation_status, arrives_at, created_at, first_seen_at, last_seen_at)
    select source_id, 'usd', 10, false, 'paid', 'ba_platform', 'not_applicable', now(), now(), now(), now() from stripe_movements where reporting_category = 'payout'`);
  await db.sql("update settings set payout_destinations = '{ba_platform}'");
  await db.sql('analyze stripe_movements');
  await db.sql(`do $$
    declare v_before bigint; v_job text;
    begin
      perform app.lock_ledger();
      foreach v_job in array array['app.book_platform_payouts(''2026-11-02'', now())', 'withdrawals_to_read()', 'reversals_to_read()'] loop
        select seq_scan into v_before from pg_stat_xact_user_tables where relname = 'stripe_movements';
        execute 'select ' || v_job;
        if v_before < (select seq_scan from pg_stat_xact_user_tables where relname = 'stripe_movements') then
          raise exception '% reads all movements', v_job;
        end if;
      end loop;
      if (select count(*) from platform_payout_moves) <> 6 then raise exception 'the payouts were not found'; end if;
      raise exception 'rolled back' using errcode = 'CCEND';
    exception when sqlstate 'CCEND' then null;
    end $$`);
});

test('two workers at once store all of it, and leave one whole listing each', async () => {
  await Promise.all([list(), list()]);
  expect(await stored()).toBe(450);
  expect(new Set(await listings())).toEqual(new Set(['whole']));
});

test('what was fetched before a page failed is stored, five thousand and the rest', async () => {
  move(5_600);
  nowMs += 6 * 86_400_000;
  await expect(list(failingAt(54))).rejects.toThrow('page lost');
  expect(await stored()).toBe(5_300);
  asked = [];
  await list();
  expect(asked[0]).toBe('txn_751');
  expect(await stored()).toBe(6_050);
});

test('no more than ten thousand movements are in memory, however many there are', async () => {
  move(10_050);
  nowMs += 6 * 86_400_000;
  let inMemory = 0;
  let most = 0;
  const store: ReconciliationStore = {
    ...reconciliation,
    async storePages(id, part, atMs) {
      const added = await reconciliation.storePages(id, part, atMs);
      inMemory -= part.pages.reduce((sum, { count }) => sum + count, 0);
      return added;
    },
  };
  await list(
    {
      ...balance,
      async listPage(window) {
        const page = await balance.listPage(window);
        inMemory += page.movements.length;
        most = Math.max(most, inMemory);
        return page;
      },
    },
    store,
  );
  expect(await stored()).toBe(10_500);
  expect(inMemory).toBe(0);
  expect(most).toBeLessThanOrEqual(10_000);
});

test('a page of Stripe that leads back to itself is refused, not read for ever', async () => {
  const page = { data: [], has_more: true };
  const client = { read: () => Promise.resolve(page) } as unknown as Parameters<
    typeof createStripeBalance
  >[0];
  const window = { createdFromMs: 0, createdBeforeMs: NOON_MS, after: 'txn_1' };
  await expect(
    createStripeBalance(client).listPage({ ...window, signal: new AbortController().signal }),
  ).rejects.toMatchObject({ code: 'ANSWER_INVALID' });
});

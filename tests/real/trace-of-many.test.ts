import { afterAll, beforeAll, expect, test } from 'vitest';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
beforeAll(async () => {
  house = await openHouse();
  const { number } = await house.road();
  await house.call({ number });
  for (const night of [0, 1, 2]) await house.close(dateAfter(night));
});
afterAll(() => house.end());

/** As many more calls of 40.00 on the one invoice and in the one payout, as if they had been rated. */
const addEarnings = (count: number) =>
  house.sql(`begin; set local session_replication_role = replica;
    insert into earnings (call_id, campaign_id, terms_id, buyer_id, supplier_id, currency, price_minor, share_minor, state, started_at,
      duration_s, business_date, invoice_id, payout_id)
    select gen_random_uuid(), campaign_id, terms_id, buyer_id, supplier_id, currency, price_minor, share_minor, state,
      started_at + n * interval '1 second', duration_s, business_date, invoice_id, payout_id
    from (select * from earnings order by started_at limit 1) e cross join generate_series(1, ${count}) n; commit`);

/** Of an invoice and of a payout: the sums of its calls, what is not in them, and how many calls are shown. */
async function tracesOf(): Promise<object[]> {
  const [ids] = await house.sql<{ invoice: string; payout: string }>(
    'select i.id as invoice, p.transfer_id as payout from invoices i, payouts p',
  );
  return Promise.all(
    [ids?.invoice ?? '', ids?.payout ?? ''].map(async (id) => {
      const { links } = await house.services.traces.trace(id);
      const sums = links.filter(({ link }) => link === 'calls');
      return {
        sums: sums.map(({ state, amountMinor, facts }) => ({ state, amountMinor, ...facts })),
        shown: links.filter(({ link }) => link === 'call').length,
      };
    }),
  );
}

test('of an invoice or a payout the first 500 calls are summed, and when there are more it is said', async () => {
  const paid = { state: 'paid', amountMinor: 500 * 4_000, calls: 500, shareMinor: 500 * 2_800 };
  await addEarnings(499);
  const whole = { sums: [paid], shown: 20 };
  expect(await tracesOf()).toEqual([whole, whole]);
  await addEarnings(1);
  const more = { sums: [{ state: 'not_counted', amountMinor: null, beyond: 500 }, paid], shown: 20 };
  expect(await tracesOf()).toEqual([more, more]);
});

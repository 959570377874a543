import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MS, dateAfter, type House, keepServer, OPENS_MS, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const HOUR_MS = 3_600_000;

describe('the day of a buyer', () => {
  const ZONES = [
    'Pacific/Pago_Pago',
    'America/Los_Angeles',
    'UTC',
    'Asia/Kolkata',
    'Asia/Tokyo',
    'Pacific/Kiritimati',
  ];

  test('ends at midnight of its own timezone: each call around it is on exactly one invoice, of the right period', async () => {
    const supplier = await house.supplier();
    const buyers = [];
    for (const timezone of ZONES) {
      const buyer = await house.buyer({ timezone });
      buyers.push({ timezone, buyer, ...(await house.campaign(buyer, supplier)) });
    }
    // Every half hour around the midnights of two days, and to the second before and at each.
    house.advanceTo(OPENS_MS + 2 * DAY_MS);
    for (const { number } of buyers) {
      for (let hour = -26; hour <= 14; hour += 4) {
        const midnight = Date.UTC(2026, 10, 4) + hour * HOUR_MS;
        await house.call({ number, startedAtMs: midnight });
        await house.call({ number, startedAtMs: midnight - 1_000 });
      }
    }
    await house.work();
    for (let day = 1; day < 5; day += 1) await house.close(dateAfter(day));
    const open = await house.sql('select id from earnings where invoice_id is null');
    expect(open).toEqual([]);
    const wrong = await house.sql(
      `select e.started_at, b.timezone, i.period_end from earnings e join invoices i on i.id = e.invoice_id
       join buyers b on b.id = i.buyer_id
       where e.started_at >= i.period_end
         or i.period_end <> date_trunc('day', i.period_end at time zone b.timezone) at time zone b.timezone
         or (e.started_at < i.period_end - interval '1 day'
           and exists (select 1 from invoices earlier where earlier.buyer_id = i.buyer_id and earlier.period_end > e.started_at
             and earlier.period_end < i.period_end))`,
    );
    expect(wrong).toEqual([]);
    const sums = await house.sql(
      `select (select sum(amount_minor) from invoices)::bigint as invoiced, (select sum(price_minor) from earnings)::bigint as owed,
         (select count(distinct buyer_id) from invoices) as buyers`,
    );
    expect(sums).toEqual([
      { invoiced: ZONES.length * 22 * 4_000, owed: ZONES.length * 22 * 4_000, buyers: ZONES.length },
    ]);
  });
});

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MS, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
const MONTH_ENDS = 3;
/** After the month: the last late calls come on the first of them, and money needs the others to come. */
const DAYS_AFTER = 7;
const FROM_MS = Date.UTC(2026, 10, 28);
const dateOf = (day: number) => new Date(FROM_MS + day * DAY_MS).toISOString().slice(0, 10);

const call = fc.record({
  day: fc.nat(MONTH_ENDS - 1),
  minute: fc.nat(22 * 60),
  durationS: fc.constantFrom(45, 100, 200),
  supplier: fc.nat(1),
  daysLate: fc.constantFrom(0, 0, 0, 1, 2),
  /** Among those that come on the same day. */
  turn: fc.nat(1_000),
});
const month = fc.record({
  calls: fc.uniqueArray(call, {
    minLength: 6,
    maxLength: 16,
    size: 'max',
    selector: ({ day, minute }) => `${day} ${minute}`,
  }),
  dailyCap: fc.constantFrom(2, 3, 5),
  monthlyCap: fc.constantFrom(4, 6, 9),
  secondTier: fc.constantFrom(2, 3),
  prepaid: fc.boolean(),
});
type Call = typeof call extends fc.Arbitrary<infer C> ? C : never;
type Month = typeof month extends fc.Arbitrary<infer M> ? M : never;

/** A campaign of a buyer of its own, which two suppliers serve. */
async function makeCampaign(house: House, { dailyCap, monthlyCap, secondTier, prepaid }: Month) {
  const supplierShareTiers = [
    { fromCall: 1, bps: 5_000 },
    { fromCall: secondTier, bps: 6_500 },
    { fromCall: secondTier + 2, bps: 8_000 },
  ];
  const price = { priceMinor: 700, incrementS: 60, minimumS: 60 };
  const road = await house.road({ ...price, supplierShareTiers, dailyCap, monthlyCap });
  const other = await house.supplier();
  const second = `+1844${String(2_000_000 + Math.floor(Math.random() * 7_000_000))}`;
  await house.put({ trackingNumbers: [{ number: second, campaignId: road.id, supplierId: other.id }] });
  if (prepaid) {
    const wallet = { usd: { lowWaterMinor: 50_000, rechargeMinor: 100_000, mostPerDay: 3 } };
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Prepaid', prepaid: wallet }] });
    await house.work();
  }
  return { id: road.id, numbers: [road.number, second] };
}

async function report(house: House, numbers: readonly string[], { day, minute, durationS, supplier }: Call) {
  const startedAtMs = FROM_MS + day * DAY_MS + minute * 60_000;
  await house.call({
    number: numbers[supplier] ?? '',
    callId: randomUUID(),
    caller: `+1212736${String(1_000 + ((day * 1_440 + minute) % 9_000))}`,
    ...{ startedAtMs, durationS },
  });
  await house.work();
}

/** What each call owes and earns in the end, in the order of the starts; nothing where it is not paid for. */
const outcomes = (house: House, id: string) =>
  house.sql(
    `select app.ms(c.started_at) as "startedAtMs", c.duration_s, e.price_minor, e.share_minor
     from calls c left join earnings e on e.call_id = c.id and e.state <> 'clawed_back' where c.campaign_id = $1 order by c.started_at`,
    [id],
  );

async function live(given: Month): Promise<void> {
  const house = await openHouse(FROM_MS + 23 * 3_600_000);
  try {
    const [inOrder, asTheyCome] = [await makeCampaign(house, given), await makeCampaign(house, given)];
    const byStart = given.calls.toSorted((a, b) => a.day - b.day || a.minute - b.minute);
    const byTurn = given.calls.toSorted((a, b) => a.turn - b.turn || a.minute - b.minute);
    for (let day = 0; day < MONTH_ENDS + DAYS_AFTER; day += 1) {
      house.advanceTo(FROM_MS + day * DAY_MS + 23 * 3_600_000);
      for (const one of byStart.filter((each) => each.day === day)) await report(house, inOrder.numbers, one);
      for (const one of byTurn.filter((each) => each.day + each.daysLate === day))
        await report(house, asTheyCome.numbers, one);
      await house.close(dateOf(day));
    }
    expect(await house.sql('select * from unordered_periods')).toEqual([]);
    expect(await house.sql("select * from adjustments where state = 'waiting'")).toEqual([]);
    expect(await outcomes(house, asTheyCome.id)).toEqual(await outcomes(house, inOrder.id));
    const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
    expect(failures).toEqual([]);
    expect(house.simulator.journal.check()).toEqual([]);
  } finally {
    await house.end();
  }
}

test('calls of a month in any order of arrival owe and earn in the end what they do in the order of their starts', async () => {
  await fc.assert(fc.asyncProperty(month, live), { numRuns: 25, endOnFailure: true });
}, 600_000);

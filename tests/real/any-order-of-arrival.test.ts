import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MS, type House, keepServer, openHouse } from '../helpers/house.ts';
import { weigh } from '../helpers/rules.ts';

keepServer();
const MONTH_ENDS = 3;
/** After the month: the last late calls come on the first of them, and money needs the others to come. */
const DAYS_AFTER = 7;
const HOUR_S = 3_600;
const FROM_MS = Date.UTC(2026, 10, 28);
const dateOf = (day: number) => new Date(FROM_MS + day * DAY_MS).toISOString().slice(0, 10);

const call = fc.record({
  day: fc.nat(MONTH_ENDS - 1),
  minute: fc.nat(22 * 60),
  durationS: fc.constantFrom(45, 100, 200),
  supplier: fc.nat(1),
  caller: fc.nat(2),
  daysLate: fc.constantFrom(0, 0, 0, 1, 2),
  /** Among those that come on the same day. */
  turn: fc.nat(1_000),
});
const calls = fc.uniqueArray(call, {
  minLength: 6,
  maxLength: 16,
  size: 'max',
  selector: ({ day, minute }) => `${day} ${minute}`,
});
const terms = { secondTier: fc.constantFrom(2, 3), prepaid: fc.boolean() };
const month = fc.record({
  ...{ calls, ...terms },
  dailyCap: fc.constantFrom<number[]>(2, 3, 5),
  monthlyCap: fc.constantFrom<number[]>(4, 6, 9),
  windowS: fc.constant<number>(0),
});
/** Of three callers, whose windows reach over midnight; caps are asked of them, or not. */
const monthOfCallers = fc.record({
  ...{ calls, ...terms },
  dailyCap: fc.constantFrom(Infinity, Infinity, 2),
  monthlyCap: fc.constantFrom(Infinity, Infinity, 4),
  windowS: fc.constantFrom(5 * HOUR_S, 13 * HOUR_S, 40 * HOUR_S),
});
type Call = typeof call extends fc.Arbitrary<infer C> ? C : never;
type Month = typeof month extends fc.Arbitrary<infer M> ? M : never;

/** A campaign of a buyer of its own, which two suppliers serve. */
async function makeCampaign(house: House, { dailyCap, monthlyCap, windowS, secondTier, prepaid }: Month) {
  const supplierShareTiers = [
    { fromCall: 1, bps: 5_000 },
    { fromCall: secondTier, bps: 6_500 },
    { fromCall: secondTier + 2, bps: 8_000 },
  ];
  const price = { priceMinor: 700, incrementS: 60, minimumS: 60 };
  const caps = {
    ...(dailyCap < Infinity ? { dailyCap } : {}),
    ...(monthlyCap < Infinity ? { monthlyCap } : {}),
  };
  const road = await house.road({ ...price, supplierShareTiers, ...caps, duplicateWindowS: windowS });
  const other = await house.supplier();
  const second = `+1844${String(2_000_000 + Math.floor(Math.random() * 7_000_000))}`;
  await house.put({ trackingNumbers: [{ number: second, campaignId: road.id, supplierId: other.id }] });
  if (prepaid) {
    const wallet = { usd: { lowWaterMinor: 50_000, rechargeMinor: 100_000, mostPerDay: 3 } };
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Prepaid', prepaid: wallet }] });
    await house.work();
  }
  const named = windowS === 0 ? null : number(road.number);
  return { id: road.id, numbers: [road.number, second], callerOf: (one: Call) => callerOf(one, named) };
}

const number = (text: string) => Number(text.slice(-7));
const startOf = ({ day, minute }: Call) => FROM_MS + day * DAY_MS + minute * 60_000;
/** Of a campaign in which callers call again three of its own, else another one for each call. */
const callerOf = ({ caller, day, minute }: Call, campaign: number | null) =>
  `+1212736${String(1_000 + ((campaign === null ? day * 1_440 + minute : 3 * campaign + caller) % 9_000))}`;

type Campaign = Awaited<ReturnType<typeof makeCampaign>>;
async function report(house: House, { numbers, callerOf }: Campaign, one: Call) {
  const facts = { startedAtMs: startOf(one), durationS: one.durationS, caller: callerOf(one) };
  await house.call({ number: numbers[one.supplier] ?? '', callId: randomUUID(), ...facts });
  await house.work();
}

/** The starts of the calls that are paid for when each is judged by those before it. */
function paidInOrder({ calls, dailyCap, monthlyCap, windowS }: Month): number[] {
  const paid: Call[] = [];
  for (const one of calls.toSorted((a, b) => startOf(a) - startOf(b))) {
    const again = paid.some(
      (other) =>
        windowS > 0 && other.caller === one.caller && startOf(other) >= startOf(one) - windowS * 1_000,
    );
    const ofDay = paid.filter(({ day }) => day === one.day).length;
    if (!again && ofDay < dailyCap && paid.length < monthlyCap) paid.push(one);
  }
  return paid.map(startOf);
}

/** What each call owes and earns in the end, in the order of the starts; nothing where it is not paid for. */
const outcomes = (house: House, id: string) =>
  house.sql<{ startedAtMs: number; price: number | null }>(
    `select app.ms(c.started_at) as "startedAtMs", c.duration_s, e.price_minor as price, e.share_minor
     from calls c left join earnings e on e.call_id = c.id and e.state <> 'clawed_back' where c.campaign_id = $1 order by c.started_at`,
    [id],
  );

/** Paid calls with a paid one of the same caller within the window before them. */
const paidTwice = (house: House) =>
  house.sql(
    `select b.id from earnings ea join calls a on a.id = ea.call_id join calls b on b.caller_number = a.caller_number
       join earnings eb on eb.call_id = b.id and eb.campaign_id = ea.campaign_id join campaign_terms t on t.id = eb.terms_id
     where ea.state <> 'clawed_back' and eb.state <> 'clawed_back' and a.started_at < b.started_at
       and b.started_at <= a.started_at + make_interval(secs => t.duplicate_window_s)`,
  );

async function live(given: Month): Promise<void> {
  const house = await openHouse(FROM_MS + 23 * 3_600_000);
  try {
    // Who calls five times in a day would be held for a person, who knows nothing of an order.
    await weigh(house.sql, 'caller-velocity', 0);
    const [inOrder, asTheyCome] = [await makeCampaign(house, given), await makeCampaign(house, given)];
    const byStart = given.calls.toSorted((a, b) => a.day - b.day || a.minute - b.minute);
    const byTurn = given.calls.toSorted((a, b) => a.turn - b.turn || a.minute - b.minute);
    for (let day = 0; day < MONTH_ENDS + DAYS_AFTER; day += 1) {
      house.advanceTo(FROM_MS + day * DAY_MS + 23 * 3_600_000);
      for (const one of byStart.filter((each) => each.day === day)) await report(house, inOrder, one);
      for (const one of byTurn.filter((each) => each.day + each.daysLate === day))
        await report(house, asTheyCome, one);
      await house.close(dateOf(day));
      expect(await paidTwice(house)).toEqual([]);
    }
    expect(await house.sql('select * from unordered_periods')).toEqual([]);
    expect(await house.sql("select * from adjustments where state = 'waiting'")).toEqual([]);
    const right = await outcomes(house, inOrder.id);
    expect(right.filter(({ price }) => price !== null).map(({ startedAtMs }) => startedAtMs)).toEqual(
      paidInOrder(given),
    );
    expect(await outcomes(house, asTheyCome.id)).toEqual(right);
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

test('calls of callers who call again are paid for as in the order of their starts, whatever day their window ends on', async () => {
  await fc.assert(fc.asyncProperty(monthOfCallers, live), { numRuns: 12, endOnFailure: true });
}, 600_000);

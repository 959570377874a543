import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReviewFilter } from '../../src/integrations/supabase/review.ts';
import { balancesOf } from '../helpers/books.ts';
import { dateAfter, FIRST_DATE, type House, keepServer, OPENS_MS, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
    expect(failures).toEqual([]);
    expect(house.simulator.journal.check()).toEqual([]);
  } finally {
    await house.end();
  }
});

const HOUR_MS = 3_600_000;
const ALL: ReviewFilter = { campaignId: null, supplierId: null, signal: null };
const ids = async () =>
  (await house.sql<{ id: string }>('select id from calls order by started_at')).map(({ id }) => id);
const statuses = async () =>
  (await house.sql<{ status: string }>('select status from calls order by started_at')).map(
    ({ status }) => status,
  );
const queue = (filter: Partial<ReviewFilter> = {}, limit = 50) =>
  house.services.review.queue({ ...ALL, ...filter }, limit);
/** Decides, lets the work run; what was answered, in the order of the ids. */
async function decide(callIds: readonly string[], as: 'qualify' | 'reject') {
  const { review, clock } = house.services;
  const results = await review.decide(callIds, as, 'ops', 'listened to it', clock.nowMs());
  await house.work();
  return callIds.map((id) => results[id]);
}
const hoursBeforeNoon = (hours: number) => OPENS_MS - hours * HOUR_MS;
const hoursAgo = (hours: number) => house.clock.nowMs() - hours * HOUR_MS;
const totals = () => house.simulator.journal.all('invoice').map(({ total }) => total);

describe('a held call', () => {
  test.each([
    ['qualify', 'qualified', 1],
    ['reject', 'rejected', 0],
  ] as const)('waits until a person says %s, once and with an audit line', async (as, status, earnings) => {
    const { number } = await house.road();
    await house.call({ number, caller: null });
    await house.work();
    expect(await statuses()).toEqual(['held']);
    expect(await decide(await ids(), as)).toEqual(['scored_again']);
    expect(await decide(await ids(), as)).toEqual(['unchanged']);
    expect(await statuses()).toEqual([status]);
    expect(await house.sql('select call_id from earnings')).toHaveLength(earnings);
    expect(
      await house.sql(
        "select actor, detail ->> 'reason' as why from audit_log where action = 'call.' || $1",
        [as],
      ),
    ).toEqual([{ actor: 'ops', why: 'listened to it' }]);
  });

  test('stands in the queue with what speaks against it, the oldest first, as far as filters and limit let it', async () => {
    const [road, other] = [await house.road(), await house.road()];
    for (const [hours, number] of [
      [1, road.number],
      [3, road.number],
      [2, other.number],
    ] as const)
      await house.call({ number, caller: null, startedAtMs: hoursBeforeNoon(hours) });
    await house.call({ number: road.number });
    await house.work();
    const all = await queue();
    expect(all.map(({ startedAtMs }) => startedAtMs)).toEqual([3, 2, 1].map(hoursBeforeNoon));
    expect(all[0]).toMatchObject({
      ...{ campaignId: road.id, supplierId: road.supplier.id, score: 45, holdDefault: 'reject' },
      reasons: [{ signal: 'anonymous-caller', points: 45, text: 'the caller withheld the number' }],
      terms: { priceMinor: 4_000, currency: 'usd' },
    });
    const waitsMs = (all[0]?.holdUntilMs ?? 0) - house.clock.nowMs();
    expect(waitsMs).toBeLessThanOrEqual(72 * HOUR_MS);
    expect(waitsMs).toBeGreaterThan(71 * HOUR_MS);
    const found = async (filter: Partial<ReviewFilter>, limit = 50) => (await queue(filter, limit)).length;
    expect(await found({ campaignId: other.id })).toBe(1);
    expect(await found({ supplierId: road.supplier.id })).toBe(2);
    expect(await found({ signal: 'anonymous-caller' })).toBe(3);
    expect(await found({ signal: 'own-number' })).toBe(0);
    expect(await found({}, 2)).toBe(2);
    const { review } = await house.services.operations.health(OPENS_MS);
    expect(review).toEqual({ calls: 3, ageMs: 3 * HOUR_MS });
  });

  test('that waits for something else than a person is not in the queue', async () => {
    const road = await house.road({ revenueBps: 5_000 });
    await house.call({ number: road.number });
    await house.call({ number: '+18005550000' });
    const paused = await house.road();
    await house.sql("update buyers set status = 'paused' where id = $1", [paused.buyer.id]);
    await house.call({ number: paused.number });
    await house.work();
    expect(await statuses()).toEqual(['held', 'held', 'held']);
    expect(await queue()).toEqual([]);
    expect((await house.services.operations.health(house.clock.nowMs())).review).toEqual({
      calls: 0,
      ageMs: 0,
    });
    await house.sql("update buyers set status = 'active'");
  });

  test('is decided with many at once, each by itself', async () => {
    const { number } = await house.road();
    for (const [hours, facts] of [
      [4, { caller: null }],
      [3, {}],
      [2, { answered: false }],
    ] as const)
      await house.call({ number, ...facts, startedAtMs: hoursAgo(hours) });
    await house.call({ number: '+18005550000', startedAtMs: hoursAgo(1) });
    await house.work();
    await house.call({ number, startedAtMs: hoursAgo(0.5) });
    const nobody = '00000000-0000-4000-8000-000000000000';
    expect(await decide([...(await ids()), nobody], 'qualify')).toEqual([
      ...['scored_again', 'unchanged', 'scored_again', 'no_campaign', 'being_rated', 'unknown'],
    ]);
    // What its terms ask goes before a person's word.
    expect(await statuses()).toEqual(['qualified', 'qualified', 'rejected', 'held', 'qualified']);
    await expect(
      decide(
        Array.from({ length: 501 }, () => nobody),
        'qualify',
      ),
    ).rejects.toMatchObject({
      code: 'REVIEW_TOO_MANY',
    });
  });
});

test('a call that a person let go is paid for by its newer facts, and waits for nobody again', async () => {
  const { number } = await house.road({ priceMinor: 100, incrementS: 60, minimumS: 60 });
  const startedAtMs = hoursAgo(1);
  const callId = await house.call({ number, caller: null, startedAtMs });
  await house.work();
  expect(await decide(await ids(), 'qualify')).toEqual(['scored_again']);
  await house.work();
  house.advance(60_000);
  await house.call({ number, callId, caller: null, startedAtMs, durationS: 300 });
  await house.work();
  expect(await statuses()).toEqual(['qualified']);
  expect(await house.sql("select price_minor from earnings where state <> 'clawed_back'")).toEqual([
    { price_minor: 500 },
  ]);
});

describe('a call that was rejected', () => {
  test('that a cap refused stays rejected by a person’s word, also when the cap has a place for it', async () => {
    const { number } = await house.road({ dailyCap: 1 });
    await house.call({ number, startedAtMs: hoursBeforeNoon(3) });
    await house.call({ number, startedAtMs: hoursBeforeNoon(2) });
    await house.work();
    expect(await statuses()).toEqual(['qualified', 'rejected']);
    const [first = '', second = ''] = await ids();
    expect(await decide([second], 'reject')).toEqual(['unchanged']);
    expect(await decide([first], 'reject')).toEqual(['adjusting']);
    await house.close(FIRST_DATE);
    expect(await statuses()).toEqual(['rejected', 'rejected']);
    expect(totals()).toEqual([]);
  });

  test('is paid for when a person says so, on the next invoice where its day was billed', async () => {
    const { number, id } = await house.road();
    await house.call({ number, caller: '+12121551234', startedAtMs: hoursAgo(2) });
    await house.call({ number, startedAtMs: hoursAgo(1) });
    await house.close(dateAfter(0));
    expect(await statuses()).toEqual(['rejected', 'qualified']);
    const [rejected = ''] = await ids();
    expect(await decide([rejected], 'qualify')).toEqual(['scored_again']);
    expect(await statuses()).toEqual(['qualified', 'qualified']);
    await house.close(dateAfter(1));
    expect(totals()).toEqual([4_000, 4_000]);
    expect(
      await house.sql('select decided from calls where campaign_id = $1 order by started_at', [id]),
    ).toEqual([{ decided: 'qualify' }, { decided: null }]);
  });

  test('stays so where its buyer disputed it and was right', async () => {
    const { number } = await house.road();
    await house.call({ number });
    await house.work();
    const callIds = await ids();
    const { adjustments, clock } = house.services;
    await adjustments.dispute(callIds, 'the buyer', 'a wrong number', clock.nowMs());
    await adjustments.decide(callIds, true, 'ops', 'it was', clock.nowMs());
    await house.work();
    expect(await statuses()).toEqual(['rejected']);
    expect(await decide(callIds, 'qualify')).toEqual(['disputed']);
    expect(await statuses()).toEqual(['rejected']);
  });
});

describe('a call that is owed and earned, and that a person rejects', () => {
  const states = async () =>
    (await house.sql<{ state: string }>('select state from earnings order by started_at')).map(
      ({ state }) => state,
    );

  /** Two calls of one buyer, 40.00 each, 28.00 of them the supplier's. */
  async function twoCalls(nights: number, paymentTermsDays: number | null = null) {
    const road = await house.road();
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', paymentTermsDays }] });
    for (const hours of [2, 1]) await house.call({ number: road.number, startedAtMs: hoursAgo(hours) });
    await house.work();
    for (let night = 0; night < nights; night += 1) await house.close(dateAfter(night));
    const [first = '', second = ''] = await ids();
    return { first, second };
  }

  test('is on no invoice', async () => {
    const { first } = await twoCalls(0);
    expect(await decide([first, first], 'reject')).toEqual(['adjusting', 'adjusting']);
    await house.close(dateAfter(0));
    expect(totals()).toEqual([4_000]);
    expect(await statuses()).toEqual(['rejected', 'qualified']);
    expect(await house.sql('select cause, state from adjustments')).toEqual([
      { cause: 'operator', state: 'posted' },
    ]);
  });

  test('is taken off an invoice that is open by a credit note', async () => {
    const { first } = await twoCalls(1, 14);
    expect(await decide([first], 'reject')).toEqual(['adjusting']);
    expect(house.simulator.journal.all('credit_note').map(({ amount }) => amount)).toEqual([4_000]);
    expect(await states()).toEqual(['clawed_back', 'billed']);
  });

  test('is credit of the buyer and debt of the supplier when both were settled', async () => {
    const { first } = await twoCalls(3);
    expect(await states()).toEqual(['paid', 'paid']);
    expect(await decide([first], 'reject')).toEqual(['adjusting']);
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_debt: 2_800, buyer_unbilled: -4_000 });
  });

  test('above the limit waits for another person', async () => {
    const { first } = await twoCalls(0);
    await house.sql('update settings set approval_limit_minor = 3999');
    expect(await decide([first], 'reject')).toEqual(['waiting_approval']);
    expect(await states()).toEqual(['accrued', 'accrued']);
  });
});

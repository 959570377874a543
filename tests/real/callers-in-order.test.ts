import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { creditNotesOver } from '../helpers/credit-notes.ts';
import { DAY_MS, dateAfter, type House, keepServer, OPENS_MS, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { DAILY, lateCallsIn, ORDER } from '../helpers/late-calls.ts';
import { weigh } from '../helpers/rules.ts';

keepServer();
const HOUR_MS = 3_600_000;
const CALLER = '+12127361234';
const AGAIN = 'duplicate-caller';
/** Twenty hours: of calls at 0, 12 and 24 hours the first and the last are not in one window. */
const WINDOW_S = 72_000;
type Road = Awaited<ReturnType<House['road']>>;
let house: House;
let road: Road;
const { outcomes, adjustments, unordered, totals, closeDays, end } = lateCallsIn(() => house);
beforeEach(async () => {
  house = await openHouse(OPENS_MS + 6 * HOUR_MS);
  road = await house.road({ duplicateWindowS: WINDOW_S });
});
afterEach(async () => {
  expect(await end()).toEqual([]);
});

/** Calls of one caller, so many hours after the first midnight, each rated before the next comes. */
async function callAfter(hours: readonly number[], facts: Partial<Parameters<House['call']>[0]> = {}) {
  for (const hour of hours) {
    const startedAtMs = Date.parse(dateAfter(0)) + hour * HOUR_MS;
    await house.call({ number: road.number, caller: CALLER, startedAtMs, ...facts });
    await house.work();
  }
}
/** Hours after the first midnight of the calls that are paid for. */
async function paid(): Promise<number[]> {
  const rows = await house.sql<{ ms: number }>(
    `select app.ms(started_at) as ms from earnings where state <> 'clawed_back' order by started_at`,
  );
  return rows.map(({ ms }) => (ms - Date.parse(dateAfter(0))) / HOUR_MS);
}

describe('of three calls of which each has the next within its window, the first and the last are paid for', () => {
  const ORDERS = [
    [0, 12, 24],
    [0, 24, 12],
    [12, 0, 24],
    [12, 24, 0],
    [24, 0, 12],
    [24, 12, 0],
  ];

  test.each(ORDERS)('within one day, as they come: %i, %i, %i', async (...hours) => {
    road = await house.road({ duplicateWindowS: WINDOW_S / 4 });
    await callAfter(hours.map((hour) => 1 + hour / 4));
    await closeDays(0, 0);
    expect(await paid()).toEqual([1, 7]);
    expect(totals()).toEqual([8_000]);
    expect(await unordered()).toEqual([]);
  });

  test.each(ORDERS)('of two days, as they come: %i, %i, %i', async (...hours) => {
    house.advanceTo(OPENS_MS + 2 * DAY_MS);
    await callAfter(hours.map((hour) => 18 + hour));
    await closeDays(0, 1);
    expect(await paid()).toEqual([18, 42]);
    expect(await unordered()).toEqual([]);
  });
});

test('what comes in order is never looked at, however often a caller calls again', async () => {
  await callAfter([1, 2, 3, 4]);
  const ran = await house.close(dateAfter(0));
  expect(ran.filter(({ job }) => job === ORDER)).toEqual([]);
  expect(await paid()).toEqual([1]);
  expect(await house.sql('select * from adjustments')).toEqual([]);
});

test('one that came after the other was billed waits until that is taken back; nobody is paid twice meanwhile', async () => {
  await callAfter([11]);
  await closeDays(0, 0);
  await callAfter([9]);
  expect(await outcomes()).toEqual([`9 ${AGAIN}`, '11 2800']);
  await closeDays(1, 1);
  expect(await adjustments()).toEqual(['11 order invoice_not_paid']);
  expect(await paid()).toEqual([11]);
  await closeDays(2, 3);
  expect(await outcomes()).toEqual(['9 2800', `11 ${AGAIN}`]);
  expect(await house.sql('select amount_minor from credits')).toEqual([{ amount_minor: 4_000 }]);
});

test('what waits to be taken back stays when the earlier call turns out to be none', async () => {
  await callAfter([11]);
  await closeDays(0, 0);
  await callAfter([9], { callId: 'earlier' });
  await closeDays(1, 1);
  expect(await adjustments()).toEqual(['11 order invoice_not_paid']);
  await callAfter([9], { callId: 'earlier', durationS: 5, statedAtMs: house.clock.nowMs() + 1_000 });
  const [waiting] = await house.sql<{ id: string }>('select call_id as id from adjustments');
  // Its money comes later than the order of this close.
  await house.sql(`update work set state = 'done' where job = 'fraud.adjust-call' and key = $1`, [
    waiting?.id,
  ]);
  await closeDays(2, 2);
  expect(await adjustments()).toEqual(['11 order dropped']);
  await closeDays(3, 4);
  expect(await outcomes()).toEqual(['9 below-minimum-duration', '11 2800']);
  expect(await unordered()).toEqual([]);
});

test('on an open invoice the later call is given back by a credit note, and the earlier one is on the next invoice', async () => {
  await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', paymentTermsDays: 30 }] });
  await callAfter([10], { caller: '+12127361235' });
  await callAfter([11]);
  await closeDays(0, 0);
  await callAfter([9]);
  await closeDays(1, 3);
  expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${AGAIN}`]);
  const notes = house.simulator.journal.all('credit_note').map(({ amount }) => amount);
  expect({ totals: totals(), notes }).toEqual({ totals: [8_000, 4_000], notes: [4_000] });
});

test('a call of the next day that waits to be taken back is left to wait by the close of its own day', async () => {
  house.advanceTo(OPENS_MS + DAY_MS + 6 * HOUR_MS);
  await closeDays(0, 0);
  house.advanceTo(OPENS_MS + DAY_MS + 22 * HOUR_MS);
  await callAfter([30]);
  await closeDays(1, 1);
  await callAfter([20]);
  await closeDays(2, 2);
  expect(await adjustments()).toEqual(['6 order invoice_not_paid']);
  expect(await unordered()).toEqual(['day', 'day']);
  await closeDays(3, 4);
  expect(await adjustments()).toEqual(['6 order posted']);
  expect(await paid()).toEqual([20]);
  expect(await unordered()).toEqual([]);
});

test('a call that a person took back gives way to the next of its caller, also of another day', async () => {
  house.advanceTo(OPENS_MS + DAY_MS);
  await callAfter([20, 25]);
  const [first] = await house.sql<{ id: string }>(`select id from calls where status = 'qualified'`);
  await house.services.adjustments.ask(first?.id ?? '', 'ops', 'fraud', house.clock.nowMs());
  await house.work();
  expect(await paid()).toEqual([]);
  await closeDays(0, 1);
  expect(await paid()).toEqual([25]);
});

test('a call whose dispute was denied stays, and those before it in its window are refused for good', async () => {
  await callAfter([11]);
  const [first] = await house.sql<{ id: string }>('select id from calls');
  const { adjustments: store } = house.services;
  await store.dispute([first?.id ?? ''], 'buyer', 'wrong number', house.clock.nowMs());
  await store.decide([first?.id ?? ''], false, 'ops', 'heard', house.clock.nowMs());
  await callAfter([9]);
  await closeDays(0, 0);
  expect(await outcomes()).toEqual([`9 ${AGAIN}`, '11 2800']);
  expect(await unordered()).toEqual([]);
});

test('money that was written off stays, until it is paid after all', async () => {
  const { post, firstInvoice } = creditNotesOver(() => house);
  road = await house.road({ duplicateWindowS: WINDOW_S, card: 'pm_card_chargeCustomerFail' });
  const other = { caller: '+12127361235' };
  await callAfter([11]);
  await callAfter([12], other);
  await closeDays(0, 0);
  await post(`/v1/invoices/${firstInvoice().id}/mark_uncollectible`);
  await callAfter([9]);
  // Of the evening before.
  await callAfter([-6], other);
  await closeDays(1, 2);
  expect(await paid()).toEqual([11, 12]);
  expect(await unordered()).toEqual([]);
  await house.mendCard(road.buyer.customer ?? '');
  await post(`/v1/invoices/${firstInvoice().id}/pay`);
  const [ours] = await house.sql<{ id: string }>('select id from invoices');
  await house.services.billing.poke(ours?.id ?? '', 'hint', house.clock.nowMs());
  await house.work();
  await closeDays(3, 6);
  expect(await paid()).toEqual([-6, 9]);
});

test('a call that is the first of its caller and beyond its cap takes no place from the one after it', async () => {
  road = await house.road({ duplicateWindowS: WINDOW_S, dailyCap: 1 });
  house.advanceTo(OPENS_MS + DAY_MS);
  await callAfter([25]);
  await callAfter([20]);
  await callAfter([19], { caller: '+12127361235' });
  await closeDays(0, 1);
  expect(await outcomes()).toEqual(['19 2800', expect.stringMatching(`20 (${AGAIN}|${DAILY})`), '1 2800']);
});

test('a call that would be held is rejected behind a paid one, and held when that is taken back', async () => {
  // By rules that ask a person about whoever calls so often, also when nothing came of the calls.
  await weigh(house.sql, 'caller-velocity', 100);
  await callAfter([9]);
  const [first] = await house.sql<{ id: string }>('select id from calls');
  // So many calls within the hour that a person is asked about the next one, none of which is paid for.
  await callAfter([10, 10.1, 10.2, 10.3, 10.4], { durationS: 5 });
  await callAfter([10.5]);
  const last = () =>
    house.sql(
      `select c.status, s.verdict, s.reasons -> -1 ->> 'signal' as last
       from calls c join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version order by started_at desc limit 1`,
    );
  expect(await last()).toEqual([{ status: 'rejected', verdict: 'hold', last: AGAIN }]);
  await house.services.adjustments.ask(first?.id ?? '', 'ops', 'fraud', house.clock.nowMs());
  await house.work();
  await closeDays(0, 0);
  expect(await paid()).toEqual([]);
  expect(await last()).toMatchObject([{ status: 'held', verdict: 'hold' }]);
});

test('a report that a call was of a caller who was paid for takes it back, whichever started first', async () => {
  const startedAtMs = Date.parse(dateAfter(0)) + 11 * HOUR_MS;
  const facts = { number: road.number, callId: 'reported', startedAtMs };
  await house.call({ ...facts, caller: '+12127361235' });
  await callAfter([12]);
  expect(await paid()).toEqual([11, 12]);
  await house.call({ ...facts, caller: CALLER, statedAtMs: house.clock.nowMs() + 1_000 });
  await house.work();
  expect(await paid()).toEqual([12]);
  await closeDays(0, 0);
  expect(await paid()).toEqual([11]);
});

test('windows are those of the terms of the later call', async () => {
  const price = { priceMinor: 4_000, supplierShareBps: 7_000, currency: 'usd', minDurationS: 30 };
  const validFromMs = Date.parse(dateAfter(0)) + 12 * HOUR_MS;
  const next = { id: randomUUID(), campaignId: road.id, validFromMs, duplicateWindowS: 3_600 };
  await house.put({ terms: [{ ...next, ...price }] });
  await callAfter([14, 11]);
  expect(await paid()).toEqual([11, 14]);
});

test('dying at each of its steps it pays no caller twice, and once in the end', async () => {
  house.advanceTo(OPENS_MS + 2 * DAY_MS);
  await callAfter([30, 42, 18, 12]);
  await house.begin(dateAfter(0));
  await house.work({}, [ORDER]);
  const item = await house.row(ORDER, `${road.id}/day/${dateAfter(0)}`);
  expect(await dieAtEachStep(house, item)).toEqual([
    'adjustments.readOrder',
    'fraud.ruleSets',
    ...['adjustments.putInOrder', 'calls.scoringContext', 'work.finish'],
  ]);
  expect(await paid()).toEqual([12]);
  const journals = await house.sql('select key from journals order by key');
  expect(await house.run(item)).toMatchObject({ end: 'finish', code: 'in_order' });
  expect(await house.sql('select key from journals order by key')).toEqual(journals);
  await closeDays(0, 1);
  expect(await paid()).toEqual([12, 42]);
});

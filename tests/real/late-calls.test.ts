import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { scoreCalls } from '../../src/jobs/fraud/score-call.job.ts';
import { balancesOf } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { DAILY, dayOf, lateCallsIn, ORDER } from '../helpers/late-calls.ts';
import { runContext } from '../helpers/seeding.ts';

keepServer();
const HOUR_MS = 3_600_000;
let house: House;
const { callAt, outcomes, adjustments, unordered, totals, closeDays, end } = lateCallsIn(() => house);
const close = (date: string) => house.close(date);
afterEach(async () => {
  expect(await end()).toEqual([]);
});

describe('at the end of a month', () => {
  beforeEach(async () => {
    house = await openHouse(Date.UTC(2026, 10, 29, 18));
  });

  test('a call that came late below the boundary of a tier moves the later ones up, and no call before the month is over', async () => {
    const tiers = [
      { fromCall: 1, bps: 5_000 },
      { fromCall: 3, bps: 7_000 },
    ];
    const road = await house.road({ supplierShareTiers: tiers });
    await callAt(road, [10, 11, 12, 9]);
    const rated = ['9 2800', '10 2000', '11 2000', '12 2800'];
    await close('2026-11-29');
    expect(await outcomes()).toEqual(rated);
    await close('2026-11-30');
    // Of what was billed the share alone changes: the buyer is asked for nothing, and has no credit.
    expect(await adjustments()).toEqual(['9 order posted', '11 order posted']);
    expect(await outcomes()).toEqual(['9 2000', '10 2000', '11 2800', '12 2800']);
    for (const date of ['2026-12-01', '2026-12-02', '2026-12-03']) await close(date);
    expect(totals()).toEqual([16_000]);
    expect(await house.sql('select * from credits')).toEqual([]);
    expect(house.simulator.journal.all('transfer').map(({ amount }) => amount)).toEqual([9_600]);
    expect(await unordered()).toEqual([]);
  });

  test('another share of a call that was paid out is a debt and owed anew at once, and its buyer sees nothing of it', async () => {
    const tiers = [
      { fromCall: 1, bps: 5_000 },
      { fromCall: 2, bps: 7_000 },
    ];
    const road = await house.road({ supplierShareTiers: tiers });
    await callAt(road, [10, 11]);
    for (const date of ['2026-11-29', '2026-11-30', '2026-12-01', '2026-12-02']) await close(date);
    const paid = () => house.simulator.journal.all('transfer').map(({ amount }) => amount);
    expect(paid()).toEqual([4_800]);
    await callAt(road, [9], Date.UTC(2026, 10, 29));
    await close('2026-12-03');
    expect(await outcomes()).toEqual(['9 2000', '10 2800', '11 2800']);
    expect(await house.sql('select * from credits')).toEqual([]);
    // What it got for the first of the two is kept of the new share, in the same night.
    expect(paid()).toEqual([4_800, 800]);
    expect(await balancesOf(house.sql)).not.toHaveProperty('supplier_debt');
    for (const date of ['2026-12-04', '2026-12-05', '2026-12-06']) await close(date);
    expect(paid()).toEqual([4_800, 800, 2_000]);
    expect(totals()).toEqual([8_000, 4_000]);
  });

  test('a call that came late is within the monthly cap, and the newest is beyond it', async () => {
    const road = await house.road({ monthlyCap: 2 });
    await callAt(road, [10, 11, 9]);
    await house.call({ number: road.number, startedAtMs: house.clock.nowMs() });
    await house.work();
    expect(await outcomes()).toEqual(['9 over-monthly-cap', '10 2800', '11 2800', '18 over-monthly-cap']);
    house.advanceTo(Date.UTC(2026, 10, 30, 9));
    await house.tick();
    await house.work();
    await close('2026-11-30');
    for (const date of ['2026-12-01', '2026-12-02', '2026-12-03']) await close(date);
    expect(await outcomes()).toEqual(['9 2800', '10 2800', '11 over-monthly-cap', '18 over-monthly-cap']);
  });

  test('what came late to a day whose calls no invoice holds changes it on the spot', async () => {
    await close('2026-11-28');
    house.advanceTo(Date.UTC(2026, 10, 30, 18));
    const tiers = [
      { fromCall: 1, bps: 5_000 },
      { fromCall: 2, bps: 7_000 },
    ];
    const road = await house.road({ supplierShareTiers: tiers, monthlyCap: 2 });
    await callAt(road, [10, 11, 9]);
    await close('2026-11-30');
    expect(await outcomes()).toEqual(['9 2000', '10 2800', '11 over-monthly-cap']);
    expect(totals()).toEqual([8_000]);
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_pending: -4_800 });
  });
});

describe('at the end of a day', () => {
  beforeEach(async () => {
    house = await openHouse(Date.UTC(2026, 10, 2, 18));
  });

  test('without a late call nothing is looked at and nothing posted, however full the caps', async () => {
    const road = await house.road({ dailyCap: 2, monthlyCap: 3 });
    await callAt(road, [9, 10, 11, 12]);
    expect(await unordered()).toEqual([]);
    const ran = await close(dateAfter(0));
    expect(ran.filter(({ job }) => job === ORDER)).toEqual([]);
    expect(await house.sql('select * from adjustments')).toEqual([]);
  });

  test('two calls that came late take the places of the two newest, before the buyer is billed', async () => {
    const road = await house.road({ dailyCap: 3 });
    await callAt(road, [10, 11, 12, 13, 9, 8]);
    expect(await outcomes()).toEqual([
      `8 ${DAILY}`,
      `9 ${DAILY}`,
      '10 2800',
      '11 2800',
      '12 2800',
      `13 ${DAILY}`,
    ]);
    await close(dateAfter(0));
    expect(await outcomes()).toEqual([
      '8 2800',
      '9 2800',
      '10 2800',
      `11 ${DAILY}`,
      `12 ${DAILY}`,
      `13 ${DAILY}`,
    ]);
    expect(totals()).toEqual([12_000]);
  });

  test('of calls that start at the same time the one of the smaller id comes first', async () => {
    const { number } = await house.road({ dailyCap: 1 });
    for (let nth = 0; nth < 2; nth += 1)
      await house.call({ number, startedAtMs: dayOf(house.clock.nowMs()) });
    const calls = await house.sql<{ id: string }>('select id from calls order by id desc');
    for (const { id } of calls)
      await scoreCalls.runBatch?.([{ callId: id }], { ...house.services, ...runContext() });
    expect(await outcomes()).toEqual([`0 ${DAILY}`, '0 2800']);
    await close(dateAfter(0));
    expect(await outcomes()).toEqual(['0 2800', `0 ${DAILY}`]);
  });

  test('one that came after it was billed waits until the newest is taken back, which is credit for the buyer', async () => {
    const road = await house.road({ dailyCap: 2 });
    await callAt(road, [10, 11]);
    await close(dateAfter(0));
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(1, 1);
    expect(await adjustments()).toEqual(['11 order invoice_not_paid']);
    expect(await outcomes()).toEqual([`9 ${DAILY}`, '10 2800', '11 2800']);
    await closeDays(2, 3);
    expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${DAILY}`]);
    // The credit pays for the late call, and nothing is left of it for the next one.
    const taken = 'select c.amount_minor, i.state from credits c join invoices i on i.id = c.invoice_id';
    expect(await house.sql(taken)).toEqual([{ amount_minor: 4_000, state: 'paid' }]);
    await callAt(road, [10], Date.parse(dateAfter(4)));
    await closeDays(4, 4);
    expect(totals()).toEqual([8_000, 4_000]);
    const items = house.simulator.journal.all('invoiceitem').map(({ amount }) => amount);
    expect(items).toEqual([8_000, 4_000]);
    expect(await unordered()).toEqual([]);
  });

  test('one that came after the payout makes what the supplier got for the newest its debt', async () => {
    const road = await house.road({ dailyCap: 2 });
    await callAt(road, [10, 11]);
    await closeDays(0, 3);
    expect(house.simulator.journal.all('transfer').map(({ amount }) => amount)).toEqual([5_600]);
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(4, 4);
    expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${DAILY}`]);
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_debt: 2_800, supplier_payable: -2_800 });
    await callAt(road, [9, 10], Date.parse(dateAfter(5)));
    await closeDays(5, 8);
    expect(house.simulator.journal.all('transfer').map(({ amount }) => amount)).toEqual([5_600, 5_600]);
  });

  test('is an end by the clocks of the campaign, and in the order of its own days', async () => {
    const { number } = await house.road({ dailyCap: 1, timezone: 'Asia/Tokyo' });
    // Its 3 November begins at 15:00 UTC, and ends a business date later.
    for (const hour of [15.5, 17, 14, 15]) {
      await house.call({ number, startedAtMs: dayOf(house.clock.nowMs()) + hour * HOUR_MS });
      await house.work();
    }
    const rated = ['14 2800', `15 ${DAILY}`, '15 2800', `17 ${DAILY}`];
    expect(await outcomes()).toEqual(rated);
    await close(dateAfter(0));
    expect(await outcomes()).toEqual(rated);
    await closeDays(1, 3);
    expect(await outcomes()).toEqual(['14 2800', '15 2800', `15 ${DAILY}`, `17 ${DAILY}`]);
  });

  test('calls at one time stay as they were rated, and take no place: the first of a caller has it', async () => {
    const road = await house.road({ dailyCap: 2, concurrencyCap: 1, duplicateWindowS: 86_400 });
    const at = async (hour: number, caller: string, durationS = 60) => {
      const startedAtMs = dayOf(house.clock.nowMs()) + hour * HOUR_MS;
      await house.call({ number: road.number, startedAtMs, caller, durationS });
      await house.work();
    };
    await at(10, '+12127361234');
    await at(11, '+12127361235');
    await at(9, '+12127361235');
    await at(8, '+12127361236', 4 * 3_600);
    await close(dateAfter(0));
    expect((await outcomes()).map((text) => text.split(' ')[1])).toEqual([
      ...['over-daily-cap', '2800', '2800', 'duplicate-caller'],
    ]);
  });
});

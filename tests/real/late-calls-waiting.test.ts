import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { DAILY, lateCallsIn, ORDER } from '../helpers/late-calls.ts';

keepServer();
let house: House;
const { callAt, outcomes, adjustments, unordered, idAt, totals, closeDays, end } = lateCallsIn(() => house);
const close = (date: string) => house.close(date);
type Road = Awaited<ReturnType<House['road']>>;
afterEach(async () => {
  expect(await end()).toEqual([]);
});

test('a late call that nobody noted is found by the audit, by its cap and by its tier', async () => {
  house = await openHouse(Date.UTC(2026, 10, 30, 18));
  const tiers = [
    { fromCall: 1, bps: 5_000 },
    { fromCall: 2, bps: 7_000 },
  ];
  await callAt(await house.road({ monthlyCap: 2 }), [10, 11, 9]);
  await callAt(await house.road({ supplierShareTiers: tiers }), [20, 21, 19]);
  const noted = 'delete from unordered_periods returning campaign_id as id';
  const campaigns = await house.sql<{ id: string }>(noted);
  await close('2026-11-30');
  const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  expect(failures.map((failure) => failure.split(' (')[0])).toEqual([
    'a call owes and earns what its terms say',
    'a call that a cap refused is beyond it, once its day or month is closed',
  ]);
  for (const { id } of campaigns)
    await house.sql(`insert into unordered_periods values ($1, 'month', '2026-11-01')`, [id]);
  for (const date of ['2026-12-01', '2026-12-02', '2026-12-03']) await close(date);
  const beyond = '11 over-monthly-cap';
  expect(await outcomes()).toEqual(['9 2800', '10 2800', beyond, '19 2000', '20 2800', '21 2800']);
});

test('what an operator discarded of it is made again by the next close', async () => {
  house = await openHouse(Date.UTC(2026, 10, 2, 18));
  await callAt(await house.road({ dailyCap: 2 }), [10, 11, 9]);
  const { adjustments: store, deadLetters, work } = house.services;
  const broken = { ...store, readOrder: () => Promise.reject(new Error('a fault of our own')) };
  await house.close(dateAfter(0), { adjustments: broken });
  const [letter] = await deadLetters.list({ jobs: [ORDER] }, { afterId: null, limit: 1 });
  await work.discard({ id: letter?.id ?? '', by: 'ops', reason: 'not now', nowMs: house.clock.nowMs() });
  expect(await outcomes()).toEqual([`9 ${DAILY}`, '10 2800', '11 2800']);
  await closeDays(1, 3);
  expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${DAILY}`]);
  expect(await unordered()).toEqual([]);
});

describe("a person's decision goes before the order", () => {
  beforeEach(async () => {
    house = await openHouse(Date.UTC(2026, 10, 2, 18));
  });
  const decide = async (road: Road, approve: boolean | null) => {
    await callAt(road, [10, 11, 12]);
    const id = await idAt(12);
    const { adjustments: store } = house.services;
    await store.dispute([id], 'buyer', 'wrong number', house.clock.nowMs());
    if (approve !== null) await store.decide([id], approve, 'ops', 'heard', house.clock.nowMs());
    await house.work();
    await callAt(road, [9]);
    await close(dateAfter(0));
  };

  test('a call whose dispute was denied keeps its place, and the one before it is beyond the cap', async () => {
    await decide(await house.road({ dailyCap: 3 }), false);
    expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${DAILY}`, '12 2800']);
    expect(await unordered()).toEqual([]);
  });

  test('while the dispute of the newest is open the late call waits, and then takes the place that is free', async () => {
    await decide(await house.road({ dailyCap: 3 }), null);
    expect(await outcomes()).toEqual([`9 ${DAILY}`, '10 2800', '11 2800', '12 2800']);
    expect(await unordered()).toEqual(['day']);
    const { adjustments: store } = house.services;
    await store.decide([await idAt(12)], true, 'ops', 'heard', house.clock.nowMs());
    await house.work();
    await closeDays(1, 4);
    expect((await outcomes()).slice(0, 3)).toEqual(['9 2800', '10 2800', '11 2800']);
    expect(await unordered()).toEqual([]);
  });

  test('a call that was taken back gives its place to the next one, and gets none again', async () => {
    await decide(await house.road({ dailyCap: 3 }), true);
    expect((await outcomes()).slice(0, 3)).toEqual(['9 2800', '10 2800', '11 2800']);
    const status = await house.sql('select status from calls where id = $1', [await idAt(12)]);
    expect(status).toEqual([{ status: 'rejected' }]);
    await closeDays(1, 1);
    expect(await adjustments()).toEqual(['12 dispute posted']);
  });

  test('what a person asks for while a call waits to be taken back for its place is done, by the approval that it needs', async () => {
    const road = await house.road({ dailyCap: 2 });
    await callAt(road, [10, 11]);
    await close(dateAfter(0));
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(1, 1);
    const id = await idAt(11);
    await house.services.adjustments.ask(id, 'ops', 'fraud', house.clock.nowMs());
    await closeDays(2, 4);
    expect(await adjustments()).toEqual(['11 order dropped', '11 operator posted']);
    expect(await outcomes()).toMatchObject(['9 2800', '10 2800', expect.not.stringContaining('2800')]);
  });
});

test('putting calls in order survives death at each of its steps, and a second run changes nothing', async () => {
  house = await openHouse(Date.UTC(2026, 10, 30, 18));
  const tiers = [
    { fromCall: 1, bps: 5_000 },
    { fromCall: 2, bps: 7_000 },
    { fromCall: 4, bps: 8_000 },
  ];
  const road = await house.road({ supplierShareTiers: tiers, dailyCap: 5, monthlyCap: 4 });
  await callAt(road, [10, 11, 12, 13, 9, 8]);
  await house.begin('2026-11-30');
  await house.work({}, [ORDER]);
  const item = await house.row(ORDER, `${road.id}/month/2026-11-01`);
  const steps = await dieAtEachStep(house, item);
  expect(steps).toEqual([
    ...[
      'adjustments.readOrder',
      'fraud.ruleSets',
      'adjustments.putInOrder',
      'calls.scoringContext',
      'work.finish',
    ],
  ]);
  const full = 'over-monthly-cap';
  const right = ['8 2000', '9 2800', '10 2800', '11 3200', `12 ${full}`, `13 ${full}`];
  expect(await outcomes()).toEqual(right);
  const journals = await house.sql('select key from journals order by key');
  expect(await house.run(item)).toMatchObject({ end: 'finish', code: 'in_order' });
  expect(await house.sql('select key from journals order by key')).toEqual(journals);
  await close('2026-11-30');
  expect(totals()).toEqual([16_000]);
});

describe('while a call waits to be taken back for its place', () => {
  beforeEach(async () => {
    house = await openHouse(Date.UTC(2026, 10, 2, 18));
  });

  test('a report that it was none takes it back for that, and a report that changes nothing changes nothing', async () => {
    const road = await house.road({ dailyCap: 2 });
    const startedAtMs = Date.parse(`${dateAfter(0)}T11:00:00Z`);
    const facts = { number: road.number, callId: 'reported', caller: '+12127361234', startedAtMs };
    await callAt(road, [10]);
    await house.call(facts);
    await close(dateAfter(0));
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(1, 1);
    await house.call({ ...facts, durationS: 130 });
    await house.work();
    expect(await adjustments()).toEqual(['11 order invoice_not_paid']);
    await house.call({ ...facts, durationS: 5, statedAtMs: house.clock.nowMs() + 1_000 });
    await house.work();
    expect(await adjustments()).toEqual(['11 facts invoice_not_paid']);
    await closeDays(2, 4);
    expect(await adjustments()).toEqual(['11 facts posted']);
    expect(await outcomes()).toEqual(['9 2800', '10 2800', '11 below-minimum-duration']);
    expect(await unordered()).toEqual([]);
  });

  test('a late call that is taken back leaves it where it was, and nothing was posted for it', async () => {
    const road = await house.road({ dailyCap: 2 });
    await callAt(road, [10, 11]);
    await close(dateAfter(0));
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(1, 1);
    await house.services.adjustments.ask(await idAt(10), 'ops', 'fraud', house.clock.nowMs());
    await closeDays(2, 4);
    expect(await adjustments()).toEqual(['11 order dropped', '10 operator posted']);
    expect((await outcomes()).filter((text) => text.endsWith('2800'))).toEqual(['9 2800', '11 2800']);
    expect(await unordered()).toEqual([]);
  });

  test('on an open invoice it is given back by a credit note, and the late call is on the next one', async () => {
    const road = await house.road({ dailyCap: 2 });
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', paymentTermsDays: 30 }] });
    await callAt(road, [10, 11]);
    await close(dateAfter(0));
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(1, 3);
    expect(await adjustments()).toEqual(['11 order posted']);
    expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${DAILY}`]);
    const notes = house.simulator.journal.all('credit_note').map(({ amount }) => amount);
    expect({ totals: totals(), notes }).toEqual({ totals: [8_000, 4_000], notes: [4_000] });
  });

  test('from a wallet it gives its price back, which pays for the late call at once', async () => {
    const road = await house.road({ dailyCap: 2 });
    const prepaid = { usd: { lowWaterMinor: 1_000, rechargeMinor: 8_000, mostPerDay: 1 } };
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', prepaid }] });
    await callAt(road, [10]);
    await callAt(road, [11, 9]);
    expect(await outcomes()).toEqual([`9 ${DAILY}`, '10 2800', '11 2800']);
    await close(dateAfter(0));
    expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${DAILY}`]);
  });

  test('nothing is exchanged for a buyer who is paused; when it has paid the late call takes its place', async () => {
    const road = await house.road({ dailyCap: 2 });
    await callAt(road, [10, 11, 9]);
    await house.sql(`update buyers set status = 'paused' where id = $1`, [road.buyer.id]);
    await close(dateAfter(0));
    expect(await outcomes()).toEqual([`9 ${DAILY}`, '10 2800', '11 2800']);
    expect(await unordered()).toEqual(['day']);
    await house.sql(`update buyers set status = 'active' where id = $1`, [road.buyer.id]);
    await closeDays(1, 3);
    expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${DAILY}`]);
  });
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import { dateAfter, type House, keepServer, OPENS_MS, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import type { CallFacts } from '../helpers/seeding.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const [FIRST, SECOND] = ['+12127361234', '+12127365678'];
const HOUR_MS = 3_600_000;

/** Reports a call that started so many hours before noon, as it was stated so many minutes after that. */
async function report(number: string, hoursAgo: number, minutes: number, facts: Partial<CallFacts>) {
  const startedAtMs = OPENS_MS - hoursAgo * HOUR_MS;
  const stated = { startedAtMs, statedAtMs: startedAtMs + minutes * 60_000 };
  await house.call({ number, callId: `before-${hoursAgo}`, ...stated, ...facts });
  await house.work();
}

const calls = () =>
  house.sql<{ id: string; caller: string; status: string; attestation: string | null }>(
    'select external_id as id, caller_number as caller, status, attestation from calls order by started_at',
  );
const states = () => house.sql<{ state: string }>('select state from earnings order by id');

/** Everything agrees: the books with themselves, with Stripe, and Stripe with itself. */
async function expectRight(): Promise<void> {
  const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  expect(failures).toEqual([]);
  expect(house.simulator.journal.check()).toEqual([]);
}

test('a rated call that is said to be of another caller is rated as a call of that one', async () => {
  const { number } = await house.road({ duplicateWindowS: 86_400 });
  await report(number, 3, 2, { caller: FIRST });
  await report(number, 3, 4, { caller: SECOND });
  await report(number, 2, 2, { caller: SECOND });
  await report(number, 1, 2, { caller: FIRST });
  expect(await calls()).toMatchObject([
    ...[
      { caller: SECOND, status: 'qualified' },
      { status: 'rejected' },
      { caller: FIRST, status: 'qualified' },
    ],
  ]);
  expect((await states()).map(({ state }) => state).sort()).toEqual(['accrued', 'accrued', 'clawed_back']);
  await expectRight();
});

test('a call on an invoice that is said to be of another caller stays billed, and that one is not paid for again', async () => {
  const { number } = await house.road({ duplicateWindowS: 2 * 86_400 });
  await report(number, 3, 2, { caller: FIRST });
  await house.close(dateAfter(0));
  await report(number, 3, 4, { caller: SECOND });
  expect(await states()).toMatchObject([{ state: expect.not.stringMatching('clawed_back') }]);
  const startedAtMs = house.clock.nowMs() - HOUR_MS;
  await house.call({ number, callId: 'again', caller: SECOND, startedAtMs });
  await house.work();
  expect(await calls()).toMatchObject([{ caller: SECOND, status: 'qualified' }, { status: 'rejected' }]);
  await house.close(dateAfter(1));
  expect(house.simulator.journal.all('invoice')).toHaveLength(1);
  await expectRight();
});

test('a call on an invoice that is said to be of a caller who was paid for near its start is taken back, whatever start is said', async () => {
  const { number } = await house.road({ duplicateWindowS: HOUR_MS / 1_000 });
  await report(number, 3.5, 2, { caller: SECOND });
  await report(number, 3, 2, { caller: FIRST });
  await house.close(dateAfter(0));
  await report(number, 3, 4, { caller: SECOND, startedAtMs: OPENS_MS });
  expect(await house.sql('select cause, state from adjustments')).toMatchObject([{ cause: 'facts' }]);
  await expectRight();
});

test('who was refused because of a call that turns out to be of another caller is paid for', async () => {
  const { number } = await house.road({ duplicateWindowS: 30 * 86_400 });
  await report(number, 3, 2, { caller: FIRST });
  for (const day of [0, 1, 2]) await house.close(dateAfter(day));
  const startedAtMs = house.clock.nowMs() - HOUR_MS;
  await house.call({ number, callId: 'again', caller: FIRST, startedAtMs });
  await house.close(dateAfter(3));
  expect(await calls()).toMatchObject([{ status: 'qualified' }, { status: 'rejected' }]);
  await report(number, 3, 4, { caller: SECOND });
  for (const day of [4, 5]) await house.close(dateAfter(day));
  expect(await calls()).toMatchObject([{ caller: SECOND, status: 'qualified' }, { status: 'qualified' }]);
  await expectRight();
});

test('a prepaid call that was paid out stays, though another start is said of it', async () => {
  const road = await house.road();
  const usd = { lowWaterMinor: 5_000, rechargeMinor: 100_000, mostPerDay: 3 };
  await house.put({ buyers: [{ id: road.buyer.id, name: 'Prepaid', prepaid: { usd } }] });
  await house.work();
  const startedAtMs = house.clock.nowMs() - HOUR_MS;
  const facts = { number: road.number, callId: 'prepaid', caller: FIRST };
  await house.call({ ...facts, startedAtMs, statedAtMs: startedAtMs + 120_000 });
  await house.work();
  for (let day = 0; day < 9; day += 1) await house.close(dateAfter(day));
  const before = await states();
  expect(before).toEqual([{ state: 'paid' }]);
  await house.call({ ...facts, startedAtMs: startedAtMs + 1_000, statedAtMs: startedAtMs + 240_000 });
  await house.work();
  expect(await states()).toEqual(before);
  await expectRight();
});

test('a call whose dispute was right while it owed nothing is not owed by what is reported later', async () => {
  const { number } = await house.road();
  await report(number, 3, 2, { caller: FIRST });
  const [call] = await house.sql<{ id: string }>('select id from calls');
  const id = call?.id ?? '';
  const { adjustments } = house.services;
  await adjustments.dispute([id], 'the buyer', 'a wrong number', house.clock.nowMs());
  await report(number, 3, 4, { caller: FIRST, durationS: 5 });
  await adjustments.decide([id], true, 'ops', 'it was one', house.clock.nowMs());
  await report(number, 3, 6, { caller: FIRST, durationS: 210 });
  expect(await calls()).toMatchObject([{ status: 'rejected' }]);
  await expectRight();
});

test('whatever step the change of a caller dies at, the call owes once in the end', async () => {
  const { number } = await house.road({ duplicateWindowS: 86_400 });
  await report(number, 3, 2, { caller: FIRST });
  const startedAtMs = OPENS_MS - 3 * HOUR_MS;
  const callId = 'before-3';
  await house.call({ number, callId, caller: SECOND, startedAtMs, statedAtMs: startedAtMs + 240_000 });
  const [call] = await house.sql<{ id: string }>('select id from calls');
  await dieAtEachStep(house, await house.row('fraud.adjust-call', call?.id ?? ''));
  await house.work();
  expect((await states()).map(({ state }) => state).sort()).toEqual(['accrued', 'clawed_back']);
  expect(await calls()).toMatchObject([{ caller: SECOND, status: 'qualified' }]);
  await expectRight();
});

test('who vouches for a caller is known by whichever report says so, also an older one, before rating and after', async () => {
  const { number } = await house.road();
  await report(number, 3, 4, {});
  await report(number, 3, 2, { attestation: 'C' });
  await report(number, 2, 2, { attestation: 'C' });
  await report(number, 2, 4, {});
  expect(await calls()).toMatchObject([
    ...[
      { status: 'qualified', attestation: 'C' },
      { status: 'qualified', attestation: 'C' },
    ],
  ]);
});

test('a click that an older report alone names is kept', async () => {
  const { number } = await house.road();
  await report(number, 3, 4, {});
  await report(number, 3, 2, { clickId: 'click-1' });
  expect(await house.sql('select click_id from calls')).toEqual([{ click_id: 'click-1' }]);
});

test('what is learned of a call whose date was closed has it, and those in whose windows it is, scored by the next close', async () => {
  const { number, buyer } = await house.road();
  await house.put({ buyers: [{ id: buyer.id, name: 'Weekly', billing: { cycle: 'weekly', day: 7 } }] });
  await report(number, 3, 4, {});
  await report(number, 2, 4, {});
  await house.close(dateAfter(0));
  await report(number, 3, 2, { attestation: 'C' });
  expect(await house.sql('select count(*)::int as marked from rescore_marks')).toEqual([{ marked: 2 }]);
  await house.close(dateAfter(1));
  expect(await house.sql('select call_id from rescore_marks')).toEqual([]);
  const signals = await house.sql<{ signals: { signal: string }[] }>(
    'select s.signals from calls c join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version order by c.started_at limit 1',
  );
  expect(signals[0]?.signals).toEqual(
    expect.arrayContaining([expect.objectContaining({ signal: 'attestation' })]),
  );
  await expectRight();
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import type { Pipeline } from '../../src/jobs/pipelines.ts';
import { pipelines } from '../../src/jobs/pipelines.ts';
import {
  DAY_MS,
  dateAfter,
  FIRST_DATE,
  type House,
  keepServer,
  OPENS_MS,
  openHouse,
} from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const READ = 'stripe.read-bank-payouts';
const nowMs = () => house.clock.nowMs();
const schedules = () => house.services.schedules;
const caught = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => codeOf(error, 'INTERNAL'),
  );
/** Its runs as `day state`, the oldest first. */
const runsOf = async (pipeline: string) =>
  (await schedules().runs(pipeline, '2000-01-01', '2999-12-31'))
    .map(({ date, state }) => `${Math.round((Date.parse(date) - Date.parse(FIRST_DATE)) / DAY_MS)} ${state}`)
    .reverse();
const declare = (changes: Partial<Pipeline>) =>
  schedules().ensure(pipelines.map((one) => (one.name === READ ? { ...one, ...changes } : one)));
/** The evening of a date's next day, when its runs are due. */
const goTo = (day: number) => house.advanceTo(Date.parse(dateAfter(day)) + DAY_MS + 20 * 3_600_000);
const backfill = (from: number, to: number, given: { pipeline?: string; dry?: boolean } = {}) =>
  schedules().backfill(
    {
      ...{ pipeline: given.pipeline ?? READ, from: dateAfter(from), to: dateAfter(to) },
      ...{ by: 'ann', reason: 'they were needed', dry: given.dry ?? false },
    },
    nowMs(),
  );

describe('a backfill', () => {
  test('runs what was missed and what never was, and tells what else becomes of each date', async () => {
    await declare({ overlap: 'allow', catchUpDays: 2 });
    goTo(2);
    await house.tick();
    goTo(5);
    await house.tick();
    await house.work();
    await house.tick();
    expect(await runsOf(READ)).toEqual(['2 done', '3 missed', '4 done', '5 done']);
    const wanted = ['planned', 'planned', 'done', 'planned', 'done', 'done', 'not_due'];
    const dry = await backfill(0, 6, { dry: true });
    expect(dry.map(({ state }) => state)).toEqual(wanted);
    expect(await runsOf(READ)).toEqual(['2 done', '3 missed', '4 done', '5 done']);
    expect(await backfill(0, 6)).toEqual(dry);
    expect(await runsOf(READ)).toEqual(['0 running', '1 running', '2 done', '3 running', '4 done', '5 done']);
    expect((await backfill(0, 3)).map(({ state }) => state)).toEqual([
      'running',
      'running',
      'done',
      'running',
    ]);
    const told = await house.sql("select detail from audit_log where action = 'schedule.backfill'");
    expect(told).toEqual([{ detail: { from: FIRST_DATE, to: dateAfter(6), reason: 'they were needed' } }]);
  });

  test('closes dates without a gap, and none after which a later one was closed', async () => {
    const { number } = await house.road();
    await house.call({ number });
    const close = { pipeline: 'nightly-close' };
    goTo(2);
    expect(await backfill(1, 1, close)).toEqual(
      [0, 1].map((day) => ({ date: dateAfter(day), state: 'planned' })),
    );
    await house.work();
    expect(await runsOf('nightly-close')).toEqual(['0 done', '1 done']);
    house.advanceTo(OPENS_MS + 12 * DAY_MS);
    await house.tick();
    await house.work();
    expect(await runsOf('nightly-close')).toContain('2 missed');
    expect(await backfill(2, 2, close)).toEqual([{ date: dateAfter(2), state: 'too_late' }]);
  });

  test('of a pipeline that leaves out what is due beside a run still runs every date, one after the other', async () => {
    goTo(3);
    await backfill(0, 2);
    expect(await runsOf(READ)).toEqual(['0 running', '1 planned', '2 planned']);
    for (let times = 0; times < 3; times += 1) {
      await house.work();
      await schedules().advanceRuns(nowMs());
    }
    expect(await runsOf(READ)).toEqual(['0 done', '1 done', '2 done']);
  });

  test('of a date after the newest run forgets none of the dates between', async () => {
    await declare({ overlap: 'allow', catchUpDays: 3 });
    goTo(0);
    await house.tick();
    goTo(6);
    const wanted = ['missed', 'missed', 'missed', 'planned', 'planned', 'planned'];
    expect((await backfill(6, 6, { dry: true })).map(({ state }) => state)).toEqual(wanted);
    expect((await backfill(6, 6)).map(({ state }) => state)).toEqual(wanted);
    const runs = ['1 missed', '2 missed', '3 missed', '4 running', '5 running', '6 running'];
    expect(await runsOf(READ)).toEqual(['0 running', ...runs]);
    await house.tick();
    expect(await runsOf(READ)).toEqual(['0 running', ...runs]);
    const years = await backfill(9_000, 9_001, { dry: true });
    expect(years).toEqual([9_000, 9_001].map((day) => ({ date: dateAfter(day), state: 'not_due' })));
  });

  test('runs a date once more whose work was discarded, and its row tells both', async () => {
    const { bankPayouts } = house.services;
    const broken = { ...bankPayouts, accountsToRead: () => Promise.reject(new Error('a fault of our own')) };
    goTo(0);
    await house.tick();
    await house.work({ bankPayouts: broken });
    const [letter] = await house.services.deadLetters.list({ jobs: [READ] }, { afterId: null, limit: 1 });
    await house.services.work.discard({ id: letter?.id ?? '', by: 'ann', reason: 'not now', nowMs: nowMs() });
    await schedules().advanceRuns(nowMs());
    expect(await runsOf(READ)).toEqual(['0 discarded']);
    await backfill(0, 0);
    expect(await runsOf(READ)).toEqual(['0 running']);
    const ran = await house.work();
    expect(ran).toMatchObject([{ job: READ, end: 'finish' }]);
    await schedules().advanceRuns(nowMs());
    expect(await runsOf(READ)).toEqual(['0 done']);
  });

  test('of a pipeline that does not exist, or of dates that run backwards, is refused', async () => {
    expect(await caught(backfill(0, 0, { pipeline: 'nightly-cloze' }))).toBe('PIPELINE_UNKNOWN');
    expect(await caught(backfill(1, 0))).toBe('PERIOD_INVALID');
    expect(await caught(backfill(0, 400))).toBe('PERIOD_INVALID');
    expect(await caught(schedules().pause('x', 'ann', 'r', nowMs()))).toBe('PIPELINE_UNKNOWN');
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Pipeline } from '../../src/jobs/pipelines.ts';
import { pipelines } from '../../src/jobs/pipelines.ts';
import { DAY_MS, dateAfter, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const READ = 'stripe.read-bank-payouts';
const HOUR_MS = 3_600_000;
const nowMs = () => house.clock.nowMs();
const schedules = () => house.services.schedules;
/** Its runs as `day state`, the oldest first. */
const runsOf = async (pipeline: string) =>
  (await schedules().runs(pipeline, '2000-01-01', '2999-12-31'))
    .map(({ date, state }) => `${Math.round((Date.parse(date) - Date.parse(FIRST_DATE)) / DAY_MS)} ${state}`)
    .reverse();
const declare = (changes: Partial<Pipeline>) =>
  schedules().ensure(pipelines.map((one) => (one.name === READ ? { ...one, ...changes } : one)));
/** The evening of a date's next day, when its runs are due. */
const goTo = (day: number) => house.advanceTo(Date.parse(dateAfter(day)) + DAY_MS + 20 * HOUR_MS);
/** What runs of it end in from now on. */
const failing = {
  bankPayouts: { ...{}, accountsToRead: () => Promise.reject(new Error('a fault of our own')) },
};

describe('a pipeline', () => {
  test('has one run for each date, however many ticks come, and each runs its job once', async () => {
    goTo(0);
    await Promise.all([house.tick(), house.tick(), house.tick()]);
    expect(await runsOf(READ)).toEqual(['0 running']);
    const ran = await house.work();
    expect(ran.filter(({ job }) => job === READ)).toHaveLength(1);
    await house.tick();
    expect(await runsOf(READ)).toEqual(['0 done']);
    expect(await house.work()).toEqual([]);
    const [run] = await schedules().runs(READ, FIRST_DATE, FIRST_DATE);
    expect(run).toMatchObject({ date: FIRST_DATE, state: 'done', attempts: 1 });
    expect(run?.endedAtMs).toBeGreaterThanOrEqual(run?.startedAtMs ?? Infinity);
  });

  test('that waits for its earlier run catches up what it missed one after the other, oldest first', async () => {
    await declare({ overlap: 'queue' });
    goTo(0);
    await house.tick();
    await house.work();
    goTo(3);
    await house.tick();
    expect(await runsOf(READ)).toEqual(['0 done', '1 running', '2 planned', '3 planned']);
    await house.work();
    await schedules().advanceRuns(nowMs());
    expect(await runsOf(READ)).toEqual(['0 done', '1 done', '2 running', '3 planned']);
  });

  test('that leaves out what is due while a run is not done says so', async () => {
    goTo(0);
    await house.tick();
    goTo(1);
    await house.tick();
    expect(await runsOf(READ)).toEqual(['0 running', '1 skipped']);
  });

  test('that may run beside itself does', async () => {
    await declare({ overlap: 'allow' });
    goTo(0);
    await house.tick();
    goTo(1);
    await house.tick();
    expect(await runsOf(READ)).toEqual(['0 running', '1 running']);
  });

  test('runs nothing that is older than it catches up, and says which dates were missed', async () => {
    await declare({ overlap: 'allow', catchUpDays: 2 });
    goTo(0);
    await house.tick();
    goTo(5);
    await house.tick();
    expect(await runsOf(READ)).toEqual([
      '0 running',
      '1 missed',
      '2 missed',
      '3 missed',
      '4 running',
      '5 running',
    ]);
  });

  test('has failed with its dead letter, and is done when that was replayed', async () => {
    const { bankPayouts } = house.services;
    goTo(0);
    await house.tick();
    await house.work({ bankPayouts: { ...bankPayouts, ...failing.bankPayouts } });
    await schedules().advanceRuns(nowMs());
    expect(await runsOf(READ)).toEqual(['0 failed']);
    const [letter] = await house.services.deadLetters.list({ jobs: [READ] }, { afterId: null, limit: 1 });
    await house.services.work.replay({ id: letter?.id ?? '', by: 'ann', reason: 'mended', nowMs: nowMs() });
    await schedules().advanceRuns(nowMs());
    expect(await runsOf(READ)).toEqual(['0 running']);
    await house.work();
    await schedules().advanceRuns(nowMs());
    expect(await runsOf(READ)).toEqual(['0 done']);
    expect(await schedules().runs(READ, FIRST_DATE, FIRST_DATE)).toMatchObject([{ attempts: 2 }]);
  });

  test('counts a replay that died again before anybody looked', async () => {
    const given = { bankPayouts: { ...house.services.bankPayouts, ...failing.bankPayouts } };
    goTo(0);
    await house.tick();
    await house.work(given);
    await schedules().advanceRuns(nowMs());
    const [letter] = await house.services.deadLetters.list({ jobs: [READ] }, { afterId: null, limit: 1 });
    await house.services.work.replay({ id: letter?.id ?? '', by: 'ann', reason: 'mended', nowMs: nowMs() });
    house.advance(HOUR_MS);
    await house.work(given);
    await schedules().advanceRuns(nowMs());
    const [run] = await schedules().runs(READ, FIRST_DATE, FIRST_DATE);
    expect(run).toMatchObject({ state: 'failed', attempts: 2 });
    expect(run?.endedAtMs).toBeGreaterThanOrEqual((run?.startedAtMs ?? Infinity) + HOUR_MS);
  });

  test('that no code declares any more plans nothing, and its runs stay', async () => {
    goTo(0);
    await house.tick();
    await house.work();
    await schedules().pause(READ, 'ann', 'on purpose', nowMs());
    await schedules().ensure(pipelines.filter(({ name }) => name !== READ));
    goTo(1);
    await house.tick();
    expect((await schedules().list(nowMs())).map(({ name }) => name)).not.toContain(READ);
    expect(await house.sql('select count(*) as n from work where job = $1', [READ])).toEqual([{ n: 1 }]);
    await schedules().ensure(pipelines);
    // As an older build that starts beside a newer one would make it: the pause stands.
    expect(await schedules().resume(READ, 'ann', nowMs())).toBe(true);
    await house.tick();
    expect(await runsOf(READ)).toEqual(['0 done', '1 running']);
  });

  test('pauses after so many failed runs in a row, and not again for the same ones', async () => {
    const { bankPayouts } = house.services;
    for (let day = 0; day < 5; day += 1) {
      goTo(day);
      await house.tick();
      await house.work({ bankPayouts: { ...bankPayouts, ...failing.bankPayouts } });
    }
    await house.tick();
    expect(await runsOf(READ)).toEqual(['0 failed', '1 failed', '2 failed']);
    const status = async () => (await schedules().list(nowMs())).find(({ name }) => name === READ);
    expect(await status()).toMatchObject({
      pausedBy: 'callclear',
      pauseReason: '3 runs in a row failed',
      failed: 3,
    });
    expect(
      await house.sql("select actor, subject, detail from audit_log where action = 'schedule.pause'"),
    ).toEqual([
      { actor: 'callclear', subject: `pipeline:${READ}`, detail: { reason: '3 runs in a row failed' } },
    ]);
    expect(await schedules().resume(READ, 'ann', nowMs())).toBe(true);
    await house.tick();
    expect(await status()).toMatchObject({
      pausedAtMs: null,
      last: { date: dateAfter(4), state: 'skipped' },
    });
    expect(await runsOf(READ)).toContain('3 running');
  });
});

describe('a pause', () => {
  test('keeps a run waiting that was planned before', async () => {
    await declare({ overlap: 'queue' });
    for (const day of [0, 1]) {
      goTo(day);
      await house.tick();
    }
    await schedules().pause(READ, 'ann', 'the bank is moving', nowMs());
    await house.work();
    await schedules().advanceRuns(nowMs());
    expect(await runsOf(READ)).toEqual(['0 done', '1 planned']);
  });

  test.each([READ, 'nightly-close'])(
    'of %s plans and starts nothing until it goes on, and then all that came due',
    async (pipeline) => {
      const { number } = await house.road();
      await house.call({ number });
      await declare({ overlap: 'queue' });
      goTo(0);
      await house.tick();
      await house.work();
      expect(await schedules().pause(pipeline, 'ann', 'the bank is moving', nowMs())).toBe(true);
      expect(await schedules().pause(pipeline, 'bob', 'again', nowMs())).toBe(false);
      goTo(2);
      await house.tick();
      await house.work();
      await house.tick();
      expect(await runsOf(pipeline)).toEqual(['0 done']);
      expect(await schedules().resume(pipeline, 'ann', nowMs())).toBe(true);
      expect(await schedules().resume(pipeline, 'ann', nowMs())).toBe(false);
      for (let times = 0; times < 3; times += 1) {
        await house.tick();
        await house.work();
      }
      expect(await runsOf(pipeline)).toEqual(['0 done', '1 done', '2 done']);
      const told = await house.sql(
        "select actor, action from audit_log where action like 'schedule.%' order by id",
      );
      expect(told).toEqual([
        { actor: 'ann', action: 'schedule.pause' },
        { actor: 'ann', action: 'schedule.resume' },
      ]);
    },
  );
});

describe('the dead man’s switch', () => {
  const overdueSince = async () =>
    (await schedules().list(nowMs())).find(({ name }) => name === READ)?.overdueSinceMs ?? null;
  /** When the run of a date is due. */
  const dueMsOf = (day: number) => Date.parse(dateAfter(day)) + DAY_MS + 4 * HOUR_MS + 20 * 60_000;
  async function runFirst(): Promise<void> {
    goTo(0);
    await house.tick();
    await house.work();
    await schedules().advanceRuns(nowMs());
  }

  test('tells a run that nobody planned an hour and a half after it was due, until it is planned or paused', async () => {
    await runFirst();
    const dueMs = dueMsOf(1);
    house.advanceTo(dueMs + 80 * 60_000);
    expect(await overdueSince()).toBeNull();
    house.advanceTo(dueMs + 95 * 60_000);
    expect(await overdueSince()).toBe(dueMs);
    await schedules().pause(READ, 'ann', 'on purpose', nowMs());
    expect(await overdueSince()).toBeNull();
    await schedules().resume(READ, 'ann', nowMs());
    // The next tick has its time after a pause too.
    house.advance(80 * 60_000);
    expect(await overdueSince()).toBeNull();
    house.advance(15 * 60_000);
    expect(await overdueSince()).toBe(dueMs);
    await house.tick();
    expect(await overdueSince()).toBeNull();
  });

  test('tells a run that has not ended six hours after it was due', async () => {
    await runFirst();
    house.advanceTo(dueMsOf(1) + HOUR_MS);
    await house.tick();
    house.advanceTo(dueMsOf(1) + 5.9 * HOUR_MS);
    expect(await overdueSince()).toBeNull();
    house.advanceTo(dueMsOf(1) + 6.1 * HOUR_MS);
    expect(await overdueSince()).toBe(dueMsOf(1));
    await house.work();
    await schedules().advanceRuns(nowMs());
    expect(await overdueSince()).toBeNull();
  });

  test('tells a pipeline that paused by itself', async () => {
    const { bankPayouts } = house.services;
    await declare({ pauseAfter: 1 });
    house.advanceTo(dueMsOf(0) + HOUR_MS);
    await house.tick();
    await house.work({ bankPayouts: { ...bankPayouts, ...failing.bankPayouts } });
    expect(await overdueSince()).toBeNull();
    await schedules().advanceRuns(nowMs());
    expect(await overdueSince()).not.toBeNull();
    await schedules().resume(READ, 'ann', nowMs());
    await house.tick();
    expect(await overdueSince()).toBeNull();
  });
});

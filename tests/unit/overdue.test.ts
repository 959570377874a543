import { expect, test } from 'vitest';
import { jobs } from '../../src/jobs/registry.ts';
import { listOverdue } from '../../src/queues/overdue.ts';
import type { JobServices } from '../../src/services.ts';

const NOON_MS = Date.UTC(2026, 10, 25, 12);
const MINUTE_MS = 60_000;
const ticks = jobs.filter(({ schedule }) => schedule !== null).map(({ name }) => name);
const beating = Object.fromEntries(ticks.map((name) => [name, NOON_MS]));

function overdueAt(afterMs: number, beats: Record<string, number>, overdueSinceMs: number | null = null) {
  const list: JobServices['schedules']['list'] = async () => [
    {
      ...{ name: 'nightly-close', dueTime: '09:00', timezone: 'UTC', catchUpDays: 7, overlap: 'queue' },
      ...{ pauseAfter: null, pausedAtMs: null, pausedBy: null, pauseReason: null, last: null },
      ...{ waiting: 0, missed: 0, failed: 0, overdueSinceMs },
    },
  ];
  const databaseTimeMs = NOON_MS + afterMs;
  const parts = { schedules: { list } as JobServices['schedules'], clock: { nowMs: () => databaseTimeMs } };
  return listOverdue(jobs, parts, { beats, databaseTimeMs });
}
const lateOf = async (found: ReturnType<typeof overdueAt>) =>
  Object.fromEntries(
    (await found).filter(({ lateMs }) => lateMs > 0).map((one) => [one.schedule, one.lateMs]),
  );

test('a tick that is late by five minutes is told nobody, and one that is later by how much', async () => {
  expect(await lateOf(overdueAt(6 * MINUTE_MS, beating))).toEqual({});
  expect(await lateOf(overdueAt(7 * MINUTE_MS, beating))).toEqual({
    'operations.sweep': 6 * MINUTE_MS,
    'analytics.roll-up-recent': 6 * MINUTE_MS,
  });
  // The hourly one was expected at five past.
  expect(await lateOf(overdueAt(11 * MINUTE_MS, beating))).toMatchObject({
    'operations.plan-runs': 6 * MINUTE_MS,
  });
});

test('a schedule that never fired is given the time that the process has run', async () => {
  const found = await listOverdue(
    jobs,
    {
      schedules: { list: async () => [] } as Partial<JobServices['schedules']> as JobServices['schedules'],
      clock: { nowMs: Date.now },
    },
    { beats: {}, databaseTimeMs: Date.now() },
  );
  expect(found).toEqual(ticks.map((schedule) => ({ schedule, lateMs: 0 })));
});

test('a run that no tick planned is late since it was due', async () => {
  const since = NOON_MS - 2 * 60 * MINUTE_MS;
  expect(await lateOf(overdueAt(0, beating, since))).toEqual({ 'nightly-close': 120 * MINUTE_MS });
});

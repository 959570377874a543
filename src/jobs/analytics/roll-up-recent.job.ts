import { defineJob, done, HOUSE_BACKOFF, tickPayload } from '../define-job.ts';

/**
 * Every minute: counts anew the minutes whose calls changed since the last time.
 *
 * Safe to run twice: a minute is computed whole, and the watermark only says where to read from.
 */
export const rollUpRecent = defineJob({
  name: 'analytics.roll-up-recent',
  queue: 'analytics',
  version: 1,
  payload: tickPayload,
  key: () => 'tick',
  attempts: 1,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 55_000,
  schedule: { cron: '* * * * *', timezone: 'UTC' },
  concurrency: 1,
  uses: ['operations', 'schedules', 'clock'],
  async handle(_tick, { operations, schedules, clock }) {
    await schedules.beat('analytics.roll-up-recent');
    return done({ minutes: await operations.rollUpRecent(clock.nowMs()) });
  },
});

import { defineJob, done, HOUSE_BACKOFF, tickPayload } from '../define-job.ts';

/**
 * Every hour: plans the close of each business date that has ended and has none, oldest first, and starts the first.
 * Only plans: a job made by a schedule may be run again without limit, so it must not do the work itself.
 *
 * Safe to run twice: a date has one row in `schedule_runs`, and one close is open at a time.
 */
export const startClose = defineJob({
  name: 'operations.start-close',
  queue: 'operations',
  version: 1,
  payload: tickPayload,
  key: () => 'tick',
  attempts: 3,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 55_000,
  schedule: { cron: '5 * * * *', timezone: 'UTC' },
  concurrency: 1,
  uses: ['operations', 'clock'],
  async handle(_tick, { operations, clock, dueAtMs }) {
    const { planned, running } = await operations.planCloses(dueAtMs, clock.nowMs());
    return done({ planned, running });
  },
});

import { defineJob, done, HOUSE_BACKOFF, tickPayload } from '../define-job.ts';

/**
 * Every hour: plans the run of each business date that is due and has none, of every pipeline, oldest first, and starts
 * what may run: of the nightly close one date at a time.
 * Only plans: a job made by a schedule may be run again without limit, so it must not do the work itself.
 *
 * Safe to run twice: a date has one row in `schedule_runs`, and one close is open at a time.
 */
export const planRuns = defineJob({
  name: 'operations.plan-runs',
  queue: 'operations',
  version: 1,
  payload: tickPayload,
  key: () => 'tick',
  attempts: 3,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 55_000,
  schedule: { cron: '5 * * * *', timezone: 'UTC' },
  concurrency: 1,
  uses: ['schedules', 'clock'],
  async handle(_tick, { schedules, clock, dueAtMs }) {
    await schedules.beat('operations.plan-runs');
    return done({ ...(await schedules.planRuns(dueAtMs, clock.nowMs())) });
  },
});

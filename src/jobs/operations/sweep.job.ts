import { defineJob, done, HOUSE_BACKOFF, tickPayload } from '../define-job.ts';

/**
 * Every minute: hands to the queue what should be in it and is not, makes rows, failed jobs and dead letters agree,
 * starts runs that may begin, and moves the open close on. Losing the queue is thereby a delay and nothing else.
 *
 * Safe to run twice: it adds jobs by their id, and only what the rows say is due.
 */
export const sweep = defineJob({
  name: 'operations.sweep',
  queue: 'operations',
  version: 1,
  payload: tickPayload,
  key: () => 'tick',
  attempts: 1,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 55_000,
  schedule: { cron: '* * * * *', timezone: 'UTC' },
  concurrency: 1,
  uses: ['queueSweep', 'schedules', 'clock'],
  async handle(_tick, { queueSweep, schedules, clock }) {
    await schedules.beat('operations.sweep');
    // Whatever becomes of the one: letters must not wait for a close, nor a close for the queue.
    const swept = queueSweep.sweep();
    const advanced = schedules.advanceRuns(clock.nowMs());
    await Promise.allSettled([swept, advanced]);
    return done({ ...(await swept), openClose: await advanced });
  },
});

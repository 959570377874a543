import { defineJob, done, HOUSE_BACKOFF, tickPayload } from '../define-job.ts';

/** In one transaction, which has the ledger's lock. */
const BATCH = 200;

/**
 * Decides what rules have held for as long as they say, and nobody has decided: as their `expiry` says. What waits for
 * something else (terms, revenue, a wallet, a buyer that pays) has no such time.
 *
 * Safe to run twice: a call leaves `held` by it, and each batch reads what is held then.
 */
export const expireHolds = defineJob({
  name: 'fraud.expire-holds',
  queue: 'fraud',
  version: 1,
  payload: tickPayload,
  key: () => 'tick',
  attempts: 1,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 300_000,
  schedule: { cron: '*/10 * * * *', timezone: 'UTC' },
  concurrency: 1,
  uses: ['review', 'schedules', 'clock'],
  async handle(_tick, { review, schedules, clock, signal }) {
    await schedules.beat('fraud.expire-holds');
    const nowMs = clock.nowMs();
    let expired = 0;
    for (;;) {
      signal.throwIfAborted();
      const count = await review.expire(BATCH, nowMs);
      expired += count;
      if (count < BATCH) return done({ expired });
    }
  },
});

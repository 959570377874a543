import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';

/**
 * Freezes the payouts of one business date from cleared earnings, behind the gate of its cash comparison, and makes the
 * work of paying each. What is not planned is logged with its reason; the close ends without it.
 *
 * Safe to run twice: an earning is in one live payout, and a supplier has one payout per currency and date.
 */
export const planPayouts = defineJob({
  name: 'payouts.plan-payouts',
  queue: 'payouts',
  version: 1,
  payload: z.strictObject({ date: z.iso.date(), dueAtMs: z.int() }),
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 60_000,
  uses: ['payouts', 'clock', 'log'],
  async handle({ date }, { payouts, clock, log }) {
    const { planned, amountMinor, skipped } = await payouts.plan(date, clock.nowMs());
    for (const payout of skipped) log.warn({ date, ...payout }, 'payout not planned');
    return done({ planned, amountMinor, skipped: skipped.length });
  },
});

import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';

/** Reasons to wait that the supplier's terms name: nobody has to look. */
const BY_TERMS: readonly string[] = ['not_due', 'below_minimum', 'paid_for_this_day'];

/**
 * Freezes the payouts that are due on one business date from cleared earnings, behind the gate of its cash comparison, and makes the
 * work of paying each. What is not planned is logged with its reason; the close ends without it. Before that it releases
 * the reserves whose date has come.
 *
 * Safe to run twice: an earning is in one live payout, a supplier has one payout per currency and date, and a reserve is
 * released once.
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
    for (const payout of skipped)
      log[BY_TERMS.includes(payout.reason) ? 'info' : 'warn']({ date, ...payout }, 'payout not planned');
    return done({ planned, amountMinor, skipped: skipped.length });
  },
});

import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF, skip, unlessTakenOver } from '../define-job.ts';

/**
 * Charges one top-up of a buyer's wallet, and records what came of it; one that its bank is still processing ends here, and
 * is read again when Stripe says so, or by the next close.
 *
 * Safe to run twice: the payment intent is noted before it is confirmed, and Stripe lets an intent be paid once; only the
 * newest token may write; the journal's key is the charge.
 */
export const rechargeWallet = defineJob({
  name: 'billing.recharge-wallet',
  queue: 'billing',
  version: 1,
  payload: z.strictObject({ topupId: z.uuid() }),
  key: ({ topupId }) => topupId,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 60_000,
  uses: ['wallets', 'stripeTopups', 'clock'],
  handle: ({ topupId }, { wallets, stripeTopups, clock, signal }) =>
    unlessTakenOver(async () => {
      const claim = await wallets.claim(topupId, clock.nowMs());
      if (claim.kind === 'settled') return skip(claim.reason);
      const { topup, token } = claim;
      let intentId = topup.paymentIntentId;
      if (intentId === null) {
        const made = await stripeTopups.prepare(topup, { signal });
        intentId = made === null ? null : await wallets.noteIntent(topupId, token, made);
      }
      const end =
        intentId === null
          ? ({ status: 'failed', charge: null, problem: 'no_payment_method' } as const)
          : await stripeTopups.charge(topup, intentId, { signal });
      await wallets.record(topupId, token, end, clock.nowMs());
      return done({ status: end.status, ...(end.problem === null ? {} : { problem: end.problem }) });
    }),
});

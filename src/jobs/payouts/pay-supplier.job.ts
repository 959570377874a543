import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import type { Transfer } from '../../integrations/stripe/transfers.ts';
import type { PayoutClaim } from '../../integrations/supabase/payouts.ts';
import type { JobServices } from '../../services.ts';
import {
  defineJob,
  done,
  HOUSE_BACKOFF,
  type Outcome,
  skip,
  snooze,
  unlessTakenOver,
} from '../define-job.ts';
import { absenceCountsInMs, nextStep } from './sending.ts';

const LOOK_AGAIN_MS = 60_000;

type Paying = Pick<JobServices, 'payouts' | 'stripeTransfers' | 'clock'> & { signal: AbortSignal };

/**
 * Sends one payout: one supplier, one currency, one business date, as the planner froze it.
 *
 * Safe to run twice: money is reserved once; only the holder of the row's newest token may settle it; Stripe gets a key
 * made from the row and its generation; a send is written before it is made; an outcome that is unknown is looked up
 * before a new key is made, and never ends by its age.
 */
export const paySupplier = defineJob({
  name: 'payouts.pay-supplier',
  queue: 'payouts',
  version: 1,
  payload: z.strictObject({ payoutId: z.uuid() }),
  key: ({ payoutId }) => payoutId,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 45_000,
  uses: ['payouts', 'stripeTransfers', 'clock'],
  handle: ({ payoutId }, services) =>
    unlessTakenOver(async () => {
      const claim = await services.payouts.claim(payoutId, services.clock.nowMs());
      if (claim.kind === 'settled') return skip(claim.reason);
      if (nextStep(claim, services.clock.nowMs()) === 'send') return send(claim, services);
      return lookUp(claim, services);
    }),
});

async function send(claim: PayoutClaim, services: Paying): Promise<Outcome> {
  const { payouts, stripeTransfers, clock, signal } = services;
  const { payoutId } = claim.transfer;
  const noted = await payouts.noteSend(payoutId, claim.token, clock.nowMs());
  if (noted.kind === 'settled') return skip(noted.reason);
  if (noted.kind === 'stopped') return lookUp(claim, services);

  const result = await stripeTransfers.send(claim.transfer, { signal });
  if (result.kind === 'sent') return settleSent(claim, result.transfer, services);
  if (result.kind === 'wait') {
    const { reason, delayMs } = result;
    await payouts.settle(
      payoutId,
      claim.token,
      { kind: 'not_executed', reason, wasInDoubt: claim.inDoubt },
      clock.nowMs(),
    );
    return snooze(delayMs, reason);
  }
  if (result.kind === 'mismatch')
    throw new PermanentError('STRIPE_KEY_MISMATCH', result.message, { detail: { payoutId } });
  if (result.kind === 'refused' && result.providerCode === 'balance_insufficient' && !claim.inDoubt) {
    await payouts.settle(payoutId, claim.token, { kind: 'no_funds' }, clock.nowMs());
    // It goes when Stripe tells that money has become available, or with the next close.
    return skip('balance_insufficient');
  }
  if (result.kind === 'refused' && !claim.inDoubt) {
    await payouts.settle(
      payoutId,
      claim.token,
      { kind: 'refused', reason: result.providerCode },
      clock.nowMs(),
    );
    return done({ result: 'refused', providerCode: result.providerCode });
  }
  // Unknown; or refused now, while an earlier request under this key is in doubt: only a look tells what it did.
  const reason = result.kind === 'refused' ? result.providerCode : result.reason;
  await payouts.settle(payoutId, claim.token, { kind: 'unknown', reason }, clock.nowMs());
  const transfer = await stripeTransfers.findByPayout(payoutId, { signal });
  if (transfer !== null) return settleSent(claim, transfer, services);
  return snooze(Math.min(30_000, 1_000 * 2 ** claim.sends), reason);
}

async function lookUp(claim: PayoutClaim, services: Paying): Promise<Outcome> {
  const { payouts, stripeTransfers, clock, signal } = services;
  const { payoutId } = claim.transfer;
  const transfer = await stripeTransfers.findByPayout(payoutId, { signal });
  if (transfer !== null) return settleSent(claim, transfer, services);
  const waitMs = absenceCountsInMs(claim, clock.nowMs());
  // A late answer of Stripe's may make it appear before its absence counts.
  if (waitMs > 0) return snooze(Math.min(waitMs, LOOK_AGAIN_MS), 'absence_does_not_count_yet');
  const renewed = await payouts.settle(payoutId, claim.token, { kind: 'absent' }, clock.nowMs());
  return send({ ...renewed, token: claim.token }, services);
}

async function settleSent(
  claim: PayoutClaim,
  transfer: Transfer,
  { payouts, clock }: Paying,
): Promise<Outcome> {
  const { id: transferId, amountMinor, currency, destination, balanceTransactionId } = transfer;
  await payouts.settle(
    claim.transfer.payoutId,
    claim.token,
    { kind: 'sent', transferId, balanceTransactionId, amountMinor, currency, destination },
    clock.nowMs(),
  );
  return done({ result: 'sent', transferId });
}

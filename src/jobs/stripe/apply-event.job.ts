import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF, skip } from '../define-job.ts';

/**
 * Takes one verified event of Stripe as a hint: the present object is read, never the one in the event. Events about
 * our invoices have the invoice billed again, which reads its state; money that became available has payouts that wait for
 * it sent; all others are recorded and do nothing yet.
 *
 * Safe to run twice: having an invoice billed or a payout sent again reads before it writes, and the event's row is unique.
 */
export const applyEvent = defineJob({
  name: 'stripe.apply-event',
  queue: 'stripe',
  version: 1,
  payload: z.strictObject({
    eventId: z.string().min(1).max(256),
    type: z.string().min(1).max(128),
    objectId: z.string().min(1).max(256).nullable(),
    /** The connected account it happened on; null for the platform's own. */
    account: z.string().max(256).nullable(),
    createdMs: z.int(),
    livemode: z.boolean(),
    receivedAtMs: z.int(),
  }),
  key: ({ eventId }) => eventId,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 45_000,
  uses: ['operations', 'billing', 'payouts', 'stripeInvoices', 'clock'],
  async handle(
    { eventId, type, objectId, account, receivedAtMs },
    { operations, billing, payouts, stripeInvoices, clock, signal, trace },
  ) {
    const ours =
      type.startsWith('invoice.') && account === null && objectId !== null && type !== 'invoice.deleted';
    let result = 'ignored';
    if (ours) {
      const invoiceId = await stripeInvoices.findOurs(objectId, { signal });
      const poked = invoiceId !== null && (await billing.poke(invoiceId, trace, clock.nowMs()));
      result = poked ? 'read_again' : 'settled';
    }
    if (type === 'balance.available' && account === null) {
      result = (await payouts.wake(trace, clock.nowMs())) > 0 ? 'payouts_woken' : 'no_payout_waits';
    }
    const news = await operations.storeStripeEvent(
      { eventId, type, receivedAtMs, trace },
      result,
      clock.nowMs(),
    );
    return news ? done({ result }) : skip('duplicate');
  },
});

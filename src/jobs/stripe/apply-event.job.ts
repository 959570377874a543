import { z } from 'zod';
import type { JobServices } from '../../services.ts';
import { defineJob, done, HOUSE_BACKOFF, skip } from '../define-job.ts';
import { recordBankPayouts } from './read-bank-payouts.job.ts';

/**
 * Takes one verified event of Stripe as a hint: the present object is read, never the one in the event. Events about
 * our invoices have the invoice billed again, which reads its state, and those about the payment of a wallet's top-up
 * likewise; money that became available has payouts that wait for it sent; an account that may not receive transfers has its
 * supplier held, until it may; a payout to a supplier's own bank is recorded as it stands; all others are recorded and do
 * nothing yet; those of the other mode are left alone.
 *
 * Safe to run twice: having an invoice billed or a payout sent again reads before it writes, a payout to a bank
 * has one row, and the event's row is unique.
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
    /** No webhook brought it: it was found in Stripe's list. */
    recovered: z.boolean().optional(),
  }),
  key: ({ eventId }) => eventId,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 45_000,
  uses: [
    'operations',
    'billing',
    'wallets',
    'payouts',
    'bankPayouts',
    'stripeInvoices',
    'stripeAccounts',
    'stripeMode',
    'clock',
    'log',
  ],
  async handle(event, services) {
    const { eventId, type, receivedAtMs, recovered = false } = event;
    const { operations, clock, trace, stripeMode, log } = services;
    // An endpoint of connected accounts is told of both modes, and an account of the other one is nobody's here.
    if (event.livemode !== stripeMode.livemode) {
      log.warn({ eventId, type, livemode: event.livemode }, 'an event of the other mode of Stripe');
      return skip('other_mode');
    }
    const result = await apply(event, services);
    const facts = { eventId, type, receivedAtMs, recovered, trace };
    const news = await operations.storeStripeEvent(facts, result, clock.nowMs());
    return news ? done({ result }) : skip('duplicate');
  },
});

type Applying = Pick<
  JobServices,
  'billing' | 'wallets' | 'payouts' | 'bankPayouts' | 'stripeInvoices' | 'stripeAccounts' | 'clock' | 'log'
> & {
  readonly signal: AbortSignal;
  readonly trace: string;
};
interface Told {
  readonly type: string;
  readonly objectId: string | null;
  readonly account: string | null;
}

/** What became of the event, in a word. */
async function apply({ type, objectId, account }: Told, services: Applying): Promise<string> {
  const { billing, wallets, payouts, stripeInvoices, clock, signal, trace } = services;
  if (account !== null) return applyOfAccount(type, objectId, account, services);
  if (type === 'balance.available')
    return (await payouts.wake(trace, clock.nowMs())) > 0 ? 'payouts_woken' : 'no_payout_waits';
  if (type.startsWith('payment_intent.') && objectId !== null)
    return (await wallets.poke(objectId, trace, clock.nowMs())) ? 'read_again' : 'settled';
  if (!type.startsWith('invoice.') || objectId === null || type === 'invoice.deleted') return 'ignored';
  const invoiceId = await stripeInvoices.findOurs(objectId, { signal });
  const poked = invoiceId !== null && (await billing.poke(invoiceId, trace, clock.nowMs()));
  return poked ? 'read_again' : 'settled';
}

/** Of a connected account. */
async function applyOfAccount(
  type: string,
  objectId: string | null,
  account: string,
  services: Applying,
): Promise<string> {
  const { payouts, stripeAccounts, clock, signal } = services;
  if (type === 'account.application.deauthorized')
    return payouts.noteAccount(account, 'disconnected', clock.nowMs());
  if (type.startsWith('payout.') && objectId !== null) {
    const found = await stripeAccounts.readBankPayout(account, objectId, { signal });
    return found === null ? 'not_found' : recordBankPayouts(account, [found], services);
  }
  if (type !== 'account.updated' && type !== 'capability.updated') return 'ignored';
  const state = (await stripeAccounts.mayReceive(account, { signal })) ? 'ready' : 'not_ready';
  return payouts.noteAccount(account, state, clock.nowMs());
}

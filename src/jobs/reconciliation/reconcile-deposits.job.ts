import type { JobServices } from '../../services.ts';
import { defineJob, done, HOUSE_BACKOFF, nightlyPayload } from '../define-job.ts';
import { listMovements, readPayouts } from './reconcile-money.job.ts';

/** A second that is over: no further movement of it comes. */
const SETTLED_MS = 2_000;
/** How often a balance is read that moves meanwhile. */
const READINGS = 3;

/**
 * Every night: reads the platform's own payouts as Stripe says they stand, and what the automatic ones are made of, once
 * Stripe has that ready; reads Stripe's balance right after its newest movement, so that manual ones, of which Stripe
 * tells nothing, are proved by opening + movements = closing; books what left Stripe, came back and is at the bank by
 * the statements that were imported, and keeps one row per difference. It stops no payout to a supplier.
 *
 * Safe to run twice: a payout and an item have one row, a journal the key of its movement or payout, a break its identity.
 */
export const reconcileDeposits = defineJob({
  name: 'reconciliation.reconcile-deposits',
  queue: 'reconciliation',
  version: 1,
  payload: nightlyPayload,
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 10 * 60_000,
  // Each run reads all that is open, so that one which is due while another runs has nothing of its own to find.
  nightly: { dueTime: '10:40', catchUpDays: 7, overlap: 'skip', pauseAfter: 3 },
  concurrency: 1,
  uses: ['deposits', 'reconciliation', 'stripePayouts', 'stripeBalance', 'clock', 'log'],
  async handle(_date, services) {
    const { deposits, clock, log } = services;
    const payouts = await readPayouts(services);
    const itemised = await readItems(services);
    const proof = await readBalances(services);
    const { matched, openBreaks } = await deposits.compare(clock.nowMs());
    if (openBreaks > 0) log.warn({ openBreaks }, 'payouts of the platform and its bank differ');
    return done({ payouts, itemised, proof, matched, openBreaks });
  },
});

type Services = Pick<
  JobServices,
  'deposits' | 'reconciliation' | 'stripePayouts' | 'stripeBalance' | 'clock' | 'log'
> & { readonly signal: AbortSignal };

async function readItems({ deposits, stripePayouts, clock, signal }: Services): Promise<number> {
  for (let itemised = 0; ; ) {
    const waiting = await deposits.toItemise();
    if (waiting.length === 0) return itemised;
    for (const payoutId of waiting) {
      await stripePayouts.readItems(payoutId, (items) => deposits.storeItems(payoutId, items), { signal });
      await deposits.settleItems(payoutId, clock.nowMs());
    }
    itemised += waiting.length;
  }
}

/**
 * Stripe's balance has no history. Movements are stored up to the newest, the balance is read, and it counts only if the
 * newest is still the newest then.
 */
async function readBalances(services: Services): Promise<'read' | 'nothing_moved' | 'moving'> {
  const { deposits, stripePayouts, stripeBalance, clock, signal } = services;
  for (let reading = 0; reading < READINGS; reading += 1) {
    const newest = await stripePayouts.newestMovement({ signal });
    if (newest === null) return 'nothing_moved';
    await listMovements(services, signal);
    const balances = await stripeBalance.read({ signal });
    const after = await stripePayouts.newestMovement({ signal });
    if (after?.id !== newest.id || clock.nowMs() - newest.createdMs < SETTLED_MS) continue;
    await deposits.recordBalances(newest, balances, clock.nowMs());
    return 'read';
  }
  return 'moving';
}

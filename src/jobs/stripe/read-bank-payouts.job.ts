import type { BankPayout } from '../../integrations/stripe/accounts.ts';
import type { JobServices } from '../../services.ts';
import { defineJob, done, HOUSE_BACKOFF, nightlyPayload } from '../define-job.ts';

/** A payout that was paid may still fail within five business days. */
const READ_AGAIN_MS = 14 * 86_400_000;

/**
 * Every night: reads what Stripe paid on to the banks of suppliers, because a webhook that told it may have been missed.
 * No close waits for it.
 *
 * Safe to run twice: a payout has one row, of which an earlier state never replaces a later one.
 */
export const readBankPayouts = defineJob({
  name: 'stripe.read-bank-payouts',
  queue: 'stripe',
  version: 1,
  payload: nightlyPayload,
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 10 * 60_000,
  // Each run reads two weeks, so that one which is due while another runs has nothing of its own to find.
  nightly: { dueTime: '04:20', catchUpDays: 7, overlap: 'skip', pauseAfter: 3 },
  concurrency: 1,
  uses: ['bankPayouts', 'stripeAccounts', 'clock', 'log'],
  async handle(_date, { signal, ...services }) {
    const sinceMs = services.clock.nowMs() - READ_AGAIN_MS;
    let failed = 0;
    let read = 0;
    for (let after = ''; ; ) {
      const accounts = await services.bankPayouts.accountsToRead(after, sinceMs);
      for (const account of accounts) {
        const found = await services.stripeAccounts.listBankPayouts(account, sinceMs, { signal });
        if ((await recordBankPayouts(account, found, services)) === 'bank_failed') failed += 1;
      }
      read += accounts.length;
      const last = accounts.at(-1);
      if (last === undefined) return done({ accounts: read, failed });
      after = last;
    }
  },
});

/**
 * Records what Stripe says of payouts to a supplier's own bank, and tells of each that the bank gave back. The exchange's
 * money left it with the transfer: nothing is posted, and nothing comes back of it.
 */
export async function recordBankPayouts(
  account: string,
  found: readonly BankPayout[],
  { bankPayouts, clock, log }: Pick<JobServices, 'bankPayouts' | 'clock' | 'log'>,
): Promise<'foreign' | 'recorded' | 'bank_failed'> {
  const { supplierId, failed } = await bankPayouts.record(account, found, clock.nowMs());
  for (const { id, failureCode } of failed)
    log.warn({ supplierId, bankPayoutId: id, failureCode }, 'the bank of a supplier gave a payout back');
  if (supplierId === null) return 'foreign';
  return failed.length > 0 ? 'bank_failed' : 'recorded';
}

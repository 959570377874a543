import { z } from 'zod';
import { codeOf, OutageError, TransientError } from '../../errors.ts';
import type { JobServices } from '../../services.ts';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';

/** Movements stored in one request; the API cuts answers at 1,000 rows. */
const CHUNK = 500;
/** Stripe's listing is by second and near its end it may still grow: read so much of the past again. */
const OVERLAP_MS = 60 * 60 * 1_000;
/** Stripe's clock may be ahead of ours. */
const CLOCKS_DIFFER_MS = 60_000;

/**
 * Reads what Stripe says moved since the last time and stores it; reads the refunds, disputes and reversed transfers among
 * it, and the disputes not decided yet, and books how they stand; clears what became available, some charges at a time; then compares with the
 * ledger as of the due instant and keeps one row per difference. Payouts of the date wait for it to finish.
 *
 * A refund, dispute or reversal that cannot be read or booked keeps nothing else from being booked, cleared and compared: it is a break,
 * which stops the payouts of its currency, and the run fails at its end, so that it is tried again.
 *
 * Safe to run twice: a movement has one id, a refund or dispute a row that leaves each state once, a reversal one row, a
 * clearing journal the key of its charge, a break its identity.
 */
export const reconcileMoney = defineJob({
  name: 'reconciliation.reconcile-money',
  queue: 'reconciliation',
  version: 1,
  payload: z.strictObject({ date: z.iso.date(), dueAtMs: z.int() }),
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 300_000,
  uses: ['reconciliation', 'stripeBalance', 'stripeWithdrawals', 'stripeTransfers', 'clock', 'log'],
  async handle({ date, dueAtMs }, services) {
    const { reconciliation, stripeBalance, clock, log, signal } = services;
    const listedMs = clock.nowMs();
    const watermarkMs = await reconciliation.watermark();
    const movements = await stripeBalance.listTransactions({
      createdFromMs: watermarkMs === null ? 0 : Math.max(0, watermarkMs - OVERLAP_MS),
      createdBeforeMs: listedMs + CLOCKS_DIFFER_MS,
      signal,
    });
    for (let from = 0; from < movements.length; from += CHUNK) {
      await reconciliation.store(movements.slice(from, from + CHUNK), clock.nowMs());
    }
    const failed = await bookTakenBack(date, services);
    while ((await reconciliation.clear(date, dueAtMs, clock.nowMs())) > 0) signal.throwIfAborted();
    const { runs, openBreaks } = await reconciliation.reconcile(
      date,
      { dueMs: dueAtMs, listedMs },
      clock.nowMs(),
    );
    for (const run of runs) {
      if (run.differenceMinor !== 0) log.error({ date, ...run }, 'Stripe and the ledger differ');
    }
    if (failed > 0) {
      throw new TransientError(
        'MONEY_NOT_BOOKED',
        `${failed} refunds, disputes or reversals are not booked.`,
        {
          detail: { date, failed },
        },
      );
    }
    return done({
      currencies: runs.length,
      matched: runs.reduce((sum, { matched }) => sum + matched, 0),
      openBreaks,
    });
  },
});

type Services = Pick<
  JobServices,
  'reconciliation' | 'stripeWithdrawals' | 'stripeTransfers' | 'clock' | 'log'
> & {
  readonly signal: AbortSignal;
};

/** Books what Stripe or people took back, each for itself; answers how many could not be booked. */
async function bookTakenBack(date: string, services: Services): Promise<number> {
  const { reconciliation, stripeWithdrawals, stripeTransfers, clock, signal, log } = services;
  const withdrawals = (await reconciliation.withdrawalsToRead()).map((withdrawal) => ({
    id: withdrawal.id,
    async book() {
      const fact = await stripeWithdrawals.read(withdrawal, { signal });
      const end = await reconciliation.recordWithdrawal(fact, date, clock.nowMs());
      if (end !== 'booked') log.warn({ date, ...fact, end }, 'refund or dispute not booked');
    },
  }));
  const failed = await bookEach(date, withdrawals, services);
  const reversals = (await reconciliation.reversalsToRead()).map((id) => ({
    id,
    async book() {
      const fact = await stripeTransfers.readReversal(id, { signal });
      const end = await reconciliation.recordReversal(fact, date, clock.nowMs());
      if (end !== 'booked') log.warn({ date, ...fact, end }, 'reversed transfer not booked');
    },
  }));
  return failed + (await bookEach(date, reversals, services));
}

async function bookEach(
  date: string,
  items: readonly { readonly id: string; readonly book: () => Promise<void> }[],
  { log, signal }: Services,
): Promise<number> {
  let failed = 0;
  for (const { id, book } of items) {
    try {
      await book();
    } catch (error) {
      // What is away is away for all of them, and the run waits for it.
      if (error instanceof OutageError || signal.aborted) throw error;
      failed += 1;
      log.error(
        { date, id, code: codeOf(error, 'JOB_FAILED'), err: error },
        'what was taken back cannot be booked',
      );
    }
  }
  return failed;
}

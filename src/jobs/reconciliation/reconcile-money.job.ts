import { z } from 'zod';
import { codeOf, OutageError, PermanentError, TransientError } from '../../errors.ts';
import { type MovementColumns, toColumns } from '../../movement-columns.ts';
import type { JobServices } from '../../services.ts';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';

/**
 * Stores what Stripe says moved since the last time, page by page; reads the refunds, disputes and reversed transfers among
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
  uses: [
    'reconciliation',
    'deposits',
    'stripeBalance',
    'stripePayouts',
    'stripeWithdrawals',
    'stripeTransfers',
    'clock',
    'log',
  ],
  async handle({ date, dueAtMs }, services) {
    const { reconciliation, stripeBalance, clock, log, signal } = services;
    const listedMs = await listMovements({ stripeBalance, reconciliation, clock }, signal);
    // After the movements: none is stored whose payout was not made yet when they were read.
    await readPayouts(services);
    const failed = await bookTakenBack(date, services);
    await matchMovements(services);
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
      const code = codeOf(error, 'JOB_FAILED');
      // What is away is away for all of them, and the run waits for it; of the other mode nothing at Stripe is ours.
      if (error instanceof OutageError || code === 'STRIPE_MODE_MISMATCH' || signal.aborted) throw error;
      failed += 1;
      log.error({ date, id, code, err: error }, 'what was taken back cannot be booked');
    }
  }
  return failed;
}

type ListServices = Pick<JobServices, 'stripeBalance' | 'reconciliation' | 'clock'>;

/** So many movements go to the database in one request: one for each page of a hundred takes longer than reading it. */
const MOVEMENTS_PER_REQUEST = 5_000;
type Part = Parameters<JobServices['reconciliation']['storePages']>[1];

/**
 * Stores what moved at Stripe since the last whole listing: five thousand movements go to the database while the next are fetched,
 * and no more than these ten thousand are in memory. A listing that stopped midway is read to its end first, and then a new one
 * for what came meanwhile. Answers when the last one began.
 *
 * Safe to run twice: a movement has one id, and a listing is whole only when its last page is stored.
 */
export async function listMovements(
  { stripeBalance, reconciliation, clock }: ListServices,
  signal: AbortSignal,
): Promise<number> {
  for (;;) {
    const nowMs = clock.nowMs();
    const { id, cursor, createdFromMs, createdBeforeMs, startedMs } = await reconciliation.openListing(nowMs);
    await storePages(
      cursor,
      async (after) => {
        const page = await stripeBalance.listPage({ createdFromMs, createdBeforeMs, after, signal });
        return { columns: toColumns(page.movements), next: page.next };
      },
      (part) => reconciliation.storePages(id, part, clock.nowMs()),
    );
    if (startedMs >= nowMs) return startedMs;
  }
}

async function storePages(
  cursor: string | null,
  fetchPage: (after: string | null) => Promise<{ columns: MovementColumns; next: string | null }>,
  store: (part: Part) => Promise<unknown>,
): Promise<void> {
  let held: { after: string | null; pages: MovementColumns[]; next: string | null } = {
    ...{ after: cursor, pages: [], next: cursor },
  };
  let count = 0;
  let storing: Promise<unknown> = Promise.resolve();
  try {
    do {
      const { columns, next } = await fetchPage(held.next);
      held.pages.push(columns);
      held.next = next;
      count += columns.count;
      if (next !== null && count >= MOVEMENTS_PER_REQUEST) {
        await storing;
        storing = store(held);
        // Told when it is waited for, which may be some pages later.
        storing.catch(() => undefined);
        held = { after: next, pages: [], next };
        count = 0;
      }
    } while (held.next !== null);
    await storing;
  } catch (error) {
    // What was fetched is not fetched again.
    await storing;
    if (count > 0) await store(held);
    throw error;
  }
  await store(held);
}

/**
 * Matches what is new at Stripe with what is new in the ledger, part by part; then asks Stripe which payout each transfer names
 * that nothing of ours explains, so that the comparison may match it by that.
 *
 * Safe to run twice: each side is read once, and a transfer is asked for once.
 */
async function matchMovements({
  reconciliation,
  stripeTransfers,
  clock,
  log,
  signal,
}: Pick<JobServices, 'reconciliation' | 'stripeTransfers' | 'clock' | 'log'> & {
  signal: AbortSignal;
}): Promise<void> {
  while (await reconciliation.match(clock.nowMs())) signal.throwIfAborted();
  for (const { movementId, transferId } of await reconciliation.transfersToIdentify(clock.nowMs())) {
    try {
      await reconciliation.noteClaim(movementId, await stripeTransfers.readPayoutId(transferId, { signal }));
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      // It is told as a break all the same.
      log.warn({ movementId, transferId, code: error.code }, 'a transfer could not be read');
    }
  }
}

const DAY_MS = 86_400_000;
/** A payout that was paid may still fail within five business days. */
const READ_AGAIN_MS = 14 * DAY_MS;
/** Stripe's listing is by second and near its end it may still grow: read so much of the past again. */
const OVERLAP_MS = 60 * 60 * 1_000;
/** Rows stored in one request; the API cuts answers at 1,000. */
const PAYOUTS_PER_REQUEST = 500;

/**
 * Reads the platform's own payouts as Stripe says they stand, so that each is known with its bank before what it moved is booked;
 * answers how many were read. Safe to run twice: a payout has one row. Stored oldest first, so that the watermark of a run that is
 * killed passes none.
 */
export async function readPayouts({
  deposits,
  stripePayouts,
  clock,
  log,
  signal,
}: Pick<JobServices, 'deposits' | 'stripePayouts' | 'clock' | 'log'> & {
  signal: AbortSignal;
}): Promise<number> {
  const watermarkMs = await deposits.watermark();
  const fromMs = watermarkMs === null ? 0 : Math.min(watermarkMs - OVERLAP_MS, clock.nowMs() - READ_AGAIN_MS);
  const found = await stripePayouts.list(Math.max(0, fromMs), { signal });
  for (let from = 0; from < found.length; from += PAYOUTS_PER_REQUEST) {
    const failed = await deposits.record(found.slice(from, from + PAYOUTS_PER_REQUEST), clock.nowMs());
    for (const payoutId of failed) log.warn({ payoutId }, 'the bank of the platform gave a payout back');
  }
  return found.length;
}

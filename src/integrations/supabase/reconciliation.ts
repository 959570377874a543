import { z } from 'zod';
import { joinColumns, type MovementColumns } from '../../movement-columns.ts';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

/** Pages of a listing: those after `after`, and after which the next one starts. */
interface Part {
  readonly after: string | null;
  readonly pages: readonly MovementColumns[];
  readonly next: string | null;
}

const listing = z.object({
  id: z.int(),
  createdFromMs: instantMs,
  createdBeforeMs: instantMs,
  /** After which its next page starts; null before the first. */
  cursor: z.string().nullable(),
  startedMs: instantMs,
});

const result = z.object({
  runs: z.array(
    z.object({
      currency: z.string(),
      differenceMinor: amountMinor,
      matched: z.int(),
      availableAgrees: z.boolean(),
    }),
  ),
  openBreaks: z.int(),
});

/** A refund or a dispute; see integrations/stripe/withdrawals.ts. */
const withdrawal = z.object({ id: z.string(), kind: z.enum(['refund', 'dispute']) });
interface WithdrawalFact extends z.output<typeof withdrawal> {
  readonly chargeId: string | null;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status: string;
}

/** A reversed transfer; see integrations/stripe/transfers.ts. */
interface Reversal {
  readonly id: string;
  readonly movementId: string;
  readonly transferId: string;
}
const booked = z.enum(['booked', 'foreign', 'unmoved']);

export type ReconciliationStore = ReturnType<typeof createReconciliationStore>;

export function createReconciliationStore(rpc: Rpc) {
  return {
    /** The listing of Stripe's movements that is to be read: one that stopped midway, or a new one. */
    openListing: (nowMs: number) => rpc('open_listing', { p_now_ms: nowMs }, listing),
    /** Stores the pages after `after`; the listing is whole when `next` is null. How many movements were new. */
    storePages: (listingId: number, { after, pages, next }: Part, nowMs: number) =>
      rpc(
        'store_pages',
        {
          ...{ p_listing_id: listingId, p_after: after, p_movements: joinColumns(pages), p_next: next },
          p_now_ms: nowMs,
        },
        z.int(),
      ),
    /** Refunds and disputes whose present state is to be read: moved and not booked, or not decided; at most 500. */
    withdrawalsToRead: () => rpc('withdrawals_to_read', {}, z.array(withdrawal)),
    /** Books how a refund or a dispute stands; `foreign` and `unmoved` ones book nothing and stay breaks. */
    recordWithdrawal: (fact: WithdrawalFact, date: string, nowMs: number) =>
      rpc('record_withdrawal', { p_fact: fact, p_date: date, p_now_ms: nowMs }, booked),
    /** Movements of reversed transfers that are not booked, by id; at most 500. */
    reversalsToRead: () => rpc('reversals_to_read', {}, z.array(z.string())),
    /** Books a reversed transfer and holds its supplier; `foreign` and `unmoved` ones book nothing and stay breaks. */
    recordReversal: (fact: Reversal, date: string, nowMs: number) =>
      rpc('record_reversal', { p_fact: fact, p_date: date, p_now_ms: nowMs }, booked),
    /** Clears some of the charges whose money is available by the due instant; how many, 0 when none is left. */
    clear: (date: string, dueMs: number, nowMs: number) =>
      rpc('clear_charges', { p_date: date, p_due_ms: dueMs, p_now_ms: nowMs }, z.int()),
    /** Matches a part of what is new with the ledger; true while there is more. */
    match: (nowMs: number) => rpc('match_movements', { p_now_ms: nowMs }, z.boolean()),
    /** Transfers that nothing of ours explains and whose payout was not asked for, at most 500. */
    transfersToIdentify: (nowMs: number) =>
      rpc(
        'transfers_to_identify',
        { p_now_ms: nowMs },
        z.array(z.object({ movementId: z.string(), transferId: z.string() })),
      ),
    /** Notes the payout that a transfer names in its metadata; null when it names none. */
    noteClaim: (movementId: string, payoutId: string | null) =>
      rpc('note_claim', { p_movement_id: movementId, p_payout_id: payoutId }, z.unknown()),
    /**
     * Compares, clears what became available by the due instant, keeps one row per difference. What was recorded since
     * the listing of the movements began (`listedMs`) is no difference.
     */
    reconcile: (date: string, { dueMs, listedMs }: { dueMs: number; listedMs: number }, nowMs: number) =>
      rpc(
        'reconcile_money',
        { p_date: date, p_due_ms: dueMs, p_listed_ms: listedMs, p_now_ms: nowMs },
        result,
      ),
  };
}

import { z } from 'zod';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

/** A movement of Stripe's balance as it is stored; see integrations/stripe/balance.ts. */
interface Movement {
  readonly id: string;
  readonly sourceId: string | null;
  readonly reportingCategory: string;
  readonly amountMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: string;
  readonly exchangeRate: string | null;
  readonly availableOnMs: number;
  readonly createdMs: number;
}

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

export type OpenBreak = z.output<typeof openBreak>;
const openBreak = z.object({
  /** The same in every comparison. */
  identity: z.string(),
  kind: z.string(),
  currency: z.string(),
  amountMinor,
  /** Stripe's word for the movement, its id and that of what is behind it (`ch_…`, `tr_…`); null where Stripe has none. */
  category: z.string().nullable(),
  movementId: z.string().nullable(),
  sourceId: z.string().nullable(),
  /** What of ours it is about, as `payout:<id>`; null for a movement that is of nothing. */
  subject: z.string().nullable(),
  supplierId: z.uuid().nullable(),
  supplier: z.string().nullable(),
  stopsPayouts: z.boolean(),
  firstSeenMs: instantMs,
  lastSeenMs: instantMs,
  /** Of a person, which waits for the approval of another. */
  resolutionId: z.uuid().nullable(),
  askedBy: z.string().nullable(),
  waitsFor: z.literal('approval').nullable(),
});

export type ReconciliationStore = ReturnType<typeof createReconciliationStore>;

export function createReconciliationStore(rpc: Rpc) {
  return {
    /** When the newest known movement was made; null before the first. */
    watermark: () => rpc('movements_watermark', {}, instantMs.nullable()),
    /** Stores movements, at most 500 at once; how many were new. */
    store: (movements: readonly Movement[], nowMs: number) =>
      rpc('store_movements', { p_movements: movements, p_now_ms: nowMs }, z.int()),
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
    /** Breaks that are open, the oldest first, at most 200; the one of an identity when it is given. */
    breaks: (identity: string | null) => rpc('list_breaks', { p_identity: identity }, z.array(openBreak)),
    /** A person accounts for a movement that is none of ours; `payoutId` is what a transfer names at Stripe. */
    resolve: (
      identity: string,
      ofOurs: { payoutId?: string | null; chargeId?: string | null },
      { by, reason, nowMs }: { by: string; reason: string; nowMs: number },
    ) =>
      rpc(
        'resolve_break',
        {
          ...{
            p_identity: identity,
            p_payout_id: ofOurs.payoutId ?? null,
            p_charge_id: ofOurs.chargeId ?? null,
          },
          ...{ p_by: by, p_reason: reason, p_now_ms: nowMs },
        },
        z.object({ id: z.uuid().nullable(), asked: z.boolean(), state: z.string() }),
      ),
    /** A second person lets a resolution above the limit go. */
    approve: (id: string, { by, reason, nowMs }: { by: string; reason: string; nowMs: number }) =>
      rpc(
        'approve_resolution',
        { p_id: id, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.object({ approved: z.boolean(), state: z.string() }),
      ),
    /** Clears some of the charges whose money is available by the due instant; how many, 0 when none is left. */
    clear: (date: string, dueMs: number, nowMs: number) =>
      rpc('clear_charges', { p_date: date, p_due_ms: dueMs, p_now_ms: nowMs }, z.int()),
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

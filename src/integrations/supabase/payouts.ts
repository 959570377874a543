import { z } from 'zod';
import { type Currency, parseCurrency } from '../../money.ts';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

const currency = z.string().transform((code): Currency => parseCurrency(code));

const claimed = z.object({
  kind: z.literal('claimed'),
  token: z.uuid().nullable(),
  /** A request of this generation may have reached Stripe and its outcome is not recorded. */
  inDoubt: z.boolean(),
  /** Requests of this generation so far. */
  sends: z.int(),
  lastSentAtMs: instantMs.nullable(),
  keyMadeAtMs: instantMs,
  transfer: z.object({
    payoutId: z.uuid(),
    generation: z.int(),
    amountMinor,
    currency,
    destination: z.string(),
    description: z.string(),
  }),
});
const settled = z.object({ kind: z.literal('settled'), reason: z.string() });
export type PayoutClaim = z.infer<typeof claimed> & { readonly token: string };

/** How a send or a look-up ended, as the books take it. */
export type PayoutResult =
  | {
      readonly kind: 'sent';
      readonly transferId: string;
      readonly balanceTransactionId: string;
      readonly amountMinor: number;
      readonly currency: string;
      readonly destination: string;
    }
  | { readonly kind: 'refused' | 'unknown'; readonly reason: string }
  | { readonly kind: 'not_executed'; readonly reason: string; readonly wasInDoubt: boolean }
  | { readonly kind: 'absent' | 'no_funds' };

const plan = z.object({
  planned: z.int(),
  amountMinor,
  skipped: z.array(z.object({ supplierId: z.uuid(), currency: z.string(), amountMinor, reason: z.string() })),
});

const preview = z.object({
  supplierId: z.uuid(),
  name: z.string(),
  currency: z.string(),
  amountMinor,
  /** What it would hold back by the supplier's terms; the amount is without it. */
  reserveMinor: amountMinor,
  pays: z.boolean(),
  waitsFor: z.string().nullable(),
  heldReason: z.string().nullable(),
  /** Why the supplier's bank gave its newest payout from Stripe back; null when it did not. */
  bankProblem: z.string().nullable(),
  needsApproval: z.boolean(),
  /** What the comparison of the date's cash says of the currency. */
  gate: z.string(),
});
const shown = z.object({
  id: z.uuid(),
  supplierId: z.uuid(),
  currency: z.string(),
  amountMinor,
  reserveMinor: amountMinor,
  /** Null while nothing is held: there is no reserve, or the payout was not reserved. */
  reserveReleasedOn: z.iso.date().nullable(),
  date: z.iso.date(),
  destination: z.string(),
  state: z.string(),
  problem: z.string().nullable(),
  transferId: z.string().nullable(),
  /** What Stripe paid on to the supplier's bank since it was sent, and how that ended. */
  bankPayouts: z.array(
    z.object({
      id: z.string(),
      amountMinor,
      status: z.string(),
      failureCode: z.string().nullable(),
      failureMessage: z.string().nullable(),
      arrivesAt: z.string(),
    }),
  ),
  attempts: z.array(
    z.object({
      startedAt: z.string(),
      sentAt: z.string().nullable(),
      outcome: z.string().nullable(),
      detail: z.string().nullable(),
    }),
  ),
});

export type PayoutsStore = ReturnType<typeof createPayoutsStore>;

/** Payouts; whoever holds the newest token may write, a late writer gets TOKEN_STALE and changes nothing. */
export function createPayoutsStore(rpc: Rpc) {
  return {
    /** Freezes the payouts of a date from cleared earnings, behind the gate of its cash comparison. */
    plan: (date: string, nowMs: number) => rpc('plan_payouts', { p_date: date, p_now_ms: nowMs }, plan),
    /** Takes a payout over and, the first time, reserves its money. */
    claim: (payoutId: string, nowMs: number) =>
      rpc(
        'claim_payout',
        { p_payout_id: payoutId, p_now_ms: nowMs },
        z.union([settled, claimed.extend({ token: z.uuid() })]),
      ),
    /** Must be written before each request to Stripe; `stopped`: send nothing, look up what an earlier one did. */
    noteSend: (payoutId: string, token: string, nowMs: number) =>
      rpc(
        'note_payout_send',
        { p_payout_id: payoutId, p_token: token, p_now_ms: nowMs },
        z.union([settled, z.object({ kind: z.enum(['noted', 'stopped']) })]),
      ),
    settle: (payoutId: string, token: string, result: PayoutResult, nowMs: number) =>
      rpc(
        'settle_payout',
        { p_payout_id: payoutId, p_token: token, p_result: result, p_now_ms: nowMs },
        claimed,
      ),
    /** What Stripe says of a connected account: its supplier is held for it, or released. */
    noteAccount: (account: string, state: 'ready' | 'not_ready' | 'disconnected', nowMs: number) =>
      rpc(
        'note_account',
        { p_account: account, p_state: state, p_now_ms: nowMs },
        z.enum(['held', 'released', 'unchanged', 'foreign']),
      ),
    /** Money has become available: how many payouts that waited for it, or behind it, go again. */
    wake: (trace: string, nowMs: number) => rpc('wake_payouts', { p_trace: trace, p_now_ms: nowMs }, z.int()),
    approve: (payoutId: string, by: string, reason: string, nowMs: number) =>
      rpc(
        'approve_payout',
        { p_payout_id: payoutId, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.object({ approved: z.boolean(), state: z.string() }),
      ),
    /** Who would be paid on a date, and what the others wait for; writes nothing. */
    preview: (date: string, nowMs: number) =>
      rpc('preview_payouts', { p_date: date, p_now_ms: nowMs }, z.array(preview)),
    /** A payout with its attempts. */
    show: (payoutId: string) => rpc('show_payout', { p_payout_id: payoutId }, shown.nullable()),
    /** Holds a supplier, or releases it; false when that changed nothing. */
    hold: (supplierId: string, held: boolean, by: string, reason: string, nowMs: number) =>
      rpc(
        'hold_supplier',
        { p_supplier_id: supplierId, p_held: held, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.object({ changed: z.boolean(), status: z.enum(['active', 'held']) }),
      ),
    /** The kill switch, read before every send. */
    stop: (stopped: boolean, by: string, reason: string, nowMs: number) =>
      rpc('stop_payouts', { p_stopped: stopped, p_by: by, p_reason: reason, p_now_ms: nowMs }, z.boolean()),
  };
}

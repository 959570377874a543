import { z } from 'zod';
import { type Currency, parseCurrency } from '../../money.ts';
import { amountMinor, nothing, type Rpc } from './rpc.ts';

const currency = z.string().transform((code): Currency => parseCurrency(code));

const claim = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('settled'), reason: z.string() }),
  z.object({
    kind: z.literal('claimed'),
    token: z.uuid(),
    topup: z.object({
      topupId: z.uuid(),
      customer: z.string(),
      currency,
      amountMinor,
      paymentIntentId: z.string().nullable(),
    }),
  }),
]);

const listed = z.object({
  buyerId: z.uuid(),
  buyer: z.string(),
  currency,
  /** What further calls may use; below 0 when money was taken back. */
  coverMinor: amountMinor,
  /** What was paid in and is available at Stripe. */
  availableMinor: amountMinor,
  lowWaterMinor: amountMinor,
  /** Why it is not charged again by itself now; null when it is. */
  stoppedBy: z
    .enum(['no_customer', 'under_way', 'declined_three_times', 'declined_today', 'most_per_day'])
    .nullable(),
  heldCalls: z.int(),
  lastProblem: z.string().nullable(),
});

/** What became of a top-up; see integrations/stripe/topups.ts. */
interface End {
  readonly status: 'paid' | 'processing' | 'failed';
  readonly charge: object | null;
  readonly problem: string | null;
}

export type WalletsStore = ReturnType<typeof createWalletsStore>;

/** Wallets and their top-ups; whoever holds the newest token of one may write, a late writer gets TOKEN_STALE. */
export function createWalletsStore(rpc: Rpc) {
  return {
    claim: (topupId: string, nowMs: number) =>
      rpc('claim_topup', { p_topup_id: topupId, p_now_ms: nowMs }, claim),
    /** Notes the intent before it is confirmed; answers the one that was noted first. */
    noteIntent: (topupId: string, token: string, intentId: string) =>
      rpc('note_topup_intent', { p_topup_id: topupId, p_token: token, p_intent_id: intentId }, z.string()),
    /** Books what was paid in, and has the calls scored that waited for it. */
    record: (topupId: string, token: string, end: End, nowMs: number) =>
      rpc('record_topup', { p_topup_id: topupId, p_token: token, p_end: end, p_now_ms: nowMs }, nothing),
    /** Has the job read an intent of ours; false when it is settled or not ours. */
    poke: (intentId: string, trace: string, nowMs: number) =>
      rpc('poke_topup', { p_intent_id: intentId, p_trace: trace, p_now_ms: nowMs }, z.boolean()),
    list: (nowMs: number) => rpc('list_wallets', { p_now_ms: nowMs }, z.array(listed)),
    /** Charges a wallet now; throws PermanentError WALLET_UNKNOWN. */
    recharge: (
      buyerId: string,
      code: string,
      { by, reason, nowMs }: { by: string; reason: string; nowMs: number },
    ) =>
      rpc(
        'ask_recharge',
        { p_buyer_id: buyerId, p_currency: code, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.object({ topupId: z.uuid(), asked: z.boolean(), amountMinor, state: z.string() }),
      ),
  };
}

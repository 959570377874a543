import { z } from 'zod';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

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

export type BreaksStore = ReturnType<typeof createBreaksStore>;

export function createBreaksStore(rpc: Rpc) {
  return {
    /** Breaks that are open, the oldest first, at most 200; the one of an identity when it is given. */
    list: (identity: string | null) => rpc('list_breaks', { p_identity: identity }, z.array(openBreak)),
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
  };
}

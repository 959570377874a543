import { z } from 'zod';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

export type Break = z.output<typeof breakSchema>;
export const breakSchema = z.object({
  /** The same in every comparison. */
  identity: z.string(),
  kind: z.string(),
  state: z.enum(['open', 'explained', 'resolved', 'ignored', 'closed']),
  currency: z.string(),
  /** What is at risk: less than nothing when it left Stripe, or when Stripe has less than the books. */
  amountMinor,
  /** UTC, of the movement; of what Stripe lacks, of when it was booked. */
  day: z.iso.date(),
  /** Stripe's word for the movement, its id and that of what is behind it (`ch_…`, `tr_…`); null where Stripe has none. */
  category: z.string().nullable(),
  movementId: z.string().nullable(),
  sourceId: z.string().nullable(),
  /** What of ours it is about, as `payout:<id>`; null for a movement that is of nothing. */
  subject: z.string().nullable(),
  supplierId: z.uuid().nullable(),
  supplier: z.string().nullable(),
  stopsPayouts: z.boolean(),
  /** From when on what Stripe does not show is missing there. */
  dueMs: instantMs.nullable(),
  /** That explains it; and what a person said of it. */
  rule: z.string().nullable(),
  reason: z.string().nullable(),
  firstSeenMs: instantMs,
  lastSeenMs: instantMs,
  /** Of a person, which waits for the approval of another. */
  resolutionId: z.uuid().nullable(),
  askedBy: z.string().nullable(),
  waitsFor: z.literal('approval').nullable(),
});

const facts = z.record(z.string(), z.unknown());
export type BreakHistory = z.output<typeof breakHistory>;
const breakHistory = breakSchema.extend({
  /** Both sides of it, as `stripe` and `ledger`. */
  evidence: z.looseObject({ stripe: facts.optional(), ledger: facts.optional() }),
  history: z.array(
    z.object({
      atMs: instantMs,
      actor: z.string(),
      event: z.string(),
      kind: z.string(),
      amountMinor,
      reason: z.string().nullable(),
    }),
  ),
});

export type BreaksStore = ReturnType<typeof createBreaksStore>;

export function createBreaksStore(rpc: Rpc) {
  return {
    /** Breaks that are open, the oldest first, at most 200; the one of an identity when it is given. */
    list: (identity: string | null, nowMs: number) =>
      rpc('list_breaks', { p_identity: identity, p_now_ms: nowMs }, z.array(breakSchema)),
    /** One break, in whatever state, with both sides and its history; null when there is none. */
    show: (identity: string, nowMs: number) =>
      rpc('show_break', { p_identity: identity, p_now_ms: nowMs }, breakHistory.nullable()),
    /** A person says why nobody need act on it. */
    ignore: (identity: string, { by, reason, nowMs }: { by: string; reason: string; nowMs: number }) =>
      rpc(
        'ignore_break',
        { p_identity: identity, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.object({ ignored: z.boolean(), state: z.string() }),
      ),
    /** Open breaks that people are to be told of; each is answered once a date. */
    takeToTell: (nowMs: number) => rpc('take_breaks_to_tell', { p_now_ms: nowMs }, z.array(breakSchema)),
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

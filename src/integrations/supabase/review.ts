import { z } from 'zod';
import { callRevenue, callTerms } from './calls.ts';
import { instantMs, type Rpc } from './rpc.ts';

/** What a person may decide about a call. */
export type Word = 'qualify' | 'reject';

const heldCall = z.object({
  callId: z.uuid(),
  /** Whose report it is, and its id there. */
  source: z.string(),
  externalId: z.string(),
  campaignId: z.uuid(),
  campaign: z.string(),
  supplierId: z.uuid(),
  supplier: z.string(),
  startedAtMs: instantMs,
  durationS: z.int(),
  score: z.int(),
  reasons: z.array(z.object({ signal: z.string(), points: z.int(), text: z.string() })),
  /** When it is decided by itself, and how; null where it never is. */
  holdUntilMs: instantMs.nullable(),
  holdDefault: z.enum(['qualify', 'reject']).nullable(),
  revenue: callRevenue.nullable(),
  terms: callTerms,
});
export type HeldCall = z.infer<typeof heldCall>;

export interface ReviewFilter {
  readonly campaignId: string | null;
  readonly supplierId: string | null;
  readonly signal: string | null;
}

/** What became of a decision; supabase/migrations has what each means. */
const decideResult = z.enum([
  'scored_again',
  'adjusting',
  'waiting_approval',
  'unchanged',
  'being_rated',
  'no_campaign',
  'disputed',
  'unknown',
]);
export type DecideResult = z.infer<typeof decideResult>;

const snoozed = z.object({
  id: z.int(),
  signal: z.string(),
  subjectKind: z.enum(['supplier', 'caller', 'campaign']),
  /** An id, or the caller's number. */
  subject: z.string(),
  fromMs: instantMs,
  untilMs: instantMs,
  madeBy: z.string(),
  reason: z.string(),
});

export type ReviewStore = ReturnType<typeof createReviewStore>;

/** Calls that wait for a person, what people decide, and the signals that they have left out for a while. */
export function createReviewStore(rpc: Rpc) {
  return {
    /** The oldest calls that wait for a person. */
    queue: (filter: ReviewFilter, limit: number): Promise<HeldCall[]> =>
      rpc('review_queue', { p_filter: filter, p_limit: limit }, z.array(heldCall)),
    /** A person decides calls, held or not; what became of each. REVIEW_TOO_MANY above 500. */
    decide: (
      callIds: readonly string[],
      decision: Word,
      by: string,
      reason: string,
      nowMs: number,
    ): Promise<Record<string, DecideResult>> =>
      rpc(
        'decide_calls',
        { p_call_ids: callIds, p_decision: decision, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.record(z.string(), decideResult),
      ),
    /** Decides so many of the held calls whose time is over; how many there were. */
    expire: (limit: number, nowMs: number) =>
      rpc('expire_holds', { p_limit: limit, p_now_ms: nowMs }, z.int()),
    /** Leaves a signal out of the scores of calls that start from now on; the snooze's number. */
    snooze: (
      {
        signal,
        subjectKind,
        subject,
        untilMs,
      }: Omit<z.infer<typeof snoozed>, 'id' | 'fromMs' | 'madeBy' | 'reason'>,
      by: string,
      reason: string,
      nowMs: number,
    ) =>
      rpc(
        'snooze_signal',
        {
          ...{ p_signal: signal, p_subject_kind: subjectKind, p_subject: subject, p_until_ms: untilMs },
          ...{ p_by: by, p_reason: reason, p_now_ms: nowMs },
        },
        z.int(),
      ),
    /** Ends a snooze before its time; false when it has ended. */
    endSnooze: (id: number, by: string, reason: string, nowMs: number) =>
      rpc('end_snooze', { p_id: id, p_by: by, p_reason: reason, p_now_ms: nowMs }, z.boolean()),
    /** Those that have not ended. */
    snoozes: (nowMs: number) => rpc('list_snoozes', { p_now_ms: nowMs }, z.array(snoozed)),
  };
}

import { z } from 'zod';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

/** One report of a call, as its provider stated it; the body stays sealed. */
export interface CallEvent {
  readonly source: string;
  readonly eventId: string;
  readonly kind: string;
  readonly receivedAtMs: number;
  readonly bodySealed: string | null;
  readonly trace: string;
  readonly report: CallFacts;
}

interface CallFacts {
  readonly externalId: string;
  /** E.164 */
  readonly trackingNumber: string;
  readonly callerNumber: string | null;
  readonly startedAtMs: number;
  readonly durationS: number;
  readonly answered: boolean;
  /** What the buyer earned by the call, where the report states it. */
  readonly revenue?: { readonly amountMinor: number; readonly currency: string } | undefined;
  readonly factsAtMs: number;
}

const ingestResult = z.union([
  z.enum(['stored', 'duplicate', 'revised', 'unchanged', 'superseded', 'late']),
  z.object({ code: z.literal('BODY_MALFORMED'), message: z.string() }),
]);
export type IngestResult = z.infer<typeof ingestResult>;

const scoringContext = z.object({
  callId: z.uuid(),
  factsVersion: z.int(),
  /** Changes with everything that is known of the call. */
  factsKey: z.string(),
  status: z.enum(['stored', 'qualified', 'rejected', 'held']),
  /** Whether the tracking number belongs to a campaign. */
  routed: z.boolean(),
  callerNumber: z.string().nullable(),
  durationS: z.int(),
  answered: z.boolean(),
  startedAtMs: instantMs,
  /** What the buyer reported; null when it has not yet. */
  revenue: z.object({ amountMinor, currency: z.string() }).nullable(),
  /** The terms in force at the start; null when there are none. */
  terms: z
    .object({
      termsId: z.uuid(),
      currency: z.string(),
      priceMinor: amountMinor.nullable(),
      incrementS: z.int().nullable(),
      minimumS: z.int().nullable(),
      revenueBps: z.int().nullable(),
      supplierShareBps: z.int().nullable(),
      supplierShareMinor: amountMinor.nullable(),
      supplierShareTiers: z.array(z.object({ fromCall: z.int(), bps: z.int() })).nullable(),
      minDurationS: z.int(),
      duplicateWindowS: z.int(),
    })
    .nullable(),
  /** What a person decided about it. */
  decided: z.enum(['qualify', 'reject']).nullable(),
  /** Whether it started within the hours of its terms. */
  inHours: z.boolean(),
  paidInWindow: z.boolean(),
  callerCallsLastHour: z.int(),
  callerCallsLastDay: z.int(),
});
export type ScoringContext = z.infer<typeof scoringContext>;

export interface Reason {
  readonly signal: string;
  readonly version: number;
  readonly points: number;
  readonly text: string;
}

export interface Decision {
  readonly callId: string;
  readonly factsVersion: number;
  readonly score: number;
  readonly decision: 'qualify' | 'reject' | 'hold';
  readonly reasons: readonly Reason[];
  /** With `qualify`: the terms it was rated by, and the share from the how-manieth paid call of the month on. */
  readonly termsId?: string;
  readonly priceMinor?: number;
  readonly shares?: readonly { readonly fromCall: number; readonly shareMinor: number }[];
}

const rateResult = z.enum(['qualify', 'reject', 'hold', 'already', 'stale']);

export type CallsStore = ReturnType<typeof createCallsStore>;

/** Calls and what is decided about them; every write is one function of the database. */
export function createCallsStore(rpc: Rpc) {
  return {
    /** Stores a batch, at most 500 events; one result per event, in order. */
    ingest: (events: readonly CallEvent[], nowMs: number): Promise<IngestResult[]> =>
      rpc('ingest_calls', { p_events: events, p_now_ms: nowMs }, z.array(ingestResult).length(events.length)),
    /** What scoring needs to know, in one read, also by facts that came after rating; a call that does not exist is absent. */
    scoringContext: (callIds: readonly string[], { withLateFacts = false } = {}): Promise<ScoringContext[]> =>
      rpc('scoring_context', { p_call_ids: callIds, p_late: withLateFacts }, z.array(scoringContext)),
    /** A person decides a held call; false when it is not held, or belongs to no campaign. */
    decide: (callId: string, decision: 'qualify' | 'reject', by: string, reason: string, nowMs: number) =>
      rpc(
        'decide_call',
        { p_call_id: callId, p_decision: decision, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.boolean(),
      ),
    /** Records decisions and, for what qualifies, earning and journal, in one transaction. */
    rate: (decisions: readonly Decision[], nowMs: number): Promise<z.infer<typeof rateResult>[]> =>
      rpc(
        'rate_calls',
        { p_decisions: decisions, p_now_ms: nowMs },
        z.array(rateResult).length(decisions.length),
      ),
  };
}

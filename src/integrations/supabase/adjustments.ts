import { z } from 'zod';
import { amountMinor, type Rpc } from './rpc.ts';

/** Why an adjustment cannot be posted yet; the next close tries again. */
const waits = z.enum([
  'approval',
  'invoice_not_issued',
  'invoice_not_paid',
  'credit_note',
  'payout_in_flight',
  'written_off',
  'money_taken_back',
]);
const adjusted = z.union([
  z.enum(['unchanged', 'scored_again', 'posted', 'dropped', 'stale']),
  waits.transform((waitsFor) => ({ waitsFor })),
]);
export type Adjusted = z.output<typeof adjusted>;

/** What was read of a call and decided by it; without terms and price when it does not qualify. */
export interface SeenFacts {
  readonly factsKey: string;
  readonly decision: 'qualify' | 'reject' | 'hold';
  readonly termsId: string | undefined;
  readonly priceMinor: number | undefined;
}

const waiting = z.object({
  id: z.uuid(),
  callId: z.uuid(),
  cause: z.enum(['facts', 'order', 'dispute', 'operator']),
  priceMinor: amountMinor,
  shareMinor: amountMinor,
  currency: z.string(),
  reason: z.string(),
  askedBy: z.string(),
  askedAt: z.string(),
  state: z.enum(['waiting_approval', 'waiting']),
  waitsFor: waits.nullable(),
});
const perCall = <Result extends z.ZodType>(result: Result) => z.array(z.object({ callId: z.uuid(), result }));

/** What is to be done next for the order of a period: one kind of step, of 100 calls at most. */
const order = z.object({
  /** Whoever changes something of the period changes this number. */
  changes: z.int(),
  kind: z.enum(['drop', 'score', 'take_back', 'rate', 'share']).nullable(),
  steps: z.array(z.looseObject({ callId: z.uuid() })),
  /** All is in order, and stays so until a call comes late again. */
  settled: z.boolean(),
});
export type Order = z.output<typeof order>;

/** A day or month of a campaign, by its clocks; `period` is its first day, `YYYY-MM-DD`. */
export interface Period {
  readonly campaignId: string;
  readonly unit: 'day' | 'month';
  readonly period: string;
}

export type AdjustmentsStore = ReturnType<typeof createAdjustmentsStore>;

/** What is taken back of rated calls, and buyers' disputes of them; every write is one function of the database. */
export function createAdjustmentsStore(rpc: Rpc) {
  return {
    ...createOrder(rpc),
    /** Posts what waits, or makes the adjustment when newer facts change what the call owes. */
    adjust: (callId: string, seen: SeenFacts, nowMs: number): Promise<Adjusted> =>
      rpc('adjust_call', { p_call_id: callId, p_seen: seen, p_now_ms: nowMs }, adjusted),
    /** An operator takes a rated call out of the books. */
    ask: (callId: string, by: string, reason: string, nowMs: number) =>
      rpc(
        'ask_adjustment',
        { p_call_id: callId, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.object({ id: z.uuid(), asked: z.boolean(), state: z.string() }),
      ),
    /** A second person lets an adjustment above the limit go. */
    approve: (id: string, by: string, reason: string, nowMs: number) =>
      rpc(
        'approve_adjustment',
        { p_id: id, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.object({ approved: z.boolean(), state: z.string() }),
      ),
    /** Those that wait, the oldest first, at most 200. */
    list: () => rpc('list_adjustments', {}, z.array(waiting)),
    /** A buyer disputes calls; one result per call. */
    dispute: (callIds: readonly string[], by: string, reason: string, nowMs: number) =>
      rpc(
        'dispute_calls',
        { p_call_ids: callIds, p_by: by, p_reason: reason, p_now_ms: nowMs },
        perCall(z.enum(['opened', 'disputed', 'not_rated', 'too_late'])),
      ),
    /** An operator decides disputes, call by call. */
    decide: (callIds: readonly string[], approve: boolean, by: string, reason: string, nowMs: number) =>
      rpc(
        'decide_disputes',
        { p_call_ids: callIds, p_approve: approve, p_by: by, p_reason: reason, p_now_ms: nowMs },
        perCall(z.enum(['approved', 'denied', 'not_open', 'being_rated'])),
      ),
    /** The newest disputes, at most 200; of a state when given. */
    disputes: (state: string | null) =>
      rpc('list_disputes', { p_state: state }, z.array(z.record(z.string(), z.unknown()))),
  };
}

/** The order of the calls of a period. */
function createOrder(rpc: Rpc) {
  return {
    /** What is to be done that the calls of a period are in the order of their starts; null when they are. */
    readOrder: ({ campaignId, unit, period }: Period) =>
      rpc(
        'read_order',
        { p_campaign_id: campaignId, p_unit: unit, p_period: period },
        z.union([order, z.null()]),
      ),
    /** Does what was read, of calls to be rated with what was decided; stale when the period changed since. */
    putInOrder: (
      { campaignId, unit, period }: Period,
      { changes, kind, steps }: Omit<Order, 'settled'>,
      nowMs: number,
    ) =>
      rpc(
        'put_in_order',
        {
          ...{ p_campaign_id: campaignId, p_unit: unit, p_period: period, p_changes: changes },
          ...{ p_kind: kind, p_steps: steps, p_now_ms: nowMs },
        },
        z.enum(['done', 'stale']),
      ),
  };
}

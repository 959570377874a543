import { z } from 'zod';
import { callRevenue, callTerms, decision, measured } from './calls.ts';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

export const ruleSetState = z.enum(['draft', 'shadow', 'running', 'retired']);

const listedRules = z.object({
  version: z.int(),
  state: ruleSetState,
  author: z.string(),
  note: z.string(),
  madeAtMs: instantMs,
});
export type ListedRules = z.infer<typeof listedRules>;

const standing = {
  /** How the call stands; null while it waits for its score. */
  outcome: z.enum(['approved', 'held', 'rejected']).nullable(),
  /** A person decided it, or its time to be decided ran out. */
  isDecided: z.boolean(),
  /** A dispute or an operator took it out of the books. */
  isTakenBack: z.boolean(),
  /** Neither rules nor a person rejected it, but a cap or the window of its caller. */
  isRefused: z.boolean(),
};

const scoredCall = z.object({
  callId: z.uuid(),
  date: z.iso.date(),
  startedAtMs: instantMs,
  campaignId: z.uuid().nullable(),
  supplierId: z.uuid().nullable(),
  supplier: z.string().nullable(),
  durationS: z.int(),
  ...standing,
  /** What its rules said; null where none were asked. */
  verdict: decision.nullable(),
  ruleSet: z.int().nullable(),
  /** What people said of it since. */
  label: z.enum(['bad', 'good']).nullable(),
  reasons: z.array(z.object({ signal: z.string(), version: z.int(), points: z.int(), text: z.string() })),
  signals: z.array(measured),
  snoozed: z.array(z.string()),
  revenue: callRevenue.nullable(),
  terms: callTerms.nullable(),
  /** Null where the number was withheld, or nothing asks for it. */
  caller: z.object({ key: z.string(), windowS: z.int(), isPaid: z.boolean() }).nullable(),
  earning: z.object({ currency: z.string(), priceMinor: amountMinor, shareMinor: amountMinor }).nullable(),
});
export type ScoredCall = z.infer<typeof scoredCall>;

const shadow = z.object({
  version: z.int(),
  /** Calls that are alike in these words, with the sums of what they owe and earn, and would. */
  groups: z.array(
    z.object({
      ...standing,
      outcome: standing.outcome.unwrap(),
      verdict: decision,
      shadowVerdict: decision,
      currency: z.string().nullable(),
      calls: z.int(),
      priceMinor: amountMinor,
      shareMinor: amountMinor,
      shadowPriceMinor: amountMinor,
      shadowShareMinor: amountMinor,
    }),
  ),
});
export type Shadow = z.infer<typeof shadow>;

/** What is read to try rules before they decide; nothing is written. */
export const readTrials = (rpc: Rpc) => ({
  /** The newest sets, at most 200. */
  listRuleSets: (): Promise<ListedRules[]> => rpc('list_rule_sets', {}, z.array(listedRules)),
  /** Calls of business dates as they are scored, at most `limit`, in the order of their dates and starts. */
  scoredCalls: (
    { from, to }: { from: string; to: string },
    { after, limit }: { after: ScoredCall | null; limit: number },
  ): Promise<ScoredCall[]> =>
    rpc(
      'read_scored_calls',
      {
        p_from: from,
        p_to: to,
        p_after_date: after?.date ?? null,
        p_after_ms: after?.startedAtMs ?? null,
        p_after_id: after?.callId ?? null,
        p_limit: limit,
      },
      z.array(scoredCall),
    ),
  /** What the set in shadow said of the calls of business dates. Throws RULES_UNKNOWN where none is. */
  shadow: ({ from, to }: { from: string; to: string }): Promise<Shadow> =>
    rpc('read_shadow', { p_from: from, p_to: to }, shadow),
});

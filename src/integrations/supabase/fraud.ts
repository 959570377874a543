import { z } from 'zod';
import type { Decision } from './calls.ts';
import type { Rpc } from './rpc.ts';
import { readTrials, ruleSetState } from './rule-trials.ts';

const storedRules = z.object({
  version: z.int(),
  state: ruleSetState,
  /** As it was stored; src/jobs/fraud/rule-set.ts reads it. */
  rules: z.unknown(),
});
export type StoredRules = z.infer<typeof storedRules>;

/** With how often it was marked; null is a call of the date itself. */
const callToRescore = z.object({ callId: z.uuid(), changes: z.int().nullable() });

export type FraudStore = ReturnType<typeof createFraudStore>;

/** Sets of rules, profiles of suppliers, and scores that are looked at once more. */
export function createFraudStore(rpc: Rpc) {
  return {
    ...readTrials(rpc),
    /** The set that decides, the one in shadow, and those of the versions. */
    ruleSets: (versions: readonly number[]): Promise<StoredRules[]> =>
      rpc('read_rule_sets', { p_versions: versions }, z.array(storedRules)),
    /** Adds a set that src/jobs/fraud/rule-set.ts has read; its version. */
    addRuleSet: (rules: unknown, by: string, note: string, nowMs: number) =>
      rpc('add_rule_set', { p_rules: rules, p_by: by, p_note: note, p_now_ms: nowMs }, z.int()),
    /** Has a set decide, or run in shadow, in the place of the one that does; false when it does already. */
    useRuleSet: (
      version: number,
      state: 'shadow' | 'running' | 'retired',
      by: string,
      reason: string,
      nowMs: number,
    ) =>
      rpc(
        'use_rule_set',
        { p_version: version, p_state: state, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.boolean(),
      ),
    /** The next calls to look at for a close: of its date behind the last that was looked at, then marked ones; none at the end. */
    callsToRescore: (date: string, limit: number) =>
      rpc('calls_to_rescore', { p_date: date, p_limit: limit }, z.array(callToRescore)),
    /** Gives calls the scores that they have by now, and notes which were looked at. */
    rescore: (
      date: string,
      decisions: readonly (Decision & { readonly factsKey: string })[],
      lookedAt: readonly z.infer<typeof callToRescore>[],
      nowMs: number,
    ) =>
      rpc(
        'rescore_calls',
        { p_date: date, p_decisions: decisions, p_looked_at: lookedAt, p_now_ms: nowMs },
        z.array(z.string()).length(decisions.length),
      ),
    /** Counts a closed date; how many suppliers have a profile of it now. */
    profileSuppliers: (date: string) => rpc('profile_suppliers', { p_date: date }, z.int()),
  };
}

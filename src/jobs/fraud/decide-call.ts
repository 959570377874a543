import {
  brokenConditions,
  type QualifyingFacts,
  type Reason,
  WAITING_POINTS,
  waitsForTerms,
} from './qualification.ts';
import { type RatedCall, type Rating, rateCall, type Terms, type Unrated } from './rate.ts';
import { type RuleSet, type Rules, rulesFor } from './rule-set.ts';
import type { CallFacts } from './signal.ts';
import { type Measured, measureCall } from './signals.ts';
import { judge, standingOf, type Verdict } from './weigh.ts';

export type Call = QualifyingFacts &
  CallFacts &
  RatedCall & {
    readonly campaignId: string | null;
    readonly terms: (Terms & { readonly minDurationS: number }) | null;
    /** What a person decided about it, or the end of its hold did. */
    readonly decided: 'qualify' | 'reject' | null;
    /** Signals that people said are not to be counted for it. */
    readonly snoozed: readonly string[];
    /** On an invoice: it is judged by what was measured before, whatever is known of other calls by now. */
    readonly isInvoiced: boolean;
    readonly scored: { readonly signals: readonly Measured[] } | null;
  };

export interface CallDecision extends Verdict, Partial<Rating> {
  /** What the rules say of it, whatever a person decided; the database may refuse a call that qualifies. */
  readonly verdict: Verdict['decision'];
  readonly signals: readonly Measured[];
  readonly expiry: Rules['expiry'] | null;
}

/** What becomes of a call that qualifies and cannot be rated, and the words that ops read. */
export const UNRATED: Record<Unrated, readonly [decision: 'hold' | 'reject', text: string]> = {
  'no-revenue-yet': ['hold', 'the buyer has not reported the revenue of the call'],
  'revenue-in-other-currency': ['hold', 'the revenue was reported in another currency than the terms are in'],
  'nothing-owed': ['reject', 'the buyer owes nothing for the call under its terms'],
  'share-above-price': ['hold', 'the supplier would earn more by the call than the buyer owes'],
};

/**
 * Scores one call by a set of rules and, where it qualifies, rates it. A person's decision goes before the score, and before nothing
 * else. Pure: the same facts and rules give the same decision.
 */
export function decideCall(call: Call, ruleSet: RuleSet): CallDecision {
  const waits = waitsForTerms(call);
  if (waits !== null) return unmeasured('hold', WAITING_POINTS, waits);
  const rules = rulesFor(ruleSet, call.campaignId);
  const signals = call.isInvoiced && call.scored !== null ? call.scored.signals : measureCall(call);
  const standing = standingOf(call);
  const broken = brokenConditions(call);
  const others = [...broken, ...(standing === null ? [] : [standing])];
  const judged = judge(signals, others, rules, call.snoozed);
  const decision = broken.length > 0 ? 'reject' : (call.decided ?? judged.decision);
  const expiry = decision === 'hold' ? rules.expiry : null;
  const facts = { ...judged, decision, verdict: judged.decision, signals, expiry };
  if (decision !== 'qualify' || call.terms === null) return facts;
  const rating = rateCall(call.terms, call);
  if (typeof rating !== 'string') return { ...facts, ...rating };
  const [unrated, text] = UNRATED[rating];
  const points = unrated === 'hold' ? WAITING_POINTS : 100;
  return {
    ...facts,
    score: Math.max(judged.score, points),
    decision: unrated,
    verdict: judged.decision === 'qualify' ? unrated : judged.decision,
    reasons: [...judged.reasons, { signal: rating, version: 1, points, text }],
  };
}

const unmeasured = (decision: Verdict['decision'], score: number, reason: Reason): CallDecision => ({
  ...{ score, decision, verdict: decision, bySignals: null, reasons: [reason], signals: [], expiry: null },
});

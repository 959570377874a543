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
import { standingOf, type Verdict, weigh } from './weigh.ts';

export type Call = QualifyingFacts &
  CallFacts &
  RatedCall & {
    readonly campaignId: string | null;
    readonly terms: (Terms & { readonly minDurationS: number }) | null;
    /** What a person decided after the call was held. */
    readonly decided: 'qualify' | 'reject' | null;
    /** Signals that people said are not to be counted for it. */
    readonly snoozed: readonly string[];
  };

export interface CallDecision extends Verdict, Partial<Rating> {
  /** The same as the decision, as the rules say it; the database may refuse a call that qualifies. */
  readonly verdict: Verdict['decision'];
  readonly signals: readonly Measured[];
  readonly expiry: Rules['expiry'] | null;
}

/** What becomes of a call that qualifies and cannot be rated, and the words that ops read. */
const UNRATED: Record<Unrated, readonly [decision: 'hold' | 'reject', text: string]> = {
  'no-revenue-yet': ['hold', 'the buyer has not reported the revenue of the call'],
  'revenue-in-other-currency': ['hold', 'the revenue was reported in another currency than the terms are in'],
  'nothing-owed': ['reject', 'the buyer owes nothing for the call under its terms'],
  'share-above-price': ['hold', 'the supplier would earn more by the call than the buyer owes'],
};

/** Scores one call by a set of rules and, where it qualifies, rates it. Pure: the same facts and rules give the same decision. */
export function decideCall(call: Call, ruleSet: RuleSet): CallDecision {
  const waits = waitsForTerms(call);
  if (waits !== null) return unmeasured('hold', WAITING_POINTS, waits);
  const rules = rulesFor(ruleSet, call.campaignId);
  const signals = measureCall(call);
  const judged = judge(call, signals, rules);
  const facts = { signals, expiry: judged.decision === 'hold' ? rules.expiry : null };
  if (judged.decision !== 'qualify' || call.terms === null)
    return { ...judged, verdict: judged.decision, ...facts };
  const rating = rateCall(call.terms, call);
  if (typeof rating !== 'string') return { ...judged, verdict: 'qualify', ...facts, ...rating };
  const [decision, text] = UNRATED[rating];
  const points = decision === 'hold' ? WAITING_POINTS : 100;
  const reasons = [...judged.reasons, { signal: rating, version: 1, points, text }];
  return { score: Math.max(judged.score, points), decision, verdict: decision, reasons, ...facts };
}

/** A broken condition rejects, whatever else; a person's decision goes before the score, and before nothing else. */
function judge(call: Call, signals: readonly Measured[], rules: Rules): Verdict {
  const weighed = weigh(signals, rules, call.snoozed);
  const standing = standingOf(call, rules);
  const others = [...brokenConditions(call), ...(standing === null ? [] : [standing])];
  const reasons = [...others, ...weighed.reasons];
  const score = Math.min(100, weighed.score + others.reduce((sum, { points }) => sum + points, 0));
  const { holdAt, rejectAt } = rules.thresholds;
  const byScore =
    others.some(({ points }) => points === 100) || score >= rejectAt
      ? 'reject'
      : score >= holdAt
        ? 'hold'
        : 'qualify';
  return { score, decision: call.decided ?? byScore, reasons };
}

const unmeasured = (decision: Verdict['decision'], score: number, reason: Reason): CallDecision => ({
  ...{ score, decision, verdict: decision, reasons: [reason], signals: [], expiry: null },
});

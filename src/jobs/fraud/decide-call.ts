import { type RatedCall, type Rating, rateCall, type Terms, type Unrated } from './rate.ts';
import { type CallFacts, HOLD_AT, scoreCall, type Verdict } from './rules.ts';

type Call = CallFacts & RatedCall & { readonly terms: (Terms & CallFacts['terms']) | null };

/** What becomes of a call that qualifies and cannot be rated, and the words that ops read. */
const UNRATED: Record<Unrated, readonly [decision: 'hold' | 'reject', text: string]> = {
  'no-revenue-yet': ['hold', 'the buyer has not reported the revenue of the call'],
  'revenue-in-other-currency': ['hold', 'the revenue was reported in another currency than the terms are in'],
  'nothing-owed': ['reject', 'the buyer owes nothing for the call under its terms'],
  'share-above-price': ['hold', 'the supplier would earn more by the call than the buyer owes'],
};

/** Scores one call and, where it qualifies, rates it. Pure: the same facts give the same decision. */
export function decideCall(call: Call): Verdict & Partial<Rating> {
  const verdict = scoreCall(call);
  if (verdict.decision !== 'qualify' || call.terms === null) return verdict;
  const rating = rateCall(call.terms, call);
  if (typeof rating !== 'string') return { ...verdict, ...rating };
  const [decision, text] = UNRATED[rating];
  const points = decision === 'hold' ? HOLD_AT : 100;
  return {
    score: Math.max(verdict.score, points),
    decision,
    reasons: [...verdict.reasons, { signal: rating, version: 1, points, text }],
  };
}

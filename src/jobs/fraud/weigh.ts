import type { Reason } from './qualification.ts';
import type { Rules } from './rule-set.ts';
import { type CallFacts, callsOfHour } from './signal.ts';
import { LOOKUP_MISSING } from './signals/lookups.ts';
import { type Measured, signals } from './signals.ts';

export interface Verdict {
  /** 0 (nothing against it) to 100. */
  readonly score: number;
  readonly decision: 'qualify' | 'reject' | 'hold';
  readonly reasons: readonly Reason[];
  /** What its signals alone come to, however its supplier stands and whichever provider is away; null where nothing was measured. */
  readonly bySignals: 'qualify' | 'reject' | 'hold' | null;
}

const TEXTS = new Map(signals.map(({ name, text }) => [name, text]));

/** Where the rules will not do without a provider that did not answer. */
const waitsForLookup = (measures: readonly Measured[], { lookups }: Rules, snoozed: readonly string[]) =>
  lookups.required &&
  !snoozed.includes(LOOKUP_MISSING) &&
  measures.some(({ signal }) => signal === LOOKUP_MISSING);

/** What a set of rules makes of what was measured. Pure, and of nothing else: so it can be made again of what is stored. */
export function weigh(measures: readonly Measured[], rules: Rules, snoozed: readonly string[]): Verdict {
  const waits = waitsForLookup(measures, rules, snoozed);
  const reasons = measures.flatMap(({ signal, version, strength }): Reason[] => {
    const points = Math.round((rules.weights[signal] ?? 0) * strength);
    const text = TEXTS.get(signal) ?? 'a signal that is measured no more';
    if (points === 0 && !(signal === LOOKUP_MISSING && waits)) return [];
    return snoozed.includes(signal)
      ? [{ signal, version, points: 0, text: `${text} (snoozed)` }]
      : [{ signal, version, points, text }];
  });
  const score = Math.min(
    100,
    reasons.reduce((sum, { points }) => sum + points, 0),
  );
  const { holdAt, rejectAt } = rules.thresholds;
  const bySignals = score >= rejectAt ? 'reject' : score >= holdAt ? 'hold' : 'qualify';
  return { score, decision: waits && bySignals === 'qualify' ? 'hold' : bySignals, reasons, bySignals };
}

/** How a supplier stands that has a call wait for a person, who decides about the supplier; it says nothing of the call. */
const WAITING_STANDINGS: readonly string[] = ['supplier-paused', 'supplier-throttled'];

/**
 * What all that speaks against a call comes to: a reason of 100 points beside the signals rejects it, whatever the rules; others add to
 * its score, and how its supplier stands holds it, however little speaks against it, and rejects none.
 */
export function judge(
  measures: readonly Measured[],
  others: readonly Reason[],
  rules: Rules,
  snoozed: readonly string[],
): Verdict {
  const weighed = weigh(measures, rules, snoozed);
  const sum = Math.min(100, weighed.score + others.reduce((total, { points }) => total + points, 0));
  const { holdAt, rejectAt } = rules.thresholds;
  const isRejected = others.some(({ points }) => points === 100) || sum >= rejectAt;
  const score = others.some(({ signal }) => WAITING_STANDINGS.includes(signal)) ? Math.max(sum, holdAt) : sum;
  return {
    score,
    decision: isRejected ? 'reject' : score >= holdAt ? 'hold' : weighed.decision,
    reasons: [...others, ...weighed.reasons],
    bySignals: weighed.bySignals,
  };
}

/** What a call gets by how its supplier stands, beside its own score. */
export function standingOf({ standing, supplier, profile }: CallFacts): Reason | null {
  const reason = (points: number, text: string) => ({
    signal: `supplier-${standing}`,
    version: 1,
    points,
    text,
  });
  if (standing === 'blocked') return reason(100, 'the supplier is blocked');
  if (standing === 'paused') return reason(0, 'the supplier is paused');
  const usual = Math.max(1, (profile?.calls ?? 0) / Math.max(1, profile?.days ?? 0) / 12);
  if (standing === 'throttled' && callsOfHour(supplier) >= usual)
    return reason(0, 'the supplier is throttled, and this is beyond its usual hour');
  return null;
}

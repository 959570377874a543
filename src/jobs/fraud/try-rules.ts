import { PermanentError } from '../../errors.ts';
import { type Backtest, createBacktest, type StoredCall } from './backtest.ts';
import { createTally, type Difference, outcomeBy, type Standing } from './compare.ts';
import { type RuleSet, readStoredRules } from './rule-set.ts';
import { createSignalReport, type SignalReport } from './signal-report.ts';
import type { Verdict } from './weigh.ts';

/** Read in one request. */
const BATCH = 1_000;

/** Business dates, both included. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

interface Calls<Call> {
  scoredCalls(
    period: Period,
    page: { readonly after: Call | null; readonly limit: number },
  ): Promise<readonly Call[]>;
}

interface ShadowGroup extends Standing {
  readonly verdict: Verdict['decision'];
  readonly shadowVerdict: Verdict['decision'];
  readonly currency: string | null;
  readonly calls: number;
  readonly priceMinor: number;
  readonly shareMinor: number;
  readonly shadowPriceMinor: number;
  readonly shadowShareMinor: number;
}

export function checkPeriod(period: Period): Period {
  if (period.from <= period.to) return period;
  throw new PermanentError('PERIOD_INVALID', `${period.to} is before ${period.from}.`);
}

/** Replays the calls of a period through another set of rules. Reads, and writes nothing. */
export async function backtest<Call extends StoredCall>(
  fraud: Calls<Call>,
  ruleSet: RuleSet,
  period: Period,
): Promise<Backtest> {
  const test = createBacktest(ruleSet);
  for await (const calls of batches(fraud, period)) test.add(calls);
  return test.result();
}

/** What each signal was worth over a period. Reads, and writes nothing. */
export async function reportSignals<Call extends StoredCall>(
  fraud: Calls<Call> & {
    ruleSets(
      versions: readonly number[],
    ): Promise<readonly { readonly version: number; readonly rules: unknown }[]>;
  },
  period: Period,
): Promise<SignalReport> {
  const report = createSignalReport();
  const sets = new Map<number, RuleSet>();
  for await (const calls of batches(fraud, period)) {
    const wanted = new Set(calls.flatMap(({ ruleSet }) => ruleSet ?? []));
    if ([...wanted].some((version) => !sets.has(version)))
      for (const { version, rules } of await fraud.ruleSets([...wanted]))
        sets.set(version, readStoredRules(rules));
    report.add(calls, sets);
  }
  return report.result();
}

/** What the set in shadow would have made of calls; the version that it is. */
export function shadowDifference({
  version,
  groups,
}: {
  readonly version: number;
  readonly groups: readonly ShadowGroup[];
}): Difference & { readonly version: number } {
  const tally = createTally();
  for (const group of groups) {
    const to = outcomeBy(group, group.shadowVerdict);
    if (group.outcome === null || to === null) continue;
    const amounts =
      group.outcome === 'approved'
        ? { priceMinor: group.priceMinor, shareMinor: group.shareMinor }
        : { priceMinor: group.shadowPriceMinor, shareMinor: group.shadowShareMinor };
    const money = group.currency === null ? null : { currency: group.currency, ...amounts };
    tally.add({ from: group.outcome, to, count: group.calls }, money);
  }
  return { version, ...tally.difference() };
}

async function* batches<Call>(fraud: Calls<Call>, period: Period): AsyncGenerator<readonly Call[]> {
  for (let after: Call | null = null; ; ) {
    const calls: readonly Call[] = await fraud.scoredCalls(period, { after, limit: BATCH });
    yield calls;
    after = calls.at(-1) ?? null;
    if (calls.length < BATCH || after === null) return;
  }
}

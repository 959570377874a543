import { parseAmountMinor } from '../../money.ts';
import { isOfRules, replayCall, type StoredCall } from './backtest.ts';
import { rateCall } from './rate.ts';
import type { RuleSet } from './rule-set.ts';
import { signals } from './signals.ts';

/** What a signal was worth over a period. */
export interface SignalValue {
  readonly signal: string;
  /** Calls on which it measured anything. */
  readonly calls: number;
  /** Of those the ones that people called bad and good. */
  readonly bad: number;
  readonly good: number;
  /** Of the labelled calls with the signal the share that is bad; null when there is none. */
  readonly precision: number | null;
  /** Of the bad calls the share that has the signal. */
  readonly recall: number | null;
  /** By currency the prices of calls that were not paid for and would have come further without its points. */
  readonly savedMinor: Readonly<Record<string, number>>;
}

export interface SignalReport {
  readonly calls: number;
  readonly labels: { readonly bad: number; readonly good: number };
  /** Each call once, although several of its signals may have been needed. */
  readonly savedMinor: Readonly<Record<string, number>>;
  readonly signals: readonly SignalValue[];
}

/** From the mildest on. */
const VERDICTS = ['qualify', 'hold', 'reject'];

/** Counts calls, batch by batch in the order of their starts; `ruleSets` are those that the calls were scored by. Only sums are kept. */
export function createSignalReport() {
  const labels = { bad: 0, good: 0 };
  let calls = 0;
  const saved: Record<string, number> = {};
  /** When the last call of each caller started that would have been paid for. */
  const savedAtMs = new Map<string, number>();
  const values = new Map(
    signals.map(({ name }) => [name, { calls: 0, bad: 0, good: 0, saved: {} as Record<string, number> }]),
  );
  function count(call: StoredCall, ruleSet: RuleSet | undefined): void {
    if (call.outcome === null || call.verdict === null) return;
    calls += 1;
    if (call.label !== null) labels[call.label] += 1;
    const price = ruleSet === undefined || isInWindow(call) ? null : savedPrice(call);
    if (price !== null) {
      addTo(saved, price);
      if (call.caller !== null) savedAtMs.set(call.caller.key, call.startedAtMs);
    }
    for (const { signal } of call.signals) {
      const value = values.get(signal) ?? { calls: 0, bad: 0, good: 0, saved: {} };
      values.set(signal, value);
      value.calls += 1;
      if (call.label !== null) value[call.label] += 1;
      if (price !== null && ruleSet !== undefined && isNeeded(call, ruleSet, signal))
        addTo(value.saved, price);
    }
  }
  /** Its caller was paid for, or would have been: the terms pay for the first of its calls in their window. */
  function isInWindow({ caller, startedAtMs }: StoredCall): boolean {
    if (caller === null) return false;
    const beforeMs = savedAtMs.get(caller.key) ?? Number.NEGATIVE_INFINITY;
    return caller.isPaid || beforeMs >= startedAtMs - caller.windowS * 1_000;
  }
  return {
    add(batch: readonly StoredCall[], ruleSets: ReadonlyMap<number, RuleSet>) {
      for (const call of batch) count(call, call.ruleSet === null ? undefined : ruleSets.get(call.ruleSet));
    },
    result: (): SignalReport => ({
      ...{ calls, labels, savedMinor: saved },
      signals: [...values].map(([signal, { saved: savedMinor, ...value }]) => ({
        signal,
        ...value,
        precision: shareOf(value.bad, value.bad + value.good),
        recall: shareOf(value.bad, labels.bad),
        savedMinor,
      })),
    }),
  };
}

const shareOf = (part: number, whole: number) => (whole === 0 ? null : part / whole);

interface Price {
  readonly currency: string;
  readonly priceMinor: number;
}

function addTo(sums: Record<string, number>, { currency, priceMinor }: Price): void {
  sums[currency] = parseAmountMinor((sums[currency] ?? 0) + priceMinor);
}

/** What a call would have owed that the rules rejected, or held and that was not let go; null where something else stands against it. */
function savedPrice(call: StoredCall): Price | null {
  if (call.outcome !== 'rejected' || call.verdict === 'qualify') return null;
  if (call.isTakenBack || call.isRefused) return null;
  if (call.terms === null || !isOfRules(call)) return null;
  const rating = rateCall(call.terms, call);
  return typeof rating === 'string' ? null : { currency: call.terms.currency, priceMinor: rating.priceMinor };
}

/** Whether its points were needed: without them the call would have come further. */
function isNeeded(call: StoredCall, ruleSet: RuleSet, signal: string): boolean {
  const { verdict } = replayCall(call, ruleSet, signal);
  return VERDICTS.indexOf(verdict) < VERDICTS.indexOf(call.verdict ?? 'qualify');
}

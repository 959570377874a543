import { createTally, type Difference, OUTCOMES, type Outcome, outcomeBy, type Standing } from './compare.ts';
import { UNRATED } from './decide-call.ts';
import type { Reason } from './qualification.ts';
import { type RatedCall, type Rating, rateCall, type Terms } from './rate.ts';
import { type RuleSet, rulesFor } from './rule-set.ts';
import type { Measured } from './signals.ts';
import { judge, type Verdict } from './weigh.ts';

/** A call as it was scored: what is stored of that, and what became of it. */
export interface StoredCall extends Standing, RatedCall {
  readonly supplierId: string | null;
  readonly supplier: string | null;
  readonly campaignId: string | null;
  /** What people said of it since; null when nobody did. */
  readonly label: 'bad' | 'good' | null;
  readonly ruleSet: number | null;
  readonly reasons: readonly Reason[];
  readonly signals: readonly Measured[];
  readonly snoozed: readonly string[];
  readonly terms: Terms | null;
  readonly startedAtMs: number;
  /** Who called the campaign; whether it was paid for within its window before. Null where the number was withheld. */
  readonly caller: { readonly key: string; readonly windowS: number; readonly isPaid: boolean } | null;
  readonly earning: {
    readonly currency: string;
    readonly priceMinor: number;
    readonly shareMinor: number;
  } | null;
}

/** Calls wait for one of these, whatever rules say. */
const WAITS: readonly string[] = ['unknown-tracking-number', 'no-terms'];
/** What the database adds to a call that qualifies; it stands as long as the call qualifies. */
const OF_THE_BUYER: readonly string[] = ['buyer-paused', 'wallet-empty'];

/** What speaks against a call beside its signals. */
function othersOf({ reasons, signals, isRefused }: StoredCall): Reason[] {
  const weighed = new Set(signals.map(({ signal }) => signal));
  // A refusal is the last reason, and none of the rules.
  return (isRefused ? reasons.slice(0, -1) : reasons).filter(
    ({ signal }) => !(weighed.has(signal) || OF_THE_BUYER.includes(signal) || signal in UNRATED),
  );
}

/** What rules make of a call that is stored, as if nobody had decided it; `without` a signal that it has. Pure. */
export function replayCall(
  call: StoredCall,
  ruleSet: RuleSet,
  without?: string,
): { readonly verdict: Verdict['decision']; readonly rating: Rating | null } {
  if (call.reasons.some(({ signal }) => WAITS.includes(signal))) return { verdict: 'hold', rating: null };
  const rules = rulesFor(ruleSet, call.campaignId);
  const signals = call.signals.filter(({ signal }) => signal !== without);
  const verdict = judge(signals, othersOf(call), rules, call.snoozed).decision;
  if (verdict !== 'qualify' || call.terms === null) return { verdict, rating: null };
  const rating = rateCall(call.terms, call);
  return typeof rating === 'string'
    ? { verdict: UNRATED[rating][0], rating: null }
    : { verdict: 'qualify', rating };
}

/** Whether rules decide about a call at all: it breaks no condition of its terms, and its supplier is not blocked. */
export const isOfRules = (call: StoredCall): boolean => !othersOf(call).some(({ points }) => points === 100);

type Counts = Record<Outcome, number>;
/** How many calls with a label the rules that scored them approved, held and rejected, and how many others would. */
interface Confusion {
  readonly before: Counts;
  readonly after: Counts;
}

export interface Backtest extends Difference {
  /** Calls of the period that wait for their score, or that no rules were asked about; they are in no other number. */
  readonly skipped: number;
  /** Those with calls that would end otherwise. */
  readonly suppliers: readonly (Difference & { readonly supplierId: string; readonly supplier: string })[];
  readonly labels: { readonly bad: Confusion; readonly good: Confusion };
}

const confusion = (): Confusion => ({
  before: { approved: 0, held: 0, rejected: 0 },
  after: { approved: 0, held: 0, rejected: 0 },
});

/** Replays calls, batch by batch, through another set of rules; only sums are kept. */
export function createBacktest(ruleSet: RuleSet) {
  const all = createTally();
  const suppliers = new Map<string, { name: string; tally: ReturnType<typeof createTally> }>();
  const labels = { bad: confusion(), good: confusion() };
  let skipped = 0;
  function replay(call: StoredCall): void {
    const { verdict, rating } = replayCall(call, ruleSet);
    const to = outcomeBy(call, verdict);
    if (call.outcome === null || call.verdict === null || to === null) {
      skipped += 1;
      return;
    }
    if (call.label !== null) {
      labels[call.label].before[OUTCOMES[call.verdict]] += 1;
      labels[call.label].after[OUTCOMES[verdict]] += 1;
    }
    const change = { from: call.outcome, to, count: 1 };
    const money = call.earning ?? newMoney(call, rating);
    all.add(change, money);
    if (call.supplierId === null) return;
    const own = suppliers.get(call.supplierId) ?? { name: call.supplier ?? '', tally: createTally() };
    suppliers.set(call.supplierId, own);
    own.tally.add(change, money);
  }
  return {
    add: (calls: readonly StoredCall[]) => calls.forEach(replay),
    result: (): Backtest => ({
      ...all.difference(),
      skipped,
      suppliers: [...suppliers]
        .map(([supplierId, { name, tally }]) => ({ supplierId, supplier: name, ...tally.difference() }))
        .filter(({ changes }) => changes.length > 0)
        .sort((a, b) => (a.supplierId < b.supplierId ? -1 : 1)),
      labels,
    }),
  };
}

/** What a call would owe and earn that does not by now: of a share by tiers that of the first call of a month. */
const newMoney = ({ terms }: StoredCall, rating: Rating | null) =>
  terms === null || rating === null
    ? null
    : {
        currency: terms.currency,
        priceMinor: rating.priceMinor,
        shareMinor: rating.shares[0]?.shareMinor ?? 0,
      };

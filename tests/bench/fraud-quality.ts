import {
  BEHAVIOURS,
  HARD_NEGATIVES,
  isFraud,
  type LabelledCall,
} from '../../sandbox/traffic/labelled/labelled-call.ts';
import { type LabelledTraffic, makeLabelledTraffic } from '../../sandbox/traffic/labelled/traffic.ts';
import { defaultRules } from '../../src/jobs/fraud/default-rules.ts';
import { rulesFor } from '../../src/jobs/fraud/rule-set.ts';
import type { CallFacts } from '../../src/jobs/fraud/signal.ts';
import { measureCall } from '../../src/jobs/fraud/signals.ts';
import { type Verdict, weigh } from '../../src/jobs/fraud/weigh.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { type ScoredCall, scoreTraffic, storeTraffic } from './fraud-calls.ts';
import { countTraffic } from './fraud-windows.ts';

interface FraudQualityOptions {
  readonly seed: number;
  readonly calls: number;
  readonly fraudShare: number;
  readonly days: number;
  /** Windows and profiles are counted in memory: a test holds them to what the database reads. */
  readonly memory: boolean;
  readonly say: (line: string) => void;
}

interface Rates {
  /** Of fraud, what was held or rejected. */
  readonly recall: number;
  /** Of honest calls, what was held or rejected. */
  readonly falsePositiveRate: number;
}

export interface FraudQuality extends Rates {
  readonly name: 'fraud-quality';
  readonly seed: number;
  readonly calls: number;
  /** Of all calls those that are answered and as long as their campaign asks: the ones that cost money. Rates are of these. */
  readonly payable: number;
  readonly payableFraud: number;
  /** Behaviour → recall. */
  readonly perBehaviour: Readonly<Record<string, number>>;
  /** Hard negative → false-positive rate. */
  readonly hardNegatives: Readonly<Record<string, number>>;
  /** Fifths of evasion strength → recall; null where the traffic has no such call. */
  readonly byEvasion: Readonly<Record<string, number | null>>;
  /** Two rules alone: a caller who had a payable call in the campaign within 30 days, or calls five times in an hour or ten in a day. */
  readonly baseline: Rates & { readonly perBehaviour: Readonly<Record<string, number>> };
  /** The same of all calls, also those that nobody would pay for anyway. */
  readonly allCalls: Rates;
}

/** What is kept of a call once it is scored. */
interface Outcome {
  readonly label: LabelledCall['label'];
  readonly evasion: number | null;
  readonly isPayable: boolean;
  /** The rules held or rejected it; what its terms say does not count. */
  readonly flagged: boolean;
  readonly byTwoRules: boolean;
}

/** Scores labelled traffic as the product does, and counts what its rules catch and whom they wrong. */
export async function benchFraudQuality(options: FraudQualityOptions): Promise<FraudQuality> {
  const { say } = options;
  const traffic = makeLabelledTraffic(options);
  if (options.memory) return countQuality(options.seed, outcomesInMemory(traffic));
  const db = await createTestDatabase();
  try {
    await storeTraffic(db, traffic);
    say(`${traffic.calls.length} calls stored`);
    const outcomes: Outcome[] = [];
    const startedMs = performance.now();
    for await (const batch of scoreTraffic(db, traffic)) {
      outcomes.push(...batch.map(outcomeOf));
      if (outcomes.length % 20_000 < batch.length)
        say(`${outcomes.length} scored, ${Math.round((performance.now() - startedMs) / 1_000)} s`);
    }
    return countQuality(options.seed, outcomes);
  } finally {
    await db.close();
  }
}

export function outcomesInMemory(traffic: LabelledTraffic): Outcome[] {
  const rules = rulesFor(defaultRules, null);
  const verdicts: Verdict[] = [];
  const outcomes: Outcome[] = [];
  for (const { call, context } of countTraffic(traffic, (facts) => {
    const verdict = weigh(measureCall(facts), rules, []);
    verdicts.push(verdict);
    return verdict;
  })) {
    const verdict = verdicts.pop();
    if (verdict !== undefined) outcomes.push(outcomeOf({ call, context, verdict }));
  }
  return outcomes;
}

export function outcomeOf({
  call,
  context,
  verdict,
}: Omit<ScoredCall, 'context'> & { context: CallFacts }): Outcome {
  const { caller, terms } = context;
  return {
    label: call.label,
    evasion: call.evasion,
    isPayable: call.answered && call.durationS >= (terms?.minDurationS ?? Number.POSITIVE_INFINITY),
    flagged: verdict.decision !== 'qualify',
    byTwoRules: caller.payableInCampaign > 0 || caller.hour >= 5 || caller.day >= 10,
  };
}

const round = (value: number) => Math.round(value * 10_000) / 10_000;
const shareOf = (outcomes: readonly Outcome[], is: (outcome: Outcome) => boolean) =>
  outcomes.length === 0 ? 0 : round(outcomes.filter(is).length / outcomes.length);

export function countQuality(seed: number, outcomes: readonly Outcome[]): FraudQuality {
  const payable = outcomes.filter(({ isPayable }) => isPayable);
  const fraud = payable.filter(isFraud);
  const flagged = ({ flagged }: Outcome) => flagged;
  const byTwoRules = ({ byTwoRules }: Outcome) => byTwoRules;
  const ratesOf = (of: readonly Outcome[], is: (outcome: Outcome) => boolean): Rates => ({
    recall: shareOf(of.filter(isFraud), is),
    falsePositiveRate: shareOf(
      of.filter((one) => !isFraud(one)),
      is,
    ),
  });
  const labelled = (labels: readonly string[], is: (outcome: Outcome) => boolean) =>
    Object.fromEntries(
      labels.map((label) => [
        label,
        shareOf(
          payable.filter((one) => one.label === label),
          is,
        ),
      ]),
    );
  const fifths = [0, 0.2, 0.4, 0.6, 0.8].map((from) => {
    const within = fraud.filter(({ evasion }) => evasion !== null && evasion >= from && evasion < from + 0.2);
    return [`${from}–${round(from + 0.2)}`, within.length === 0 ? null : shareOf(within, flagged)] as const;
  });
  return {
    ...{ name: 'fraud-quality' as const, seed, calls: outcomes.length },
    ...{ payable: payable.length, payableFraud: fraud.length },
    ...ratesOf(payable, flagged),
    perBehaviour: labelled(BEHAVIOURS, flagged),
    hardNegatives: labelled(HARD_NEGATIVES, flagged),
    byEvasion: Object.fromEntries(fifths),
    baseline: { ...ratesOf(payable, byTwoRules), perBehaviour: labelled(BEHAVIOURS, byTwoRules) },
    allCalls: ratesOf(outcomes, flagged),
  };
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFraud, type Label } from '../../sandbox/traffic/labelled/labelled-call.ts';
import { makeLabelledTraffic } from '../../sandbox/traffic/labelled/traffic.ts';
import { evidenceOf } from '../../src/jobs/fraud/evidence.ts';
import type { CallFacts } from '../../src/jobs/fraud/signal.ts';
import type { Trees } from '../../src/jobs/fraud/trees.ts';
import { PROJECT } from '../helpers/migrations.ts';
import { boost } from './boost.ts';
import type { Rows } from './boost-bins.ts';
import { countTraffic } from './fraud-windows.ts';

const PATTERNS = join(PROJECT, 'src/jobs/fraud/patterns.json');
const TRAFFIC = { fraudShare: 0.15, days: 35 };
/** Of what is told with most difficulty each call stands for two: honest ones that look like fraud, fraud that looks honest. */
const HARD: readonly Label[] = [
  ...(['shared-office', 'honest-repeat'] as const),
  ...(['redial-farm', 'night-burst', 'cross-campaign'] as const),
];

interface FraudTrainOptions {
  /** Those whose traffic the trees are grown by. */
  readonly seeds: readonly number[];
  readonly calls: number;
  readonly trees: number;
  readonly leaves: number;
  readonly say: (line: string) => void;
}

/** Grows the trees by labelled traffic, and writes them. */
export async function trainFraud(options: FraudTrainOptions): Promise<object> {
  const { seeds, trees, leaves, say } = options;
  const startedMs = performance.now();
  const elapsedS = () => Math.round((performance.now() - startedMs) / 1_000);
  const samples = seeds.map((seed) => {
    const sample = sampleOf(seed, options.calls);
    say(`seed ${seed}: ${sample.answers.length} rows, ${elapsedS()} s`);
    return sample;
  });
  const evidence = samples[0]?.evidence ?? [];
  const rows = joined(samples, evidence.length);
  const { base, trees: grown } = boost(
    rows,
    { trees, leaves, leastRows: 150, lambda: 5, shrinkage: 0.1 },
    (line) => say(`${line}, ${elapsedS()} s`),
  );
  const patterns = { evidence, base, trees: grown };
  await writeFile(PATTERNS, printTrees(patterns));
  return { name: 'fraud-train', rows: rows.answers.length, trees, leaves, tookS: elapsedS() };
}

/** One tree a line, so that a change of one is a change of its line. */
export const printTrees = ({ evidence, base, trees }: Trees): string =>
  `{"evidence":${JSON.stringify(evidence)},"base":${base},"trees":[\n${trees.map((tree) => JSON.stringify(tree)).join(',\n')}\n]}\n`;

interface Payable {
  readonly label: Label;
  readonly ofCheat: boolean;
  readonly context: CallFacts;
}

/** Only what is payable costs money. What rules make of calls is not asked: it is no evidence, or trees and rules would wait for each other. */
function* payableCalls(seed: number, calls: number): Generator<Payable> {
  const traffic = makeLabelledTraffic({ seed, calls, ...TRAFFIC });
  const cheats = new Set(traffic.suppliers.filter((one) => one.isFraudulent).map(({ id }) => id));
  for (const { call, context } of countTraffic(traffic, () => ({ bySignals: 'qualify' }))) {
    if (!call.answered || call.durationS < (context.terms?.minDurationS ?? Number.POSITIVE_INFINITY))
      continue;
    yield { label: call.label, ofCheat: cheats.has(call.supplierId), context };
  }
}

interface Sample {
  readonly evidence: readonly string[];
  readonly values: number[];
  readonly answers: number[];
  readonly weights: number[];
}

/** Of what there is plenty of, a part that stands for all of it; each row as heavy as what it stands for. */
function sampleOf(seed: number, calls: number): Sample {
  const sample = { evidence: [] as string[], values: [] as number[] };
  const [answers, weights]: [number[], number[]] = [[], []];
  let nth = -1;
  for (const { label, ofCheat, context } of payableCalls(seed, calls)) {
    nth += 1;
    const fraud = isFraud({ label });
    const every = fraud ? 2 : ofCheat ? 1 : 4;
    if (nth % every !== 0) continue;
    const evidence = evidenceOf(context);
    if (sample.evidence.length === 0) sample.evidence = Object.keys(evidence);
    for (const name of sample.evidence) sample.values.push(evidence[name] ?? Number.NaN);
    answers.push(fraud ? 1 : 0);
    weights.push(every * (HARD.includes(label) ? 2 : 1));
  }
  return { ...sample, answers, weights };
}

function joined(samples: readonly Sample[], columns: number): Rows {
  const rows = samples.reduce((sum, { answers }) => sum + answers.length, 0);
  const values = new Float64Array(rows * columns);
  const answers = new Uint8Array(rows);
  const weights = new Float64Array(rows);
  let at = 0;
  for (const sample of samples) {
    values.set(sample.values, at * columns);
    answers.set(sample.answers, at);
    weights.set(sample.weights, at);
    at += sample.answers.length;
  }
  return { columns, values, answers, weights };
}

/** `1-14`, or `1,3,7-9`. */
export const seedsOf = (text: string): number[] =>
  text
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [from = Number.NaN, to = from] = part.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, nth) => from + nth);
    });

import { expect, test } from 'vitest';
import { createRandom } from '../../sandbox/random.ts';
import { evidenceOf } from '../../src/jobs/fraud/evidence.ts';
import type { CallFacts } from '../../src/jobs/fraud/signal.ts';
import { judgeByTrees, type Trees } from '../../src/jobs/fraud/trees.ts';
import { boost } from '../bench/boost.ts';
import { printTrees, seedsOf } from '../bench/fraud-train.ts';
import { ORDINARY } from '../helpers/call-facts.ts';

const ROWS = 4_000;
const NAMES = ['one', 'other', 'sometimes', 'noise'];

/** Yes where one of two numbers is high and the other is not, and where a third is not known. */
function riddle() {
  const random = createRandom(7);
  const rows = Array.from({ length: ROWS }, () => {
    const [one, other, noise] = [Math.floor(random.next() * 200), random.next(), random.next()];
    return [one, other, random.next() < 0.1 ? null : Math.floor(random.next() * 9), noise] as const;
  });
  const answers = rows.map(([one, other, sometimes]) => sometimes === null || one > 80 !== other > 0.7);
  const values = Float64Array.from(rows.flatMap((row) => row.map((value) => value ?? Number.NaN)));
  const weights = new Float64Array(ROWS).fill(1);
  return { rows, answers, given: { columns: 4, values, answers: Uint8Array.from(answers, Number), weights } };
}

const OPTIONS = { trees: 60, leaves: 8, leastRows: 20, lambda: 1, shrinkage: 0.3 };
const { rows, answers, given } = riddle();
const boosted = boost(given, OPTIONS);
const written: Trees = JSON.parse(printTrees({ ...boosted, evidence: NAMES }));
const logOdds = rows.map(
  (row) => judgeByTrees(written, Object.fromEntries(row.map((value, nth) => [NAMES[nth], value]))).logOdds,
);

test('trees find what two numbers say together, and what it says that one is not known', () => {
  const right = answers.filter((answer, row) => (logOdds[row] ?? 0) > 0 === answer);
  expect(right.length / ROWS).toBeGreaterThan(0.98);
  const unknown = logOdds.filter((_, row) => rows[row]?.[2] === null);
  expect(unknown.every((odds) => odds > 0)).toBe(true);
});

test('trees say as they are written what they said when they were grown', () => {
  logOdds.forEach((odds, row) => {
    expect(odds).toBeCloseTo(boosted.logOdds[row] ?? Number.NaN, 9);
  });
});

test('the same rows grow the same trees', () => {
  expect(boost(riddle().given, OPTIONS).trees).toEqual(boosted.trees);
});

test('no tree has more leaves, nor a leaf fewer rows, than was asked', () => {
  for (const tree of written.trees)
    expect(tree.filter((node) => node.length === 1).length).toBeLessThanOrEqual(OPTIONS.leaves);
  // Those at either end would be cut off by themselves.
  const values = Float64Array.from({ length: 1_000 }, (_, row) => row);
  const ends = Uint8Array.from(values, (row) => (row < 50 || row >= 950 ? 1 : 0));
  const weights = new Float64Array(1_000).fill(1);
  const one = boost({ columns: 1, values, answers: ends, weights }, { ...OPTIONS, trees: 1, leastRows: 200 });
  const leaves = Map.groupBy(one.logOdds, (odds) => odds);
  expect(leaves.size).toBeGreaterThan(2);
  expect(Math.min(...[...leaves.values()].map((rows) => rows.length))).toBeGreaterThanOrEqual(200);
});

test('what rules made of calls is no evidence: trees do not wait for rules that wait for them', () => {
  const decided = { qualified: 0, refused: 700, stopped: 700 };
  const profileOf = (profile: CallFacts['profile']) => profile && { ...profile, ...decided };
  const { profile, network } = ORDINARY;
  const changed = { ...ORDINARY, profile: profileOf(profile), network: profileOf(network) };
  expect(changed.profile).not.toEqual(profile);
  expect(evidenceOf(changed)).toEqual(evidenceOf(ORDINARY));
});

test('lists of seeds are read', () => {
  expect(seedsOf('1-3,7,301-302')).toEqual([1, 2, 3, 7, 301, 302]);
});

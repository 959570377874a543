import { expect, test } from 'vitest';
import { judgeByTrees, type Trees } from '../../src/jobs/fraud/trees.ts';

/** The first asks `a`, and on its left `b`; the second asks `b` alone. */
const TREES: Trees = {
  evidence: ['a', 'b'],
  base: -1,
  trees: [
    [[0, 5, 1, 1, 4, 0.1], [1, 0, 0, 2, 3, 0.5], [1], [-0.25], [-2]],
    [[1, 10, 0, 1, 2, 0], [0.125], [3]],
  ],
};
const judge = (a: number | null, b: number | null) => judgeByTrees(TREES, { a, b });

test('the answers of the leaves that a call comes to add up to its log-odds', () => {
  expect(judge(5, 0).logOdds).toBe(-1 + 1 + 0.125);
  expect(judge(5, 0.1).logOdds).toBe(-1 - 0.25 + 0.125);
  expect(judge(5.1, 0).logOdds).toBe(-1 - 2 + 0.125);
});

test('what cannot be told goes the way that was learned for it', () => {
  expect(judge(null, 0).logOdds).toBe(judge(0, 0).logOdds);
  expect(judge(0, null).logOdds).toBe(-1 - 0.25 + 3);
});

test('what each piece of evidence changed on the way is its part', () => {
  const { because } = judge(5, 0);
  expect(because).toEqual({ 'log-odds': 0.13, b: 0.63, a: 0.4 });
});

test('trees that ask for what is no evidence are refused', () => {
  expect(() => judgeByTrees(TREES, { a: 1 })).toThrow('b');
});

import { PermanentError } from '../../errors.ts';

/**
 * Decision trees whose answers, as logarithms of odds, add up (gradient boosting). A tree is its nodes; the first is the root. An inner
 * node asks one piece of evidence: at most `threshold` goes left, and so does what cannot be told where `missingLeft` is 1. `value` is
 * what the tree would answer there, if it ended there; a leaf has nothing else.
 */
export interface Trees {
  /** Names of the evidence that nodes ask by their place in this list. */
  readonly evidence: readonly string[];
  readonly base: number;
  readonly trees: readonly (readonly (readonly number[])[])[];
}

/** How many pieces of evidence are named beside the odds. */
const NAMED = 4;

/**
 * What the trees make of a call's evidence, and which of it said most: along each tree's way, what a node's answer changes is the doing
 * of the evidence that was asked.
 */
export function judgeByTrees(
  { evidence, base, trees }: Trees,
  facts: Readonly<Record<string, number | null>>,
): { readonly logOdds: number; readonly because: Readonly<Record<string, number>> } {
  const values = evidence.map((name) => knownOf(facts, name));
  const parts = new Float64Array(evidence.length);
  let logOdds = base;
  for (const tree of trees) logOdds += walk(tree, values, parts);
  const named = [...evidence.entries()]
    .map(([nth, name]) => [name, parts[nth] ?? 0] as const)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, NAMED);
  return { logOdds, because: rounded([['log-odds', logOdds], ...named]) };
}

function knownOf(facts: Readonly<Record<string, number | null>>, name: string): number | null {
  const value = facts[name];
  if (value === undefined)
    throw new PermanentError('INTERNAL', `The trees ask for ${name}, which is no evidence.`);
  return value;
}

/** The answer of a tree; each change on the way is added to the part of the evidence that was asked. */
function walk(tree: Trees['trees'][number], values: readonly (number | null)[], parts: Float64Array): number {
  let node = tree[0] ?? [0];
  while (node.length > 1) {
    const [asked = 0, threshold = 0, missingLeft, left = 0, right = 0, value = 0] = node;
    const found = values[asked] ?? null;
    const next = tree[(found === null ? missingLeft === 1 : found <= threshold) ? left : right] ?? [0];
    parts[asked] = (parts[asked] ?? 0) + ((next.length > 1 ? next[5] : next[0]) ?? 0) - value;
    node = next;
  }
  return node[0] ?? 0;
}

const rounded = (values: readonly (readonly [string, number])[]) =>
  Object.fromEntries(values.map(([name, value]) => [name, Math.round(value * 100) / 100]));

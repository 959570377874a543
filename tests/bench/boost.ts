import { type Bins, binsOf, type Rows, SLOTS, UNKNOWN, written } from './boost-bins.ts';

/** Nodes before those below them; to the left goes what is at most the threshold. A value is what the node adds where it is the last one. */
type TreeNode =
  | readonly [
      column: number,
      threshold: number,
      unknownLeft: 0 | 1,
      left: number,
      right: number,
      value: number,
    ]
  | readonly [value: number];

interface Boosted {
  readonly base: number;
  readonly trees: readonly (readonly TreeNode[])[];
}

interface BoostOptions {
  readonly trees: number;
  readonly leaves: number;
  readonly leastRows: number;
  /** L2, of leaves. */
  readonly lambda: number;
  readonly shrinkage: number;
}

interface Split {
  readonly gain: number;
  readonly column: number;
  readonly slot: number;
  readonly unknownLeft: boolean;
}

interface Sums {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
}

/** A node with its part of the order of rows. */
interface Grown {
  readonly from: number;
  readonly to: number;
  readonly sums: Sums;
  /** Of each column and slot: gradients, hessians, rows. */
  readonly histogram: Float64Array;
  readonly split: Split | null;
  below: readonly [Grown, Grown] | null;
}

interface Growth {
  readonly columns: number;
  readonly bins: Bins;
  readonly gradients: Float64Array;
  readonly hessians: Float64Array;
  readonly order: Int32Array;
  readonly scratch: Int32Array;
  /** Histograms that no node has, to be used again. */
  readonly free: Float64Array[];
  readonly options: BoostOptions;
}

/**
 * Boosted trees for logistic loss, as scikit-learn's HistGradientBoostingClassifier grows them: by histograms, the leaf that gains most
 * first, what is not known on the side where it gains more. The same rows give the same trees. Also answers the log-odds of the rows.
 */
export function boost(
  rows: Rows,
  options: BoostOptions,
  say: (line: string) => void = () => {},
): Boosted & { readonly logOdds: Float64Array } {
  const { columns, answers, weights } = rows;
  const count = answers.length;
  const growth: Growth = {
    ...{ columns, options, bins: binsOf(rows), free: [] },
    ...{ gradients: new Float64Array(count), hessians: new Float64Array(count) },
    ...{ order: new Int32Array(count), scratch: new Int32Array(count) },
  };
  const { gradients, hessians, order } = growth;
  const base = written(baseOf(rows));
  const logOdds = new Float64Array(count).fill(base);
  const trees: TreeNode[][] = [];
  while (trees.length < options.trees) {
    for (let row = 0; row < count; row += 1) {
      const likely = 1 / (1 + Math.exp(-(logOdds[row] as number)));
      const weight = weights[row] as number;
      gradients[row] = weight * (likely - (answers[row] as number));
      hessians[row] = weight * likely * (1 - likely);
      order[row] = row;
    }
    const root = grow(growth);
    addTo(logOdds, root, growth);
    trees.push(flatten(root, growth));
    release(root, growth);
    if (trees.length % 50 === 0) say(`${trees.length} trees, loss ${written(lossOf(rows, logOdds))}`);
  }
  return { base, trees, logOdds };
}

function baseOf({ answers, weights }: Rows): number {
  let [yes, all] = [0, 0];
  weights.forEach((weight, row) => {
    all += weight;
    if (answers[row] === 1) yes += weight;
  });
  return Math.log(yes / (all - yes));
}

function lossOf({ answers, weights }: Rows, logOdds: Float64Array): number {
  let [loss, all] = [0, 0];
  weights.forEach((weight, row) => {
    const towards = (logOdds[row] as number) * (answers[row] === 1 ? 1 : -1);
    loss += weight * Math.log1p(Math.exp(-towards));
    all += weight;
  });
  return loss / all;
}

function grow(growth: Growth): Grown {
  const histogram = growth.free.pop() ?? new Float64Array(growth.columns * SLOTS * 3);
  fill(histogram, 0, growth.order.length, growth);
  const root = nodeOf(0, growth.order.length, histogram, growth);
  const ends = new Set([root]);
  while (ends.size < growth.options.leaves) {
    let best: Grown | null = null;
    for (const end of ends) if (end.split !== null && end.split.gain > (best?.split?.gain ?? 0)) best = end;
    if (best?.split == null) break;
    const parts = divide(best, best.split, growth);
    best.below = parts;
    ends.delete(best);
    for (const part of parts) ends.add(part);
  }
  return root;
}

/** Counts the rows of the smaller part; what is left of the whole is the other's. */
function divide(node: Grown, split: Split, growth: Growth): [Grown, Grown] {
  const { from, to, histogram } = node;
  const middle = partition(node, split, growth);
  const counted = growth.free.pop() ?? new Float64Array(histogram.length);
  const leftIsSmaller = middle - from <= to - middle;
  if (leftIsSmaller) fill(counted, from, middle, growth);
  else fill(counted, middle, to, growth);
  for (let at = 0; at < histogram.length; at += 1)
    histogram[at] = (histogram[at] as number) - (counted[at] as number);
  const [left, right] = leftIsSmaller ? [counted, histogram] : [histogram, counted];
  return [nodeOf(from, middle, left, growth), nodeOf(middle, to, right, growth)];
}

/** Rows of the left part before those of the right one, each in the order that they had. */
function partition({ from, to }: Grown, split: Split, { columns, bins, order, scratch }: Growth): number {
  const { column, slot, unknownLeft } = split;
  let [middle, aside] = [from, 0];
  for (let at = from; at < to; at += 1) {
    const row = order[at] as number;
    const own = bins.slots[row * columns + column] as number;
    if (own === UNKNOWN ? unknownLeft : own <= slot) {
      order[middle] = row;
      middle += 1;
    } else {
      scratch[aside] = row;
      aside += 1;
    }
  }
  order.set(scratch.subarray(0, aside), middle);
  return middle;
}

function fill(histogram: Float64Array, from: number, to: number, growth: Growth): void {
  const { columns, gradients, hessians, order } = growth;
  const { slots } = growth.bins;
  const step = SLOTS * 3;
  histogram.fill(0);
  for (let nth = from; nth < to; nth += 1) {
    const row = order[nth] as number;
    const gradient = gradients[row] as number;
    const hessian = hessians[row] as number;
    const start = row * columns;
    let first = 0;
    for (let column = 0; column < columns; column += 1) {
      const at = first + (slots[start + column] as number) * 3;
      histogram[at] = (histogram[at] as number) + gradient;
      histogram[at + 1] = (histogram[at + 1] as number) + hessian;
      histogram[at + 2] = (histogram[at + 2] as number) + 1;
      first += step;
    }
  }
}

function nodeOf(from: number, to: number, histogram: Float64Array, growth: Growth): Grown {
  let [gradient, hessian] = [0, 0];
  for (let at = 0; at < SLOTS * 3; at += 3) {
    gradient += histogram[at] as number;
    hessian += histogram[at + 1] as number;
  }
  const sums = { gradient, hessian, rows: to - from };
  let split: Split | null = null;
  if (sums.rows >= 2 * growth.options.leastRows)
    for (let column = 0; column < growth.columns; column += 1) {
      const found = splitOf(column, histogram, sums, growth);
      if (found !== null && found.gain > (split?.gain ?? 0)) split = found;
    }
  return { from, to, sums, histogram, split, below: null };
}

function splitOf(column: number, histogram: Float64Array, all: Sums, growth: Growth): Split | null {
  const { leastRows, lambda } = growth.options;
  const first = column * SLOTS * 3;
  const unknown = first + UNKNOWN * 3;
  const unknownRows = histogram[unknown + 2] as number;
  const edges = growth.bins.edges[column]?.length ?? 0;
  const scoreOf = (gradient: number, hessian: number) => (gradient * gradient) / (hessian + lambda);
  const whole = scoreOf(all.gradient, all.hessian);
  let best: Split | null = null;
  // Where all is known, what will not be goes to the side that has more rows.
  for (const unknownLeft of unknownRows > 0 ? [false, true] : [false]) {
    let gradient = unknownLeft ? (histogram[unknown] as number) : 0;
    let hessian = unknownLeft ? (histogram[unknown + 1] as number) : 0;
    let rows = unknownLeft ? unknownRows : 0;
    for (let slot = 0; slot < edges; slot += 1) {
      const at = first + slot * 3;
      gradient += histogram[at] as number;
      hessian += histogram[at + 1] as number;
      rows += histogram[at + 2] as number;
      if (rows < leastRows) continue;
      if (all.rows - rows < leastRows) break;
      const gain =
        scoreOf(gradient, hessian) + scoreOf(all.gradient - gradient, all.hessian - hessian) - whole;
      if (gain <= (best?.gain ?? 1e-9)) continue;
      best = { gain, column, slot, unknownLeft: unknownRows > 0 ? unknownLeft : rows * 2 > all.rows };
    }
  }
  return best;
}

const outputOf = ({ sums }: Grown, { options }: Growth): number =>
  written((-options.shrinkage * sums.gradient) / (sums.hessian + options.lambda));

function addTo(logOdds: Float64Array, node: Grown, growth: Growth): void {
  if (node.below !== null) {
    for (const part of node.below) addTo(logOdds, part, growth);
    return;
  }
  const value = outputOf(node, growth);
  for (let at = node.from; at < node.to; at += 1) {
    const row = growth.order[at] as number;
    logOdds[row] = (logOdds[row] as number) + value;
  }
}

function flatten(node: Grown, growth: Growth, nodes: TreeNode[] = []): TreeNode[] {
  const value = outputOf(node, growth);
  const at = nodes.push([value]) - 1;
  if (node.below === null || node.split === null) return nodes;
  const { column, slot, unknownLeft } = node.split;
  const threshold = growth.bins.edges[column]?.[slot] ?? 0;
  flatten(node.below[0], growth, nodes);
  const right = nodes.length;
  flatten(node.below[1], growth, nodes);
  nodes[at] = [column, threshold, unknownLeft ? 1 : 0, at + 1, right, value];
  return nodes;
}

/** Each node above has given its histogram to one below. */
function release(node: Grown, growth: Growth): void {
  if (node.below === null) growth.free.push(node.histogram);
  else for (const part of node.below) release(part, growth);
}

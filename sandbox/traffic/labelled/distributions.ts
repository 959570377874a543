import type { Random } from '../../random.ts';

/** From and to: any number between is as likely; with `log`, any ratio is. */
export type Range = readonly [from: number, to: number, scale?: 'log'];

export function drawOf(random: Random, [from, to, scale]: Range): number {
  if (scale === 'log') return from * (to / from) ** random.next();
  return from + (to - from) * random.next();
}

/** A number out of each range. */
export function drawAll<K extends string>(
  random: Random,
  ranges: Readonly<Record<K, Range>>,
): Record<K, number> {
  const drawn = {} as Record<K, number>;
  for (const name of Object.keys(ranges) as K[]) drawn[name] = drawOf(random, ranges[name]);
  return drawn;
}

export const chance = (random: Random, probability: number): boolean => random.next() < probability;

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

export const gaussian = (random: Random, mean: number, deviation: number): number =>
  mean + deviation * normal(random);

export const logNormal = (random: Random, median: number, sigma: number): number =>
  median * Math.exp(sigma * normal(random));

export const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random.next());

/** Running sums of weights, to pick by. */
export function cumulate(weights: readonly number[]): Float64Array {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  weights.forEach((weight, index) => {
    sum += weight;
    sums[index] = sum;
  });
  return sums;
}

/** An index, as likely as its weight says; of those from `from` to before `to` only. */
export function pickIndex(random: Random, sums: Float64Array, from = 0, to = sums.length): number {
  const least = from === 0 ? 0 : (sums[from - 1] ?? 0);
  const wanted = least + random.next() * ((sums[to - 1] ?? 0) - least);
  let low = from;
  let high = to - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** One item, as likely as its weight says. */
export function pickBy<T>(random: Random, items: readonly T[], weightOf: (item: T) => number): T {
  const item = items[pickIndex(random, cumulate(items.map(weightOf)))];
  if (item === undefined) throw new Error('There is nothing to pick from.');
  return item;
}

/** `total` in so many whole parts, as large as their weights say. */
export function splitBy(total: number, weights: readonly number[]): number[] {
  const sums = cumulate(weights);
  const all = sums.at(-1) ?? 0;
  let given = 0;
  return [...sums].map((sum) => {
    const part = Math.round((total * sum) / all) - given;
    given += part;
    return part;
  });
}

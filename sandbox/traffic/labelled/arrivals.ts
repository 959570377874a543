import type { Random } from '../../random.ts';
import { utcOffsetHOf } from './area-codes.ts';
import { logNormal, pickIndex } from './distributions.ts';
import type { OF_SUPPLIER } from './ranges.ts';

const HOUR_MS = 3_600_000;
const DAY_H = 24;

/** The days of a period, which begins at a midnight of UTC. */
interface Period {
  readonly startsAtMs: number;
  readonly days: number;
}

/**
 * How many calls a supplier has in each hour of the period, in proportion: two humps within its hours, little outside, less at
 * weekends, growing or shrinking, busier some days than others, paused on some; a new supplier begins on some day and ramps up.
 */
export function hoursOf(
  random: Random,
  facts: Readonly<Record<keyof typeof OF_SUPPLIER, number>>,
  { startsAtMs, days }: Period,
): number[] {
  const isNew = random.next() < facts.newShare;
  const firstDay = isNew ? Math.floor(random.next() * days * 0.7) : 0;
  const weights: number[] = [];
  for (let day = 0; day < days; day += 1) {
    const weekday = new Date(startsAtMs + day * DAY_H * HOUR_MS).getUTCDay();
    const ramp = isNew ? Math.min(1, (day - firstDay + 1) / facts.newRampDays) : 1;
    const noise = logNormal(random, 1, facts.dayNoise);
    const paused = random.next() < facts.pausedShare;
    const growth = 1 + facts.growth * (day / days);
    const busy = day < firstDay || paused ? 0 : ramp * noise * growth;
    const level = busy * (weekday === 0 || weekday === 6 ? facts.weekend : 1);
    for (let hour = 0; hour < DAY_H; hour += 1) {
      const isOpen = hour >= Math.floor(facts.opensH) && hour < Math.floor(facts.closesH);
      weights.push(level * (isOpen ? humps(hour) : facts.nightLevel));
    }
  }
  // Of a short period each day may be paused: then it is as if none were.
  return weights.some((weight) => weight > 0) ? weights : weights.map(() => 1);
}

const hump = (hour: number, at: number, width: number) => Math.exp(-(((hour - at) / width) ** 2) / 2);
const humps = (hour: number) => 0.6 + hump(hour, 10.5, 2) + 0.7 * hump(hour, 15, 2.5);

/** An instant within an hour that the sums choose, by the clocks of the caller's state; within some days where they are given. */
export function instantOf(
  random: Random,
  { startsAtMs }: Period,
  hours: Float64Array,
  state: string,
  within: readonly [fromDay: number, toDay: number] = [0, hours.length / DAY_H],
): number {
  const [fromDay, toDay] = within;
  const hour = pickIndex(random, hours, fromDay * DAY_H, toDay * DAY_H);
  return localInstant({ startsAtMs }, state, hour + random.next());
}

/** So many hours after the period's first midnight, by the clocks of a state. */
export function localInstant(
  { startsAtMs }: Pick<Period, 'startsAtMs'>,
  state: string,
  hours: number,
): number {
  return Math.floor(startsAtMs + (hours - utcOffsetHOf(state)) * HOUR_MS);
}

/** The hour of the day by the clocks of a state. */
export function localHour(state: string, atMs: number): number {
  return (((atMs / HOUR_MS + utcOffsetHOf(state)) % DAY_H) + DAY_H) % DAY_H;
}

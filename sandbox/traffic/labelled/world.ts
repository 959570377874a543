import type { Random } from '../../random.ts';
import { STATE_CODES, utcOffsetHOf } from './area-codes.ts';
import { hoursOf } from './arrivals.ts';
import { cumulate, drawAll } from './distributions.ts';
import { OF_CAMPAIGN, OF_SEED, OF_SUPPLIER } from './ranges.ts';

export interface LabelledCampaign {
  readonly id: string;
  readonly buyerId: string;
  readonly timezone: string;
  readonly minDurationS: number;
  readonly duplicateWindowS: number;
  /** Where its callers are; null is everywhere. */
  readonly states: readonly string[] | null;
  readonly talk: Readonly<Record<keyof typeof OF_CAMPAIGN, number>>;
}

/** What a supplier is shown as: one number for each campaign that it advertises. */
export interface Placement {
  readonly campaign: LabelledCampaign;
  readonly trackingNumber: string;
}

export interface LabelledSupplier {
  readonly id: string;
  /** It sends fraud beside its honest calls. */
  readonly isFraudulent: boolean;
  readonly placements: readonly Placement[];
  /** Running sums of how likely a call starts in each hour of the days, by the caller's clock. */
  readonly hours: Float64Array;
}

export interface World {
  readonly random: Random;
  readonly startsAtMs: number;
  readonly days: number;
  readonly seed: Readonly<Record<keyof typeof OF_SEED, number>>;
  readonly campaigns: readonly LabelledCampaign[];
  /** Honest ones; those of schemes are added as these are planned. */
  readonly suppliers: LabelledSupplier[];
  readonly trackingNumbers: string[];
}

const MINIMA_S = [30, 45, 60, 90, 120] as const;
const WINDOWS_DAYS = [1, 7, 7, 30, 30] as const;
const ZONES: Readonly<Record<number, string>> = {
  [-5]: 'America/New_York',
  [-6]: 'America/Chicago',
  [-7]: 'America/Denver',
  [-8]: 'America/Los_Angeles',
};

export function makeWorld(
  random: Random,
  { calls, days, startsAtMs }: { calls: number; days: number; startsAtMs: number },
): World {
  const seed = drawAll(random, OF_SEED);
  const world: World = {
    ...{ random, startsAtMs, days, seed },
    campaigns: makeCampaigns(random, seed),
    suppliers: [],
    trackingNumbers: [],
  };
  const suppliers = Math.max(8, Math.round((calls / 10_000) * seed.suppliersPer10000Calls));
  for (let nth = 0; nth < suppliers; nth += 1) addSupplier(world, false);
  return world;
}

function makeCampaigns(random: Random, seed: World['seed']): LabelledCampaign[] {
  let buyerId = uuid(random);
  return Array.from({ length: Math.round(seed.campaigns) }, () => {
    // A buyer has one campaign or a few.
    if (random.next() < 0.6) buyerId = uuid(random);
    const talk = drawAll(random, OF_CAMPAIGN);
    const home = random.pick(STATE_CODES);
    const more = Array.from({ length: Math.round(talk.states) - 1 }, () => random.pick(STATE_CODES));
    return {
      ...{ id: uuid(random), buyerId, talk },
      timezone: ZONES[utcOffsetHOf(home)] ?? 'UTC',
      minDurationS: random.pick(MINIMA_S),
      duplicateWindowS: random.pick(WINDOWS_DAYS) * 86_400,
      states: random.next() < seed.nationwideShare ? null : [...new Set([home, ...more])],
    };
  });
}

/** A supplier with its placements; half of the numbers it advertises are toll-free. */
export function addSupplier(
  world: World,
  isFraudulent: boolean,
  { least = 1, isSettled = false } = {},
): LabelledSupplier {
  const { random } = world;
  const drawn = drawAll(random, OF_SUPPLIER);
  const facts = isSettled ? { ...drawn, newShare: 0 } : drawn;
  const campaigns = new Set<LabelledCampaign>();
  const wanted = Math.min(world.campaigns.length, Math.max(least, Math.round(facts.placements)));
  while (campaigns.size < wanted) campaigns.add(random.pick(world.campaigns));
  const placements = [...campaigns].map((campaign) => ({ campaign, trackingNumber: trackingNumber(world) }));
  const hours = cumulate(hoursOf(random, facts, world));
  const supplier = { id: uuid(random), isFraudulent, placements, hours };
  world.suppliers.push(supplier);
  return supplier;
}

function trackingNumber(world: World): string {
  const { random, trackingNumbers } = world;
  const line = String(1_000 + trackingNumbers.length).padStart(4, '0');
  const number =
    random.next() < 0.5 ? `+1833744${line}` : `+1${random.pick(['212', '303', '713'])}744${line}`;
  trackingNumbers.push(number);
  return number;
}

function uuid(random: Random): string {
  const hex = (digits: number) => random.hex(digits);
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
}

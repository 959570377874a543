import type { Random } from '../../random.ts';
import { drawAll, drawOf, exponential, splitBy } from './distributions.ts';
import { BEHAVIOURS, type Behaviour } from './labelled-call.ts';
import { OF_BEHAVIOUR, OF_SCHEME } from './ranges.ts';
import { addSupplier, type LabelledSupplier, type World } from './world.ts';

/** One fraudster's doing: so many calls by one behaviour, at suppliers of its own or at honest ones. */
export interface Scheme {
  readonly behaviour: Behaviour;
  readonly calls: number;
  readonly suppliers: readonly LabelledSupplier[];
  /** 0 is bold, 1 is careful. */
  readonly evasion: number;
  readonly fromDay: number;
  /** The day after its last. */
  readonly toDay: number;
  readonly facts: Readonly<Record<keyof typeof OF_SCHEME, number>>;
  /** A number of a range of the behaviour, as bold or careful as the scheme is. */
  readonly drawn: Readonly<Record<keyof typeof OF_BEHAVIOUR, number>>;
  /** Honest calls of its suppliers; of honest suppliers it says nothing. */
  readonly honestCalls: number;
}

/** What callers can do who are not the supplier's own. */
const BY_CALLERS: readonly Behaviour[] = ['redial-farm', 'number-rotation', 'looping', 'cross-campaign'];
/** A scheme at a supplier that knows nothing of it is so much smaller. */
const SMALLER = 5;
const LEAST_CALLS = 60;
/** How many suppliers a ring has whose phones call across them. */
const RING = [2, 4] as const;

/** A ring has several campaigns; who ramps up and runs has had a business, if hardly any, before. */
const NEEDS: Partial<Record<Behaviour, { least?: number; isSettled?: boolean }>> = {
  'cross-campaign': { least: 3 },
  'ramp-and-run': { isSettled: true },
};

/** Every behaviour has a part of the fraud, in schemes of all sizes; what callers do by themselves is partly at honest suppliers. */
export function planSchemes(world: World, fraudCalls: number, evasion: number | null): Scheme[] {
  const { random, seed } = world;
  const honest = [...world.suppliers];
  const shares = splitBy(
    fraudCalls,
    BEHAVIOURS.map(() => 0.5 + exponential(random, 0.5)),
  );
  return BEHAVIOURS.flatMap((behaviour, index) => {
    const share = shares[index] ?? 0;
    const atHonest = BY_CALLERS.includes(behaviour) ? Math.round(share * seed.fraudAtHonestSuppliers) : 0;
    const own = (left: number) => planScheme(world, null, behaviour, left, evasion);
    const foreign = (left: number) => planScheme(world, honest, behaviour, left, evasion);
    return [...schemesOf(share - atHonest, own), ...schemesOf(atHonest, foreign)];
  });
}

function schemesOf(calls: number, plan: (left: number) => Scheme): Scheme[] {
  const schemes: Scheme[] = [];
  for (let left = calls; left > 0; left -= schemes.at(-1)?.calls ?? left) schemes.push(plan(left));
  return schemes;
}

/** Of so many calls that are left, at suppliers of its own or at one of those given. */
function planScheme(
  world: World,
  honest: readonly LabelledSupplier[] | null,
  behaviour: Behaviour,
  left: number,
  evasion: number | null,
): Scheme {
  const { random } = world;
  const facts = drawAll(random, OF_SCHEME);
  const wanted = Math.round(honest === null ? facts.calls : facts.calls / SMALLER);
  const calls = left - wanted < LEAST_CALLS ? left : wanted;
  // Most fraudsters are bold: the density falls in a straight line to none at 1.
  const strength = evasion ?? 1 - Math.sqrt(1 - random.next());
  const drawn = drawBetween(random, strength);
  const rings = behaviour === 'cross-campaign' ? random.between(...RING) : 1;
  const suppliers = Array.from({ length: rings }, () =>
    honest === null ? addSupplier(world, true, NEEDS[behaviour]) : random.pick(honest),
  );
  const [fromDay, toDay] = daysOf(world, behaviour, facts.activeDays, drawn.rampDays);
  // Who ramps up and runs has hardly had a business before, and none after.
  const honestShare = behaviour === 'ramp-and-run' ? facts.honestShare / 3 : facts.honestShare;
  if (behaviour === 'ramp-and-run')
    for (const { hours } of suppliers) hours.fill(hours[toDay * 24 - 1] ?? 0, toDay * 24);
  const honestCalls = honest !== null ? 0 : Math.round((calls * honestShare) / (1 - honestShare));
  return { behaviour, calls, suppliers, evasion: strength, fromDay, toDay, facts, drawn, honestCalls };
}

function daysOf({ random, days }: World, behaviour: Behaviour, activeDays: number, rampDays: number) {
  const isRamp = behaviour === 'ramp-and-run';
  const length = Math.max(1, Math.min(days, Math.round(isRamp ? rampDays : activeDays)));
  const earliest = isRamp ? Math.floor((days - length) * 0.3) : 0;
  const fromDay = earliest + Math.floor(random.next() * (days - length - earliest + 1));
  return [fromDay, fromDay + length] as const;
}

/** From bold to careful by ratio. */
function drawBetween(random: Random, strength: number): Scheme['drawn'] {
  const names = Object.keys(OF_BEHAVIOUR) as (keyof typeof OF_BEHAVIOUR)[];
  const drawn = {} as Record<keyof typeof OF_BEHAVIOUR, number>;
  for (const name of names) {
    const bold = drawOf(random, OF_BEHAVIOUR[name].bold);
    const careful = drawOf(random, OF_BEHAVIOUR[name].careful);
    drawn[name] = bold * (careful / bold) ** strength;
  }
  return drawn;
}

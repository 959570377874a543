import type { Random } from '../../random.ts';
import { areaCodesOf, peopleOf, STATE_CODES } from './area-codes.ts';
import { chance, cumulate, pickBy, pickIndex } from './distributions.ts';
import type { LabelledCampaign, World } from './world.ts';

export type Attestation = 'A' | 'B' | 'C' | null;
export type LineType = 'mobile' | 'landline' | 'voip' | null;

/** Who calls: the number shown, where the caller is, what the carrier attests and what the provider knows of the line. */
export interface Caller {
  readonly number: string | null;
  readonly state: string;
  readonly region: string | null;
  readonly attestation: Attestation;
  readonly lineType: LineType;
}

const HONEST_LINES = [
  ['mobile', 0.75],
  ['landline', 0.12],
  ['voip', 0.13],
] as const;

const PEOPLE = cumulate(STATE_CODES.map(peopleOf));

/** Any state, as likely as it has people. */
export const anyState = (random: Random): string => STATE_CODES[pickIndex(random, PEOPLE)] ?? 'TX';

/** A state of the campaign's region, as likely as it has people. */
export function stateOf(random: Random, { states }: LabelledCampaign): string {
  return states === null ? anyState(random) : pickBy(random, states, peopleOf);
}

/** A number of a state: exchange and line at random, without those that no subscriber has (N11, 555). */
export function numberOf(random: Random, state: string): string {
  const area = random.pick(areaCodesOf(state));
  return `+1${area}${exchangeOf(random)}${String(random.between(0, 9_999)).padStart(4, '0')}`;
}

export function exchangeOf(random: Random): number {
  for (;;) {
    const exchange = random.between(200, 999);
    if (exchange % 100 !== 11 && exchange !== 555) return exchange;
  }
}

/** Somebody of the campaign's region or, now and then, from elsewhere; some have moved there with the number they had. */
export function honestCaller(world: World, campaign: LabelledCampaign): Caller {
  const { random, seed } = world;
  const state = chance(random, seed.leakShare) ? anyState(random) : stateOf(random, campaign);
  const home = chance(random, seed.mobility) ? anyState(random) : state;
  return {
    number: chance(random, seed.anonymousShare) ? null : numberOf(random, home),
    state,
    region: regionOf(world, state),
    attestation: attestationOf(random, [seed.attestedA, seed.attestedB, seed.attestedC]),
    lineType: lineTypeOf(world, 0),
  };
}

/** The state that the caller stated or was found in, where the provider reports one. */
export const regionOf = ({ random, seed }: World, state: string): string | null =>
  chance(random, seed.regionStated) ? `US-${state}` : null;

export function attestationOf(random: Random, shares: readonly number[]): Attestation {
  let left = random.next();
  for (const [index, share] of shares.entries()) {
    left -= share;
    if (left < 0) return (['A', 'B', 'C'] as const)[index] ?? null;
  }
  return null;
}

/** As honest lines are, but for a share of lines of the internet that anybody rents by the hour. */
export function lineTypeOf({ random, seed }: World, rentedShare: number): LineType {
  if (!chance(random, seed.lineTypeStated)) return null;
  return chance(random, rentedShare) ? 'voip' : pickBy(random, HONEST_LINES, ([, share]) => share)[0];
}

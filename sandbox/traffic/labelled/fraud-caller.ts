import { instantOf, localHour, localInstant } from './arrivals.ts';
import { anyState, attestationOf, type Caller, lineTypeOf, numberOf, regionOf, stateOf } from './callers.ts';
import { chance, logNormal } from './distributions.ts';
import { type LabelledCall, makeCall } from './labelled-call.ts';
import type { Scheme } from './schemes.ts';
import { answered, failedTalk, type Talk } from './talk.ts';
import type { LabelledCampaign, LabelledSupplier, Placement, World } from './world.ts';

const HOUR_MS = 3_600_000;
/** A number rented on the internet is such a line most of the time. */
const RENTED = 0.7;
/** Of all calls, those of a careful fraudster that come to nothing, as honest ones do. */
const FAILED_AS_HONEST = 0.3;

const between = (bold: number, careful: number, strength: number) => bold + (careful - bold) * strength;

/** What the bold show: a number from anywhere, an attestation that is not the caller's own carrier's. */
export function rentedCaller(world: World, scheme: Scheme, campaign: LabelledCampaign): Caller {
  const { random, seed } = world;
  const { facts, evasion } = scheme;
  const isElsewhere = chance(random, between(facts.elsewhereShare, seed.mobility, evasion));
  const state = isElsewhere ? anyState(random) : stateOf(random, campaign);
  const attested = [
    between(facts.spoofedA, seed.attestedA, evasion),
    between(facts.spoofedB, seed.attestedB, evasion),
    between(facts.spoofedC, seed.attestedC, evasion),
  ];
  return {
    ...{ number: numberOf(random, state), state, region: regionOf(world, state) },
    attestation: attestationOf(random, attested),
    lineType: lineTypeOf(world, RENTED * (1 - evasion)),
  };
}

/** A real phone in somebody's hand, where the farm or the person is. */
export function phoneCaller(world: World, scheme: Scheme, campaign: LabelledCampaign): Caller {
  const { random, seed } = world;
  const { attestedA, attestedB, attestedC } = seed;
  return {
    ...rentedCaller(world, scheme, campaign),
    attestation: attestationOf(random, [attestedA, attestedB, attestedC]),
    lineType: lineTypeOf(world, 0),
  };
}

/** Long enough to be paid for, but for what fails; the careful talk as long as honest callers do, now and then. */
export function paidTalk({ random }: World, { facts, evasion }: Scheme, campaign: LabelledCampaign): Talk {
  if (chance(random, between(facts.failedShare, FAILED_AS_HONEST, evasion))) return failedTalk(random);
  const { minDurationS, talk } = campaign;
  if (chance(random, evasion))
    return answered(Math.max(minDurationS + 1, logNormal(random, talk.longMedianS, talk.longSigma)));
  return answered(minDurationS + 1 + logNormal(random, facts.talkMedianS, facts.talkSigma));
}

/** Within the scheme's days, when its supplier has calls; by day where the supplier has none then. */
export function schemeInstant(
  world: World,
  scheme: Scheme,
  { hours }: LabelledSupplier,
  state: string,
): number {
  const { fromDay, toDay } = scheme;
  const before = fromDay === 0 ? 0 : (hours[fromDay * 24 - 1] ?? 0);
  if ((hours[toDay * 24 - 1] ?? 0) > before)
    return instantOf(world.random, world, hours, state, [fromDay, toDay]);
  return localInstant(world, state, dayOf(world, scheme) * 24 + 9 + world.random.next() * 9);
}

export const dayOf = ({ random }: World, { fromDay, toDay }: Scheme): number =>
  fromDay + Math.floor(random.next() * (toDay - fromDay));

/** By day, by the clocks of a state: what falls into the night is put off to the morning. */
export function awake({ random }: World, state: string, atMs: number): number {
  const hour = localHour(state, atMs);
  if (hour >= 7 && hour < 22) return Math.floor(atMs);
  const waitH = (hour >= 22 ? 31 : 7) - hour;
  return Math.floor(atMs + (waitH + random.next() * 3) * HOUR_MS);
}

export const endOf = ({ startsAtMs, days }: World): number => startsAtMs + days * 24 * HOUR_MS;

export function schemeCall(
  { behaviour, evasion }: Scheme,
  made: { supplier: LabelledSupplier; placement: Placement; caller: Caller; startedAtMs: number; talk: Talk },
): LabelledCall {
  return makeCall({ ...made, label: behaviour, evasion });
}

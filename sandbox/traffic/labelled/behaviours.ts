import { areaCodesOf } from './area-codes.ts';
import { localInstant } from './arrivals.ts';
import { anyState, type Caller, exchangeOf, numberOf, stateOf } from './callers.ts';
import { chance, drawOf, gaussian, logNormal } from './distributions.ts';
import {
  awake,
  dayOf,
  endOf,
  paidTalk,
  phoneCaller,
  rentedCaller,
  schemeCall,
  schemeInstant,
} from './fraud-caller.ts';
import { placementOf } from './honest.ts';
import type { Behaviour, LabelledCall } from './labelled-call.ts';
import type { Scheme } from './schemes.ts';
import { answered, failedTalk } from './talk.ts';
import type { LabelledSupplier, Placement, World } from './world.ts';

const HOUR_MS = 3_600_000;

/** All calls of a scheme. */
export function makeFraud(world: World, scheme: Scheme): LabelledCall[] {
  return MAKERS[scheme.behaviour](world, scheme);
}

type Maker = (world: World, scheme: Scheme) => LabelledCall[];

const MAKERS: Readonly<Record<Behaviour, Maker>> = {
  'redial-farm': redialFarm,
  'threshold-gaming': thresholdGaming,
  'number-rotation': numberRotation,
  looping,
  'constant-bot': constantBot,
  'night-burst': nightBurst,
  'ramp-and-run': (world, scheme) =>
    eachCall(world, scheme, (_, placement) => rampCall(world, scheme, placement)),
  'cross-campaign': crossCampaign,
};

type Part = Pick<Parameters<typeof schemeCall>[1], 'caller' | 'startedAtMs' | 'talk'>;

/** Calls that know nothing of each other. */
function eachCall(
  world: World,
  scheme: Scheme,
  make: (supplier: LabelledSupplier, placement: Placement) => Part,
): LabelledCall[] {
  return Array.from({ length: scheme.calls }, () => {
    const supplier = world.random.pick(scheme.suppliers);
    const placement = placementOf(world, supplier);
    return schemeCall(scheme, { supplier, placement, ...make(supplier, placement) });
  });
}

/** Few phones, each of which calls the same advertisement again and again, at first hours or minutes apart. */
function redialFarm(world: World, scheme: Scheme): LabelledCall[] {
  return byPhone(world, scheme, scheme.drawn.callsPerPhone, scheme.drawn.redialGapH, (supplier) => {
    const placement = placementOf(world, supplier);
    return () => ({ supplier, placement });
  });
}

/** Paid people, each of whom calls several campaigns, of one supplier or of several. */
function crossCampaign(world: World, scheme: Scheme): LabelledCall[] {
  const { random } = world;
  const everywhere = scheme.suppliers.flatMap((supplier) =>
    supplier.placements.map((placement) => ({ supplier, placement })),
  );
  return byPhone(world, scheme, scheme.drawn.campaignsPerPhone, scheme.drawn.crossingGapH, () => {
    const order = everywhere.map((at) => ({ at, by: random.next() })).sort((a, b) => a.by - b.by);
    let nth = 0;
    return () => order[nth++ % order.length]?.at ?? random.pick(everywhere);
  });
}

type Placed = { supplier: LabelledSupplier; placement: Placement };

function byPhone(
  world: World,
  scheme: Scheme,
  callsPerPhone: number,
  gapH: number,
  road: (supplier: LabelledSupplier) => () => Placed,
): LabelledCall[] {
  const { random } = world;
  const calls: LabelledCall[] = [];
  while (calls.length < scheme.calls) {
    const supplier = random.pick(scheme.suppliers);
    const next = road(supplier);
    let at = next();
    const caller = phoneCaller(world, scheme, at.placement.campaign);
    let startedAtMs = schemeInstant(world, scheme, supplier, caller.state);
    const most = Math.max(2, Math.round(logNormal(random, callsPerPhone, 0.3)));
    for (let nth = 0; nth < most && calls.length < scheme.calls; nth += 1) {
      const talk = paidTalk(world, scheme, at.placement.campaign);
      calls.push(schemeCall(scheme, { ...at, caller, startedAtMs, talk }));
      at = next();
      const gapMs = logNormal(random, gapH, 0.6) * HOUR_MS;
      startedAtMs = awake(world, caller.state, startedAtMs + talk.durationS * 1_000 + gapMs);
      if (startedAtMs >= endOf(world)) break;
    }
  }
  return calls;
}

/** People who are told to hang up just after the minimum. */
function thresholdGaming(world: World, scheme: Scheme): LabelledCall[] {
  const { random } = world;
  return eachCall(world, scheme, (supplier, { campaign }) => {
    const caller = phoneCaller(world, scheme, campaign);
    const startedAtMs = schemeInstant(world, scheme, supplier, caller.state);
    const isFailed = chance(random, scheme.facts.failedShare);
    const seconds = campaign.minDurationS + random.next() * scheme.drawn.aboveMinimumS;
    return { caller, startedAtMs, talk: isFailed ? failedTalk(random) : answered(Math.ceil(seconds)) };
  });
}

/** Numbers that nobody has, local to the campaign, out of a few blocks: the last two or three digits change. */
function numberRotation(world: World, scheme: Scheme): LabelledCall[] {
  const { random } = world;
  const { drawn } = scheme;
  const blocks = new Map<Placement, { state: string; prefix: string; from: number }[]>();
  const size = Math.round(drawn.blockSize);
  const count = Math.max(1, Math.round(drawn.blocks));
  const blocksOf = (placement: Placement) => {
    const known = blocks.get(placement);
    if (known !== undefined) return known;
    const made = Array.from({ length: count }, () => {
      const state = stateOf(random, placement.campaign);
      const prefix = `+1${random.pick(areaCodesOf(state))}${exchangeOf(random)}`;
      return { state, prefix, from: random.between(0, 9) * 1_000 + random.between(0, 1_000 - size) };
    });
    blocks.set(placement, made);
    return made;
  };
  return eachCall(world, scheme, (supplier, placement) => {
    const { state, prefix, from } = random.pick(blocksOf(placement));
    const line = String(from + random.between(0, size - 1)).padStart(4, '0');
    const rented = rentedCaller(world, scheme, placement.campaign);
    const region = rented.region === null ? null : `US-${state}`;
    const caller: Caller = { ...rented, number: `${prefix}${line}`, state, region };
    const startedAtMs = schemeInstant(world, scheme, supplier, state);
    return { caller, startedAtMs, talk: paidTalk(world, scheme, placement.campaign) };
  });
}

/** Calls that came in for one advertisement, sent on to another: they show our own number, or that of who forwards them. */
function looping(world: World, scheme: Scheme): LabelledCall[] {
  const { random, trackingNumbers } = world;
  const { drawn } = scheme;
  const count = Math.max(1, Math.round(drawn.forwardingNumbers));
  const forwarding = Array.from({ length: count }, () => numberOf(random, anyState(random)));
  return eachCall(world, scheme, (supplier, { campaign, trackingNumber }) => {
    const others = trackingNumbers.filter((number) => number !== trackingNumber);
    const number = random.pick(chance(random, drawn.ownNumberShare) ? others : forwarding);
    const caller = { ...rentedCaller(world, scheme, campaign), number };
    const startedAtMs = schemeInstant(world, scheme, supplier, caller.state);
    return { caller, startedAtMs, talk: paidTalk(world, scheme, campaign) };
  });
}

/** A machine that plays a recording and hangs up: the same length each time, at any hour. */
function constantBot(world: World, scheme: Scheme): LabelledCall[] {
  const { random } = world;
  const { drawn, facts } = scheme;
  const above = drawOf(random, [3, 90]);
  return eachCall(world, scheme, (supplier, { campaign }) => {
    const caller = rentedCaller(world, scheme, campaign);
    const startedAtMs = chance(random, drawn.botDaytimeShare)
      ? schemeInstant(world, scheme, supplier, caller.state)
      : localInstant(world, caller.state, (dayOf(world, scheme) + random.next()) * 24);
    const seconds = campaign.minDurationS + above + gaussian(random, 0, drawn.botDeviationS);
    const talk = chance(random, facts.failedShare) ? failedTalk(random) : answered(seconds);
    return { caller, startedAtMs, talk };
  });
}

/** Bursts while nobody watches; the careful have a part of their calls by day. */
function nightBurst(world: World, scheme: Scheme): LabelledCall[] {
  const { random } = world;
  const { drawn } = scheme;
  const nights = Math.max(1, Math.round(scheme.calls / drawOf(random, [20, 150, 'log'])));
  const bursts = Array.from({ length: nights }, () => dayOf(world, scheme) * 24 + 0.5 + random.next() * 3.5);
  return eachCall(world, scheme, (supplier, { campaign }) => {
    const caller = rentedCaller(world, scheme, campaign);
    const isAtNight = chance(random, drawn.nightShare);
    // A burst is one moment for all of its callers, wherever they seem to be.
    const place = campaign.states?.[0] ?? 'TX';
    const burst = random.pick(bursts) + (random.next() * drawn.burstMinutes) / 60;
    const startedAtMs = isAtNight
      ? localInstant(world, place, burst)
      : schemeInstant(world, scheme, supplier, caller.state);
    return { caller, startedAtMs, talk: paidTalk(world, scheme, campaign) };
  });
}

/** Many times the calls that the supplier ever had, within days, and then it is gone. */
function rampCall(world: World, scheme: Scheme, { campaign }: Placement): Part {
  const { random } = world;
  const { fromDay, toDay, evasion } = scheme;
  const caller = phoneCaller(world, scheme, campaign);
  // The bold are there at once; the careful grow day by day.
  const part = Math.max(random.next(), chance(random, evasion) ? random.next() : 0);
  const day = Math.min(toDay - 1, Math.floor(fromDay + part * (toDay - fromDay)));
  const startedAtMs = localInstant(world, caller.state, day * 24 + 8 + random.next() * 13);
  return { caller, startedAtMs, talk: paidTalk(world, scheme, campaign) };
}

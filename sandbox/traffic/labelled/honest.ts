import { areaCodesOf } from './area-codes.ts';
import { instantOf, localHour, localInstant } from './arrivals.ts';
import { anyState, exchangeOf, honestCaller } from './callers.ts';
import { chance, cumulate, drawAll, exponential, pickIndex } from './distributions.ts';
import { type LabelledCall, makeCall } from './labelled-call.ts';
import { OF_OFFICE, OF_REPEAT, OF_SPOT } from './ranges.ts';
import { droppedTalk, honestTalk } from './talk.ts';
import type { LabelledSupplier, Placement, World } from './world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** How many honest calls each supplier has; what schemes are at is given, the rest is a power law. */
export type HonestCounts = ReadonlyMap<LabelledSupplier, number>;

/** So many honest calls: those of offices and of spots on television, and the others, some of whose callers call again. */
export function makeHonest(world: World, counts: HonestCounts): LabelledCall[] {
  const { seed } = world;
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const honest = [...counts.keys()].filter(({ isFraudulent }) => !isFraudulent);
  const ofOffices = Math.round(total * seed.officeShare);
  const ofSpots = Math.round(total * seed.spotShare);
  const calls = [...officeCalls(world, counts, ofOffices), ...spotCalls(world, honest, ofSpots)];
  const left = (total - calls.length) / total;
  let given = 0;
  let sum = 0;
  for (const [supplier, count] of counts) {
    sum += count * left;
    const wanted = Math.round(sum) - given;
    given += wanted;
    calls.push(...ordinaryCalls(world, supplier, wanted));
  }
  return calls;
}

/** The first placements of a supplier have more calls than the last. */
export function placementOf({ random }: World, { placements }: LabelledSupplier): Placement {
  const placement = placements[Math.floor(random.next() ** 1.5 * placements.length)];
  if (placement === undefined) throw new Error('The supplier has no placement.');
  return placement;
}

function ordinaryCalls(world: World, supplier: LabelledSupplier, wanted: number): LabelledCall[] {
  const { random, seed } = world;
  const calls: LabelledCall[] = [];
  while (calls.length < wanted) {
    const placement = placementOf(world, supplier);
    const caller = honestCaller(world, placement.campaign);
    const startedAtMs = instantOf(random, world, supplier.hours, caller.state);
    const talk = honestTalk(random, placement.campaign);
    const first = makeCall({ supplier, placement, caller, startedAtMs, talk, label: 'honest' });
    if (caller.number === null || !chance(random, seed.repeatShare)) calls.push(first);
    else calls.push(...withRepeats(world, first, placement).slice(0, wanted - calls.length));
  }
  return calls;
}

/** Dropped, and called again within minutes; or called again after days, perhaps by another supplier's advertisement. */
function withRepeats(world: World, first: LabelledCall, placement: Placement): LabelledCall[] {
  const { random, startsAtMs, days } = world;
  const facts = drawAll(random, OF_REPEAT);
  const isDropped = chance(random, facts.droppedShare);
  const calls = [isDropped ? { ...first, ...droppedTalk(random) } : first];
  const elsewhere =
    isDropped || !chance(random, facts.otherSupplierShare) ? null : sameCampaign(world, first);
  do {
    const last = calls.at(-1) ?? first;
    const drawn = drawAll(random, OF_REPEAT);
    const gapMs = isDropped ? drawn.redialMinutes * MINUTE_MS : drawn.returnDays * DAY_MS;
    const startedAtMs = Math.floor(last.startedAtMs + last.durationS * 1_000 + gapMs);
    if (startedAtMs >= startsAtMs + days * DAY_MS) break;
    const talk = honestTalk(random, placement.campaign);
    calls.push({ ...last, ...elsewhere, ...talk, startedAtMs, label: 'honest-repeat' });
  } while (chance(random, facts.againShare));
  return calls;
}

/** Another supplier that advertises the campaign, where there is one. */
function sameCampaign({ random, suppliers }: World, { campaignId, supplierId }: LabelledCall) {
  const others = suppliers.flatMap(({ id, placements, isFraudulent }) =>
    isFraudulent || id === supplierId ? [] : placements.map((placement) => ({ id, placement })),
  );
  const same = others.filter(({ placement }) => placement.campaign.id === campaignId);
  if (same.length === 0) return null;
  const { id, placement } = random.pick(same);
  return { supplierId: id, trackingNumber: placement.trackingNumber };
}

/** People of one office, who call whatever is advertised in their state; all show its main number or one of its block. */
function officeCalls(world: World, counts: HonestCounts, wanted: number): LabelledCall[] {
  const { random } = world;
  const honest = [...counts.keys()].filter(({ isFraudulent }) => !isFraudulent);
  const sizes = cumulate(honest.map((supplier) => counts.get(supplier) ?? 0));
  const calls: LabelledCall[] = [];
  while (calls.length < wanted) {
    const facts = drawAll(random, OF_OFFICE);
    const state = anyState(random);
    const lines = chance(random, facts.singleLineShare) ? 1 : Math.round(facts.lines);
    const prefix = `+1${random.pick(areaCodesOf(state))}${exchangeOf(random)}`;
    const firstLine = random.between(0, 10_000 - lines);
    const most = Math.min(Math.round(facts.calls), wanted - calls.length);
    for (let nth = 0; nth < most; nth += 1) {
      const { supplier, placement } = advertisedIn(world, honest, sizes, state);
      const line = firstLine + random.between(0, lines - 1);
      const person = honestCaller(world, placement.campaign);
      const caller = { ...person, number: `${prefix}${String(line).padStart(4, '0')}`, state };
      const region = person.region === null ? null : `US-${state}`;
      const startedAtMs = officeInstant(world, supplier, state);
      const talk = honestTalk(random, placement.campaign);
      const call = { supplier, placement, caller: { ...caller, region }, startedAtMs, talk };
      calls.push(makeCall({ ...call, label: 'shared-office' }));
    }
  }
  return calls;
}

const TRIES = 30;

function advertisedIn(
  world: World,
  honest: readonly LabelledSupplier[],
  sizes: Float64Array,
  state: string,
): { supplier: LabelledSupplier; placement: Placement } {
  for (let tries = 1; ; tries += 1) {
    const supplier = honest[pickIndex(world.random, sizes)];
    if (supplier === undefined) throw new Error('There is no honest supplier.');
    const placement = placementOf(world, supplier);
    const { states } = placement.campaign;
    if (tries === TRIES || states === null || states.includes(state)) return { supplier, placement };
  }
}

/** When the supplier has calls and the office has people. */
function officeInstant(world: World, { hours }: LabelledSupplier, state: string): number {
  for (let tries = 1; ; tries += 1) {
    const atMs = instantOf(world.random, world, hours, state);
    const hour = localHour(state, atMs);
    if (tries === TRIES || (hour >= 8 && hour < 18)) return atMs;
  }
}

/** Hundreds of people within minutes of a spot; a few suppliers buy them, some of them late at night. */
function spotCalls(world: World, honest: readonly LabelledSupplier[], wanted: number): LabelledCall[] {
  const { random, seed, days } = world;
  const buyers = Array.from({ length: 1 + Math.floor(honest.length / 15) }, () => random.pick(honest));
  const calls: LabelledCall[] = [];
  while (calls.length < wanted) {
    const facts = drawAll(random, OF_SPOT);
    const supplier = random.pick(buyers);
    const placement = placementOf(world, supplier);
    const hour = chance(random, seed.nightSpotShare) ? random.next() * 5 : 8 + random.next() * 15;
    const place = honestCaller(world, placement.campaign).state;
    const shownAtMs = localInstant(world, place, Math.floor(random.next() * days) * 24 + hour);
    const most = Math.min(Math.round(facts.calls), wanted - calls.length);
    for (let nth = 0; nth < most; nth += 1) {
      const caller = honestCaller(world, placement.campaign);
      const startedAtMs = Math.floor(shownAtMs + exponential(random, facts.decayMinutes) * MINUTE_MS);
      const talk = honestTalk(random, placement.campaign);
      calls.push(makeCall({ supplier, placement, caller, startedAtMs, talk, label: 'television-burst' }));
    }
  }
  return calls;
}

import { createRandom, type Random } from '../random.ts';
import { callrailBody, standardBody } from './bodies.ts';
import { callsOf, type PlannedCall } from './calls.ts';

/** Where a call can come in: one tracking number and what its campaign asks of a call. */
export interface Placement {
  readonly trackingNumber: string;
  readonly minDurationS: number;
}

export interface TrafficOptions {
  readonly seed: number;
  /** How many different calls. */
  readonly calls: number;
  /** Share of bad calls, 0 to 1. */
  readonly fraudShare: number;
  /** Business dates in UTC, in order. */
  readonly dates: readonly string[];
  readonly placements: readonly Placement[];
  /** Calls that no webhook reports; default none. */
  readonly isLost?: (call: PlannedCall) => boolean;
}

/** Why a delivery is made, beside the plain report of a call. */
export type DeliveryKind = 'report' | 'modified' | 'twice' | 'forged' | 'malformed';

/** One webhook to send. */
export interface Delivery {
  readonly kind: DeliveryKind;
  readonly source: Source;
  /** Part of CallRail's address; in our own body it is the type. */
  readonly event: 'post_call' | 'call_modified';
  /** `webhook-id` of Standard Webhooks: the same when the event is sent again. */
  readonly eventId: string;
  readonly body: string;
  /** The answer that it must get. */
  readonly expected: 202 | 401;
}

export type Source = 'callrail' | 'demo';

export interface TrafficDay {
  readonly date: string;
  readonly calls: readonly PlannedCall[];
  /** The same as their providers know them in the end. */
  readonly known: readonly PlannedCall[];
  /** In the order in which they are sent. */
  readonly deliveries: readonly Delivery[];
}

/** Shares of all webhooks that are about calls. */
const SENT_TWICE = 0.05;
const MODIFIED = 0.06;
const FORGED = 0.01;
const MALFORMED = 0.005;

/** What is sent on each date. Pure: the same options give the same bytes. */
export function planTraffic(options: TrafficOptions): TrafficDay[] {
  const random = createRandom(options.seed);
  const calls = callsOf(options, random);
  return options.dates.map((date) => {
    const ofDay = calls.filter((call) => call.date === date);
    return { date, calls: ofDay, ...deliveriesOf(ofDay, random, options.isLost ?? (() => false)) };
  });
}

interface Slot {
  /** Where in the day's order it is sent. */
  readonly at: number;
  readonly delivery: Delivery;
}

/** In order of the calls' ends, with what goes wrong on the way: later news first, deliveries twice, forgeries. */
function deliveriesOf(
  calls: readonly PlannedCall[],
  random: Random,
  isLost: (call: PlannedCall) => boolean,
): Pick<TrafficDay, 'deliveries' | 'known'> {
  const slots: Slot[] = [];
  const known: PlannedCall[] = [];
  const ordered = [...calls].sort((a, b) => a.endedAtMs - b.endedAtMs);
  ordered.forEach((call, index) => {
    const report = { at: index, delivery: deliveryOf(call, 'report', 'post_call', random) };
    const pair = [report];
    const modification = random.next() < MODIFIED ? modificationOf(call, index, random) : null;
    known.push(modification?.modified ?? call);
    if (modification !== null) pair.push(modification);
    const lost = isLost(call);
    if (!lost) slots.push(...pair);
    for (const { at, delivery } of pair) {
      const twice: Delivery = { ...delivery, kind: 'twice' };
      if (random.next() < SENT_TWICE) {
        const again = { at: at + random.between(0, 40) + 0.5, delivery: twice };
        if (!lost) slots.push(again);
      }
    }
    if (random.next() < FORGED) slots.push({ at: index + 0.1, delivery: forgeryOf(call, random) });
    if (random.next() < MALFORMED) slots.push({ at: index + 0.2, delivery: malformationOf(random) });
  });
  return { deliveries: slots.sort((a, b) => a.at - b.at).map(({ delivery }) => delivery), known };
}

function deliveryOf(
  call: PlannedCall,
  kind: 'report' | 'modified',
  event: Delivery['event'],
  random: Random,
): Delivery {
  const body = call.source === 'callrail' ? callrailBody(call, random) : standardBody(call, event);
  return { kind, source: call.source, event, eventId: `msg_${random.hex(24)}`, body, expected: 202 };
}

/** News of a call: half of them say nothing new, and every third overtakes the report it corrects. */
function modificationOf(
  call: PlannedCall,
  index: number,
  random: Random,
): Slot & { readonly modified: PlannedCall } {
  const longerS = call.isPayable && random.next() < 0.5 ? random.between(5, 60) : 0;
  const modified = { ...call, durationS: call.durationS + longerS, statedAtMs: call.statedAtMs + 120_000 };
  const overtakes = random.next() < 0.33;
  const at = overtakes ? index - random.between(1, 30) - 0.5 : index + random.between(1, 60) + 0.5;
  return { at, modified, delivery: deliveryOf(modified, 'modified', 'call_modified', random) };
}

/** A call that never was, signed by somebody who does not hold the secret. */
function forgeryOf(call: PlannedCall, random: Random): Delivery {
  const forged = { ...call, externalId: `CAL${random.hex(32)}`, durationS: 3_000 };
  return { ...deliveryOf(forged, 'report', 'post_call', random), kind: 'forged', expected: 401 };
}

/** What is no event, by somebody who does not hold the secret; what is signed and no event is a dead letter, of which a good day has none. */
function malformationOf(random: Random): Delivery {
  const body = random.pick(['{"resource_id":"CAL', '[1,2,3]', 'resource_id=CAL1&duration=90', '']);
  const eventId = `msg_${random.hex(24)}`;
  return { kind: 'malformed', source: 'callrail', event: 'post_call', eventId, body, expected: 401 };
}

import type { Random } from '../random.ts';
import { CALLERS, callerNumber, impossibleNumber } from './numbers.ts';
import type { Placement, Source, TrafficOptions } from './plan.ts';

/** What a call is; `good`, and the first of a `repeat` pair or of a `burst`, is worth money. */
export type CallLabel = 'good' | 'short' | 'unanswered' | 'anonymous' | 'impossible' | 'repeat' | 'burst';

export interface PlannedCall {
  readonly source: Source;
  readonly externalId: string;
  readonly date: string;
  readonly label: CallLabel;
  readonly trackingNumber: string;
  /** Null when the caller withheld it. */
  readonly callerNumber: string | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly durationS: number;
  readonly answered: boolean;
  /** When the provider states these facts. */
  readonly statedAtMs: number;
  /** Longer than the campaign's minimum and answered: more seconds change nothing about the decision. */
  readonly isPayable: boolean;
}

/** How bad calls divide. */
const BAD: readonly (readonly [CallLabel, number])[] = [
  ['short', 0.25],
  ['unanswered', 0.2],
  ['anonymous', 0.15],
  ['impossible', 0.15],
  ['repeat', 0.15],
  ['burst', 0.1],
];
/** Calls of one caller within minutes. */
const BURST = 6;
/** Callers phone in American daytime: 13:00 to 22:00 UTC. */
const OPENS_MS = 13 * 3_600_000;
const OPEN_FOR_MS = 9 * 3_600_000;

interface Draft {
  readonly label: CallLabel;
  readonly caller: string | null;
  readonly placement: Placement;
  readonly date: string;
  readonly startedAtMs: number;
}

/**
 * The calls, in no order. Which of a caller's calls is paid depends on which is rated first; how many are does not:
 * each good caller phones once, each repeat caller and each burst is paid for once.
 */
export function callsOf(options: TrafficOptions, random: Random): PlannedCall[] {
  if (options.calls > CALLERS) throw new Error(`There are ${CALLERS} callers only.`);
  let callers = 0;
  const nextCaller = () => callerNumber(callers++);
  const drafts: Draft[] = [];
  for (const label of labelsOf(options, random)) {
    if (drafts.length >= options.calls) break;
    const date = random.pick(options.dates);
    const placement = random.pick(options.placements);
    const startedAtMs = Date.parse(date) + OPENS_MS + Math.floor(random.next() * OPEN_FOR_MS);
    const draft = { label, caller: callerOf(label, drafts.length, nextCaller), placement, date, startedAtMs };
    drafts.push(draft);
    const more = label === 'repeat' ? 1 : label === 'burst' ? BURST - 1 : 0;
    for (let nth = 1; nth <= more; nth += 1) {
      drafts.push({ ...draft, startedAtMs: startedAtMs + nth * random.between(180_000, 420_000) });
    }
  }
  return drafts.slice(0, options.calls).map((draft) => finish(draft, random));
}

/** One label for each caller; a burst or a pair is one entry. */
function labelsOf({ calls, fraudShare }: TrafficOptions, random: Random): CallLabel[] {
  const bad = Math.round(calls * fraudShare);
  const labels: CallLabel[] = [];
  for (const [label, share] of BAD) {
    const size = label === 'burst' ? BURST : 1;
    for (let n = Math.round((bad * share) / size); n > 0; n -= 1) labels.push(label);
  }
  const used = labels.reduce((sum, label) => sum + sizeOf(label), 0);
  for (let n = calls - used; n > 0; n -= 1) labels.push('good');
  return shuffled(labels, random);
}

const sizeOf = (label: CallLabel) => (label === 'burst' ? BURST : label === 'repeat' ? 2 : 1);

function callerOf(label: CallLabel, index: number, nextCaller: () => string): string | null {
  if (label === 'anonymous') return null;
  return label === 'impossible' ? impossibleNumber(index) : nextCaller();
}

function finish(draft: Draft, random: Random): PlannedCall {
  const { label, caller, placement, date, startedAtMs } = draft;
  const { minDurationS, trackingNumber } = placement;
  const answered = label !== 'unanswered';
  const isPayable = answered && label !== 'short';
  const durationS = isPayable
    ? minDurationS + 5 + Math.floor(random.next() ** 2 * 1_200)
    : random.between(answered ? 3 : 0, answered ? minDurationS - 1 : 12);
  const endedAtMs = startedAtMs + durationS * 1_000;
  const source = random.next() < 0.6 ? 'callrail' : 'demo';
  return {
    source,
    externalId: source === 'callrail' ? `CAL${random.hex(32)}` : `demo-${random.hex(16)}`,
    date,
    label,
    trackingNumber,
    callerNumber: caller,
    startedAtMs,
    endedAtMs,
    durationS,
    answered,
    statedAtMs: endedAtMs + 5_000,
    isPayable,
  };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

/** How many of the calls are worth money: one for each caller who did nothing wrong, or did it only again. */
export function countPaidFor(calls: readonly PlannedCall[]): number {
  const callers = new Set<string | null>();
  for (const { label, callerNumber: caller } of calls) {
    if (label === 'good' || label === 'repeat' || label === 'burst') callers.add(caller);
  }
  return callers.size;
}

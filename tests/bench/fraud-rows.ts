import type { LabelledCall } from '../../sandbox/traffic/labelled/labelled-call.ts';
import type { LabelledTraffic } from '../../sandbox/traffic/labelled/traffic.ts';
import type { Lengths } from '../../src/jobs/fraud/signal.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

interface RowCampaign {
  readonly id: string;
  readonly buyerId: string;
  readonly minimumS: number;
  readonly regions: readonly string[] | null;
}

/** A call with what windows ask of it; numbers and suppliers by small integers, so that different ones are counted without sets. */
export interface Row {
  readonly index: number;
  readonly call: LabelledCall;
  readonly campaign: RowCampaign;
  readonly supplier: number;
  readonly startedAtMs: number;
  readonly durationS: number;
  readonly talked: boolean;
  /** Answered, and as long as its own campaign asks. */
  readonly pays: boolean;
  readonly aboveS: number;
  readonly band: number;
  /** -1 where the number is withheld; so are the thousand and the hundred of numbers that it is of. */
  readonly caller: number;
  readonly thousand: number;
  readonly hundred: number;
  /** From another region than its campaign asks for; null where either is not known. */
  readonly isOutside: boolean | null;
  /** What the rules made of it. */
  isStopped: boolean;
  isRefused: boolean;
}

/** The seconds above the minimum that lengths of calls are counted by. */
const BANDS_S = [5, 15, 30, 60, 120, 240] as const;

export function bandOf(aboveS: number): number {
  let band = 0;
  for (const below of BANDS_S) if (aboveS >= below) band += 1;
  return band;
}

export type Counted<T> = { -readonly [K in keyof T]: T[K] };

export const noLengths = (): Counted<Lengths> => ({
  ...{ calls: 0, payable: 0 },
  ...{ within5: 0, within15: 0, within30: 0, within60: 0, within120: 0, within240: 0 },
});

/** Counts a call of a campaign. */
export function addLength(lengths: Counted<Lengths>, { pays, aboveS }: Row): void {
  lengths.calls += 1;
  if (!pays) return;
  lengths.payable += 1;
  if (aboveS < 5) lengths.within5 += 1;
  if (aboveS < 15) lengths.within15 += 1;
  if (aboveS < 30) lengths.within30 += 1;
  if (aboveS < 60) lengths.within60 += 1;
  if (aboveS < 120) lengths.within120 += 1;
  if (aboveS < 240) lengths.within240 += 1;
}

export const secondsBetween = (from: Row, to: Row): number =>
  Math.round((to.startedAtMs - from.startedAtMs) / 1_000);

/** 1 for the first of a value within a call's window, and 0 for those after it. */
export type FirstOf = (value: number, row: Row) => number;

export type Firsts = Readonly<
  Record<'supplier' | 'number' | 'thousand' | 'neighbour' | 'neighbourOfSupplier', FirstOf>
>;

/** The same text, the same number; from 0 on. */
function numbering(): (text: string | null, digitsLess: number) => number {
  const numbers = new Map<string, number>();
  return (text, digitsLess) => {
    if (text === null) return -1;
    const key = text.slice(0, text.length - digitsLess);
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, numbers.size);
    return numbers.size - 1;
  };
}

export function rowsOf({ calls, campaigns }: LabelledTraffic): Row[] {
  const known = new Map(
    campaigns.map(({ id, buyerId, minDurationS, states }): [string, RowCampaign] => [
      id,
      { id, buyerId, minimumS: minDurationS, regions: states?.map((state) => `US-${state}`) ?? null },
    ]),
  );
  const [supplierOf, callerOf, thousandOf, hundredOf] = [numbering(), numbering(), numbering(), numbering()];
  return calls.map((call, index) => {
    const campaign = known.get(call.campaignId);
    if (campaign === undefined) throw new Error('a call of no campaign');
    const { callerNumber, callerRegion, durationS, answered } = call;
    const aboveS = durationS - campaign.minimumS;
    const { regions } = campaign;
    return {
      ...{ index, call, campaign, startedAtMs: call.startedAtMs, durationS, talked: answered, aboveS },
      supplier: supplierOf(call.supplierId, 0),
      pays: answered && aboveS >= 0,
      band: bandOf(aboveS),
      caller: callerOf(callerNumber, 0),
      thousand: thousandOf(callerNumber, 3),
      hundred: hundredOf(callerNumber, 2),
      isOutside: callerRegion === null || regions === null ? null : !regions.includes(callerRegion),
      ...{ isStopped: false, isRefused: false },
    };
  });
}

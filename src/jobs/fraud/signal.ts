import type { Lookups } from './look-up-numbers.ts';

/** What signals look at: a call and its context. See integrations/supabase/calls.ts for where each number comes from. */
export interface CallFacts {
  /** As reported; null when the caller withheld it. */
  readonly callerNumber: string | null;
  readonly durationS: number;
  readonly answered: boolean;
  readonly startedAtMs: number;
  readonly terms: { readonly minDurationS: number } | null;
  /** Where the callers of the campaign are; null is anywhere. */
  readonly regions: readonly string[] | null;
  /** Where the provider says the caller is, in ISO 3166-2 (`US-TX`). */
  readonly callerRegion: string | null;
  /** STIR: how far the caller's carrier vouches for the number. */
  readonly attestation: 'A' | 'B' | 'C' | null;
  readonly lineType: LineType | null;
  /** What was known of the number when the call was first scored, by provider; null where nobody was asked. */
  readonly lookups: Lookups | null;
  /** The caller's number is a tracking number of this exchange. */
  readonly ownNumber: boolean;
  readonly standing: 'active' | 'throttled' | 'paused' | 'blocked';
  readonly caller: CallerWindow;
  readonly supplier: SupplierWindow;
  readonly block: BlockWindow;
  /** Null while no date of the supplier is closed. */
  readonly profile: Profile | null;
  /** The same of all suppliers together. */
  readonly network: Profile | null;
  /** The campaign's calls in the same 28 days, of all suppliers. */
  readonly campaign: Lengths;
}

export type LineType = 'mobile' | 'landline' | 'voip' | 'toll_free' | 'premium' | 'other';

/** Calls of the caller that started before this one: the last 100 within 30 days. */
export interface CallerWindow {
  readonly hour: number;
  readonly day: number;
  readonly network: number;
  readonly buyer: number;
  readonly campaign: number;
  /** Answered, and as long as this call's terms ask. */
  readonly payable: number;
  readonly payableInCampaign: number;
  readonly otherSuppliers: number;
  readonly otherCampaigns: number;
  /** Since the caller's last call; null is a caller who never called. */
  readonly lastS: number | null;
}

/** Calls of the supplier that started before this one: the last 200 within seven days. */
export interface SupplierWindow {
  readonly calls: number;
  /** How long before this one the first of them started. */
  readonly spanS: number;
  readonly hour: number;
  readonly day: number;
  /** Of the last day's calls the shorter of the two middle quarters: short where a crowd came at once. */
  readonly evenS: number;
  /** From numbers that had called within it before. */
  readonly again: number;
  readonly answered: number;
  /** Answered, and shorter than ten seconds. */
  readonly hangups: number;
  /** Signed by a carrier (STIR); of those, vouched for in part only. */
  readonly signed: number;
  readonly vouchedLess: number;
  /** Within a second of this call's duration, and within 15 seconds of it. */
  readonly sameDuration: number;
  readonly nearDuration: number;
  /** Within three, eight and 45 seconds of it. */
  readonly within3: number;
  readonly within8: number;
  readonly within45: number;
  /** Numbers that called, and thousands of numbers that these are of. */
  readonly numbers: number;
  readonly thousands: number;
  /** Payable, each by its campaign: as far above the minimum as this call, and those of which carriers say as much. */
  readonly sameLength: number;
  readonly sameVouching: number;
  /** Payable, of campaigns that ask where callers are, and of known region; of those, from elsewhere. */
  readonly regionKnown: number;
  readonly outside: number;
  /** Of those, this call's campaign's. */
  readonly campaign: Lengths;
  /** Of those, each campaign's. */
  readonly campaigns: readonly CampaignCalls[];
}

/** Calls of a supplier for one campaign. */
interface CampaignCalls {
  readonly window: Counted;
  /** Within the day before, and of the last 30 calls of the window. */
  readonly day: Counted;
  readonly last: Counted;
  /** The campaign's calls in the 28 days of the profile, of all suppliers. */
  readonly all: Lengths;
}

interface Counted {
  readonly calls: number;
  readonly payable: number;
}

/** How long calls of a campaign are. */
export interface Lengths {
  readonly calls: number;
  readonly payable: number;
  /** Payable, and at most so many seconds above the minimum. */
  readonly within5: number;
  readonly within15: number;
  readonly within30: number;
  readonly within60: number;
  readonly within120: number;
  readonly within240: number;
}

/** Of the hour before, also where the window ends within it. */
export const callsOfHour = ({ calls, hour, spanS }: SupplierWindow): number =>
  calls >= SUPPLIER_WINDOW && spanS < 3_600 ? (calls * 3_600) / Math.max(1, spanS) : hour;

/** The most calls that the window of a supplier has. */
export const SUPPLIER_WINDOW = 200;

/** Other numbers of the caller's thousand, and hundred, of numbers that called within the 30 days before. */
export interface BlockWindow {
  readonly numbers: number;
  readonly numbersOfSupplier: number;
  readonly hundred: number;
  readonly hundredOfSupplier: number;
}

/** The 28 days up to the last one that was closed. */
export interface Profile {
  /** Of the 28 those that had calls. */
  readonly days: number;
  readonly calls: number;
  readonly answered: number;
  readonly hangups: number;
  readonly payable: number;
  readonly inBand: number;
  readonly afterBand: number;
  readonly callers: number;
  readonly qualified: number;
  readonly refused: number;
  readonly disputed: number;
  /** Signed by a carrier (STIR); of those, vouched for in part only. */
  readonly signed: number;
  readonly vouchedLess: number;
  /** Payable calls whose caller had another within the 30 days before; and those that rules stopped. */
  readonly repeats: number;
  readonly stopped: number;
  /** The calls of a day, of those that had any: half of them had fewer. */
  readonly median: number;
  /** By the hour of UTC, and by the weekday from Monday on. */
  readonly hours: readonly number[];
  readonly weekdays: readonly number[];
}

/** What was measured, with the numbers it was measured from. */
export interface Measure {
  /** From 0, nothing of it, to 1; a rule set's weight times this are its points. */
  readonly strength: number;
  readonly value: Readonly<Record<string, number | string>>;
}

/**
 * One thing that speaks against a call. Pure: the same facts give the same measure, whatever the rule set. Whoever changes what
 * it measures raises its version.
 */
export interface Signal {
  readonly name: string;
  readonly version: number;
  /** What ops read beside the points. */
  readonly text: string;
  /** Null when there is nothing of it, or nothing to measure it by. */
  readonly measure: (call: CallFacts) => Measure | null;
}

/** How far a number lies from `from`, which counts nothing, to `to`, which counts fully. */
export const between = (value: number, from: number, to: number): number =>
  Math.min(1, Math.max(0, (value - from) / (to - from)));

/** A measure, or nothing where it has no strength. Strengths have three decimals, so that what is stored is what was weighed. */
export function measured(strength: number, value: Measure['value']): Measure | null {
  const rounded = Math.round(strength * 1_000) / 1_000;
  return rounded > 0 ? { strength: rounded, value } : null;
}

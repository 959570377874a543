import { z } from 'zod';
import { CURRENCIES, type Currency, formatDecimal, type Money, parseDecimal } from '../../money.ts';

export const PROVIDERS = ['ringba', 'everflow', 'tune'] as const;
export type CampaignProvider = (typeof PROVIDERS)[number];

/** What a platform says of an offer. What it does not say is absent; amounts are decimals in major units. */
export interface Offer {
  readonly name: string;
  /** ISO 4217 in small letters; null where the platform names none. */
  readonly currency: string | null;
  /** What its buyer owes for a call. */
  readonly price?: string;
  /** What the supplier earns of a call: an amount, or basis points of the price. */
  readonly share?: { readonly amount: string } | { readonly bps: number };
  readonly minDurationS?: number;
  /** How many calls are paid for at most; null is no cap. */
  readonly dailyCap?: number | null;
  readonly monthlyCap?: number | null;
  readonly concurrencyCap?: number | null;
  /** Why its price or share cannot be said as terms. */
  readonly fault?: string;
}

/** What the books say of a call: once it is paid for, and after each change. Nothing is owed for one that was taken back. */
export interface Conversion {
  readonly offerId: string;
  /** What the platform calls the call, or the click that led to it. */
  readonly reference: string;
  readonly currency: Currency;
  readonly priceMinor: number;
  readonly shareMinor: number;
}

/** A conversion as the platform has it; amounts are null where they are none of the currency. */
export interface KnownConversion {
  readonly id: string;
  readonly priceMinor: number | null;
  readonly shareMinor: number | null;
  /** The platform has it and pays nothing for it, whatever its amounts are: somebody or a rule there rejected it. */
  readonly isVoid: boolean;
  /** It has another one of the same call, and both count. */
  readonly isDouble: boolean;
}

/** A platform that is told of calls. */
export interface ConversionBook {
  /** It takes a while until it shows what it took, and what it is to make a second time it makes twice. */
  readonly isSlow: boolean;
  /** Null when it has none of this call. */
  find(conversion: Conversion, signal: AbortSignal): Promise<KnownConversion | null>;
  /**
   * Makes it, or sets the amounts of the one that `find` found. Sent once: what is sent again after a wait could come after a
   * newer amount. Throws PROVIDER_REFUSED as the API client does.
   */
  send(conversion: Conversion, known: KnownConversion | null, signal: AbortSignal): Promise<void>;
}

/** What a platform keeps of campaigns. Throws as the API client does. */
export interface CampaignBook {
  /** Null when nobody knows it. */
  readOffer(offerId: string, signal: AbortSignal): Promise<Offer | null>;
  /** Null of a platform that is only read. */
  readonly conversions: ConversionBook | null;
}

/** A number or a decimal, as the text that it was: no sum is made of floats. */
export const decimal = z.union([z.number(), z.string()]).transform(String);

export const minorOf = (amount: string, currency: Currency): number | null =>
  parseDecimal(amount.trim(), CURRENCIES[currency].exponent);

/** As a number that JSON writes as the very decimal. */
export const majorOf = (money: Money): number => Number(formatDecimal(money));

/** A cap of 0, or less, is none. */
export const capOf = (cap: number): number | null => (cap > 0 ? cap : null);

import { PermanentError } from './errors.ts';

/** A whole number of the currency's minor units, as Stripe counts them, inside ±(2^53 − 1). */
export interface Money {
  readonly amountMinor: number;
  readonly currency: Currency;
}

/**
 * The currencies that the exchange settles in, with Stripe's own exponent and minimum charge in minor units.
 *
 * Exponents are Stripe's, not ISO's or CLDR's: UGX and ISK are sent with two decimals that must be zero.
 * Source: Stripe, "Supported currencies" (zero-decimal list, special cases, minimum charge amounts).
 */
export const CURRENCIES = {
  usd: { exponent: 2, minimumChargeMinor: 50, multipleOfMinor: 1 },
  eur: { exponent: 2, minimumChargeMinor: 50, multipleOfMinor: 1 },
  gbp: { exponent: 2, minimumChargeMinor: 30, multipleOfMinor: 1 },
  cad: { exponent: 2, minimumChargeMinor: 50, multipleOfMinor: 1 },
  aud: { exponent: 2, minimumChargeMinor: 50, multipleOfMinor: 1 },
  // Charged to the fillér; only payouts to a bank are whole forints.
  huf: { exponent: 2, minimumChargeMinor: 17_500, multipleOfMinor: 1 },
  jpy: { exponent: 0, minimumChargeMinor: 50, multipleOfMinor: 1 },
  kwd: { exponent: 3, minimumChargeMinor: 500, multipleOfMinor: 10 },
  // Stripe names no minimum of its own; this is half a dollar and some more.
  ugx: { exponent: 2, minimumChargeMinor: 200_000, multipleOfMinor: 100 },
} as const;

export type Currency = keyof typeof CURRENCIES;

export function parseCurrency(value: string): Currency {
  if (Object.hasOwn(CURRENCIES, value)) return value as Currency;
  throw new PermanentError('CURRENCY_UNKNOWN', `The exchange does not settle in "${value.slice(0, 8)}".`);
}

/** Passes a safe integer through; anything else is an AMOUNT_INVALID. Minus zero becomes zero. */
export function parseAmountMinor(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value + 0;
  throw new PermanentError(
    'AMOUNT_INVALID',
    `${String(value).slice(0, 40)} is no whole number of minor units.`,
  );
}

/**
 * A decimal in major units, `-123.45`, as minor units; null where it is none, has more digits than the exponent, or
 * does not fit. No float comes near it, and nothing groups its digits.
 */
export function parseDecimal(text: string, exponent: number): number | null {
  const [, sign, whole, fraction = ''] = /^([+-]?)(\d{1,16})(?:\.(\d{1,16}))?$/.exec(text) ?? [];
  if (whole === undefined) return null;
  const padded = fraction.padEnd(exponent, '0');
  if (/[^0]/.test(padded.slice(exponent))) return null;
  const amountMinor = Number(whole + padded.slice(0, exponent));
  if (!Number.isSafeInteger(amountMinor)) return null;
  return sign === '-' ? 0 - amountMinor : amountMinor;
}

/** `12345 usd` as `123.45 USD`. For people only: nothing reads it back. */
export function formatMoney(money: Money): string {
  return `${formatDecimal(money)} ${money.currency.toUpperCase()}`;
}

/** `12345 usd` as `123.45`, where the currency stands elsewhere. */
export function formatDecimal({ amountMinor, currency }: Money): string {
  const { exponent } = CURRENCIES[currency];
  const digits = Math.abs(amountMinor)
    .toString()
    .padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const sign = amountMinor < 0 ? '-' : '';
  const fraction = exponent === 0 ? '' : `.${digits.slice(digits.length - exponent)}`;
  return `${sign}${whole}${fraction}`;
}

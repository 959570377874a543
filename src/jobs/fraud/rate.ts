import { CURRENCIES, parseAmountMinor, parseCurrency } from '../../money.ts';

/** The terms that a call is rated by: those in force at its start. */
interface Terms {
  readonly termsId: string;
  readonly currency: string;
  readonly priceMinor: number;
  /** The supplier's share in basis points of the price. */
  readonly supplierShareBps: number;
}

export interface Rating {
  readonly termsId: string;
  readonly priceMinor: number;
  readonly shareMinor: number;
}

/**
 * What the buyer owes for one qualified call and what of it the supplier earns. The share is rounded down to what Stripe
 * can transfer (a whole minor unit; ten of them in a currency of three decimals) and the exchange keeps the rest, so
 * that share and margin are the price to the last unit.
 */
export function rateCall({ termsId, currency, priceMinor, supplierShareBps }: Terms): Rating {
  const share = Number((BigInt(parseAmountMinor(priceMinor)) * BigInt(supplierShareBps)) / 10_000n);
  const { multipleOfMinor } = CURRENCIES[parseCurrency(currency)];
  return { termsId, priceMinor, shareMinor: share - (share % multipleOfMinor) };
}

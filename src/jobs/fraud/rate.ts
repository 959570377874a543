import { CURRENCIES, parseAmountMinor, parseCurrency } from '../../money.ts';

/** The terms that a call is rated by, those in force at its start: one price and one share, the others are null. */
export interface Terms {
  readonly termsId: string;
  readonly currency: string;
  /** For a qualified call; with `incrementS` for each begun increment of it, `minimumS` seconds at least. */
  readonly priceMinor: number | null;
  readonly incrementS: number | null;
  readonly minimumS: number | null;
  /** Of the revenue that the buyer reported, in basis points. */
  readonly revenueBps: number | null;
  /** The supplier's share in basis points of the price. */
  readonly supplierShareBps: number | null;
  readonly supplierShareMinor: number | null;
  /** Basis points by the how-manieth paid call of the supplier in the month a call is; marginal, from call 1 on. */
  readonly supplierShareTiers: readonly { readonly fromCall: number; readonly bps: number }[] | null;
}

export interface RatedCall {
  readonly durationS: number;
  /** What the buyer reported; null when it has not yet. */
  readonly revenue: { readonly amountMinor: number; readonly currency: string } | null;
}

export interface Rating {
  readonly termsId: string;
  readonly priceMinor: number;
  /** The share from the how-manieth paid call of the month on; which holds is counted when the call is posted. */
  readonly shares: readonly { readonly fromCall: number; readonly shareMinor: number }[];
}

/** Why a call that qualifies cannot be rated. */
export type Unrated = 'no-revenue-yet' | 'revenue-in-other-currency' | 'nothing-owed' | 'share-above-price';

/**
 * What the buyer owes for one qualified call and what of it the supplier earns. Price and share are rounded down to what
 * Stripe can move (a whole minor unit; ten of them in a currency of three decimals) and the exchange keeps the rest, so
 * that share and margin are the price to the last unit.
 *
 * A share above the price is neither cut, because then the supplier would earn less than was agreed, nor posted, because
 * then the exchange would pay for the call: it is told, and a person decides.
 */
export function rateCall(terms: Terms, call: RatedCall): Rating | Unrated {
  const price = priceOf(terms, call);
  if (typeof price === 'string') return price;
  if (price === 0n) return 'nothing-owed';
  const shares = sharesOf(terms, price);
  if (shares.some(({ share }) => share > price)) return 'share-above-price';
  return {
    termsId: terms.termsId,
    priceMinor: parseAmountMinor(Number(price)),
    shares: shares.map(({ fromCall, share }) => ({ fromCall, shareMinor: Number(share) })),
  };
}

function priceOf(
  { priceMinor, incrementS, minimumS, revenueBps, currency }: Terms,
  { durationS, revenue }: RatedCall,
): bigint | Unrated {
  if (revenueBps !== null) {
    if (revenue === null) return 'no-revenue-yet';
    if (revenue.currency !== currency) return 'revenue-in-other-currency';
    return partOf(BigInt(parseAmountMinor(revenue.amountMinor)), revenueBps, currency);
  }
  const price = BigInt(parseAmountMinor(priceMinor));
  if (incrementS === null) return price;
  const seconds = BigInt(Math.max(durationS, minimumS ?? 0));
  const increment = BigInt(incrementS);
  return price * ((seconds + increment - 1n) / increment);
}

function sharesOf(
  { supplierShareMinor, supplierShareTiers, supplierShareBps, currency }: Terms,
  price: bigint,
): { fromCall: number; share: bigint }[] {
  if (supplierShareMinor !== null)
    return [{ fromCall: 1, share: BigInt(parseAmountMinor(supplierShareMinor)) }];
  const tiers = supplierShareTiers ?? [{ fromCall: 1, bps: supplierShareBps ?? 0 }];
  return tiers.map(({ fromCall, bps }) => ({ fromCall, share: partOf(price, bps, currency) }));
}

/** Basis points of an amount, rounded down to what Stripe can move. */
function partOf(amount: bigint, bps: number, currency: string): bigint {
  const part = (amount * BigInt(bps)) / 10_000n;
  return part - (part % BigInt(CURRENCIES[parseCurrency(currency)].multipleOfMinor));
}

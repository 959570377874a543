import { CURRENCIES, parseCurrency, parseDecimal } from '../../money.ts';

/** The newest terms of a campaign, as far as offers say something of them. */
export interface TermsNow {
  readonly currency: string;
  readonly priceMinor: number | null;
  readonly incrementS: number | null;
  readonly supplierShareBps: number | null;
  readonly supplierShareMinor: number | null;
  readonly supplierShareTiers: readonly { readonly fromCall: number; readonly bps: number }[] | null;
  readonly minDurationS: number;
  readonly dailyCap: number | null;
  readonly monthlyCap: number | null;
  readonly concurrencyCap: number | null;
}

/** What a platform says; what is absent it does not say, and amounts are decimals in major units. */
interface OfferNow {
  readonly currency: string | null;
  readonly price?: string;
  readonly share?: { readonly amount: string } | { readonly bps: number };
  readonly minDurationS?: number;
  readonly dailyCap?: number | null;
  readonly monthlyCap?: number | null;
  readonly concurrencyCap?: number | null;
  readonly fault?: string;
}

type Changes = Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;

/** What an offer would change of the terms of its campaign; with a fault, nothing that it says can become terms. */
export interface Compared {
  readonly changes: Changes;
  readonly fault: string | null;
}

const MOST_WHOLE = 2 ** 31 - 1;
/** What the import of terms takes. */
const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> = {
  priceMinor: [1, Number.MAX_SAFE_INTEGER],
  supplierShareMinor: [0, Number.MAX_SAFE_INTEGER],
  supplierShareBps: [0, 10_000],
  minDurationS: [0, MOST_WHOLE],
  dailyCap: [1, MOST_WHOLE],
  monthlyCap: [1, MOST_WHOLE],
  concurrencyCap: [1, MOST_WHOLE],
};

function isInRange(name: string, value: number): boolean {
  const [least, most] = RANGES[name] ?? [0, 0];
  return Number.isInteger(value) && value >= least && value <= most;
}

/** Terms that pay a call as the offer does, though they say it in another way, stay. */
export function compareOffer(terms: TermsNow | null, offer: OfferNow | null): Compared {
  const fault = faultOf(terms, offer);
  if (fault !== null || terms === null || offer === null) return { changes: {}, fault };
  const { exponent } = CURRENCIES[parseCurrency(terms.currency)];
  const priceMinor = offer.price === undefined ? undefined : parseDecimal(offer.price.trim(), exponent);
  const share = shareOf(terms, offer, priceMinor ?? terms.priceMinor, exponent);
  if (priceMinor === null || share === null)
    return { changes: {}, fault: `the offer has an amount that is none of ${terms.currency}` };
  if (priceMinor !== undefined && (terms.priceMinor === null || terms.incrementS !== null))
    return { changes: {}, fault: 'the offer has a price by the call, and the terms have another' };
  const { minDurationS, dailyCap, monthlyCap, concurrencyCap } = offer;
  const wanted = { priceMinor, ...share, minDurationS, dailyCap, monthlyCap, concurrencyCap };
  const odd = Object.entries(wanted).find(([name, to]) => typeof to === 'number' && !isInRange(name, to));
  if (odd !== undefined)
    return { changes: {}, fault: `the offer has a ${odd[0]} of ${odd[1]}, which no terms can have` };
  const changes = Object.entries(wanted).flatMap(([name, to]) => {
    const from: unknown = terms[name as keyof TermsNow];
    return to === undefined || JSON.stringify(to) === JSON.stringify(from) ? [] : [[name, { from, to }]];
  });
  return { changes: Object.fromEntries(changes), fault: null };
}

function faultOf(terms: TermsNow | null, offer: OfferNow | null): string | null {
  if (offer === null) return 'the platform knows no such offer';
  if (terms === null) return 'the campaign has no terms that others could follow: import its first ones';
  if (offer.fault !== undefined) return offer.fault;
  return offer.currency === null || offer.currency === terms.currency
    ? null
    : `the offer is in ${offer.currency.slice(0, 8)}, the terms are in ${terms.currency}`;
}

const NO_SHARE = { supplierShareMinor: null, supplierShareBps: null, supplierShareTiers: null };

/** The share that the terms would have; nothing where they pay the same already, null where its amount is none. */
function shareOf(terms: TermsNow, { share }: OfferNow, priceMinor: number | null, exponent: number) {
  if (share === undefined) return {};
  if ('bps' in share) return { ...NO_SHARE, supplierShareBps: share.bps };
  const amountMinor = parseDecimal(share.amount.trim(), exponent);
  if (amountMinor === null) return null;
  const bps = terms.supplierShareBps;
  const isSame =
    bps !== null &&
    priceMinor !== null &&
    terms.incrementS === null &&
    partOf(priceMinor, bps) === amountMinor;
  return isSame ? {} : { ...NO_SHARE, supplierShareMinor: amountMinor };
}

const partOf = (amountMinor: number, bps: number) => Number((BigInt(amountMinor) * BigInt(bps)) / 10_000n);

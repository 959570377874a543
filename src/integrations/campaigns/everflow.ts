import { z } from 'zod';
import { ApiError } from '../../errors.ts';
import { refusalInside } from '../api-errors.ts';
import { headerKey } from '../credentials.ts';
import { type ClientParts, createApiClient } from '../http.ts';
import { type CampaignBook, type Conversion, capOf, decimal, majorOf, minorOf, type Offer } from './offer.ts';

export interface EverflowOptions extends ClientParts {
  /** Newest first. */
  readonly apiKeys: readonly string[];
  /** That of accounts in the EU is another one. */
  readonly apiBase: string;
}

/** Its own number of UTC, which a conversion of this moment needs too. */
const UTC = 67;

const entry = z.object({
  is_default: z.boolean().nullish(),
  payout_type: z.string(),
  payout_amount: decimal.nullish(),
  revenue_type: z.string(),
  revenue_amount: decimal.nullish(),
});

const offerSchema = z
  .object({
    name: z.string(),
    currency_id: z.string().nullish(),
    is_caps_enabled: z.boolean().nullish(),
    daily_conversion_cap: z.int().nullish(),
    monthly_conversion_cap: z.int().nullish(),
    relationship: z.object({ payout_revenue: z.object({ entries: z.array(entry) }) }),
  })
  .transform(({ relationship, is_caps_enabled: isCapped, ...given }): Offer => {
    const { entries } = relationship.payout_revenue;
    const base = entries.find((one) => one.is_default === true) ?? entries[0];
    return {
      ...{ name: given.name, currency: given.currency_id?.toLowerCase() ?? null },
      dailyCap: isCapped === true ? capOf(given.daily_conversion_cap ?? 0) : null,
      monthlyCap: isCapped === true ? capOf(given.monthly_conversion_cap ?? 0) : null,
      ...(base === undefined ? {} : amountsOf(base)),
    };
  });

/** `cpa` and `rpa` are amounts for a conversion. */
function amountsOf({ payout_type, payout_amount, revenue_type, revenue_amount }: z.output<typeof entry>) {
  const odd = payout_type === 'cpa' ? (revenue_type === 'rpa' ? null : revenue_type) : payout_type;
  if (odd !== null) return { fault: `the offer is paid by ${odd.slice(0, 20)}, and not by the call` };
  return {
    ...(revenue_amount == null || Number(revenue_amount) === 0 ? {} : { price: revenue_amount }),
    ...(payout_amount == null ? {} : { share: { amount: payout_amount } }),
  };
}

const conversion = z.object({
  conversion_id: decimal,
  is_event: z.boolean().nullish(),
  status: z.string().nullish(),
  payout: decimal,
  revenue: decimal,
});
/** Its reference shows a list with its length. A length without the list is no answer: there is something, and we do not see it. */
const transactionSchema = z.object({
  conversions: z
    .union([
      z.array(conversion),
      z
        .object({ total: z.int().nullish(), entries: z.array(conversion).nullish() })
        .refine(({ total, entries }) => (total ?? 0) <= (entries?.length ?? 0))
        .transform(({ entries }) => entries ?? []),
    ])
    .nullable(),
});
/** Of a conversion that nobody is paid for. */
const VOID = ['rejected', 'invalid'];

const taken = z
  .object({ result: z.boolean() })
  .transform(({ result }) => (result ? result : refusalInside('not_taken', { ofEverybody: false })));

/**
 * Everflow's Network API. Source: its API reference, with the OpenAPI document of each page (header `X-Eflow-API-Key`; offers
 * with the relationship `payout_revenue`; conversions made of transaction ids, each of which is a click; payout and revenue
 * of one set as absolute amounts). What it takes it shows after a while, and it may take what it then does not do, so that
 * what it was told is looked up. Not tried against Everflow: a transaction's conversions, which are read as its reference shows
 * them and as a bare list, and of which too little is an answer that cannot be read, so that nothing is sent; and whether the time zone counts for a conversion of this moment.
 */
export function createEverflow({ apiKeys, apiBase, ...parts }: EverflowOptions): CampaignBook {
  const client = createApiClient({
    ...{ ...parts, provider: 'everflow', baseUrl: new URL(apiBase), tokens: () => apiKeys },
    authorize: headerKey('x-eflow-api-key'),
  });
  const amounts = ({ currency, priceMinor, shareMinor }: Conversion) => ({
    payout: majorOf({ amountMinor: shareMinor, currency }),
    revenue: majorOf({ amountMinor: priceMinor, currency }),
  });
  return {
    readOffer: (offerId, signal) =>
      unlessUnknown(
        client.get({
          ...{ operation: 'offers.get', path: `/v1/networks/offers/${encodeURIComponent(offerId)}` },
          ...{ query: { relationship: 'payout_revenue' }, schema: offerSchema, signal },
        }),
      ),
    conversions: {
      isSlow: true,
      async find({ reference, currency }, signal) {
        const path = `/v1/networks/reporting/transactions/${encodeURIComponent(reference)}`;
        const call = { operation: 'transactions.get', path, schema: transactionSchema, signal };
        const found = (await unlessUnknown(client.get(call)))?.conversions ?? [];
        const known = found
          .filter(({ is_event: isEvent }) => isEvent !== true)
          .map(({ conversion_id: id, status, payout, revenue }) => ({
            ...{ id, isVoid: VOID.includes(status?.toLowerCase() ?? '') },
            ...{ priceMinor: minorOf(revenue, currency), shareMinor: minorOf(payout, currency) },
          }));
        const [counted, ...others] = known.filter(({ isVoid }) => !isVoid);
        const base = counted ?? known[0];
        return base === undefined ? null : { ...base, isDouble: others.length > 0 };
      },
      async send(conversion, known, signal) {
        const { payout, revenue } = amounts(conversion);
        if (known !== null) {
          const path = `/v1/networks/reporting/conversions/${encodeURIComponent(known.id)}/payoutrevenue`;
          const body = { json: { is_event: false, payout, revenue } };
          await client.write({
            ...{ operation: 'conversions.adjust', method: 'PUT', path, body, schema: taken, signal },
            repeatable: false,
          });
          return;
        }
        const json = {
          ...{ offer_id: Number(conversion.offerId), event_id: 0, is_now: true, timezone_id: UTC },
          ...{ payout_amount: payout, is_payout_amount_submitted: true },
          ...{ revenue_amount: revenue, is_revenue_amount_submitted: true },
          transaction_ids: [conversion.reference],
        };
        const path = '/v1/networks/conversions/reporting/transaction_ids';
        await client.write({ operation: 'conversions.create', path, body: { json }, schema: taken, signal });
      },
    },
  };
}

/** Null of what nobody knows. */
export async function unlessUnknown<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.statusCode === 404) return null;
    throw error;
  }
}

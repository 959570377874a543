import { z } from 'zod';
import type { Currency } from '../../money.ts';
import { type RefusalInside, refusalInside } from '../api-errors.ts';
import { queryKey } from '../credentials.ts';
import { type ClientParts, createApiClient } from '../http.ts';
import { type CampaignBook, capOf, decimal, type Offer } from './offer.ts';

export interface TuneOptions extends ClientParts {
  /** Newest first. */
  readonly networkTokens: readonly string[];
  /** Of the network: `https://NETWORK.api.hasoffers.com`. */
  readonly apiBase: string;
  /** In which its offers are that name none; null where nobody said so. */
  readonly networkCurrency?: Currency | null;
}

const FLAT = 'cpa_flat';
const cap = z.coerce.number().int().nullish();

const offerSchema = z
  .object({
    name: z.string(),
    currency: z.string().nullish(),
    payout_type: z.string(),
    revenue_type: z.string(),
    default_payout: decimal,
    max_payout: decimal,
    conversion_cap: cap,
    monthly_conversion_cap: cap,
  })
  .transform((given): Offer => {
    const { payout_type: payout, revenue_type: revenue, default_payout: amount, max_payout: price } = given;
    const odd = [payout, revenue].find((type) => type !== FLAT);
    return {
      ...{ name: given.name, currency: given.currency?.toLowerCase() || null },
      ...(given.conversion_cap == null ? {} : { dailyCap: capOf(given.conversion_cap) }),
      ...(given.monthly_conversion_cap == null ? {} : { monthlyCap: capOf(given.monthly_conversion_cap) }),
      ...(odd === undefined
        ? { share: { amount }, ...(Number(price) === 0 ? {} : { price }) }
        : { fault: `the offer is paid by ${odd.slice(0, 20)}, and not by the call` }),
    };
  });

/** An offer that names no currency is in the network's, which TUNE does not say. */
function inCurrency(offer: Offer, networkCurrency: Currency | null): Offer {
  const currency = offer.currency ?? networkCurrency;
  const fault = 'the offer is in the currency of the network: say which that is in TUNE_NETWORK_CURRENCY';
  return { ...offer, currency, ...(currency === null ? { fault: offer.fault ?? fault } : {}) };
}

const nobody = z.union([z.literal(false), z.null(), z.tuple([])]).transform(() => null);
const dataSchema = z.union([z.object({ Offer: offerSchema }).transform(({ Offer }) => Offer), nobody]);

/** Its limit is 50 requests in 10 s. */
const TOO_OFTEN_MS = 10_000;
/** Texts of the one offer that was asked for. */
const OF_ONE = ['does not exist', 'not found'];

const message = z.string().catch('');
const refusalSchema = z
  .object({
    status: z.coerce.number().pipe(z.literal(-1)),
    httpStatus: z.coerce.number().int().catch(200),
    errorMessage: message,
    errors: z.array(z.object({ publicMessage: message }).catch({ publicMessage: '' })).catch([]),
  })
  .transform(({ httpStatus, errorMessage, errors }) => {
    const text = [errorMessage, ...errors.map(({ publicMessage }) => publicMessage)].join(' ').toLowerCase();
    return refusalOf(httpStatus, text);
  });

/**
 * Whatever is refused, HTTP and `httpStatus` say 200: what it is stands in the text alone, which holds the token and is quoted
 * nowhere. What is not known is taken as a refusal of who asks: nothing is proposed by it, and a person sees it.
 */
function refusalOf(httpStatus: number, text: string): RefusalInside | null {
  if (text.includes('rate limit')) return refusalInside('rate_limit', TOO_OFTEN);
  if (text.includes('networktoken') || text.includes('not authenticated'))
    return refusalInside('not_authenticated', { ofEverybody: true, ofKey: true });
  if (text.includes('permitted')) return refusalInside('not_permitted', { ofEverybody: true });
  if (httpStatus === 404) return null;
  if (httpStatus === 429 || httpStatus >= 500)
    return refusalInside(`http_${httpStatus}`, { ofEverybody: true, mayPass: true });
  const isOfOne = OF_ONE.some((words) => text.includes(words)) || [400, 422].includes(httpStatus);
  return refusalInside(`http_${httpStatus}`, { ofEverybody: !isOfOne, ofKey: httpStatus === 401 });
}
const TOO_OFTEN = { ofEverybody: true, tooOftenMs: TOO_OFTEN_MS };

const answerSchema = z
  .object({
    response: z.union([
      z
        .object({ status: z.coerce.number().pipe(z.literal(1)), data: dataSchema })
        .transform(({ data }) => ({ offer: data })),
      refusalSchema,
    ]),
  })
  .transform(({ response }): { offer: Offer | null } | RefusalInside => response ?? { offer: null });

/**
 * TUNE's (HasOffers') Network API v3, which is only read. Source: its documentation of Offer::findById and of the model Offer
 * (caps of 0 are none; a currency of null is the network's), and its page of error messages. The token stands in the address,
 * where TUNE takes it alone. Not tried against TUNE: that `max_payout` is what the advertiser pays, and the answer about an
 * offer that nobody knows.
 */
export function createTune({
  networkTokens,
  apiBase,
  networkCurrency = null,
  ...parts
}: TuneOptions): CampaignBook {
  const client = createApiClient({
    ...{ ...parts, provider: 'tune', baseUrl: new URL(apiBase), tokens: () => networkTokens },
    authorize: queryKey('NetworkToken'),
  });
  return {
    async readOffer(id, signal) {
      const query = { Target: 'Offer', Method: 'findById', id };
      const call = { operation: 'offers.findById', path: '/Apiv3/json', query, signal };
      const { offer } = await client.get({ ...call, schema: answerSchema });
      return offer === null ? null : inCurrency(offer, networkCurrency);
    },
    conversions: null,
  };
}

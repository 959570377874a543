import { z } from 'zod';
import { type RefusalInside, refusalInside } from '../api-errors.ts';
import { queryKey } from '../credentials.ts';
import { type ClientParts, createApiClient } from '../http.ts';
import { type CampaignBook, capOf, decimal, type Offer } from './offer.ts';

export interface TuneOptions extends ClientParts {
  /** Newest first. */
  readonly networkTokens: readonly string[];
  /** Of the network: `https://NETWORK.api.hasoffers.com`. */
  readonly apiBase: string;
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
      ...{ name: given.name, currency: given.currency?.toLowerCase() ?? null },
      ...(given.conversion_cap == null ? {} : { dailyCap: capOf(given.conversion_cap) }),
      ...(given.monthly_conversion_cap == null ? {} : { monthlyCap: capOf(given.monthly_conversion_cap) }),
      ...(odd === undefined
        ? { share: { amount }, ...(Number(price) === 0 ? {} : { price }) }
        : { fault: `the offer is paid by ${odd.slice(0, 20)}, and not by the call` }),
    };
  });

const nobody = z.union([z.literal(false), z.null(), z.tuple([])]).transform(() => null);
const dataSchema = z.union([z.object({ Offer: offerSchema }).transform(({ Offer }) => Offer), nobody]);

/** Whatever HTTP says, `status` is -1 of a refusal. */
const answerSchema = z
  .object({
    response: z.discriminatedUnion('status', [
      z.object({ status: z.literal(1), data: dataSchema }),
      z.object({ status: z.literal(-1), httpStatus: z.int().catch(400) }),
    ]),
  })
  .transform(({ response }): { offer: Offer | null } | RefusalInside => {
    if (response.status === 1) return { offer: response.data };
    const { httpStatus: code } = response;
    if (code === 404) return { offer: null };
    const mayPass = code === 429 || code >= 500;
    return refusalInside(`http_${code}`, { ofEverybody: code === 401 || code === 403 || mayPass, mayPass });
  });

/**
 * TUNE's (HasOffers') Network API v3, which is only read. Source: its documentation of Offer::findById and of the model Offer
 * (caps of 0 are none; a currency of null is the network's). The token stands in the address, where TUNE takes it alone. Not
 * tried against TUNE: that `max_payout` is what the advertiser pays, and the answer about an offer that nobody knows.
 */
export function createTune({ networkTokens, apiBase, ...parts }: TuneOptions): CampaignBook {
  const client = createApiClient({
    ...{ ...parts, provider: 'tune', baseUrl: new URL(apiBase), tokens: () => networkTokens },
    authorize: queryKey('NetworkToken'),
  });
  return {
    async readOffer(id, signal) {
      const query = { Target: 'Offer', Method: 'findById', id };
      const call = { operation: 'offers.findById', path: '/Apiv3/json', query, signal };
      return (await client.get({ ...call, schema: answerSchema })).offer;
    },
    conversions: null,
  };
}

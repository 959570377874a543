import { z } from 'zod';
import { tokenScheme } from '../credentials.ts';
import { type ClientParts, createApiClient } from '../http.ts';
import { unlessUnknown } from './everflow.ts';
import { type CampaignBook, capOf, decimal, majorOf, minorOf, type Offer } from './offer.ts';

export interface RingbaOptions extends ClientParts {
  /** `RA…` */
  readonly accountId: string;
  /** Newest first. */
  readonly apiTokens: readonly string[];
  readonly apiBase: string;
}

const cap = z.int().nullish();
const payout = z.object({
  priority: z.number().nullish(),
  isRevShare: z.boolean().nullish(),
  payoutAmount: decimal.nullish(),
  revSharePercentage: decimal.nullish(),
  revShareMinPayoutAmount: z.number().nullish(),
  revShareMaxPayoutAmount: z.number().nullish(),
  payoutConversionType: z.string().nullish(),
  payoutConversionArgs: z.object({ callLengthInSeconds: z.int().nullish() }).nullish(),
  dailyCap: cap,
  monthlyCap: cap,
  concurrencyCap: cap,
});

const campaignSchema = z
  .object({ campaign: z.object({ name: z.string(), defaultPayouts: z.array(payout).nullish() }) })
  .transform(({ campaign: { name, defaultPayouts } }): Offer => {
    const [first] = (defaultPayouts ?? []).toSorted((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
    return { name, currency: null, ...(first === undefined ? {} : payoutOf(first)) };
  });

function payoutOf(given: z.output<typeof payout>): Partial<Offer> {
  const caps = (['dailyCap', 'monthlyCap', 'concurrencyCap'] as const).flatMap((name) => {
    const stated = given[name];
    return stated == null ? [] : [[name, capOf(stated)] as const];
  });
  const seconds = given.payoutConversionArgs?.callLengthInSeconds;
  const isByLength = given.payoutConversionType?.toLowerCase() === 'calllength';
  return {
    ...Object.fromEntries(caps),
    ...(isByLength && seconds != null ? { minDurationS: seconds } : {}),
    ...shareOf(given),
  };
}

function shareOf(given: z.output<typeof payout>): Pick<Offer, 'share' | 'fault'> {
  if (given.isRevShare !== true)
    return given.payoutAmount == null ? {} : { share: { amount: given.payoutAmount } };
  if ((given.revShareMinPayoutAmount ?? 0) > 0 || (given.revShareMaxPayoutAmount ?? 0) > 0)
    return { fault: 'the payout is a part of the revenue between two amounts' };
  const percent = given.revSharePercentage;
  // Two decimals of a percentage are basis points.
  const bps = percent == null ? null : minorOf(percent, 'usd');
  return bps === null ? { fault: 'the payout is a part of the revenue that is none' } : { share: { bps } };
}

const detailSchema = z.object({
  report: z.object({
    records: z.array(
      z.object({
        inboundCallId: z.string(),
        conversionAmount: decimal.nullish(),
        payoutAmount: decimal.nullish(),
      }),
    ),
  }),
});

/**
 * Ringba's API v2. Sources: a client for PHP that is generated from Ringba's own collection of requests (campaigns with
 * `defaultPayouts`; `calllogs/detail`; `calls/payments/override`, which sets a call's revenue and payout to absolute amounts),
 * and public clients of it (`Authorization: Token …`; amounts as numbers in major units). A campaign states what publishers
 * are paid and no price: that is one of its targets. It names no currency, so that amounts are of that of the terms.
 * Not tried against Ringba: the answer of `calllogs/detail`, of which too little is an answer that cannot be read, so that
 * nothing is sent; and that of `calls/payments/override`, which is not read: what counts is what the call shows after it.
 */
export function createRingba({ accountId, apiTokens, apiBase, ...parts }: RingbaOptions): CampaignBook {
  const client = createApiClient({
    ...{ ...parts, provider: 'ringba', baseUrl: new URL(apiBase), tokens: () => apiTokens },
    authorize: tokenScheme,
  });
  const account = `/v2/${encodeURIComponent(accountId)}`;
  return {
    readOffer: (offerId, signal) =>
      unlessUnknown(
        client.get({
          ...{ operation: 'campaigns.get', path: `${account}/campaigns/${encodeURIComponent(offerId)}` },
          ...{ schema: campaignSchema, signal },
        }),
      ),
    conversions: {
      isSlow: false,
      async find({ reference, currency }, signal) {
        const { report } = await client.write({
          ...{ operation: 'calllogs.detail', path: `${account}/calllogs/detail`, repeatable: true },
          ...{ body: { json: { InboundCallIds: [reference] } }, schema: detailSchema, signal },
        });
        const call = report.records.find(({ inboundCallId }) => inboundCallId === reference);
        if (call === undefined) return null;
        const { conversionAmount, payoutAmount } = call;
        return {
          id: reference,
          priceMinor: minorOf(conversionAmount ?? '0', currency),
          shareMinor: minorOf(payoutAmount ?? '0', currency),
          ...{ isVoid: false, isDouble: false },
        };
      },
      async send({ reference, currency, priceMinor, shareMinor }, _known, signal) {
        const json = {
          ...{ inboundCallId: reference, reason: 'callclear', adjustConversion: true, adjustPayout: true },
          newConversionAmount: majorOf({ amountMinor: priceMinor, currency }),
          newPayoutAmount: majorOf({ amountMinor: shareMinor, currency }),
        };
        await client.write({
          ...{ operation: 'calls.override', path: `${account}/calls/payments/override` },
          ...{ body: { json }, schema: z.looseObject({}), signal },
        });
      },
    },
  };
}

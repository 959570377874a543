import { createRingbaLog } from '../../src/integrations/call-tracking/ringba-log.ts';
import { createEverflow } from '../../src/integrations/campaigns/everflow.ts';
import type { Conversion, ConversionBook } from '../../src/integrations/campaigns/offer.ts';
import { createRingba } from '../../src/integrations/campaigns/ringba.ts';
import type { ClientParts } from '../../src/integrations/http.ts';
import { everflowOffer, ringbaCampaign } from '../helpers/campaign-platforms.ts';
import { tellsEachAnswer } from '../helpers/provider-answers.ts';

const { signal } = new AbortController();
const KEY = 'key-that-nobody-may-read&more';
const secrets = [KEY, encodeURIComponent(KEY)];
const CALL = 'RGB0001';
const CLICK = '0123456789abcdef0123456789abcdef';
const conversion = (reference: string): Conversion => ({
  ...{ offerId: '33', reference, currency: 'usd', priceMinor: 4_050, shareMinor: 2_800 },
});

const ringbaOf = (parts: ClientParts) =>
  createRingba({ ...parts, accountId: 'RA1', apiTokens: [KEY], apiBase: 'https://api.ringba.com' });
const everflowOf = (parts: ClientParts) =>
  createEverflow({ ...parts, apiKeys: [KEY], apiBase: 'https://api.eflow.team' });
const told = ({ conversions }: { conversions: ConversionBook | null }): ConversionBook => {
  if (conversions === null) throw new Error('it is not told of calls');
  return conversions;
};

const entry = {
  ...{ inboundCallId: CALL, callDt: Date.UTC(2026, 10, 2, 12), inboundPhoneNumber: '+12127361234' },
  ...{ number: '+18005550100', hasConnected: true, isLive: false, connectedCallLengthInSeconds: 61 },
};
const report = (...records: object[]) => ({ report: { records, totalCount: records.length } });
tellsEachAnswer('the log of Ringba', {
  ...{ provider: 'ringba-log', address: 'https://api.ringba.com/v2/RA1/calllogs', tries: 4 },
  secrets: [...secrets, '2127361234'],
  ask: (parts) =>
    createRingbaLog({
      ...{ ...parts, accountId: 'RA1', apiTokens: [KEY], apiBase: 'https://api.ringba.com' },
    }).readPage({ fromMs: Date.UTC(2026, 10, 2), beforeMs: Date.UTC(2026, 10, 3) }, null, signal),
  good: { answer: report(entry), result: { calls: [{ externalId: CALL, durationS: 61 }], next: null } },
  partial: [
    {
      what: 'a call that is none among others',
      answer: report(entry, { ...entry, inboundCallId: null }),
      result: { calls: [{ externalId: CALL }], unreadable: 1 },
    },
    {
      what: 'a part of the report',
      answer: { report: { records: [entry], partialResult: true } },
      error: { code: 'PROVIDER_UNAVAILABLE', cause: { statusCode: 200, providerCode: 'partial_result' } },
    },
  ],
});

tellsEachAnswer('a campaign of Ringba', {
  ...{ provider: 'ringba', address: 'https://api.ringba.com/v2/RA1/campaigns/CA1', secrets, tries: 4 },
  ask: (parts) => ringbaOf(parts).readOffer('CA1', signal),
  good: {
    answer: { transactionId: 'TR1', campaign: ringbaCampaign({ dailyCap: 200 }) },
    result: { share: { amount: '28' }, minDurationS: 30, dailyCap: 200, monthlyCap: null },
  },
  partial: [
    {
      what: 'no payout',
      answer: { campaign: { name: 'New', defaultPayouts: [] } },
      result: { name: 'New', currency: null },
    },
  ],
});

tellsEachAnswer('what Ringba has of a call', {
  ...{ provider: 'ringba', address: 'https://api.ringba.com/v2/RA1/calllogs/detail', secrets, tries: 4 },
  ask: (parts) => told(ringbaOf(parts)).find(conversion(CALL), signal),
  good: {
    answer: report({ inboundCallId: CALL, conversionAmount: 40.5, payoutAmount: 28 }),
    result: { id: CALL, priceMinor: 4_050, shareMinor: 2_800 },
  },
  partial: [
    {
      what: 'no amounts yet',
      answer: report({ inboundCallId: CALL, conversionAmount: null }),
      result: { priceMinor: 0, shareMinor: 0 },
    },
  ],
});

tellsEachAnswer('what Ringba is told of a call', {
  ...{
    provider: 'ringba',
    address: 'https://api.ringba.com/v2/RA1/calls/payments/override',
    secrets,
    tries: 1,
  },
  ask: (parts) =>
    told(ringbaOf(parts))
      .send(conversion(CALL), null, signal)
      .then(() => ({ is: 'told' })),
  good: { answer: { result: { conversionAmount: 40.5 } }, result: { is: 'told' } },
  // What it says of itself is not read: the job asks what the call shows.
  partial: [
    {
      what: 'what was not taken',
      answer: { isSuccessful: false, errors: ['no such call'] },
      result: { is: 'told' },
    },
  ],
});

tellsEachAnswer('an offer of Everflow', {
  ...{ provider: 'everflow', address: 'https://api.eflow.team/v1/networks/offers/33', secrets, tries: 4 },
  ask: (parts) => everflowOf(parts).readOffer('33', signal),
  good: {
    answer: everflowOffer({ is_caps_enabled: true, daily_conversion_cap: 200 }),
    result: { currency: 'usd', price: '40', share: { amount: '28' }, dailyCap: 200, monthlyCap: null },
  },
  partial: [
    {
      what: 'an offer that is paid by the sale',
      answer: everflowOffer({}, { payout_type: 'cps' }),
      result: { fault: 'the offer is paid by cps, and not by the call' },
    },
  ],
});

const shown = { conversion_id: '9', is_event: false, payout: 28, revenue: 40.5 };
/** As its reference shows them. */
const shownAs = (facts: object) => ({
  total: 2,
  entries: [
    { ...shown, is_event: true, conversion_id: '8' },
    { ...shown, ...facts },
  ],
});
tellsEachAnswer('what Everflow has of a click', {
  provider: 'everflow',
  address: `https://api.eflow.team/v1/networks/reporting/transactions/${CLICK}`,
  ...{ secrets, tries: 4 },
  ask: (parts) => told(everflowOf(parts)).find(conversion(CLICK), signal),
  good: {
    answer: { conversions: shownAs({ status: 'approved' }) },
    result: { id: '9', priceMinor: 4_050, shareMinor: 2_800, isVoid: false },
  },
  partial: [
    {
      what: 'a bare list',
      answer: { conversions: shownAs({}).entries },
      result: { id: '9', priceMinor: 4_050, isVoid: false },
    },
    {
      what: 'a conversion that was rejected',
      answer: { conversions: shownAs({ status: 'rejected' }) },
      result: { id: '9', isVoid: true },
    },
    {
      what: 'a rejected one before another',
      answer: {
        conversions: {
          entries: [...shownAs({ status: 'Invalid' }).entries, { ...shown, conversion_id: '10' }],
        },
      },
      result: { id: '10', isVoid: false, isDouble: false },
    },
    {
      what: 'two that count',
      answer: { conversions: { entries: [...shownAs({}).entries, { ...shown, conversion_id: '10' }] } },
      result: { id: '9', isDouble: true },
    },
    {
      what: 'a length and no list, as if there were none',
      answer: { conversions: { total: 1, entries: [] } },
      error: { code: 'ANSWER_INVALID' },
    },
    {
      what: 'an amount that is none',
      answer: { conversions: [{ conversion_id: 'c9', payout: 28.005, revenue: 40.5 }] },
      result: { id: 'c9', shareMinor: null },
    },
  ],
});

tellsEachAnswer('a conversion that Everflow is to make', {
  provider: 'everflow',
  address: 'https://api.eflow.team/v1/networks/conversions/reporting/transaction_ids',
  ...{ secrets, tries: 1 },
  ask: (parts) =>
    told(everflowOf(parts))
      .send(conversion(CLICK), null, signal)
      .then(() => ({ is: 'told' })),
  good: { answer: { result: true }, result: { is: 'told' } },
  partial: [
    {
      what: 'what was not taken',
      answer: { result: false },
      error: { code: 'PROVIDER_REFUSED', statusCode: 200, providerCode: 'not_taken' },
    },
  ],
});

tellsEachAnswer('what Everflow is to make of a conversion', {
  provider: 'everflow',
  address: 'https://api.eflow.team/v1/networks/reporting/conversions/9/payoutrevenue',
  ...{ secrets, tries: 1 },
  ask: (parts) =>
    told(everflowOf(parts))
      .send(
        conversion(CLICK),
        { id: '9', priceMinor: 0, shareMinor: 0, isVoid: false, isDouble: false },
        signal,
      )
      .then(() => ({ is: 'told' })),
  good: { answer: { result: true }, result: { is: 'told' } },
  partial: [],
});

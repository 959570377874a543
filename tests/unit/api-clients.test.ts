import { createCallRailLog } from '../../src/integrations/call-tracking/callrail-log.ts';
import { createTwilioLog } from '../../src/integrations/call-tracking/twilio-log.ts';
import { createIpQualityScore } from '../../src/integrations/fraud/ipqualityscore.ts';
import { createTelesign } from '../../src/integrations/fraud/telesign.ts';
import { createTwilioLookup } from '../../src/integrations/fraud/twilio-lookup.ts';
import { tellsEachAnswer } from '../helpers/provider-answers.ts';

const { signal } = new AbortController();
const WINDOW = { fromMs: Date.UTC(2026, 10, 2), beforeMs: Date.UTC(2026, 10, 3) };
const NUMBER = '+12127361234';
const KEY = 'SK0001:secret-that-nobody-may-read';
const SID = `AC${'0'.repeat(32)}`;
const secrets = [KEY, Buffer.from(KEY).toString('base64'), NUMBER, NUMBER.slice(1)];
const refused = (providerCode: string) => ({ code: 'PROVIDER_REFUSED', statusCode: 200, providerCode });

const railCall = { id: 'CAL1', answered: true, duration: 61, start_time: '2026-11-02T07:00:00.000-05:00' };
tellsEachAnswer('the log of CallRail', {
  ...{ provider: 'callrail', address: 'https://api.callrail.com/v3/a/ACC1/calls.json', secrets, tries: 4 },
  ask: (parts) =>
    createCallRailLog({
      ...{ ...parts, accountId: 'ACC1', apiKeys: [KEY], apiBase: 'https://api.callrail.com' },
    }).readPage(WINDOW, null, signal),
  good: {
    answer: { calls: [railCall], has_next_page: false },
    result: { calls: [{ externalId: 'CAL1' }], next: null, unreadable: 0 },
  },
  partial: [
    {
      what: 'a call that is none among others',
      answer: { calls: [railCall, { id: 'CAL2', duration: 'long' }], has_next_page: false },
      result: { calls: [{ externalId: 'CAL1' }], unreadable: 1 },
    },
  ],
});

const leg = {
  ...{ sid: 'CA1', from: NUMBER, to: '+18005550100', direction: 'inbound', status: 'completed' },
  ...{ start_time: 'Mon, 02 Nov 2026 12:00:00 +0000', duration: '61' },
};
tellsEachAnswer('the log of Twilio', {
  ...{ provider: 'twilio', secrets, tries: 4 },
  address: `https://api.twilio.com/2010-04-01/Accounts/${SID}/Calls.json`,
  ask: (parts) =>
    createTwilioLog({
      ...{
        ...parts,
        source: 'twilio',
        accountSid: SID,
        authTokens: [KEY],
        apiBase: 'https://api.twilio.com',
      },
    }).readPage(WINDOW, null, signal),
  good: { answer: { calls: [leg], next_page_uri: null }, result: { calls: [{ externalId: 'CA1' }] } },
  partial: [
    {
      what: 'a call that is none among others',
      answer: { calls: [leg, { ...leg, sid: 'CA2', to: 'sip:desk@example.com' }] },
      result: { calls: [{ externalId: 'CA1' }], unreadable: 1 },
    },
  ],
});

tellsEachAnswer('IPQualityScore', {
  ...{ provider: 'ipqualityscore', address: 'https://www.ipqualityscore.com/api/json/phone', secrets },
  tries: 1,
  ask: ({ tries: _, ...parts }) =>
    createIpQualityScore({ ...parts, keys: [KEY], apiBase: 'https://www.ipqualityscore.com' }).lookUp(
      NUMBER,
      signal,
    ),
  good: {
    answer: { success: true, valid: true, fraud_score: 27, line_type: 'Wireless' },
    result: { valid: true, lineType: 'mobile', riskScore: 27 },
  },
  partial: [
    {
      what: 'no credits',
      answer: { success: false, message: `You have insufficient credits, ${KEY}.` },
      error: refused('credits_spent'),
    },
  ],
});

tellsEachAnswer('Twilio Lookup', {
  ...{ provider: 'twilio-lookup', address: 'https://lookups.twilio.com/v2/PhoneNumbers/:number', secrets },
  tries: 1,
  ask: ({ tries: _, ...parts }) =>
    createTwilioLookup({ ...parts, keys: [KEY], apiBase: 'https://lookups.twilio.com' }).lookUp(
      NUMBER,
      signal,
    ),
  good: {
    answer: { valid: true, line_type_intelligence: { type: 'mobile', error_code: null } },
    result: { valid: true, lineType: 'mobile' },
  },
  partial: [
    {
      what: 'a package that failed',
      answer: { valid: true, line_type_intelligence: { type: null, error_code: 60_601 } },
      error: refused('60601'),
    },
  ],
});

tellsEachAnswer('Telesign', {
  ...{ provider: 'telesign', address: 'https://detect.telesign.com/intelligence/phone', secrets, tries: 1 },
  ask: ({ tries: _, ...parts }) =>
    createTelesign({ ...parts, keys: [KEY], apiBase: 'https://detect.telesign.com' }).lookUp(NUMBER, signal),
  good: {
    answer: { status: { code: 300 }, phone_type: { code: '2' }, risk: { score: 959 } },
    result: { valid: true, lineType: 'mobile', riskScore: 96 },
  },
  partial: [{ what: 'a part of it', answer: { status: { code: 301 } }, error: refused('301') }],
});

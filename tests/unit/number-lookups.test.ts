import { inspect } from 'node:util';
import { delay, HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import twilio from 'twilio';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createIpQualityScore } from '../../src/integrations/fraud/ipqualityscore.ts';
import type { LookupOptions, NumberLookup, NumberReport } from '../../src/integrations/fraud/lookup.ts';
import { createTelesign } from '../../src/integrations/fraud/telesign.ts';
import type { components } from '../../src/integrations/fraud/twilio-lookup.openapi.ts';
import { createTwilioLookup } from '../../src/integrations/fraud/twilio-lookup.ts';

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const NUMBER = '+12127361234';
const DIGITS = NUMBER.slice(1);
const KEY = 'SK0001:secret-that-nobody-may-read';
const REFERENCE = 'CFMJ6FTL09O22UE1KC5NBD7ZMWKTMJB8';

/** As IPQualityScore's definition of its API states it. */
const ipqs = (facts: object = {}) => ({
  ...{ message: 'Phone is valid.', success: true, formatted: NUMBER, local_format: '(212) 736-1234' },
  ...{ valid: true, fraud_score: 27, recent_abuse: false, VOIP: false, prepaid: null, risky: false },
  ...{ active: true, carrier: 'AT&T', line_type: 'Wireless', country: 'US', region: 'NY', zip_code: '10001' },
  ...{ request_id: '4DSjKXAhHs', dialing_code: 1, ...facts },
});

type PhoneNumber = components['schemas']['lookups.v2.phone_number'];
/** As Twilio's OpenAPI document has it. */
const ofTwilio = (line: object | null, facts: object = {}): PhoneNumber => ({
  ...{ calling_country_code: '1', country_code: 'US', phone_number: NUMBER, valid: true },
  ...{ national_format: '(212) 736-1234', validation_errors: [], caller_name: null, sim_swap: null },
  line_type_intelligence: line && {
    ...{ mobile_country_code: '311', mobile_network_code: '180', carrier_name: 'AT&T', error_code: null },
    ...line,
  },
  ...{ sms_pumping_risk: null, url: `https://lookups.twilio.com/v2/PhoneNumbers/${NUMBER}`, ...facts },
});

/** As Telesign's OpenAPI document shows it. */
const ofTelesign = (facts: object = {}) => ({
  ...{ reference_id: REFERENCE, external_id: null, carrier: { name: 'AT&T Wireless' } },
  status: {
    code: 300,
    description: 'Transaction successfully completed',
    updated_on: '2026-11-02T12:00:00Z',
  },
  phone_type: { code: '2', description: 'MOBILE' },
  risk: { level: 'high', recommendation: 'block', score: 959 },
  ...{ blocklisting: { blocked: false }, location: { country: { iso2: 'US' } }, ...facts },
});

interface Provider {
  readonly create: (options: LookupOptions) => NumberLookup;
  readonly apiBase: string;
  readonly address: string;
  readonly good: object;
  readonly report: NumberReport;
  /** Answers of 200 that are none, and the code that they are told by. */
  readonly partial: readonly (readonly [what: string, answer: object, code: string])[];
}

const PROVIDERS: Readonly<Record<string, Provider>> = {
  ipqualityscore: {
    create: createIpQualityScore,
    apiBase: 'https://www.ipqualityscore.com',
    address: 'https://www.ipqualityscore.com/api/json/phone',
    good: ipqs(),
    report: { valid: true, lineType: 'mobile', riskScore: 27 },
    partial: [
      ['no credits', { success: false, message: 'You have insufficient credits.' }, 'credits_spent'],
      ['a wrong key', { success: false, message: 'Invalid or unauthorized key.' }, 'key_refused'],
      ['something else', { success: false }, 'refused'],
    ],
  },
  'twilio-lookup': {
    create: createTwilioLookup,
    apiBase: 'https://lookups.twilio.com',
    address: 'https://lookups.twilio.com/v2/PhoneNumbers/:number',
    good: ofTwilio({ type: 'nonFixedVoip' }),
    report: { valid: true, lineType: 'voip', riskScore: null },
    partial: [
      ['a Canadian number', ofTwilio({ type: null, error_code: 60_601 }), '60601'],
      ['a package that failed', ofTwilio({ type: 'mobile', error_code: '60600' }), '60600'],
    ],
  },
  telesign: {
    create: createTelesign,
    apiBase: 'https://detect.telesign.com',
    address: 'https://detect.telesign.com/intelligence/phone',
    good: ofTelesign(),
    report: { valid: true, lineType: 'mobile', riskScore: 96 },
    partial: [
      ['a part of it', ofTelesign({ status: { code: 301, description: 'Partially completed' } }), '301'],
      ['nothing', { reference_id: REFERENCE, status: { code: 500, description: 'Not attempted' } }, '500'],
    ],
  },
};

const signal = () => new AbortController().signal;

function openLookup({ create, apiBase }: Provider, given: Partial<LookupOptions> = {}) {
  const failures: { operation: string; code: string }[] = [];
  const onFailure = (failure: { operation: string; code: string }) => void failures.push(failure);
  const lookup = create({ keys: [KEY], apiBase, timeoutMs: 5_000, onFailure, ...given });
  const fail = () => lookup.lookUp(NUMBER, signal()).catch((error: unknown) => error);
  return { lookup, failures, fail };
}

/** Answers one after another, the last one again and again; what was asked. */
function answers({ address }: Provider, ...all: readonly (() => Response | Promise<Response>)[]) {
  const asked: Request[] = [];
  server.use(
    http.all(address, ({ request }) => {
      asked.push(request.clone());
      return (all[Math.min(asked.length, all.length) - 1] ?? HttpResponse.error)();
    }),
  );
  return asked;
}

const json =
  (body: object, init: ResponseInit = {}) =>
  () =>
    HttpResponse.json(body, init);

describe.each(Object.entries(PROVIDERS))('%s', (name, provider) => {
  test('says what it knows of a number, in the shape of all of them', async () => {
    const asked = answers(provider, json(provider.good));
    expect(await openLookup(provider).lookup.lookUp(NUMBER, signal())).toEqual(provider.report);
    expect(asked).toHaveLength(1);
  });

  test.each(provider.partial)('that answers 200 with %s was not successful', async (_, answer, code) => {
    const asked = answers(provider, json(answer));
    const { fail, failures } = openLookup(provider);
    expect(await fail()).toMatchObject({
      ...{ name: 'ApiError', code: 'PROVIDER_REFUSED', provider: name, statusCode: 200, providerCode: code },
    });
    expect(failures).toMatchObject([{ code: 'PROVIDER_REFUSED', providerCode: code }]);
    expect(asked).toHaveLength(1);
  });

  test.each([400, 401, 402, 403, 404])('that refuses with %i is not asked again', async (status) => {
    const asked = answers(provider, json({ status: { code: 10_008 }, message: KEY }, { status }));
    const error = await openLookup(provider).fail();
    expect(error).toMatchObject({ code: 'PROVIDER_REFUSED', statusCode: status, providerCode: '10008' });
    expect(asked).toHaveLength(1);
  });

  test.each([
    ['500', json({}, { status: 500 })],
    ['503', json({}, { status: 503 })],
    ['a broken connection', () => HttpResponse.error()],
    ['silence', () => delay('infinite').then(json(provider.good))],
  ])('that is away by %s is asked once: two requests would be paid twice', async (_, answer) => {
    const asked = answers(provider, answer);
    const error = await openLookup(provider, { timeoutMs: 80 }).fail();
    expect(error).toMatchObject({ name: 'OutageError', code: 'PROVIDER_UNAVAILABLE' });
    expect(error).not.toMatchObject({ detail: { sent: false } });
    expect(asked).toHaveLength(1);
  });

  test('that limits us says for how long, and everybody waits so long', async () => {
    const paused: number[] = [];
    const turns = { take: async () => true, pause: async (forMs: number) => void paused.push(forMs) };
    answers(provider, json({}, { status: 429, headers: { 'retry-after': '7' } }));
    expect(await openLookup(provider, { turns }).fail()).toMatchObject({ retryAfterMs: 7_000 });
    expect(paused).toEqual([7_000]);
  });

  test('whose turn does not come is not asked, and nothing is owed', async () => {
    const asked = answers(provider, json(provider.good));
    const turns = { take: async () => false, pause: async () => undefined };
    expect(await openLookup(provider, { turns }).fail()).toMatchObject({ detail: { sent: false } });
    expect(asked).toHaveLength(0);
  });

  test.each([
    ['malformed JSON', () => HttpResponse.text('{"valid": tr')],
    ['HTML', () => HttpResponse.html('<html>We will be back soon.</html>')],
    ['a risk beyond its scale', json({ ...ipqs({ fraud_score: 101 }), status: 300, valid: 'yes' })],
  ])('that answers %s is ANSWER_INVALID', async (_, answer) => {
    answers(provider, answer);
    expect(await openLookup(provider).fail()).toMatchObject({ code: 'ANSWER_INVALID', statusCode: 200 });
  });

  test('lets neither its key nor the number into an error or the log', async () => {
    const { fail, failures } = openLookup(provider);
    const told: unknown[] = [];
    for (const answer of [
      json({ code: KEY, message: `${KEY} ${NUMBER}` }, { status: 403 }),
      json({ code: KEY }, { status: 500 }),
      json({ success: false, message: `key ${KEY} ${NUMBER}`, valid: KEY }),
      () => HttpResponse.error(),
    ]) {
      answers(provider, answer);
      told.push(await fail());
    }
    // What Node itself refuses to send it quotes.
    const broken = openLookup(provider, { keys: [`${KEY}\nx`] });
    told.push(await broken.fail(), failures, broken.failures);
    const text = inspect(told, { depth: 20 });
    for (const secret of [KEY, 'secret-that-nobody', Buffer.from(KEY).toString('base64'), '2127361234'])
      expect(text).not.toContain(secret);
  });

  test('is asked with the older key while keys change', async () => {
    const asked = answers(provider, json({}, { status: 401 }), json(provider.good));
    const { lookup } = openLookup(provider, { keys: ['SK2:new', KEY] });
    expect(await lookup.lookUp(NUMBER, signal())).toEqual(provider.report);
    const [first, second] = asked.map(
      ({ headers }) => headers.get('ipqs-key') ?? headers.get('authorization'),
    );
    expect(first).not.toBe(second);
  });
});

describe('a request', () => {
  const twilioOf = PROVIDERS['twilio-lookup'] as Provider;
  const only = async (provider: Provider) => {
    const asked = answers(provider, json(provider.good));
    await openLookup(provider).lookup.lookUp(NUMBER, signal());
    return asked[0] as Request;
  };

  test('to Twilio is the one that its own library makes', async () => {
    const ours = await only(twilioOf);
    const [accountSid = '', secret = ''] = KEY.split(':');
    const asked = answers(twilioOf, json(twilioOf.good));
    const client = twilio(accountSid, secret, { accountSid: `AC${'0'.repeat(32)}` });
    const { lineTypeIntelligence } = await client.lookups.v2
      .phoneNumbers(NUMBER)
      .fetch({ fields: 'line_type_intelligence' });
    const theirs = asked[0] as Request;
    expect(lineTypeIntelligence).toMatchObject({ type: 'nonFixedVoip' });
    expect(decodeURIComponent(ours.url)).toBe(decodeURIComponent(theirs.url));
    expect([ours.method, ours.headers.get('authorization')]).toEqual([
      theirs.method,
      theirs.headers.get('authorization'),
    ]);
  });

  test('to IPQualityScore has key and number in no address', async () => {
    const request = await only(PROVIDERS.ipqualityscore as Provider);
    expect(request.url).toBe('https://www.ipqualityscore.com/api/json/phone');
    expect(request.headers.get('ipqs-key')).toBe(KEY);
    expect(Object.fromEntries(new URLSearchParams(await request.text()))).toMatchObject({ phone: DIGITS });
  });

  test('to Telesign is a form with a number without its plus sign', async () => {
    const request = await only(PROVIDERS.telesign as Provider);
    expect(request.headers.get('content-type')).toContain('application/x-www-form-urlencoded');
    expect(request.headers.get('authorization')).toBe(`Basic ${Buffer.from(KEY).toString('base64')}`);
    expect(await request.text()).toBe(`phone_number=${DIGITS}&account_lifecycle_event=transact`);
  });
});

describe('the type of a line', () => {
  const ask = async (name: string, answer: object) => {
    const provider = PROVIDERS[name] as Provider;
    answers(provider, json(answer));
    return openLookup(provider).lookup.lookUp(NUMBER, signal());
  };
  const ofIpqs = { Wireless: 'mobile', Landline: 'landline', VOIP: 'voip', 'Toll Free': 'toll_free' };
  const moreOfIpqs = { 'Premium Rate': 'premium', Satellite: 'other', 'N/A': null };
  const lines = { mobile: 'mobile', landline: 'landline', fixedVoip: 'voip', nonFixedVoip: 'voip' };
  const more = { tollFree: 'toll_free', premium: 'premium', personal: 'other', unknown: null };
  const phones = {
    1: 'landline',
    2: 'mobile',
    3: 'mobile',
    4: 'toll_free',
    5: 'voip',
    9: 'premium',
    20: 'other',
  };

  test.each<[string, (given: string) => object, Record<string, string | null>]>([
    ['ipqualityscore', (line_type) => ipqs({ line_type }), { ...ofIpqs, ...moreOfIpqs }],
    ['twilio-lookup', (type) => ofTwilio({ type }), { ...lines, ...more }],
    ['telesign', (code) => ofTelesign({ phone_type: { code } }), phones],
  ])('of %s is one of ours', async (name, answer, types) => {
    for (const [theirs, lineType] of Object.entries(types))
      expect(await ask(name, answer(theirs)), theirs).toMatchObject({ valid: true, lineType });
  });

  test.each<[string, object, Partial<NumberReport>]>([
    ['ipqualityscore', ipqs({ line_type: 'Landline', VOIP: true }), { lineType: 'voip' }],
    ['ipqualityscore', ipqs({ line_type: null, VOIP: null, valid: false }), { valid: false, lineType: null }],
    ['twilio-lookup', ofTwilio(null, { valid: false }), { valid: false, lineType: null }],
    ['twilio-lookup', ofTwilio({ type: null }), { valid: true, lineType: null }],
    ['telesign', ofTelesign({ phone_type: { code: '8' } }), { valid: false, lineType: null }],
    ['telesign', ofTelesign({ phone_type: null, risk: null }), { lineType: null, riskScore: null }],
  ])('of %s is unknown where it says nothing, %#', async (name, answer, report) => {
    expect(await ask(name, answer)).toMatchObject(report);
  });
});

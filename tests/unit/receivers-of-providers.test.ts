import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type HmacReceiver, parseHmacReceivers, UNSIGNED_SOURCES } from '../../src/config-receivers.ts';
import { readForm } from '../../src/integrations/call-tracking/fields.ts';
import { verifyHmacWebhook } from '../../src/integrations/webhooks/hmac.ts';
import { verifyTwilioWebhook } from '../../src/integrations/webhooks/twilio.ts';
import { createTestApp, post } from '../helpers/app.ts';
import { HMAC_EXAMPLE } from '../helpers/receivers-doc.ts';
import { BODIES, DIAL_ENDED, NOW_MS, pathSecret, SECRETS, signers, unsigned } from '../helpers/senders.ts';

const invalid = expect.objectContaining({ code: 'SIGNATURE_INVALID' });

describe('Twilio', () => {
  /** The example of Twilio's documentation of signatures. */
  const VECTOR = {
    url: 'https://mycompany.com/myapp.php?foo=1&bar=2',
    signature: 'RSOYDt4T1cUTdK1PDd93/VVr8B8=',
    tokens: ['12345'],
    form: 'CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212',
  };
  const verify = (change: Partial<typeof VECTOR> = {}) => {
    const { form, ...signed } = { ...VECTOR, ...change };
    verifyTwilioWebhook(Buffer.from(form), readForm(Buffer.from(form)), signed);
  };
  const form = (change: Record<string, string>) =>
    Buffer.from(new URLSearchParams({ ...DIAL_ENDED, ...change }).toString());

  test("Twilio's own published vector is accepted, in any order of its fields and with any of the tokens", () => {
    expect(() => verify()).not.toThrow();
    expect(() => verify({ form: VECTOR.form.split('&').reverse().join('&') })).not.toThrow();
    expect(() => verify({ tokens: ['another', '12345'] })).not.toThrow();
  });

  test.each([
    ['a changed value', { form: VECTOR.form.replace('1234&', '1235&') }],
    ['a changed name', { form: VECTOR.form.replace('Digits', 'Digit') }],
    ['one field more', { form: `${VECTOR.form}&More=1` }],
    ['one field more that objects have anyway', { form: `${VECTOR.form}&__proto__=1` }],
    ['one field less', { form: VECTOR.form.slice(0, -18) }],
    ['a second value', { form: `${VECTOR.form}&Digits=9` }],
    ['another query', { url: VECTOR.url.replace('bar=2', 'bar=3') }],
    ['another host', { url: VECTOR.url.replace('mycompany', 'othercompany') }],
    ['http', { url: VECTOR.url.replace('https', 'http') }],
    ['an address that is none', { url: 'mycompany' }],
    ['another token', { tokens: ['12346'] }],
    ['no token', { tokens: [] }],
    ['another signature', { signature: VECTOR.signature.replace('R', 'S') }],
    ['half a signature', { signature: VECTOR.signature.slice(0, 14) }],
    ['no signature', { signature: '' }],
    ['a hash of the body in the query', { url: `${VECTOR.url}&bodySHA256=${'0'.repeat(64)}` }],
  ])('it is refused with %s', (_what, change) => {
    expect(() => verify(change)).toThrow(invalid);
  });

  test('a body that is no form is covered by its hash in the address', async () => {
    const { app, calls } = await createTestApp();
    const body = Buffer.from(JSON.stringify({ ...DIAL_ENDED, DialCallDuration: 93 }));
    const url = `/webhooks/twilio?bodySHA256=${createHash('sha256').update(body).digest('hex')}`;
    const good = signers.twilio(body, { url });
    expect((await post(app, good)).statusCode).toBe(200);
    expect(calls).toHaveLength(1);
    const longer = Buffer.from(body.toString().replace('93', '930'));
    expect((await post(app, { ...good, body: longer })).statusCode).toBe(401);
    const others = createHash('sha256').update(longer).digest('hex');
    const rehashed = { ...good, url: `/webhooks/twilio?bodySHA256=${others}`, body: longer };
    expect((await post(app, rehashed)).statusCode).toBe(401);
    expect((await post(app, { ...good, url: '/webhooks/twilio' })).statusCode).toBe(401);
  });

  test('the address that counts is the public one of the configuration, whatever Host says', async () => {
    const { app } = await createTestApp();
    const good = signers.twilio(BODIES.twilio);
    const evil = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' };
    expect((await post(app, { ...good, headers: { ...good.headers, ...evil } })).statusCode).toBe(200);
    const forEvil = await createTestApp({ secrets: { ...SECRETS, publicUrl: 'https://evil.example' } });
    expect((await post(forEvil.app, good)).statusCode).toBe(401);
  });

  test('the end of a dial is one event however its form is written, and each dial of a call one of its own', async () => {
    const { app, calls } = await createTestApp();
    await post(app, signers.twilio(BODIES.twilio));
    const reversed = Buffer.from(BODIES.twilio.toString().split('&').reverse().join('&'));
    await post(app, signers.twilio(reversed));
    await post(app, signers.twilio(form({ DialCallSid: 'CA3', DialCallStatus: 'busy' })));
    const ids = calls.map(({ eventId }) => eventId);
    expect(ids[0]).toBe(`${DIAL_ENDED.CallSid}.${DIAL_ENDED.DialCallSid}.completed`);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).toBe(`${DIAL_ENDED.CallSid}.CA3.busy`);
    expect(calls[0]).toMatchObject({ source: 'twilio', kind: 'dial_ended', receivedAtMs: NOW_MS });
  });

  test('the end of an inbound call is enqueued beside that of its dial; other progress and dialled legs are dropped', async () => {
    const { app, calls } = await createTestApp();
    const { DialCallStatus: _status, DialCallSid: _sid, ...progress } = DIAL_ENDED;
    const send = async (change: Record<string, string>) => {
      const body = new URLSearchParams({ ...progress, SequenceNumber: '2', ...change }).toString();
      expect((await post(app, signers.twilio(Buffer.from(body)))).statusCode).toBe(200);
    };
    for (const CallStatus of ['queued', 'initiated', 'ringing', 'in-progress', 'exploded'])
      await send({ CallStatus });
    await send({ CallStatus: 'completed', Direction: 'outbound-dial' });
    expect(calls).toEqual([]);
    await send({ CallStatus: 'completed' });
    expect(calls).toEqual([
      expect.objectContaining({ kind: 'call_ended', eventId: `${DIAL_ENDED.CallSid}.2.completed` }),
    ]);
  });
});

describe.each(UNSIGNED_SOURCES)('%s, which signs nothing', (source) => {
  const body = Buffer.from('{"anything":1}');
  const statusOf = async (change: Partial<ReturnType<typeof unsigned>>) => {
    const { app, calls } = await createTestApp();
    const { statusCode } = await post(app, { ...unsigned(source, body), ...change });
    return [statusCode, calls.length];
  };
  const old = unsigned(source, body, { which: 'old' });

  test('the pair that is new and the one that is old let a webhook in', async () => {
    expect(await statusOf({})).toEqual([202, 1]);
    expect(await statusOf(old)).toEqual([202, 1]);
  });

  test('no half of a pair does, nor halves of two, nor those of another provider', async () => {
    const { path, header } = pathSecret(source, 'new');
    for (const change of [
      { headers: {} },
      { headers: { 'x-webhook-secret': '' } },
      { headers: { 'x-webhook-secret': header.slice(0, -1) } },
      { headers: { 'x-webhook-secret': header.toUpperCase() } },
      { headers: { 'x-webhook-secret': `${header}, ${header}` } },
      { headers: { 'x-webhook-secret': path } },
      { headers: old.headers },
      { url: old.url },
      { url: `/webhooks/${source}/${path.slice(0, -1)}` },
      { url: `/webhooks/${source}/${header}` },
      { url: `/webhooks/${source}/guess` },
      unsigned('nobody', body),
    ])
      expect(await statusOf(change)).toEqual([change.url?.includes('nobody') ? 404 : 401, 0]);
  });

  test('the same body is one event, and a query stands for a body that is empty', async () => {
    const { app, calls } = await createTestApp();
    const good = unsigned(source, body);
    for (const sent of [body, body, Buffer.from('{"anything":2}')]) await post(app, { ...good, body: sent });
    await post(app, { ...good, url: `${good.url}?uuid=1&b=2`, body: Buffer.alloc(0) });
    const [first, again, other, query] = calls;
    expect(again?.eventId).toBe(first?.eventId);
    expect(other?.eventId).not.toBe(first?.eventId);
    expect(Buffer.from(query?.body ?? '', 'base64').toString()).toBe('uuid=1&b=2');
    expect((await post(app, { ...good, body: Buffer.alloc(0) })).statusCode).toBe(400);
  });
});

describe('a sender that the configuration describes', () => {
  const described = (change: object): HmacReceiver => {
    const parsed = parseHmacReceivers(JSON.stringify({ acme: { ...HMAC_EXAMPLE.acme, ...change } }));
    if (!('receivers' in parsed) || parsed.receivers.acme === undefined)
      throw new Error(JSON.stringify(parsed));
    return parsed.receivers.acme;
  };
  const body = Buffer.from('{"a":1}');
  const stamp = String(NOW_MS / 1_000);
  const [secret] = HMAC_EXAMPLE.acme.secrets as [string];
  const digest = createHmac('sha256', secret).update(`${stamp}.{"a":1}`).digest('hex');
  const good = { 'x-acme-signature': `sha256=${digest}`, 'x-acme-timestamp': stamp };
  const verify = (receiver: HmacReceiver, headers: Record<string, string>, sent = body) =>
    verifyHmacWebhook(sent, (name) => headers[name], receiver, NOW_MS);

  test('the example of the documentation verifies what it says, and is named by the bytes of the body', () => {
    const eventId = createHash('sha256').update(body).digest('hex');
    expect(verify(described({}), good)).toEqual({ eventId });
  });

  test.each([
    ['body byte', good, Buffer.from('{"a":2}')],
    ['signature', { ...good, 'x-acme-signature': `sha256=${digest.replace('a', 'b').replace('1', '2')}` }],
    ['prefix', { ...good, 'x-acme-signature': digest }],
    ['stamp', { ...good, 'x-acme-timestamp': String(NOW_MS / 1_000 + 1) }],
    ['form of the stamp', { ...good, 'x-acme-timestamp': ` ${stamp}` }],
    ['presence of the stamp', { 'x-acme-signature': good['x-acme-signature'] }],
  ])('a changed %s is refused', (_what, headers, sent = body) => {
    expect(() => verify(described({}), headers as Record<string, string>, sent)).toThrow(invalid);
  });

  test('a signature of sha1 in base64 without a stamp verifies where that is described', () => {
    const receiver = described({
      ...{ algorithm: 'sha1', encoding: 'base64', prefix: '', signed: '{body}', timestampHeader: undefined },
    });
    const signature = createHmac('sha1', secret).update(body).digest('base64');
    expect(verify(receiver, { 'x-acme-signature': signature })).toBeTruthy();
    expect(() => verify(receiver, { 'x-acme-signature': signature.toLowerCase() })).toThrow(invalid);
  });

  test('a description that would leave a header unsigned, or let one text be read in two ways, is refused', () => {
    for (const change of [
      { signed: '{body}' },
      { signed: '{timestamp}{body}' },
      { signed: '{timestamp}0{body}' },
      { signed: '{timestamp}.' },
      { signed: '{timestamp}.{body}{body}' },
      { signed: '{timestamp}.{id}.{body}' },
      { idHeader: 'x-id' },
      { signed: '{id}{timestamp}.{body}', idHeader: 'x-id' },
      { secrets: ['short'] },
      { secrets: [] },
      { algorithm: 'md5' },
      { toleranceS: 0 },
      { fields: { ...HMAC_EXAMPLE.acme.fields, alwaysCurrency: undefined } },
      { fields: { ...HMAC_EXAMPLE.acme.fields, alwaysCurrency: 'xyz' } },
      { fields: { ...HMAC_EXAMPLE.acme.fields, unknown: 'x' } },
      { more: true },
    ])
      expect(() => described(change), JSON.stringify(change)).toThrow('wrongAt');
    for (const source of ['stripe', 'callrail', 'ringba', 'Acme', 'a/b', ''])
      expect(parseHmacReceivers(`{"${source}":${JSON.stringify(HMAC_EXAMPLE.acme)}}`)).toHaveProperty(
        'wrongAt',
      );
  });

  test('an id that is signed names the event, and what `only` leaves out is accepted and dropped', async () => {
    const { app, calls } = await createTestApp();
    await post(app, signers.hmac(BODIES.hmac));
    const other = Buffer.from(BODIES.hmac.toString().replace('call.ended', 'call.began'));
    expect((await post(app, signers.hmac(other))).statusCode).toBe(202);
    expect(calls).toEqual([expect.objectContaining({ source: 'own', kind: 'call.ended', eventId: 'own_1' })]);
  });
});

describe('Stripe', () => {
  test('the endpoint of connected accounts refuses an event of the platform, also a signed one', async () => {
    const { app, stripeEvents } = await createTestApp();
    const answer = await post(app, signers.stripeConnect(BODIES.stripe));
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'BODY_MALFORMED']);
    expect(stripeEvents).toEqual([]);
  });

  test('both endpoints take thin events, which name their account as context', async () => {
    const { app, stripeEvents } = await createTestApp();
    const thin = {
      ...{ object: 'v2.core.event', id: 'evt_2', type: 'v2.core.account.updated', context: 'acct_1' },
      ...{ created: new Date(NOW_MS).toISOString(), livemode: false, related_object: { id: 'acct_1' } },
    };
    for (const sender of ['stripe', 'stripeConnect'] as const)
      expect((await post(app, signers[sender](Buffer.from(JSON.stringify(thin))))).statusCode).toBe(202);
    expect(stripeEvents).toEqual(
      [1, 2].map(() => expect.objectContaining({ account: 'acct_1', eventId: 'evt_2' })),
    );
  });
});

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { readForm } from '../../src/integrations/call-tracking/fields.ts';
import { parseTwilioReport } from '../../src/integrations/call-tracking/twilio.ts';
import { verifyTwilioWebhook } from '../../src/integrations/webhooks/twilio.ts';
import { createTestApp, OPS_PASSWORD, post } from '../helpers/app.ts';
import { BODIES, DIAL_ENDED, NOW_MS, SECRETS, signers } from '../helpers/senders.ts';

const invalid = expect.objectContaining({ code: 'SIGNATURE_INVALID' });

const OTHER_SID = `CA${'3'.repeat(32)}`;
/** The example of Twilio's documentation of signatures. */
const VECTOR = {
  url: 'https://mycompany.com/myapp.php?foo=1&bar=2',
  signature: 'RSOYDt4T1cUTdK1PDd93/VVr8B8=',
  tokens: ['12345'],
  form: 'CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212',
};
const verify = (change: Partial<typeof VECTOR> = {}) => {
  const { form, ...signed } = { ...VECTOR, ...change };
  verifyTwilioWebhook(Buffer.from(form), () => readForm(Buffer.from(form)), signed);
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

/** The signature of the good form over other fields, in the order in which they are signed. */
const moved = (fields: Record<string, string>, query = '') => {
  const url = `/webhooks/twilio?campaign=1`;
  const good = signers.twilio(BODIES.twilio, { url });
  return {
    ...good,
    url: `${url}${query}`,
    body: Buffer.from(new URLSearchParams(fields).toString()),
  };
};
const { AccountSid, ApiVersion, CallSid, CallStatus, DialCallDuration, DialCallSid, ...rest } = DIAL_ENDED;
const start = { AccountSid, ApiVersion };
const ids = { CallSid, CallStatus, DialCallDuration, DialCallSid };
const { DialCallStatus: _dialled, Direction: _inbound, ...behind } = rest;
const { To: _to, ...withoutTo } = rest;
const hidden = `CallSid${CallSid}CallStatus${CallStatus}DialCallDuration${DialCallDuration}Dial`;

test.each([
  [
    'a value that holds the field behind it',
    moved({
      ...start,
      CallSid: `${CallSid}CallStatus${CallStatus}`,
      DialCallDuration,
      DialCallSid,
      ...rest,
    }),
  ],
  [
    'another call, named by the leg, and its own in a value',
    moved({ ...start, ApiVersion: `${ApiVersion}${hidden}`, CallSid: DialCallSid, ...rest }),
  ],
  [
    'another call, and its own in the query',
    moved({ CallSid: DialCallSid, ...rest }, `AccountSid${AccountSid}ApiVersion${ApiVersion}${hidden}`),
  ],
  [
    'another call, and its own in the query in another spelling',
    moved(
      { CallSid: DialCallSid, ...rest },
      `AccountS%69d${AccountSid}ApiVersion${ApiVersion}${hidden.replaceAll('al', '%61l')}`,
    ),
  ],
  [
    'the dialled number in a value',
    moved({ ...start, ...ids, ...withoutTo, StirVerstat: `${rest.StirVerstat}To${rest.To}` }),
  ],
  [
    'a name that begins within another',
    moved({ ...start, ...ids, ...withoutTo, StirVerstat: `${rest.StirVerstat}T`, o: rest.To }),
  ],
  ['a value in a name', moved({ AccountSid, [`ApiVersion${ApiVersion}`]: '', ...ids, ...rest })],
  [
    'a field in a name',
    moved({ ...start, CallSid, CallStatus, DialCallDuration, [`DialCallSid${DialCallSid}`]: '', ...rest }),
  ],
  [
    'a direction in a value',
    moved({ ...start, ...ids, DialCallStatus: 'completedDirectioninbound', ...behind }),
  ],
])('one signature speaks for one form: it is refused for %s', async (_what, delivery) => {
  const { app, calls } = await createTestApp();
  expect((await post(app, moved(DIAL_ENDED))).statusCode).toBe(200);
  calls.length = 0;
  expect((await post(app, delivery)).statusCode).toBe(401);
  expect(calls).toEqual([]);
});

test('the fields of a SIP leg and of a later version of the API are no reason to refuse a form', async () => {
  const { app, calls } = await createTestApp();
  const more = {
    'DialSipHeader_X-Buyer': 'a',
    DialSipResponseCode: '200',
    CallToken: '{"x":1}',
    ToCity: '',
  };
  await post(app, signers.twilio(form({ ...more, ParentCallSid: OTHER_SID })));
  expect(calls).toHaveLength(1);
});

test('a form of 1 MiB of distinct names is refused before it costs time', async () => {
  const names = Array.from({ length: 160_000 }, (_, at) => at)
    .join('&')
    .slice(0, 1_048_576);
  const { app } = await createTestApp();
  const startedMs = performance.now();
  expect((await post(app, { ...signers.twilio(BODIES.twilio), body: Buffer.from(names) })).statusCode).toBe(
    401,
  );
  expect(performance.now() - startedMs).toBeLessThan(3_000);
  const fields = (count: number) =>
    Buffer.from(Array.from({ length: count }, (_, at) => `n${at}=1`).join('&'));
  expect(Object.keys(readForm(fields(500)))).toHaveLength(500);
  expect(() => readForm(fields(501))).toThrow('too many fields');
});

test('the end of a dial without a leg and the end of its call are two events', async () => {
  const { app, calls } = await createTestApp();
  const { DialCallSid: _sid, DialCallStatus: _status, ...progress } = DIAL_ENDED;
  const ended = { ...progress, CallStatus: 'completed' };
  for (const fields of [{ ...ended, DialCallStatus: 'completed' }, ended])
    await post(app, signers.twilio(Buffer.from(new URLSearchParams(fields).toString())));
  expect(new Set(calls.map(({ eventId }) => eventId)).size).toBe(2);
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
  await post(app, signers.twilio(form({ DialCallSid: OTHER_SID, DialCallStatus: 'busy' })));
  const ids = calls.map(({ eventId }) => eventId);
  expect(ids[0]).toBe(`${DIAL_ENDED.CallSid}.dial_ended.${DIAL_ENDED.DialCallSid}.completed`);
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).toBe(`${DIAL_ENDED.CallSid}.dial_ended.${OTHER_SID}.busy`);
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
    expect.objectContaining({
      kind: 'call_ended',
      eventId: `${DIAL_ENDED.CallSid}.call_ended.2.completed`,
    }),
  ]);
});

test('what Twilio adds when it has signed is left out and counted: nobody is vouched for by what no signature covers', async () => {
  const { app, calls } = await createTestApp();
  const { StirVerstat: _added, ...signed } = DIAL_ENDED;
  const good = signers.twilio(Buffer.from(new URLSearchParams(signed).toString()));
  const plus = (more: string) => ({ ...good, body: Buffer.concat([good.body, Buffer.from(more)]) });
  const late = '&StirVerstat=TN-Validation-Passed-A&CallToken=%7B%22parentCallInfoToken%22%3A%22e30%22%7D';
  expect((await post(app, plus(late))).statusCode).toBe(200);
  expect((await post(app, plus('&CallToken=x'))).statusCode).toBe(200);
  expect((await post(app, plus('&StirVerstat=x&Digits=1'))).statusCode).toBe(401);
  for (const { body, receivedAtMs } of calls) {
    const raw = Buffer.from(body, 'base64');
    expect(raw.toString()).not.toContain('CallToken');
    expect(parseTwilioReport(raw, receivedAtMs).attestation).toBeUndefined();
  }
  expect(calls).toHaveLength(2);
  const authorization = `Basic ${Buffer.from(`ops:${OPS_PASSWORD}`).toString('base64')}`;
  const metrics = (await app.inject({ url: '/metrics', headers: { authorization } })).body;
  expect(metrics).toContain('callclear_webhook_fields_left_out_total{source="twilio"} 2');
});

test('a verdict that is signed cannot be taken away or changed', async () => {
  const { app } = await createTestApp();
  const good = signers.twilio(BODIES.twilio);
  for (const body of [form({ StirVerstat: 'TN-Validation-Passed-A' }), form({ CallToken: 'x' })])
    expect((await post(app, { ...good, body })).statusCode).toBe(401);
  const { StirVerstat: _signed, ...rest } = DIAL_ENDED;
  const without = Buffer.from(new URLSearchParams(rest).toString());
  expect((await post(app, { ...good, body: without })).statusCode).toBe(401);
});

import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { callRailEventId, verifyCallRailWebhook } from '../../src/integrations/webhooks/callrail.ts';
import { verifyStandardWebhook } from '../../src/integrations/webhooks/standard.ts';
import { verifyWebhookSignature } from '../../src/integrations/webhooks/verify.ts';
import { CALLRAIL_VECTOR } from '../helpers/callrail-vector.ts';

const HEX = { algorithm: 'sha256', encoding: 'hex' } as const;
const sign = (body: string, key: string) => createHmac('sha256', key).update(body).digest('hex');

const invalid = expect.objectContaining({ code: 'SIGNATURE_INVALID' });

test('a signature of another length is refused and does not throw', () => {
  const good = sign('body', 'key');
  for (const signature of [
    '',
    'a',
    good.slice(1),
    `${good}0`,
    'é'.repeat(32),
    '\0'.repeat(64),
    good.repeat(1_000),
  ])
    expect(verifyWebhookSignature('body', signature, 'key', HEX)).toBe(false);
});

test('any of a list of secrets is accepted, and a secret that has left the list is not', () => {
  const [old, current] = [sign('body', 'old-key'), sign('body', 'new-key')];
  expect(verifyWebhookSignature('body', old, ['new-key', 'old-key'], HEX)).toBe(true);
  expect(verifyWebhookSignature('body', current, ['new-key', 'old-key'], HEX)).toBe(true);
  expect(verifyWebhookSignature('body', old, ['new-key'], HEX)).toBe(false);
  expect(verifyWebhookSignature('body', old, [], HEX)).toBe(false);
});

test('the encoding is strict: an upper-case digest is another text', () => {
  expect(verifyWebhookSignature('body', sign('body', 'key').toUpperCase(), 'key', HEX)).toBe(false);
});

test("CallRail's own published vector is accepted, and not with a line break behind it", () => {
  const { body, key, signature } = CALLRAIL_VECTOR;
  expect(() => verifyCallRailWebhook(Buffer.from(body), signature, [key])).not.toThrow();
  expect(() => verifyCallRailWebhook(Buffer.from(`${body}\n`), signature, [key])).toThrow(invalid);
  expect(() => verifyCallRailWebhook(Buffer.from(body), undefined, [key])).toThrow(invalid);
  expect(() => verifyCallRailWebhook(Buffer.from(body), signature, ['another-key'])).toThrow(invalid);
});

test('an event of CallRail is named by call, kind and bytes', () => {
  const body = Buffer.from('{}');
  const id = callRailEventId(body, { resource_id: 'CAL1' });
  expect(id).toBe('CAL1.44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
  expect(callRailEventId(Buffer.from('{}'), { resource_id: 'CAL1' })).toBe(id);
  expect(callRailEventId(Buffer.from('{} '), { resource_id: 'CAL1' })).not.toBe(id);
  expect(callRailEventId(body, { id: 766970532 }).startsWith('766970532.')).toBe(true);
  for (const report of [
    {},
    { resource_id: '' },
    { resource_id: 'C'.repeat(65) },
    { id: 2 ** 53 },
    { id: {} },
  ])
    expect(callRailEventId(body, report)).toBe(id.slice('CAL1.'.length));
});

/** The vector of the Standard Webhooks specification. */
const SPEC = {
  body: Buffer.from('{"test": 2432232314}'),
  secret: ['whsec', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'].join('_'),
  headers: {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: '1614265330',
    signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  },
  nowMs: 1_614_265_330_000,
};
const other = `whsec_${Buffer.alloc(32, 'other').toString('base64')}`;
const verify = (change: Partial<typeof SPEC.headers> = {}, secrets = [SPEC.secret], nowMs = SPEC.nowMs) =>
  verifyStandardWebhook(SPEC.body, { ...SPEC.headers, ...change }, secrets, nowMs);

test('the vector of the Standard Webhooks specification is accepted and gives the id', () => {
  expect(verify()).toEqual({ eventId: SPEC.headers.id });
  expect(verify({}, [other, SPEC.secret])).toEqual({ eventId: SPEC.headers.id });
  expect(() => verify({}, [other])).toThrow(invalid);
});

test('a body signed 299 seconds ago or ahead is accepted, 301 seconds is not', () => {
  for (const seconds of [-299, 299])
    expect(verify({}, [SPEC.secret], SPEC.nowMs + seconds * 1_000)).toBeTruthy();
  for (const seconds of [-301, 301])
    expect(() => verify({}, [SPEC.secret], SPEC.nowMs + seconds * 1_000)).toThrow(invalid);
});

test('one fitting signature among several is enough, and unknown schemes count for nothing', () => {
  const { signature } = SPEC.headers;
  expect(verify({ signature: `v1,AAAA ${signature} v1a,BBBB` })).toBeTruthy();
  for (const wrong of [
    '',
    signature.slice(3),
    signature.replace('v1', 'v2'),
    signature.replace('v1', 'v1a'),
    `v1,${signature}`,
  ])
    expect(() => verify({ signature: wrong })).toThrow(invalid);
});

test('an id or timestamp that could be read in two ways is refused', () => {
  const sdk = new Webhook(SPEC.secret);
  for (const id of ['a.b', 'a b', '', 'é', 'x'.repeat(257)]) {
    const signature = sdk.sign(id, new Date(SPEC.nowMs), SPEC.body.toString());
    expect(() => verify({ id, signature })).toThrow(invalid);
  }
  for (const timestamp of [
    '',
    '1e9',
    ' 1614265330',
    '1614265330.0',
    '-1614265330',
    '0x60381b32',
    '9'.repeat(400),
  ])
    expect(() => verify({ timestamp })).toThrow(invalid);
});

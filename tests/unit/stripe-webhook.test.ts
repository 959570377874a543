import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { verifyStripeWebhook } from '../../src/integrations/stripe/events.ts';

const SECRET = 'whsec_plainly_fake';
const NOW_MS = 1_790_000_000_000;
const NOW_S = NOW_MS / 1_000;

const event = {
  id: 'evt_1',
  object: 'event',
  api_version: '2026-10-28.endive',
  created: NOW_S - 5,
  data: { object: { id: 'in_1', object: 'invoice', description: 'Anrufe für März' } },
  livemode: false,
  pending_webhooks: 1,
  request: null,
  type: 'invoice.paid',
};
const body = Buffer.from(JSON.stringify(event));

function digest(raw: Buffer, secret = SECRET, stampS = NOW_S): string {
  return createHmac('sha256', secret).update(`${stampS}.`).update(raw).digest('hex');
}

function header(raw: Buffer, secret = SECRET, stampS = NOW_S): string {
  return `t=${stampS},v1=${digest(raw, secret, stampS)}`;
}

function outcome(
  raw: Buffer,
  signature: string,
  secrets: readonly string[] = [SECRET],
  nowMs = NOW_MS,
): string {
  try {
    return verifyStripeWebhook(raw, signature, secrets, nowMs).eventId;
  } catch (error) {
    return codeOf(error, 'ROUTE_UNKNOWN');
  }
}

it('a webhook of Stripe tells what a signed snapshot event points at', () => {
  expect(verifyStripeWebhook(body, header(body), [SECRET], NOW_MS)).toEqual({
    eventId: 'evt_1',
    type: 'invoice.paid',
    objectId: 'in_1',
    account: null,
    createdMs: NOW_MS - 5_000,
    livemode: false,
  });
});

it('a webhook of Stripe tells what a signed thin event points at', () => {
  const thin = {
    object: 'v2.core.event',
    id: 'evt_2',
    type: 'v2.core.account.updated',
    context: 'acct_1',
    created: '2026-09-21T14:13:20.000Z',
    livemode: true,
    related_object: { id: 'acct_1', type: 'v2.core.account', url: '/v2/core/accounts/acct_1' },
  };
  const raw = Buffer.from(JSON.stringify(thin));
  expect(verifyStripeWebhook(raw, header(raw), [SECRET], NOW_MS)).toEqual({
    eventId: 'evt_2',
    type: 'v2.core.account.updated',
    objectId: 'acct_1',
    account: 'acct_1',
    createdMs: Date.parse(thin.created),
    livemode: true,
  });
});

it('a webhook of Stripe whose object has no id is accepted', () => {
  const raw = Buffer.from(
    JSON.stringify({ ...event, type: 'balance.available', data: { object: { object: 'balance' } } }),
  );
  expect(verifyStripeWebhook(raw, header(raw), [SECRET], NOW_MS).objectId).toBeNull();
});

it('a webhook of Stripe is refused when any one byte of its body was changed', () => {
  const signature = header(body);
  for (let at = 0; at < body.length; at += 1) {
    const changed = Buffer.from(body);
    changed[at] = (changed[at] ?? 0) ^ 0x80;
    expect(outcome(changed, signature), `byte ${at}`).toBe('SIGNATURE_INVALID');
    changed[at] = (body[at] ?? 0) ^ 0x01;
    expect(outcome(changed, signature), `byte ${at}`).toBe('SIGNATURE_INVALID');
  }
});

it('a webhook of Stripe is refused when any one character of its signature was changed', () => {
  const good = digest(body);
  for (let at = 0; at < good.length; at += 1) {
    const bad = good.slice(0, at) + (good[at] === '0' ? '1' : '0') + good.slice(at + 1);
    expect(outcome(body, `t=${NOW_S},v1=${bad}`), `character ${at}`).toBe('SIGNATURE_INVALID');
  }
});

it('a webhook of Stripe is refused when bytes were added that decoding would drop or replace', () => {
  const mark = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]);
  expect(outcome(mark, header(body))).toBe('SIGNATURE_INVALID');
  const replaced = Buffer.from(body.toString().replace('evt_1', 'evt_\uFFFD'));
  const invalid = Buffer.concat([replaced.subarray(0, 11), Buffer.from([0xff]), replaced.subarray(14)]);
  expect(outcome(invalid, header(replaced))).toBe('SIGNATURE_INVALID');
});

it.each([
  [-299, 'evt_1'],
  [-300, 'evt_1'],
  [-301, 'SIGNATURE_INVALID'],
  [299, 'evt_1'],
  [300, 'evt_1'],
  [301, 'SIGNATURE_INVALID'],
])('a webhook of Stripe with a stamp %i s from now ends as %s', (offsetS, expected) => {
  expect(outcome(body, header(body, SECRET, NOW_S + offsetS))).toBe(expected);
});

it('a webhook of Stripe is accepted by any one of the secrets, so that a secret can be rotated', () => {
  expect(outcome(body, header(body), ['whsec_new', SECRET])).toBe('evt_1');
  expect(outcome(body, header(body), [SECRET, 'whsec_new'])).toBe('evt_1');
  expect(outcome(body, header(body), ['whsec_new', 'whsec_other'])).toBe('SIGNATURE_INVALID');
  expect(outcome(body, header(body), [])).toBe('SIGNATURE_INVALID');
  expect(outcome(body, header(body, ''), [''])).toBe('SIGNATURE_INVALID');
});

it('a webhook of Stripe is accepted when one of several signatures fits, as Stripe sends while a secret is rolled', () => {
  expect(outcome(body, `t=${NOW_S},v1=${digest(body, 'whsec_new')},v1=${digest(body)},v0=abc`)).toBe('evt_1');
});

it.each([
  ['', 'no header'],
  ['t=', 'an empty stamp'],
  [`t=${NOW_S}`, 'no signature'],
  [`t=${NOW_S},v1=`, 'an empty signature'],
  [`t=${NOW_S},v1`, 'a signature without a value'],
  [`t=${NOW_S},v1=${digest(body).slice(1)}`, 'a signature that is too short'],
  [`t=${NOW_S},v1=${digest(body)}0`, 'a signature that is too long'],
  [`t=${NOW_S},v1=${'ä'.repeat(64)}`, 'a signature of as many characters and more bytes'],
  [`t=${NOW_S},v0=${digest(body)}`, 'a signature of another scheme'],
  [`v1=${digest(body)}`, 'no stamp'],
  [`t=never,v1=${digest(body)}`, 'a stamp that is no number'],
])('a webhook of Stripe with the header "%s" is refused: %s', (signature) => {
  expect(outcome(body, signature)).toBe('SIGNATURE_INVALID');
});

it.each(['', 'null', '[]', '{}', '{"object":"event"}', 'no json', '"text"'])(
  'a webhook of Stripe that is signed and says "%s" is refused',
  (text) => {
    const raw = Buffer.from(text);
    expect(outcome(raw, header(raw))).toBe('BODY_MALFORMED');
  },
);

import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import Stripe from 'stripe';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { parseHmacReceivers, UNSIGNED_SOURCES } from '../../src/config-receivers.ts';
import type { ReceiverSecrets } from '../../src/http/receivers/receiver.ts';
import { CALLRAIL_VECTOR } from './callrail-vector.ts';
import { STANDARD_BODY } from './hostile-bodies.ts';

export const NOW_MS = Date.UTC(2026, 2, 8, 12, 10);
export const PUBLIC_URL = 'https://hooks.example.com/callclear/';

const stripeEvent = {
  id: 'evt_1',
  object: 'event',
  type: 'invoice.paid',
  created: NOW_MS / 1_000,
  livemode: false,
  account: null as string | null,
  data: { object: { id: 'in_1', object: 'invoice' } },
};

/** The end of a `<Dial>`, as Twilio posts it. */
export const DIAL_ENDED = {
  AccountSid: `AC${'0'.repeat(32)}`,
  ApiVersion: '2010-04-01',
  CallSid: `CA${'1'.repeat(32)}`,
  CallStatus: 'in-progress',
  DialCallDuration: '93',
  DialCallSid: `CA${'2'.repeat(32)}`,
  DialCallStatus: 'completed',
  Direction: 'inbound',
  From: '+12148654559',
  FromCountry: 'US',
  FromState: 'TX',
  StirVerstat: 'TN-Validation-Passed-B',
  To: '+14045558514',
};

const OWN_BODY = {
  event: 'call.ended',
  call: {
    id: 'call-1',
    to: '+14045558514',
    from: '+12148654559',
    start: '2026-03-08T07:00:00-05:00',
    talk: 93,
  },
};

/** One good body of each sender that signs. */
export const BODIES = {
  callrail: Buffer.from(CALLRAIL_VECTOR.body),
  standard: Buffer.from(JSON.stringify(STANDARD_BODY)),
  ed25519: Buffer.from(JSON.stringify(STANDARD_BODY)),
  hmac: Buffer.from(JSON.stringify(OWN_BODY)),
  twilio: Buffer.from(new URLSearchParams(DIAL_ENDED).toString()),
  stripe: Buffer.from(JSON.stringify(stripeEvent)),
  stripeConnect: Buffer.from(JSON.stringify({ ...stripeEvent, account: 'acct_1' })),
};
export type Sender = keyof typeof BODIES;
export const SENDERS = Object.keys(BODIES) as Sender[];
/** Those whose signature covers when it was made. */
export const STAMPED = ['standard', 'ed25519', 'hmac', 'stripe', 'stripeConnect'] as const;

const whsec = (fill: string) => `whsec_${Buffer.alloc(32, fill).toString('base64')}`;
const keys = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url');
  return { privateKey, held: `whpk_${raw.toString('base64')}` };
};
const KEYS = { new: keys(), old: keys(), other: keys() };
type Which = keyof typeof KEYS;

const parsed = parseHmacReceivers(
  JSON.stringify({
    own: {
      ...{ algorithm: 'sha512', encoding: 'hex', header: 'X-Own-Signature', prefix: 'v0=' },
      ...{ signed: 'v0:{id}:{timestamp}:{body}', timestampHeader: 'X-Own-Time', idHeader: 'X-Own-Id' },
      secrets: ['hmac-new-plainly-fake', 'hmac-old-plainly-fake'],
      only: { field: 'event', values: ['call.ended'] },
      fields: {
        ...{ callId: 'call.id', trackingNumber: 'call.to', callerNumber: 'call.from' },
        ...{ startedAt: 'call.start', durationS: 'call.talk' },
      },
    },
  }),
);

/** Parts of the address and of the header of a sender that signs nothing. */
export const pathSecret = (source: string, which: string) => ({
  path: `${source}-path-${which}-plainly-fake-1`,
  header: `${source}-header-${which}-plainly-fake-2`,
});

export const SECRETS: ReceiverSecrets = {
  publicUrl: PUBLIC_URL,
  stripeWebhookSecrets: ['whsec_stripe-new', 'whsec_stripe-old'],
  stripeConnectWebhookSecrets: ['whsec_connect-new', 'whsec_connect-old'],
  callRailSigningKeys: ['callrail-new', 'callrail-old'],
  callWebhookSecrets: {
    acme: [whsec('new'), whsec('old')],
    asym: [KEYS.new.held, KEYS.old.held],
    other: [whsec('other')],
  },
  twilioSigningTokens: ['twilio-new', 'twilio-old'],
  pathSecrets: Object.fromEntries(
    UNSIGNED_SOURCES.map((source) => [source, [pathSecret(source, 'new'), pathSecret(source, 'old')]]),
  ) as unknown as ReceiverSecrets['pathSecrets'],
  hmacReceivers: 'receivers' in parsed ? parsed.receivers : {},
};
export const NO_SECRETS: ReceiverSecrets = {
  ...{ publicUrl: null, stripeWebhookSecrets: [], stripeConnectWebhookSecrets: [], callRailSigningKeys: [] },
  ...{ callWebhookSecrets: {}, twilioSigningTokens: [], hmacReceivers: {} },
  pathSecrets: { ringba: [], retreaver: [], trackdrive: [], invoca: [], convoso: [] },
};

export interface Delivery {
  readonly url: string;
  readonly body: Buffer;
  readonly headers: Record<string, string>;
}

interface Signing {
  readonly which?: Which;
  readonly sentAtMs?: number;
  /** Of the event, where a header has it. */
  readonly id?: string;
  readonly url?: string;
}

const secondsOf = (ms: number) => String(Math.floor(ms / 1_000));
const standardHeaders = (id: string, timestamp: string, signature: string) => ({
  'webhook-id': id,
  'webhook-timestamp': timestamp,
  'webhook-signature': signature,
});

function signStripe(url: string, name: string) {
  return (body: Buffer, { which = 'new', sentAtMs = NOW_MS }: Signing = {}): Delivery => ({
    url,
    body,
    headers: {
      'stripe-signature': Stripe.webhooks.generateTestHeaderString({
        payload: body.toString('utf8'),
        secret: `whsec_${name}-${which}`,
        timestamp: Number(secondsOf(sentAtMs)),
      }),
    },
  });
}

/** `which` secret: the new or the old one of two that are held, or one that nobody holds for this sender. */
export const signers: Record<Sender, (body: Buffer, signing?: Signing) => Delivery> = {
  callrail: (body, { which = 'new' } = {}) => ({
    url: '/webhooks/callrail/post_call',
    body,
    headers: { signature: createHmac('sha1', `callrail-${which}`).update(body).digest('base64') },
  }),
  standard: (body, { which = 'new', sentAtMs = NOW_MS, id = 'msg_1' } = {}) => {
    const timestamp = secondsOf(sentAtMs);
    const key = Buffer.alloc(32, which);
    const digest = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
    return { url: '/webhooks/calls/acme', body, headers: standardHeaders(id, timestamp, `v1,${digest}`) };
  },
  ed25519: (body, { which = 'new', sentAtMs = NOW_MS, id = 'msg_1' } = {}) => {
    const timestamp = secondsOf(sentAtMs);
    const payload = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
    const signature = sign(null, payload, KEYS[which].privateKey).toString('base64');
    return { url: '/webhooks/calls/asym', body, headers: standardHeaders(id, timestamp, `v1a,${signature}`) };
  },
  hmac: (body, { which = 'new', sentAtMs = NOW_MS, id = 'own_1' } = {}) => {
    const timestamp = secondsOf(sentAtMs);
    const hmac = createHmac('sha512', `hmac-${which}-plainly-fake`);
    const digest = hmac.update(`v0:${id}:${timestamp}:`).update(body).digest('hex');
    const headers = { 'x-own-id': id, 'x-own-time': timestamp, 'x-own-signature': `v0=${digest}` };
    return { url: '/webhooks/hmac/own', body, headers };
  },
  twilio: (body, { which = 'new', url = '/webhooks/twilio' } = {}) => {
    const isForm = !url.includes('bodySHA256');
    const params = isForm ? Object.fromEntries(new URLSearchParams(body.toString())) : {};
    const called = `${PUBLIC_URL.slice(0, -1)}${url}`;
    const signature = getExpectedTwilioSignature(`twilio-${which}`, called, params);
    const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
    return { url, body, headers: { 'x-twilio-signature': signature, 'content-type': type } };
  },
  stripe: signStripe('/webhooks/stripe', 'stripe'),
  stripeConnect: signStripe('/webhooks/stripe/connect', 'connect'),
};

/** A delivery of a sender that signs nothing. */
export function unsigned(source: string, body: Buffer, { which = 'new' } = {}): Delivery {
  const { path, header } = pathSecret(source, which);
  return { url: `/webhooks/${source}/${path}`, body, headers: { 'x-webhook-secret': header } };
}

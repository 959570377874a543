import { createHmac } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import Stripe from 'stripe';
import { type AppParts, createApp } from '../../src/http/app.ts';
import type { CallEvent, StripeEventNotice } from '../../src/http/receivers.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { CALLRAIL_VECTOR } from './callrail-vector.ts';
import { STANDARD_BODY } from './hostile-bodies.ts';

export const NOW_MS = Date.UTC(2026, 2, 8, 12, 10);

const STRIPE_BODY = {
  id: 'evt_1',
  object: 'event',
  type: 'invoice.paid',
  created: NOW_MS / 1_000,
  livemode: false,
  account: null,
  data: { object: { id: 'in_1', object: 'invoice' } },
};

/** One good body of each sender. */
export const BODIES = {
  callrail: Buffer.from(CALLRAIL_VECTOR.body),
  standard: Buffer.from(JSON.stringify(STANDARD_BODY)),
  stripe: Buffer.from(JSON.stringify(STRIPE_BODY)),
};
export const SENDERS = ['callrail', 'standard', 'stripe'] as const;

const whsec = (fill: string) => `whsec_${Buffer.alloc(32, fill).toString('base64')}`;

const SECRETS = {
  stripeWebhookSecrets: ['whsec_stripe-new', 'whsec_stripe-old'],
  callRailSigningKeys: ['callrail-new', 'callrail-old'],
  callWebhookSecrets: { acme: [whsec('new'), whsec('old')], other: [whsec('other')] },
};

export const OPS_PASSWORD = 'the password of the tests';

/** Parts of an app over a queue in memory, and what reaches it; `change` replaces parts. */
export function createTestParts(change: Partial<AppParts> = {}) {
  const calls: CallEvent[] = [];
  const stripeEvents: StripeEventNotice[] = [];
  const logLines: string[] = [];
  const parts: AppParts = {
    secrets: SECRETS,
    opsPasswords: ['an older password of the tests', OPS_PASSWORD],
    trustProxy: [],
    board: null,
    clock: { nowMs: () => NOW_MS },
    metrics: createMetrics(),
    log: createLogger({ level: 'trace', destination: { write: (line) => void logLines.push(line) } }),
    readiness: async () => ({ database: true, queue: true, progress: true }),
    enqueue: {
      enqueueCallEvent: async (event) => void calls.push(event),
      enqueueStripeEvent: async (event) => void stripeEvents.push(event),
    },
    ...change,
  };
  return { parts, calls, stripeEvents, logLines };
}

/** The app over those parts, not listening. */
export async function createTestApp(change: Partial<AppParts> = {}) {
  const { parts, ...seen } = createTestParts(change);
  return { app: await createApp(parts), ...seen };
}

export interface Delivery {
  readonly url: string;
  readonly body: Buffer;
  readonly headers: Record<string, string>;
}

export const signers = {
  callrail: (body: Buffer, { secret = 'callrail-new' } = {}): Delivery => ({
    url: '/webhooks/callrail/post_call',
    body,
    headers: { signature: createHmac('sha1', secret).update(body).digest('base64') },
  }),
  standard: (body: Buffer, { secret = whsec('new'), sentAtMs = NOW_MS } = {}): Delivery => {
    const timestamp = String(Math.floor(sentAtMs / 1_000));
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const digest = createHmac('sha256', key).update(`msg_1.${timestamp}.`).update(body).digest('base64');
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${digest}`,
    };
    return { url: '/webhooks/calls/acme', body, headers };
  },
  stripe: (body: Buffer, { secret = 'whsec_stripe-new', sentAtMs = NOW_MS } = {}): Delivery => ({
    url: '/webhooks/stripe',
    body,
    headers: {
      'stripe-signature': Stripe.webhooks.generateTestHeaderString({
        payload: body.toString('utf8'),
        secret,
        timestamp: Math.floor(sentAtMs / 1_000),
      }),
    },
  }),
};

export const OLD_SECRETS = { callrail: 'callrail-old', standard: whsec('old'), stripe: 'whsec_stripe-old' };
export const OTHER_SECRETS = {
  callrail: 'whsec_stripe-new',
  standard: whsec('other'),
  stripe: 'callrail-new',
};

export async function post(app: FastifyInstance, { url, body, headers }: Delivery) {
  return app.inject({
    method: 'POST',
    url,
    payload: body,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

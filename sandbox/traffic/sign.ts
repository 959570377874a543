import { createHmac } from 'node:crypto';
import type { Delivery } from './plan.ts';

/** What the senders sign with. */
export interface TrafficSecrets {
  /** CallRail's signing key, as it is. */
  readonly callrailKey: string;
  /** `whsec_` and base64. */
  readonly standardSecret: string;
}

/** What those sign with who do not have the secret. */
const WRONG: TrafficSecrets = {
  callrailKey: 'not-the-signing-key',
  standardSecret: `whsec_${Buffer.from('not-the-secret-of-the-sender-').toString('base64')}`,
};

export interface SignedRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The request as the sender makes it now; `nowMs` is real time, against which receivers check a stamp. */
export function signDelivery(delivery: Delivery, secrets: TrafficSecrets, nowMs: number): SignedRequest {
  const { source, event, eventId, body } = delivery;
  const { callrailKey, standardSecret } = delivery.expected === 401 ? WRONG : secrets;
  const json = { 'content-type': 'application/json' };
  if (source === 'callrail') {
    const signature = createHmac('sha1', callrailKey).update(body).digest('base64');
    return { path: `/webhooks/callrail/${event}`, headers: { ...json, signature }, body };
  }
  const timestamp = String(Math.floor(nowMs / 1_000));
  const key = Buffer.from(standardSecret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${eventId}.${timestamp}.${body}`).digest('base64');
  return {
    path: `/webhooks/calls/${source}`,
    headers: {
      ...json,
      'webhook-id': eventId,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
    body,
  };
}

import { createHash } from 'node:crypto';
import type { Delivery as Received } from '../../src/http/receivers/receiver.ts';
import { NOW_MS } from '../helpers/senders.ts';
import type { Made } from './deliveries.ts';

/** What a receiver took in, and under which name. */
export interface Acceptance {
  readonly receiver: string;
  readonly delivery: Received;
}

const TOLERANCE_S = 300;
const hashOf = (body: Buffer) => createHash('sha256').update(body).digest('hex');
const isNow = (stamp: string) => Math.abs(NOW_MS / 1_000 - Number(stamp)) <= TOLERANCE_S;

/**
 * Knows what was signed, and computes no signature: an acceptance is genuine only when its sender signed all of what
 * counts with a secret that is held, and the very signature came that was made for it.
 */
export function createJudge(made: readonly Made[]): (acceptance: Acceptance) => boolean {
  const genuine = new Set(
    made
      .filter(({ held }) => held)
      .flatMap((one) => claimsOf(nameOf(one.sender), asReceived(one)).slice(0, 1)),
  );
  return ({ receiver, delivery }) => claimsOf(receiver, delivery).some((claim) => genuine.has(claim));
}

const nameOf = (sender: string) =>
  ({ ed25519: 'standard', stripeConnect: 'stripe-connect' })[sender] ?? sender;

function asReceived({ url, body: sent, signed: body = sent, headers }: Made): Received {
  const [path = ''] = url.split('?');
  return { body, target: url, param: () => path.split('/').at(-1) ?? '', header: (name) => headers[name] };
}

/** Each signature that came, with everything that it may have been made for, the whole first; none where a stamp is not of now. */
function claimsOf(receiver: string, { body, target, param, header }: Received): string[] {
  const said = (name: string) => header(name) ?? '';
  const claim = (...parts: string[]) => JSON.stringify([receiver, ...parts]);
  const hash = hashOf(body);
  switch (receiver) {
    case 'callrail':
      return [claim(said('signature'), hash)];
    case 'standard': {
      const stamp = said('webhook-timestamp');
      const signatures = isNow(stamp) ? said('webhook-signature').split(' ') : [];
      return signatures.map((signature) =>
        claim(param('source'), signature, said('webhook-id'), stamp, hash),
      );
    }
    case 'hmac': {
      const stamp = said('x-own-time');
      const signed = claim(param('source'), said('x-own-signature'), said('x-own-id'), stamp, hash);
      return isNow(stamp) ? [signed] : [];
    }
    case 'twilio': {
      const contents = target.includes('bodySHA256')
        ? [hash]
        : [whatIsSigned(body), whatIsSigned(body, LATE)];
      return contents.map((content) => claim(said('x-twilio-signature'), target, content));
    }
    case 'stripe':
    case 'stripe-connect': {
      const parts = said('stripe-signature')
        .split(',')
        .map((part) => part.split('='));
      const stamp = parts.findLast(([name]) => name === 't')?.[1] ?? '';
      const seconds = String(Number.parseInt(stamp, 10));
      const signatures = isNow(seconds) ? parts.filter(([name]) => name === 'v1') : [];
      return signatures.map(([, signature = '']) => claim(signature, seconds, hash));
    }
    default:
      return [claim(param('path'), said('x-webhook-secret'))];
  }
}

/** What Twilio adds to a form that it has signed. */
const LATE = ['StirVerstat', 'CallToken'];

/** Names and values of a form in the order in which Twilio signs them, each apart, as its signature does not have them. */
function whatIsSigned(body: Buffer, without: readonly string[] = []): string {
  const form = new URLSearchParams(body.toString());
  const names = [...new Set(form.keys())].filter((name) => !without.includes(name));
  return JSON.stringify(names.sort().map((name) => [name, ...new Set(form.getAll(name).sort())]));
}

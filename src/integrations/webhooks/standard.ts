import { createPublicKey, verify } from 'node:crypto';
import { PermanentError } from '../../errors.ts';
import { isFresh } from './fresh.ts';
import { verifyWebhookSignature } from './verify.ts';

/** How far a signed instant may lie from our clock, before or after. */
const TOLERANCE_MS = 300_000;
const V1 = { algorithm: 'sha256', encoding: 'base64' } as const;

/** The three headers of Standard Webhooks, as they came. */
export interface StandardHeaders {
  readonly id: string | undefined;
  readonly timestamp: string | undefined;
  readonly signature: string | undefined;
}

/** More signatures than any sender rotates through; each costs a verification. */
const MAX_SIGNATURES = 16;

/**
 * Verifies a body by Standard Webhooks (specification 1.0.0) and returns the event's id.
 *
 * The id is the same for each delivery of one event, so it is what makes two deliveries one. `secrets` are `whsec_…`
 * with base64 behind the prefix, for signatures `v1` (HMAC-SHA256), or public keys `whpk_…`, for `v1a` (ed25519). The
 * header may hold several signatures, since a sender signs with the old and the new secret while it rotates; other
 * schemes are ignored. Throws SIGNATURE_INVALID.
 */
export function verifyStandardWebhook(
  body: Uint8Array,
  headers: StandardHeaders,
  secrets: readonly string[],
  nowMs: number,
): { eventId: string } {
  const { id = '', timestamp = '', signature = '' } = headers;
  const fresh = isFresh(timestamp, nowMs, TOLERANCE_MS);
  const payload = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const entries = signature.split(' ');
  const of = (scheme: string) =>
    entries.filter((entry) => entry.startsWith(scheme)).map((entry) => entry.slice(scheme.length));
  const keysOf = (prefix: string) =>
    secrets
      .filter((secret) => secret.startsWith(prefix))
      .map((secret) => Buffer.from(secret.slice(prefix.length), 'base64'));
  const signed =
    entries.length <= MAX_SIGNATURES &&
    [
      ...of('v1,').map((entry) => verifyWebhookSignature(payload, entry, keysOf('whsec_'), V1)),
      ...of('v1a,').map((entry) => keysOf('whpk_').some((key) => isSignedByKey(payload, entry, key))),
    ].includes(true);
  if (isEventId(id) && fresh && signed) return { eventId: id };
  throw new PermanentError('SIGNATURE_INVALID', 'The webhook is not signed by its sender, or not now.');
}

/** `key` is public: nothing is learnt from how long this takes. */
function isSignedByKey(payload: Uint8Array, signature: string, key: Buffer): boolean {
  const given = Buffer.from(signature, 'base64');
  // Node decodes base64 of many spellings; only the one that senders write counts.
  if (given.length !== 64 || given.toString('base64') !== signature) return false;
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') };
  return verify(null, payload, createPublicKey({ key: jwk, format: 'jwk' }), given);
}

/** Printable ASCII without a dot: a dot would let one signed text be read as two different ids and timestamps. */
function isEventId(id: string): boolean {
  if (id === '' || id.length > 256) return false;
  return [...id].every((letter) => letter > ' ' && letter <= '~' && letter !== '.');
}

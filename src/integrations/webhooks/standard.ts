import { PermanentError } from '../../errors.ts';
import { verifyWebhookSignature } from './verify.ts';

/** How far a signed instant may lie from our clock, before or after. */
const TOLERANCE_MS = 300_000;

/** The three headers of Standard Webhooks, as they came. */
export interface StandardHeaders {
  readonly id: string | undefined;
  readonly timestamp: string | undefined;
  readonly signature: string | undefined;
}

/**
 * Verifies a body by the symmetric scheme of Standard Webhooks (specification 1.0.0) and returns the event's id.
 *
 * The id is the same for each delivery of one event, so it is what makes two deliveries one. `secrets` are `whsec_…`
 * with base64 behind the prefix. The header may hold several signatures, since a sender signs with the old and the
 * new secret while it rotates; schemes other than `v1` are ignored. Throws SIGNATURE_INVALID.
 */
export function verifyStandardWebhook(
  body: Uint8Array,
  headers: StandardHeaders,
  secrets: readonly string[],
  nowMs: number,
): { eventId: string } {
  const { id = '', timestamp = '', signature = '' } = headers;
  const sentAtMs = parseSeconds(timestamp) * 1_000;
  const fresh = Math.abs(nowMs - sentAtMs) <= TOLERANCE_MS;
  const payload = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const keys = secrets.map((secret) => Buffer.from(secret.slice('whsec_'.length), 'base64'));
  const signed = signature
    .split(' ')
    .filter((entry) => entry.startsWith('v1,'))
    .map((entry) =>
      verifyWebhookSignature(payload, entry.slice('v1,'.length), keys, {
        algorithm: 'sha256',
        encoding: 'base64',
      }),
    )
    .includes(true);
  if (isEventId(id) && fresh && signed) return { eventId: id };
  throw new PermanentError('SIGNATURE_INVALID', 'The webhook is not signed by its sender, or not now.');
}

/** Printable ASCII without a dot: a dot would let one signed text be read as two different ids and timestamps. */
function isEventId(id: string): boolean {
  if (id === '' || id.length > 256) return false;
  return [...id].every((letter) => letter > ' ' && letter <= '~' && letter !== '.');
}

/** Unix seconds in plain digits; NaN for all else, which is never fresh. */
function parseSeconds(text: string): number {
  const plain =
    text !== '' && text.length <= 12 && [...text].every((letter) => letter >= '0' && letter <= '9');
  return plain ? Number(text) : Number.NaN;
}

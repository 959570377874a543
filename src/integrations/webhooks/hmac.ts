import { createHash } from 'node:crypto';
import { type HmacReceiver, isWordLetter } from '../../config-receivers.ts';
import { PermanentError } from '../../errors.ts';
import { isFresh } from './fresh.ts';
import { verifyWebhookSignature } from './verify.ts';

const MAX_ID_LENGTH = 200;

/**
 * Verifies a body by a scheme that the configuration describes and returns the event's id: that of its header, where one
 * is signed, or the hash of the body's bytes. A stamp is no part of it: who tries again stamps anew. Throws SIGNATURE_INVALID.
 */
export function verifyHmacWebhook(
  body: Uint8Array,
  header: (name: string) => string | undefined,
  receiver: HmacReceiver,
  nowMs: number,
): { eventId: string } {
  const { algorithm, encoding, prefix, secrets, timestampHeader, idHeader, toleranceS } = receiver;
  const signature = header(receiver.header) ?? '';
  const timestamp = timestampHeader === undefined ? null : (header(timestampHeader) ?? '');
  const id = idHeader === undefined ? null : (header(idHeader) ?? '');
  const payload = fillTemplate(receiver.signed, { body, timestamp: timestamp ?? '', id: id ?? '' });
  const scheme = { algorithm, encoding };
  const signed =
    signature.startsWith(prefix) &&
    verifyWebhookSignature(payload, signature.slice(prefix.length), secrets, scheme);
  const fresh = timestamp === null || isFresh(timestamp, nowMs, toleranceS * 1_000);
  if (signed && fresh && (id === null || isId(id)))
    return { eventId: id ?? createHash('sha256').update(body).digest('hex') };
  throw new PermanentError('SIGNATURE_INVALID', 'The webhook is not signed by its sender, or not now.');
}

const isId = (id: string) => id !== '' && id.length <= MAX_ID_LENGTH && [...id].every(isWordLetter);

/** The body goes in as its bytes; what stands in a value is never read as a placeholder. */
function fillTemplate(
  template: string,
  { body, timestamp, id }: { body: Uint8Array; timestamp: string; id: string },
): Buffer {
  const fill = (text: string) =>
    text
      .split('{timestamp}')
      .map((part) => part.split('{id}').join(id))
      .join(timestamp);
  const [before = '', after = ''] = template.split('{body}');
  return Buffer.concat([Buffer.from(fill(before)), body, Buffer.from(fill(after))]);
}

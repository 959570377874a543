import { createHash } from 'node:crypto';
import { PermanentError } from '../../errors.ts';
import { verifyWebhookSignature } from './verify.ts';

/**
 * Verifies a CallRail body: header `Signature` holds base64 of HMAC-SHA1 over the raw body, keyed with a company's
 * signing key as it is. Source: CallRail API, "Validating Payloads". Throws SIGNATURE_INVALID.
 *
 * Nothing in the signature says when it was made, so a delivery can be replayed for ever: the event id below and its
 * unique row are what stops a second effect.
 */
export function verifyCallRailWebhook(
  body: Uint8Array,
  signature: string | undefined,
  keys: readonly string[],
): void {
  if (verifyWebhookSignature(body, signature ?? '', keys, { algorithm: 'sha1', encoding: 'base64' })) return;
  throw new PermanentError('SIGNATURE_INVALID', 'The webhook is not signed with a signing key of CallRail.');
}

/**
 * The id of one delivery: the call, where the body names one, and the body's own bytes, since one call is modified
 * many times. Two deliveries of the same bytes are one event: the kind, which is not signed, does not make another of it.
 *
 * Calls from before 2021 have a numeric `id` instead of `resource_id`.
 */
export function callRailEventId(body: Uint8Array, report: Readonly<Record<string, unknown>>): string {
  const callId = report.resource_id || report.id;
  const named =
    (typeof callId === 'string' && callId !== '' && callId.length <= 64) || Number.isSafeInteger(callId);
  const hash = createHash('sha256').update(body).digest('hex');
  return named ? `${callId}.${hash}` : hash;
}

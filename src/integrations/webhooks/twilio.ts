import { createHash } from 'node:crypto';
import { validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import { PermanentError } from '../../errors.ts';
import { isSameSecret } from './verify.ts';

/**
 * Verifies a request of Twilio by the check of its official library: HMAC-SHA1 over the address that Twilio called and,
 * of a form, its fields. A body that is no form is covered by `bodySHA256` in the address. Throws SIGNATURE_INVALID.
 *
 * `url` is made of the public address in the configuration, since what stands in Host is the sender's word. Nothing in
 * the signature says when it was made: what stops a second effect of a replay is the event's unique row.
 */
export function verifyTwilioWebhook(
  body: Buffer,
  form: Readonly<Record<string, unknown>>,
  { url, signature = '', tokens }: { url: string; signature: string | undefined; tokens: readonly string[] },
): void {
  const bodyHash = URL.canParse(url) ? new URL(url).searchParams.get('bodySHA256') : null;
  const params = bodyHash === null ? form : {};
  const hash = createHash('sha256').update(body).digest('hex');
  const covered = bodyHash === null || isSameSecret(bodyHash, hash);
  const matches = tokens.filter((token) => isSigned(token, signature, url, params));
  if (covered && matches.length > 0) return;
  throw new PermanentError('SIGNATURE_INVALID', 'The webhook is not signed with an auth token of Twilio.');
}

function isSigned(token: string, signature: string, url: string, params: object): boolean {
  try {
    return validateRequest(token, signature, url, { ...params });
  } catch {
    // The library throws on an address that is none; whatever it does not verify is not signed.
    return false;
  }
}

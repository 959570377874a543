import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface SignatureScheme {
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly encoding: 'hex' | 'base64';
}

/**
 * Whether `signature` is the HMAC of the payload under any of the secrets.
 *
 * A list of secrets is what makes rotation without loss possible: both the old and the new one are held for a while.
 * Takes the same time whichever byte differs and whichever secret fits, and never throws on a signature of another
 * length, as `timingSafeEqual` alone would. The payload is the raw body: a parsed and rewritten one has other bytes.
 */
export function verifyWebhookSignature(
  payload: Uint8Array | string,
  signature: string,
  secret: string | Uint8Array | readonly (string | Uint8Array)[],
  { algorithm, encoding }: SignatureScheme,
): boolean {
  const given = Buffer.from(signature);
  const secrets = typeof secret === 'string' || secret instanceof Uint8Array ? [secret] : secret;
  let matches = 0;
  for (const key of secrets) {
    const expected = Buffer.from(createHmac(algorithm, key).update(payload).digest(encoding));
    // The length of a digest is no secret; only its bytes are.
    if (given.length === expected.length && timingSafeEqual(given, expected)) matches += 1;
  }
  return matches > 0;
}

/** Whether two texts are the same, in the time of their hashes: it tells neither where they differ nor how long they are. */
export function isSameSecret(given: string, secret: string): boolean {
  const hashOf = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hashOf(given), hashOf(secret));
}

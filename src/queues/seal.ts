import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { PermanentError } from '../errors.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The first 8 hex digits of the key's SHA-256; it stands in the sealed text and tells which key opens it. */
export function keyIdOf(key: Uint8Array): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8);
}

/**
 * Seals a text with AES-256-GCM under the newest key (the first): `<key id>.<base64url of iv, tag and ciphertext>`.
 *
 * `context` is bound to the text without being stored in it: a sealed text that is moved to other work does not open.
 */
export function sealText(text: string, keys: readonly Uint8Array[], context: string): string {
  const [key] = keys;
  if (key === undefined)
    throw new PermanentError('CONFIG_INVALID', 'A body must be sealed and no key is configured.');
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return `${keyIdOf(key)}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`;
}

/** Opens what `sealText` made with any of the keys. PAYLOAD_UNSEALABLE when none fits or the text was changed. */
export function openText(sealed: string, keys: readonly Uint8Array[], context: string): string {
  const dot = sealed.indexOf('.');
  const keyId = sealed.slice(0, Math.max(dot, 0));
  const key = keys.find((candidate) => keyIdOf(candidate) === keyId);
  if (key === undefined)
    throw new PermanentError('PAYLOAD_UNSEALABLE', 'No configured key fits a sealed body.');
  const bytes = Buffer.from(sealed.slice(dot + 1), 'base64url');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const body = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
    return Buffer.concat([body, decipher.final()]).toString('utf8');
  } catch {
    throw new PermanentError('PAYLOAD_UNSEALABLE', 'A sealed body was changed or belongs to other work.');
  }
}

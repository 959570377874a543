import type { PathSecret } from '../../config-receivers.ts';
import { PermanentError } from '../../errors.ts';
import { isSameSecret } from './verify.ts';

/**
 * Lets a request in by the secret part of its address and the secret in its header, for senders that sign nothing. Both
 * must be of one pair. Throws SIGNATURE_INVALID.
 *
 * Nothing covers the body, so that who has once seen both can send any: they go over HTTPS only, and are rotated.
 */
export function verifySharedSecret(
  path: string,
  header: string | undefined,
  pairs: readonly PathSecret[],
): void {
  let matches = 0;
  for (const pair of pairs) {
    const isPath = isSameSecret(path, pair.path);
    const isHeader = isSameSecret(header ?? '', pair.header);
    if (isPath && isHeader) matches += 1;
  }
  if (matches > 0) return;
  throw new PermanentError('SIGNATURE_INVALID', 'The webhook does not have the secrets of its sender.');
}

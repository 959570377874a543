import { readFileSync, statSync } from 'node:fs';

const FILE = 'file:';
export const isFile = (secret: string) => secret.slice(0, FILE.length).toLowerCase() === FILE;

/** `id:secret`, as basic authentication takes it. */
export function isPair(secret: string): boolean {
  const at = secret.indexOf(':');
  return at > 0 && at < secret.length - 1;
}

/** What a file held when it was last in order. */
const kept = new Map<string, readonly string[]>();
/** Who writes a file in place empties it first. */
const WRITTEN_BY_MS = 5_000;

/**
 * A secret that is given as `file:/run/secrets/…` is every line of that file, as it is now: whoever changes it need restart
 * nothing. For the moment in which it is being written the process keeps what it read before. Throws where a file cannot be read,
 * where one stays empty, which is no list of secrets that somebody wanted, and of what `isSecret` does not take.
 */
export function readSecrets(
  secrets: readonly string[],
  isSecret: (secret: string) => boolean = () => true,
): readonly string[] {
  const held = secrets.flatMap((secret) =>
    isFile(secret) ? linesOf(secret.slice(FILE.length), isSecret) : [secret],
  );
  if (!held.every(isSecret)) throw new Error('A secret is not what is taken here.');
  return held;
}

function linesOf(path: string, isSecret: (secret: string) => boolean): readonly string[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length > 0 && lines.every(isSecret)) {
    kept.set(path, lines);
    return lines;
  }
  const before = kept.get(path);
  if (before === undefined) throw new Error('The file of a secret is empty, or holds what is none.');
  // By the age of the file: who emptied it an hour ago took back what it held. One of another clock's future has none.
  if (Math.abs(Date.now() - statSync(path).mtimeMs) <= WRITTEN_BY_MS) return before;
  throw new Error('The file of a secret stays empty, or holds what is none.');
}

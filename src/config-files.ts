import { readFileSync } from 'node:fs';

const FILE = 'file:';
export const isFile = (secret: string) => secret.startsWith(FILE);

/**
 * A secret that is given as `file:/run/secrets/…` is every line of that file, as it is now: whoever changes it need restart
 * nothing. Throws where a file cannot be read or holds nothing, which is no list of secrets that somebody wanted.
 */
export const readSecrets = (secrets: readonly string[]): readonly string[] =>
  secrets.flatMap((secret) => (isFile(secret) ? linesOf(secret.slice(FILE.length)) : [secret]));

function linesOf(path: string): string[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) throw new Error('The file of a secret is empty.');
  return lines;
}

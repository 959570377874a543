import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PROJECT = join(import.meta.dirname, '..', '..');
export const MIGRATIONS = join(PROJECT, 'supabase', 'migrations');

/** Changes with any byte of any migration or of the further files. */
export function fingerprint(furtherFiles: readonly string[] = []): string {
  const hash = createHash('sha256');
  const files = readdirSync(MIGRATIONS)
    .sort()
    .map((file) => join(MIGRATIONS, file));
  for (const file of [...files, ...furtherFiles])
    hash.update(file.slice(PROJECT.length)).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

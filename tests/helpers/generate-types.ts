import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEmbeddedPostgres } from '../../sandbox/database/embedded.ts';
import { migrate } from '../../src/integrations/supabase/migrate.ts';
import { fingerprint, MIGRATIONS, PROJECT } from './migrations.ts';

const run = promisify(execFile);

/** Pinned, and run out of the tree: it is 140 MB, and only those who write migrations need it. */
const SUPABASE_CLI = 'supabase@3.1.0';

export const TYPES_FILE = join(PROJECT, 'src', 'integrations', 'supabase', 'database.types.ts');

/**
 * Writes the types of the database with Supabase's own generator. A hash of the migrations and of the text stands at
 * the top, so that a test can tell without a network that the file fits them and nobody edited it.
 */
export async function generateTypes(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'callclear-types-'));
  // The database server may run as another user, who must pass through.
  await chmod(dataDir, 0o711);
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  try {
    await migrate(postgres.adminUrl, MIGRATIONS);
    const args = [
      '-y',
      SUPABASE_CLI,
      'gen',
      'types',
      '--lang',
      'typescript',
      '--schema',
      'public',
      '--db-url',
      postgres.adminUrl,
    ];
    const { stdout } = await run('npx', args, { cwd: dataDir, maxBuffer: 16 * 1024 * 1024 });
    const draft = join(dataDir, 'types.ts');
    await writeFile(draft, stdout.slice(stdout.indexOf('export type Json')));
    await run(join(PROJECT, 'node_modules', '.bin', 'biome'), ['format', '--write', draft], { cwd: dataDir });
    await writeFile(TYPES_FILE, addHeader(await readFile(draft, 'utf8')));
  } finally {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** `body` below the line that says what it was made from. */
export function addHeader(body: string): string {
  const text = createHash('sha256').update(body).digest('hex').slice(0, 16);
  return `// Made by "npm run generate" from migrations ${fingerprint()}, text ${text}. Do not edit.\n${body}`;
}

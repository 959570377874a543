import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const secretsSchema = z.object({
  adminPassword: z.string().min(1),
  authenticatorPassword: z.string().min(1),
  queuePassword: z.string().min(1),
  jwtSecret: z.string().min(32),
});

/** What a data directory keeps secret; made at random with the directory and never changed. */
export type Secrets = z.infer<typeof secretsSchema>;

/**
 * Reads the secrets of a data directory, making them when it has none.
 *
 * They are written whole or not at all: a file of another name is made, and then gets its name only if no other process
 * was first, in which case that one's secrets hold.
 */
export async function readOrMakeSecrets(dataDir: string): Promise<Secrets> {
  const path = join(dataDir, 'secrets.json');
  const present = await readIfPresent(path);
  if (present !== null) return secretsSchema.parse(JSON.parse(present));

  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(makeSecrets(), null, 2));
    await file.sync();
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
  return secretsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}

function makeSecrets(): Secrets {
  const make = () => randomBytes(24).toString('hex');
  return { adminPassword: make(), authenticatorPassword: make(), queuePassword: make(), jwtSecret: make() };
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

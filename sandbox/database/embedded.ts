import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Binaries, findBinaries, handOver, startProgram } from './binaries.ts';
import { bootstrap } from './bootstrap.ts';
import { describeProcess, signalProcess, waitUntilGone } from './processes.ts';
import { readOrMakeSecrets, type Secrets } from './secrets.ts';

export interface EmbeddedPostgres {
  readonly port: number;
  /** The superuser `postgres` on database `callclear`: for migrations and tests only. */
  readonly adminUrl: string;
  /** What the Supabase server connects as; owns nothing. */
  readonly authenticatorUrl: string;
  /** What the queue connects as; owns schema `bullmq` and sees nothing else. */
  readonly queueUrl: string;
  /** Signs users' tokens; kept with the data directory. */
  readonly jwtSecret: string;
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. Safe to call twice. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly dataDir: string;
  /** Default: any free port. */
  readonly port?: number;
  /** False turns fsync off: for tests, whose data need not survive the machine. Default true. */
  readonly durable?: boolean;
}

const CLUSTER = 'cluster';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/**
 * Starts a real PostgreSQL 18 on a data directory, on 127.0.0.1 only, and prepares its roles and schemas.
 *
 * Survives a SIGKILL of its parent at any moment: a half-made cluster never gets its final name, and a server whose
 * parent is gone is stopped before a new one starts. Throws when a living process uses the directory.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const binaries = await findBinaries(dataDir);
  const secrets = await readOrMakeSecrets(dataDir);
  await makeCluster(dataDir, binaries, secrets, options.durable ?? true);

  const { port, server } = await startServer(dataDir, binaries, secrets, options);
  const stopAtExit = () => signalProcess(server.pid ?? 0, 'SIGINT');
  process.once('exit', stopAtExit);
  const stop = async () => {
    process.removeListener('exit', stopAtExit);
    await stopServer(server);
  };
  try {
    await bootstrap(urlOf(port, 'postgres', secrets.adminPassword, 'postgres'), secrets);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port,
    adminUrl: urlOf(port, 'postgres', secrets.adminPassword),
    authenticatorUrl: urlOf(port, 'authenticator', secrets.authenticatorPassword),
    queueUrl: urlOf(port, 'callclear_queue', secrets.queuePassword),
    jwtSecret: secrets.jwtSecret,
    stop,
  };
}

function urlOf(port: number, user: string, password: string, database = 'callclear'): string {
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
}

/** Makes the cluster under another name and renames it when it is whole; leftovers of a killed attempt are removed. */
async function makeCluster(
  dataDir: string,
  binaries: Binaries,
  secrets: Secrets,
  durable: boolean,
): Promise<void> {
  const entries = await readdir(dataDir);
  if (entries.includes(CLUSTER)) return;
  const draft = join(dataDir, `${CLUSTER}.${process.pid}.${randomBytes(4).toString('hex')}`);
  const passwordFile = `${draft}.password`;
  try {
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordFile, secrets.adminPassword, { mode: 0o600, flag: 'wx' });
    await handOver(draft, binaries);
    await handOver(passwordFile, binaries);
    const access = [
      '--auth=scram-sha-256',
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      ...(durable ? [] : ['--no-sync']),
    ];
    await runInitdb(dataDir, binaries, [`--pgdata=${draft}`, '--encoding=UTF8', '--locale=C', ...access]);
    await rename(draft, join(dataDir, CLUSTER));
  } catch (error) {
    // Another process may have been first; its cluster is as good, for the secrets are the same.
    if (!(await readdir(dataDir)).includes(CLUSTER)) throw error;
  } finally {
    await removeDrafts(dataDir, entries, [draft, passwordFile]);
  }
}

/** Removes our own drafts, and those of processes that are gone. */
async function removeDrafts(
  dataDir: string,
  entries: readonly string[],
  own: readonly string[],
): Promise<void> {
  const paths = [...own];
  for (const entry of entries) {
    const [name, pid] = entry.split('.');
    if (name === CLUSTER && pid !== undefined && (await describeProcess(Number(pid))) === null)
      paths.push(join(dataDir, entry));
  }
  // An initdb that outlived its parent may still write; what cannot be removed now is removed at the next start.
  await Promise.allSettled(paths.map((path) => rm(path, { recursive: true, force: true, maxRetries: 3 })));
}

async function runInitdb(dataDir: string, binaries: Binaries, args: readonly string[]): Promise<void> {
  const log = join(dataDir, 'initdb.log');
  const file = await open(log, 'w', 0o600);
  try {
    const child = startProgram(binaries, binaries.initdb, args, file.fd);
    const code = await new Promise<number | null>((done, reject) =>
      child.once('error', reject).once('exit', done),
    );
    const advice = binaries.inNamespace
      ? ' Only root may enter this folder: use one that others may pass through.'
      : '';
    if (code !== 0) throw new Error(`initdb failed: ${await readTail(log)}${advice}`);
  } finally {
    await file.close();
  }
}

/**
 * Stops a server whose parent was killed. The parent's id and start time stand in the server's own command line
 * (cluster_name), so there is no moment at which a server runs and nobody knows whose it is.
 */
export async function stopOrphan(cluster: string): Promise<void> {
  const lock = join(cluster, 'postmaster.pid');
  const pid = Number((await readFile(lock, 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  const facts = await describeProcess(pid);
  if (facts === null) return;
  if (!facts.command.includes(cluster)) {
    // The id belongs to another program by now: PostgreSQL could take it for a living server and refuse to start.
    await rm(lock, { force: true });
    return;
  }
  const [, ownerPid, ownerStarted] = (facts.command.split('cluster_name=')[1]?.split(' ')[0] ?? '').split(
    '.',
  );
  const owner = await describeProcess(Number(ownerPid));
  if (owner !== null && owner.started === ownerStarted) {
    throw new Error(
      `The embedded database in ${cluster} is in use by process ${ownerPid}: stop that one first.`,
    );
  }
  signalProcess(pid, 'SIGINT');
  if (await waitUntilGone(pid, STOP_TIMEOUT_MS)) return;
  signalProcess(pid, 'SIGQUIT');
  if (!(await waitUntilGone(pid, STOP_TIMEOUT_MS)))
    throw new Error(`The database server ${pid} cannot be stopped.`);
}

async function startServer(
  dataDir: string,
  binaries: Binaries,
  secrets: Secrets,
  options: EmbeddedPostgresOptions,
) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  const log = join(dataDir, 'postgres.log');
  for (;;) {
    await stopOrphan(join(dataDir, CLUSTER));
    const port = options.port ?? (await findFreePort());
    const file = await open(log, 'w', 0o600);
    const server = startProgram(
      binaries,
      binaries.postgres,
      await serverArgs(dataDir, port, options.durable ?? true),
      file.fd,
    );
    await file.close();
    server.unref();
    if (await isReady(server, port, secrets, deadline)) return { port, server };
    // The port was taken in between, or the last backend of a killed server has not ended yet.
    if (performance.now() > deadline - START_TIMEOUT_MS + 10_000) {
      await stopServer(server);
      throw new Error(`The embedded database does not start: ${await readTail(log)}`);
    }
    await sleep(200);
  }
}

async function serverArgs(dataDir: string, port: number, durable: boolean): Promise<string[]> {
  const owner = await describeProcess(process.pid);
  const settings = [
    `cluster_name=callclear.${process.pid}.${owner?.started ?? ''}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'timezone=UTC',
    'log_timezone=UTC',
    'max_connections=200',
    // Refused statements are told to the client; the log holds what a person must look at.
    'log_min_messages=fatal',
    'log_min_error_statement=panic',
    'log_checkpoints=off',
    ...(durable ? [] : ['fsync=off', 'full_page_writes=off', 'shared_buffers=32MB']),
  ];
  return [
    '-D',
    join(dataDir, CLUSTER),
    '-p',
    String(port),
    ...settings.flatMap((setting) => ['-c', setting]),
  ];
}

/** True when the server answers; false when it ended before. */
async function isReady(
  server: ChildProcess,
  port: number,
  secrets: Secrets,
  deadline: number,
): Promise<boolean> {
  let failure: Error | null = null;
  server.once('error', (error) => {
    failure = error;
  });
  const url = urlOf(port, 'postgres', secrets.adminPassword, 'postgres');
  while (performance.now() < deadline) {
    if (failure !== null) throw failure;
    if (server.exitCode !== null || server.signalCode !== null) return false;
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch (error) {
      // Another server that listens on the port refuses the password; ours will end by itself.
      if ((error as { code?: string }).code === '28P01' && server.exitCode !== null) return false;
      await sleep(25);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return false;
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise<void>((done) => server.once('exit', () => done()));
  server.ref();
  signalProcess(server.pid, 'SIGINT');
  const hurry = setTimeout(() => signalProcess(server.pid ?? 0, 'SIGQUIT'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(hurry);
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done, reject) => probe.once('error', reject).listen(0, '127.0.0.1', done));
  const address = probe.address();
  await new Promise((done) => probe.close(done));
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.');
  return address.port;
}

async function readTail(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-5).join(' ') || 'it said nothing';
}

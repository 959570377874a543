import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres, stopOrphan } from '../../sandbox/database/embedded.ts';
import { type Lite, startLite } from '../../sandbox/database/lite.ts';
import { describeProcess } from '../../sandbox/database/processes.ts';
import { plainRules } from '../../sandbox/plain-rules.ts';
import { createDatabase, type Database } from '../../src/integrations/supabase/client.ts';
import { migrate } from '../../src/integrations/supabase/migrate.ts';
import { fingerprint, MIGRATIONS, PROJECT } from './migrations.ts';

const CACHE = join(PROJECT, 'node_modules', '.cache', 'callclear');
const run = promisify(execFile);

/** A migrated database of its own, with the API in front of it. */
export interface TestDatabase {
  readonly adminUrl: string;
  readonly authenticatorUrl: string;
  readonly queueUrl: string;
  readonly jwtSecret: string;
  /** Runs SQL as the superuser; bigint arrives as a number. */
  sql<Row extends pg.QueryResultRow = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  readonly database: Database;
  readonly lite: Lite;
  close(): Promise<void>;
}

let server: Promise<EmbeddedPostgres> | null = null;
let open = 0;

/**
 * A fresh database for a test file, or for a test: clones the migrated one, in about a tenth of a second. Close it in
 * `afterAll`; the last one that is closed stops the server, and a server whose tests were killed ends at the next run.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  open += 1;
  server ??= startServer();
  const { adminUrl, authenticatorUrl, queueUrl, jwtSecret } = await server;
  const name = `test_${randomBytes(6).toString('hex')}`;
  await withClient(at(adminUrl, 'postgres'), async (client) => {
    await client.query(`create database ${name} template callclear`);
    // A clone does not get its template's privileges on the database itself.
    await client.query(`revoke all on database ${name} from public`);
    await client.query(`grant connect on database ${name} to authenticator, callclear_queue`);
    await client.query(`grant create, temporary on database ${name} to callclear_queue`);
  });

  const urls = {
    adminUrl: at(adminUrl, name),
    authenticatorUrl: at(authenticatorUrl, name),
    queueUrl: at(queueUrl, name),
    jwtSecret,
  };
  const pool = new pg.Pool({
    connectionString: urls.adminUrl,
    max: 4,
    types: { getTypeParser: chooseParser },
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const lite = await startLite(urls);
  return {
    ...urls,
    lite,
    database: createDatabase({ url: lite.url, secretKey: lite.serviceKey, fetch: lite.fetch }),
    sql: async (text, values) => (await pool.query(text, values === undefined ? [] : [...values])).rows,
    async close() {
      await Promise.all([lite.close(), pool.end()]);
      open -= 1;
      if (open === 0) await stopServer();
    },
  };
}

function chooseParser(oid: number, format?: 'text' | 'binary') {
  return oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format);
}

const runDir = join(CACHE, 'run', String(process.pid));

async function startServer(): Promise<EmbeddedPostgres> {
  await removeLeftovers();
  const prepared = await prepare();
  await rm(runDir, { recursive: true, force: true });
  // Keeps owners, which Node's own copy does not.
  await run('cp', ['-a', prepared, runDir]);
  return startEmbeddedPostgres({ dataDir: runDir, durable: false });
}

async function stopServer(): Promise<void> {
  const running = await server;
  server = null;
  await running?.stop();
  await rm(runDir, { recursive: true, force: true });
}

/** What tests left that were killed: their servers still run. */
async function removeLeftovers(): Promise<void> {
  await mkdir(join(CACHE, 'run'), { recursive: true });
  for (const pid of await readdir(join(CACHE, 'run'))) {
    if ((await describeProcess(Number(pid))) !== null) continue;
    const left = join(CACHE, 'run', pid);
    await stopOrphan(join(left, 'cluster')).catch(() => undefined);
    await rm(left, { recursive: true, force: true });
  }
}

/**
 * The directory of a stopped, migrated server, made once for each state of the migrations. Two workers may make it at
 * once; the first to finish gives it its name.
 */
async function prepare(): Promise<string> {
  const bootstrap = ['binaries', 'bootstrap', 'embedded', 'secrets'].map((name) =>
    join(PROJECT, 'sandbox', 'database', `${name}.ts`),
  );
  const rules = ['sandbox/plain-rules.ts', 'src/jobs/fraud/default-rules.ts'].map((file) =>
    join(PROJECT, file),
  );
  const prepared = join(
    CACHE,
    `database-${fingerprint([...bootstrap, ...rules, join(PROJECT, 'package-lock.json')])}`,
  );
  if (existsSync(prepared)) return prepared;

  // Not the one that is being made: another worker may have finished it since the look above.
  const outdated = (await readdir(CACHE))
    .filter((name) => name.startsWith('database-'))
    .filter((name) => join(CACHE, name) !== prepared);
  const draft = join(CACHE, `making-${process.pid}`);
  await rm(draft, { recursive: true, force: true });
  const postgres = await startEmbeddedPostgres({ dataDir: draft, durable: false });
  try {
    await migrate(postgres.adminUrl, MIGRATIONS);
    await withClient(postgres.adminUrl, usePlainRules);
  } finally {
    await postgres.stop();
  }
  try {
    await rename(draft, prepared);
  } catch (error) {
    if (!existsSync(prepared)) throw error;
    await rm(draft, { recursive: true, force: true });
  }
  for (const name of outdated) await rm(join(CACHE, name), { recursive: true, force: true });
  return prepared;
}

/** Calls in tests are as even as their makers made them, which is what most of the default rules look for. */
async function usePlainRules(client: pg.Client): Promise<void> {
  await client.query("update rule_sets set state = 'retired'");
  await client.query(
    "insert into rule_sets (rules, author, note, made_at, state) values ($1, 'tests', 'plain', now(), 'running')",
    [JSON.stringify(plainRules)],
  );
}

function at(url: string, database: string): string {
  const result = new URL(url);
  result.pathname = `/${database}`;
  return result.href;
}

async function withClient(url: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

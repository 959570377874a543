import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

export interface MigrateResult {
  /** Names of the files that this run applied, in order. */
  readonly applied: readonly string[];
  /** How many were there before. */
  readonly alreadyApplied: number;
}

interface Migration {
  readonly file: string;
  readonly version: string;
  readonly name: string;
  readonly sql: string;
  readonly hash: string;
}

/** Any number; runs against one database wait for each other. */
const LOCK = 7_243_002;

/**
 * Brings a database to the newest of `<version>_<name>.sql`, each file in a transaction of its own, so that a run that
 * fails or is killed continues where it stopped.
 *
 * The record is the Supabase CLI's (supabase_migrations.schema_migrations), with a hash beside it. `adminUrl` is the
 * owner's; a transaction pooler will do. Throws when a file that was applied has changed since or is gone, when two
 * files have one version, when a file is older than what is applied, and with file and line when PostgreSQL refuses.
 */
export async function migrate(adminUrl: string, directory: string): Promise<MigrateResult> {
  const migrations = await readMigrations(directory);
  const client = new pg.Client({
    connectionString: adminUrl,
    options: '-c statement_timeout=0 -c client_min_messages=warning',
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await inTransaction(client, () => prepareRecord(client, migrations));
    const applied: string[] = [];
    for (const migration of migrations) {
      if (await inTransaction(client, () => applyOnce(client, migration))) applied.push(migration.file);
    }
    // PostgREST learns of new functions at once instead of at its next restart.
    if (applied.length > 0) await client.query(`notify pgrst, 'reload schema'`);
    return { applied, alreadyApplied: migrations.length - applied.length };
  } finally {
    await client.end();
  }
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
  const migrations = await Promise.all(files.map((file) => readMigration(directory, file)));
  migrations.forEach(({ version, file }, index) => {
    const next = migrations[index + 1];
    if (next?.version === version) throw new Error(`${file} and ${next.file} have the same version.`);
  });
  return migrations;
}

async function readMigration(directory: string, file: string): Promise<Migration> {
  const cut = file.indexOf('_');
  const version = file.slice(0, cut);
  if (version.length !== 14 || !Number.isInteger(Number(version))) {
    throw new Error(`${file} is not named <14 digits>_<name>.sql.`);
  }
  const sql = await readFile(join(directory, file), 'utf8');
  const hash = createHash('sha256').update(sql).digest('hex');
  return { file, version, name: file.slice(cut + 1, -'.sql'.length), sql, hash };
}

async function inTransaction<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    // Inside the transaction, for a pooler may give the next one another session.
    await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** Makes the record if there is none, and compares it with the files before anything is applied. */
async function prepareRecord(client: pg.Client, migrations: readonly Migration[]): Promise<void> {
  await client.query(`
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (
      version text not null primary key, statements text[], name text
    );
    alter table supabase_migrations.schema_migrations add column if not exists hash text;
  `);
  const { rows } = await client.query<{ version: string; name: string | null }>(
    'select version, name from supabase_migrations.schema_migrations order by version',
  );
  const versions = new Set(migrations.map(({ version }) => version));
  const lost = rows.find(({ version }) => !versions.has(version));
  if (lost)
    throw new Error(
      `The database has migration ${lost.version}_${lost.name ?? ''}, of which there is no file here.`,
    );
  const known = new Set(rows.map(({ version }) => version));
  const newest = rows.at(-1)?.version ?? '';
  const late = migrations.find(({ version }) => version < newest && !known.has(version));
  if (late)
    throw new Error(`${late.file} is older than ${newest}, which is applied: give it a newer version.`);
}

/** True when it was applied now. What the Supabase CLI applied has no hash, and is taken as it is. */
async function applyOnce(client: pg.Client, { file, version, name, sql, hash }: Migration): Promise<boolean> {
  const { rows } = await client.query<{ hash: string | null }>(
    'select hash from supabase_migrations.schema_migrations where version = $1',
    [version],
  );
  const applied = rows[0];
  if (applied !== undefined) {
    if (applied.hash !== null && applied.hash !== hash) {
      throw new Error(`${file} has changed since it was applied: put the change into a new migration.`);
    }
    return false;
  }
  await client.query(sql).catch((error: unknown) => {
    throw explain(error, file, sql);
  });
  await client.query(
    'insert into supabase_migrations.schema_migrations (version, name, statements, hash) values ($1, $2, $3, $4)',
    [version, name, [sql], hash],
  );
  return true;
}

function explain(error: unknown, file: string, sql: string): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  // Without a position the error comes from inside a function or a constraint.
  const line =
    error.position === undefined ? '' : `, line ${sql.slice(0, Number(error.position)).split('\n').length}`;
  return new Error(`${file}${line}: ${error.message} (${error.code})`, { cause: error });
}

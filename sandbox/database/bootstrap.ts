import { getAuthSchemaSql, SUPABASE_AUTH_HELPERS_SQL } from '@supabase/lite';
import pg from 'pg';
import type { Secrets } from './secrets.ts';

const DATABASE = 'callclear';

/** Any number; two starts that prepare one server at the same moment wait for each other. */
const LOCK = 7_243_001;

/**
 * Gives a fresh server what a Supabase project has before its first migration: the database, the roles that the API
 * works with, schema `auth` and the default privileges. Does nothing on a server that has it all.
 */
export async function bootstrap(maintenanceUrl: string, secrets: Secrets): Promise<void> {
  await withClient(maintenanceUrl, async (client) => {
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    const { rows } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (rows.length > 0 && (await isPrepared(maintenanceUrl))) return;
    if (rows.length === 0) await client.query(`create database ${DATABASE}`);
    await withClient(databaseUrl(maintenanceUrl), (database) => prepare(database, secrets));
  });
}

async function isPrepared(maintenanceUrl: string): Promise<boolean> {
  return withClient(databaseUrl(maintenanceUrl), async (database) => {
    const { rows } = await database.query<{ comment: string | null }>(
      `select shobj_description(oid, 'pg_database') as comment from pg_database where datname = current_database()`,
    );
    return rows[0]?.comment === 'prepared';
  });
}

/** One transaction: a start that is killed here leaves nothing, and the next one does it again. */
async function prepare(database: pg.Client, secrets: Secrets): Promise<void> {
  await database.query('begin');
  await database.query(rolesSql(secrets));
  await database.query(getAuthSchemaSql());
  await database.query(SUPABASE_AUTH_HELPERS_SQL);
  await database.query(privilegesSql());
  await database.query(`comment on database ${DATABASE} is 'prepared'`);
  await database.query('commit');
}

function rolesSql({ authenticatorPassword, queuePassword }: Secrets): string {
  return `
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    -- INHERIT, because lite reads the catalogue before it takes a role; the owner of nothing, because lite grants
    -- everything that it may grant to everybody.
    create role authenticator login inherit password '${authenticatorPassword}' in role anon, authenticated, service_role;
    create role callclear_queue login noinherit password '${queuePassword}';
    -- Below the client's own deadline, so that the server gives up first and the outcome is known.
    alter role authenticator set statement_timeout = '10s';
    alter role authenticator set lock_timeout = '5s';
    alter role authenticator set idle_in_transaction_session_timeout = '30s';
    alter role callclear_queue set statement_timeout = '30s';
    alter role callclear_queue set lock_timeout = '10s';
    alter role callclear_queue set idle_in_transaction_session_timeout = '60s';
  `;
}

/** As a hosted project has them, generous default privileges included: a migration that forgets to revoke is seen here. */
function privilegesSql(): string {
  const api = 'anon, authenticated, service_role';
  return `
    revoke all on database ${DATABASE} from public;
    grant connect on database ${DATABASE} to authenticator;
    -- BullMQ creates its schema if it does not exist, and PostgreSQL asks for the privilege even when it does.
    grant connect, create, temporary on database ${DATABASE} to callclear_queue;
    create schema bullmq authorization callclear_queue;
    revoke all on schema public from public;
    grant usage on schema public to ${api};
    grant usage on schema auth to ${api};
    -- A user's token is answered only after a look at the user and the session.
    grant usage on schema auth to authenticator;
    grant select on all tables in schema auth to authenticator;
    alter default privileges in schema public grant all on tables to ${api};
    alter default privileges in schema public grant all on sequences to ${api};
    alter default privileges in schema public grant all on functions to ${api};
  `;
}

function databaseUrl(maintenanceUrl: string): string {
  const url = new URL(maintenanceUrl);
  url.pathname = `/${DATABASE}`;
  return url.href;
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

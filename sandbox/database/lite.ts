import { AsyncLocalStorage } from 'node:async_hooks';
import { createHmac } from 'node:crypto';
import { App } from '@supabase/lite';
import { createPostgresConnection } from '@supabase/lite/postgres';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { asPostgrest, type RequestReport } from './postgrest-errors.ts';

export interface LiteOptions {
  /** LOGIN role `authenticator`: member of anon, authenticated and service_role, owner of nothing. */
  readonly authenticatorUrl: string;
  /** At least 32 characters; signs users' tokens, and the two API keys are made from it. */
  readonly jwtSecret: string;
  /** Connections to the database. Default 10. */
  readonly maxConnections?: number;
}

/** A Supabase API in this process; give `url` and `fetch` to supabase-js. */
export interface Lite {
  /** Never resolved: requests go through `fetch`. */
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** Acts as service_role. */
  readonly serviceKey: string;
  /** Acts as anon, or with a user's token as that user. */
  readonly anonKey: string;
  /** A user's access token (HS256), good for `expiresInS` seconds (default one hour; negative: expired). */
  userToken(userId: string, expiresInS?: number): string;
  close(): Promise<void>;
}

/**
 * Serves the Supabase API over a migrated database. Migrate first: functions made later are not seen.
 *
 * The connection must be `authenticator`: as an owner, lite would grant everything on every table to anon.
 */
export async function startLite({
  authenticatorUrl,
  jwtSecret,
  maxConnections = 10,
}: LiteOptions): Promise<Lite> {
  captureErrors();
  const serviceKey = `sb_secret_${derive(jwtSecret, 'service')}`;
  const anonKey = `sb_publishable_${derive(jwtSecret, 'anon')}`;
  const pool = createPool(authenticatorUrl, maxConnections);
  const app = new App({
    connection: connect(authenticatorUrl, pool),
    auth: { enabled: true, jwt_secret: jwtSecret, publishable_key: anonKey, secret_key: serviceKey },
    options: { server: { disableStudio: true, disableFallback: true, admin: false } },
  });
  const serve = (input: string | URL | Request, init: RequestInit | undefined, report: RequestReport) =>
    inRequest.run(report, async () => asPostgrest(await app.fetch(new Request(input, init)), report));
  const fetch: Lite['fetch'] = (input, init) => serve(input, init, newReport());

  const url = 'http://supabase.localhost';
  // The first request reads the catalogue, and several first requests at once would each read it.
  const report = newReport();
  await serve(`${url}/rest/v1/rpc/none`, { headers: { apikey: serviceKey } }, report);
  if (report.catalogueUnread || report.error !== null) {
    await pool.end();
    throw new Error('The Supabase API cannot read the database.', { cause: report.error });
  }
  return {
    url,
    fetch,
    serviceKey,
    anonKey,
    userToken: (userId, expiresInS = 3_600) => signToken(jwtSecret, userId, expiresInS),
    close: () => pool.end(),
  };
}

/**
 * lite's own driver ends the whole process with an uncaught TypeError when the server goes away during a transaction
 * (postgres 3.4.9 writes to a socket that is gone), and passes JSON arguments on as JSON strings. So lite's
 * connection gets a Kysely over node-postgres, which does neither; its own driver never connects.
 */
function connect(url: string, pool: pg.Pool) {
  const connection = createPostgresConnection({ url });
  connection.kysely = new Kysely({ dialect: new PostgresDialect({ pool }) });
  // At its first request lite would grant everything on every table to everybody, or fail where it may not. Told that
  // this is done, it leaves the migrations' grants alone.
  return Object.assign(connection, { rlsState: 'active' });
}

function createPool(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max,
    connectionTimeoutMillis: 5_000,
    options: '-c TimeZone=UTC',
    types: { getTypeParser: chooseParser },
  });
  // A connection that breaks is replaced by the pool, idle or not; without listeners it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

const { builtins } = pg.types;
const AS_TEXT: ReadonlySet<number> = new Set([
  builtins.NUMERIC,
  builtins.DATE,
  builtins.TIME,
  builtins.TIMETZ,
  builtins.TIMESTAMP,
  builtins.TIMESTAMPTZ,
  builtins.INTERVAL,
]);

/** Type numbers of name[] and text[]: the catalogue, which lite reads, holds the first, and node-postgres parses the second. */
const NAME_ARRAY = 1003;
const TEXT_ARRAY = 1009;

/** Dates and times leave as PostgreSQL writes them, bigint as a number. */
function chooseParser(oid: number, format?: 'text' | 'binary') {
  if (oid === builtins.INT8) return Number;
  if (AS_TEXT.has(oid)) return String;
  return pg.types.getTypeParser(oid === NAME_ARRAY ? TEXT_ARRAY : oid, format);
}

/**
 * lite prints every refused statement to the console. Inside a request the error is kept for the answer instead:
 * it holds the SQLSTATE that lite's answer leaves out, and its parameters belong in no log.
 */
const inRequest = new AsyncLocalStorage<RequestReport>();
let isCapturing = false;

const newReport = (): RequestReport => ({ error: null, catalogueUnread: false });

function captureErrors(): void {
  if (isCapturing) return;
  isCapturing = true;
  const print = console.error;
  console.error = (...values: unknown[]) => {
    const report = inRequest.getStore();
    if (report === undefined) return print.apply(console, values);
    report.error = values.find((value) => value instanceof Error) ?? report.error;
    if (values[0] === 'Introspection failed:') report.catalogueUnread = true;
  };
}

function derive(secret: string, purpose: string): string {
  return createHmac('sha256', secret).update(`api key: ${purpose}`).digest('base64url');
}

function signToken(secret: string, userId: string, expiresInS: number): string {
  const nowS = Math.floor(Date.now() / 1_000);
  const claims = {
    sub: userId,
    role: 'authenticated',
    aud: 'authenticated',
    iat: nowS,
    exp: nowS + expiresInS,
  };
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../sandbox/database/embedded.ts';
import { findFreePort } from '../../sandbox/demo/ports.ts';
import { openAudit } from '../../src/audit/audit.ts';
import { migrate } from '../../src/integrations/supabase/migrate.ts';
import type { Platform } from '../../src/services.ts';
import { MIGRATIONS } from '../helpers/migrations.ts';
import { type Managed, startProcess } from './processes.ts';

export type Backend = 'redis' | 'postgres';
export type App = 'server' | 'worker' | 'scheduler';

export const SECRETS = {
  stripeKey: 'sk_test_chaos-not-a-secret',
  stripeWebhook: 'whsec_chaos-not-a-secret',
  callrail: 'chaos-signing-key-not-a-secret',
  standard: `whsec_${Buffer.alloc(32, 3).toString('base64')}`,
  body: Buffer.alloc(32, 5).toString('base64'),
} as const;

interface HouseOptions {
  readonly backend: Backend;
  /** Where the simulator's clock starts. */
  readonly startMs: number;
  /** How long jobs of a killed worker stay locked. Default 3 s. */
  readonly lockMs?: number;
  readonly appendfsync?: 'always' | 'everysec';
}

/** Real processes on ports of their own: database, Supabase API, Stripe simulator, queue, and callclear's three. */
export interface ChaosHouse {
  readonly backend: Backend;
  readonly dataDir: string;
  readonly postgres: EmbeddedPostgres;
  readonly supabase: Managed;
  readonly stripe: Managed;
  /** Null on PostgreSQL. */
  readonly redis: Managed | null;
  /** How this test process reaches the same database and Stripe; `queue` as the processes see it without a proxy. */
  readonly platform: Platform;
  readonly serverUrl: string;
  readonly stripeUrl: string;
  /** Starts one of callclear's processes; `env` overrides, `nodeFlags` come before the script. */
  start(app: App, options?: { env?: Record<string, string>; nodeFlags?: string[]; name?: string }): Managed;
  /** Starts again what was killed, on the same port and directory. */
  restartPostgres(): Promise<void>;
  restartRedis(): Promise<void>;
  restartSupabase(): Promise<void>;
  restartStripe(): Promise<void>;
  /** Steers the simulator; see sandbox/stripe/control.ts. */
  control(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>;
  audit(
    sent?: readonly { source: string; externalId: string }[],
  ): ReturnType<ReturnType<typeof openAudit>['run']>;
  close(): Promise<void>;
}

interface Ports {
  readonly postgres: number;
  readonly supabase: number;
  readonly stripe: number;
  readonly redis: number;
  readonly server: number;
}

export async function openChaosHouse(options: HouseOptions): Promise<ChaosHouse> {
  const dataDir = await mkdtemp(join(tmpdir(), 'callclear-chaos-'));
  // The database runs as a user of its own, who must reach its folder.
  await chmod(dataDir, 0o711);
  const ports = await takePorts();
  const running: Managed[] = [];
  const keep = (managed: Managed) => {
    running.push(managed);
    return managed;
  };
  const startPostgres = () =>
    startEmbeddedPostgres({ dataDir: join(dataDir, 'database'), port: ports.postgres });
  let postgres = await startPostgres();
  await migrate(postgres.adminUrl, MIGRATIONS);
  const startSupabase = () => startSupabaseProcess(postgres, ports).then(keep);
  const startStripe = () => startStripeProcess(dataDir, ports, options.startMs).then(keep);
  const startRedis = async () =>
    keep(await startRedisProcess(dataDir, ports, options.appendfsync ?? 'always'));
  let supabase = await startSupabase();
  let stripe = await startStripe();
  let redis = options.backend === 'redis' ? await startRedis() : null;
  const keys = readKeys(supabase);
  const platform = platformOf(options.backend, postgres, ports, keys.serviceKey);
  const env = {
    ...environmentOf(platform, ports, options.lockMs ?? 3_000),
    // Processes start often here, and most of a start is compiling.
    NODE_COMPILE_CACHE: join(dataDir, 'compiled'),
  };

  return {
    backend: options.backend,
    dataDir,
    platform,
    serverUrl: `http://127.0.0.1:${ports.server}`,
    stripeUrl: `http://127.0.0.1:${ports.stripe}`,
    get postgres() {
      return postgres;
    },
    get supabase() {
      return supabase;
    },
    get stripe() {
      return stripe;
    },
    get redis() {
      return redis;
    },
    start: (app, { env: overrides = {}, nodeFlags = [], name = app } = {}) =>
      keep(
        startProcess({
          name,
          command: process.execPath,
          args: [...nodeFlags, `src/${app}.ts`],
          env: { ...env, ...overrides },
        }),
      ),
    async restartPostgres() {
      postgres = await startPostgres();
    },
    async restartRedis() {
      redis = await startRedis();
    },
    async restartSupabase() {
      supabase = await startSupabase();
    },
    async restartStripe() {
      stripe = await startStripe();
    },
    control: (method, path, body) => control(`http://127.0.0.1:${ports.stripe}${path}`, method, body),
    audit: (sent) => openAudit(platform).run({ nowMs: Date.now(), ...(sent === undefined ? {} : { sent }) }),
    async close() {
      for (const managed of running.reverse()) managed.signal('SIGKILL');
      await Promise.all(running.map(({ ended }) => ended));
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function takePorts(): Promise<Ports> {
  const [postgres = 0, supabase = 0, stripe = 0, redis = 0, server = 0] = await Promise.all(
    Array.from({ length: 5 }, findFreePort),
  );
  return { postgres, supabase, stripe, redis, server };
}

const node = (name: string, args: readonly string[]) =>
  startProcess({ name, command: process.execPath, args, env: {} });

async function startSupabaseProcess(postgres: EmbeddedPostgres, ports: Ports): Promise<Managed> {
  const { authenticatorUrl, jwtSecret } = postgres;
  const flags = [
    '--database-url',
    authenticatorUrl,
    '--jwt-secret',
    jwtSecret,
    '--port',
    `${ports.supabase}`,
  ];
  const supabase = node('supabase', ['sandbox/supabase-server.ts', ...flags]);
  await supabase.waitForLine('"serviceKey"');
  return supabase;
}

function readKeys(supabase: Managed): { serviceKey: string } {
  const line = supabase.lines.find((text) => text.includes('"serviceKey"')) ?? '{}';
  return JSON.parse(line) as { serviceKey: string };
}

async function startStripeProcess(dataDir: string, ports: Ports, startMs: number): Promise<Managed> {
  const flags = ['--data', join(dataDir, 'stripe'), '--port', `${ports.stripe}`, '--key', SECRETS.stripeKey];
  const target = ['--webhook-url', `http://127.0.0.1:${ports.server}/webhooks/stripe`];
  const secret = ['--webhook-secret', SECRETS.stripeWebhook, '--start-ms', `${startMs}`];
  const stripe = node('stripe', ['sandbox/stripe/run.ts', ...flags, ...target, ...secret]);
  await stripe.waitForLine('"url"');
  return stripe;
}

async function startRedisProcess(dataDir: string, ports: Ports, appendfsync: string): Promise<Managed> {
  const flags = {
    port: `${ports.redis}`,
    bind: '127.0.0.1',
    dir: dataDir,
    save: '',
    appendonly: 'yes',
    appendfsync,
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const redis = startProcess({
    name: 'redis',
    command: 'redis-server',
    args: [...args, '--maxmemory-policy', 'noeviction'],
    env: {},
  });
  await redis.waitForLine('Ready to accept connections');
  return redis;
}

function platformOf(
  backend: Backend,
  postgres: EmbeddedPostgres,
  ports: Ports,
  serviceKey: string,
): Platform {
  return {
    database: { url: `http://127.0.0.1:${ports.supabase}`, secretKey: serviceKey },
    queue:
      backend === 'redis'
        ? { kind: 'redis', url: `redis://127.0.0.1:${ports.redis}` }
        : { kind: 'postgres', url: postgres.queueUrl },
    stripe: { secretKey: SECRETS.stripeKey, apiBase: `http://127.0.0.1:${ports.stripe}`, livemode: false },
    clock: { nowMs: () => Date.now() },
  };
}

function environmentOf({ database, queue, stripe }: Platform, ports: Ports, lockMs: number) {
  return {
    APP_ENV: 'dev',
    HOST: '127.0.0.1',
    PORT: `${ports.server}`,
    LOG_LEVEL: 'info',
    QUEUE_LOCK_MS: `${lockMs}`,
    SUPABASE_URL: database.url,
    SUPABASE_SECRET_KEY: database.secretKey,
    STRIPE_SECRET_KEY: stripe.secretKey,
    STRIPE_API_BASE: stripe.apiBase ?? '',
    STRIPE_WEBHOOK_SECRETS: SECRETS.stripeWebhook,
    CALLRAIL_SIGNING_KEYS: SECRETS.callrail,
    CALL_WEBHOOK_SECRETS: `demo=${SECRETS.standard}`,
    BODY_KEYS: SECRETS.body,
    OPS_PASSWORDS: 'chaos-ops-not-a-secret',
    ...(queue.kind === 'redis' ? { REDIS_URL: queue.url } : { QUEUE_DATABASE_URL: queue.url }),
  };
}

async function control(url: string, method: string, body: object | undefined): Promise<unknown> {
  const answer = await fetch(url, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

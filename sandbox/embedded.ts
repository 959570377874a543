import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Config } from '../src/config.ts';
import { readSecrets } from '../src/config-files.ts';
import { migrate } from '../src/integrations/supabase/migrate.ts';
import type { Platform } from '../src/services.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './database/embedded.ts';
import { startLite } from './database/lite.ts';
import { createStripeSimulator, type StripeSimulator } from './stripe/simulator.ts';

type Secrets = z.infer<typeof secretsFile>;

/** What stands in for what is not configured, all of it under one data directory. */
export interface Embedded {
  readonly platform: Platform;
  /** With the secrets that were missing, made once and kept with the data. */
  readonly config: Config;
  readonly postgres: EmbeddedPostgres;
  readonly simulator: StripeSimulator;
  close(): Promise<void>;
}

interface EmbeddedOptions {
  readonly config: Config;
  readonly dataDir: string;
  /** Where the simulator's clock starts in a new directory; business time then follows it. */
  readonly startMs?: number;
}

const MIGRATIONS = join(import.meta.dirname, '..', 'supabase', 'migrations');

/** Where the process that runs the embedded parts says how to reach them. */
const RUNNING = 'running.json';

const runningFile = z.object({
  pid: z.int(),
  authenticatorUrl: z.string(),
  queue: z.object({ kind: z.enum(['redis', 'postgres']), url: z.string() }),
  jwtSecret: z.string(),
  stripeUrl: z.url(),
});

const secretsFile = z.object({
  stripeKey: z.string(),
  stripeWebhookSecret: z.string(),
  callRailKey: z.string(),
  callSecret: z.string(),
  bodyKey: z.base64(),
  opsPassword: z.string(),
});

/**
 * Starts the embedded database, migrated, the Supabase API over it in this process, and the Stripe simulator, whose
 * clock is the business clock. Everything survives SIGKILL and goes on from the same directory.
 */
export async function startEmbedded({ config, dataDir, startMs }: EmbeddedOptions): Promise<Embedded> {
  const directory = resolve(dataDir);
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const secrets = await readOrMakeSecrets(join(directory, 'secrets.json'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(directory, 'database') });
  await migrate(postgres.adminUrl, MIGRATIONS);
  const running = join(directory, RUNNING);
  const lite = await startLite({
    authenticatorUrl: postgres.authenticatorUrl,
    jwtSecret: postgres.jwtSecret,
  });
  const [stripeWebhookSecret = secrets.stripeWebhookSecret] = readSecrets(config.stripeWebhookSecrets);
  const simulator = await createStripeSimulator({
    dataDir: join(directory, 'stripe'),
    port: 0,
    secretKey: secrets.stripeKey,
    webhook: { url: `http://${config.host}:${config.port}/webhooks/stripe`, secret: stripeWebhookSecret },
    ...(startMs === undefined ? {} : { startMs }),
  });
  await writeWhole(running, {
    pid: process.pid,
    authenticatorUrl: postgres.authenticatorUrl,
    queue: config.queue ?? { kind: 'postgres', url: postgres.queueUrl },
    jwtSecret: postgres.jwtSecret,
    stripeUrl: simulator.url,
  });
  return {
    postgres,
    simulator,
    platform: {
      database: config.supabase ?? { url: lite.url, secretKey: lite.serviceKey, fetch: lite.fetch },
      queue: config.queue ?? { kind: 'postgres', url: postgres.queueUrl },
      stripe: config.stripe ?? { secretKey: secrets.stripeKey, apiBase: simulator.url, livemode: false },
      callLogs: config.callLogs,
      lookups: config.lookups,
      hmacReceivers: config.hmacReceivers,
      campaigns: config.campaigns,
      events: config.events,
      clock: config.stripe === null ? simulator.clock : { nowMs: () => Date.now() },
    },
    config: withSecrets(config, secrets),
    async close() {
      await rm(running, { force: true });
      await simulator.close();
      await lite.close();
      await postgres.stop();
    },
  };
}

/** Written whole or not at all, so that a kill in between does not leave half a secret. */
async function readOrMakeSecrets(path: string): Promise<Secrets> {
  const held = await readFile(path, 'utf8').catch(() => null);
  if (held !== null) return secretsFile.parse(JSON.parse(held));
  const random = () => randomBytes(24).toString('base64url');
  const secrets = {
    stripeKey: `sk_test_${random()}`,
    stripeWebhookSecret: `whsec_${random()}`,
    callRailKey: random(),
    callSecret: `whsec_${randomBytes(32).toString('base64')}`,
    bodyKey: randomBytes(32).toString('base64'),
    opsPassword: random(),
  };
  await writeWhole(path, secrets);
  return secrets;
}

async function writeWhole(path: string, content: object): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, JSON.stringify(content), { mode: 0o600, flush: true });
  await rename(draft, path).finally(() => rm(draft, { force: true }));
}

function withSecrets(config: Config, secrets: Secrets): Config {
  const otherwise = <T>(given: readonly T[], made: T): readonly T[] => (given.length > 0 ? given : [made]);
  const hasSources = Object.keys(config.callWebhookSecrets).length > 0;
  return {
    ...config,
    stripeWebhookSecrets: otherwise(config.stripeWebhookSecrets, secrets.stripeWebhookSecret),
    callRailSigningKeys: otherwise(config.callRailSigningKeys, secrets.callRailKey),
    callWebhookSecrets: hasSources ? config.callWebhookSecrets : { demo: [secrets.callSecret] },
    bodyKeys: otherwise(config.bodyKeys, Buffer.from(secrets.bodyKey, 'base64')),
    opsPasswords: otherwise(config.opsPasswords, secrets.opsPassword),
  };
}

/**
 * Joins the embedded parts that another process runs on this directory, for the command line; null when none does. The
 * clock is the simulator's as it stands now.
 */
export async function attachEmbedded({
  config,
  dataDir,
}: EmbeddedOptions): Promise<Pick<Embedded, 'platform' | 'config' | 'close'> | null> {
  const text = await readFile(join(resolve(dataDir), RUNNING), 'utf8').catch(() => null);
  if (text === null) return null;
  const running = runningFile.parse(JSON.parse(text));
  if (!isAlive(running.pid)) return null;
  const secrets = await readOrMakeSecrets(join(resolve(dataDir), 'secrets.json'));
  const lite = await startLite({ authenticatorUrl: running.authenticatorUrl, jwtSecret: running.jwtSecret });
  const answer = await fetch(`${running.stripeUrl}/_sim/clock`);
  const offsetMs = z.object({ nowMs: z.int() }).parse(await answer.json()).nowMs - Date.now();
  return {
    platform: {
      database: config.supabase ?? { url: lite.url, secretKey: lite.serviceKey, fetch: lite.fetch },
      queue: running.queue,
      stripe: config.stripe ?? { secretKey: secrets.stripeKey, apiBase: running.stripeUrl, livemode: false },
      callLogs: config.callLogs,
      lookups: config.lookups,
      hmacReceivers: config.hmacReceivers,
      campaigns: config.campaigns,
      events: config.events,
      clock: { nowMs: () => Date.now() + (config.stripe === null ? offsetMs : 0) },
    },
    config: withSecrets(config, secrets),
    close: lite.close,
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

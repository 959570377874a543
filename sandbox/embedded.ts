import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Config } from '../src/config.ts';
import { migrate } from '../src/integrations/supabase/migrate.ts';
import type { Platform } from '../src/services.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './database/embedded.ts';
import { startLite } from './database/lite.ts';
import { createStripeSimulator, type StripeSimulator } from './stripe/simulator.ts';

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
  const lite = await startLite({
    authenticatorUrl: postgres.authenticatorUrl,
    jwtSecret: postgres.jwtSecret,
  });
  const [stripeWebhookSecret = secrets.stripeWebhookSecret] = config.stripeWebhookSecrets;
  const simulator = await createStripeSimulator({
    dataDir: join(directory, 'stripe'),
    port: 0,
    secretKey: secrets.stripeKey,
    webhook: { url: `http://${config.host}:${config.port}/webhooks/stripe`, secret: stripeWebhookSecret },
    ...(startMs === undefined ? {} : { startMs }),
  });
  const otherwise = <T>(given: readonly T[], made: T): readonly T[] => (given.length > 0 ? given : [made]);
  return {
    postgres,
    simulator,
    platform: {
      database: config.supabase ?? { url: lite.url, secretKey: lite.serviceKey, fetch: lite.fetch },
      queue: config.queue ?? { kind: 'postgres', url: postgres.queueUrl },
      stripe: config.stripe ?? { secretKey: secrets.stripeKey, apiBase: simulator.url, livemode: false },
      clock: config.stripe === null ? simulator.clock : { nowMs: () => Date.now() },
    },
    config: {
      ...config,
      stripeWebhookSecrets: [stripeWebhookSecret],
      callRailSigningKeys: otherwise(config.callRailSigningKeys, secrets.callRailKey),
      callWebhookSecrets:
        Object.keys(config.callWebhookSecrets).length > 0
          ? config.callWebhookSecrets
          : { demo: [secrets.callSecret] },
      bodyKeys: otherwise(config.bodyKeys, Buffer.from(secrets.bodyKey, 'base64')),
      opsPasswords: otherwise(config.opsPasswords, secrets.opsPassword),
    },
    async close() {
      await simulator.close();
      await lite.close();
      await postgres.stop();
    },
  };
}

/** Written whole or not at all, so that a kill in between does not leave half a secret. */
async function readOrMakeSecrets(path: string): Promise<z.infer<typeof secretsFile>> {
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
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, JSON.stringify(secrets), { mode: 0o600, flush: true });
  await rename(draft, path).finally(() => rm(draft, { force: true }));
  return secrets;
}

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { validateEnvironment } from '../../src/config.ts';
import { readSecrets } from '../../src/config-files.ts';
import { BOARD_PATH } from '../../src/http/ops.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeSetup, type StripeSetup } from '../../src/integrations/stripe/setup.ts';
import { jobs } from '../../src/jobs/registry.ts';
import { createLogger } from '../../src/log.ts';
import { applySchedules } from '../../src/queues/schedules.ts';
import { openRuntime, type Runtime } from '../../src/runtime.ts';
import { startServer } from '../../src/server.ts';
import { startWorker } from '../../src/worker.ts';
import { type Embedded, startEmbedded } from '../embedded.ts';
import type { TrafficSecrets } from '../traffic/sign.ts';
import { type ProviderLogs, startProviderLogs } from './call-logs.ts';
import type { DemoOptions } from './options.ts';
import { findFreePort } from './ports.ts';
import { startRedis } from './redis.ts';
import { type DemoState, openState } from './state.ts';

/** Everything that the demo runs, in this one process. */
export interface DemoStack {
  readonly runtime: Runtime;
  readonly embedded: Embedded;
  readonly state: DemoState;
  saveState(state: DemoState): Promise<void>;
  readonly dataDir: string;
  readonly url: string;
  readonly boardUrl: string;
  readonly boardPassword: string;
  readonly secrets: TrafficSecrets;
  readonly stripeSetup: StripeSetup;
  readonly logs: ProviderLogs;
  /** Stops everything, in reverse; a temporary directory is removed. Safe to call twice. */
  close(): Promise<void>;
}

const NOON_MS = 12 * 3_600_000;
/**
 * How long the jobs of a killed demo stay locked. A small one goes on after seconds; a large one can keep a machine so
 * busy that short locks would expire under living jobs.
 */
const lockMsFor = ({ calls }: DemoState) => (calls <= 1_000 ? 6_000 : 30_000);
/** The demo starts each close itself, in business time; the schedule's tick would come in real time. */
const SCHEDULED = jobs.filter(({ name }) => name !== 'operations.plan-runs');

type Closer = () => Promise<unknown>;

/** Starts database, Stripe simulator, queue, receivers and workers; closes what it started when a part fails. */
export async function startStack(options: DemoOptions): Promise<DemoStack> {
  const closers: Closer[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return await start(options, closers, close);
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

async function start(
  options: DemoOptions,
  closers: Closer[],
  close: () => Promise<void>,
): Promise<DemoStack> {
  const dataDir = await openDirectory(options, closers);
  const { file, state } = await openState(dataDir, options, Date.now());
  const redisUrl = options.redis ? await findRedis(dataDir, closers) : null;
  // Only what is given here: whatever else the environment holds, the demo touches no real account.
  const given = validateEnvironment({
    PORT: String(options.port === 0 ? await findFreePort() : options.port),
    LOG_LEVEL: 'error',
    QUEUE_LOCK_MS: String(lockMsFor(state)),
    ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
  });
  const startMs = Date.parse(state.firstDate) + NOON_MS;
  const embedded = await startEmbedded({ config: given, dataDir, startMs });
  closers.push(() => embedded.close());
  const { config } = embedded;
  const logs = await startProviderLogs();
  closers.push(() => logs.close());
  const platform = { ...embedded.platform, callLogs: logs.settings };
  const log = createLogger({ level: config.logLevel, destination: pino.destination(2) });
  const runtime = await openRuntime(config, platform, log);
  closers.push(() => runtime.close());
  const worker = await startWorker(runtime);
  closers.push(() => worker.close(5_000));
  await applySchedules({ backend: platform.queue, jobs: SCHEDULED });
  const server = await startServer(runtime);
  closers.push(() => server.close(2_000));
  return {
    ...{ runtime, embedded, logs, state, dataDir, close },
    saveState: (next) => file.write(next),
    url: server.url,
    boardUrl: `${server.url}${BOARD_PATH}`,
    boardPassword: readSecrets(config.opsPasswords)[0] ?? '',
    secrets: {
      callrailKey: readSecrets(config.callRailSigningKeys)[0] ?? '',
      standardSecret: config.callWebhookSecrets.demo?.[0] ?? '',
    },
    stripeSetup: createStripeSetup(
      createStripeClient({
        secretKey: platform.stripe.secretKey,
        apiBase: new URL(embedded.simulator.url),
        timeoutMs: 20_000,
        livemode: false,
        onFailure: () => undefined,
      }),
    ),
  };
}

async function openDirectory({ dataDir }: DemoOptions, closers: Closer[]): Promise<string> {
  if (dataDir !== null) return resolve(dataDir);
  const made = await mkdtemp(join(tmpdir(), 'callclear-demo-'));
  closers.push(() => rm(made, { recursive: true, force: true }));
  // The database runs as a user of its own, who must be able to reach its folder in here.
  await chmod(made, 0o711);
  return made;
}

/** The user's own Redis when REDIS_URL names one, else one that lives in the data directory. */
async function findRedis(dataDir: string, closers: Closer[]): Promise<string> {
  const { queue } = validateEnvironment();
  if (queue?.kind === 'redis') return queue.url;
  const redis = await startRedis(join(dataDir, 'redis'));
  closers.push(() => redis.stop());
  return redis.url;
}

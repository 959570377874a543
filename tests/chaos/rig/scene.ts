import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { signalProcess, waitUntilGone } from '../../../sandbox/database/processes.ts';
import { createLogger } from '../../../src/log.ts';
import { createIntegrations } from '../../../src/services.ts';
import { type App, type Backend, type ChaosHouse, openChaosHouse, SECRETS } from '../house.ts';
import type { Managed } from '../processes.ts';
import { type FaultProxy, startProxy } from '../proxy.ts';
import { mountDisk, type SmallDisk } from './disk.ts';
import { type Keeper, type Kept, keepUp } from './keeper.ts';
import type { Door, Part } from './schedule.ts';

export type Integrations = ReturnType<typeof createIntegrations>;

/** A house whose processes talk through proxies and are kept up, and the judge's own ways around the proxies. */
export interface Scene {
  readonly backend: Backend;
  readonly house: ChaosHouse;
  readonly doors: Readonly<Record<Door, FaultProxy>>;
  readonly disks: ReadonlyMap<string, SmallDisk>;
  readonly keepers: ReadonlyMap<Part, Keeper>;
  /** Clients of database and Stripe that no fault of a proxy reaches; the killed server behind them still does. */
  readonly direct: Integrations;
  sql<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** What each process ever printed, also those that were killed since. */
  readonly printed: readonly Managed[];
  close(options: { keep: boolean }): Promise<void>;
}

interface SceneOptions {
  readonly backend: Backend;
  readonly startMs: number;
  readonly lockMs: number;
  readonly canFillDisk: boolean;
}

const CLOSE_MS = 5_000;
const START_DEADLINE_MS = 300_000;

export async function openScene({ backend, startMs, lockMs, canFillDisk }: SceneOptions): Promise<Scene> {
  const disks = new Map<string, SmallDisk>();
  let database: FaultProxy | null = null;
  const house = await openChaosHouse({
    ...{ backend, startMs, lockMs },
    async prepare(dataDir) {
      if (!canFillDisk) return;
      disks.set('postgres', await mountDisk(join(dataDir, 'database')));
      if (backend === 'redis') disks.set('redis', await mountDisk(join(dataDir, 'redis')));
    },
    async databaseDoor(port) {
      database = await startProxy(port);
      return database.port;
    },
  });
  const doors = await openDoors(house, database);
  const pool = openPool(house.postgres.adminUrl);
  const printed: Managed[] = [];
  const keepers = startKeepers(house, doors, printed);
  return {
    ...{ backend, house, doors, disks, keepers, printed },
    direct: createIntegrations(house.platform, {
      bodyKeys: [],
      log: createLogger({ level: 'silent' }),
      openTurns: null,
      onFailure: () => undefined,
    }),
    sql: async (text, values = []) => (await pool.query(text, [...values])).rows,
    async close({ keep }) {
      for (const keeper of keepers.values()) keeper.stop();
      await Promise.race([pool.end(), sleep(CLOSE_MS)]);
      for (const disk of disks.values()) await disk.empty().catch(() => undefined);
      // Its directory cannot be removed before the small disks in it are gone.
      await house.close({ keep: true });
      for (const door of Object.values(doors)) await door.close();
      for (const disk of disks.values()) await disk.remove();
      if (!keep) await rm(house.dataDir, { recursive: true, force: true });
    },
  };
}

async function openDoors(
  { platform: { queue, database, stripe } }: ChaosHouse,
  toDatabase: FaultProxy | null,
): Promise<Record<Door, FaultProxy>> {
  const portOf = (url: string) => Number(new URL(url).port);
  if (toDatabase === null) throw new Error('The house did not ask for a door to its database.');
  return {
    queue: await startProxy(portOf(queue.url)),
    api: await startProxy(portOf(database.url)),
    stripe: await startProxy(portOf(stripe.apiBase ?? '')),
    database: toDatabase,
  };
}

function openPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: 3,
    connectionTimeoutMillis: 3_000,
    query_timeout: 20_000,
    types: { getTypeParser: (oid: number) => (oid === pg.types.builtins.INT8 ? Number : String) },
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

function startKeepers(
  house: ChaosHouse,
  doors: Readonly<Record<Door, FaultProxy>>,
  printed: Managed[],
): Map<Part, Keeper> {
  const through = (url: string, door: Door) =>
    Object.assign(new URL(url), { port: `${doors[door].port}` }).href;
  const { queue, database, stripe } = house.platform;
  const env = {
    // So that a history can tell also what went well.
    LOG_LEVEL: 'debug',
    START_DEADLINE_MS: `${START_DEADLINE_MS}`,
    SUPABASE_URL: through(database.url, 'api'),
    STRIPE_API_BASE: through(stripe.apiBase ?? '', 'stripe'),
    [queue.kind === 'redis' ? 'REDIS_URL' : 'QUEUE_DATABASE_URL']: through(queue.url, 'queue'),
  };
  const note = (managed: Managed | null): Managed => {
    if (managed === null) throw new Error('There is no such process in this house.');
    printed.push(managed);
    return managed;
  };
  const app = (name: Part, which: App) => keepUp(name, async () => note(house.start(which, { env, name })));
  /** The first one runs already; later ones are made by `restart`. */
  const store = (name: Part, now: () => Managed | null, restart: () => Promise<void>) => {
    let isFirst = true;
    return keepUp(name, async () => {
      if (!isFirst) await restart();
      isFirst = false;
      return note(now());
    });
  };
  const keepers = [
    store('supabase', () => house.supabase, house.restartSupabase),
    store('stripe', () => house.stripe, house.restartStripe),
    keepPostgres(house),
    ...(house.backend === 'redis' ? [store('redis', () => house.redis, house.restartRedis)] : []),
    app('server', 'server'),
    app('worker-1', 'worker'),
    app('worker-2', 'worker'),
    app('scheduler', 'scheduler'),
  ];
  return new Map(keepers.map((keeper) => [keeper.name, keeper]));
}

const FOREVER_MS = 2 ** 31 - 1;

function keepPostgres(house: ChaosHouse): Keeper {
  let isFirst = true;
  return keepUp('postgres', async (): Promise<Kept> => {
    if (!isFirst) await house.restartPostgres();
    isFirst = false;
    const pidFile = join(house.dataDir, 'database', 'cluster', 'postmaster.pid');
    const pid = Number((await readFile(pidFile, 'utf8')).split('\n')[0]);
    return {
      pid,
      ended: waitUntilGone(pid, FOREVER_MS),
      signal: (signal) => signalProcess(pid, signal),
    };
  });
}

/** What the traffic is signed with. */
export const TRAFFIC_SECRETS = { callrailKey: SECRETS.callrail, standardSecret: SECRETS.standard };

import {
  type BackendFactory,
  createPostgresBackend,
  createRedisBackend,
  type Processor,
  Queue,
  type QueueOptions,
  type RedisQueueBackend,
  runMigrations,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import type pg from 'pg';
import type { OpenTurns } from '../integrations/http.ts';
import type { QueueName } from '../jobs/define-job.ts';
import { settledWithin } from './deadline.ts';
import { openQueuePool } from './postgres-pool.ts';
import { createTurns, linesOnPostgres, linesOnRedis, makeTurnsTable, type OpenLine } from './turns.ts';

/** Where the jobs are kept. On PostgreSQL in schema `bullmq`, which is made and migrated when missing. */
export type QueueBackend =
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'postgres'; readonly url: string };

const EVERY_QUEUE: Record<QueueName, true> = {
  calls: true,
  fraud: true,
  billing: true,
  payouts: true,
  reconciliation: true,
  analytics: true,
  operations: true,
  stripe: true,
  campaigns: true,
};
/** All queues with work, also those that no job of this build uses. */
export const QUEUE_NAMES: readonly string[] = Object.keys(EVERY_QUEUE);

/** The queue that nobody works on: letters wait there for a person. */
export const DEAD_LETTERS = 'dead-letters';

const SCHEMA = 'bullmq';
/** A worker on PostgreSQL keeps one connection to itself for LISTEN; the rest is shared by all. */
const SHARED_CONNECTIONS = 8;
/**
 * How long a statement may wait for a free connection. Adding fails soon, so that a webhook is answered 503; what a worker
 * has done is worth waiting for: not recorded it is run again, on a store that is slow already.
 */
const PATIENCE_MS = { adding: 2_000, working: 30_000 };

export type WorkerSettings = Omit<WorkerOptions, 'connection' | 'prefix' | 'name'>;

/** The clients of one purpose (adding, or working) in one process: one Redis client or one pool for all queues. */
export interface QueueConnection {
  /** The queue of this name. Rejects while the store is away and was never reached. */
  queue(name: string): Promise<Queue>;
  /** A worker of this name that runs. On PostgreSQL it has reached the store, and rejects while that is away. */
  worker(name: string, processor: Processor, settings: WorkerSettings): Promise<Worker>;
  /** The line of a provider, which all processes on this store share. */
  turns: OpenTurns;
  /** Closes everything that was handed out, each with the deadline; never hangs and never throws. */
  close(deadlineMs: number): Promise<void>;
}

interface Store {
  readonly options: Pick<QueueOptions, 'connection'>;
  /** BullMQ types its two backends apart although all that is used here is common to both. */
  readonly factory: BackendFactory<RedisQueueBackend>;
  ready(): Promise<void>;
  /** Waits for what a worker must not run without. */
  reached(worker: Worker): Promise<unknown>;
  readonly openLine: OpenLine;
  close(deadlineMs: number): Promise<void>;
}

/**
 * Opens the clients of one purpose.
 *
 * Producers fail at once when Redis is away, so that a webhook is answered 503 instead of waiting in memory; workers
 * wait for it to come back. `onError` hears what the clients complain about between calls, and what fails of the lines.
 */
export function connectQueues(
  backend: QueueBackend,
  purpose: { readonly role: 'producer' } | { readonly role: 'worker'; readonly workers: number },
  onError: (queue: string, error: unknown) => void,
): QueueConnection {
  const store =
    backend.kind === 'redis'
      ? openRedis(backend.url, purpose.role, onError)
      : openPostgres(backend.url, purpose.role === 'worker' ? purpose.workers : 0, onError);
  const queues = new Map<string, Queue>();
  const workers = new Set<Worker>();

  return {
    async queue(name) {
      await store.ready();
      const known = queues.get(name);
      if (known !== undefined) return known;
      const queue = new Queue(name, store.options, store.factory);
      queue.on('error', (error) => onError(name, error));
      queues.set(name, queue);
      // A client whose first handshake failed stays broken for ever in BullMQ, so the next caller makes a new one.
      queue.waitUntilReady().catch(() => queues.delete(name));
      return queue;
    },
    async worker(name, processor, settings) {
      await store.ready();
      const options = { ...settings, ...store.options, autorun: false };
      const worker = new Worker(name, processor, options, store.factory);
      worker.on('error', (error) => onError(name, error));
      workers.add(worker);
      worker.once('closed', () => workers.delete(worker));
      await store.reached(worker);
      worker.run().catch((error: unknown) => onError(name, error));
      return worker;
    },
    turns: (provider, perS) =>
      createTurns(store.openLine, provider, perS, (error) => onError('turns', error)),
    async close(deadlineMs) {
      const open = [...workers, ...queues.values()];
      await Promise.all(open.map((client) => settledWithin(client.close(), deadlineMs)));
      await store.close(deadlineMs);
    },
  };
}

function openRedis(
  url: string,
  role: 'producer' | 'worker',
  onError: (queue: string, error: unknown) => void,
): Store {
  const client = new Redis(url, {
    enableOfflineQueue: role === 'worker',
    maxRetriesPerRequest: role === 'worker' ? null : 1,
    connectTimeout: 2_000,
    retryStrategy: (times) => Math.min(times * 200, 2_000),
  });
  client.on('error', (error) => onError('redis', error));
  // BullMQ copies the client for each worker's blocking read and cannot close a copy while Redis is away; we can.
  const copies = new Set<Redis>();
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (override) => {
    const copy = duplicate(override);
    copies.add(copy);
    return copy;
  };
  return {
    options: { connection: client },
    factory: createRedisBackend,
    ready: async () => {},
    // ioredis waits for a store that is away, so a worker runs at once and the start of a process is not held up.
    reached: async () => {},
    openLine: linesOnRedis(client),
    async close(deadlineMs) {
      await settledWithin(client.quit(), deadlineMs);
      for (const one of [client, ...copies]) endForGood(one);
    },
  };
}

/** A worker that was closed by force may still try to connect its blocking client again when it wakes up. */
function endForGood(client: Redis): void {
  client.on('error', () => {});
  client.options.retryStrategy = () => null;
  client.connect = () => Promise.reject(new Error('Connection is closed.'));
  client.disconnect();
}

function openPostgres(url: string, workers: number, onError: (queue: string, error: unknown) => void): Store {
  const patienceMs = workers === 0 ? PATIENCE_MS.adding : PATIENCE_MS.working;
  const pool = openQueuePool(url, SCHEMA, { max: workers + SHARED_CONNECTIONS, patienceMs });
  // BullMQ's queues, workers and streams of events each listen to it, and Node warns from the eleventh listener on.
  pool.setMaxListeners(4 * QUEUE_NAMES.length);
  pool.on('error', (error) => onError('postgres', error));
  const clients = new Set<pg.PoolClient>();
  pool.on('connect', (client) => {
    clients.add(client);
    // The pool listens to idle clients only: one that breaks between two statements of a transaction would end us.
    client.on('error', () => {});
  });
  pool.on('remove', (client) => clients.delete(client));
  let migrated: Promise<void> | null = null;

  async function migrate(): Promise<void> {
    const client = await pool.connect();
    try {
      await runMigrations(client, SCHEMA);
      await makeTurnsTable(client, SCHEMA);
    } finally {
      client.release();
    }
  }
  function ready(): Promise<void> {
    // Only a success is remembered: a database that was away at the start may come.
    migrated ??= migrate().catch((error: unknown) => {
      migrated = null;
      throw error;
    });
    return migrated;
  }
  return {
    options: { connection: pool },
    factory: createPostgresBackend as unknown as Store['factory'],
    ready,
    openLine: linesOnPostgres(pool, SCHEMA, ready),
    // A worker that runs after its first handshake failed asks again and again without ever giving the loop a turn: every
    // call is answered at once by the rejected promise that BullMQ keeps.
    reached: (worker) => worker.waitUntilReady(),
    async close(deadlineMs) {
      if (await settledWithin(pool.end(), deadlineMs)) return;
      for (const client of clients) (client as unknown as pg.Client).end().catch(() => {});
    },
  };
}

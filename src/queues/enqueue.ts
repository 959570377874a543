import type { Queue } from 'bullmq';
import { OutageError, PermanentError } from '../errors.ts';
import type { WorkItem } from '../integrations/supabase/work.ts';
import type { Job, TypedJob } from '../jobs/define-job.ts';
import { type Coalescer, createCoalescer } from './coalesce.ts';
import { connectQueues, type QueueBackend, type QueueConnection } from './connection.ts';
import { withDeadline } from './deadline.ts';
import { jobOptions, writeEnvelope } from './envelope.ts';
import type { OnQueueEvent } from './events.ts';
import { payloadFailure } from './failure.ts';
import { jobIdOf } from './job-id.ts';

const ADD_DEADLINE_MS = 2_000;
const MAX_BATCH = 500;
const MAX_WAITING = 5_000;

interface EnqueuerOptions {
  readonly backend: QueueBackend;
  /** Of a producer, which is closed with it. Default: one of its own. */
  readonly connection?: QueueConnection;
  readonly jobs: readonly Job[];
  /** 32 bytes each, newest first. */
  readonly sealKeys: readonly Uint8Array[];
  readonly onEvent: OnQueueEvent;
}

interface AddOptions {
  readonly dueAtMs: number;
  readonly trace: string;
  /** Default 1. */
  readonly generation?: number;
  readonly delayMs?: number;
}

export interface Enqueuer {
  /**
   * Resolves when the queue has stored the job, or remembers it.
   *
   * @throws OutageError QUEUE_UNAVAILABLE when it does not answer within 2 s or too many adds wait already;
   * PermanentError PAYLOAD_INVALID, PAYLOAD_UNSEALABLE, JOB_UNKNOWN when it never could be stored.
   */
  add<Payload>(job: TypedJob<Payload>, payload: Payload, options: AddOptions): Promise<void>;
  /** The n-th result belongs to the n-th item: null when it is stored, its own error when not. */
  addMany(items: readonly WorkItem[]): Promise<readonly (Error | null)[]>;
  close(deadlineMs: number): Promise<void>;
}

type Entry = Parameters<Queue['addBulk']>[0][number];

/** Its client of the store, or its few connections. */
export const connectProducer = (backend: QueueBackend, onEvent: OnQueueEvent): QueueConnection =>
  connectQueues(backend, { role: 'producer' }, (queue, error) =>
    onEvent({ kind: 'queue-error', queue, error }),
  );

/** Adds jobs to their queues; adds that come at the same time share a round trip. */
export function createEnqueuer(options: EnqueuerOptions): Enqueuer {
  const { backend, jobs, sealKeys, onEvent } = options;
  const { connection = connectProducer(backend, onEvent) } = options;
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const lanes = new Map<string, Coalescer<Entry>>();
  const away = (message: string, cause?: unknown) => new OutageError('QUEUE_UNAVAILABLE', message, { cause });

  function openLane(name: string): Coalescer<Entry> {
    return createCoalescer<Entry>({
      maxBatch: MAX_BATCH,
      maxWaiting: MAX_WAITING,
      full: () => away(`More than ${MAX_WAITING} adds wait for queue ${name}.`),
      async send(entries) {
        const added = connection.queue(name).then((queue) => queue.addBulk([...entries]));
        try {
          await withDeadline(added, ADD_DEADLINE_MS, () => away(`Queue ${name} does not answer.`));
        } catch (cause) {
          if (cause instanceof OutageError) throw cause;
          if (isDataFault(cause))
            throw new PermanentError('PAYLOAD_INVALID', `Queue ${name} cannot store a payload.`);
          // What can be wrong with a job was checked before, so any other refusal is the store's own.
          throw away(`Queue ${name} refuses.`, cause);
        }
      },
    });
  }

  async function addItem(item: WorkItem, delayMs: number): Promise<void> {
    const job = byName.get(item.job);
    if (job === undefined)
      throw new PermanentError('JOB_UNKNOWN', `No job is called ${item.job.slice(0, 80)}.`);
    const data = writeChecked(job, item, sealKeys);
    const lane = lanes.get(job.queue) ?? openLane(job.queue);
    lanes.set(job.queue, lane);
    const opts = { ...jobOptions(job), jobId: jobIdOf(item), ...(delayMs > 0 ? { delay: delayMs } : {}) };
    await lane.push({ name: job.name, data, opts });
  }

  return {
    async add(job, payload, { dueAtMs, trace, generation = 1, delayMs = 0 }) {
      const key = keyOf(job, payload);
      await addItem({ job: job.name, key, generation, payload, dueAtMs, trace }, delayMs);
    },
    async addMany(items) {
      const results = await Promise.allSettled(items.map((item) => addItem(item, 0)));
      return results.map((result) => (result.status === 'fulfilled' ? null : asError(result.reason)));
    },
    close: (deadlineMs) => connection.close(deadlineMs),
  };
}

function keyOf(job: Job, payload: unknown): string {
  try {
    return job.keyOf(payload);
  } catch (error) {
    throw payloadFailure(job.name, error);
  }
}

function writeChecked(job: Job, item: WorkItem, sealKeys: readonly Uint8Array[]): Record<string, unknown> {
  try {
    return writeEnvelope(job, item, sealKeys);
  } catch (error) {
    throw payloadFailure(job.name, error);
  }
}

/** PostgreSQL's class 22: the data of one job is at fault, and its whole batch was refused. */
function isDataFault(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('22');
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('not an error');
}

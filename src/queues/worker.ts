import type { Processor, Job as QueueJob, Worker } from 'bullmq';
import type { Job } from '../jobs/define-job.ts';
import type { JobServices } from '../services.ts';
import { backoffDelayMs } from './backoff.ts';
import { createCoalescer } from './coalesce.ts';
import { connectQueues, type QueueBackend, type QueueConnection, type WorkerSettings } from './connection.ts';
import type { DeadLetters } from './dead-letter.ts';
import { settledWithin } from './deadline.ts';
import { type Envelope, readEnvelope, workOf } from './envelope.ts';
import type { OnQueueEvent } from './events.ts';
import { deathOf } from './failure.ts';
import { type Decision, isSuspect, MAX_STALLS, STALLED_TOO_OFTEN, waitForTurn } from './run-job.ts';
import { createRunner } from './runner.ts';
import { type FinishedWork, settle } from './settle.ts';

/** How long the machinery itself waits; tests shorten it. */
export interface WorkerTimes {
  readonly lockMs: number;
  readonly stalledCheckMs: number;
  /** How long a job of another build is put back. */
  readonly putBackMs: number;
  /** How long a job may be put back in all. */
  readonly waitCapMs: number;
}

export const WORKER_TIMES: WorkerTimes = {
  lockMs: 30_000,
  stalledCheckMs: 30_000,
  putBackMs: 30_000,
  waitCapMs: 24 * 3_600_000,
};

interface WorkersOptions {
  readonly backend: QueueBackend;
  readonly jobs: readonly Job[];
  readonly services: JobServices;
  readonly letters: DeadLetters;
  /** 32 bytes each, newest first. */
  readonly sealKeys: readonly Uint8Array[];
  readonly onEvent: OnQueueEvent;
  /** Called after each job that ended, because what it finished may have made other work due. */
  readonly onFinished?: () => void;
  /** Multiplies each job's own concurrency. Default 1. */
  readonly concurrencyScale?: number;
  readonly times?: Partial<WorkerTimes>;
}

/** What the watchdog sees of one queue's worker. */
export interface WorkerProbe {
  readonly queue: string;
  /** Jobs begun since the start; stands still when the worker takes nothing. */
  startedCount(): number;
  activeCount(): number;
  /** Jobs that this worker could take now; 0 while the queue is paused. */
  countWaiting(): Promise<number>;
}

export interface Workers {
  readonly probes: readonly WorkerProbe[];
  /** Throws the queue's worker away with its connection and makes a new one. */
  rebuild(queue: string): Promise<void>;
  /**
   * Takes no new job, waits for the running ones until the deadline, then aborts their signals and puts them back
   * unused. Returns soon after the deadline whatever the queue store does; true when all came to an end by themselves.
   */
  close(deadlineMs: number): Promise<boolean>;
}

interface Slot {
  readonly worker: Worker;
  readonly connection: QueueConnection;
}

interface Tally {
  started: number;
  active: number;
  /** Of the active ones, those that may be what kills the process. */
  suspects: number;
}

const CLIENT_CLOSE_MS = 1_000;

/** One worker for each queue that has jobs. Rejects when the store's schema cannot be made. */
export async function createWorkers(options: WorkersOptions): Promise<Workers> {
  const { backend, jobs, onEvent } = options;
  const names = [...new Set(jobs.map(({ queue }) => queue))];
  const stop = new AbortController();
  const burials = createBurials(options);
  const tallies = new Map<string, Tally>(names.map((name) => [name, { started: 0, active: 0, suspects: 0 }]));
  const process = createProcessor(options, stop.signal, tallies);
  const tellError = (queue: string, error: unknown) => onEvent({ kind: 'queue-error', queue, error });
  const connect = (workers: number) => connectQueues(backend, { role: 'worker', workers }, tellError);
  const inspection = connectQueues(backend, { role: 'producer' }, tellError);
  const shared = connect(names.length);
  const slots = new Map<string, Slot>();

  async function openSlot(queue: string, connection: QueueConnection): Promise<void> {
    const worker = await connection.worker(queue, process, workerSettings(queue, options));
    worker.on('failed', burials.add);
    slots.set(queue, { worker, connection });
  }
  try {
    for (const name of names) await openSlot(name, shared);
  } catch (error) {
    await Promise.all([shared.close(CLIENT_CLOSE_MS), inspection.close(CLIENT_CLOSE_MS)]);
    throw error;
  }

  return {
    probes: names.map((queue) => ({
      queue,
      startedCount: () => tallies.get(queue)?.started ?? 0,
      activeCount: () => tallies.get(queue)?.active ?? 0,
      async countWaiting() {
        const store = await inspection.queue(queue);
        return (await store.isPaused()) ? 0 : store.getWaitingCount();
      },
    })),
    async rebuild(queue) {
      const old = slots.get(queue);
      if (old === undefined || stop.signal.aborted) return;
      // A new connection of its own: the old one may be what is stuck.
      await openSlot(queue, connect(1));
      void settledWithin(old.worker.close(true), CLIENT_CLOSE_MS).then(() => {
        if (old.connection !== shared) void old.connection.close(CLIENT_CLOSE_MS);
      });
    },
    async close(deadlineMs) {
      const open = [...slots.values()];
      // Pausing waits for the running jobs like closing does, but leaves closing by force for when they do not end.
      const idle = Promise.all(open.map(({ worker }) => worker.pause()));
      const inTime = await settledWithin(idle, deadlineMs);
      stop.abort(new Error('the worker stops'));
      const isIdle = inTime || (await settledWithin(idle, CLIENT_CLOSE_MS));
      await settledWithin(burials.settled(), CLIENT_CLOSE_MS);
      await settledWithin(Promise.all(open.map(({ worker }) => worker.close(!isIdle))), CLIENT_CLOSE_MS);
      const clients = new Set([inspection, shared, ...open.map(({ connection }) => connection)]);
      await Promise.all([...clients].map((connection) => connection.close(CLIENT_CLOSE_MS)));
      return inTime;
    },
  };
}

function workerSettings(
  queue: string,
  { jobs, concurrencyScale = 1, times }: WorkersOptions,
): WorkerSettings {
  const { lockMs, stalledCheckMs, putBackMs } = { ...WORKER_TIMES, ...times };
  const width = jobs
    .filter((job) => job.queue === queue)
    .reduce((sum, job) => sum + job.concurrency * (job.batch?.size ?? 1), 0);
  const backoffs = new Map(jobs.map((job) => [job.name, job.backoff]));
  return {
    concurrency: Math.max(1, Math.round(width * concurrencyScale)),
    lockDuration: lockMs,
    stalledInterval: stalledCheckMs,
    maxStalledCount: MAX_STALLS,
    settings: {
      backoffStrategy(attemptsMade, _type, _error, queued) {
        const backoff = backoffs.get(queued?.name ?? '');
        return backoff === undefined ? putBackMs : backoffDelayMs(backoff, attemptsMade, Math.random());
      },
    },
  };
}

/** What BullMQ calls for each job: read, run to a decision, settle. */
function createProcessor(options: WorkersOptions, stop: AbortSignal, tallies: Map<string, Tally>): Processor {
  const { jobs, services, sealKeys, onEvent, onFinished } = options;
  const { lockMs, putBackMs, waitCapMs } = { ...WORKER_TIMES, ...options.times };
  const run = createRunner({ jobs, services, sealKeys, stop, putBackMs });
  const finisher = createCoalescer<FinishedWork>({
    maxBatch: 500,
    maxWaiting: Number.POSITIVE_INFINITY,
    send: (finished) => services.work.finish(finished),
    full: () => new Error('unreachable'),
  });
  return async (queued, token) => {
    const startedMs = Date.now();
    const tally = tallies.get(queued.queueName) ?? { started: 0, active: 0, suspects: 0 };
    const hasTurn = !isSuspect(queued) || tally.suspects === 0;
    const suspects = hasTurn && isSuspect(queued) ? 1 : 0;
    tally.started += 1;
    tally.active += 1;
    tally.suspects += suspects;
    const decide = async (envelope: Envelope): Promise<Decision> => {
      if (queued.stalledCounter > MAX_STALLS) return STALLED_TOO_OFTEN;
      return hasTurn ? run(queued, envelope) : waitForTurn(lockMs);
    };
    try {
      const envelope = readEnvelope(queued);
      const decision = await decide(envelope);
      return await settle(decision, { queued, token, envelope, startedMs, finisher, onEvent, waitCapMs });
    } finally {
      tally.active -= 1;
      tally.suspects -= suspects;
      onFinished?.();
    }
  };
}

interface Burials {
  readonly add: (queued: QueueJob | undefined, error: Error) => void;
  settled(): Promise<unknown>;
}

/**
 * Buries what failed for good. `finishedOn` is set exactly when no try is left, also for a job that stalled too often
 * and never ran in this process.
 */
function createBurials({ letters, onEvent }: WorkersOptions): Burials {
  const running = new Set<Promise<void>>();
  async function bury(queued: QueueJob, error: Error): Promise<void> {
    const envelope = readEnvelope(queued);
    const endMs = queued.finishedOn ?? 0;
    const durationMs = endMs - (queued.processedOn ?? endMs);
    const facts = {
      ...deathOf(queued, envelope.version),
      durationMs,
      error: error.cause,
    };
    try {
      await letters.bury({ ...workOf(envelope), ...facts });
    } catch (cause) {
      onEvent({ kind: 'bury-failed', queue: queued.queueName, error: cause });
    }
  }
  return {
    add(queued, error) {
      if (typeof queued?.finishedOn !== 'number') return;
      const burial = bury(queued, error).finally(() => running.delete(burial));
      running.add(burial);
    },
    settled: () => Promise.all(running),
  };
}

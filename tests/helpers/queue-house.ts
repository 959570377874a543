import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import {
  defineJob,
  type Job,
  type Outcome,
  type RunContext,
  type TypedJob,
} from '../../src/jobs/define-job.ts';
import type { QueueBackend } from '../../src/queues/connection.ts';
import { createDeadLetters, type DeadLetters } from '../../src/queues/dead-letter.ts';
import { createDispatcher, type Dispatcher } from '../../src/queues/dispatch.ts';
import { createEnqueuer, type Enqueuer } from '../../src/queues/enqueue.ts';
import type { JobEvent, QueueEvent } from '../../src/queues/events.ts';
import { createSweeper, type Sweeper } from '../../src/queues/sweep.ts';
import { createWorkers, type Workers, type WorkerTimes } from '../../src/queues/worker.ts';
import type { JobServices } from '../../src/services.ts';
import { createMemoryWork, type MemoryWork } from './memory-work.ts';

export interface TestPayload {
  readonly id: string;
  readonly body?: string | undefined;
}
type Handle = (payload: TestPayload, context: RunContext) => Promise<Outcome>;
type Settings = Partial<{
  name: string;
  version: number;
  attempts: number;
  timeoutMs: number;
  concurrency: number;
  sealed: readonly ('id' | 'body')[];
  schedule: { cron: string; timezone: string };
}>;

const base = {
  queue: 'calls',
  payload: z.strictObject({ id: z.string(), body: z.string().optional() }),
  key: ({ id }: TestPayload) => id,
  backoff: { baseMs: 5, maxMs: 20, jitter: 0 },
  uses: [],
} as const;
const defaults = { name: 'calls.test', version: 1, attempts: 3, timeoutMs: 5_000 };

/** A job of queue `calls` that does what `handle` says. */
export function testJob(handle: Handle, settings: Settings = {}): TypedJob<TestPayload> {
  return defineJob<string, TestPayload>({ ...base, ...defaults, ...settings, handle });
}

export function testBatchJob(
  size: number,
  handleBatch: (payloads: readonly TestPayload[]) => Promise<readonly (Outcome | Error)[]>,
  settings: Settings = {},
): TypedJob<TestPayload> {
  return defineJob<string, TestPayload>({
    ...base,
    ...defaults,
    ...settings,
    // Long, so that a batch is full however slowly a loaded store hands its jobs out.
    batch: { size, waitMs: 5_000 },
    handleBatch,
  });
}

/** Everything around one queue store, as a process has it, over rows in memory. */
export interface House {
  readonly work: MemoryWork;
  readonly enqueuer: Enqueuer;
  readonly letters: DeadLetters;
  readonly sweeper: Sweeper;
  readonly dispatcher: Dispatcher;
  readonly events: QueueEvent[];
  /** Events of one kind about jobs. */
  told(kind: JobEvent['kind']): JobEvent[];
  /** Moves the clock of the rows; the queue's own goes on. */
  advance(ms: number): void;
  /** Puts rows that are due now. */
  put(...ids: string[]): void;
  item(id: string): WorkItem;
  startWorkers(jobs?: readonly Job[], times?: Partial<WorkerTimes>): Promise<Workers>;
  close(): Promise<void>;
}

export const SEAL_KEY = randomBytes(32);

export function openHouse(backend: QueueBackend, jobs: readonly Job[], work = createMemoryWork()): House {
  const events: QueueEvent[] = [];
  const onEvent = (event: QueueEvent) => void events.push(event);
  let aheadMs = 0;
  const clock = { nowMs: () => Date.now() + aheadMs };
  const sealKeys = [SEAL_KEY];
  const enqueuer = createEnqueuer({ backend, jobs, sealKeys, onEvent });
  const letters = createDeadLetters({ backend, jobs, work, enqueuer, sealKeys, clock, onEvent });
  const sweeper = createSweeper({ backend, jobs, work, enqueuer, letters, clock, onEvent, letterAgeMs: 0 });
  const dispatcher = createDispatcher({ work, enqueuer, letters, clock, onEvent });
  const services = { work, clock } as unknown as JobServices;
  const opened: Workers[] = [];
  const job = jobs[0]?.name ?? 'calls.test';
  const item = (id: string): WorkItem => {
    return { job, key: id, generation: 1, payload: { id }, dueAtMs: clock.nowMs(), trace: `trace-${id}` };
  };

  return {
    work,
    enqueuer,
    letters,
    sweeper,
    dispatcher,
    events,
    told: (kind) => events.filter((event): event is JobEvent => event.kind === kind),
    advance: (ms) => {
      aheadMs += ms;
    },
    put: (...ids) => {
      for (const id of ids) work.put(item(id));
    },
    item,
    async startWorkers(ofJobs: readonly Job[] = jobs, times = {}) {
      const workers = await createWorkers({
        backend,
        jobs: ofJobs,
        services,
        letters,
        sealKeys,
        onEvent,
        times,
      });
      opened.push(workers);
      return workers;
    },
    async close() {
      await dispatcher.stop();
      await Promise.all(opened.map((workers) => workers.close(0)));
      await Promise.all([enqueuer, letters, sweeper].map((part) => part.close(500)));
    },
  };
}

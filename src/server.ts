import { codeOf } from './errors.ts';
import type { AppParts, Readiness } from './http/app.ts';
import { listen } from './http/listen.ts';
import { BOARD_PATH } from './http/ops.ts';
import type { EnqueuePort } from './http/receivers.ts';
import { ingestCall } from './jobs/calls/ingest-call.job.ts';
import { QUEUES } from './jobs/define-job.ts';
import { jobs } from './jobs/registry.ts';
import { applyEvent } from './jobs/stripe/apply-event.job.ts';
import { createBoardPlugin } from './queues/board.ts';
import { listOverdue } from './queues/overdue.ts';
import { checkQueueStore } from './queues/store-check.ts';
import { type Part, type Runtime, runPart } from './runtime.ts';

export interface RunningServer extends Part {
  readonly url: string;
}

/** The sweep beats every minute; so long without it means that nothing goes through the queue. */
const BEAT_LIMIT_MS = 5 * 60_000;

/** Receivers, health, metrics and the board. Port 0 takes a free one; rejects when the address is taken. */
export async function startServer(runtime: Runtime): Promise<RunningServer> {
  const { config, platform, letters, log, metrics } = runtime;
  const board = await createBoardPlugin({ backend: platform.queue, jobs, basePath: BOARD_PATH, letters });
  const parts: AppParts = {
    ...{
      log,
      metrics,
      trustProxy: config.trustProxy,
      opsPasswords: config.opsPasswords,
      board: board.plugin,
    },
    secrets: config,
    enqueue: createPort(runtime),
    // A signature carries the sender's real time, also where business time is moved.
    clock: { nowMs: () => Date.now() },
    readiness: createReadiness(runtime),
  };
  const listener = await listen(config, parts).catch(async (error: unknown) => {
    await board.close(1_000);
    throw error;
  });
  log.info({ url: listener.url }, 'listening');
  return {
    url: listener.url,
    async close(deadlineMs) {
      await listener.close(deadlineMs);
      await board.close(1_000);
    },
  };
}

/** What a receiver may do: put one job into the queue, and hear that it is stored. */
function createPort({ enqueuer, services }: Runtime): EnqueuePort {
  const dueNow = (trace: string) => ({ dueAtMs: services.clock.nowMs(), trace });
  return {
    enqueueCallEvent: (event) => enqueuer.add(ingestCall, event, dueNow(`${event.source}/${event.eventId}`)),
    enqueueStripeEvent: (event) => enqueuer.add(applyEvent, event, dueNow(`stripe/${event.eventId}`)),
  };
}

function createReadiness(runtime: Runtime): () => Promise<Readiness> {
  const startedMs = performance.now();
  return async () => {
    const [health, queue] = await Promise.allSettled([
      readHealth(runtime),
      checkQueueStore(runtime.platform.queue, { strict: false }),
    ]);
    for (const part of [health, queue]) if (part.status === 'rejected') tellAway(runtime, part.reason);
    const beatMs = health.status === 'fulfilled' ? health.value.beats['operations.sweep'] : undefined;
    const beatAgeMs =
      health.status === 'fulfilled' && beatMs !== undefined ? health.value.databaseTimeMs - beatMs : null;
    const justStarted = performance.now() - startedMs < BEAT_LIMIT_MS;
    const progress = beatAgeMs === null ? justStarted : beatAgeMs < BEAT_LIMIT_MS || justStarted;
    return { database: health.status === 'fulfilled', queue: queue.status === 'fulfilled', progress };
  };
}

/** Whoever asks is told what is away, and not why. */
function tellAway({ log, metrics }: Runtime, error: unknown): void {
  const code = codeOf(error, 'INTERNAL');
  metrics.pageFailed('health', code);
  log.warn({ code, err: error }, 'not ready');
}

/** Also sets the gauges of how long due work and held calls have waited, from the rows: they are right when the queue is not. */
async function readHealth({ services, metrics }: Runtime) {
  const health = await services.operations.health(services.clock.nowMs());
  for (const queue of QUEUES) {
    const names = jobs.filter((job) => job.queue === queue).map(({ name }) => name);
    const ages = health.due.filter(({ job }) => names.includes(job)).map(({ ageMs }) => ageMs);
    metrics.queueAge(queue, Math.max(0, ...ages));
  }
  for (const { schedule, lateMs } of await listOverdue(jobs, services, health))
    metrics.scheduleLate(schedule, lateMs);
  metrics.reviewQueue(health.review.calls, health.review.ageMs);
  return health;
}

if (import.meta.main) await runPart(startServer);

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { BUILD } from './build.ts';
import { type Config, validateEnvironment } from './config.ts';
import { codeOf, OutageError, PermanentError } from './errors.ts';
import { createErrorReporter, type ErrorReporter } from './integrations/sentry/reporter.ts';
import { pipelines } from './jobs/pipelines.ts';
import { jobs } from './jobs/registry.ts';
import { KILL_SELF, watchBoundaries } from './kill-point.ts';
import { createLogger } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { tellFailures } from './providers.ts';
import type { QueueConnection } from './queues/connection.ts';
import { createDeadLetters, type DeadLetters } from './queues/dead-letter.ts';
import { createDispatcher, type Dispatcher } from './queues/dispatch.ts';
import { connectProducer, createEnqueuer, type Enqueuer } from './queues/enqueue.ts';
import type { OnQueueEvent } from './queues/events.ts';
import { checkQueueStore } from './queues/store-check.ts';
import { createSweeper } from './queues/sweep.ts';
import { createIntegrations, type JobServices, type Platform } from './services.ts';

/** Everything that server, worker, scheduler and command line share in one process. */
export interface Runtime {
  readonly config: Config;
  readonly platform: Platform;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly reporter: ErrorReporter;
  readonly services: JobServices;
  readonly enqueuer: Enqueuer;
  readonly letters: DeadLetters;
  readonly dispatcher: Dispatcher;
  readonly onQueueEvent: OnQueueEvent;
  /** Closes what was opened, in reverse; never hangs beyond its own deadlines. */
  close(): Promise<void>;
}

/** A part that runs until it is told to stop. */
export interface Part {
  close(deadlineMs: number): Promise<void>;
}

const CLOSE_MS = 2_000;
const MAX_SKEW_MS = 5_000;
/** Until the next check a skewed clock may disturb the others' work; it costs one small request. */
const SKEW_CHECK_MS = 10_000;
const JUMP_CHECK_MS = 100;

/** What is configured; PermanentError CONFIG_INVALID names what only `npm start` stands in for. */
export function platformOf(config: Config): Platform {
  const { supabase, queue, stripe, callLogs, lookups, campaigns, hmacReceivers, events } = config;
  if (supabase === null || queue === null || stripe === null) {
    const message =
      'Database, queue and Stripe must be configured here; `npm start` runs embedded ones in their place.';
    throw new PermanentError('CONFIG_INVALID', message);
  }
  const providers = { callLogs, lookups, campaigns, hmacReceivers, events };
  return { database: supabase, queue, stripe, ...providers, clock: { nowMs: rightNowMs } };
}

/** Opens everything, then waits for database and queue: until START_DEADLINE_MS, saying what is away. */
export async function openRuntime(
  config: Config,
  platform: Platform,
  log: Logger = createLogger({ level: config.logLevel }),
): Promise<Runtime> {
  const metrics = createMetrics();
  const reporter = await createErrorReporter({
    dsn: config.sentryDsn,
    environment: config.env,
    release: `callclear@${BUILD}`,
  });
  const onQueueEvent = createEventSink({ log, metrics, reporter });
  const connection = connectProducer(platform.queue, onQueueEvent);
  // A client that stays connected would keep its process alive.
  let close = () => connection.close(CLOSE_MS);
  try {
    const runtime = assemble({ config, platform, log, metrics, reporter, onQueueEvent }, connection);
    close = runtime.close;
    await waitUntilThere(runtime);
    return runtime;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Puts the parts together, and asks nobody yet. */
function assemble(
  parts: Pick<Runtime, 'config' | 'platform' | 'log' | 'metrics' | 'reporter' | 'onQueueEvent'>,
  connection: QueueConnection,
): Runtime {
  const { config, platform, log, metrics, reporter, onQueueEvent } = parts;
  const points = config.killPoints;
  const watch = points.length === 0 ? undefined : watchBoundaries({ points, ...KILL_SELF });
  const base = createIntegrations(platform, {
    watch,
    openTurns: connection.turns,
    bodyKeys: config.bodyKeys,
    log,
    onFound: metrics.providerTold,
    onLookup: metrics.lookedUp,
    onCircuit(provider, isOpen) {
      metrics.circuitOpen(provider, isOpen);
      if (isOpen) log.error({ provider }, 'circuit open');
    },
    onFailure: tellFailures(metrics, log),
  });
  const { work, clock } = base;
  const queue = { backend: platform.queue, jobs, onEvent: onQueueEvent };
  const adding = createEnqueuer({ ...queue, connection, sealKeys: config.bodyKeys });
  const enqueuer = watch?.('enqueuer', adding) ?? adding;
  const burying = createDeadLetters({ ...queue, work, enqueuer, sealKeys: config.bodyKeys, clock });
  const letters = watch?.('letters', burying) ?? burying;
  const sweeping = createSweeper({ ...queue, work, enqueuer, letters, clock });
  const sweeper = watch?.('queueSweep', sweeping) ?? sweeping;
  const dispatcher = createDispatcher({ work, enqueuer, letters, clock, onEvent: onQueueEvent });
  const services: JobServices = { ...base, queueSweep: sweeper };
  return {
    ...parts,
    ...{ services, enqueuer, letters, dispatcher },
    async close() {
      await dispatcher.stop();
      await Promise.all([
        sweeper.close(CLOSE_MS),
        letters.close(CLOSE_MS),
        enqueuer.close(CLOSE_MS),
        reporter.flush(CLOSE_MS),
      ]);
    },
  };
}

async function waitUntilThere(runtime: Runtime): Promise<void> {
  const { config, platform, log, services } = runtime;
  const deadline = performance.now() + config.startDeadlineMs;
  for (;;) {
    try {
      await checkClock(runtime);
      await services.operations.ensureTimezone(config.exchangeTimezone);
      await services.schedules.ensure(pipelines);
      const strict = config.env === 'prod';
      for (const fault of await checkQueueStore(platform.queue, { strict }))
        log.warn({ fault }, 'queue store');
      return;
    } catch (error) {
      if (!(error instanceof OutageError) || performance.now() > deadline) throw error;
      log.warn({ code: error.code, message: error.message }, 'waiting for what is away');
      await sleep(1_000);
    }
  }
}

/** The wall clock beside the steady one: it changes when somebody sets the machine's clock. */
const aheadOfSteadyMs = () => Date.now() - performance.now();
const aheadAtStartMs = aheadOfSteadyMs();
const hasJumped = () => Math.abs(aheadOfSteadyMs() - aheadAtStartMs) > MAX_SKEW_MS;

/** Ends the process at once: what it would do next, it would do in a time that has not come. */
function endByJump(): never {
  createLogger({ level: 'info' }).fatal({ code: 'CLOCK_SKEWED' }, 'the clock jumped');
  process.exit(1);
}

/** The time for what jobs decide. A clock that jumped since the last check is never asked. */
function rightNowMs(): number {
  if (hasJumped()) endByJump();
  return Date.now();
}

/** A skewed clock runs healthy jobs twice and bills the wrong night: CLOCK_SKEWED above 5 s. */
async function checkClock({ services }: Pick<Runtime, 'services'>): Promise<void> {
  const before = Date.now();
  const { databaseTimeMs } = await services.operations.health(services.clock.nowMs());
  const skewMs = Math.abs(databaseTimeMs - (before + Date.now()) / 2);
  const toleratedMs = MAX_SKEW_MS + (Date.now() - before);
  if (skewMs > toleratedMs) {
    throw new PermanentError('CLOCK_SKEWED', `This clock is ${Math.round(skewMs)} ms off the database's.`);
  }
}

function createEventSink({
  log,
  metrics,
  reporter,
}: Pick<Runtime, 'log' | 'metrics' | 'reporter'>): OnQueueEvent {
  return (event) => {
    if (!('job' in event)) {
      const isIdle = event.kind === 'idle-rebuilt' || event.kind === 'idle-exit';
      log[isIdle ? 'error' : 'warn'](
        { kind: event.kind, queue: event.queue, err: event.error },
        'queue trouble',
      );
      metrics.integrationFailed('queue', event.kind);
      return;
    }
    const { kind, job, key, generation, trace, attempt, code, message, durationMs, error } = event;
    const facts = { job, key, generation, trace, attempt, code, durationMs };
    metrics.jobEnded(job, kind);
    if (kind === 'completed' || kind === 'skipped') log.debug(facts, kind);
    else if (kind === 'snoozed') log.info(facts, kind);
    else if (kind === 'attempt-failed') {
      metrics.attemptFailed(job, code ?? 'JOB_FAILED');
      log.warn({ ...facts, message }, 'attempt failed');
    } else {
      metrics.deadLetter(job, code ?? 'JOB_FAILED');
      log.error({ ...facts, message, err: error }, 'dead letter');
      const failure = error instanceof Error ? error : { code: code ?? 'JOB_FAILED', message: message ?? '' };
      reporter.report(failure, { job, attempt, key, trace });
    }
  };
}

/**
 * Runs a part as a process of its own: starts it from the environment, stops it on SIGTERM or SIGINT within
 * SHUTDOWN_DEADLINE_MS whatever hangs, and ends by itself when the clock runs away or something is thrown that nobody
 * caught: a process that is half alive is worse than one that its supervisor starts again.
 */
export async function runPart(start: (runtime: Runtime) => Promise<Part>): Promise<void> {
  const log = createLogger({ level: 'info' });
  try {
    const config = validateEnvironment();
    const runtime = await openRuntime(config, platformOf(config));
    const starting = start(runtime);
    untilStopped(runtime, starting);
    await starting;
  } catch (error) {
    log.fatal({ code: codeOf(error, 'CONFIG_INVALID'), err: error }, 'cannot start');
    process.exitCode = 1;
    setTimeout(() => process.exit(1), CLOSE_MS).unref();
  }
}

/** Stops part and runtime on a signal, also while the part is still starting; see runPart. */
export function untilStopped(runtime: Runtime, starting: Promise<Part>): void {
  const { log, config } = runtime;
  let stopping = false;
  async function stop(status: number): Promise<void> {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(status || 1), config.shutdownDeadlineMs).unref();
    await (await starting).close(config.shutdownDeadlineMs - 2 * CLOSE_MS);
    await runtime.close();
    process.exit(status);
  }
  const fail = (message: string) => (error: unknown) => {
    log.fatal({ err: error }, message);
    void stop(1);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(0));
  process.on('uncaughtException', fail('nobody caught this'));
  process.on('unhandledRejection', fail('nobody caught this'));
  // Nothing is waited for: the queue would give a job that only waits for its time to a clock that is ahead, and what the
  // job then makes due, or puts back, would wait until that time has really come.
  setInterval(() => {
    if (hasJumped()) endByJump();
  }, JUMP_CHECK_MS).unref();
  setInterval(() => {
    checkClock(runtime).catch((error: unknown) => {
      if (error instanceof PermanentError && error.code === 'CLOCK_SKEWED')
        fail('the clock is skewed')(error);
    });
  }, SKEW_CHECK_MS).unref();
}

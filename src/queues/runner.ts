import type { Job as QueueJob } from 'bullmq';
import { OutageError, TransientError } from '../errors.ts';
import type { Job, Outcome } from '../jobs/define-job.ts';
import type { JobServices } from '../services.ts';
import { createBatcher, createGate, runSplitting } from './batch.ts';
import { type Envelope, openPayload } from './envelope.ts';
import { payloadFailure } from './failure.ts';
import {
  contextFor,
  type Decision,
  decideError,
  decideOutcome,
  decideUnknown,
  isSuspect,
  PUT_BACK,
  runWithin,
} from './run-job.ts';

interface RunnerOptions {
  readonly jobs: readonly Job[];
  readonly services: JobServices;
  readonly sealKeys: readonly Uint8Array[];
  /** Aborts when the worker must stop now. */
  readonly stop: AbortSignal;
  /** How long a job of another build is put back. */
  readonly putBackMs: number;
}

interface Run {
  readonly payload: unknown;
  readonly envelope: Envelope;
  readonly attempt: number;
  /** Kept out of batches: it may be what fails or kills the others. */
  readonly alone: boolean;
}

type Handler = (run: Run) => Promise<Outcome>;

/** Runs queued jobs up to a decision and touches no queue. */
export function createRunner(
  options: RunnerOptions,
): (queued: QueueJob, envelope: Envelope) => Promise<Decision> {
  const { jobs, sealKeys, stop, putBackMs } = options;
  // A Map has no inherited names, so no job is called `constructor`.
  const byName = new Map(jobs.map((job) => [job.name, { job, handle: createHandler(job, options) }]));

  return async (queued, envelope) => {
    const known = byName.get(envelope.job);
    if (known === undefined) return decideUnknown('JOB_UNKNOWN', putBackMs);
    if (envelope.fault !== null) return decideError(envelope.fault);
    if (envelope.version !== known.job.version) return decideUnknown('PAYLOAD_VERSION_UNKNOWN', putBackMs);
    let payload: unknown;
    try {
      payload = openPayload(known.job, envelope.key, envelope.payload, sealKeys);
    } catch (error) {
      return decideError(payloadFailure(known.job.name, error));
    }
    try {
      const alone = queued.attemptsMade > 0 || isSuspect(queued);
      const attempt = queued.attemptsMade + 1;
      return decideOutcome(await known.handle({ payload, envelope, attempt, alone }));
    } catch (error) {
      return stop.aborted ? PUT_BACK : decideError(error);
    }
  };
}

function createHandler(job: Job, { services, stop }: RunnerOptions): Handler {
  const gate = createGate(job.concurrency);
  const { batch, runBatch, timeoutMs } = job;

  const runOne: Handler = ({ payload, envelope: { dueAtMs, trace }, attempt }) =>
    runWithin((signal) => job.run(payload, contextFor(job, services, { signal, dueAtMs, attempt, trace })), {
      timeoutMs,
      stop,
    });
  if (batch === null || runBatch === null) return (run) => gate(() => runOne(run));

  const runMany = (runs: readonly Run[]): Promise<readonly (Outcome | Error)[]> =>
    runWithin(
      (signal) => {
        const context = {
          signal,
          dueAtMs: runs[0]?.envelope.dueAtMs ?? 0,
          attempt: 1,
          trace: runs[0]?.envelope.trace ?? '',
        };
        return runBatch(
          runs.map(({ payload }) => payload),
          contextFor(job, services, context),
        );
      },
      { timeoutMs, stop },
    );
  const isShared = (error: unknown) =>
    stop.aborted ||
    error instanceof OutageError ||
    (error instanceof TransientError && error.code === 'JOB_TIMEOUT');
  const together = createBatcher<Run, Outcome>({
    ...batch,
    run: (runs) => gate(() => runSplitting(runs, runMany, isShared)),
  });
  // What failed before runs alone: it may be what makes others late.
  return (run) => (run.alone ? gate(() => runOne(run)) : together(run));
}

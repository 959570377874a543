import { DelayedError, type Job as QueueJob, UnrecoverableError } from 'bullmq';
import { BUILD } from '../build.ts';
import { waitDelayMs } from './backoff.ts';
import type { Coalescer } from './coalesce.ts';
import type { Envelope } from './envelope.ts';
import type { JobEvent, OnQueueEvent } from './events.ts';
import { describeFailure, type Failure, writeReason } from './failure.ts';
import { type Decision, decideError } from './run-job.ts';

export interface FinishedWork {
  readonly job: string;
  readonly key: string;
  readonly generation: number;
  readonly result: string;
}

export interface Settling {
  readonly queued: QueueJob;
  readonly token: string | undefined;
  readonly envelope: Envelope;
  readonly startedMs: number;
  readonly finisher: Coalescer<FinishedWork>;
  readonly onEvent: OnQueueEvent;
  /** How long a job may be put back, counted from the first time. */
  readonly waitCapMs: number;
}

/**
 * Carries a decision out: the row first, then the queue.
 *
 * Returns what BullMQ stores beside a completed job; throws what makes BullMQ retry, delay or fail it.
 */
export async function settle(decision: Decision, run: Settling): Promise<unknown> {
  if (decision.kind === 'finish') return finish(decision, run);
  if (decision.kind === 'wait') return wait(decision, run);
  return giveUp(decision, run);
}

async function finish(decision: Extract<Decision, { kind: 'finish' }>, run: Settling): Promise<unknown> {
  const { job, key, generation } = run.envelope;
  try {
    await run.finisher.push({ job, key, generation, result: decision.skipped ?? 'done' });
  } catch (error) {
    // The work is done and its row does not say so: it runs once more, which every job bears.
    return settle(decideError(error), run);
  }
  tell(run, decision.skipped === null ? 'completed' : 'skipped', { code: decision.skipped });
  return decision.summary;
}

async function wait(decision: Extract<Decision, { kind: 'wait' }>, run: Settling): Promise<never> {
  const { queued, envelope } = run;
  const nowMs = Date.now();
  const sinceMs = envelope.waitingSinceMs ?? nowMs;
  if (decision.tooLong !== null && nowMs - sinceMs > run.waitCapMs) {
    const message = `It waited for a day: ${decision.code}.`;
    return giveUp({ kind: 'dead', code: decision.tooLong, message, error: decision.error }, run);
  }
  if (decision.tooLong !== null && envelope.waitingSinceMs === null) {
    await queued.updateData({ ...(queued.data as object), waitingSinceMs: sinceMs });
  }
  const times = Math.max(queued.attemptsStarted - queued.attemptsMade - 1, 0);
  const delayMs = waitDelayMs(decision, times, Math.random());
  await queued.moveToDelayed(nowMs + delayMs, run.token);
  tell(run, 'snoozed', { code: decision.code, error: decision.error });
  throw new DelayedError();
}

function giveUp(decision: Failure & { kind: 'retry' | 'dead'; error?: unknown }, run: Settling): never {
  const { code, message, error } = decision;
  tell(run, 'attempt-failed', { code, message, error });
  const atMs = Date.now();
  const attempt = {
    atMs,
    durationMs: atMs - run.startedMs,
    payloadVersion: run.envelope.version,
    build: BUILD,
  };
  const reason = writeReason({ code, message }, error, attempt);
  if (decision.kind === 'retry') throw reason;
  throw Object.assign(new UnrecoverableError(reason.message), { cause: error, stack: reason.stack });
}

function tell(run: Settling, kind: JobEvent['kind'], facts: Partial<JobEvent>): void {
  const { job, key, generation, trace } = run.envelope;
  const message = facts.error === undefined ? null : describeFailure(facts.error).message;
  run.onEvent({
    kind,
    job,
    key,
    generation,
    trace,
    attempt: run.queued.attemptsMade + 1,
    code: null,
    message,
    durationMs: Date.now() - run.startedMs,
    ...facts,
  });
}

import { ERROR_CODES, type ErrorCode, OutageError, PermanentError, TransientError } from '../errors.ts';
import type { Job, Outcome, RunContext, Summary } from '../jobs/define-job.ts';
import type { JobServices } from '../services.ts';
import type { Pace } from './backoff.ts';
import { describeFailure } from './failure.ts';

/** What a run comes to; `settle` carries it out. */
export type Decision =
  | { readonly kind: 'finish'; readonly skipped: string | null; readonly summary: Summary }
  | {
      /** Comes again without using an attempt. */
      readonly kind: 'wait';
      readonly delayMs: number;
      /** Exactly so long; doubled from one time to the next; or never less than it was asked for. */
      readonly pace: Pace;
      readonly code: string;
      /** What it is dead of after a day of this; null when it may wait for ever. */
      readonly tooLong: ErrorCode | null;
      readonly error?: unknown;
    }
  | {
      readonly kind: 'retry' | 'dead';
      readonly code: ErrorCode;
      readonly message: string;
      readonly error: unknown;
    };

export function decideOutcome(outcome: Outcome): Decision {
  if (outcome.kind === 'done') return { kind: 'finish', skipped: null, summary: outcome.summary };
  if (outcome.kind === 'skip') {
    return { kind: 'finish', skipped: outcome.reason, summary: { skipped: outcome.reason } };
  }
  const { delayMs, reason } = outcome;
  return { kind: 'wait', delayMs, pace: 'exact', code: reason, tooLong: 'SNOOZED_TOO_LONG' };
}

export function decideError(error: unknown): Decision {
  if (error instanceof OutageError) {
    const { retryAfterMs: delayMs, isAsked, code } = error;
    const pace = isAsked ? 'asked' : 'grows';
    return { kind: 'wait', delayMs, pace, code, tooLong: 'SNOOZED_TOO_LONG', error };
  }
  const kind = error instanceof PermanentError ? 'dead' : 'retry';
  return { kind, ...describeFailure(error), error };
}

/** A build that is older than the job puts it back, for the newer one that made it. */
export function decideUnknown(code: 'JOB_UNKNOWN' | 'PAYLOAD_VERSION_UNKNOWN', delayMs: number): Decision {
  return { kind: 'wait', delayMs, pace: 'exact', code, tooLong: code };
}

/**
 * How often a job may lose its worker, which BullMQ calls stalling; once more and it is a dead letter. BullMQ allows one,
 * but two kills in a row say nothing about the job that both met: an invoice would wait for a person because of them.
 */
export const MAX_STALLS = 8;
/** From so many on, a job is suspected of being what kills its worker. */
const SUSPECT_STALLS = 3;

export const isSuspect = ({ stalledCounter }: { readonly stalledCounter: number }): boolean =>
  stalledCounter >= SUSPECT_STALLS;

/** BullMQ counts the stalls of what a schedule made, but runs it again for ever. */
export const STALLED_TOO_OFTEN: Decision = {
  kind: 'dead',
  code: 'JOB_STALLED',
  message: ERROR_CODES.JOB_STALLED,
  error: undefined,
};

/**
 * Suspects take turns: were they all at work when the guilty one kills the process, all of them would be counted, and
 * all be buried with it.
 */
export const waitForTurn = (withinMs: number): Decision => ({
  kind: 'wait',
  delayMs: Math.round(withinMs * Math.random()),
  pace: 'exact',
  code: 'SUSPECTS_TAKE_TURNS',
  tooLong: null,
});

/** The worker stops: whoever takes over may start at once. */
export const PUT_BACK: Decision = {
  kind: 'wait',
  delayMs: 0,
  pace: 'exact',
  code: 'WORKER_STOPS',
  tooLong: null,
};

/**
 * Runs `work` until it settles, its time is up (JOB_TIMEOUT) or `stop` aborts, whichever comes first.
 *
 * A handler that ignores its signal is abandoned: it may still be running when the next attempt starts, which is one
 * of the reasons why every write of money carries a token.
 */
export async function runWithin<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, stop }: { timeoutMs: number; stop: AbortSignal },
): Promise<T> {
  const timeout = new AbortController();
  const late = new TransientError('JOB_TIMEOUT', `The job ran longer than ${timeoutMs} ms.`);
  const timer = setTimeout(() => timeout.abort(late), timeoutMs);
  const signal = AbortSignal.any([timeout.signal, stop]);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    signal.throwIfAborted();
    return await Promise.race([work(signal), aborted]);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
    // Node keeps a combined signal that is listened to for as long as `stop` lives, and the whole run with it.
    signal.removeEventListener('abort', onAbort);
  }
}

/** The context of a run with those services only that the job says it uses. */
export function contextFor(job: Job, services: JobServices, run: RunContext): RunContext & JobServices {
  const used = Object.fromEntries(job.uses.map((name) => [name, services[name]]));
  return { ...used, ...run } as unknown as RunContext & JobServices;
}

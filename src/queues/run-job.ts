import { codeOf, type ErrorCode, OutageError, PermanentError, TransientError } from '../errors.ts';
import type { Job, Outcome, RunContext, Summary } from '../jobs/define-job.ts';
import type { JobServices } from '../services.ts';
import { describeFailure } from './failure.ts';

/** What a run comes to; `settle` carries it out. */
export type Decision =
  | { readonly kind: 'finish'; readonly skipped: string | null; readonly summary: Summary }
  | {
      /** Comes again without using an attempt. */
      readonly kind: 'wait';
      readonly delayMs: number;
      /** The delay doubles from one time to the next. */
      readonly grows: boolean;
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
  return { kind: 'wait', delayMs, grows: false, code: reason, tooLong: 'SNOOZED_TOO_LONG' };
}

export function decideError(error: unknown): Decision {
  if (error instanceof OutageError) {
    const { retryAfterMs, code } = error;
    return { kind: 'wait', delayMs: retryAfterMs, grows: true, code, tooLong: 'SNOOZED_TOO_LONG', error };
  }
  // A late writer's row may be in the hands of a living run: buried now, it would stay dead when that run is done.
  const isLate = codeOf(error, 'JOB_FAILED') === 'TOKEN_STALE';
  const kind = error instanceof PermanentError && !isLate ? 'dead' : 'retry';
  return { kind, ...describeFailure(error), error };
}

/** A build that is older than the job puts it back, for the newer one that made it. */
export function decideUnknown(code: 'JOB_UNKNOWN' | 'PAYLOAD_VERSION_UNKNOWN', delayMs: number): Decision {
  return { kind: 'wait', delayMs, grows: false, code, tooLong: code };
}

/** The worker stops: whoever takes over may start at once. */
export const PUT_BACK: Decision = {
  kind: 'wait',
  delayMs: 0,
  grows: false,
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
  try {
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    return await Promise.race([work(signal), aborted]);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** The context of a run with those services only that the job says it uses. */
export function contextFor(job: Job, services: JobServices, run: RunContext): RunContext & JobServices {
  const used = Object.fromEntries(job.uses.map((name) => [name, services[name]]));
  return { ...used, ...run } as unknown as RunContext & JobServices;
}

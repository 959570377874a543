import type { Backoff } from '../jobs/define-job.ts';

/**
 * Milliseconds to wait after `attemptsMade` attempts: baseMs × 2^attemptsMade, spread by ± jitter / 2, at most maxMs.
 *
 * `random` is in [0, 1). The spread keeps a thousand jobs that failed together from coming back together.
 */
export function backoffDelayMs(backoff: Backoff, attemptsMade: number, random: number): number {
  const grown = Math.min(backoff.baseMs * 2 ** attemptsMade, backoff.maxMs);
  const spread = grown * (1 + backoff.jitter * (random - 0.5));
  return Math.round(Math.min(spread, backoff.maxMs));
}

/** How the waits of a job follow one another that uses no attempt. */
export type Pace = 'exact' | 'grows' | 'asked';

const LONGEST_OUTAGE_WAIT_MS = 5 * 60_000;

/**
 * Milliseconds until a job comes again that waited `times` times before. Who named the wait is asked neither earlier nor, by
 * much, later: it is spread upward only and does not grow.
 */
export function waitDelayMs(
  { delayMs, pace }: { readonly delayMs: number; readonly pace: Pace },
  times: number,
  random: number,
): number {
  if (pace === 'exact') return delayMs;
  if (pace === 'asked') return Math.ceil(delayMs * (1 + random / 4));
  const maxMs = Math.max(LONGEST_OUTAGE_WAIT_MS, delayMs);
  return backoffDelayMs({ baseMs: delayMs, maxMs, jitter: 0.5 }, times, random);
}

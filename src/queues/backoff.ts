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

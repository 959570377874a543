import { z } from 'zod';

export const limitsSchema = z.strictObject({
  /** Requests per second of all endpoints, and of each. */
  perS: z.number().positive(),
  endpointPerS: z.number().positive(),
});
export type Limits = z.output<typeof limitsSchema>;

/** Token buckets that hold one second's requests, by the real clock; without limits everything passes. */
export interface Limiter {
  set(limits: Limits | null): void;
  /** Null when the request may pass, else whose requests were too many. */
  refuse(endpoint: string): 'global-rate' | 'endpoint-rate' | null;
  /** Requests since the limits were set, and those that were refused. */
  counts(): { readonly requests: number; readonly refused: number };
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

export function createLimiter(nowMs: () => number = () => performance.now()): Limiter {
  let limits: Limits | null = null;
  let requests = 0;
  let refused = 0;
  const buckets = new Map<string, Bucket>();

  function hasToken(name: string, perS: number): Bucket | null {
    const bucket = buckets.get(name) ?? { tokens: perS, filledMs: nowMs() };
    buckets.set(name, bucket);
    const now = nowMs();
    bucket.tokens = Math.min(perS, bucket.tokens + ((now - bucket.filledMs) / 1_000) * perS);
    bucket.filledMs = now;
    return bucket.tokens >= 1 ? bucket : null;
  }

  return {
    set(next) {
      limits = next;
      requests = 0;
      refused = 0;
      buckets.clear();
    },
    refuse(endpoint) {
      requests += 1;
      if (limits === null) return null;
      const all = hasToken('all', limits.perS);
      const own = hasToken(endpoint, limits.endpointPerS);
      if (all !== null && own !== null) {
        all.tokens -= 1;
        own.tokens -= 1;
        return null;
      }
      refused += 1;
      return all === null ? 'global-rate' : 'endpoint-rate';
    },
    counts: () => ({ requests, refused }),
  };
}

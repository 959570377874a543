import { createHash } from 'node:crypto';
import { Refusal } from './refusal.ts';
import type { Store } from './store.ts';

const LIFE_MS = 24 * 3_600_000;

export interface StoredAnswer {
  readonly status: number;
  readonly body: string;
}

export interface KeyedRequest {
  readonly key: string;
  readonly endpoint: string;
  readonly params: string;
}

export type Keys = ReturnType<typeof createKeys>;

/** Idempotency keys: an answer lives 24 h under its key, then the key is as good as new. */
export function createKeys(store: Store, nowMs: () => number) {
  const inFlight = new Set<string>();
  return {
    /** The stored answer, or null. Throws for another request under the key, and for one that still runs. */
    find({ key, endpoint, params }: KeyedRequest): StoredAnswer | null {
      if (key.length > 255) throw mismatch('Idempotency keys are at most 255 characters long.');
      if (inFlight.has(key)) {
        throw new Refusal(409, {
          type: 'idempotency_error',
          code: 'idempotency_key_in_use',
          message: 'There is currently another in-progress request using this Idempotency Key.',
        });
      }
      const row = store.rows(
        'SELECT * FROM keys WHERE key = ? AND created_ms > ?',
        key,
        nowMs() - LIFE_MS,
      )[0];
      if (row === undefined) return null;
      if (row.endpoint !== endpoint || row.params !== params) {
        throw mismatch(
          'Keys for idempotent requests can only be used with the same parameters they were first used with.',
        );
      }
      return { status: Number(row.status), body: String(row.body) };
    },
    async hold<T>(key: string | null, work: () => Promise<T>): Promise<T> {
      if (key !== null) inFlight.add(key);
      try {
        return await work();
      } finally {
        if (key !== null) inFlight.delete(key);
      }
    },
    save({ key, endpoint, params }: KeyedRequest, answer: StoredAnswer): void {
      store.run(
        'INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?)',
        key,
        endpoint,
        params,
        answer.status,
        answer.body,
        nowMs(),
      );
    },
    /** Forgets what is older than 24 h, or everything. */
    prune(everything: boolean): number {
      return store.run(
        'DELETE FROM keys WHERE created_ms <= ?',
        everything ? Number.MAX_SAFE_INTEGER : nowMs() - LIFE_MS,
      );
    },
  };
}

function mismatch(message: string): Refusal {
  return new Refusal(400, { type: 'idempotency_error', message });
}

export function fingerprint(params: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(params)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => [name, sorted(inner)]);
}

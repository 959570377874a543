import { audit } from './audit.ts';
import type { Kind, Kinds } from './objects.ts';
import type { Store } from './store.ts';

interface RequestLine {
  readonly method: string;
  readonly path: string;
  readonly key: string | null;
  readonly status: number;
  readonly replayed: boolean;
}

/** The judge of a test: what really happened at Stripe, whatever was answered. */
export interface Journal {
  /** All objects of a kind, oldest first. */
  all<K extends Kind>(kind: K): Kinds[K][];
  /** Each POST and DELETE that reached execution or was replayed, oldest first. */
  requests(): RequestLine[];
  /** What does not add up, in words; empty when everything does. */
  check(): string[];
}

export function createJournal(store: Store): Journal {
  return {
    all: (kind) => store.all(kind),
    requests: () =>
      store.rows('SELECT * FROM requests ORDER BY seq').map((row) => ({
        method: String(row.method),
        path: String(row.path),
        key: row.key === null ? null : String(row.key),
        status: Number(row.status),
        replayed: row.replayed === 1,
      })),
    check: () => audit(store),
  };
}

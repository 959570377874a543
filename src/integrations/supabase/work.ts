/** A row of table `work`: something that must be done once, whatever becomes of the queue. */
export interface WorkItem {
  /** Name of the job. */
  readonly job: string;
  readonly key: string;
  /** Raised at each new dispatch of a row whose job the queue remembers as ended; part of the jobId. */
  readonly generation: number;
  readonly payload: unknown;
  readonly dueAtMs: number;
  readonly trace: string;
}

export interface WorkRef {
  readonly job: string;
  readonly key: string;
  readonly generation: number;
}

/** A job that ended for good, as its row tells it. */
export interface DeadWork extends WorkRef {
  readonly id: string;
  readonly code: string;
  /** Scrubbed: no payload, no personal data. */
  readonly message: string;
  readonly attempts: number;
  readonly failedAtMs: number;
  readonly replays: number;
}

/** What is due stands in rows; the queue is only a hint of it. */
export interface WorkStore {
  /**
   * Rows due at `nowMs` that were never handed to the queue, or were handed to it before `handedBeforeMs`; marks them
   * handed over. Two callers never get the same row at the same time. At most `limit` (≤ 500), oldest first.
   */
  takeDue(options: { nowMs: number; handedBeforeMs: number; limit: number }): Promise<WorkItem[]>;
  /** Raises the generation of a row whose job the queue remembers as ended, and returns the new generation. */
  bump(ref: WorkRef): Promise<number>;
  /** Marks rows done; a row that does not exist, or is dead or of another generation, is left as it is. Advances the close that waits for it. */
  finish(refs: readonly (WorkRef & { readonly result: string })[]): Promise<void>;
  /**
   * Marks the row dead, making it when the job had none (a webhook that was never stored); its sealed payload stays
   * replayable. Returns false when the row was already dead in this generation (so that it is reported once).
   */
  fail(dead: WorkRef & { payload: unknown; trace: string; dueAtMs: number; code: string; message: string; attempts: number; nowMs: number }): Promise<boolean>;
  /** Dead rows, oldest first, keyset-paged by id. */
  listDead(page: { afterId: string | null; limit: number }): Promise<DeadWork[]>;
  /** Makes a dead row due again under the next generation, with an audit line. Null when it is not dead (any more). */
  replay(request: { id: string; by: string; reason: string; nowMs: number }): Promise<WorkItem | null>;
  /** Drops a dead row for good, with an audit line. False when it is not dead (any more). */
  discard(request: { id: string; by: string; reason: string; nowMs: number }): Promise<boolean>;
}

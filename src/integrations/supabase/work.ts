import { z } from 'zod';
import { instantMs, nothing, type Rpc } from './rpc.ts';

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

/** A terminal failure as it is written down: the work, why it ended, and each attempt. */
export interface Death extends WorkItem {
  readonly code: string;
  /** Scrubbed, as `DeadWork`'s. */
  readonly message: string;
  readonly attempts: number;
  /** Attempts that threw, in the order of their times; fewer than `attempts` where a process died. */
  readonly tries: readonly unknown[];
  /** 0 for work that was never queued. */
  readonly payloadVersion: number;
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
  fail(dead: Death & { nowMs: number }): Promise<boolean>;
  /** Dead rows, oldest first, keyset-paged by id. */
  listDead(page: { afterId: string | null; limit: number }): Promise<DeadWork[]>;
  /** A dead row with its payload in stored form; null when it is not dead (any more). */
  readDead(id: string): Promise<(DeadWork & { payload: unknown }) | null>;
  /**
   * Makes a dead row due again under the next generation, with an audit line; `edit` brings another payload in stored form
   * and its key. Null when it is not dead (any more); LETTER_EDIT_REFUSED when the key is that of another row.
   */
  replay(
    request: Decided & { edit?: { key: string; payload: Record<string, unknown> } | null },
  ): Promise<WorkItem | null>;
  /** Drops a dead row for good, with an audit line. False when it is not dead (any more). */
  discard(request: Decided): Promise<boolean>;
}

interface Decided {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
  readonly nowMs: number;
}

const workItem = z.object({
  job: z.string(),
  key: z.string(),
  generation: z.int(),
  payload: z.unknown(),
  dueAtMs: instantMs,
  trace: z.string(),
});

const deadWork = z.object({
  id: z.string(),
  job: z.string(),
  key: z.string(),
  generation: z.int(),
  code: z.string(),
  message: z.string(),
  attempts: z.int(),
  failedAtMs: instantMs,
  replays: z.int(),
});

/** Table `work`, reached through its functions. */
export function createWorkStore(rpc: Rpc, clock: { nowMs(): number }): WorkStore {
  return {
    takeDue: ({ nowMs, handedBeforeMs, limit }) =>
      rpc(
        'take_due_work',
        { p_now_ms: nowMs, p_handed_before_ms: handedBeforeMs, p_limit: limit },
        z.array(workItem),
      ),
    bump: ({ job, key, generation }) =>
      rpc('bump_work', { p_job: job, p_key: key, p_generation: generation }, z.int()),
    finish: (refs) => rpc('finish_work', { p_refs: refs, p_now_ms: clock.nowMs() }, nothing),
    fail: ({ nowMs, ...dead }) => rpc('fail_work', { p_dead: dead, p_now_ms: nowMs }, z.boolean()),
    listDead: ({ afterId, limit }) =>
      rpc(
        'list_dead_work',
        { p_after_id: afterId === null ? null : Number(afterId), p_limit: limit },
        z.array(deadWork),
      ),
    readDead: (id) =>
      rpc('show_letter', { p_id: Number(id) }, deadWork.extend({ payload: z.unknown() }).nullable()),
    replay: ({ id, by, reason, nowMs, edit = null }) =>
      rpc(
        'replay_work',
        { p_id: Number(id), p_by: by, p_reason: reason, p_now_ms: nowMs, p_edit: edit },
        workItem.nullable(),
      ),
    discard: ({ id, by, reason, nowMs }) =>
      rpc('discard_work', { p_id: Number(id), p_by: by, p_reason: reason, p_now_ms: nowMs }, z.boolean()),
  };
}

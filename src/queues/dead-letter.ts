import { PermanentError } from '../errors.ts';
import type { DeadWork, WorkItem, WorkRef, WorkStore } from '../integrations/supabase/work.ts';
import type { Job } from '../jobs/define-job.ts';
import type { Clock } from '../services.ts';
import { connectQueues, DEAD_LETTERS, type QueueBackend, type QueueConnection } from './connection.ts';
import type { Enqueuer } from './enqueue.ts';
import { failedJobIds } from './envelope.ts';
import type { OnQueueEvent } from './events.ts';
import type { Failure } from './failure.ts';
import { jobIdOf } from './job-id.ts';

const PAGE = 500;
/** So many pages of dead rows are looked through for one id; beyond that something else is wrong. */
const MAX_PAGES = 200;

interface DeadLetterOptions {
  readonly backend: QueueBackend;
  readonly jobs: readonly Job[];
  readonly work: WorkStore;
  readonly enqueuer: Enqueuer;
  readonly clock: Clock;
  readonly onEvent: OnQueueEvent;
}

/** Work that ended for good; the payload in its stored form. */
export interface Burial extends WorkItem, Failure {
  readonly attempts: number;
  readonly durationMs: number;
  readonly error?: unknown;
}

interface Decision {
  /** Id of the dead row. */
  readonly id: string;
  readonly by: string;
  readonly reason: string;
}

export interface DeadLetters {
  /**
   * Writes the failure on the work's own row, then adds its letter and tells it once. False when the row was dead
   * already. Rejects when the row cannot be written; the sweep does it later, from the failed job.
   */
  bury(burial: Burial): Promise<boolean>;
  /** Adds the letter of a dead row; one that exists already stays as it is. */
  addLetter(dead: Omit<DeadWork, 'id' | 'replays'>): Promise<void>;
  /** Ids of all letters, at most `limit`. An id is the dead job's own. */
  listLetterIds(limit: number): Promise<string[]>;
  removeLetter(jobId: string): Promise<void>;
  /** Makes it due again under the next generation. False when somebody else decided first; LETTER_UNKNOWN. */
  replay(decision: Decision): Promise<boolean>;
  /** As `replay`, for the failed job of this id in its queue. */
  replayJob(decision: Omit<Decision, 'id'> & { readonly jobId: string }): Promise<boolean>;
  /** Drops it for good. False when somebody else decided first; LETTER_UNKNOWN. */
  discard(decision: Decision): Promise<boolean>;
  close(deadlineMs: number): Promise<void>;
}

/**
 * The dead-letter queue and what operators do with it.
 *
 * The rows are the truth, letters are their picture for the board: losing the queue loses no letter.
 */
export function createDeadLetters(options: DeadLetterOptions): DeadLetters {
  const { backend, work, clock, onEvent } = options;
  const connection = connectQueues(backend, { role: 'producer' }, (queue, error) =>
    onEvent({ kind: 'queue-error', queue, error }),
  );
  const letters = () => connection.queue(DEAD_LETTERS);

  async function addLetter(dead: Omit<DeadWork, 'id' | 'replays'>): Promise<void> {
    const { job, key, generation, code, message, attempts, failedAtMs } = dead;
    const data = { job, key, generation, code, message, attempts, failedAtMs };
    await (await letters()).add(job, data, { jobId: jobIdOf(dead) });
  }
  async function removeLetter(jobId: string): Promise<void> {
    await (await letters()).remove(jobId);
  }

  return {
    async bury({ durationMs, error, ...dead }) {
      const { job, key, generation, trace, code, message, attempts } = dead;
      const nowMs = clock.nowMs();
      if (!(await work.fail({ ...dead, nowMs }))) return false;
      onEvent({
        kind: 'dead',
        job,
        key,
        generation,
        trace,
        attempt: attempts,
        code,
        message,
        durationMs,
        error,
      });
      await addLetter({ ...dead, failedAtMs: nowMs });
      return true;
    },
    addLetter,
    async listLetterIds(limit) {
      const queue = await letters();
      const ids = new Set<string>();
      for (let start = 0; start < limit; start += PAGE) {
        const page = await queue.getJobs(['waiting'], start, start + PAGE - 1, false);
        for (const { id } of page) if (id !== undefined) ids.add(id);
        if (page.length < PAGE) break;
      }
      return [...ids];
    },
    removeLetter,
    ...createDecisions(options, connection, removeLetter),
    close: (deadlineMs) => connection.close(deadlineMs),
  };
}

function createDecisions(
  { jobs, work, enqueuer, clock }: DeadLetterOptions,
  connection: QueueConnection,
  removeLetter: (jobId: string) => Promise<void>,
): Pick<DeadLetters, 'replay' | 'replayJob' | 'discard'> {
  /** Goes first, so that a crash half-way leaves a dead row with its letter and not a failed job without a row. */
  async function removeFailedJob(dead: WorkRef): Promise<void> {
    const job = jobs.find(({ name }) => name === dead.job);
    if (job === undefined) return;
    const queue = await connection.queue(job.queue);
    for (const id of failedJobIds(dead)) await queue.remove(id);
  }
  async function replayDead(dead: DeadWork, by: string, reason: string): Promise<boolean> {
    await removeFailedJob(dead);
    const item = await work.replay({ id: dead.id, by, reason, nowMs: clock.nowMs() });
    if (item === null) return false;
    // The row is due again whatever the queue says; an add that fails here is made good by the sweep.
    await enqueuer.addMany([item]);
    await removeLetter(jobIdOf(dead));
    return true;
  }
  return {
    replay: async ({ id, by, reason }) =>
      replayDead(await findDead(work, (row) => row.id === id), by, reason),
    replayJob: async ({ jobId, by, reason }) =>
      replayDead(await findDead(work, (row) => failedJobIds(row).includes(jobId)), by, reason),
    async discard({ id, by, reason }) {
      const dead = await findDead(work, (row) => row.id === id);
      await removeFailedJob(dead);
      if (!(await work.discard({ id, by, reason, nowMs: clock.nowMs() }))) return false;
      await removeLetter(jobIdOf(dead));
      return true;
    },
  };
}

async function findDead(work: WorkStore, isWanted: (row: DeadWork) => boolean): Promise<DeadWork> {
  let afterId: string | null = null;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const rows: DeadWork[] = await work.listDead({ afterId, limit: PAGE });
    const dead = rows.find(isWanted);
    if (dead !== undefined) return dead;
    afterId = rows.at(-1)?.id ?? null;
    if (rows.length < PAGE) break;
  }
  throw new PermanentError('LETTER_UNKNOWN', 'No dead letter has this id.');
}

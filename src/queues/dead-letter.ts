import { PermanentError } from '../errors.ts';
import type { DeadWork, Death, WorkRef, WorkStore } from '../integrations/supabase/work.ts';
import type { Job } from '../jobs/define-job.ts';
import type { Clock } from '../services.ts';
import { connectQueues, DEAD_LETTERS, type QueueBackend, type QueueConnection } from './connection.ts';
import type { Enqueuer } from './enqueue.ts';
import { failedJobIds, openPayload, sealPayload, unsealPayload } from './envelope.ts';
import type { OnQueueEvent } from './events.ts';
import { type Failure, payloadFailure } from './failure.ts';
import { jobIdOf } from './job-id.ts';

const PAGE = 500;
/** So many pages of dead rows are looked through for one id; beyond that something else is wrong. */
const MAX_PAGES = 200;

interface DeadLetterOptions {
  readonly backend: QueueBackend;
  readonly jobs: readonly Job[];
  readonly work: WorkStore;
  readonly enqueuer: Enqueuer;
  /** 32 bytes each, newest first. */
  readonly sealKeys: readonly Uint8Array[];
  readonly clock: Clock;
  readonly onEvent: OnQueueEvent;
}

/** Work that ended for good; the payload in its stored form. */
export interface Burial extends Omit<Death, keyof Failure>, Failure {
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
   * Adds the letter in the queue's own store, so that it is there while the database is away, then writes the failure on
   * the work's own row and tells it once. False when the row was dead already or went on. Rejects when one of the two
   * cannot be written; the sweep does it later, from the failed job or from the row.
   */
  bury(burial: Burial): Promise<boolean>;
  /** Adds the letter of a dead row; one that exists already stays as it is. */
  addLetter(dead: Omit<DeadWork, 'id' | 'replays'>): Promise<void>;
  /** Ids of all letters, at most `limit`. An id is the dead job's own. */
  listLetterIds(limit: number): Promise<string[]>;
  /** False when it was added less than `ageMs` ago: its row may be about to be written. */
  removeStale(jobId: string, ageMs: number): Promise<boolean>;
  /** The payload in plain, and what its job's schema finds wrong with it now. LETTER_UNKNOWN, JOB_UNKNOWN, PAYLOAD_UNSEALABLE. */
  readPayload(id: string): Promise<{ payload: unknown; fault: string | null }>;
  /**
   * Makes it due again under the next generation, with another payload where one is given. False when somebody else
   * decided first.
   *
   * @throws PermanentError LETTER_UNKNOWN; JOB_UNKNOWN, PAYLOAD_INVALID (with the fields) or PAYLOAD_UNSEALABLE when it
   * could only die again; LETTER_EDIT_REFUSED when the payload is that of another piece of work.
   */
  replay(decision: Decision & { readonly payload?: unknown }): Promise<boolean>;
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
      const unwritten = await addLetter({ ...dead, failedAtMs: nowMs }).then(
        () => null,
        (cause: unknown) => ({ cause }),
      );
      const isNew = await work.fail({ ...dead, nowMs });
      const facts = { job, key, generation, trace, attempt: attempts, code, message, durationMs, error };
      if (isNew) onEvent({ kind: 'dead', ...facts });
      if (unwritten !== null) throw unwritten.cause;
      return isNew;
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
    async removeStale(jobId, ageMs) {
      const letter = await (await letters()).getJob(jobId);
      if (letter !== undefined && Date.now() - letter.timestamp < ageMs) return false;
      await removeLetter(jobId);
      return true;
    },
    ...createDecisions(options, connection, removeLetter),
    close: (deadlineMs) => connection.close(deadlineMs),
  };
}

type Decisions = Pick<DeadLetters, 'readPayload' | 'replay' | 'replayJob' | 'discard'>;

function createDecisions(
  { jobs, work, enqueuer, sealKeys, clock }: DeadLetterOptions,
  connection: QueueConnection,
  removeLetter: (jobId: string) => Promise<void>,
): Decisions {
  const jobOf = (name: string): Job => {
    const job = jobs.find((one) => one.name === name);
    if (job === undefined) throw new PermanentError('JOB_UNKNOWN', `This build has no job ${name}.`);
    return job;
  };
  async function readDead(id: string) {
    const dead = await work.readDead(id);
    if (dead === null) throw unknownLetter();
    return dead;
  }
  /** Goes first, so that a crash half-way leaves a dead row with its letter and not a failed job without a row. */
  async function removeFailedJob(dead: WorkRef): Promise<void> {
    const job = jobs.find(({ name }) => name === dead.job);
    if (job === undefined) return;
    const queue = await connection.queue(job.queue);
    for (const id of failedJobIds(dead)) await queue.remove(id);
  }
  async function replay({ id, by, reason, payload }: Parameters<DeadLetters['replay']>[0]): Promise<boolean> {
    const dead = await readDead(id);
    const edit = editOf(jobOf(dead.job), dead, payload, sealKeys);
    await removeFailedJob(dead);
    const item = await work.replay({ id, by, reason, edit, nowMs: clock.nowMs() });
    if (item === null) return false;
    // The row is due again whatever the queue says; an add that fails here is made good by the sweep.
    await enqueuer.addMany([item]);
    await removeLetter(jobIdOf(dead));
    return true;
  }
  return {
    async readPayload(id) {
      const dead = await readDead(id);
      const job = jobOf(dead.job);
      const payload = unsealPayload(job, dead.key, dead.payload, sealKeys);
      try {
        job.parse(payload);
        return { payload, fault: null };
      } catch (error) {
        return { payload, fault: payloadFailure(job.name, error).message };
      }
    },
    replay,
    async replayJob({ jobId, by, reason }) {
      const { id } = await findDead(work, (row) => failedJobIds(row).includes(jobId));
      return replay({ id, by, reason });
    },
    async discard({ id, by, reason }) {
      const dead = await readDead(id);
      await removeFailedJob(dead);
      if (!(await work.discard({ id, by, reason, nowMs: clock.nowMs() }))) return false;
      await removeLetter(jobIdOf(dead));
      return true;
    },
  };
}

/** What the row is to hold, or null to leave it; throws where the replay could only die again. */
function editOf(
  job: Job,
  dead: WorkRef & { readonly payload: unknown },
  payload: unknown,
  sealKeys: readonly Uint8Array[],
): { key: string; payload: Record<string, unknown> } | null {
  try {
    if (payload === undefined) {
      openPayload(job, dead.key, dead.payload, sealKeys);
      return null;
    }
    const key = job.keyOf(payload);
    return { key, payload: sealPayload(job, key, payload, sealKeys) };
  } catch (error) {
    throw payloadFailure(job.name, error);
  }
}

const unknownLetter = () => new PermanentError('LETTER_UNKNOWN', 'No dead letter has this id.');

async function findDead(work: WorkStore, isWanted: (row: DeadWork) => boolean): Promise<DeadWork> {
  let afterId: string | null = null;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const rows: DeadWork[] = await work.listDead({ afterId, limit: PAGE });
    const dead = rows.find(isWanted);
    if (dead !== undefined) return dead;
    afterId = rows.at(-1)?.id ?? null;
    if (rows.length < PAGE) break;
  }
  throw unknownLetter();
}

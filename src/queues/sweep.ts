import type { Queue } from 'bullmq';
import { codeOf, OutageError } from '../errors.ts';
import type { DeadWork, WorkItem, WorkStore } from '../integrations/supabase/work.ts';
import type { Job } from '../jobs/define-job.ts';
import type { Clock } from '../services.ts';
import { connectQueues, type QueueBackend, type QueueConnection } from './connection.ts';
import type { DeadLetters } from './dead-letter.ts';
import { handOver } from './dispatch.ts';
import type { Enqueuer } from './enqueue.ts';
import { readEnvelope, workOf } from './envelope.ts';
import type { OnQueueEvent } from './events.ts';
import { deathOf } from './failure.ts';
import { jobIdOf } from './job-id.ts';

const PAGE = 200;
/** So many rows of one kind in one sweep; the next sweep goes on. */
const MAX_ROWS = 10_000;
/** So many failed jobs each queue keeps for the board; the rows keep them all. */
const KEEP_FAILED = 1_000;
const HANDED_AGE_MS = 60_000;

interface SweepOptions {
  readonly backend: QueueBackend;
  readonly jobs: readonly Job[];
  readonly work: WorkStore;
  readonly enqueuer: Enqueuer;
  readonly letters: DeadLetters;
  readonly clock: Clock;
  readonly onEvent: OnQueueEvent;
  /** How long a row may be handed over before it is looked for in the queue. Default 60 s. */
  readonly handedAgeMs?: number;
  /** How long a letter may stand whose row is not dead: it is written before its row. Default 60 s. */
  readonly letterAgeMs?: number;
}

export interface Sweeper {
  /**
   * Makes rows, queue and letters agree, also after the queue has lost everything. Returns what it did; rejects with an
   * OutageError when the database or the queue is away.
   */
  sweep(): Promise<SweepReport>;
  close(deadlineMs: number): Promise<void>;
}

export interface SweepReport {
  /** Rows that should be queued and were not. */
  addedAgain: number;
  /** Rows and failed jobs that became dead letters only now. */
  buried: number;
  lettersAdded: number;
  lettersRemoved: number;
}

/** What one sweep works with. */
interface Sweep extends SweepOptions {
  readonly connection: QueueConnection;
  readonly report: SweepReport;
}

/** Safe to run twice and in several processes at once: each step is one that its second doing does not change. */
export function createSweeper(options: SweepOptions): Sweeper {
  const { backend, jobs, letters, onEvent } = options;
  const connection = connectQueues(backend, { role: 'producer' }, (queue, error) =>
    onEvent({ kind: 'queue-error', queue, error }),
  );
  async function sweepOnce(): Promise<SweepReport> {
    const report: SweepReport = { addedAgain: 0, buried: 0, lettersAdded: 0, lettersRemoved: 0 };
    const sweep = { ...options, connection, report };
    await recoverRows(sweep);
    // Letters are read before rows: a letter whose row is not dead afterwards was decided on, and not just written.
    const letterIds = new Set(await letters.listLetterIds(MAX_ROWS));
    const dead = await listDead(options.work);
    for (const name of new Set(jobs.map(({ queue }) => queue))) {
      await settleFailed(sweep, await connection.queue(name), dead);
    }
    await settleLetters(sweep, letterIds, dead);
    return report;
  }
  return {
    async sweep() {
      try {
        return await sweepOnce();
      } catch (cause) {
        // What has no code of ours came out of the queue's client: the store is away, and the sweep waits for it.
        if (cause instanceof OutageError || codeOf(cause, 'QUEUE_UNAVAILABLE') !== 'QUEUE_UNAVAILABLE')
          throw cause;
        throw new OutageError('QUEUE_UNAVAILABLE', 'The queue cannot be swept.', { cause });
      }
    },
    close: (deadlineMs) => connection.close(deadlineMs),
  };
}

/** Rows that were handed over a while ago and are not done: is their job still on its way? */
async function recoverRows(sweep: Sweep): Promise<void> {
  const { work, clock, handedAgeMs = HANDED_AGE_MS, report } = sweep;
  for (let seen = 0; seen < MAX_ROWS; seen += PAGE) {
    const nowMs = clock.nowMs();
    const items = await work.takeDue({ nowMs, handedBeforeMs: nowMs - handedAgeMs, limit: PAGE });
    const missing = await Promise.all(items.map((item) => recoverRow(sweep, item)));
    const again = missing.filter((item) => item !== null);
    await handOver(again, sweep);
    report.addedAgain += again.length;
    if (items.length < PAGE) return;
  }
}

/** The item to add, or null when the queue has it or it is dead. */
async function recoverRow(
  { jobs, connection, work, letters, report }: Sweep,
  item: WorkItem,
): Promise<WorkItem | null> {
  const job = jobs.find(({ name }) => name === item.job);
  if (job === undefined) return null;
  const queue = await connection.queue(job.queue);
  const state = await queue.getJobState(jobIdOf(item));
  if (state === 'unknown') return item;
  if (state === 'completed') return { ...item, generation: await work.bump(item) };
  if (state === 'failed') {
    const queued = await queue.getJob(jobIdOf(item));
    const version = queued === undefined ? 0 : readEnvelope(queued).version;
    if (await letters.bury({ ...item, ...deathOf(queued, version), durationMs: 0 })) report.buried += 1;
  }
  return null;
}

async function listDead(work: WorkStore): Promise<Map<string, DeadWork>> {
  const dead = new Map<string, DeadWork>();
  let afterId: string | null = null;
  while (dead.size < MAX_ROWS) {
    const rows: DeadWork[] = await work.listDead({ afterId, limit: PAGE });
    for (const row of rows) dead.set(jobIdOf(row), row);
    afterId = rows.at(-1)?.id ?? null;
    if (rows.length < PAGE) break;
  }
  return dead;
}

/** Failed jobs whose failure did not reach their row; and the failed set is kept short. */
async function settleFailed(
  { letters, report }: Sweep,
  queue: Queue,
  dead: ReadonlyMap<string, DeadWork>,
): Promise<void> {
  for (let start = 0; start < MAX_ROWS; start += PAGE) {
    const page = await queue.getJobs(['failed'], start, start + PAGE - 1, false);
    for (const [index, queued] of page.entries()) {
      const envelope = readEnvelope(queued);
      const item = workOf(envelope);
      const facts = { ...deathOf(queued, envelope.version), durationMs: 0 };
      const isDead = dead.has(jobIdOf(item));
      const isNew = !isDead && (await letters.bury({ ...item, ...facts }));
      if (isNew) report.buried += 1;
      // Neither dead nor newly so: its row went on without it, as after a replay that was cut short.
      const isObsolete = !isDead && !isNew;
      // One that somebody still holds is left to the next sweep: it must not keep this one from the others.
      if (isObsolete || start + index >= KEEP_FAILED) await queued.remove().catch(() => undefined);
    }
    if (page.length < PAGE) return;
  }
}

async function settleLetters(
  { letters, report, letterAgeMs = HANDED_AGE_MS }: Sweep,
  letterIds: ReadonlySet<string>,
  dead: ReadonlyMap<string, DeadWork>,
): Promise<void> {
  for (const [jobId, row] of dead) {
    if (letterIds.has(jobId)) continue;
    await letters.addLetter(row);
    report.lettersAdded += 1;
  }
  // With more dead rows than were read, a letter without one may only have been out of sight.
  if (dead.size >= MAX_ROWS) return;
  for (const jobId of letterIds) {
    if (dead.has(jobId)) continue;
    if (await letters.removeStale(jobId, letterAgeMs)) report.lettersRemoved += 1;
  }
}

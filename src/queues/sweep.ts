import type { Queue } from 'bullmq';
import type { DeadWork, WorkItem, WorkStore } from '../integrations/supabase/work.ts';
import type { Job } from '../jobs/define-job.ts';
import type { Clock } from '../services.ts';
import { connectQueues, type QueueBackend } from './connection.ts';
import type { DeadLetters } from './dead-letter.ts';
import { handOver } from './dispatch.ts';
import type { Enqueuer } from './enqueue.ts';
import { readEnvelope, workOf } from './envelope.ts';
import type { OnQueueEvent } from './events.ts';
import { readReason } from './failure.ts';
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
}

export interface Sweeper {
  /**
   * Makes rows, queue and letters agree, also after the queue has lost everything. Returns what it did; rejects when
   * the database or the queue is away.
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

/** Safe to run twice and in several processes at once: each step is one that its second doing does not change. */
export function createSweeper(options: SweepOptions): Sweeper {
  const { backend, jobs, work, enqueuer, letters, clock, onEvent, handedAgeMs = HANDED_AGE_MS } = options;
  const connection = connectQueues(backend, { role: 'producer' }, (queue, error) =>
    onEvent({ kind: 'queue-error', queue, error }),
  );
  const queueOf = new Map(jobs.map((job) => [job.name, job.queue]));

  async function recoverRows(report: SweepReport): Promise<void> {
    for (let seen = 0; seen < MAX_ROWS; seen += PAGE) {
      const nowMs = clock.nowMs();
      const items = await work.takeDue({ nowMs, handedBeforeMs: nowMs - handedAgeMs, limit: PAGE });
      const missing = await Promise.all(items.map((item) => recoverRow(item, report)));
      const again = missing.filter((item) => item !== null);
      await handOver(again, { enqueuer, letters });
      report.addedAgain += again.length;
      if (items.length < PAGE) return;
    }
  }

  /** The item to add, or null when the queue has it or it is dead. */
  async function recoverRow(item: WorkItem, report: SweepReport): Promise<WorkItem | null> {
    const name = queueOf.get(item.job);
    if (name === undefined) return null;
    const queue = await connection.queue(name);
    const state = await queue.getJobState(jobIdOf(item));
    if (state === 'unknown') return item;
    if (state === 'completed') return { ...item, generation: await work.bump(item) };
    if (state === 'failed') {
      const queued = await queue.getJob(jobIdOf(item));
      const attempts = queued?.attemptsMade ?? 0;
      const burial = { ...item, ...readReason(queued?.failedReason), attempts, durationMs: 0 };
      if (await letters.bury(burial)) report.buried += 1;
    }
    return null;
  }

  async function listDead(): Promise<Map<string, DeadWork>> {
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

  async function settleFailed(
    queue: Queue,
    dead: ReadonlyMap<string, DeadWork>,
    report: SweepReport,
  ): Promise<void> {
    for (let start = 0; start < MAX_ROWS; start += PAGE) {
      const page = await queue.getJobs(['failed'], start, start + PAGE - 1, false);
      for (const [index, queued] of page.entries()) {
        const item = workOf(readEnvelope(queued));
        const isDead = dead.has(jobIdOf(item));
        const failure = readReason(queued.failedReason);
        const isNew =
          !isDead &&
          (await letters.bury({ ...item, ...failure, attempts: queued.attemptsMade, durationMs: 0 }));
        if (isNew) report.buried += 1;
        // Neither dead nor newly so: its row went on without it, as after a replay that was cut short.
        const isObsolete = !isDead && !isNew;
        if (isObsolete || start + index >= KEEP_FAILED) await queued.remove();
      }
      if (page.length < PAGE) return;
    }
  }

  return {
    async sweep() {
      const report: SweepReport = { addedAgain: 0, buried: 0, lettersAdded: 0, lettersRemoved: 0 };
      await recoverRows(report);
      // Letters are read before rows: a letter whose row is not dead afterwards was decided on, and not just written.
      const letterIds = new Set(await letters.listLetterIds(MAX_ROWS));
      const dead = await listDead();
      for (const name of new Set(jobs.map(({ queue }) => queue))) {
        await settleFailed(await connection.queue(name), dead, report);
      }
      for (const [jobId, row] of dead) {
        if (letterIds.has(jobId)) continue;
        await letters.addLetter(row);
        report.lettersAdded += 1;
      }
      if (dead.size >= MAX_ROWS) return report;
      for (const jobId of letterIds) {
        if (dead.has(jobId)) continue;
        await letters.removeLetter(jobId);
        report.lettersRemoved += 1;
      }
      return report;
    },
    close: (deadlineMs) => connection.close(deadlineMs),
  };
}

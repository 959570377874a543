import { getNextMillis, type JobSchedulerJson, type Queue } from 'bullmq';
import type { Job, Schedule } from '../jobs/define-job.ts';
import { connectQueues, QUEUE_NAMES, type QueueBackend } from './connection.ts';
import { jobOptions } from './envelope.ts';

const TRIES = 5;
/** Clocks may differ by some seconds, and two processes by as much about which tick is the next. */
const TICK_TOLERANCE_MS = 60_000;

export interface ScheduleChanges {
  readonly set: string[];
  readonly removed: string[];
}

/**
 * Makes every queue hold exactly the schedulers that the jobs declare, and tells what it changed.
 *
 * A scheduler that is right and has its next tick in time is left alone: setting it again would drop a tick that is
 * overdue.
 * Several processes may do this at once.
 */
export async function applySchedules({
  backend,
  jobs,
}: {
  readonly backend: QueueBackend;
  readonly jobs: readonly Job[];
}): Promise<ScheduleChanges> {
  const connection = connectQueues(backend, { role: 'producer' }, () => {});
  const changes: ScheduleChanges = { set: [], removed: [] };
  try {
    for (const name of QUEUE_NAMES) {
      const queue = await connection.queue(name);
      const wanted = jobs.filter((job) => job.queue === name && job.schedule !== null);
      for (const { key } of await queue.getJobSchedulers(0, -1, true)) {
        if (wanted.some((job) => job.name === key)) continue;
        await queue.removeJobScheduler(key);
        changes.removed.push(key);
      }
      for (const job of wanted) if (await applySchedule(queue, job)) changes.set.push(job.name);
    }
    return changes;
  } finally {
    await connection.close(1_000);
  }
}

/** The next tick of each scheduler that the queues hold, by its job. */
export async function readSchedulers(backend: QueueBackend): Promise<Map<string, number>> {
  const connection = connectQueues(backend, { role: 'producer' }, () => {});
  try {
    const found = new Map<string, number>();
    for (const name of QUEUE_NAMES) {
      const queue = await connection.queue(name);
      for (const { key, next } of await queue.getJobSchedulers(0, -1, true))
        if (next !== undefined) found.set(key, next);
    }
    return found;
  } finally {
    await connection.close(1_000);
  }
}

async function applySchedule(queue: Queue, job: Job): Promise<boolean> {
  const { schedule } = job;
  if (schedule === null) return false;
  for (let tries = 1; ; tries += 1) {
    if (await isRight(queue, job, schedule)) return tries > 1;
    try {
      await queue.upsertJobScheduler(
        job.name,
        { pattern: schedule.cron, tz: schedule.timezone },
        { name: job.name, data: { v: job.version, payload: {} }, opts: jobOptions(job) },
      );
      return true;
    } catch (error) {
      // Another process is setting the same one: then its next look finds it right.
      if (!isCollision(error) || tries === TRIES) throw error;
    }
  }
}

async function isRight(queue: Queue, job: Job, schedule: Schedule): Promise<boolean> {
  const found: JobSchedulerJson | null | undefined = await queue.getJobScheduler(job.name);
  if (found?.next === undefined) return false;
  const isSame =
    found.pattern === schedule.cron &&
    found.tz === schedule.timezone &&
    found.template?.data?.v === job.version &&
    found.template?.opts?.attempts === job.attempts;
  return (
    isSame &&
    !isTooFar(found.next, schedule) &&
    (await queue.getJobState(`repeat:${job.name}:${found.next}`)) !== 'unknown'
  );
}

/** A worker whose clock was ahead took a tick early and put the next one as far into the future as its clock was off. */
function isTooFar(nextMs: number, { cron, timezone }: Schedule): boolean {
  const latestMs = getNextMillis(Date.now() + TICK_TOLERANCE_MS, { pattern: cron, tz: timezone });
  return latestMs !== undefined && nextMs > latestMs;
}

/** BullMQ's −10: the tick that the scheduler would make exists already. */
function isCollision(error: unknown): boolean {
  return (
    error instanceof Error &&
    (('code' in error && error.code === -10) || error.message.includes('already exists'))
  );
}

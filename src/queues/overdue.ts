import { getNextMillis } from 'bullmq';
import type { Job } from '../jobs/define-job.ts';
import type { JobServices } from '../services.ts';

/** How late a tick may be before somebody is told. */
const GRACE_MS = 5 * 60_000;
const startedMs = Date.now();

/** A job that a schedule makes, or a pipeline, and how long what it should have begun is overdue: 0 when it is not. */
export interface Overdue {
  readonly schedule: string;
  readonly lateMs: number;
}

/**
 * The dead man's switch: compares when each schedule should have fired with when it did. BullMQ's schedulers have been
 * seen to end silently, and a pipeline that nobody planned fails nowhere.
 */
export async function listOverdue(
  jobs: readonly Job[],
  { schedules, clock }: Pick<JobServices, 'schedules' | 'clock'>,
  health: { readonly beats: Readonly<Record<string, number>>; readonly databaseTimeMs: number },
): Promise<Overdue[]> {
  const nowMs = health.databaseTimeMs;
  const ticks = jobs.flatMap(({ name, schedule }) => {
    if (schedule === null) return [];
    const { cron: pattern, timezone: tz } = schedule;
    // Before the first beat it is given the time that this process has run.
    const expectedMs = getNextMillis(health.beats[name] ?? startedMs, { pattern, tz }) ?? nowMs;
    return [{ schedule: name, lateMs: nowMs - expectedMs > GRACE_MS ? nowMs - expectedMs : 0 }];
  });
  const businessMs = clock.nowMs();
  const pipelines = (await schedules.list(businessMs)).map(({ name, overdueSinceMs }) => ({
    schedule: name,
    lateMs: overdueSinceMs === null ? 0 : businessMs - overdueSinceMs,
  }));
  return [...ticks, ...pipelines];
}

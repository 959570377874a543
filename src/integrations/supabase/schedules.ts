import { z } from 'zod';
import { instantMs, nothing, type Rpc } from './rpc.ts';

const runState = z.enum(['planned', 'running', 'done', 'failed', 'discarded', 'missed', 'skipped']);
const run = z.object({
  /** Business date. */
  date: z.string(),
  state: runState,
  /** How often it was begun. */
  attempts: z.int(),
  startedAtMs: instantMs.nullable(),
  endedAtMs: instantMs.nullable(),
});
const listedRun = run.extend({ dueAtMs: instantMs, result: z.record(z.string(), z.unknown()).nullable() });
const pipelineStatus = z.object({
  name: z.string(),
  /** HH:MM of the day after, by the clocks of `timezone`. */
  dueTime: z.string(),
  timezone: z.string(),
  catchUpDays: z.int(),
  overlap: z.enum(['queue', 'skip', 'allow']),
  pauseAfter: z.int().nullable(),
  pausedAtMs: instantMs.nullable(),
  pausedBy: z.string().nullable(),
  pauseReason: z.string().nullable(),
  /** The newest run that is not only planned. */
  last: run.nullable(),
  waiting: z.int(),
  missed: z.int(),
  failed: z.int(),
  /** Since when a run should have been planned or have ended, or it paused by itself; null when all is well. */
  overdueSinceMs: instantMs.nullable(),
});

const backfilled = z.array(
  z.object({ date: z.string(), state: z.union([runState, z.enum(['not_due', 'too_late'])]) }),
);

/** What the code declares: {name, job, dueTime, catchUpDays, overlap, pauseAfter}. */
type Declared = Readonly<
  Pick<z.infer<typeof pipelineStatus>, 'name' | 'dueTime' | 'catchUpDays' | 'overlap' | 'pauseAfter'>
> & { readonly job: string | null };

interface Backfill {
  readonly pipeline: string;
  /** Business dates, both included. */
  readonly from: string;
  readonly to: string;
  readonly by: string;
  readonly reason: string;
  /** Nothing is written. */
  readonly dry: boolean;
}

export type SchedulesStore = ReturnType<typeof createSchedulesStore>;

/** The pipelines and their runs, one for each business date, and the beats of what a schedule makes. */
export function createSchedulesStore(rpc: Rpc) {
  return {
    /** Writes what the code declares; pauses and runs stay. */
    ensure: (pipelines: readonly Declared[]) => rpc('ensure_pipelines', { p_pipelines: pipelines }, nothing),
    /** Plans the run of each date that is due and starts what may run; the date whose close is open, and closes that wait. */
    planRuns: (dueMs: number, nowMs: number) =>
      rpc(
        'plan_runs',
        { p_due_ms: dueMs, p_now_ms: nowMs },
        z.object({ planned: z.int(), running: z.string().nullable() }),
      ),
    /** Starts what may run and moves the open close on if it can; the date that is open. */
    advanceRuns: (nowMs: number) => rpc('advance_runs', { p_now_ms: nowMs }, z.string().nullable()),
    list: (nowMs: number) => rpc('list_pipelines', { p_now_ms: nowMs }, z.array(pipelineStatus)),
    /** The newest first, at most 400. PIPELINE_UNKNOWN. */
    runs: (pipeline: string, from: string, to: string) =>
      rpc('list_runs', { p_pipeline: pipeline, p_from: from, p_to: to }, z.array(listedRun)),
    /** What becomes of each date that has no run, or whose run was missed. PIPELINE_UNKNOWN, PERIOD_INVALID. */
    backfill: ({ pipeline, from, to, by, reason, dry }: Backfill, nowMs: number) =>
      rpc(
        'backfill_runs',
        {
          ...{ p_pipeline: pipeline, p_from: from, p_to: to, p_by: by, p_reason: reason },
          ...{ p_dry: dry, p_now_ms: nowMs },
        },
        backfilled,
      ),
    /** False when it was paused already. PIPELINE_UNKNOWN. */
    pause: (pipeline: string, by: string, reason: string, nowMs: number) =>
      rpc(
        'pause_pipeline',
        { p_pipeline: pipeline, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.boolean(),
      ),
    /** False when it was not paused. PIPELINE_UNKNOWN. */
    resume: (pipeline: string, by: string, nowMs: number) =>
      rpc('resume_pipeline', { p_pipeline: pipeline, p_by: by, p_now_ms: nowMs }, z.boolean()),
    /** Proves progress through the real queue. */
    beat: (job: string) => rpc('beat', { p_name: job }, nothing),
  };
}

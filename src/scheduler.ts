import { watchBreaks } from './break-alerts.ts';
import { RealtimeService } from './integrations/supabase/realtime.ts';
import { jobs } from './jobs/registry.ts';
import { forgetClocksAhead } from './queues/clocks-ahead.ts';
import { listOverdue } from './queues/overdue.ts';
import { applySchedules } from './queues/schedules.ts';
import { type Part, type Runtime, runPart } from './runtime.ts';

/** BullMQ schedulers have been seen to end silently: they are compared with what the jobs declare so often. */
const CHECK_MS = 30_000;

/**
 * Makes the queue hold exactly the schedules that the jobs declare, and keeps it so. Several at once are harmless. What
 * was missed while it was down is caught up by the jobs themselves: they plan from the rows, not from the tick.
 */
export async function startScheduler(runtime: Runtime): Promise<Part> {
  const { platform, log, services, reporter } = runtime;
  /** By schedule, how often in a row it was seen overdue: one that is caught up between two looks is told to nobody. */
  const seen = new Map<string, number>();
  async function tellOverdue(): Promise<void> {
    const health = await services.operations.health(services.clock.nowMs());
    for (const { schedule, lateMs } of await listOverdue(jobs, services, health)) {
      const times = lateMs === 0 ? 0 : (seen.get(schedule) ?? 0) + 1;
      seen.set(schedule, times);
      if (times !== 2) continue;
      log.error({ code: 'SCHEDULE_OVERDUE', schedule, lateMs }, 'a schedule did not fire');
      reporter.report(
        { code: 'SCHEDULE_OVERDUE', message: `${schedule} did not fire` },
        {
          ...{ job: schedule, attempt: 0, key: 'schedule', trace: 'scheduler' },
        },
      );
    }
  }
  async function apply(): Promise<void> {
    const changes = await applySchedules({ backend: platform.queue, jobs });
    if (changes.set.length + changes.removed.length > 0) log.info(changes, 'schedules changed');
    const forgotten = await forgetClocksAhead(platform.queue);
    if (forgotten > 0) log.error({ forgotten }, 'a clock was ahead: what it left in the queue is forgotten');
  }
  await apply();
  log.info('scheduling');
  let running = Promise.resolve();
  const timer = setInterval(() => {
    running = apply()
      .then(tellOverdue)
      .catch((error: unknown) => log.warn({ err: error }, 'schedules could not be checked'));
  }, CHECK_MS);
  const realtime = openRealtime(runtime);
  realtime.subscribeToTable(watchBreaks(runtime));
  return {
    async close() {
      clearInterval(timer);
      await realtime.close();
      await running;
    },
  };
}

function openRealtime({ config, platform, log, metrics }: Runtime): RealtimeService {
  return new RealtimeService({
    ...platform.database,
    isOn: config.realtime,
    onLive: (table, isLive) => log.info({ table, isLive }, isLive ? 'changes come' : 'changes are polled'),
    onFailure({ operation, code, error }) {
      metrics.integrationFailed('realtime', code);
      log.warn({ provider: 'realtime', operation, code, err: error }, 'integration failed');
    },
  });
}

if (import.meta.main) await runPart(startScheduler);

import { jobs } from './jobs/registry.ts';
import { forgetClocksAhead } from './queues/clocks-ahead.ts';
import { applySchedules } from './queues/schedules.ts';
import { type Part, type Runtime, runPart } from './runtime.ts';

/** BullMQ schedulers have been seen to end silently: they are compared with what the jobs declare so often. */
const CHECK_MS = 30_000;

/**
 * Makes the queue hold exactly the schedules that the jobs declare, and keeps it so. Several at once are harmless. What
 * was missed while it was down is caught up by the jobs themselves: they plan from the rows, not from the tick.
 */
export async function startScheduler({ platform, log }: Runtime): Promise<Part> {
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
    running = apply().catch((error: unknown) => log.warn({ err: error }, 'schedules could not be checked'));
  }, CHECK_MS);
  return {
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}

if (import.meta.main) await runPart(startScheduler);

import { jobs } from './jobs/registry.ts';
import { createWatchdog } from './queues/watchdog.ts';
import { createWorkers, type WorkerTimes } from './queues/worker.ts';
import { type Part, type Runtime, runPart } from './runtime.ts';

/** Works on every queue, and hands rows that are due to the queue as they appear. */
export async function startWorker(runtime: Runtime, times: Partial<WorkerTimes> = {}): Promise<Part> {
  const { platform, services, letters, config, onQueueEvent, dispatcher } = runtime;
  const workers = await createWorkers({
    ...{ backend: platform.queue, jobs, services, letters, sealKeys: config.bodyKeys },
    onEvent: onQueueEvent,
    onFinished: dispatcher.wake,
    times,
  });
  const watchdog = createWatchdog({
    workers,
    onEvent: onQueueEvent,
    exit: () => process.kill(process.pid, 'SIGTERM'),
  });
  dispatcher.start();
  watchdog.start();
  return {
    async close(deadlineMs) {
      watchdog.stop();
      await workers.close(deadlineMs);
      await dispatcher.stop();
    },
  };
}

if (import.meta.main) await runPart((runtime) => startWorker(runtime));

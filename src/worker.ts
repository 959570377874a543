import { jobs } from './jobs/registry.ts';
import { createWatchdog } from './queues/watchdog.ts';
import { createWorkers } from './queues/worker.ts';
import { type Part, type Runtime, runPart } from './runtime.ts';

/** Works on every queue, and hands rows that are due to the queue as they appear. */
export async function startWorker(runtime: Runtime): Promise<Part> {
  const { platform, services, letters, config, log, onQueueEvent, dispatcher } = runtime;
  // The worker's to say, since it is the one that sends: a command line may have another environment.
  await services.eventSinkStore.ensure(services.eventSinks.configured);
  const workers = await createWorkers({
    ...{ backend: platform.queue, jobs, services, letters, sealKeys: config.bodyKeys },
    onEvent: onQueueEvent,
    onFinished: dispatcher.wake,
    times: { lockMs: config.queueLockMs, stalledCheckMs: config.queueLockMs / 2 },
  });
  const watchdog = createWatchdog({
    workers,
    onEvent: onQueueEvent,
    exit: () => process.kill(process.pid, 'SIGTERM'),
  });
  dispatcher.start();
  watchdog.start();
  const logs = services.callLogReaders.map(({ source }) => source);
  log.info({ callLogs: logs.length === 0 ? 'off: none is configured' : logs.join(', ') }, 'working');
  return {
    async close(deadlineMs) {
      watchdog.stop();
      await workers.close(deadlineMs);
      await dispatcher.stop();
    },
  };
}

if (import.meta.main) await runPart(startWorker);

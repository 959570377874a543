import { jobs } from './jobs/registry.ts';
import { createWatchdog } from './queues/watchdog.ts';
import { createWorkers } from './queues/worker.ts';
import { type Part, type Runtime, runPart } from './runtime.ts';

/** Works on every queue, and hands rows that are due to the queue as they appear. */
export async function startWorker(runtime: Runtime): Promise<Part> {
  const { platform, services, letters, config, log, onQueueEvent, dispatcher } = runtime;
  const telling = await keepTelling(runtime);
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
      clearInterval(telling);
      watchdog.stop();
      await workers.close(deadlineMs);
      await dispatcher.stop();
    },
  };
}

/** Well below the hours after which a sink that no worker has is given up. */
const TELL_EVERY_MS = 10 * 60_000;

/** Who is told of events is the worker's to say, since it is the one that sends: a command line may have another environment. */
async function keepTelling({ services, log }: Runtime): Promise<NodeJS.Timeout> {
  const { eventSinkStore, eventSinks, clock } = services;
  const tell = () => eventSinkStore.ensure(eventSinks.configured, clock.nowMs());
  await tell();
  return setInterval(() => {
    tell().catch((error: unknown) => log.warn({ err: error }, 'who is told of events is not said again yet'));
  }, TELL_EVERY_MS).unref();
}

if (import.meta.main) await runPart(startWorker);

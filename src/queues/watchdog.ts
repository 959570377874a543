import type { OnQueueEvent } from './events.ts';
import type { WorkerProbe, Workers } from './worker.ts';

interface WatchdogOptions {
  readonly workers: Pick<Workers, 'probes' | 'rebuild'>;
  readonly onEvent: OnQueueEvent;
  /** Asks the process to end, so that its supervisor starts a fresh one. */
  readonly exit: () => void;
  /** How long jobs may wait beside an idle worker. */
  readonly limitMs?: number;
}

export interface Watchdog {
  /** One look at every worker; `nowMs` may come from any steady clock. */
  check(nowMs: number): Promise<void>;
  /** Looks every `everyMs` until `stop`. */
  start(everyMs?: number): void;
  stop(): void;
}

interface Sight {
  started: number;
  stuckSinceMs: number | null;
  rebuilt: boolean;
}

/**
 * Notices a worker that takes nothing while jobs wait: a client can lose its connection for good and still answer
 * pings, so that only progress tells. The first time it is rebuilt; when that does not help, the process ends.
 */
export function createWatchdog({ workers, onEvent, exit, limitMs = 60_000 }: WatchdogOptions): Watchdog {
  const sights = new Map<string, Sight>();
  let timer: NodeJS.Timeout | undefined;

  async function look(probe: WorkerProbe, nowMs: number): Promise<void> {
    const started = probe.startedCount();
    const sight = sights.get(probe.queue) ?? { started, stuckSinceMs: null, rebuilt: false };
    sights.set(probe.queue, sight);
    const hasMoved = started !== sight.started;
    if (hasMoved) sight.rebuilt = false;
    if (hasMoved || probe.activeCount() > 0 || (await probe.countWaiting()) === 0) {
      sights.set(probe.queue, { ...sight, started, stuckSinceMs: null });
      return;
    }
    sight.stuckSinceMs ??= nowMs;
    if (nowMs - sight.stuckSinceMs < limitMs) return;
    if (sight.rebuilt) {
      onEvent({ kind: 'idle-exit', queue: probe.queue });
      exit();
      return;
    }
    onEvent({ kind: 'idle-rebuilt', queue: probe.queue });
    await workers.rebuild(probe.queue);
    sights.set(probe.queue, { started: probe.startedCount(), stuckSinceMs: null, rebuilt: true });
  }

  async function check(nowMs: number): Promise<void> {
    for (const probe of workers.probes) {
      // A store that does not answer is an outage and no fault of the worker's.
      await look(probe, nowMs).catch((error: unknown) =>
        onEvent({ kind: 'queue-error', queue: probe.queue, error }),
      );
    }
  }

  return {
    check,
    start(everyMs = 10_000) {
      timer ??= setInterval(() => void check(performance.now()), everyMs);
    },
    stop() {
      clearInterval(timer);
    },
  };
}

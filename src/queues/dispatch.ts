import { OutageError, PermanentError } from '../errors.ts';
import type { WorkItem, WorkStore } from '../integrations/supabase/work.ts';
import type { Clock } from '../services.ts';
import type { DeadLetters } from './dead-letter.ts';
import type { Enqueuer } from './enqueue.ts';
import type { OnQueueEvent } from './events.ts';
import { describeFailure } from './failure.ts';

const PAGE = 500;
const POLL_MS = 1_000;
/** Wakes gather for so long: a thousand jobs that finish in a second are not a thousand looks at the table. */
const WAKE_MS = 20;

interface DispatcherOptions {
  readonly work: WorkStore;
  readonly enqueuer: Pick<Enqueuer, 'addMany'>;
  readonly letters: Pick<DeadLetters, 'bury'>;
  readonly clock: Clock;
  readonly onEvent: OnQueueEvent;
}

export interface Dispatcher {
  /**
   * Moves every row that is due and was never handed over into the queue; calls that come meanwhile share the next
   * round. Rejects when the database or the queue is away; rows handed over in vain come back by the sweep.
   */
  dispatch(): Promise<void>;
  /** Dispatches soon, and tells a failure by event instead of throwing. */
  wake(): void;
  /** Wakes every `pollMs` until `stop`. */
  start(pollMs?: number): void;
  /** Resolves when no round runs any more. */
  stop(): Promise<void>;
}

export function createDispatcher({ work, enqueuer, letters, clock, onEvent }: DispatcherOptions): Dispatcher {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let waking: NodeJS.Timeout | undefined;

  async function round(): Promise<void> {
    while (true) {
      const items = await work.takeDue({ nowMs: clock.nowMs(), handedBeforeMs: 0, limit: PAGE });
      await handOver(items, { enqueuer, letters });
      if (items.length < PAGE) return;
    }
  }

  function begin(): Promise<void> {
    const current = round().finally(() => {
      running = null;
    });
    running = current;
    return current;
  }

  function dispatch(): Promise<void> {
    if (running === null) return begin();
    // A row may have become due after the running round looked, so one more round follows it.
    next ??= running
      .catch(() => {})
      .then(() => {
        next = null;
        return begin();
      });
    return next;
  }

  function wake(): void {
    waking ??= setTimeout(() => {
      waking = undefined;
      dispatch().catch((error: unknown) => onEvent({ kind: 'queue-error', queue: 'dispatch', error }));
    }, WAKE_MS);
  }

  return {
    dispatch,
    wake,
    start(pollMs = POLL_MS) {
      timer ??= setInterval(wake, pollMs);
    },
    async stop() {
      clearInterval(timer);
      clearTimeout(waking);
      await (next ?? running)?.catch(() => {});
    },
  };
}

/**
 * Adds rows to the queue. A row that can never be added is buried, so that it does not come back for ever; one of a
 * job that only a newer build knows is left to that build. Throws the outage when the queue is away.
 */
export async function handOver(
  items: readonly WorkItem[],
  { enqueuer, letters }: Pick<DispatcherOptions, 'enqueuer' | 'letters'>,
): Promise<void> {
  const results = await enqueuer.addMany(items);
  for (const [index, item] of items.entries()) {
    const error = results[index] ?? null;
    if (!(error instanceof PermanentError) || error.code === 'JOB_UNKNOWN') continue;
    await letters.bury({
      ...item,
      ...describeFailure(error),
      attempts: 0,
      tries: [],
      payloadVersion: 0,
      durationMs: 0,
      error,
    });
  }
  const outage = results.find((error) => error instanceof OutageError);
  if (outage) throw outage;
}

import { OutageError } from '../errors.ts';

interface CoalescerOptions<T> {
  /** Most items of one round trip. */
  readonly maxBatch: number;
  /** Most items that wait for their round trip; one more is refused at once. */
  readonly maxWaiting: number;
  readonly send: (items: readonly T[]) => Promise<void>;
  readonly full: () => Error;
}

export interface Coalescer<T> {
  /** Settles when the item was sent, or with the error that is its own. */
  push(item: T): Promise<void>;
}

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what comes during one round trip into the next one, so that a burst costs a handful of round trips.
 *
 * A rejected batch is sent again one by one, because one bad item must not take its neighbours with it; only an
 * outage counts for all of them at once.
 */
export function createCoalescer<T>({ maxBatch, maxWaiting, send, full }: CoalescerOptions<T>): Coalescer<T> {
  const waiting: Waiting<T>[] = [];
  let sending = false;

  async function sendBatch(batch: readonly Waiting<T>[]): Promise<void> {
    try {
      await send(batch.map(({ item }) => item));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      if (batch.length === 1 || error instanceof OutageError) {
        for (const { reject } of batch) reject(error);
        return;
      }
      for (const one of batch) await sendBatch([one]);
    }
  }

  async function drain(): Promise<void> {
    sending = true;
    // One turn of the loop lets everything that is added in the same tick travel together.
    await Promise.resolve();
    while (waiting.length > 0) await sendBatch(waiting.splice(0, maxBatch));
    sending = false;
  }

  return {
    push(item) {
      if (waiting.length >= maxWaiting) return Promise.reject(full());
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        if (!sending) void drain();
      });
    },
  };
}

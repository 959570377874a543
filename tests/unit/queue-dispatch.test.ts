import { expect, it, vi } from 'vitest';
import { OutageError } from '../../src/errors.ts';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import { createDispatcher } from '../../src/queues/dispatch.ts';
import type { QueueEvent } from '../../src/queues/events.ts';
import { createMemoryWork } from '../helpers/memory-work.ts';

const clock = { nowMs: () => 1_000 };
const letters = { bury: async () => true };

function dispatcherOver(addMany: (items: readonly WorkItem[]) => Promise<readonly (Error | null)[]>) {
  const work = createMemoryWork();
  const events: QueueEvent[] = [];
  const enqueuer = { addMany };
  const dispatcher = createDispatcher({
    work,
    enqueuer,
    letters,
    clock,
    onEvent: (event) => events.push(event),
  });
  const put = (count: number, dueAtMs = 0) => {
    for (let n = 0; n < count; n += 1) {
      work.put({ job: 'a.b', key: `${work.rows.size}`, payload: {}, dueAtMs, trace: 't' });
    }
  };
  return { work, events, dispatcher, put };
}

it('moves all due rows, page after page, and leaves those that are due later', async () => {
  const added: WorkItem[] = [];
  const { dispatcher, put } = dispatcherOver(async (items) => {
    added.push(...items);
    return items.map(() => null);
  });
  put(1_200);
  put(1, 2_000);
  await dispatcher.dispatch();
  expect(added).toHaveLength(1_200);
  await dispatcher.dispatch();
  expect(added).toHaveLength(1_200);
});

it('runs one round at a time, and one more for all that asked meanwhile', async () => {
  let release = () => {};
  let rounds = 0;
  const { dispatcher, work, put } = dispatcherOver(async (items) => {
    rounds += 1;
    if (rounds === 1) {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
    return items.map(() => null);
  });
  put(1);
  const first = dispatcher.dispatch();
  await vi.waitFor(() => expect(rounds).toBe(1), 10_000);
  put(1);
  const asked = Array.from({ length: 10 }, () => dispatcher.dispatch());
  release();
  await Promise.all([first, ...asked]);
  expect(rounds).toBe(2);
  expect([...work.rows.values()].every(({ handedAtMs }) => handedAtMs !== null)).toBe(true);
});

it('stops at once when the queue is away, so that no more rows are handed over in vain', async () => {
  const away = new OutageError('QUEUE_UNAVAILABLE', 'away');
  const { dispatcher, work, put } = dispatcherOver(async (items) => items.map(() => away));
  put(1_200);
  await expect(dispatcher.dispatch()).rejects.toBe(away);
  expect([...work.rows.values()].filter(({ handedAtMs }) => handedAtMs !== null)).toHaveLength(500);
});

it('woken or polling, it tells a failure by event and goes on', async () => {
  const { dispatcher, work, events, put } = dispatcherOver(async (items) => items.map(() => null));
  put(3);
  work.outage = new OutageError('DATABASE_UNAVAILABLE', 'away');
  dispatcher.start(5);
  await vi.waitFor(() => expect(events[0]).toMatchObject({ kind: 'queue-error', queue: 'dispatch' }), 10_000);
  work.outage = null;
  await vi.waitFor(
    () => expect([...work.rows.values()].every(({ handedAtMs }) => handedAtMs !== null)).toBe(true),
    10_000,
  );
  await dispatcher.stop();
});

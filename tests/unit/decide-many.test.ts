import { describe, expect, test } from 'vitest';
import { PermanentError } from '../../src/errors.ts';
import { discardMany, replayMany } from '../../src/queues/decide-many.ts';

type State = 'due' | 'done' | 'dead';
const decision = { by: 'ann', reason: 'mended', ratePerS: 1_000, stopAfter: 5, waitMs: 0 };
const many = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `${n}`, isPoison: false }));

/** Rows whose replay ends at once as `fate` says. */
function rows(fate: (id: string) => State | 'gone' | PermanentError) {
  const replayed: string[] = [];
  return {
    replayed,
    queue: {
      async replay({ id }: { id: string }) {
        const end = fate(id);
        if (end instanceof PermanentError) throw end;
        if (end !== 'gone') replayed.push(id);
        return end !== 'gone';
      },
    },
    store: {
      states: async (ids: readonly string[]) => ids.map((id) => ({ id, state: fate(id) as State })),
    },
  };
}

describe('a batch of replays', () => {
  test('tells what became of each letter', async () => {
    const invalid = new PermanentError('PAYLOAD_INVALID', 'calls.test: body invalid_type');
    const unknown = new PermanentError('LETTER_UNKNOWN', 'gone');
    const fates = ['done', 'dead', 'due', 'gone', invalid, unknown] as const;
    const { queue, store } = rows((id) => fates[Number(id)] ?? 'done');
    const letters = [...many(6), { id: '6', isPoison: true }];
    expect(await replayMany(queue, store, { ...decision, letters })).toEqual({
      ...{ replayed: 3, done: 1, diedAgain: 1, underWay: 1, poison: 1, gone: 2, stopped: false },
      refused: [{ id: '4', code: 'PAYLOAD_INVALID', message: 'calls.test: body invalid_type' }],
    });
  });

  test('ends by itself when so many died again, and leaves the rest', async () => {
    const { queue, store, replayed } = rows(() => 'dead');
    const report = await replayMany(queue, store, { ...decision, letters: many(3_000), ratePerS: 500 });
    expect(report.stopped).toBe(true);
    expect(report.diedAgain).toBe(replayed.length);
    expect(replayed.length).toBeLessThan(3_000);
  });

  test('goes no faster than it may', async () => {
    const { queue, store } = rows(() => 'done');
    const startedMs = performance.now();
    await replayMany(queue, store, { ...decision, letters: many(21), ratePerS: 100 });
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(190);
  });
});

test('a batch of discards drops the rest when somebody else decided on some', async () => {
  const discarded: string[] = [];
  const queue = {
    async discard({ id }: { id: string }) {
      if (id === '1') throw new PermanentError('LETTER_UNKNOWN', 'gone');
      if (id !== '2') discarded.push(id);
      return id !== '2';
    },
  };
  const batch = { letters: many(4), by: 'ann', reason: 'a test call' };
  expect(await discardMany(queue, batch)).toEqual({ discarded: 2, gone: 2 });
  expect(discarded).toEqual(['0', '3']);
});

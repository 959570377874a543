import { describe, expect, it } from 'vitest';
import { OutageError, TransientError } from '../../src/errors.ts';
import { createBatcher, createGate, runSplitting } from '../../src/queues/batch.ts';
import { createCoalescer } from '../../src/queues/coalesce.ts';
import { createWatchdog } from '../../src/queues/watchdog.ts';

describe('coalescing', () => {
  it('sends what comes during one round trip together with the next', async () => {
    const sent: number[] = [];
    let release = () => {};
    const coalescer = createCoalescer<number>({
      maxBatch: 100,
      maxWaiting: 100,
      full: () => new Error('full'),
      async send(items) {
        sent.push(items.length);
        if (sent.length === 1)
          await new Promise<void>((resolve) => {
            release = resolve;
          });
      },
    });
    const first = coalescer.push(0);
    await Promise.resolve();
    const others = Promise.all(Array.from({ length: 50 }, (_, n) => coalescer.push(n)));
    release();
    await Promise.all([first, others]);
    expect(sent).toEqual([1, 50]);
  });

  it('lets one bad item fail alone, and an outage all at once', async () => {
    let calls = 0;
    const coalescer = createCoalescer<string>({
      maxBatch: 100,
      maxWaiting: 100,
      full: () => new Error('full'),
      async send(items) {
        calls += 1;
        if (items.includes('bad')) throw new Error('bad');
        if (items.includes('away')) throw new OutageError('QUEUE_UNAVAILABLE', 'away');
      },
    });
    const mixed = await Promise.allSettled(['a', 'bad', 'b'].map((item) => coalescer.push(item)));
    expect(mixed.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    calls = 0;
    const away = await Promise.allSettled(['a', 'away', 'b'].map((item) => coalescer.push(item)));
    expect(away.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(calls).toBe(1);
  });

  it('refuses at once what is beyond its bound', async () => {
    const coalescer = createCoalescer<number>({
      maxBatch: 1,
      maxWaiting: 2,
      full: () => new Error('full'),
      send: () => new Promise(() => {}),
    });
    void coalescer.push(1);
    void coalescer.push(2);
    await expect(coalescer.push(3)).rejects.toThrow('full');
  });
});

describe('batches', () => {
  it('are found to be bad in the one item that is the cause', async () => {
    const results = await runSplitting(
      [1, 2, 3, 4, 5],
      async (items) => {
        if (items.includes(4)) throw new TransientError('DATABASE_CONFLICT', 'poison');
        return items.map((item) => item * 10);
      },
      () => false,
    );
    expect(results.map((result) => (result instanceof Error ? 'error' : result))).toEqual([
      10,
      20,
      30,
      'error',
      50,
    ]);
  });

  it('run when full and not later, and tell each item its own result', async () => {
    const sizes: number[] = [];
    const push = createBatcher<number, number>({
      size: 2,
      waitMs: 60_000,
      async run(items) {
        sizes.push(items.length);
        return items.map((item) => (item === 2 ? new Error('two') : item));
      },
    });
    const results = await Promise.allSettled([push(1), push(2)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(sizes).toEqual([2]);
  });

  it('never run wider than their gate, and every piece of work gets through', async () => {
    const gate = createGate(3);
    let running = 0;
    let widest = 0;
    const work = async () => {
      running += 1;
      widest = Math.max(widest, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (widest === 0) throw new Error('never');
    };
    await Promise.all(Array.from({ length: 20 }, () => gate(work)));
    expect(widest).toBe(3);
  });
});

describe('the watchdog', () => {
  it('rebuilds a worker that takes nothing while jobs wait, and ends the process when that did not help', async () => {
    const told: string[] = [];
    let started = 0;
    const probe = {
      queue: 'calls',
      startedCount: () => started,
      activeCount: () => 0,
      countWaiting: async () => 3,
    };
    const watchdog = createWatchdog({
      workers: { probes: [probe], rebuild: async (queue) => void told.push(`rebuild ${queue}`) },
      onEvent: ({ kind }) => told.push(kind),
      exit: () => told.push('exit'),
      limitMs: 100,
    });
    for (const nowMs of [0, 50, 99]) await watchdog.check(nowMs);
    started += 1;
    for (const nowMs of [120, 150, 240]) await watchdog.check(nowMs);
    expect(told).toEqual([]);
    await watchdog.check(260);
    expect(told).toEqual(['idle-rebuilt', 'rebuild calls']);
    for (const nowMs of [300, 399]) await watchdog.check(nowMs);
    expect(told).toHaveLength(2);
    await watchdog.check(401);
    expect(told.slice(2)).toEqual(['idle-exit', 'exit']);
  });
});

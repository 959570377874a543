import { expect, test } from 'vitest';
import { createDeadLetters } from '../../src/queues/dead-letter.ts';
import { createEnqueuer } from '../../src/queues/enqueue.ts';
import { createSweeper } from '../../src/queues/sweep.ts';
import { createMemoryWork } from '../helpers/memory-work.ts';

test('a sweep that meets a queue that is away reports an outage, which is no dead letter', async () => {
  // Nobody listens on port 1.
  const backend = { kind: 'postgres', url: 'postgres://nobody@127.0.0.1:1/none' } as const;
  const base = {
    backend,
    jobs: [],
    work: createMemoryWork(),
    clock: { nowMs: () => 0 },
    onEvent: () => undefined,
  };
  const enqueuer = createEnqueuer({ ...base, sealKeys: [] });
  const letters = createDeadLetters({ ...base, enqueuer, sealKeys: [] });
  const sweeper = createSweeper({ ...base, enqueuer, letters });
  await expect(sweeper.sweep()).rejects.toMatchObject({ name: 'OutageError', code: 'QUEUE_UNAVAILABLE' });
  await Promise.all([sweeper, letters, enqueuer].map((one) => one.close(1_000)));
});

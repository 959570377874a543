/**
 * A worker of the jobs that end for good, whose process dies whenever one of them is about to be buried: the queue has
 * the failure, and nobody else.
 */
import { z } from 'zod';
import type { DeadLetters } from '../../src/queues/dead-letter.ts';
import { createWorkers } from '../../src/queues/worker.ts';
import type { JobServices } from '../../src/services.ts';
import { createMemoryWork } from '../helpers/memory-work.ts';
import { TERMINAL_JOBS } from '../helpers/terminal-jobs.ts';

const backend = z
  .object({ kind: z.enum(['redis', 'postgres']), url: z.string() })
  .parse(JSON.parse(process.argv[2] ?? ''));
const letters: Pick<DeadLetters, 'bury'> = {
  bury() {
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => undefined);
  },
};
const services: Pick<JobServices, 'work' | 'clock'> = {
  work: createMemoryWork(),
  clock: { nowMs: () => Date.now() },
};
await createWorkers({
  ...{ backend, jobs: TERMINAL_JOBS, sealKeys: [], onEvent: () => undefined },
  ...{ letters: letters as DeadLetters, services: services as JobServices },
  times: { lockMs: 500, stalledCheckMs: 250, putBackMs: 20, waitCapMs: 100 },
});

import { expect, test } from 'vitest';
import { sweep } from '../../src/jobs/operations/sweep.job.ts';
import type { JobServices } from '../../src/services.ts';

const report = { addedAgain: 1, buried: 0, lettersAdded: 0, lettersRemoved: 0 };

/** Runs the job with a queue and runs that answer so; which of the two were asked. */
async function run({ swept, advanced }: { swept: () => unknown; advanced: () => unknown }) {
  const asked: string[] = [];
  const ask = async (name: string, answer: () => unknown) => {
    asked.push(name);
    return answer();
  };
  const services = {
    clock: { nowMs: () => 0 },
    queueSweep: { sweep: () => ask('queue', swept) },
    schedules: { beat: async () => ({}), advanceRuns: () => ask('runs', advanced) },
  } as unknown as JobServices;
  const context = {
    ...services,
    signal: new AbortController().signal,
    dueAtMs: 0,
    attempt: 1,
    trace: 'tick',
  };
  const ended = await sweep.run({}, context).catch((error: unknown) => error);
  return { asked: asked.sort(), ended };
}
const fails = (message: string) => () => {
  throw new Error(message);
};

test('letters do not wait for a close that cannot go on, nor a close for a queue that is away', async () => {
  const both = ['queue', 'runs'];
  const noClose = await run({ swept: () => report, advanced: fails('a lock') });
  expect(noClose).toEqual({ asked: both, ended: new Error('a lock') });
  const noQueue = await run({ swept: fails('away'), advanced: () => null });
  expect(noQueue).toEqual({ asked: both, ended: new Error('away') });
  const good = await run({ swept: () => report, advanced: () => '2026-03-01' });
  expect(good.ended).toEqual({ kind: 'done', summary: { ...report, openClose: '2026-03-01' } });
});

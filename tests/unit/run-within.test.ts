import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { runWithin } from '../../src/queues/run-job.ts';

const never = () => new Promise<never>(() => {});

it('a run leaves nothing listening for the stop of its worker, however it ends: a worker runs for months', async () => {
  const stop = new AbortController();
  const signals: AbortSignal[] = [];
  const run = (work: () => Promise<string>, timeoutMs = 1_000) =>
    runWithin(
      (signal) => {
        signals.push(signal);
        return work();
      },
      { timeoutMs, stop: stop.signal },
    );
  await run(async () => 'done');
  await expect(run(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  await expect(run(never, 1)).rejects.toMatchObject({ code: 'JOB_TIMEOUT' });
  const stopped = run(never);
  stop.abort(new Error('the worker stops'));
  await expect(stopped).rejects.toThrow('the worker stops');
  await expect(run(async () => 'done')).rejects.toThrow('the worker stops');

  expect(signals).toHaveLength(4);
  expect(signals.map((signal) => getEventListeners(signal, 'abort'))).toEqual([[], [], [], []]);
});

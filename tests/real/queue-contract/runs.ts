import { expect, it } from 'vitest';
import { OutageError, PermanentError } from '../../../src/errors.ts';
import { done, type Outcome, skip, snooze } from '../../../src/jobs/define-job.ts';
import { testBatchJob, testJob } from '../../helpers/queue-house.ts';
import { type Fixture, never, until } from './fixture.ts';

export function describeRuns({ given, open, inspect, jobOf }: Fixture): void {
  it('a job that is done or skipped finishes its row and says which', async () => {
    const { work, put, dispatcher, startWorkers, told } = open([
      testJob(async ({ id }) => (id === 'a' ? done() : skip('NOT_NEEDED'))),
    ]);
    put('a', 'b');
    await startWorkers();
    await dispatcher.dispatch();
    await until(() => expect([...work.rows.values()].map(({ state }) => state)).toEqual(['done', 'done']));
    expect(work.row('calls.test', 'b')?.result).toBe('NOT_NEEDED');
    await until(() => expect([told('completed').length, told('skipped').length]).toEqual([1, 1]));
  });

  it('a handler gets its payload, due moment, trace and attempt, and no service that it does not use', async () => {
    const seen: unknown[] = [];
    const { enqueuer, startWorkers } = open([
      testJob(async (payload, context) => {
        seen.push(payload, { ...context, signal: context.signal.aborted });
        return done();
      }),
    ]);
    await startWorkers();
    await enqueuer.add(testJob(never), { id: 'a:ü' }, { dueAtMs: 123, trace: 'tr' });
    await until(() =>
      expect(seen).toEqual([{ id: 'a:ü' }, { signal: false, dueAtMs: 123, attempt: 1, trace: 'tr' }]),
    );
  });

  it('a snoozed job comes again without using an attempt', async () => {
    let runs = 0;
    const attempts: number[] = [];
    const { enqueuer, startWorkers, told, item } = open([
      testJob(
        async (_, { attempt }) => {
          runs += 1;
          attempts.push(attempt);
          return runs < 4 ? snooze(5, 'NOT_YET') : done();
        },
        { attempts: 1 },
      ),
    ]);
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(told('completed')).toHaveLength(1));
    expect(attempts).toEqual([1, 1, 1, 1]);
    expect(told('snoozed')[0]).toMatchObject({ code: 'NOT_YET' });
  });

  it('a job that waits longer than a day is a dead letter', async () => {
    const { enqueuer, startWorkers, work, told, item } = open([testJob(async () => snooze(5, 'NOT_YET'))]);
    await startWorkers(undefined, { waitCapMs: 50 });
    await enqueuer.addMany([item('a')]);
    await until(() => expect(told('dead')).toHaveLength(1));
    expect(work.row('calls.test', 'a')?.death?.code).toBe('SNOOZED_TOO_LONG');
  });

  it('an outage of what a job needs uses no attempt, and the job comes again', async () => {
    let runs = 0;
    const { enqueuer, startWorkers, told, item } = open([
      testJob(
        async () => {
          runs += 1;
          if (runs < 3) throw new OutageError('STRIPE_UNAVAILABLE', 'away', { retryAfterMs: 5 });
          return done();
        },
        { attempts: 1 },
      ),
    ]);
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(told('completed')).toHaveLength(1));
    // It is told when the job waits already, which may be later than its next run.
    await until(() =>
      expect(told('snoozed').map(({ code }) => code)).toEqual(['STRIPE_UNAVAILABLE', 'STRIPE_UNAVAILABLE']),
    );
  });

  it('a job whose row cannot be finished runs again until it can', async () => {
    let runs = 0;
    const { enqueuer, startWorkers, work, put, item } = open([
      testJob(async () => {
        runs += 1;
        return done();
      }),
    ]);
    put('a');
    work.outage = new OutageError('DATABASE_UNAVAILABLE', 'away', { retryAfterMs: 5 });
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(runs).toBeGreaterThan(1));
    work.outage = null;
    await until(() => expect(work.row('calls.test', 'a')?.state).toBe('done'));
  });

  it('a permanent error is a dead letter at once, told once, with nothing of the payload in it', async () => {
    const { enqueuer, startWorkers, work, told, item, letters } = open([
      testJob(async () => {
        throw new PermanentError('CALL_UNKNOWN', 'No call has this id.');
      }),
    ]);
    await startWorkers();
    await enqueuer.addMany([{ ...item('a'), payload: { id: 'a', body: 'canary-4155550100' } }]);
    // The letter comes first, so that the row is waited for.
    await until(() => expect(told('dead')).toHaveLength(1));
    expect(await letters.listLetterIds(10)).toEqual(['calls.test.a.1']);
    expect(told('attempt-failed')).toHaveLength(1);
    expect(work.row('calls.test', 'a')).toMatchObject({
      state: 'dead',
      death: { code: 'CALL_UNKNOWN', attempts: 1 },
    });
    const letter = await inspect(async (connection) =>
      (await connection.queue('dead-letters')).getJob('calls.test.a.1'),
    );
    expect(letter?.data).toMatchObject({
      job: 'calls.test',
      key: 'a',
      generation: 1,
      code: 'CALL_UNKNOWN',
      attempts: 1,
    });
    expect(JSON.stringify(letter?.data)).not.toContain('canary');
  });

  it('any other error is tried again with backoff and buried after the last attempt, scrubbed', async () => {
    const { enqueuer, startWorkers, told, item } = open([
      testJob(async () => {
        throw new TypeError('canary-4155550100');
      }),
    ]);
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(told('dead')).toHaveLength(1));
    expect(told('attempt-failed').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    const job = await jobOf('a');
    expect(job?.failedReason).toBe('JOB_FAILED: TypeError');
    expect(await given().dump()).not.toContain('canary');
  });

  it('a job that runs too long is abandoned even when it ignores its signal', async () => {
    let aborted = 0;
    const { enqueuer, startWorkers, work, told, item } = open([
      testJob(
        async (_, { signal }) => {
          signal.addEventListener('abort', () => {
            aborted += 1;
          });
          return never();
        },
        { timeoutMs: 30, attempts: 2 },
      ),
    ]);
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(told('dead')).toHaveLength(1));
    expect(work.row('calls.test', 'a')?.death).toMatchObject({ code: 'JOB_TIMEOUT', attempts: 2 });
    expect(aborted).toBe(2);
  });

  it('a payload that the schema refuses is refused at the door, and is a dead letter when it got in', async () => {
    const strict = testJob(async () => done());
    const { enqueuer, startWorkers, work, told, item } = open([strict]);
    const [refused] = await enqueuer.addMany([{ ...item('a'), payload: { id: 7 } }]);
    expect(refused).toMatchObject({ code: 'PAYLOAD_INVALID' });
    await inspect(async (connection) => {
      const queue = await connection.queue('calls');
      await queue.add(
        'calls.test',
        { v: 1, key: 'b', payload: { id: 7 } },
        { jobId: 'calls.test.b.1', attempts: 3 },
      );
    });
    await startWorkers();
    await until(() => expect(told('dead')).toHaveLength(1));
    expect(work.row('calls.test', 'b')?.death).toMatchObject({ code: 'PAYLOAD_INVALID', attempts: 1 });
  });

  it('a batch runs together, and one poisoned item fails alone', async () => {
    const sizes: number[] = [];
    const poison = new Set(['n3', 'n7']);
    const { enqueuer, startWorkers, work, put, item, told } = open([
      testBatchJob(
        10,
        async (payloads) => {
          sizes.push(payloads.length);
          if (payloads.some(({ id }) => id === 'n3')) throw new Error('the whole batch fails');
          return payloads.map(({ id }): Outcome | Error =>
            poison.has(id) ? new PermanentError('CALL_UNKNOWN', 'this one') : done(),
          );
        },
        { attempts: 2 },
      ),
    ]);
    const ids = Array.from({ length: 20 }, (_, n) => `n${n}`);
    put(...ids);
    await enqueuer.addMany(ids.map(item));
    await startWorkers();
    await until(() => expect(told('dead')).toHaveLength(2));
    await until(() =>
      expect([...work.rows.values()].filter(({ state }) => state === 'done')).toHaveLength(18),
    );
    expect(Math.max(...sizes)).toBeGreaterThan(5);
    expect(told('attempt-failed')).toHaveLength(3);
  });
}

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { OutageError, PermanentError } from '../../src/errors.ts';
import {
  defineJob,
  done,
  HOUSE_BACKOFF,
  type Outcome,
  skip,
  snooze,
  tickPayload,
} from '../../src/jobs/define-job.ts';
import { connectQueues } from '../../src/queues/connection.ts';
import { jobIdOf } from '../../src/queues/job-id.ts';
import { keyIdOf } from '../../src/queues/seal.ts';
import { checkQueueStore } from '../../src/queues/store-check.ts';
import { BACKEND_KINDS, startQueueBackend, type TestBackend } from '../helpers/queue-backends.ts';
import { type House, openHouse, SEAL_KEY, testBatchJob, testJob } from '../helpers/queue-house.ts';

const until = (check: () => unknown) => vi.waitFor(check, { timeout: 15_000, interval: 15 });
const never = () => new Promise<never>(() => {});

describe.each(BACKEND_KINDS)('on %s', (kind) => {
  let store: TestBackend | null;
  let house: House | undefined;

  beforeAll(async () => {
    store = await startQueueBackend(kind);
  });
  afterAll(async () => {
    await store?.stop();
  });
  beforeEach(async ({ skip: skipTest }) => {
    if (store === null) skipTest();
    await store?.lose();
  });
  afterEach(async () => {
    await house?.close();
    house = undefined;
  });

  function given(): TestBackend {
    if (store === null) throw new Error('skipped');
    return store;
  }
  function open(
    ...args: Parameters<typeof openHouse> extends [unknown, ...infer Rest] ? Rest : never
  ): House {
    house = openHouse(given().backend, ...args);
    return house;
  }
  async function inspect<T>(look: (connection: ReturnType<typeof connectQueues>) => Promise<T>): Promise<T> {
    const connection = connectQueues(given().backend, { role: 'producer' }, () => {});
    try {
      return await look(connection);
    } finally {
      await connection.close(500);
    }
  }
  const jobOf = (id: string, generation = 1) =>
    inspect(async (connection) =>
      (await connection.queue('calls')).getJob(jobIdOf({ job: 'calls.test', key: id, generation })),
    );
  const letterIds = (of: House) => of.letters.listLetterIds(1_000);

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

  it('an outage of what a job needs uses no attempt, and the wait grows', async () => {
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
    expect(told('snoozed').map(({ code }) => code)).toEqual(['STRIPE_UNAVAILABLE', 'STRIPE_UNAVAILABLE']);
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
    await until(async () => expect(await letters.listLetterIds(10)).toEqual(['calls.test.a.1']));
    expect(told('attempt-failed')).toHaveLength(1);
    expect(told('dead')).toHaveLength(1);
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

  it('the same work is added once while it is remembered, and again under its next generation', async () => {
    let runs = 0;
    const { enqueuer, startWorkers, told, item } = open([
      testJob(async () => {
        runs += 1;
        return done();
      }),
    ]);
    await enqueuer.addMany([item('a'), item('a'), item('a')]);
    await startWorkers();
    await until(() => expect(told('completed')).toHaveLength(1));
    await enqueuer.addMany([item('a'), item('b')]);
    await until(() => expect(told('completed')).toHaveLength(2));
    expect(runs).toBe(2);
    await enqueuer.addMany([{ ...item('a'), generation: 2 }]);
    await until(() => expect(runs).toBe(3));
  });

  it('a replayed letter runs under the next generation once, though two operators replay it at once', async () => {
    let broken = true;
    let good = 0;
    const { enqueuer, startWorkers, letters, work, told, put, item } = open([
      testJob(async () => {
        if (broken) throw new PermanentError('CALL_UNKNOWN', 'not yet');
        good += 1;
        return done();
      }),
    ]);
    put('a');
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(async () => expect(await letters.listLetterIds(10)).toHaveLength(1));
    broken = false;
    const [dead] = await work.listDead({ afterId: null, limit: 10 });
    const id = dead?.id ?? '';
    const decisions = await Promise.all(
      ['ann', 'bob'].map((by) => letters.replay({ id, by, reason: 'fixed' })),
    );
    expect(decisions.toSorted()).toEqual([false, true]);
    await until(() => expect(work.row('calls.test', 'a')).toMatchObject({ state: 'done', generation: 2 }));
    expect([good, work.audit.length, told('dead').length]).toEqual([1, 1, 1]);
    expect(await letters.listLetterIds(10)).toEqual([]);
    await expect(letters.replay({ id: 'none', by: 'ann', reason: '' })).rejects.toMatchObject({
      code: 'LETTER_UNKNOWN',
    });
  });

  it('a discarded letter is gone from rows, letters and failed jobs, and no sweep brings it back', async () => {
    const { enqueuer, startWorkers, letters, sweeper, work, put, item } = open([
      testJob(async () => {
        throw new PermanentError('CALL_UNKNOWN', 'never');
      }),
    ]);
    put('a');
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(async () => expect(await letters.listLetterIds(10)).toHaveLength(1));
    const [dead] = await work.listDead({ afterId: null, limit: 10 });
    const id = dead?.id ?? '';
    const decisions = await Promise.all(
      ['ann', 'bob'].map((by) => letters.discard({ id, by, reason: 'spam' })),
    );
    expect(decisions.toSorted()).toEqual([false, true]);
    await sweeper.sweep();
    expect(work.row('calls.test', 'a')?.state).toBe('discarded');
    expect(await letters.listLetterIds(10)).toEqual([]);
    expect(await jobOf('a')).toBeUndefined();
  });

  it('all rows come back after the queue has lost everything, and each is done once', async () => {
    const runs = new Map<string, number>();
    const of = open([
      testJob(async ({ id }) => {
        runs.set(id, (runs.get(id) ?? 0) + 1);
        return done();
      }),
    ]);
    const { work, put, dispatcher, sweeper, advance, startWorkers } = of;
    const ids = Array.from({ length: 300 }, (_, n) => `r${n}`);
    put(...ids);
    await dispatcher.dispatch();
    await given().lose();
    expect((await sweeper.sweep()).addedAgain).toBe(0);
    advance(61_000);
    expect((await sweeper.sweep()).addedAgain).toBe(300);
    advance(61_000);
    expect((await sweeper.sweep()).addedAgain).toBe(0);
    await startWorkers();
    await until(() => expect([...work.rows.values()].every(({ state }) => state === 'done')).toBe(true));
    expect([...runs.values()].every((count) => count === 1)).toBe(true);
  });

  it('a row that the queue remembers as completed runs again under a new generation', async () => {
    let runs = 0;
    const { enqueuer, startWorkers, work, put, item, sweeper, advance, told } = open([
      testJob(async () => {
        runs += 1;
        return done();
      }),
    ]);
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(told('completed')).toHaveLength(1));
    put('a');
    advance(61_000);
    await until(async () => {
      const state = await inspect(async (connection) =>
        (await connection.queue('calls')).getJobState('calls.test.a.1'),
      );
      expect(state).toBe('completed');
    });
    await sweeper.sweep();
    await until(() => expect(work.row('calls.test', 'a')).toMatchObject({ state: 'done', generation: 2 }));
    expect(runs).toBe(2);
  });

  it('rows, failed jobs and letters are made to agree whatever of them is missing', async () => {
    const of = open([
      testJob(async () => {
        throw new PermanentError('CALL_UNKNOWN', 'never');
      }),
    ]);
    const { enqueuer, startWorkers, work, put, item, letters, sweeper, events, told } = of;
    put('a', 'b');
    await startWorkers();
    // The row cannot be written when the job fails, so there is neither a dead row nor a letter.
    work.outage = new OutageError('DATABASE_UNAVAILABLE', 'away');
    await enqueuer.addMany([item('a'), item('b')]);
    await until(() => expect(events.filter((event) => event.kind === 'bury-failed')).toHaveLength(2));
    work.outage = null;
    expect(await sweeper.sweep()).toMatchObject({ buried: 2 });
    expect(told('dead')).toHaveLength(2);
    expect(await letterIds(of)).toHaveLength(2);

    await letters.removeLetter('calls.test.a.1');
    await letters.addLetter({
      job: 'x',
      key: 'y',
      generation: 1,
      code: 'c',
      message: 'm',
      attempts: 1,
      failedAtMs: 1,
    });
    expect(await sweeper.sweep()).toMatchObject({ buried: 0, lettersAdded: 1, lettersRemoved: 1 });
    expect((await letterIds(of)).toSorted()).toEqual(['calls.test.a.1', 'calls.test.b.1']);
    await given().lose();
    expect(await sweeper.sweep()).toMatchObject({ buried: 0, lettersAdded: 2 });
    expect(told('dead')).toHaveLength(2);
  });

  it('a row that can never be queued is a dead letter instead of coming back for ever', async () => {
    const { work, dispatcher, item, told } = open([testJob(async () => done())]);
    work.put({ ...item('a'), payload: { id: 7 } });
    await dispatcher.dispatch();
    expect(work.row('calls.test', 'a')?.death?.code).toBe('PAYLOAD_INVALID');
    expect(told('dead')).toHaveLength(1);
  });

  it('jobs of a newer build are put back until a worker of that build comes', async () => {
    const newer = [
      testJob(async () => done(), { version: 2 }),
      testJob(async () => done(), { name: 'calls.new' }),
    ];
    const { enqueuer, startWorkers, told, item } = open(newer);
    const old = await startWorkers([testJob(async () => done())], { putBackMs: 30 });
    await enqueuer.addMany([item('a'), { ...item('b'), job: 'calls.new' }]);
    await until(() => {
      const codes = new Set(told('snoozed').map(({ code }) => code));
      expect(codes).toEqual(new Set(['PAYLOAD_VERSION_UNKNOWN', 'JOB_UNKNOWN']));
    });
    await old.close(1_000);
    await startWorkers();
    await until(() => expect(told('completed')).toHaveLength(2));
    expect(told('attempt-failed')).toHaveLength(0);
  });

  it('schedules are exactly the declared ones, though eight processes set them at once', async () => {
    const { applySchedules } = await import('../../src/queues/schedules.ts');
    const { backend } = given();
    const daily = (name: string, cron: string) =>
      testJob(async () => done(), { name, schedule: { cron, timezone: 'UTC' } });
    const list = () =>
      inspect(async (connection) => {
        const schedulers = await (await connection.queue('calls')).getJobSchedulers(0, -1, true);
        return schedulers.map(({ key, pattern }) => `${key} ${pattern}`).toSorted();
      });
    const first = [daily('calls.one', '0 3 * * *'), daily('calls.two', '0 4 * * *')];
    await Promise.all(Array.from({ length: 8 }, () => applySchedules({ backend, jobs: first })));
    expect(await list()).toEqual(['calls.one 0 3 * * *', 'calls.two 0 4 * * *']);
    expect(await applySchedules({ backend, jobs: first })).toEqual({ set: [], removed: [] });
    const second = [daily('calls.two', '30 4 * * *'), daily('calls.three', '0 5 * * *')];
    await Promise.all(Array.from({ length: 8 }, () => applySchedules({ backend, jobs: second })));
    expect(await list()).toEqual(['calls.three 0 5 * * *', 'calls.two 30 4 * * *']);
    const delayed = await inspect(async (connection) => (await connection.queue('calls')).getDelayedCount());
    expect(delayed).toBe(2);
  });

  it('a tick is due at its own moment', async () => {
    const { applySchedules } = await import('../../src/queues/schedules.ts');
    const ticks: number[] = [];
    const tick = defineJob({
      name: 'calls.tick',
      queue: 'calls',
      version: 1,
      payload: tickPayload,
      key: () => 'tick',
      attempts: 2,
      backoff: HOUSE_BACKOFF,
      timeoutMs: 1_000,
      uses: [],
      schedule: { cron: '* * * * * *', timezone: 'UTC' },
      async handle(_, { dueAtMs }) {
        ticks.push(dueAtMs);
        return done();
      },
    });
    const { startWorkers } = open([tick]);
    await applySchedules({ backend: given().backend, jobs: [tick] });
    await startWorkers();
    await until(() => expect(ticks.length).toBeGreaterThan(0));
    expect(ticks.every((dueAtMs) => dueAtMs % 1_000 === 0)).toBe(true);
  });

  it('a sealed body cannot be read in the store and is gone after completion', async () => {
    const bodies: unknown[] = [];
    const sealed = testJob(
      async ({ body }) => {
        bodies.push(body);
        return done();
      },
      { sealed: ['body'] },
    );
    const { enqueuer, startWorkers, told } = open([sealed]);
    await enqueuer.add(sealed, { id: 'a', body: 'canary-4155550100' }, { dueAtMs: 1, trace: 't' });
    const before = await given().dump();
    expect(before).toContain(keyIdOf(SEAL_KEY));
    expect(before).not.toContain('canary');
    await startWorkers();
    await until(() => expect(told('completed')).toHaveLength(1));
    expect(bodies).toEqual(['canary-4155550100']);
    await until(async () => expect(await jobOf('a')).toBeUndefined());
    expect(await given().dump()).not.toContain(keyIdOf(SEAL_KEY));
  });

  it('a stopping worker waits for what runs, and takes nothing new', async () => {
    let release = () => {};
    const begun: string[] = [];
    const { enqueuer, startWorkers, told, item } = open([
      testJob(
        async ({ id }) => {
          begun.push(id);
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          return done();
        },
        { concurrency: 1 },
      ),
    ]);
    const workers = await startWorkers();
    await enqueuer.addMany([item('a'), item('b')]);
    await until(() => expect(begun).toHaveLength(1));
    const closed = workers.close(10_000);
    release();
    expect(await closed).toBe(true);
    expect(begun).toHaveLength(1);
    expect(told('completed')).toHaveLength(1);
  });

  it('at its deadline a stopping worker aborts what runs and puts it back unused', async () => {
    let stubborn = true;
    let begun = 0;
    const { enqueuer, startWorkers, told, item } = open([
      testJob(
        async () => {
          begun += 1;
          return stubborn ? never() : done();
        },
        { attempts: 1 },
      ),
    ]);
    const workers = await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(begun).toBe(1));
    expect(await workers.close(50)).toBe(false);
    stubborn = false;
    await startWorkers();
    await until(() => expect(told('completed')).toMatchObject([{ attempt: 1 }]));
    expect(told('attempt-failed')).toHaveLength(0);
  });

  it('a job that stops its workers too often is a dead letter', async () => {
    const { enqueuer, startWorkers, work, told, item } = open([testJob(async () => done())]);
    await enqueuer.addMany([item('a')]);
    // A worker that never renews its lock is what a killed process looks like to the queue.
    const zombie = { lockDuration: 200, stalledInterval: 100, skipLockRenewal: true };
    for (let deaths = 0; deaths < 2; deaths += 1) {
      const connection = connectQueues(given().backend, { role: 'worker', workers: 1 }, () => {});
      let took = false;
      const worker = await connection.worker(
        'calls',
        () => {
          took = true;
          return never();
        },
        zombie,
      );
      await until(() => expect(took).toBe(true));
      void worker.close(true);
      await connection.close(200);
    }
    await startWorkers(undefined, { stalledCheckMs: 100 });
    await until(() => expect(told('dead')).toHaveLength(1));
    expect(work.row('calls.test', 'a')?.death?.code).toBe('JOB_STALLED');
  });

  it('a rebuilt worker goes on taking jobs', async () => {
    const { enqueuer, startWorkers, told, item } = open([testJob(async () => done())]);
    const workers = await startWorkers();
    await workers.rebuild('calls');
    await enqueuer.addMany([item('a'), item('b')]);
    await until(() => expect(told('completed')).toHaveLength(2));
    const [probe] = workers.probes;
    expect([probe?.startedCount(), probe?.activeCount(), await probe?.countWaiting()]).toEqual([2, 0, 0]);
  });

  it('adds fail within their deadline and a worker stops at its own while the store does not answer', async ({
    skip: skipTest,
  }) => {
    const { freeze } = given();
    if (freeze === null) skipTest('only a Redis of our own can be frozen');
    const { enqueuer, startWorkers, item, told } = open([testJob(async () => done())]);
    const workers = await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(told('completed')).toHaveLength(1));
    const thaw = freeze?.();
    try {
      const beganMs = performance.now();
      const [refused] = await enqueuer.addMany([item('b')]);
      expect(refused).toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
      expect(performance.now() - beganMs).toBeLessThan(3_000);
      const closingMs = performance.now();
      await workers.close(100);
      expect(performance.now() - closingMs).toBeLessThan(6_000);
    } finally {
      thaw?.();
    }
  });

  it('a store with safe settings passes its check', async () => {
    expect(await checkQueueStore(given().backend, { strict: true })).toEqual([]);
  });
});

import Fastify from 'fastify';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { defineJob, done, HOUSE_BACKOFF, tickPayload } from '../../../src/jobs/define-job.ts';
import { createBoardPlugin } from '../../../src/queues/board.ts';
import { connectQueues, type QueueBackend } from '../../../src/queues/connection.ts';
import { settledWithin } from '../../../src/queues/deadline.ts';
import { MAX_STALLS } from '../../../src/queues/run-job.ts';
import { applySchedules } from '../../../src/queues/schedules.ts';
import { keyIdOf } from '../../../src/queues/seal.ts';
import { checkQueueStore } from '../../../src/queues/store-check.ts';
import { openHouse, SEAL_KEY, testJob } from '../../helpers/queue-house.ts';
import { type Fixture, never, until } from './fixture.ts';

export function describeQueueLife(
  { given, open, inspect, jobOf }: Fixture,
  kind: QueueBackend['kind'],
): void {
  /** Promises about Redis alone are no promises of the other backend, and no skipped tests. */
  const onlyOnRedis: typeof it = kind === 'redis' ? it : ((() => undefined) as unknown as typeof it);

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
    const zombie = {
      ...{ lockDuration: 200, stalledInterval: 100, skipLockRenewal: true },
      maxStalledCount: MAX_STALLS,
    };
    for (let deaths = 0; deaths <= MAX_STALLS; deaths += 1) {
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

  onlyOnRedis(
    'adds fail within their deadline and a worker stops at its own while the store does not answer',
    async ({ skip: skipTest }) => {
      const { freeze } = given();
      if (freeze === null) skipTest('only a Redis of our own can be frozen');
      const { enqueuer, startWorkers, item, told } = open([testJob(async () => done())]);
      const workers = await startWorkers();
      await enqueuer.addMany([item('a')]);
      await until(() => expect(told('completed')).toHaveLength(1));
      const thaw = freeze?.();
      try {
        const adding = enqueuer.addMany([item('b')]);
        expect(await settledWithin(adding, 3_000)).toBe(true);
        expect(await adding).toMatchObject([{ code: 'QUEUE_UNAVAILABLE' }]);
        expect(await settledWithin(workers.close(100), 6_000)).toBe(true);
      } finally {
        thaw?.();
      }
    },
  );

  it('a store with safe settings passes its check', async () => {
    expect(await checkQueueStore(given().backend, { strict: true })).toEqual([]);
  });

  onlyOnRedis(
    'a Redis that may lose or evict jobs is refused in production and only told elsewhere',
    async () => {
      const { backend } = given();
      const client = new Redis(backend.url);
      try {
        await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
        await expect(checkQueueStore(backend, { strict: true })).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
        });
        expect(await checkQueueStore(backend, { strict: false })).toHaveLength(1);
      } finally {
        await client.config('SET', 'maxmemory-policy', 'noeviction');
        client.disconnect();
      }
    },
  );

  it('the board shows every queue and letter, shows no payload, and loses no job', async () => {
    const jobs = [testJob(async () => done())];
    const { enqueuer, letters, item } = open(jobs);
    await enqueuer.addMany([{ ...item('a'), payload: { id: 'a', body: 'canary-4155550100' } }]);
    await letters.addLetter({
      ...{ job: 'x.y', key: 'k', generation: 1, attempts: 1, failedAtMs: 1 },
      ...{ code: 'CALL_UNKNOWN', message: 'm' },
    });
    const board = await createBoardPlugin({
      backend: given().backend,
      jobs,
      basePath: '/ops/queues',
      letters,
    });
    const server = Fastify();
    await server.register(board.plugin, { prefix: '/ops/queues' });
    const shown = await Promise.all(
      ['calls', 'dead-letters'].map((name) =>
        server.inject(`/ops/queues/api/queues?activeQueue=${name}&status=waiting&page=1&jobsPerPage=10`),
      ),
    );
    const [calls, dead] = shown.map(({ body }) => body);
    expect(calls).toContain('calls.test.a.1');
    expect(calls).not.toContain('canary');
    expect(dead).toContain('CALL_UNKNOWN');
    expect((await server.inject('/ops/queues/api/queues/calls/calls.test.a.1')).body).not.toContain('canary');
    // Nor can it lose or rewrite one, because an accepted webhook is nowhere else yet.
    const at = '/ops/queues/api/queues/calls';
    for (const path of ['calls.test.a.1/clean', 'clean/waiting', 'empty', 'obliterate']) {
      expect((await server.inject({ method: 'PUT', url: `${at}/${path}` })).statusCode).toBe(405);
    }
    const rewrite = { method: 'PATCH', url: `${at}/calls.test.a.1/update-data`, payload: {} } as const;
    expect((await server.inject(rewrite)).statusCode).toBe(405);
    expect((await server.inject(`${at}/calls.test.a.1`)).statusCode).toBe(200);
    // The queues that send money are only looked at: a replay is to see the effects that are there first.
    for (const path of ['billing/a-job/retry', 'payouts/retry/failed', 'stripe/pause']) {
      const { body } = await server.inject({ method: 'PUT', url: `/ops/queues/api/queues/${path}` });
      expect(body, path).toContain('callclear dlq show');
    }
    await server.close();
    await board.close(500);
  });

  it('a store that is not there refuses adds within their deadline and holds up no shutdown', async () => {
    const { backend } = given();
    const gone = new URL(backend.url);
    // Nobody listens on port 1, and nobody will meanwhile.
    gone.port = '1';
    const away = openHouse({ ...backend, url: gone.href }, [testJob(async () => done())]);
    const adding = away.enqueuer.addMany([away.item('a')]);
    expect(await settledWithin(adding, 3_000)).toBe(true);
    expect(await adding).toMatchObject([{ code: 'QUEUE_UNAVAILABLE' }]);
    await expect(checkQueueStore({ ...backend, url: gone.href }, { strict: true })).rejects.toMatchObject({
      code: 'QUEUE_UNAVAILABLE',
    });
    await away.startWorkers().catch(() => {});
    expect(await settledWithin(away.close(), 4_000)).toBe(true);
  });
}

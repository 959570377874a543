import pg from 'pg';
import { expect, it } from 'vitest';
import { done } from '../../src/jobs/define-job.ts';
import { openQueuePool } from '../../src/queues/postgres-pool.ts';
import { testJob } from '../helpers/queue-house.ts';
import { until, useQueueBackend } from './queue-contract/fixture.ts';

const { given, open, inspect } = useQueueBackend('postgres');

it('a connection is kept when a statement is refused and replaced when it breaks', async () => {
  const pool = openQueuePool(given().backend.url, 'bullmq', { max: 1, patienceMs: 2_000 });
  pool.on('error', () => {});
  const pid = async (): Promise<unknown> => (await pool.query('select pg_backend_pid() as pid')).rows;
  try {
    const first = await pid();
    await expect(pool.query('select 1 / $1::int', [0])).rejects.toThrow('division by zero');
    expect(await pid()).toEqual(first);
    await expect(pool.query('select pg_terminate_backend(pg_backend_pid())')).rejects.toThrow();
    expect(await pid()).not.toEqual(first);
  } finally {
    await pool.end();
  }
});

it('jobs that end while the store is slower than an add may be are recorded once it answers, and run once', async () => {
  const ids = Array.from({ length: 60 }, (_, nth) => `${nth}`);
  let begun = 0;
  let finish = () => {};
  const told = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const job = testJob(
    async () => {
      begun += 1;
      await told;
      return done();
    },
    { concurrency: ids.length },
  );
  const { enqueuer, startWorkers, item } = open([job]);
  await startWorkers(undefined, { lockMs: 60_000 });
  await enqueuer.addMany(ids.map(item));
  await until(() => expect(begun).toBe(ids.length));

  const other = new pg.Client({ connectionString: given().backend.url });
  await other.connect();
  await other.query('begin');
  await other.query('lock table bullmq.job');
  finish();
  await other.query('select pg_sleep(3)');
  await other.query('rollback');
  await other.end();

  const count = () =>
    inspect(async (queues) => (await queues.queue('calls')).getJobCounts('active', 'waiting'));
  await until(async () => expect(await count()).toEqual({ active: 0, waiting: 0 }));
  expect(begun).toBe(ids.length);
});

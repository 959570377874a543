import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobs } from '../../src/jobs/registry.ts';
import { connectQueues } from '../../src/queues/connection.ts';
import { jobIdOf } from '../../src/queues/job-id.ts';
import { BACKENDS } from './backends.ts';
import { type Business, eventually, FIRST_DATE, NOON_MS, openBusiness } from './exchange.ts';
import { openGate } from './gate.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';

describe.each(BACKENDS)('a queue on %s that lost its state', (backend) => {
  let house: ChaosHouse;
  let business: Business;
  beforeAll(async () => {
    house = await openChaosHouse({ backend, startMs: Date.parse(FIRST_DATE) + NOON_MS, lockMs: 2_000 });
    business = await openBusiness(house);
    await business.seed();
  });
  afterAll(async () => {
    await business?.close();
    await house?.close();
  });

  async function expectEachOnce(date: string): Promise<void> {
    const { sent, transfers, postings } = await business.effects(date);
    expect(sent).toBeGreaterThan(2);
    expect({ transfers, postings }).toEqual({ transfers: sent, postings: sent });
    expect(await house.audit()).toMatchObject({ ok: true, failures: [] });
  }

  async function startWorker(env: Record<string, string> = {}) {
    const worker = house.start('worker', { env });
    await worker.waitForLine('working');
    return {
      async stop() {
        worker.signal('SIGTERM');
        expect(await worker.ended).toBe(0);
      },
    };
  }

  async function empty(): Promise<void> {
    if (backend === 'redis') {
      const client = new Redis(house.platform.queue.url, { maxRetriesPerRequest: null });
      await client.flushall();
      client.disconnect();
      return;
    }
    const tables = await business.sql<{ name: string }>(
      `select format('bullmq.%I', tablename) as name from pg_tables
       where schemaname = 'bullmq' and tablename <> 'migration'`,
    );
    // A worker in the midst of a transaction may be in the way: PostgreSQL then gives one of the two up.
    await eventually(() => business.sql(`truncate ${tables.map(({ name }) => name).join(', ')} cascade`));
  }

  test('fault 34: emptied while it works, gets every row again, and nothing has its effect twice', async () => {
    const gate = await openGate(house.platform.database.url);
    const worker = await startWorker({ SUPABASE_URL: gate.url });
    const scoring = gate.catchNext('rpc/rate_calls', 'hold-answer');
    const date = await business.bringCalls(150);
    const batch = await scoring;
    await empty();
    batch.release();
    const paying = gate.catchNext('rpc/note_payout_send', 'hold');
    await business.startClose(date);
    await eventually(async () => {
      await business.sweep();
      expect(await business.count("calls where status = 'stored'")).toBe(0);
    });
    const payout = await Promise.race([paying, business.waitClosed(date)]);
    await empty();
    payout?.release();
    await business.waitClosed(date);
    await business.waitIdle();
    await expectEachOnce(date);
    await worker.stop();
    await gate.close();
  });

  test('fault 33: that gives completed jobs out as waiting once more has no effect by them', async () => {
    const done = await business.doneWork();
    expect(new Set(done.map(({ job }) => job)).size).toBeGreaterThan(5);
    const before = await business.effects();
    await empty();
    const worker = await startWorker();
    expect((await business.enqueuer.addMany(done)).filter((error) => error !== null)).toEqual([]);
    const connection = connectQueues(house.platform.queue, { role: 'producer' }, () => undefined);
    await eventually(async () => {
      for (const item of done) {
        const queue = await connection.queue(jobs.find(({ name }) => name === item.job)?.queue ?? '');
        expect(await queue.getJobState(jobIdOf(item)), item.job).toBe('completed');
      }
    });
    await connection.close(1_000);
    expect(await business.effects()).toEqual(before);
    expect(await house.audit()).toMatchObject({ ok: true, failures: [] });
    await worker.stop();
  });

  if (backend === 'redis')
    test('fault 32: whose file lost its end with the power has lost jobs that it had acknowledged, and gets them again', async () => {
      const date = await business.bringCalls(300);
      // Handed over by hand, with no worker beside it: what was acknowledged is known exactly.
      const { work } = business.services;
      const items = await work.takeDue({ nowMs: Date.now(), handedBeforeMs: 0, limit: 500 });
      expect(items).toHaveLength(300);
      const file = await appendOnlyFile(house.dataDir);
      const { size: beforeBytes } = await stat(file);
      for (let start = 0; start < items.length; start += 10) {
        const added = await business.enqueuer.addMany(items.slice(start, start + 10));
        expect(added.filter((error) => error !== null)).toEqual([]);
      }

      house.redis?.signal('SIGKILL');
      await house.redis?.ended;
      // What a loss of power does to a file that was not written through; a kill of the process does not.
      await truncate(file, Math.floor((beforeBytes + (await stat(file)).size) / 2));
      await house.restartRedis();
      const connection = connectQueues(house.platform.queue, { role: 'producer' }, () => undefined);
      const queue = await connection.queue('fraud');
      const kept = await Promise.all(items.map((item) => queue.getJobState(jobIdOf(item))));
      await connection.close(1_000);
      const lost = kept.filter((state) => state === 'unknown').length;
      expect(lost).toBeGreaterThan(20);
      expect(lost).toBeLessThan(300);

      const worker = await startWorker();
      await business.startClose(date);
      await business.waitClosed(date);
      await expectEachOnce(date);
      await worker.stop();
    });
});

async function appendOnlyFile(dataDir: string): Promise<string> {
  const directory = join(dataDir, 'redis', 'appendonlydir');
  const [name, ...more] = (await readdir(directory)).filter((file) => file.endsWith('.incr.aof'));
  expect(more).toEqual([]);
  return join(directory, name ?? '');
}

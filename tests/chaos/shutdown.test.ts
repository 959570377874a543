import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../sandbox/random.ts';
import { BACKENDS } from './backends.ts';
import { type Business, noonOf, openBusiness, pastDates, poll } from './business.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';
import type { Managed } from './processes.ts';
import { type ProxyMode, startProxy } from './proxy.ts';

/** Stripe's money becomes available after two days, so that the third close is the first that pays. */
const dates = pastDates(4);
const [, , payday = '', last = ''] = dates;
const RESTARTS = 100;
const LONGEST_LIFE_MS = 1_500;

async function timeToEnd(process: Managed): Promise<{ status: number | string; ms: number }> {
  const startedMs = performance.now();
  process.signal('SIGTERM');
  const status = await process.ended;
  return { status, ms: performance.now() - startedMs };
}

describe.each(BACKENDS)('a worker that is stopped on %s', (backend) => {
  let house: ChaosHouse;
  let business: Business;
  beforeAll(async () => {
    house = await openChaosHouse({ backend, startMs: noonOf(dates[0] ?? ''), lockMs: 1_000 });
    business = await openBusiness(house, { dates, callsPerDate: 8, seed: 11 });
    await house.start('server').waitForLine('listening', 90_000);
    const worker = house.start('worker');
    await worker.waitForLine('working', 90_000);
    for (const date of dates.slice(0, 2)) {
      await business.send(date);
      // What is still in the queue when a close begins is billed by the next one.
      await business.until(
        async () => (await count("calls where status <> 'stored'")) === business.sent().length,
      );
      await business.tick(date);
      await business.untilClosed(date);
    }
    expect((await timeToEnd(worker)).status).toBe(0);
  }, 300_000);
  afterAll(async () => {
    await business?.close();
    await house?.close();
  });

  async function count(rows: string): Promise<number> {
    const client = new pg.Client({ connectionString: house.postgres.adminUrl });
    await client.connect();
    try {
      const { rows: counted } = await client.query<{ count: string }>(`select count(*) from ${rows}`);
      return Number(counted[0]?.count);
    } finally {
      await client.end();
    }
  }
  /** Payouts that are on their way to Stripe, or may be. */
  const countInDoubt = () => count("payouts where state = 'sending' and in_doubt");

  async function stopWhileSending(env: Record<string, string>, stallMs: number) {
    const fault = { kind: 'stall', method: 'POST', pathPrefix: '/v1/transfers', stallMs, count: 50 };
    await house.control('POST', '/_sim/faults', fault);
    const worker = house.start('worker', { env });
    await business.until(
      async () => (await countInDoubt()) > 0 || business.services.operations.closeStatus(payday),
    );
    const end = await timeToEnd(worker);
    await house.control('DELETE', '/_sim/faults');
    return end;
  }

  test('in the midst of payouts ends in time; what it could not finish is gone on with, once', async () => {
    await business.send(payday);
    await business.tick(payday);
    // Longer than the worker may take: it leaves the payouts in doubt.
    const cut = await stopWhileSending({ SHUTDOWN_DEADLINE_MS: '6000' }, 12_000);
    expect(cut.status).toBe(0);
    expect(cut.ms).toBeLessThan(9_000);
    // Shorter: it may finish those that it is sending.
    const finished = await stopWhileSending({}, 2_000);
    expect(finished.status).toBe(0);
    expect(finished.ms).toBeLessThan(25_000);
    const worker = house.start('worker');
    const report = await business.untilClosed(payday);
    expect(report).toMatchObject({ payouts: { waiting: 0, returned: 0 }, dead: [] });
    expect((await house.audit(business.sent())).failures).toEqual([]);
    await timeToEnd(worker);
  });

  test(`${RESTARTS} times in a row during a close, killed or asked, half of them while starting: one correct close`, async () => {
    const random = createRandom(23);
    await business.send(last);
    await business.tick(last);
    const statuses = new Map<number | string, number>();
    for (let nth = 0; nth < RESTARTS; nth += 1) {
      const worker = house.start('worker');
      if (nth % 2 === 0) await worker.waitForLine('working', 60_000);
      await passMs(random.between(0, LONGEST_LIFE_MS));
      if (nth % 4 < 2) worker.signal('SIGTERM');
      // Some are killed while they stop.
      if (nth % 4 === 1) await passMs(random.between(0, 200));
      if (nth % 4 !== 0) worker.signal('SIGKILL');
      const status = await worker.ended;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    const worker = house.start('worker');
    const report = await business.untilClosed(last, 120_000);
    expect(report).toMatchObject({ invoices: { unpaid: 0 }, payouts: { waiting: 0, returned: 0 }, dead: [] });
    expect(await business.services.work.listDead({ afterId: null, limit: 10 })).toEqual([]);
    expect((await house.audit(business.sent())).failures).toEqual([]);
    await timeToEnd(worker);
  }, 600_000);

  test.each<ProxyMode>(['cut', 'freeze'])(
    'ends by its own deadline while the queue is away (%s)',
    async (mode) => {
      const { queue } = house.platform;
      const url = new URL(queue.url);
      const proxy = await startProxy(Number(url.port));
      url.port = `${proxy.port}`;
      const variable = queue.kind === 'redis' ? 'REDIS_URL' : 'QUEUE_DATABASE_URL';
      const worker = house.start('worker', { env: { SHUTDOWN_DEADLINE_MS: '8000', [variable]: url.href } });
      await worker.waitForLine('working', 60_000);
      proxy.setMode(mode);
      if (mode === 'cut') proxy.resetAll();
      const end = await timeToEnd(worker);
      expect([0, 1], worker.lines.slice(-30).join('\n')).toContain(end.status);
      expect(end.ms).toBeLessThan(11_000);
      await proxy.close();
    },
  );
});

/** A moment at random, which is what this is about; nothing is waited for. */
async function passMs(ms: number): Promise<void> {
  const until = performance.now() + ms;
  await poll(ms + 60_000, async () => performance.now() >= until);
}

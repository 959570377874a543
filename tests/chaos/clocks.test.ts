import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobs } from '../../src/jobs/registry.ts';
import { connectQueues } from '../../src/queues/connection.ts';
import { BACKENDS } from './backends.ts';
import { type Business, eventually, FIRST_DATE, NOON_MS, openBusiness } from './exchange.ts';
import { type Gate, openGate } from './gate.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';
import type { Managed } from './processes.ts';

const HOUR_MS = 3_600_000;
const SHIM = ['--import', './tests/chaos/clock-shim.mjs'];

describe.each(BACKENDS)('clocks that differ, on %s', (backend) => {
  let house: ChaosHouse;
  let business: Business;
  let stripe: Gate;
  beforeAll(async () => {
    house = await openChaosHouse({ backend, startMs: Date.parse(FIRST_DATE) + NOON_MS, lockMs: 2_000 });
    stripe = await openGate(house.stripeUrl);
    business = await openBusiness(house);
    await business.seed();
  });
  afterAll(async () => {
    await business?.close();
    await house?.close();
    await stripe?.close();
  });

  async function expectEachOnce(date: string): Promise<void> {
    const { sent, transfers, postings } = await business.effects(date);
    expect(sent).toBeGreaterThan(2);
    expect({ transfers, postings }).toEqual({ transfers: sent, postings: sent });
    expect(await house.audit()).toMatchObject({ ok: true, failures: [] });
  }

  async function stop(...parts: Managed[]): Promise<void> {
    for (const part of parts) part.signal('SIGTERM');
    expect(await Promise.all(parts.map(({ ended }) => ended))).toEqual(parts.map(() => 0));
  }

  /** A worker whose clock jumps when it is told to. */
  async function startShiftable(name: string) {
    const file = join(house.dataDir, `${name}.shift`);
    const shift = (ms: number) => writeFile(file, `${ms}`);
    await shift(0);
    const worker = house.start('worker', { name, nodeFlags: SHIM, env: { CLOCK_SHIFT_FILE: file } });
    await worker.waitForLine('working');
    return { worker, shift };
  }

  test('fault 65: no process starts with a clock that is a minute off, and each does with three seconds', async () => {
    const start = (app: 'server' | 'worker' | 'scheduler', shiftMs: number) =>
      house.start(app, { nodeFlags: SHIM, env: { CLOCK_SHIFT_MS: `${shiftMs}` } });
    for (const shiftMs of [60_000, -60_000]) {
      const parts = (['server', 'worker', 'scheduler'] as const).map((app) => start(app, shiftMs));
      expect(await Promise.all(parts.map(({ ended }) => ended))).toEqual([1, 1, 1]);
      for (const { lines } of parts) expect(lines.join('\n')).toContain('CLOCK_SKEWED');
    }
    const worker = start('worker', 3_000);
    await worker.waitForLine('working');
    await stop(worker);
  });

  test.each([60_000, -60_000])(
    'fault 65: a clock that jumps by %i ms while two work ends its process within a minute, and nothing is paid twice',
    async (jumpMs) => {
      const { worker: jumping, shift } = await startShiftable(`jumps${jumpMs}`);
      const steady = house.start('worker', { name: 'steady', env: { STRIPE_API_BASE: stripe.url } });
      await steady.waitForLine('working');
      const caught = stripe.catchNext('POST /v1/transfers', 'hold-answer');
      const date = await business.bringCalls(60);
      await business.startClose(date);
      await Promise.race([caught, business.waitClosed(date)]);
      const jumpedMs = performance.now();
      await shift(jumpMs);
      expect(await jumping.ended).toBe(1);
      expect(performance.now() - jumpedMs).toBeLessThan(60_000);
      expect(jumping.lines.join('\n')).toContain('CLOCK_SKEWED');
      void caught.then(({ release }) => release());
      await business.waitClosed(date);
      await business.waitIdle();
      await expectEachOnce(date);
      await stop(steady);
    },
  );

  test('fault 66: after a clock was an hour ahead once, the jobs of a killed worker are taken over and the sweep beats again', async () => {
    const scheduler = house.start('scheduler');
    await scheduler.waitForLine('scheduling');
    const { worker: jumping, shift } = await startShiftable('hour');
    await shift(HOUR_MS);
    expect(await jumping.ended).toBe(1);

    const doomed = house.start('worker', { name: 'doomed', env: { STRIPE_API_BASE: stripe.url } });
    await doomed.waitForLine('working');
    const caught = stripe.catchNext('POST /v1/transfers', 'hold-answer');
    const date = await business.bringCalls(40);
    await business.startClose(date);
    const transfer = await caught;
    doomed.signal('SIGKILL');
    transfer.release();
    await doomed.ended;
    const heir = house.start('worker', { name: 'heir' });
    await heir.waitForLine('working');
    // The rows' own sweep is not asked for help here: the queue itself must give the job out again.
    await eventually(async () => {
      const { state } = (await business.services.operations.closeStatus(date)) ?? {};
      expect(state).toBe('done');
    });
    await expectEachOnce(date);
    await eventually(async () => {
      const { beats, databaseTimeMs } = await business.services.operations.health(Date.now());
      expect(databaseTimeMs - (beats['operations.sweep'] ?? 0)).toBeLessThan(60_000);
      expect((await nextTicksInMs())['operations.sweep']).toBeLessThan(61_000);
    });
    await stop(heir, scheduler);
  });

  /** How far away the next tick of each schedule is. */
  async function nextTicksInMs(): Promise<Record<string, number>> {
    const connection = connectQueues(house.platform.queue, { role: 'producer' }, () => undefined);
    const due: Record<string, number> = {};
    for (const { name, queue, schedule } of jobs) {
      if (schedule === null) continue;
      const scheduler = await (await connection.queue(queue)).getJobScheduler(name);
      due[name] = (scheduler?.next ?? Number.POSITIVE_INFINITY) - Date.now();
    }
    await connection.close(1_000);
    return due;
  }
});

import { expect, test } from 'vitest';
import { dateAfter, dateOf } from '../../sandbox/demo/state.ts';
import { planRuns } from '../../src/jobs/operations/plan-runs.job.ts';
import { BACKENDS } from './backends.ts';
import { eventually, NOON_MS, openBusiness, PATIENCE_MS } from './exchange.ts';
import { openChaosHouse } from './house.ts';

/** The latest date whose close is due whatever the time is now. */
const LAST_DATE = dateAfter(dateOf(Date.now()), -2);
const NIGHTS = [-2, -1, 0].map((day) => dateAfter(LAST_DATE, day));

test.each(BACKENDS)(
  'three nights of downtime are caught up oldest first, each once, though the workers are killed meanwhile (%s)',
  async (backend) => {
    const [first = ''] = NIGHTS;
    const house = await openChaosHouse({ backend, startMs: Date.parse(first) + NOON_MS, lockMs: 2_000 });
    const business = await openBusiness(house, first);
    try {
      await business.seed();
      // Every process is down, but for what takes the calls in.
      for (const date of NIGHTS) expect(await business.bringCalls(40)).toBe(date);
      expect(await business.count('schedule_runs')).toBe(0);

      const schedulers = [
        house.start('scheduler', { name: 'scheduler-1' }),
        house.start('scheduler', { name: 'scheduler-2' }),
      ];
      await Promise.all(schedulers.map((process) => process.waitForLine('scheduling', PATIENCE_MS)));
      let worker = house.start('worker', { name: 'worker-0' });
      await worker.waitForLine('working', PATIENCE_MS);
      // What the hour's tick does, by many that come at once.
      for (let tick = 0; tick < 5; tick += 1)
        await business.enqueuer.add(planRuns, {}, { dueAtMs: Date.now() + tick, trace: `tick-${tick}` });
      for (const [nth, date] of NIGHTS.entries()) {
        await eventually(async () => {
          await business.sweep();
          expect(await business.count("closes where business_date = $1 and stage <> 'calls'", [date])).toBe(
            1,
          );
        });
        worker.signal('SIGKILL');
        await worker.ended;
        worker = house.start('worker', { name: `worker-${nth + 1}` });
        await worker.waitForLine('working', PATIENCE_MS);
        await business.waitClosed(date);
      }
      await business.waitIdle();

      const closes = await business.sql<{ date: string }>(
        'select business_date::text as date from closes where business_date = any ($1) order by started_at, business_date',
        [NIGHTS],
      );
      expect(closes.map(({ date }) => date)).toEqual(NIGHTS);
      const runs = await business.sql<{ pipeline: string; state: string }>(
        "select pipeline, state from schedule_runs where period = any ($1) and pipeline = 'nightly-close'",
        [NIGHTS],
      );
      expect(runs).toEqual(NIGHTS.map(() => ({ pipeline: 'nightly-close', state: 'done' })));
      const invoices = await business.count('invoices where business_date = any ($1)', [NIGHTS]);
      expect(invoices).toBeGreaterThanOrEqual(NIGHTS.length);
      expect(await business.count("schedule_runs where pipeline = 'stripe.read-bank-payouts'")).toBe(
        await business.count("work where job = 'stripe.read-bank-payouts'"),
      );
      expect(await house.audit()).toMatchObject({ ok: true, failures: [] });
      for (const part of [...schedulers, worker]) part.signal('SIGTERM');
      expect(await Promise.all([...schedulers, worker].map(({ ended }) => ended))).toEqual([0, 0, 0]);
    } finally {
      await business.close();
      await house.close();
    }
  },
);

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Pipeline } from '../../src/jobs/pipelines.ts';
import { pipelines } from '../../src/jobs/pipelines.ts';
import { DAY_MS, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const READ = 'stripe.read-bank-payouts';
const HOUR_MS = 3_600_000;
const declare = (changes: Partial<Pipeline>) =>
  house.services.schedules.ensure(pipelines.map((one) => (one.name === READ ? { ...one, ...changes } : one)));

describe('a time of day that the clocks skip or show twice', () => {
  const ZONES = ['America/New_York', 'Europe/London', 'Australia/Lord_Howe', 'UTC'];
  /** Of three years, in each zone: Lord Howe's clocks move by half an hour, and Santiago's at midnight. */
  const DATES = Array.from({ length: 3 * 366 }, (_, day) =>
    new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10),
  );

  test.each([...ZONES, 'America/Santiago', 'Pacific/Kiritimati', 'Pacific/Pago_Pago'])(
    'is due exactly once on each day of three years, after its date has ended, in %s',
    async (timezone) => {
      await house.services.operations.ensureTimezone(timezone);
      for (const dueTime of ['00:00', '01:30', '02:00', '02:30', '09:00']) {
        await declare({ dueTime });
        const due = await house.sql<{ date: string; at: number; ended: boolean; day: string }>(
          `select d.date, app.ms(r.due) as at, app.business_date(r.due) > d.date::date as ended, app.business_date(r.due)::text as day
           from jsonb_array_elements_text($2) d (date), lateral (select app.run_due_at($1, d.date::date) as due) r order by d.date`,
          [READ, JSON.stringify(DATES)],
        );
        expect(due.map(({ date }) => date)).toEqual(DATES);
        expect(due.every(({ ended }) => ended)).toBe(true);
        // Strictly later each day, by a day and at most an hour more or less.
        const steps = due.slice(1).map(({ at }, n) => at - (due[n]?.at ?? 0));
        expect(steps.every((step) => step >= DAY_MS - 1.5 * HOUR_MS && step <= DAY_MS + 1.5 * HOUR_MS)).toBe(
          true,
        );
        expect(new Set(due.map(({ day }) => day)).size).toBe(DATES.length);
      }
    },
  );

  test.each([
    ['America/New_York', '2026-03-08', '2026-11-01'],
    ['Europe/London', '2026-03-29', '2026-10-25'],
    ['Australia/Lord_Howe', '2026-10-04', '2026-04-05'],
    ['UTC', '2026-03-08', '2026-11-01'],
  ])(
    'runs exactly once in %s, also where ticks come by a clock that jumps',
    async (timezone, skipped, doubled) => {
      await house.services.operations.ensureTimezone(timezone);
      for (const change of [skipped, doubled].sort()) {
        await house.sql('delete from schedule_runs');
        await declare({ dueTime: timezone === 'Europe/London' ? '01:30' : '02:30', overlap: 'allow' });
        const startMs = Date.parse(change) - 2 * DAY_MS;
        // Every half hour of five days, each tick once more as by a clock that is an hour behind and then right again.
        for (let atMs = startMs; atMs < startMs + 5 * DAY_MS; atMs += HOUR_MS / 2)
          for (const jumpMs of [0, -HOUR_MS, 0])
            await house.services.schedules.planRuns(atMs + jumpMs, atMs + jumpMs);
        const runs = await house.services.schedules.runs(READ, '2000-01-01', '2999-12-31');
        const dates = runs.map(({ date }) => date).sort();
        // Every date from the first to the last, each once: neither the skipped nor the doubled hour leaves a gap.
        const [first = ''] = dates;
        expect(dates.length).toBeGreaterThanOrEqual(5);
        expect(dates).toEqual(
          dates.map((_, day) => new Date(Date.parse(first) + day * DAY_MS).toISOString().slice(0, 10)),
        );
        expect(dates).toContain(new Date(Date.parse(change) - DAY_MS).toISOString().slice(0, 10));
        const jobs = await house.sql('select key from work where job = $1 and generation > 1', [READ]);
        expect(jobs).toEqual([]);
      }
    },
  );
});

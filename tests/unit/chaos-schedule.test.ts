import { describe, expect, test } from 'vitest';
import { drawSchedule, PHASES } from '../chaos/rig/schedule.ts';

const options = { seed: 1, kills: 400, backend: 'redis', lockMs: 3_000, canFillDisk: true } as const;

describe('the schedule of faults', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(drawSchedule(options)).toEqual(drawSchedule(options));
    expect(drawSchedule({ ...options, seed: 2 })).not.toEqual(drawSchedule(options));
  });

  test('has as many faults as asked for, in the order of the campaign', () => {
    const schedule = drawSchedule(options);
    expect(schedule.map(({ nth }) => nth)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
    const moments = schedule.map(({ phase, at }) => PHASES.indexOf(phase) + at);
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
  });

  test('strikes every process and every way between them, in every kind', () => {
    const blows = drawSchedule(options).map(({ blow }) => `${blow.kind} ${blow.target}`);
    const killed = ['server', 'worker-1', 'worker-2', 'scheduler', 'supabase', 'stripe', 'postgres', 'redis'];
    const doors = ['cut', 'freeze', 'swallow', 'delay'].flatMap((kind) =>
      ['queue', 'api', 'stripe', 'database'].map((door) => `${kind} ${door}`),
    );
    expect(blows).toEqual(
      expect.arrayContaining([
        ...killed.map((part) => `kill ${part}`),
        ...doors,
        ...['suspend worker-1', 'suspend worker-2', 'stripe /v1/transfers', 'stripe /v1/invoice'],
        ...['full-disk postgres', 'full-disk redis'],
      ]),
    );
  });

  test('suspends a worker for longer than its lock', () => {
    const lengths = drawSchedule(options).flatMap(({ blow }) =>
      blow.kind === 'suspend' ? [blow.lengthMs] : [],
    );
    expect(Math.min(...lengths)).toBeGreaterThan(3_000);
  });

  test('has no Redis on PostgreSQL, and no full disk where none can be made', () => {
    const schedule = drawSchedule({ ...options, backend: 'postgres', canFillDisk: false });
    expect(schedule.filter(({ blow }) => blow.target === 'redis' || blow.kind === 'full-disk')).toEqual([]);
    expect(schedule).toHaveLength(400);
  });
});

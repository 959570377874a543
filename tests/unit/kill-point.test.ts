import { expect, test } from 'vitest';
import { validateEnvironment } from '../../src/config.ts';
import { watchAll, watchBoundaries } from '../../src/kill-point.ts';

/** What is told and where it kills, for parts that are watched with this KILL_POINT. */
function watching(text: string) {
  const told: string[] = [];
  const killed: string[] = [];
  const points = validateEnvironment({ KILL_POINT: text }).killPoints;
  const tell = (boundary: string) => void told.push(boundary);
  const kill = (boundary: string) => void killed.push(boundary);
  const parts = {
    payouts: { settle: async (id: string) => `settled ${id}`, limit: 3 },
    stripe: { post: async (call: { operation: string }) => call.operation },
    clock: { nowMs: () => 5 },
  };
  return { told, killed, parts: watchAll(parts, watchBoundaries({ points, tell, kill })) };
}

test('a process is killed at the boundary that is named, before or after the effect', async () => {
  const { killed, parts } = watching('payouts.settle:after, stripe.transfers.create:before');
  expect(await parts.payouts.settle('a')).toBe('settled a');
  expect(await parts.stripe.post({ operation: 'transfers.create' })).toBe('transfers.create');
  expect(killed).toEqual(['payouts.settle:after', 'stripe.transfers.create:before']);
});

test('a boundary may be meant only from its n-th crossing on, or only when it is about some text', async () => {
  const { killed, parts } = watching('payouts.settle:before#2,payouts.settle:after~settled c');
  await parts.payouts.settle('a');
  expect(killed).toEqual([]);
  await parts.payouts.settle('b');
  expect(killed).toEqual(['payouts.settle:before']);
  await parts.payouts.settle('c');
  expect(killed.slice(1)).toEqual(['payouts.settle:before', 'payouts.settle:after']);
});

test('each boundary is told once, and what has no effect outside is not watched', async () => {
  const { told, parts } = watching('tell');
  expect(parts.clock.nowMs()).toBe(5);
  expect(parts.payouts.limit).toBe(3);
  for (const id of ['a', 'b']) await parts.payouts.settle(id);
  expect(told).toEqual(['payouts.settle:before', 'payouts.settle:after']);
});

test('nothing is watched unless it is asked for, and prod refuses to be asked', () => {
  expect(validateEnvironment({}).killPoints).toEqual([]);
  expect(() => validateEnvironment({ KILL_POINT: 'payouts.settle' })).toThrow('KILL_POINT must be');
  expect(() => validateEnvironment({ APP_ENV: 'prod', KILL_POINT: 'tell' })).toThrow(
    'KILL_POINT may not be set in prod',
  );
});

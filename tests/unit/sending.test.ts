import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { absenceCountsInMs, nextStep, type Sending } from '../../src/jobs/payouts/sending.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 10, 2, 9);
const sending = (facts: Partial<Sending> = {}): Sending => ({
  inDoubt: false,
  sends: 0,
  lastSentAtMs: null,
  keyMadeAtMs: NOW,
  ...facts,
});

describe('the next step', () => {
  test('is to send while nothing was sent, or while what was sent is not in doubt', () => {
    expect(nextStep(sending(), NOW)).toBe('send');
    expect(nextStep(sending({ sends: 50, lastSentAtMs: NOW }), NOW)).toBe('send');
  });

  test('is to send the same key twice more when the first send is in doubt, and then to look', () => {
    const steps = [1, 2, 3, 4].map((sends) => nextStep(sending({ inDoubt: true, sends }), NOW));
    expect(steps).toEqual(['send', 'send', 'look-up', 'look-up']);
  });

  test('is to look up first from 23 hours on, whatever else the row says', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.nat(9),
        fc.integer({ min: 0, max: 90 * 24 * HOUR_MS }),
        (inDoubt, sends, laterMs) => {
          const row = sending({ inDoubt, sends, keyMadeAtMs: NOW - 23 * HOUR_MS - laterMs });
          expect(nextStep(row, NOW)).toBe('look-up');
        },
      ),
    );
    expect(nextStep(sending({ keyMadeAtMs: NOW - 23 * HOUR_MS + 1 }), NOW)).toBe('send');
  });
});

describe('absence', () => {
  test('counts at once when nothing was ever sent', () => {
    expect(absenceCountsInMs(sending(), NOW)).toBe(0);
  });

  test('counts ten minutes after the last send and not a millisecond before', () => {
    const left = (ms: number) => absenceCountsInMs(sending({ lastSentAtMs: NOW - ms }), NOW);
    expect(left(0)).toBe(600_000);
    expect(left(599_999)).toBe(1);
    expect(left(600_000)).toBe(0);
    expect(left(HOUR_MS)).toBe(0);
  });
});

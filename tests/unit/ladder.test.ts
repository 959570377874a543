import { describe, expect, test } from 'vitest';
import { type Counts, judgeSupplier, type Standing } from '../../src/jobs/fraud/ladder.ts';

/** Calls of a supplier that does nothing wrong. */
const honest = (calls: number, days: number): Counts => ({
  ...{ days, calls, answered: Math.round(calls * 0.85), hangups: Math.round(calls * 0.08) },
  ...{
    payable: Math.round(calls * 0.5),
    inBand: Math.round(calls * 0.03),
    afterBand: Math.round(calls * 0.05),
  },
  ...{ qualified: Math.round(calls * 0.45), fraudulent: Math.round(calls * 0.03) },
  disputed: Math.round(calls * 0.004),
});
const NETWORK = honest(40_000, 28);
const judge = (standing: Standing, since: Counts, network = NETWORK, movedFor: readonly string[] = []) =>
  judgeSupplier({ standing, since, movedFor, profile: since, network });
const gaming = { inBand: 60, afterBand: 4 };

test.each([
  [20, 1],
  [200, 1],
  [1_400, 28],
  [50_000, 28],
])('an honest supplier of %i calls in %i days stays active', (calls, days) => {
  expect(judge('active', honest(calls, days))).toBeNull();
  expect(judge('active', honest(calls, days), honest(calls, days))).toBeNull();
});

test('honest suppliers whose calls end early, as some trades are, stay active', () => {
  // Half of the calls near the minimum are in the first third: with enough of them that is no chance, but no fraud either.
  expect(judge('active', { ...honest(50_000, 28), inBand: 2_500, afterBand: 2_500 })).toBeNull();
});

describe('what speaks against a supplier', () => {
  const since = honest(400, 5);
  test.each<[string, Partial<Counts>, string]>([
    ['calls that gather just above the minimum', gaming, 'bunching'],
    ['calls that are fraud by their score', { fraudulent: 120 }, 'fraud'],
    ['calls that are hung up', { hangups: 200 }, 'hangups'],
    ['disputes that were approved', { disputed: 30 }, 'disputes'],
  ])('%s throttle it, with the evidence', (_name, change, of) => {
    const move = judge('active', { ...since, ...change });
    expect(move).toMatchObject({ standing: 'throttled', evidence: { days: 5, calls: 400 } });
    expect(move?.evidence.findings.map((finding) => finding.of)).toEqual([of]);
    expect(move?.reason).toMatch(/%/);
  });

  test.each<[string, Partial<Counts>]>([
    ['calls near the minimum', { inBand: 24, afterBand: 0 }],
    ['calls', { calls: 40, fraudulent: 40 }],
    ['answered calls', { answered: 40, hangups: 40 }],
    ['paid calls', { qualified: 40, disputed: 40 }],
  ])('too few %s say nothing', (_name, change) => {
    expect(judge('active', { ...since, ...change })).toBeNull();
  });

  test('is told with what was observed, what is expected, and the chance of it', () => {
    const [finding] = judge('active', { ...since, ...gaming })?.evidence.findings ?? [];
    expect(finding).toMatchObject({ grade: 'certain', observed: 60 / 64, expected: 0.42, calls: 64 });
    expect(finding?.pValue).toBeLessThan(1e-15);
    const { reason } = judge('active', { ...since, ...gaming }) ?? {};
    expect(reason).toMatch(/^94 % of its 64 calls .* where 42 % are expected \(chance \de-\d+\)$/);
  });

  test('is measured by what the others do, not by what it does to the average itself', () => {
    const own = { ...honest(20_000, 28), hangups: 12_000 };
    const all = { ...honest(40_000, 28), hangups: 1_600 + 12_000 };
    expect(judge('active', own, all)).toMatchObject({ standing: 'throttled' });
    // Where the calls of all are hung up, as by a broken line, none is worse than the others.
    expect(judge('active', own, { ...all, hangups: 24_000 })).toBeNull();
  });

  test('more calls may be disputed than were paid when their dates were counted', () => {
    expect(judge('active', { ...since, disputed: 1_000 })).toMatchObject({ standing: 'throttled' });
  });
});

describe('the ladder', () => {
  const suspect = { ...honest(400, 5), inBand: 44, afterBand: 16 };
  const certain = { ...honest(400, 5), ...gaming };
  const days = (counts: Counts, n: number): Counts => ({ ...counts, days: n });
  const stands = (standing: Standing, since: Counts) => judge(standing, since)?.standing ?? standing;

  test('is climbed one step at a time, however certain it is', () => {
    expect(stands('active', certain)).toBe('throttled');
    expect(stands('throttled', certain)).toBe('paused');
  });

  test('ends at throttled where a supplier is suspect only', () => {
    expect(judge('active', suspect)?.evidence.findings).toMatchObject([{ grade: 'suspect' }]);
    expect(stands('active', suspect)).toBe('throttled');
    expect(stands('throttled', suspect)).toBe('throttled');
    expect(stands('paused', days(suspect, 28))).toBe('paused');
  });

  test('blocks by rules only who went on for a week while it was paused', () => {
    expect(stands('paused', days(certain, 6))).toBe('paused');
    expect(stands('paused', days(certain, 7))).toBe('blocked');
  });

  test('is come down from one step by a week of good calls, and not from blocked', () => {
    for (const [from, to] of [
      ...[['throttled', 'active'] as const, ['paused', 'throttled'] as const],
      ...[['active', 'active'] as const, ['blocked', 'blocked'] as const],
    ])
      expect(stands(from, honest(400, 7))).toBe(to);
    expect(stands('paused', honest(400, 6))).toBe('paused');
    expect(stands('paused', honest(40, 7))).toBe('paused');
    expect(stands('paused', { ...honest(400, 7), payable: 49 })).toBe('paused');
  });

  test('is come down from after disputes only by paid calls that buyers had time to dispute', () => {
    const afterDisputes = (standing: Standing, since: Counts) =>
      judge(standing, since, NETWORK, ['bunching', 'disputes'])?.standing ?? standing;
    expect(afterDisputes('throttled', honest(400, 19))).toBe('throttled');
    expect(afterDisputes('throttled', honest(400, 20))).toBe('active');
    // While it is paused nothing is paid, and so nothing disputed: a person leads it down.
    expect(afterDisputes('paused', { ...honest(400, 28), qualified: 0, disputed: 0 })).toBe('paused');
  });
});

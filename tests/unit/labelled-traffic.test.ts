import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { describe, expect, test } from 'vitest';
import type { Range } from '../../sandbox/traffic/labelled/distributions.ts';
import { BEHAVIOURS, HARD_NEGATIVES, isFraud } from '../../sandbox/traffic/labelled/labelled-call.ts';
import * as ranges from '../../sandbox/traffic/labelled/ranges.ts';
import { makeLabelledTraffic } from '../../sandbox/traffic/labelled/traffic.ts';

const options = { seed: 1, calls: 20_000, fraudShare: 0.15, days: 35 };
const traffic = makeLabelledTraffic(options);
const minimumOf = new Map(traffic.campaigns.map(({ id, minDurationS }) => [id, minDurationS]));
const labelled = (label: string) => traffic.calls.filter((call) => call.label === label);
const share = <T>(items: readonly T[], is: (item: T) => boolean) => items.filter(is).length / items.length;
const utcHour = (atMs: number) => new Date(atMs).getUTCHours();

describe('labelled traffic', () => {
  test('is the same for the same seed and other for another, has as many calls and as much fraud as is asked for', () => {
    const any = fc.record({
      seed: fc.integer({ min: 0, max: 2 ** 31 }),
      calls: fc.integer({ min: 300, max: 3_000 }),
      fraudShare: fc.double({ min: 0, max: 0.9, noNaN: true }),
      days: fc.integer({ min: 3, max: 40 }),
    });
    fc.assert(
      fc.property(any, (drawn) => {
        const made = makeLabelledTraffic(drawn);
        expect(makeLabelledTraffic(drawn)).toEqual(made);
        expect(makeLabelledTraffic({ ...drawn, seed: drawn.seed + 1 })).not.toEqual(made);
        expect(made.calls.length).toBe(drawn.calls);
        expect(made.calls.filter(isFraud).length).toBe(Math.round(drawn.calls * drawn.fraudShare));
      }),
      { numRuns: 15 },
    );
  });

  test('names only parties that it has, in the order of starts, within its days', () => {
    const placements = new Map(
      traffic.suppliers.flatMap(({ id, placements }) =>
        placements.map(({ campaign, trackingNumber }) => [trackingNumber, [id, campaign.id]] as const),
      ),
    );
    let lastMs = Date.UTC(2026, 0, 5);
    for (const call of traffic.calls) {
      expect(placements.get(call.trackingNumber)).toEqual([call.supplierId, call.campaignId]);
      expect(call.startedAtMs).toBeGreaterThanOrEqual(lastMs);
      expect(call.durationS).toBeGreaterThanOrEqual(0);
      expect(Number.isInteger(call.durationS)).toBe(true);
      lastMs = call.startedAtMs;
    }
    expect(lastMs).toBeLessThan(Date.UTC(2026, 0, 5 + options.days, 12));
    for (const number of placements.keys()) expect(parsePhoneNumberFromString(number)?.isValid()).toBe(true);
  });

  test('shows only numbers that can exist, and says how careful each fraudster is', () => {
    for (const { callerNumber, evasion, label } of traffic.calls) {
      if (callerNumber !== null) expect(parsePhoneNumberFromString(callerNumber)?.isValid()).toBe(true);
      expect(evasion === null).toBe(!isFraud({ label }));
    }
  });

  test('has every behaviour and every hard negative', () => {
    for (const label of [...BEHAVIOURS, ...HARD_NEGATIVES])
      expect(labelled(label).length).toBeGreaterThan(50);
  });

  test('has honest calls on both sides of the minimum, by day, and few that bunch above it', () => {
    const honest = labelled('honest');
    const minimum = (id: string) => minimumOf.get(id) ?? 0;
    const paid = honest.filter((call) => call.answered && call.durationS >= minimum(call.campaignId));
    expect(paid.length / honest.length).toBeGreaterThan(0.35);
    expect(paid.length / honest.length).toBeLessThan(0.85);
    expect(share(paid, (call) => call.durationS <= minimum(call.campaignId) + 5)).toBeLessThan(0.08);
    // Of the US it is night from 8 to 11 in UTC, everywhere.
    expect(
      share(honest, ({ startedAtMs }) => utcHour(startedAtMs) >= 8 && utcHour(startedAtMs) < 11),
    ).toBeLessThan(0.05);
    expect(share(honest, ({ callerNumber }) => callerNumber === null)).toBeLessThan(0.03);
  });

  test('has television bursts within minutes, offices whose numbers repeat, and callers who call again', () => {
    const bursts = labelled('television-burst').map(({ startedAtMs }) => startedAtMs);
    const gaps = bursts.slice(1).map((atMs, index) => atMs - (bursts[index] ?? 0));
    expect(share(gaps, (ms) => ms < 60_000)).toBeGreaterThan(0.8);
    const offices = labelled('shared-office');
    expect(new Set(offices.map(({ callerNumber }) => callerNumber?.slice(0, -2))).size).toBeLessThan(
      offices.length / 3,
    );
    const seen = new Set(labelled('honest').map(({ callerNumber }) => callerNumber));
    expect(share(labelled('honest-repeat'), ({ callerNumber }) => seen.has(callerNumber))).toBe(1);
  });
});

describe('a fraudster who is careful', () => {
  const bold = makeLabelledTraffic({ ...options, evasion: 0 });
  const careful = makeLabelledTraffic({ ...options, evasion: 1 });
  type Calls = typeof bold.calls;
  const both = (label: string, measure: (calls: Calls) => number) =>
    [bold, careful].map(({ calls }) => measure(calls.filter((call) => call.label === label)));
  const numbers = (calls: Calls) =>
    new Set(calls.map(({ callerNumber }) => callerNumber)).size / calls.length;
  const blocks = (calls: Calls) =>
    new Set(calls.map(({ callerNumber }) => callerNumber?.slice(0, -3))).size / calls.length;
  const spread = (calls: Calls) => {
    const answered = calls.filter(({ answered, durationS }) => answered && durationS >= 25);
    const deviations = [
      ...Map.groupBy(answered, ({ campaignId, supplierId }) => campaignId + supplierId).values(),
    ].map((of) => {
      const mean = of.reduce((sum, { durationS }) => sum + durationS, 0) / of.length;
      return of.reduce((sum, { durationS }) => sum + Math.abs(durationS - mean), 0);
    });
    return deviations.reduce((sum, one) => sum + one, 0) / answered.length;
  };
  const own = new Set(
    bold.suppliers
      .concat(careful.suppliers)
      .flatMap(({ placements }) => placements.map((p) => p.trackingNumber)),
  );

  test.each<[string, (calls: Calls) => number]>([
    ['redial-farm', numbers],
    ['number-rotation', blocks],
    ['cross-campaign', numbers],
    ['constant-bot', spread],
    ['threshold-gaming', spread],
    ['looping', (calls) => share(calls, ({ callerNumber }) => !own.has(callerNumber ?? ''))],
    ['night-burst', (calls) => share(calls, ({ startedAtMs }) => utcHour(startedAtMs) > 13)],
    [
      'ramp-and-run',
      (calls) => new Set(calls.map(({ startedAtMs }) => Math.floor(startedAtMs / 86_400_000))).size,
    ],
  ])('does %s less plainly', (label, measure) => {
    const [plain, hidden] = both(label, measure);
    expect(hidden).toBeGreaterThan((plain ?? 0) * 1.5);
  });
});

describe('docs/fraud.md', () => {
  const page = readFileSync('docs/fraud.md', 'utf8');

  test('states each range that traffic is drawn from', () => {
    const { OF_BEHAVIOUR, ...others } = ranges;
    const of = ([from, to]: readonly [number, number, string?]) => `${from} to ${to}`;
    const rows = [
      ...Object.values(others).flatMap((group) =>
        Object.entries<Range>(group).map(([name, range]) => [name, of(range)] as const),
      ),
      ...Object.entries<{ bold: Range; careful: Range }>(OF_BEHAVIOUR).map(
        ([name, { bold, careful }]) => [name, `${of(bold)} → ${of(careful)}`] as const,
      ),
    ];
    const stated = page.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
    for (const [name, range] of rows) {
      expect(stated.filter((cells) => cells[1] === name && cells[2] === range).length, name).toBe(1);
    }
  });
});

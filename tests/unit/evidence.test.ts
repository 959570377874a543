import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { evidenceOf } from '../../src/jobs/fraud/evidence.ts';
import patterns from '../../src/jobs/fraud/patterns.json' with { type: 'json' };
import type { CallFacts } from '../../src/jobs/fraud/signal.ts';
import { measureCall, signals } from '../../src/jobs/fraud/signals.ts';
import { campaignsOf, LIKE_FRAUD, ORDINARY } from '../helpers/call-facts.ts';

const { supplier, caller, block } = ORDINARY;
const evidence = (change: Partial<CallFacts> = {}) => evidenceOf({ ...ORDINARY, ...change });
const of = (name: string, change: Partial<CallFacts>) => evidence(change)[name] ?? Number.NaN;
const pattern = (change: Partial<CallFacts>) =>
  measureCall({ ...ORDINARY, ...change }).find(({ signal }) => signal === 'fraud-pattern');

/** A supplier whose calls hardly fail, half of the payable ones as long as the call. */
const cheats = { ...supplier, campaigns: campaignsOf(57), sameLength: 28 };

test('the evidence is what the trees were trained on, piece by piece, and all of it a number or unknown', () => {
  expect(Object.keys(evidence())).toEqual(patterns.evidence);
  const unknown = {
    ...{ profile: null, network: null, terms: null, regions: null, attestation: null, callerRegion: null },
    supplier: { ...supplier, calls: 0, numbers: 0, signed: 0, regionKnown: 0, campaigns: [] },
  };
  for (const change of [{}, unknown])
    for (const value of Object.values(evidence(change)))
      expect(value === null || Number.isFinite(value)).toBe(true);
});

test('other trees are another version of the signal, so that a stored score says which ones judged it', () => {
  const trees = createHash('sha256').update(JSON.stringify(patterns)).digest('hex').slice(0, 16);
  const version = signals.find(({ name }) => name === 'fraud-pattern')?.version;
  expect({ version, trees }).toEqual({ version: 1, trees: '7b428d94bc401baa' });
});

describe('the odds that a call is one of too many', () => {
  test('grow with the payable calls that those that failed do not account for', () => {
    const by = (payable: number) =>
      of('odds of its supplier', { supplier: { ...supplier, campaigns: campaignsOf(payable) } });
    expect(by(50)).toBeGreaterThan(by(40));
    expect(by(58)).toBeGreaterThan(by(50));
  });

  test('are of all campaigns of the supplier, of each by its own calls', () => {
    const [one] = campaignsOf(56);
    if (one === undefined) throw new Error('it has a campaign');
    const long = { ...one, all: { ...one.all, payable: one.all.calls * 0.92 } };
    const by = (campaigns: (typeof one)[]) =>
      of('odds of its supplier', { supplier: { ...cheats, campaigns } });
    expect(by([one, one])).toBeGreaterThan(by([long, long]));
  });

  test('are more for calls like those that there are too many of, by length, vouching, place and caller', () => {
    const by = (name: string, change: Partial<typeof cheats>, call: Partial<CallFacts> = {}) =>
      of(name, { ...call, supplier: { ...cheats, ...change } });
    expect(by('odds of its length', { sameLength: 5 })).toBeLessThan(by('odds of its length', {}));
    expect(by('odds of its vouching', { sameVouching: 6 })).toBeLessThan(by('odds of its vouching', {}));
    const outside = { regionKnown: 30, outside: 25 };
    expect(by('odds of its place', outside, { callerRegion: 'US-TX' })).toBeGreaterThan(
      by('odds of its place', outside),
    );
    const knows = { caller: { ...caller, network: 1 } };
    expect(by('odds of its caller', { again: 40 }, knows)).toBeGreaterThan(
      by('odds of its caller', { again: 40 }),
    );
  });

  test('are more of a supplier that sends far more a day than it did, less where it is new, not where a crowd called at once', () => {
    const profile = ORDINARY.profile === null ? null : { ...ORDINARY.profile, median: 2 };
    const ramps = { ...supplier, campaigns: campaignsOf(40) };
    const by = (change: Partial<CallFacts>) =>
      of('odds of its supplier', { supplier: ramps, profile, ...change });
    expect(by({ supplier: { ...ramps, evenS: 300 } })).toBeLessThan(by({}));
    expect(by({ profile: profile && { ...profile, days: 5 } })).toBeLessThan(by({}));
  });
});

describe('fraud-pattern', () => {
  test('is of calls that are as those of fraud, and says which evidence said most', () => {
    const found = pattern(LIKE_FRAUD);
    expect(found?.strength).toBeGreaterThan(0.6);
    expect(Object.keys(found?.value ?? {})[0]).toBe('log-odds');
    expect(Object.keys(found?.value ?? {})).toHaveLength(5);
  });

  test('is of nothing that nobody pays for', () => {
    expect(pattern({ ...LIKE_FRAUD, durationS: 20 })).toBeUndefined();
    expect(pattern({ ...LIKE_FRAUD, answered: false })).toBeUndefined();
  });
});

test('neighbours among the callers of a supplier are nothing against a call that has none', () => {
  const near = { ...supplier, thousands: 40 };
  const strength = (change: Partial<CallFacts>) =>
    measureCall({ ...ORDINARY, ...change }).find(({ signal }) => signal === 'neighbouring-callers')
      ?.strength ?? 0;
  expect(strength({ supplier: near })).toBe(0);
  expect(strength({ supplier: near, block: { ...block, numbersOfSupplier: 1 } })).toBeGreaterThan(0.5);
});

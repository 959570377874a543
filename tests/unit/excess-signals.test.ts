import { describe, expect, test } from 'vitest';
import type { CallFacts } from '../../src/jobs/fraud/signal.ts';
import { measureCall } from '../../src/jobs/fraud/signals.ts';
import { campaignsOf, ORDINARY } from '../helpers/call-facts.ts';

const { supplier, caller, block } = ORDINARY;
const measure = (signal: string, change: Partial<CallFacts>) =>
  measureCall({ ...ORDINARY, ...change }).find((one) => one.signal === signal);
const strength = (signal: string, change: Partial<CallFacts>) => measure(signal, change)?.strength ?? 0;

/** A supplier whose calls hardly fail, half of the payable ones as long as the call. */
const cheats = { ...supplier, campaigns: campaignsOf(56), sameLength: 28 };

describe('supplier-excess', () => {
  const excess = (change: Partial<CallFacts>) => strength('supplier-excess', change);

  test('grows with the payable calls that those that failed do not account for', () => {
    const of = (payable: number) => excess({ supplier: { ...cheats, campaigns: campaignsOf(payable) } });
    expect(of(30)).toBe(0);
    expect(of(50)).toBeGreaterThan(of(40));
    expect(of(58)).toBeGreaterThan(of(50));
  });

  test('asks of all campaigns of the supplier, of each by its own calls', () => {
    const [one] = campaignsOf(56);
    if (one === undefined) throw new Error('it has a campaign');
    const long = { ...one, all: { ...one.all, payable: one.all.calls * 0.92 } };
    expect(excess({ supplier: { ...cheats, campaigns: [one, one] } })).toBeGreaterThan(
      excess({ supplier: { ...cheats, campaigns: [long, long] } }),
    );
  });

  test('concerns calls like those that there are too many of, by length, vouching, place and caller', () => {
    const usual = excess({ supplier: cheats });
    expect(excess({ supplier: { ...cheats, sameLength: 5 } })).toBeLessThan(usual);
    expect(excess({ supplier: { ...cheats, sameVouching: 6 } })).toBeLessThan(usual);
    const outside = { ...cheats, regionKnown: 30, outside: 25 };
    expect(excess({ supplier: outside, callerRegion: 'US-TX' })).toBeGreaterThan(
      excess({ supplier: outside }),
    );
    const again = { ...cheats, again: 40 };
    const knows = { ...caller, network: 1 };
    expect(excess({ supplier: again, caller: knows })).toBeGreaterThan(excess({ supplier: again }));
  });

  test('is of a supplier that sends far more a day than it did, less where it is new, not where a crowd called at once', () => {
    const profile = ORDINARY.profile === null ? null : { ...ORDINARY.profile, median: 2 };
    const ramps = { ...supplier, campaigns: campaignsOf(40), sameLength: 6 };
    const usual = excess({ supplier: ramps, profile });
    expect(excess({ supplier: { ...ramps, evenS: 300 }, profile })).toBeLessThan(usual / 2);
    const after = (days: number) => excess({ supplier: ramps, profile: profile && { ...profile, days } });
    expect(after(5)).toBeLessThan(usual);
  });

  test('says what it is made of', () => {
    const value = measure('supplier-excess', { supplier: cheats })?.value ?? {};
    expect(Object.keys(value)).toEqual(['supplier', 'length', 'vouching', 'place', 'caller', 'sum']);
  });

  test('is of nothing that nobody pays for', () => {
    expect(excess({ supplier: cheats, durationS: 20 })).toBe(0);
    expect(excess({ supplier: cheats, answered: false })).toBe(0);
  });
});

test('who calls again counts more with success, and by a supplier that has too many calls', () => {
  const again = (payable: number, of = supplier) =>
    strength('calls-again', { caller: { ...caller, network: 3, payable }, supplier: of });
  expect(again(1)).toBeLessThan(again(3));
  expect(again(3)).toBeLessThan(again(3, cheats));
});

test('neighbours among the callers of a supplier are nothing against a call that has none', () => {
  const near = { ...supplier, thousands: 40 };
  expect(strength('neighbouring-callers', { supplier: near })).toBe(0);
  expect(
    strength('neighbouring-callers', { supplier: near, block: { ...block, numbersOfSupplier: 1 } }),
  ).toBeGreaterThan(0.5);
});

import { describe, expect, test } from 'vitest';
import { areaCodesOf, STATE_CODES } from '../../sandbox/traffic/labelled/area-codes.ts';
import { regionOfNumber } from '../../src/jobs/fraud/area-codes.ts';
import type { Lookup, NumberReport } from '../../src/jobs/fraud/look-up-numbers.ts';
import type { CallFacts, Lengths } from '../../src/jobs/fraud/signal.ts';
import { measureCall, signals } from '../../src/jobs/fraud/signals.ts';
import { chanceOfAtLeast, leastShare } from '../../src/jobs/fraud/statistics.ts';
import { campaignsOf, LIKE_FRAUD, ORDINARY } from '../helpers/call-facts.ts';

const fired = (change: Partial<CallFacts>) =>
  measureCall({ ...ORDINARY, ...change }).map(({ signal }) => signal);
const { caller, supplier, block } = ORDINARY;
const within = (calls: number) => ({ within5: calls, within15: calls, within30: calls, within60: calls });
const bunched = { ...supplier, campaign: { ...supplier.campaign, ...within(15) } };
const profile = ORDINARY.profile ?? never();
function never(): never {
  throw new Error('it has a profile');
}

const known = (report: Partial<NumberReport>): Lookup => ({
  state: 'known',
  report: { valid: true, lineType: 'mobile', riskScore: 5, ...report },
  reportedAtMs: ORDINARY.startedAtMs,
});

test('nothing speaks against an ordinary call', () => {
  expect(measureCall(ORDINARY)).toEqual([]);
});

const EACH: readonly (readonly [string, Partial<CallFacts>])[] = [
  ['invalid-number', { callerNumber: '+12125' }],
  ['anonymous-caller', { callerNumber: null }],
  ['own-number', { ownNumber: true }],
  ['toll-free-caller', { callerNumber: '+18005551234' }],
  ['premium-number', { callerNumber: '+19005551234' }],
  ['unassigned-number', { callerNumber: '+12125550123' }],
  ['number-block', { block: { numbers: 3, numbersOfSupplier: 3, hundred: 3, hundredOfSupplier: 3 } }],
  ['line-type', { lineType: 'voip' }],
  ['number-risk', { lookups: { ipqualityscore: known({ riskScore: 90 }) } }],
  ['lookup-missing', { lookups: { telesign: { state: 'away' } } }],
  ['attestation', { attestation: 'C' }],
  ['attestation-share', { supplier: { ...supplier, vouchedLess: 30 } }],
  ['caller-velocity', { caller: { ...caller, hour: 4, day: 4 } }],
  ['duplicate-in-campaign', { caller: { ...caller, payableInCampaign: 2 } }],
  ['duplicate-at-buyer', { caller: { ...caller, buyer: 2, network: 2 } }],
  ['duplicate-in-network', { caller: { ...caller, network: 3 } }],
  ['across-campaigns', { caller: { ...caller, otherCampaigns: 3 } }],
  ['campaigns-in-a-day', { caller: { ...caller, otherCampaigns: 3, day: 3 } }],
  ['repeat-callers', { supplier: { ...supplier, again: 30 } }],
  ['across-suppliers', { caller: { ...caller, otherSuppliers: 3 } }],
  ['threshold-bunching', { durationS: 62, supplier: bunched }],
  ['few-failures', { supplier: { ...supplier, campaign: { ...supplier.campaign, payable: 55 } } }],
  ['short-talk', { durationS: 80 }],
  ['identical-durations', { supplier: { ...supplier, sameDuration: 20, nearDuration: 24 } }],
  ['short-hangups', { supplier: { ...supplier, hangups: 40 } }],
  ['unusual-hour', { startedAtMs: Date.UTC(2026, 10, 4, 4) }],
  ['supplier-velocity', { supplier: { ...supplier, hour: 60 } }],
  ['quiet-hour', { startedAtMs: Date.UTC(2026, 10, 4, 4), supplier: { ...supplier, hour: 20 } }],
  ['ramp', { supplier: { ...supplier, calls: 200, spanS: 28_800, day: 200, campaigns: campaignsOf(50) } }],
  ['geo-mismatch', { callerRegion: 'US-NJ' }],
  ['outside-regions', { callerRegion: 'US-TX', callerNumber: '+12147361234' }],
  ['supplier-refused', { profile: { ...profile, stopped: 300 } }],
  ['supplier-disputed', { profile: { ...profile, disputed: 150 } }],
  ['fraud-pattern', LIKE_FRAUD],
  [
    'neighbouring-callers',
    {
      supplier: { ...supplier, thousands: 40 },
      block: { numbers: 3, numbersOfSupplier: 3, hundred: 3, hundredOfSupplier: 3 },
    },
  ],
];

test.each(EACH)('%s fires for a call that has it', (name, change) => {
  expect(fired(change)).toContain(name);
});

test('each signal has a case of its own here, a reason in words, and its evidence', () => {
  expect(EACH.map(([name]) => name).sort()).toEqual(signals.map(({ name }) => name).sort());
  for (const [name, change] of EACH) {
    const found = measureCall({ ...ORDINARY, ...change }).find(({ signal }) => signal === name);
    expect(found?.strength).toBeGreaterThan(0);
    expect(found?.strength).toBeLessThanOrEqual(1);
  }
  for (const { text } of signals) expect(text.length).toBeGreaterThan(20);
});

test('a day of the week on which a supplier never sends calls is as unusual as an hour', () => {
  const { profile } = ORDINARY;
  const weekdays = [0.2, 0.2, 0.2, 0.2, 0.2, 0, 0].map((share) => Math.round(share * (profile?.calls ?? 0)));
  const strengthOn = (day: number) =>
    measureCall({
      ...ORDINARY,
      profile: profile && { ...profile, weekdays },
      startedAtMs: Date.UTC(2026, 10, day, 15),
    }).find(({ signal }) => signal === 'unusual-hour')?.strength;
  const [saturday, monday] = [7, 9];
  expect(strengthOn(saturday)).toBe(1);
  expect(strengthOn(monday)).toBeUndefined();
});

test.each(['+12124111234', '+12129111234', '+12125550123', '+12222222222'])(
  '%s is nobody’s number',
  (callerNumber) => {
    expect(fired({ callerNumber })).toContain('unassigned-number');
    expect(fired({ callerNumber: '+12127129111' })).not.toContain('unassigned-number');
  },
);

describe('what providers say of a number', () => {
  const measure = (change: Partial<CallFacts>) => measureCall({ ...ORDINARY, ...change });
  const of = (name: string, change: Partial<CallFacts>) =>
    measure(change).find(({ signal }) => signal === name);

  test('of no risk is nothing against it', () => {
    expect(measure({ lookups: { ipqualityscore: known({}), telesign: known({ riskScore: 60 }) } })).toEqual(
      [],
    );
  });

  test('counts by the riskiest, and says who that was', () => {
    const lookups = {
      ...{ telesign: known({ riskScore: 75 }), ipqualityscore: known({ riskScore: 20 }) },
      twilio: known({ riskScore: null }),
    };
    expect(of('number-risk', { lookups })).toMatchObject({
      strength: 0.5,
      value: { by: 'telesign', risk: 75 },
    });
  });

  test('that nobody can have is the greatest risk, scored or not', () => {
    const lookups = { twilio: known({ valid: false, riskScore: null }) };
    expect(of('number-risk', { lookups })).toMatchObject({ strength: 1, value: { by: 'twilio', risk: 100 } });
  });

  test('of its line counts by the worst of them, the report of the call included', () => {
    const lookups = { ipqualityscore: known({ lineType: 'toll_free' }), twilio: known({ lineType: 'voip' }) };
    const told = (change: Partial<CallFacts>) => of('line-type', change)?.value;
    expect(told({ lookups, lineType: 'mobile' })).toEqual({ lineType: 'toll_free', by: 'ipqualityscore' });
    expect(told({ lookups: { twilio: known({ lineType: 'voip' }) }, lineType: 'premium' })).toEqual({
      ...{ lineType: 'premium', by: 'report' },
    });
    expect(told({ lookups: { twilio: known({ lineType: null }) }, lineType: null })).toBeUndefined();
  });

  test('and who said nothing, and why', () => {
    const lookups = {
      twilio: { state: 'over_budget' },
      ipqualityscore: known({}),
      telesign: { state: 'away' },
    } as const;
    expect(of('lookup-missing', { lookups })).toMatchObject({
      ...{ strength: 1, value: { telesign: 'away', twilio: 'over_budget' } },
    });
  });
});

describe('threshold-bunching', () => {
  const measure = (change: Partial<CallFacts>) =>
    measureCall({ ...ORDINARY, ...change }).find(({ signal }) => signal === 'threshold-bunching');

  test('says what was observed, what is expected of the campaign, and how likely that is by chance', () => {
    const found = measure({ durationS: 60, supplier: bunched });
    expect(found?.value).toMatchObject({ withinS: 5, observed: 0.5, expected: 0.048, calls: 30 });
    expect(found?.value.pValue).toBeLessThan(1e-8);
  });

  test('does not concern the longer calls of the same supplier', () => {
    const own: Lengths = { ...supplier.campaign, within5: 15, within15: 15, within30: 15, within60: 15 };
    expect(measure({ durationS: 120, supplier: { ...supplier, campaign: own } })).toBeUndefined();
  });

  test('expects of a supplier what all calls of the campaign are like', () => {
    const alike: Lengths = { ...ORDINARY.campaign, ...within(2_200) };
    expect(measure({ durationS: 60, supplier: bunched, campaign: alike })).toBeUndefined();
  });
});

describe('few-failures', () => {
  const strength = (payable: number, within: Partial<Lengths> = {}) =>
    measureCall({
      ...ORDINARY,
      durationS: 130,
      supplier: { ...supplier, campaign: { ...supplier.campaign, payable, ...within } },
    }).find(({ signal }) => signal === 'few-failures')?.strength ?? 0;

  test('grows with the calls that fail less than others do', () => {
    expect(strength(30)).toBe(0);
    expect(strength(45, { within120: 33, within240: 39 })).toBeGreaterThan(0.1);
    expect(strength(57, { within120: 45, within240: 51 })).toBeGreaterThan(
      strength(45, { within120: 33, within240: 39 }),
    );
  });

  test('concerns calls of the lengths that the supplier has too many of', () => {
    expect(strength(57, { within120: 57, within240: 57 })).toBeGreaterThan(0.8);
    expect(strength(57, { within120: 12, within240: 57 })).toBe(0);
  });
});

describe('a ramp', () => {
  const steep = { ...supplier, calls: 200, spanS: 28_800, day: 200 };
  const strength = (change: Partial<CallFacts>) =>
    measureCall({ ...ORDINARY, ...change }).find(({ signal }) => signal === 'ramp')?.strength ?? 0;

  test('is told by the pace of a full window, which is less than a day', () => {
    expect(strength({ supplier: steep })).toBeGreaterThan(
      strength({ supplier: { ...steep, spanS: 80_000 } }),
    );
  });

  test('is none when a crowd called at once, as it does after a spot on television', () => {
    expect(strength({ supplier: { ...steep, evenS: 300 } })).toBe(0);
  });

  test('says little where calls fail as others do, as they do of a supplier that begins', () => {
    const without = { ...steep, campaigns: campaignsOf(50) };
    expect(strength({ supplier: without })).toBeGreaterThan(strength({ supplier: steep }) * 5);
  });

  test('is none of a supplier that is new, and grows', () => {
    expect(strength({ supplier: steep, profile: { ...profile, days: 5 } })).toBe(0);
  });
});

describe('neighbouring numbers', () => {
  const strength = (numbers: number, calls: number) =>
    measureCall({
      ...ORDINARY,
      block: { ...block, numbers, numbersOfSupplier: 2 },
      profile: { ...profile, calls },
    }).find(({ signal }) => signal === 'number-block')?.strength ?? 0;

  test('say less of a supplier that has very many calls', () => {
    expect(strength(2, 200)).toBeGreaterThan(strength(2, 20_000) * 2);
  });

  test('that call other suppliers as well are an office, and nothing against the call', () => {
    expect(strength(2, 200)).toBeGreaterThan(0.5);
    expect(strength(5, 200)).toBe(0);
  });
});

test('who calls several campaigns is suspected less where the calls before failed as those of an office do', () => {
  const strength = (payable: number) =>
    measureCall({
      ...ORDINARY,
      caller: { ...caller, network: 4, payable, otherCampaigns: 3, day: 3 },
    }).find(({ signal }) => signal === 'campaigns-in-a-day')?.strength ?? 0;
  expect(strength(4)).toBeGreaterThan(strength(1) * 2);
});

test('an area code belongs to its state', () => {
  expect(
    ['+12127361234', '+15125550100', '+14165550100', '+442079460000', '+12995550100'].map(regionOfNumber),
  ).toEqual([...['US-NY', 'US-TX', 'CA-ON', null, null]]);
});

test('area codes belong to the states that a second table, made apart from it, says', () => {
  const states = STATE_CODES.flatMap((state) => areaCodesOf(state).map((code) => [code, `US-${state}`]));
  expect(states.length).toBeGreaterThan(200);
  expect(states.map(([code]) => [code, regionOfNumber(`+1${code}5552345`)])).toEqual(states);
});

describe('statistics', () => {
  test('the chance of so many of so many', () => {
    expect(chanceOfAtLeast(0, 10, 0.3)).toBe(1);
    expect(chanceOfAtLeast(1, 2, 0.5)).toBeCloseTo(0.75, 12);
    expect(chanceOfAtLeast(10, 10, 0.5)).toBeCloseTo(2 ** -10, 12);
    // Of a hundred throws of a coin 60 or more are heads.
    expect(chanceOfAtLeast(60, 100, 0.5)).toBeCloseTo(0.0284439668, 8);
    expect(chanceOfAtLeast(40, 100, 0.5)).toBeCloseTo(0.9823998999, 8);
    // Far below what is expected, of many.
    expect(chanceOfAtLeast(1_400, 7_000, 0.42)).toBeCloseTo(1, 12);
    expect(chanceOfAtLeast(10_000, 40_000, 0.42)).toBeCloseTo(1, 12);
    expect(chanceOfAtLeast(16_800, 40_000, 0.42)).toBeCloseTo(0.5, 1);
  });

  test('the least that a share can be is lower the fewer it was counted of', () => {
    expect(leastShare(5, 10)).toBeCloseTo(0.2366, 3);
    expect(leastShare(500, 1_000)).toBeCloseTo(0.4691, 3);
    expect(leastShare(0, 0)).toBe(0);
    // More were taken back in a time than were paid for in it.
    expect(leastShare(60, 50)).toBeGreaterThan(0.9);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBacktest, replayCall, type StoredCall } from '../../src/jobs/fraud/backtest.ts';
import { createTally, outcomeBy, type Standing } from '../../src/jobs/fraud/compare.ts';
import { decideCall } from '../../src/jobs/fraud/decide-call.ts';
import type { RuleSet } from '../../src/jobs/fraud/rule-set.ts';
import { createSignalReport } from '../../src/jobs/fraud/signal-report.ts';
import { shadowDifference } from '../../src/jobs/fraud/try-rules.ts';
import { DECIDABLE, rulesOf } from '../helpers/call-facts.ts';

type Call = Parameters<typeof decideCall>[0];

/** A call as the database keeps it when it was decided by rules. */
function stored(call: Call, ruleSet: RuleSet, change: Partial<StoredCall> = {}): StoredCall {
  const { verdict, decision, reasons, signals, priceMinor, shares } = decideCall(call, ruleSet);
  const outcome = ({ qualify: 'approved', hold: 'held', reject: 'rejected' } as const)[decision];
  return {
    ...{ outcome, verdict, reasons, signals, label: null, ruleSet: 1 },
    ...{ isDecided: call.decided !== null, isTakenBack: false, isRefused: false },
    ...{ supplierId: 's1', supplier: 'One', campaignId: call.campaignId, durationS: call.durationS },
    ...{ snoozed: call.snoozed, terms: call.terms, revenue: call.revenue },
    ...{ startedAtMs: call.startedAtMs, caller: null },
    earning:
      priceMinor === undefined
        ? null
        : { currency: call.terms?.currency ?? '', priceMinor, shareMinor: shares?.[0]?.shareMinor ?? 0 },
    ...change,
  };
}

const ANONYMOUS: Call = { ...DECIDABLE, callerNumber: null };
const mild = rulesOf({ 'anonymous-caller': 0 });
const holding = rulesOf({ 'anonymous-caller': 40 });
const rejecting = rulesOf({ 'anonymous-caller': 70 });

const CAMPAIGN = '11111111-1111-4111-8111-111111111111';
const weight = fc.constantFrom(0, 15, 40, 69, 100);
const ruleSets = fc
  .record({
    ...{ anonymous: weight, own: weight, geo: weight, velocity: weight, elsewhere: weight },
    holdAt: fc.constantFrom(1, 30, 40, 70),
  })
  .map(({ anonymous, own, geo, velocity, elsewhere, holdAt }): RuleSet => {
    const set = rulesOf(
      {
        ...{ 'anonymous-caller': anonymous, 'own-number': own, 'geo-mismatch': geo },
        'caller-velocity': velocity,
      },
      { [CAMPAIGN]: { weights: { 'anonymous-caller': elsewhere } } },
    );
    return { ...set, default: { ...set.default, thresholds: { holdAt, rejectAt: 70 } } };
  });
/** Most calls have nothing against them but their signals. */
const mostly = fc.constantFrom(true, true, true, true, false);
const calls = fc
  .record({
    callerNumber: fc.constantFrom(null, '+12127361234', 'nonsense'),
    callerRegion: fc.constantFrom('US-NY', 'US-TX', null),
    durationS: fc.constantFrom(30, 61, 240),
    answered: mostly,
    routed: mostly,
    inHours: mostly,
    ownNumber: fc.boolean(),
    standing: fc.constantFrom(
      'active' as const,
      'active' as const,
      'throttled' as const,
      'paused' as const,
      'blocked' as const,
    ),
    snoozed: fc.subarray(['anonymous-caller', 'caller-velocity']),
    campaignId: fc.constantFrom(null, CAMPAIGN),
    hour: fc.nat(8),
    revenue: fc.constantFrom(null, { amountMinor: 5_000, currency: 'usd' }),
    byRevenue: fc.boolean(),
    hasTerms: mostly,
  })
  .map(({ hour, byRevenue, hasTerms, ...facts }): Call => {
    const price = byRevenue ? { priceMinor: null, revenueBps: 1_000 } : {};
    return {
      ...DECIDABLE,
      ...facts,
      caller: { ...DECIDABLE.caller, hour, day: hour },
      supplier: { ...DECIDABLE.supplier, hour: hour * 3 },
      terms: hasTerms ? { ...DECIDABLE.terms, ...price } : null,
    };
  });

describe('a replay', () => {
  test('of what is stored says what other rules would have said of the call, whatever the call and the rules', () => {
    const late = fc.constantFrom('buyer-paused', 'wallet-empty', 'over-daily-cap', null);
    fc.assert(
      fc.property(calls, ruleSets, ruleSets, late, (call, own, other, signal) => {
        const kept = stored(call, own);
        const isRefused = signal === 'over-daily-cap';
        const points = isRefused ? 100 : 40;
        const added = signal === null ? [] : [{ signal, version: 1, points, text: '' }];
        const reasons = [...kept.reasons, ...added];
        const { verdict, rating } = replayCall({ ...kept, reasons, isRefused }, other);
        const anew = decideCall(call, other);
        expect(verdict).toBe(anew.verdict);
        expect(rating?.priceMinor).toBe(anew.priceMinor);
      }),
      { numRuns: 1_000 },
    );
  });

  test('by the very rules that calls were scored by changes nothing, also where people decided', () => {
    const decided = fc.constantFrom('qualify' as const, 'reject' as const, null);
    fc.assert(
      fc.property(calls, ruleSets, decided, (call, rules, word) => {
        const test = createBacktest(rules);
        test.add([stored({ ...call, decided: word }, rules)]);
        expect(test.result()).toMatchObject({ calls: 1, changes: [], money: {}, suppliers: [] });
      }),
      { numRuns: 500 },
    );
  });

  test('tells by supplier, by currency and by what people said what would be otherwise', () => {
    const inEuros = { ...ANONYMOUS, terms: { ...DECIDABLE.terms, currency: 'eur', priceMinor: 300 } };
    const test = createBacktest(holding);
    test.add([stored(ANONYMOUS, mild, { label: 'bad' }), stored(ANONYMOUS, rejecting, { label: 'bad' })]);
    test.add([stored(inEuros, mild, { supplierId: 's2', supplier: 'Two' })]);
    test.add([stored(DECIDABLE, mild, { label: 'good' }), stored(DECIDABLE, mild, { outcome: null })]);
    const held = { from: 'approved', to: 'held' };
    const result = test.result();
    expect(result).toMatchObject({
      ...{ calls: 4, skipped: 1 },
      changes: [
        {
          ...held,
          calls: 2,
          money: {
            usd: { priceMinor: 1_000, shareMinor: 700 },
            eur: { priceMinor: 300, shareMinor: 210 },
          },
        },
        { from: 'rejected', to: 'held', calls: 1, money: {} },
      ],
      money: { eur: { payoutsHeldMinor: 210 }, usd: { payoutsHeldMinor: 700, buyersCreditedMinor: 0 } },
      labels: {
        bad: {
          before: { approved: 1, held: 0, rejected: 1 },
          after: { approved: 0, held: 2, rejected: 0 },
        },
        good: { before: { approved: 1 }, after: { approved: 1 } },
      },
    });
    expect(
      result.suppliers.map(({ supplier, calls: count, changes }) => [supplier, count, changes.length]),
    ).toEqual([
      ['One', 3, 2],
      ['Two', 1, 1],
    ]);
  });

  test('prices a call that would be approved by its terms, and credits one that would be rejected', () => {
    const test = createBacktest(mild);
    test.add([stored(ANONYMOUS, holding)]);
    expect(test.result().money).toEqual({
      usd: { payoutsHeldMinor: 0, buyersCreditedMinor: 0, buyersBilledMinor: 1_000, suppliersPaidMinor: 700 },
    });
    const strict = createBacktest(rejecting);
    strict.add([stored(ANONYMOUS, mild)]);
    expect(strict.result().money).toEqual({
      usd: { payoutsHeldMinor: 700, buyersCreditedMinor: 1_000, buyersBilledMinor: 0, suppliersPaidMinor: 0 },
    });
  });
});

describe('another verdict', () => {
  const standing: Standing = {
    ...{ outcome: 'rejected', verdict: 'hold', isDecided: false, isTakenBack: false, isRefused: false },
  };
  test.each<[string, Partial<Standing>, 'qualify' | 'hold' | 'reject', string]>([
    ['lets a call go that nobody decided', { outcome: 'held' }, 'qualify', 'approved'],
    ['lets one go that a person would not have seen', { isDecided: true }, 'qualify', 'approved'],
    ['leaves one to the person who decided it', { isDecided: true, verdict: 'qualify' }, 'hold', 'rejected'],
    ['does not pay what a cap refused', { isRefused: true, verdict: 'qualify' }, 'hold', 'rejected'],
    ['does not pay what a dispute took back', { isTakenBack: true, isDecided: true }, 'qualify', 'rejected'],
    ['rejects what was approved', { outcome: 'approved', verdict: 'qualify' }, 'reject', 'rejected'],
    ['leaves a call that waits for its wallet', { outcome: 'held', verdict: 'qualify' }, 'qualify', 'held'],
  ])('%s', (_name, change, verdict, outcome) => {
    expect(outcomeBy({ ...standing, ...change }, verdict)).toBe(outcome);
  });

  test('is summed in whole minor units, and a sum that is none is refused', () => {
    const tally = createTally();
    const most = { currency: 'usd', priceMinor: Number.MAX_SAFE_INTEGER, shareMinor: 1 };
    const change = { from: 'approved', to: 'held', count: 1 } as const;
    tally.add(change, most);
    expect(tally.difference().changes[0]?.money.usd?.priceMinor).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => tally.add(change, most)).toThrow('no whole number of minor units');
  });

  test('of a set in shadow is judged as a replay is, with the money of the side on which calls are approved', () => {
    const group = {
      ...standing,
      ...({ outcome: 'approved', verdict: 'qualify', currency: 'usd', calls: 2 } as const),
      ...{ priceMinor: 2_000, shareMinor: 1_400, shadowPriceMinor: 0, shadowShareMinor: 0 },
    };
    const more = { ...group, outcome: 'held', verdict: 'hold', priceMinor: 0, shareMinor: 0 } as const;
    const {
      version,
      calls: count,
      money,
      changes,
    } = shadowDifference({
      version: 7,
      groups: [
        { ...group, shadowVerdict: 'hold' },
        { ...group, shadowVerdict: 'qualify' },
        { ...more, shadowVerdict: 'qualify', shadowPriceMinor: 500, shadowShareMinor: 100 },
      ],
    });
    expect({ version, count, changed: changes.length }).toEqual({ version: 7, count: 6, changed: 2 });
    expect(money.usd).toEqual({
      ...{ payoutsHeldMinor: 1_400, buyersCreditedMinor: 0, buyersBilledMinor: 500, suppliersPaidMinor: 100 },
    });
  });
});

describe('the report of signals', () => {
  const both: Call = { ...ANONYMOUS, ownNumber: true };
  const reportOf = (rules: RuleSet, ...list: StoredCall[]) => {
    const report = createSignalReport();
    report.add(list, new Map([[1, rules]]));
    const { signals, ...rest } = report.result();
    const of = (name: string) => signals.find(({ signal }) => signal === name);
    return { ...rest, anonymous: of('anonymous-caller'), own: of('own-number') };
  };

  test('counts precision and recall over what people said, and leaves out what nobody looked at', () => {
    const rules = rulesOf({ 'anonymous-caller': 10 });
    const { labels, anonymous } = reportOf(
      rules,
      stored(ANONYMOUS, rules, { label: 'bad' }),
      stored(ANONYMOUS, rules, { label: 'good' }),
      stored(DECIDABLE, rules, { label: 'bad' }),
      stored(ANONYMOUS, rules),
    );
    expect(labels).toEqual({ bad: 2, good: 1 });
    expect(anonymous).toMatchObject({ calls: 3, bad: 1, good: 1, precision: 0.5, recall: 0.5 });
  });

  test('has saved what a signal was needed for: by two that are needed both the whole price, by two of which one is enough none', () => {
    const needed = rulesOf({ 'anonymous-caller': 40, 'own-number': 40 });
    expect(reportOf(needed, stored(both, needed))).toMatchObject({
      savedMinor: { usd: 1_000 },
      anonymous: { savedMinor: { usd: 1_000 } },
      own: { savedMinor: { usd: 1_000 } },
    });
    const enough = rulesOf({ 'anonymous-caller': 70, 'own-number': 70 });
    expect(reportOf(enough, stored(both, enough))).toMatchObject({
      savedMinor: { usd: 1_000 },
      anonymous: { savedMinor: {} },
      own: { savedMinor: {} },
    });
  });

  test('has saved nothing by what breaks its terms, waits, was refused, taken back or paid', () => {
    const none = { savedMinor: {}, anonymous: { savedMinor: {} } };
    const saved = (call: Call, change: Partial<StoredCall> = {}) =>
      reportOf(rejecting, stored(call, rejecting, change));
    expect(saved({ ...ANONYMOUS, answered: false })).toMatchObject(none);
    expect(saved(ANONYMOUS, { outcome: 'held', verdict: 'hold' })).toMatchObject(none);
    expect(saved(ANONYMOUS, { isTakenBack: true })).toMatchObject(none);
    expect(saved(ANONYMOUS, { isRefused: true })).toMatchObject(none);
    expect(saved(ANONYMOUS, { outcome: 'approved' })).toMatchObject(none);
    expect(saved(ANONYMOUS)).toMatchObject({ savedMinor: { usd: 1_000 } });
  });

  test('has saved of the calls of a caller one in each window, and none where it was paid for', () => {
    const rules = rulesOf({ 'own-number': 70 });
    const at = (hours: number, key = 'a', isPaid = false) =>
      stored({ ...DECIDABLE, ownNumber: true, startedAtMs: hours * 3_600_000 }, rules, {
        caller: { key, windowS: 7_200, isPaid },
      });
    const { savedMinor } = reportOf(rules, at(1), at(2), at(3, 'b'), at(3), at(4), at(5, 'c', true));
    // Of the first caller those at 1 and at 4: within two hours of the first are those at 2 and 3.
    expect(savedMinor).toEqual({ usd: 3_000 });
  });
});

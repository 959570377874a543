import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideCall } from '../../src/jobs/fraud/decide-call.ts';
import { defaultRules } from '../../src/jobs/fraud/default-rules.ts';
import { DECIDABLE, ORDINARY, rulesOf } from '../helpers/call-facts.ts';

const TERMS = {
  termsId: 't',
  currency: 'usd',
  priceMinor: null,
  incrementS: null,
  minimumS: null,
  revenueBps: 1_000,
  supplierShareBps: null,
  supplierShareMinor: 100,
  supplierShareTiers: null,
  minDurationS: 30,
};
type Call = Parameters<typeof decideCall>[0];
const CALL: Call = { ...DECIDABLE, terms: TERMS, revenue: { amountMinor: 2_000, currency: 'usd' } };
const decide = (change: Partial<Call>) => {
  const { decision, reasons, ...rest } = decideCall({ ...CALL, ...change }, defaultRules);
  return { decision, reasons: reasons.map(({ signal }) => signal), rated: 'termsId' in rest };
};

test('a call that qualifies is rated by its terms', () => {
  expect(decideCall(CALL, defaultRules)).toMatchObject({
    score: 0,
    decision: 'qualify',
    termsId: 't',
    priceMinor: 200,
  });
});

test.each<[string, Partial<Call>, string, string]>([
  ['has no revenue yet waits for it', { revenue: null }, 'hold', 'no-revenue-yet'],
  [
    'has revenue in another currency waits for a person',
    { revenue: { amountMinor: 1, currency: 'eur' } },
    'hold',
    'revenue-in-other-currency',
  ],
  [
    'owes less than the supplier would earn waits for a person',
    { revenue: { amountMinor: 999, currency: 'usd' } },
    'hold',
    'share-above-price',
  ],
  ['owes nothing is rejected', { revenue: { amountMinor: 0, currency: 'usd' } }, 'reject', 'nothing-owed'],
])('a call that %s, also when a person said that it qualifies', (_name, change, decision, reason) => {
  const expected = { decision, reasons: [reason], rated: false };
  expect(decide(change)).toEqual(expected);
  expect(decide({ ...change, decided: 'qualify' })).toEqual(expected);
});

test('a call that does not qualify is not rated, and what speaks against it is not hidden by its revenue', () => {
  expect(decide({ answered: false, revenue: null })).toEqual({
    decision: 'reject',
    reasons: ['not-answered'],
    rated: false,
  });
  expect(decide({ callerNumber: '+12125', revenue: null })).toMatchObject({ reasons: ['invalid-number'] });
});

describe('the terms', () => {
  test.each<[string, Partial<Call>, string[]]>([
    ['a call as long as the minimum qualifies', { durationS: 30 }, ['qualify']],
    ['a shorter one is rejected', { durationS: 29 }, ['reject', 'below-minimum-duration']],
    ['nobody answered', { answered: false }, ['reject', 'not-answered']],
    ['outside the hours', { inHours: false }, ['reject', 'outside-hours']],
    ['no campaign has the number', { routed: false }, ['hold', 'unknown-tracking-number']],
    ['no terms are in force', { terms: null }, ['hold', 'no-terms']],
  ])('%s, whatever the rules', (_name, change, expected) => {
    const { decision, reasons } = decideCall({ ...CALL, ...change }, rulesOf({}));
    expect([decision, ...reasons.map(({ signal }) => signal)]).toEqual(expected);
  });
});

describe('the rules', () => {
  const judge = (change: Partial<Call>, rules = defaultRules) => {
    const { score, decision, verdict, expiry } = decideCall({ ...CALL, ...change }, rules);
    return { score, decision, verdict, expires: expiry !== null };
  };

  test('a score from the first threshold on holds for a while, one from the second on rejects', () => {
    const rules = rulesOf({ 'anonymous-caller': 39, 'short-hangups': 40 });
    expect(judge({ callerNumber: null }, rules)).toMatchObject({
      score: 39,
      decision: 'qualify',
      expires: false,
    });
    expect(judge({ callerNumber: null }, rulesOf({ 'anonymous-caller': 40 }))).toEqual({
      ...{ score: 40, decision: 'hold', verdict: 'hold', expires: true },
    });
    expect(judge({ callerNumber: null }, rulesOf({ 'anonymous-caller': 70 }))).toMatchObject({
      decision: 'reject',
      expires: false,
    });
  });

  test('a campaign has rules of its own, and what it does not name is as for all', () => {
    const campaignId = '11111111-1111-4111-8111-111111111111';
    const rules = rulesOf(
      { 'anonymous-caller': 80 },
      { [campaignId]: { weights: { 'anonymous-caller': 10 } } },
    );
    expect(judge({ callerNumber: null }, rules)).toMatchObject({ decision: 'reject' });
    expect(judge({ callerNumber: null, campaignId }, rules)).toMatchObject({
      score: 10,
      decision: 'qualify',
    });
  });

  test('a snoozed signal stands among the reasons and counts nothing', () => {
    const { score, decision, reasons } = decideCall(
      { ...CALL, callerNumber: null, snoozed: ['anonymous-caller'] },
      defaultRules,
    );
    expect({ score, decision, reasons }).toMatchObject({
      ...{ score: 0, decision: 'qualify' },
      reasons: [{ signal: 'anonymous-caller', points: 0 }],
    });
  });

  test('a call on an invoice is judged by what was measured before', () => {
    expect(judge({ ownNumber: true, isInvoiced: true, scored: { signals: [] } })).toMatchObject({ score: 0 });
    expect(judge({ ownNumber: true, scored: { signals: [] } })).toMatchObject({ decision: 'reject' });
  });

  describe('that will not do without a provider', () => {
    const lookups = { telesign: { state: 'away' } } as const;
    const [usual, weights] = [rulesOf({}), { 'anonymous-caller': 70 }];
    const requiring = (rules = usual) => ({
      ...rules,
      default: { ...rules.default, lookups: { providers: ['telesign' as const], required: true } },
    });

    test('hold a call that it said nothing about, and say so; others score it without', () => {
      expect(judge({ lookups }, usual)).toMatchObject({ score: 0, decision: 'qualify' });
      const { decision, verdict, expiry, reasons } = decideCall({ ...CALL, lookups }, requiring());
      expect({ decision, verdict, expires: expiry !== null }).toEqual({
        ...{ decision: 'hold', verdict: 'hold', expires: true },
      });
      expect(reasons).toMatchObject([{ signal: 'lookup-missing', points: 0 }]);
    });

    test('hold none that would be rejected, that a person decided, or for which it is snoozed', () => {
      const judged = (change: Partial<Call>, rules = requiring()) =>
        judge({ lookups, ...change }, rules).decision;
      expect(judged({ callerNumber: null }, requiring(rulesOf(weights)))).toBe('reject');
      expect(judged({ durationS: 1 })).toBe('reject');
      expect(judged({ decided: 'qualify' })).toBe('qualify');
      expect(judged({ snoozed: ['lookup-missing'] })).toBe('qualify');
      expect(judged({ lookups: null })).toBe('qualify');
    });
  });

  test('what a person decided goes before the score', () => {
    expect(judge({ ownNumber: true, decided: 'qualify' })).toMatchObject({ decision: 'qualify' });
    expect(judge({ standing: 'blocked', decided: 'qualify' })).toMatchObject({ decision: 'qualify' });
    expect(judge({ decided: 'reject' })).toMatchObject({ decision: 'reject' });
  });

  test('what a person decided does not go before what the terms ask', () => {
    for (const broken of [{ answered: false }, { durationS: 29 }, { inHours: false }])
      expect(judge({ ...broken, decided: 'qualify' })).toMatchObject({ decision: 'reject' });
  });

  test('calls of a paused supplier wait, those of a blocked one are rejected, a throttled one has its usual hour', () => {
    expect(judge({ standing: 'paused' })).toMatchObject({ decision: 'hold' });
    expect(judge({ standing: 'blocked' })).toMatchObject({ decision: 'reject' });
    expect(judge({ standing: 'throttled' })).toMatchObject({ decision: 'qualify' });
    const busy = { ...CALL.supplier, hour: 5 };
    expect(judge({ standing: 'throttled', supplier: busy })).toMatchObject({ decision: 'hold' });
    // Of a supplier that is known for three days, these are its usual hour.
    const profile = ORDINARY.profile && { ...ORDINARY.profile, days: 3, calls: 300 };
    expect(judge({ standing: 'throttled', supplier: busy, profile })).toMatchObject({ decision: 'qualify' });
  });

  test('a call of a paused supplier that is doubtful itself waits as the others do, whatever the thresholds', () => {
    const doubtful = { callerNumber: null, standing: 'paused' } as const;
    expect(judge(doubtful, rulesOf({ 'anonymous-caller': 39 }))).toMatchObject({
      decision: 'hold',
      score: 40,
    });
    expect(judge(doubtful, rulesOf({ 'anonymous-caller': 70 }))).toMatchObject({ decision: 'reject' });
    const rules = rulesOf({ 'anonymous-caller': 39 });
    const thresholds = { holdAt: 100, rejectAt: 101 };
    const strict = { ...rules, default: { ...rules.default, thresholds } };
    expect(judge(doubtful, strict)).toMatchObject({ decision: 'hold' });
  });

  test('the score is between 0 and 100, and the same for the same call', () => {
    const calls = fc.record({
      callerNumber: fc.constantFrom(null, '+12127361234', '+1', 'nonsense', '+18005550199'),
      durationS: fc.nat(600),
      answered: fc.boolean(),
      ownNumber: fc.boolean(),
      hour: fc.nat(30),
      sameDuration: fc.nat(200),
    });
    fc.assert(
      fc.property(calls, ({ hour, sameDuration, ...change }) => {
        const supplier = { ...CALL.supplier, hour, sameDuration, nearDuration: sameDuration };
        const call = { ...CALL, ...change, supplier, caller: { ...CALL.caller, hour, day: hour } };
        const decided = decideCall(call, defaultRules);
        expect(decided.score).toBeGreaterThanOrEqual(0);
        expect(decided.score).toBeLessThanOrEqual(100);
        expect(decideCall(structuredClone(call), defaultRules)).toEqual(decided);
      }),
    );
  });
});

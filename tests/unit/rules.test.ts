import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CallFacts, HOLD_AT, REJECT_AT, scoreCall } from '../../src/jobs/fraud/rules.ts';

const good: CallFacts = {
  callerNumber: '+12127361234',
  durationS: 120,
  answered: true,
  routed: true,
  terms: { minDurationS: 30 },
  decided: null,
  inHours: true,
  paidInWindow: false,
  callerCallsLastHour: 0,
  callerCallsLastDay: 0,
};
const judge = (facts: Partial<CallFacts>) => {
  const { decision, reasons } = scoreCall({ ...good, ...facts });
  return [decision, ...reasons.map(({ signal }) => signal)];
};

describe('one signal', () => {
  test.each<[string, Partial<CallFacts>, string[]]>([
    ['an ordinary call qualifies', {}, ['qualify']],
    ['a call as long as the minimum qualifies', { durationS: 30 }, ['qualify']],
    ['a shorter one is rejected', { durationS: 29 }, ['reject', 'below-minimum-duration']],
    ['nobody answered', { answered: false }, ['reject', 'not-answered']],
    ['outside the hours', { inHours: false }, ['reject', 'outside-hours']],
    ['paid in the window', { paidInWindow: true }, ['reject', 'duplicate-caller']],
    ['a number that cannot exist', { callerNumber: '+12125' }, ['reject', 'invalid-number']],
    ['a number that is no number', { callerNumber: 'sip:anyone' }, ['reject', 'invalid-number']],
    ['a withheld number waits', { callerNumber: null }, ['hold', 'anonymous-caller']],
    ['four calls in an hour qualify', { callerCallsLastHour: 4 }, ['qualify']],
    ['five wait', { callerCallsLastHour: 5 }, ['hold', 'caller-velocity-hour']],
    ['ten in a day alone qualify', { callerCallsLastDay: 10 }, ['qualify', 'caller-velocity-day']],
    ['no campaign has the number', { routed: false }, ['hold', 'unknown-tracking-number']],
    ['no terms are in force', { terms: null }, ['hold', 'no-terms']],
  ])('%s', (_name, facts, expected) => {
    expect(judge(facts)).toEqual(expected);
  });

  test('signals add up: many calls within the hour and the day are rejected', () => {
    expect(judge({ callerCallsLastHour: 5, callerCallsLastDay: 10 })[0]).toBe('reject');
    expect(judge({ callerNumber: null, callerCallsLastDay: 10 })[0]).toBe('reject');
  });
});

const facts = fc.record<CallFacts>({
  callerNumber: fc.constantFrom(null, '+12127361234', '+1', 'nonsense'),
  durationS: fc.nat(600),
  answered: fc.boolean(),
  routed: fc.boolean(),
  terms: fc.option(fc.record({ minDurationS: fc.nat(300) })),
  decided: fc.constant(null),
  inHours: fc.boolean(),
  paidInWindow: fc.boolean(),
  callerCallsLastHour: fc.nat(12),
  callerCallsLastDay: fc.nat(20),
});

test('the score is between 0 and 100, decides alone, and is the same for the same facts', () => {
  fc.assert(
    fc.property(facts, (call) => {
      const { score, decision } = scoreCall(call);
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(100);
      expect(decision).toBe(score >= REJECT_AT ? 'reject' : score >= HOLD_AT ? 'hold' : 'qualify');
      expect(scoreCall({ ...call })).toEqual(scoreCall(call));
    }),
  );
});

test('a call that qualifies was answered, long enough, within the hours, routed, under terms and not paid for before', () => {
  fc.assert(
    fc.property(facts, (call) => {
      if (scoreCall(call).decision !== 'qualify') return;
      expect(call).toMatchObject({ answered: true, routed: true, inHours: true, paidInWindow: false });
      expect(call.durationS).toBeGreaterThanOrEqual(call.terms?.minDurationS ?? Number.POSITIVE_INFINITY);
    }),
  );
});

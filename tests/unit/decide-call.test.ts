import { expect, test } from 'vitest';
import { decideCall } from '../../src/jobs/fraud/decide-call.ts';

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
const CALL: Call = {
  callerNumber: '+12127361234',
  durationS: 120,
  answered: true,
  routed: true,
  terms: TERMS,
  decided: null,
  inHours: true,
  paidInWindow: false,
  callerCallsLastHour: 0,
  callerCallsLastDay: 0,
  revenue: { amountMinor: 2_000, currency: 'usd' },
};
const decide = (change: Partial<Call>) => {
  const { decision, reasons, ...rest } = decideCall({ ...CALL, ...change });
  return { decision, reasons: reasons.map(({ signal }) => signal), rated: 'termsId' in rest };
};

test('a call that qualifies is rated by its terms', () => {
  expect(decideCall(CALL)).toMatchObject({ decision: 'qualify', termsId: 't', priceMinor: 200 });
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
  expect(decide({ callerNumber: null, revenue: null })).toMatchObject({ reasons: ['anonymous-caller'] });
});

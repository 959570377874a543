import { expect, test } from 'vitest';
import { compareWithStripe } from '../../src/audit/compare.ts';
import { findInFlight, type LedgerSide, ledgerSideSchema } from '../../src/audit/ledger-side.ts';
import type { StripeBooks } from '../../src/audit/stripe-reader.ts';

const ledger = (rows: Record<string, unknown[][]>): LedgerSide =>
  ledgerSideSchema.parse({ cash: [], payouts: [], invoices: [], cleared: [], compared: [], ...rows });
const redOf = (stripe: Partial<StripeBooks>, before: LedgerSide, after = before) => {
  const nothing = { transfers: [], invoices: [], movements: [], customers: [], totals: new Map() };
  const sides = { stripe: { ...nothing, ...stripe }, ledger: after, inFlight: findInFlight(before, after) };
  return compareWithStripe(sides)
    .filter(({ ok }) => !ok)
    .map(({ check }) => check);
};

const charged: Partial<StripeBooks> = {
  invoices: [
    { id: 'in_1', status: 'paid', currency: 'usd', total: 1500, metadata: { callclear_invoice_id: 'i1' } },
  ],
  movements: [
    {
      id: 'txn_1',
      amount: 1500,
      fee: 73,
      net: 1427,
      currency: 'usd',
      created: 0,
      available_on: 172_800,
      reporting_category: 'charge',
      source: 'ch_1',
    },
  ],
  totals: new Map([['usd', 1427]]),
};
const invoice = (state: string, stripeId: string | null, isDue: boolean) => [
  ['i1', 'usd', 1500, state, stripeId, isDue],
];
const chargeRow = (postedAtMs: number) => [
  '1',
  'charge',
  'usd',
  1427,
  0,
  73,
  'i1',
  'ch_1',
  'txn_1',
  postedAtMs,
];

test('a charge whose invoice is still being billed is left out', () => {
  expect(redOf(charged, ledger({ invoices: invoice('open', 'in_1', true) }))).toEqual([]);
  expect(redOf(charged, ledger({ invoices: invoice('planned', null, true) }))).toEqual([]);
});

test('a charge of an invoice whose work has ended is missing in the books', () => {
  expect(redOf(charged, ledger({ invoices: invoice('open', 'in_1', false) }))).toEqual([
    'an invoice is here what it is at Stripe',
    'every charge is booked once, with its fee',
    'the cash at Stripe is the cash of the books',
  ]);
});

test('an invoice in flight accounts for one charge of its amount, and for no second one', () => {
  const [movement] = charged.movements ?? [];
  if (movement === undefined) throw new Error('no movement');
  const twice = { ...charged, movements: [movement, { ...movement, id: 'txn_2', source: 'ch_2' }] };
  const red = redOf(
    { ...twice, totals: new Map([['usd', 2854]]) },
    ledger({ invoices: invoice('open', 'in_1', true) }),
  );
  expect(red).toEqual([
    'every charge is booked once, with its fee',
    'the cash at Stripe is the cash of the books',
  ]);
});

test('charges of several invoices in flight are each taken for that of an invoice of their amount', () => {
  const [movement] = charged.movements ?? [];
  if (movement === undefined) throw new Error('no movement');
  const small = { ...movement, id: 'txn_2', source: 'ch_2', amount: 500, net: 427 };
  const [[id, ...facts] = []] = invoice('open', 'in_1', true);
  const red = redOf(
    { ...charged, movements: [small, movement], totals: new Map([['usd', 1854]]) },
    ledger({
      invoices: [
        [id, ...facts],
        ['i2', 'usd', 500, 'open', 'in_2', true],
      ],
    }),
  );
  expect(red).toEqual([]);
});

test('what was settled while Stripe was read is left out on both sides', () => {
  const payout = (state: string) => [['p1', 's1', 'usd', 1000, 'acct_1', state]];
  const send = ['2', 'payout_send', 'usd', 0, -1000, 0, 'p1', 'tr_1', 'txn_9', 5];
  const before = ledger({ payouts: payout('planned'), invoices: invoice('open', 'in_1', false) });
  const after = ledger({
    payouts: payout('sent'),
    invoices: invoice('paid', 'in_1', false),
    cash: [send, chargeRow(5)],
  });
  expect(redOf({}, before, after)).toEqual([]);
  expect(redOf({}, after)).toEqual([
    'every payout that is booked as sent is one transfer at Stripe',
    'an invoice at Stripe is the one that was frozen',
    'every charge is booked once, with its fee',
    'the cash at Stripe is the cash of the books',
    'what is available at Stripe is available in the books',
  ]);
});

test('money that became available is expected in the books only from the next cash comparison on', () => {
  const paid = { invoices: invoice('paid', 'in_1', false), cash: [chargeRow(50)] };
  const available = 'what is available at Stripe is available in the books';
  expect(redOf(charged, ledger(paid))).toEqual([]);
  expect(redOf(charged, ledger({ ...paid, compared: [['usd', 172_799_999, 60]] }))).toEqual([]);
  expect(redOf(charged, ledger({ ...paid, compared: [['usd', 172_800_000, 60]] }))).toEqual([available]);
  // A charge that was booked after the comparison finished waits for the next one.
  expect(redOf(charged, ledger({ ...paid, compared: [['usd', 172_800_000, 40]] }))).toEqual([]);
});

test('what is cleared for a comparison that has not finished is left out, and afterwards it counts', () => {
  const cleared = (postedAtMs: number) => [
    '2',
    'available',
    'usd',
    -1427,
    1427,
    0,
    'i1',
    'ch_1',
    'txn_1',
    postedAtMs,
  ];
  const books = (postedAtMs: number) =>
    ledger({
      ...{ invoices: invoice('paid', 'in_1', false), cash: [chargeRow(50), cleared(postedAtMs)] },
      compared: [['usd', 172_799_999, 60]],
    });
  expect(redOf(charged, books(61))).toEqual([]);
  expect(redOf(charged, books(59))).toEqual(['what is available at Stripe is available in the books']);
});

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
    {
      ...{ id: 'in_1', status: 'paid', currency: 'usd', total: 1500, pre_payment_credit_notes_amount: 0 },
      metadata: { callclear_invoice_id: 'i1' },
    },
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
  ['i1', 'usd', 1500, state, stripeId, isDue, 0, 0],
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
        ['i2', 'usd', 500, 'open', 'in_2', true, 0, 0],
      ],
    }),
  );
  expect(red).toEqual([]);
});

test('a charge that settled in another currency is taken for that of an invoice in flight by its rate, and no other is', () => {
  const [movement] = charged.movements ?? [];
  if (movement === undefined) throw new Error('no movement');
  const settled = { ...movement, amount: 1500, exchange_rate: 0.67 };
  const inFlight = (amountMinor: number, currency = 'jpy') =>
    redOf(
      { movements: [settled], totals: new Map([['usd', 1427]]) },
      ledger({ invoices: [['i1', currency, amountMinor, 'open', null, true, 0, 0]] }),
    );
  expect(inFlight(2239)).toEqual([]);
  const red = ['every charge is booked once, with its fee', 'the cash at Stripe is the cash of the books'];
  expect(inFlight(2200)).toEqual(red);
  expect(inFlight(2239, 'usd')).toEqual(red);
});

test('a charge that settled in another currency is booked by the half that is cash', () => {
  const [movement] = charged.movements ?? [];
  if (movement === undefined) throw new Error('no movement');
  const side = ledger({
    invoices: [['i1', 'jpy', 2239, 'paid', null, false, 0, 0]],
    cash: [['1', 'charge_settled', 'usd', 1427, 0, 73, 'i1', 'ch_1', 'txn_1', 0]],
  });
  const stripe = { movements: [{ ...movement, exchange_rate: 0.67 }], totals: new Map([['usd', 1427]]) };
  expect(redOf(stripe, side)).toEqual([]);
  expect(redOf({ ...stripe, movements: [{ ...movement, fee: 72 }] }, side)).toContain(
    'every charge is booked once, with its fee',
  );
});

test('a charge with tax is taken for that of an invoice whose tax is not booked yet', () => {
  const [there] = charged.invoices ?? [];
  if (there === undefined) throw new Error('no invoice');
  const side = (net: number) => ({ ...charged, invoices: [{ ...there, total_excluding_tax: net }] });
  const planned = ledger({ invoices: [['i1', 'usd', 1200, 'planned', null, true, 0, 0]] });
  expect(redOf(side(1200), planned)).toEqual([]);
  expect(redOf(side(1500), planned)).toContain('every charge is booked once, with its fee');
});

test('a credit note that stands at Stripe alone, or in the books alone, is a difference', () => {
  const noted = (creditedMinor: number) =>
    ledger({
      invoices: [['i1', 'usd', 1500, 'paid', 'in_1', false, creditedMinor, 0]],
      cash: [chargeRow(5)],
    });
  const [there] = charged.invoices ?? [];
  if (there === undefined) throw new Error('no invoice');
  const credited = { ...charged, invoices: [{ ...there, pre_payment_credit_notes_amount: 400 }] };
  expect(redOf(credited, noted(400))).toEqual([]);
  expect(redOf(credited, noted(0))).toEqual(['an invoice is here what it is at Stripe']);
  expect(redOf(charged, noted(400))).toEqual(['an invoice is here what it is at Stripe']);
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

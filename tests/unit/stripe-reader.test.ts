import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createStripeReader } from '../../src/audit/stripe-reader.ts';

const BASE = 'http://stripe.test';
const server = setupServer();
beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const reader = () => createStripeReader({ apiBase: BASE, secretKey: 'sk_test_fake', retryBaseMs: 1 });
const transfer = (n: number) => ({
  id: `tr_${n}`,
  object: 'transfer',
  amount: n,
  amount_reversed: 0,
  currency: 'usd',
  destination: 'acct_1',
  reversed: false,
  transfer_group: null,
  metadata: {},
});
const movement = (n: number, net: number) => ({
  id: `txn_${n}`,
  object: 'balance_transaction',
  amount: net,
  fee: 0,
  net,
  currency: 'usd',
  available_on: 1,
  created: 1,
  reporting_category: 'charge',
  source: 'ch_1',
});
const page = (data: object[], has_more = false) => HttpResponse.json({ object: 'list', data, has_more });
const balance = (amount: number) =>
  HttpResponse.json({ available: [{ amount, currency: 'usd' }], pending: [{ amount: 1, currency: 'usd' }] });
const empty = ['transfers', 'invoices', 'customers', 'balance_transactions'].map((name) =>
  http.get(`${BASE}/v1/${name}`, () => page([])),
);
const noMoney = http.get(`${BASE}/v1/balance`, () => HttpResponse.json({ available: [], pending: [] }));

test('every page is read, each from the id where the one before ended, with the secret key', async () => {
  const asked: string[] = [];
  server.use(
    http.get(`${BASE}/v1/transfers`, ({ request }) => {
      const { searchParams } = new URL(request.url);
      asked.push(`${searchParams.get('starting_after')} ${request.headers.get('authorization')}`);
      if (searchParams.get('limit') !== '100') return new HttpResponse(null, { status: 400 });
      const after = searchParams.get('starting_after');
      return after === null ? page([transfer(1), transfer(2)], true) : page([transfer(3)]);
    }),
    ...empty,
    noMoney,
  );
  const { transfers } = await reader().read();
  expect(transfers.map(({ id }) => id)).toEqual(['tr_1', 'tr_2', 'tr_3']);
  expect(asked).toEqual(['null Bearer sk_test_fake', 'tr_2 Bearer sk_test_fake']);
});

test('pending and available are one total per currency', async () => {
  server.use(
    http.get(`${BASE}/v1/balance_transactions`, () => page([movement(1, 6)])),
    ...empty,
    http.get(`${BASE}/v1/balance`, () => balance(5)),
  );
  expect((await reader().read()).totals).toEqual(new Map([['usd', 6]]));
});

test('movements and balance are read again when money moved between them', async () => {
  let readings = 0;
  server.use(
    http.get(`${BASE}/v1/balance_transactions`, () => {
      readings += 1;
      return page(readings === 1 ? [movement(1, 6)] : [movement(1, 6), movement(2, 4)]);
    }),
    ...empty,
    http.get(`${BASE}/v1/balance`, () => balance(9)),
  );
  const { movements } = await reader().read();
  expect(movements).toHaveLength(2);
  expect(readings).toBe(2);
});

test('a balance that never agrees is handed on after ten readings, for the audit to tell', async () => {
  let readings = 0;
  server.use(
    http.get(`${BASE}/v1/balance_transactions`, () => {
      readings += 1;
      return page([movement(1, 6)]);
    }),
    ...empty,
    http.get(`${BASE}/v1/balance`, () => balance(100)),
  );
  expect((await reader().read()).totals.get('usd')).toBe(101);
  expect(readings).toBe(10);
});

test('a limit and an error of Stripe are waited out', async () => {
  let asked = 0;
  server.use(
    http.get(`${BASE}/v1/transfers`, () => {
      asked += 1;
      if (asked < 3) return HttpResponse.json({}, { status: asked === 1 ? 429 : 500 });
      return page([]);
    }),
    ...empty,
    noMoney,
  );
  await reader().read();
  expect(asked).toBe(3);
});

test('an outage that lasts, a refused key and an unknown shape are told apart', async () => {
  const withTransfers = (answer: () => Response) => {
    server.resetHandlers();
    server.use(http.get(`${BASE}/v1/transfers`, answer), ...empty, noMoney);
    return reader().read();
  };
  const code = (name: string, error: string) => expect.objectContaining({ name: error, code: name });
  await expect(withTransfers(() => HttpResponse.error())).rejects.toEqual(
    code('STRIPE_UNAVAILABLE', 'OutageError'),
  );
  await expect(withTransfers(() => HttpResponse.json({}, { status: 401 }))).rejects.toEqual(
    code('STRIPE_REFUSED', 'PermanentError'),
  );
  await expect(withTransfers(() => page([{ id: 'tr_1' }]))).rejects.toEqual(
    code('ANSWER_INVALID', 'PermanentError'),
  );
});

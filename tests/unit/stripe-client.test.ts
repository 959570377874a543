import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ApiError, OutageError, PermanentError } from '../../src/errors.ts';
import { createStripeBalance } from '../../src/integrations/stripe/balance.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeTransfers } from '../../src/integrations/stripe/transfers.ts';

const stripe = setupServer();
beforeAll(() => stripe.listen({ onUnhandledFrame: 'error' }));
afterEach(() => stripe.resetHandlers());
afterAll(() => stripe.close());

const API = 'https://api.stripe.com/v1';
const signal = new AbortController().signal;

function client(failures: string[] = []) {
  return createStripeClient({
    secretKey: 'sk_test_unit-not-a-secret',
    apiBase: null,
    timeoutMs: 2_000,
    livemode: false,
    onFailure: ({ operation, statusCode, code }) => failures.push(`${operation} ${statusCode} ${code}`),
    retryBaseMs: 1,
  });
}

const error = (type: string, code?: string) => ({
  error: { type, message: 'as documented', ...(code ? { code } : {}) },
});

const frozen = {
  payoutId: '6f0f6c7e-3f0e-4a54-9a3b-2f3a0f0c9b11',
  generation: 1,
  amountMinor: 1_250,
  currency: 'usd',
  destination: 'acct_unit',
  description: 'Payout 2026-11-01',
} as const;

const transfer = {
  id: 'tr_unit',
  object: 'transfer',
  amount: 1_250,
  amount_reversed: 0,
  balance_transaction: 'txn_unit',
  created: 1_793_000_000,
  currency: 'usd',
  description: frozen.description,
  destination: 'acct_unit',
  destination_payment: 'py_unit',
  livemode: false,
  metadata: { payout_id: frozen.payoutId },
  reversals: { object: 'list', data: [], has_more: false, url: '/v1/transfers/tr_unit/reversals' },
  reversed: false,
  source_transaction: null,
  source_type: 'card',
  transfer_group: `payout-${frozen.payoutId}`,
};

test('a read is tried again while Stripe fails, and each failure is told', async () => {
  let tries = 0;
  stripe.use(
    http.get(`${API}/balance`, () => {
      tries += 1;
      if (tries < 3) return HttpResponse.json(error('api_error'), { status: 503 });
      return HttpResponse.json({
        object: 'balance',
        livemode: false,
        available: [{ amount: 100, currency: 'usd', source_types: { card: 100 } }],
        pending: [{ amount: 7, currency: 'usd', source_types: { card: 7 } }],
      });
    }),
  );
  const failures: string[] = [];
  const balance = await createStripeBalance(client(failures)).read({ signal });
  expect(balance).toEqual([{ currency: 'usd', availableMinor: 100, pendingMinor: 7 }]);
  expect(failures).toHaveLength(2);
});

test('a read ends as an outage after four tries, not as a failure of the work', async () => {
  let tries = 0;
  stripe.use(
    http.get(`${API}/balance`, () => {
      tries += 1;
      return HttpResponse.error();
    }),
  );
  await expect(createStripeBalance(client()).read({ signal })).rejects.toBeInstanceOf(OutageError);
  expect(tries).toBe(4);
});

test('a refused read is not tried again', async () => {
  let tries = 0;
  stripe.use(
    http.get(`${API}/balance`, () => {
      tries += 1;
      return HttpResponse.json(error('invalid_request_error', 'parameter_unknown'), { status: 400 });
    }),
  );
  await expect(createStripeBalance(client()).read({ signal })).rejects.toBeInstanceOf(ApiError);
  expect(tries).toBe(1);
});

test('an object of the other mode stops the work', async () => {
  stripe.use(
    http.get(`${API}/balance`, () =>
      HttpResponse.json({ object: 'balance', livemode: true, available: [], pending: [] }),
    ),
  );
  const read = createStripeBalance(client()).read({ signal });
  await expect(read).rejects.toMatchObject({ code: 'STRIPE_MODE_MISMATCH' });
  await expect(read).rejects.toBeInstanceOf(PermanentError);
});

test('a transfer is sent once, whatever happens, under the key of its row', async () => {
  const keys: (string | null)[] = [];
  stripe.use(
    http.post(`${API}/transfers`, ({ request }) => {
      keys.push(request.headers.get('idempotency-key'));
      return HttpResponse.error();
    }),
  );
  const result = await createStripeTransfers(client()).send(frozen, { signal });
  expect(result.kind).toBe('unknown');
  expect(keys).toEqual([`payout-${frozen.payoutId}-1`]);
});

test.each([
  ['an answer with the transfer', 200, transfer, 'sent'],
  ['a refusal for lack of funds', 400, error('invalid_request_error', 'balance_insufficient'), 'refused'],
  ['a key that is in use', 409, error('idempotency_error', 'idempotency_key_in_use'), 'wait'],
  ['a rate limit', 429, error('rate_limit_error', 'rate_limit'), 'wait'],
  ['a lock on the object', 429, error('invalid_request_error', 'lock_timeout'), 'wait'],
  ['a secret that is refused', 401, error('invalid_request_error'), 'wait'],
  ['a key used with another body', 400, error('idempotency_error'), 'mismatch'],
  ['a fault of Stripe', 500, error('api_error'), 'unknown'],
  ['an answer in an unknown shape', 200, { object: 'transfer' }, 'unknown'],
])('%s ends a send as documented', async (_what, status, body, kind) => {
  stripe.use(http.post(`${API}/transfers`, () => HttpResponse.json(body, { status })));
  const result = await createStripeTransfers(client()).send(frozen, { signal });
  expect(result.kind).toBe(kind);
});

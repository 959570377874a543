import { expect, it } from 'vitest';
import { connect, DAY_MS, NOON_MS, rawApi, startSimulator } from '../helpers/stripe.ts';

async function start() {
  const simulator = await startSimulator({ startMs: NOON_MS });
  return { simulator, api: rawApi(simulator.url) };
}

it('an idempotency key gives the stored answer again, marked as a replay, and does nothing again', async () => {
  const { simulator, api } = await start();
  const first = await api('POST', '/v1/customers', { name: 'A' }, 'k1');
  const again = await api('POST', '/v1/customers', { name: 'A' }, 'k1');
  expect([first.replayed, again.replayed]).toEqual([false, true]);
  expect(again.text).toBe(first.text);
  expect(simulator.journal.all('customer')).toHaveLength(1);
});

it('an idempotency key refuses other parameters and another endpoint', async () => {
  const { api } = await start();
  const { id } = (await api('POST', '/v1/customers', { name: 'A' }, 'k1')).json();
  const other = await api('POST', '/v1/customers', { name: 'B' }, 'k1');
  const elsewhere = await api('POST', `/v1/customers/${id}`, { name: 'A' }, 'k1');
  for (const answer of [other, elsewhere]) {
    expect(answer.status).toBe(400);
    expect(answer.json().error.type).toBe('idempotency_error');
  }
});

it('an idempotency key in use by a request that still runs is a conflict', async () => {
  const { simulator, api } = await start();
  simulator.faults.add({ kind: 'stall', pathPrefix: '/v1/customers', stallMs: 60_000 });
  const asked = [api('POST', '/v1/customers', {}, 'k1'), api('POST', '/v1/customers', {}, 'k1')];
  await Promise.race(asked);
  simulator.faults.resume();
  const both = await Promise.all(asked);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  const conflict = both.find(({ status }) => status === 409);
  expect(conflict?.json().error.code).toBe('idempotency_key_in_use');
});

it('an idempotency key is forgotten after 24 h of the clock and not before', async () => {
  const { simulator, api } = await start();
  await api('POST', '/v1/customers', {}, 'k1');
  const madeMs = simulator.clock.nowMs();
  simulator.clock.advanceTo(madeMs + DAY_MS - 60_000);
  expect((await api('POST', '/v1/customers', {}, 'k1')).replayed).toBe(true);
  simulator.clock.advanceTo(madeMs + DAY_MS);
  expect((await api('POST', '/v1/customers', {}, 'k1')).replayed).toBe(false);
  expect(simulator.journal.all('customer')).toHaveLength(2);
});

it('an idempotency key remembers refusals of the execution and declines', async () => {
  const { simulator, api } = await start();
  const transfer = { amount: '100', currency: 'usd', destination: 'acct_none' };
  expect((await api('POST', '/v1/transfers', transfer, 'k1')).status).toBe(400);
  expect(await api('POST', '/v1/transfers', transfer, 'k1')).toMatchObject({ status: 400, replayed: true });
  const stripe = connect(simulator.url);
  const customer = await stripe.buyer('b', 'pm_card_chargeDeclined');
  const method = simulator.journal.all('payment_method')[0]?.id ?? '';
  const charge = { amount: '100', currency: 'usd', customer, payment_method: method, confirm: 'true' };
  expect((await api('POST', '/v1/payment_intents', charge, 'k2')).status).toBe(402);
  expect(await api('POST', '/v1/payment_intents', charge, 'k2')).toMatchObject({
    status: 402,
    replayed: true,
  });
  expect(simulator.journal.all('charge')).toHaveLength(1);
});

it.each(['error-before-commit', 'error-after-commit'] as const)(
  'an idempotency key remembers a 500 by %s',
  async (kind) => {
    const { simulator, api } = await start();
    simulator.faults.add({ kind, pathPrefix: '/v1/customers' });
    expect(await api('POST', '/v1/customers', {}, 'k1')).toMatchObject({ status: 500, replayed: false });
    expect(await api('POST', '/v1/customers', {}, 'k1')).toMatchObject({ status: 500, replayed: true });
    expect(simulator.journal.all('customer')).toHaveLength(kind === 'error-after-commit' ? 1 : 0);
  },
);

it('a fault with a probability strikes that part of the requests of its endpoint, the same ones for the same seed', async () => {
  const { simulator, api } = await start();
  const statuses = async (seed: number) => {
    simulator.faults.clear();
    const fault = { kind: 'error-before-commit', pathPrefix: '/v1/customers', count: 1_000 } as const;
    simulator.faults.add({ ...fault, probability: 0.3, seed });
    const answers: number[] = [];
    for (let nth = 0; nth < 60; nth += 1) answers.push((await api('POST', '/v1/customers', {})).status);
    return answers;
  };
  const struck = await statuses(7);
  const count = struck.filter((status) => status === 500).length;
  expect(count).toBeGreaterThan(6);
  expect(count).toBeLessThan(30);
  expect(await statuses(7)).toEqual(struck);
  expect(await statuses(8)).not.toEqual(struck);
  expect((await api('GET', '/v1/balance')).status).toBe(200);
});

it('an idempotency key remembers no parameter error, no wrong key, no limit and no lock', async () => {
  const { simulator, api } = await start();
  expect((await api('POST', '/v1/customers', { nickname: 'A' }, 'k1')).status).toBe(400);
  expect((await rawApi(simulator.url, 'sk_test_wrong')('POST', '/v1/customers', {}, 'k1')).status).toBe(401);
  for (const kind of ['rate-limit', 'lock-timeout'] as const) {
    simulator.faults.add({ kind });
    expect((await api('POST', '/v1/customers', {}, 'k1')).status).toBe(429);
  }
  simulator.faults.add({ kind: 'cut-before-commit' });
  await expect(api('POST', '/v1/customers', {}, 'k1')).rejects.toThrow();
  expect(await api('POST', '/v1/customers', { name: 'A' }, 'k1')).toMatchObject({
    status: 200,
    replayed: false,
  });
});

it('an idempotency key whose answer was lost with the socket gives it to whoever asks again', async () => {
  const { simulator, api } = await start();
  simulator.faults.add({ kind: 'cut-after-commit' });
  await expect(api('POST', '/v1/customers', {}, 'k1')).rejects.toThrow();
  expect(await api('POST', '/v1/customers', {}, 'k1')).toMatchObject({ status: 200, replayed: true });
  expect(simulator.journal.all('customer')).toHaveLength(1);
});

it.each([
  ['/v1/customers', { nickname: 'x' }, 400, 'parameter_unknown', 'nickname'],
  [
    '/v1/customers',
    { 'invoice_settings[footer]': 'x' },
    400,
    'parameter_unknown',
    'invoice_settings[footer]',
  ],
  ['/v1/transfers', { currency: 'usd', destination: 'acct_1' }, 400, 'parameter_missing', 'amount'],
  [
    '/v1/transfers',
    { amount: '1.5', currency: 'usd', destination: 'acct_1' },
    400,
    'parameter_invalid_integer',
    'amount',
  ],
  [
    '/v1/transfers',
    { amount: '-5', currency: 'usd', destination: 'acct_1' },
    400,
    'parameter_invalid_integer',
    'amount',
  ],
  ['/v1/transfers', { amount: '5', currency: 'xxx', destination: 'acct_1' }, 400, undefined, 'currency'],
  [
    '/v1/transfers',
    { amount: '5', currency: 'usd', destination: 'acct_1' },
    400,
    'resource_missing',
    'destination',
  ],
  ['/v1/payment_intents', { amount: '49', currency: 'usd' }, 400, 'amount_too_small', 'amount'],
  ['/v1/payment_intents', { amount: '1005', currency: 'kwd' }, 400, 'invalid_charge_amount', 'amount'],
  ['/v1/payment_intents', { amount: '500050', currency: 'ugx' }, 400, 'invalid_charge_amount', 'amount'],
  ['/v1/payment_intents', { amount: '17499', currency: 'huf' }, 400, 'amount_too_small', 'amount'],
  ['/v1/customers/cus_none', {}, 404, 'resource_missing', 'id'],
  ['/v1/customers', { 'expand[]': 'sources' }, 400, undefined, 'expand'],
  ['/v1/nothing', {}, 404, undefined, undefined],
])(
  'a request to %s with %o is answered %i %s %s',
  async (path, form: Record<string, string>, status, code, param) => {
    const { api } = await start();
    const answer = await api('POST', path, form);
    expect([answer.status, answer.json().error.code, answer.json().error.param]).toEqual([
      status,
      code,
      param,
    ]);
  },
);

it('a request for the 251st item of an invoice is refused', async () => {
  const { simulator, api } = await start();
  const customer = (await api('POST', '/v1/customers')).json().id;
  const invoice = (await api('POST', '/v1/invoices', { customer })).json().id;
  const item = { customer, invoice, amount: '1', currency: 'usd' };
  for (let count = 0; count < 250; count += 1) await api('POST', '/v1/invoiceitems', item);
  expect((await api('POST', '/v1/invoiceitems', item)).status).toBe(400);
  expect(simulator.journal.all('invoiceitem')).toHaveLength(250);
});

it('the books hold a charge with its fee pending until midnight UTC two days on, then available, and say so', async () => {
  const { simulator, api } = await start();
  const stripe = connect(simulator.url);
  const customer = await stripe.buyer('b', 'pm_card_visa');
  const payment_method = simulator.journal.all('payment_method')[0]?.id ?? '';
  const charge = { amount: '1500', currency: 'usd', customer, payment_method, confirm: 'true' };
  await api('POST', '/v1/payment_intents', charge);
  // 2.9 % of 1,500 is 43.5, and 30: 74 after rounding half up.
  const balance = () => stripe.balance.read({ signal: new AbortController().signal });
  expect(await balance()).toEqual([{ currency: 'usd', availableMinor: 0, pendingMinor: 1_426 }]);
  const destination = await stripe.supplier();
  const transfer = { amount: '1426', currency: 'usd', destination };
  expect((await api('POST', '/v1/transfers', transfer)).json().error.code).toBe('balance_insufficient');
  const dueMs = (Math.floor(simulator.clock.nowMs() / DAY_MS) + 2) * DAY_MS;
  simulator.clock.advanceTo(dueMs - 60_000);
  expect(await balance()).toEqual([{ currency: 'usd', availableMinor: 0, pendingMinor: 1_426 }]);
  simulator.clock.advanceTo(dueMs);
  expect(await balance()).toEqual([{ currency: 'usd', availableMinor: 1_426, pendingMinor: 0 }]);
  expect(simulator.journal.all('event').filter(({ type }) => type === 'balance.available')).toHaveLength(1);
  expect((await api('POST', '/v1/transfers', transfer)).status).toBe(200);
  expect((await api('POST', '/v1/transfers', { ...transfer, amount: '1' })).json().error.code).toBe(
    'balance_insufficient',
  );
  simulator.clock.advanceTo(0);
  expect(simulator.clock.nowMs()).toBeGreaterThanOrEqual(dueMs);
  expect(simulator.journal.check()).toEqual([]);
});

it('the books take back what is reversed, in parts, and never more than was sent', async () => {
  const { simulator, api } = await start();
  const stripe = connect(simulator.url);
  const customer = await stripe.buyer();
  const payment_method = simulator.journal.all('payment_method')[0]?.id ?? '';
  await api('POST', '/v1/payment_intents', {
    amount: '10000',
    currency: 'usd',
    customer,
    payment_method,
    confirm: 'true',
  });
  const transfer = { amount: '5000', currency: 'usd', destination: await stripe.supplier() };
  const { id } = (await api('POST', '/v1/transfers', transfer)).json();
  expect((await api('POST', `/v1/transfers/${id}/reversals`, { amount: '2000' })).status).toBe(200);
  expect((await api('POST', `/v1/transfers/${id}/reversals`, { amount: '3001' })).status).toBe(400);
  expect((await api('POST', `/v1/transfers/${id}/reversals`)).json()).toMatchObject({ amount: 3_000 });
  expect((await api('POST', `/v1/transfers/${id}/reversals`)).status).toBe(400);
  expect((await api('GET', `/v1/transfers/${id}`)).json()).toMatchObject({
    amount_reversed: 5_000,
    reversed: true,
  });
  const signal = new AbortController().signal;
  expect(await stripe.balance.read({ signal })).toEqual([
    { currency: 'usd', availableMinor: 9_680, pendingMinor: 0 },
  ]);
  expect(simulator.journal.check()).toEqual([]);
});

it('the books let a payout leave, and list it with everything else by type and source', async () => {
  const { simulator, api } = await start();
  const customer = await connect(simulator.url).buyer();
  const payment_method = simulator.journal.all('payment_method')[0]?.id ?? '';
  const charge = { amount: '10000', currency: 'usd', customer, payment_method, confirm: 'true' };
  const paid = await api('POST', '/v1/payment_intents', {
    ...charge,
    'expand[0]': 'latest_charge.balance_transaction',
  });
  expect(paid.json().latest_charge).toMatchObject({ amount: 10_000, balance_transaction: { net: 9_680 } });
  const { id } = (await api('POST', '/v1/payouts', { amount: '9680', currency: 'usd' })).json();
  const list = (form: Record<string, string>) => api('GET', '/v1/balance_transactions', form);
  expect((await list({ type: 'payout' })).json().data).toMatchObject([{ source: id, amount: -9_680 }]);
  expect((await list({ source: id })).json().data).toHaveLength(1);
  expect((await list({ payout: id })).status).toBe(400);
  expect((await list({ limit: '101' })).status).toBe(400);
  expect(simulator.journal.check()).toEqual([]);
});

it('the events are listed by type, and from a known one on to the newest', async () => {
  const { api } = await start();
  for (const name of ['A', 'B', 'C']) await api('POST', '/v1/customers', { name });
  const { id } = (await api('POST', '/v1/accounts')).json();
  const list = async (form: Record<string, string>) =>
    (await api('GET', '/v1/events', form)).json().data as { id: string; type: string; account?: string }[];
  const types = { 'types[0]': 'customer.created', 'types[1]': 'account.updated' };
  const all = await list(types);
  expect(all.map(({ type }) => type)).toEqual(['account.updated', ...Array(3).fill('customer.created')]);
  expect(all[0]?.account).toBe(id);
  const seen = all[2]?.id ?? '';
  expect(await list({ ...types, ending_before: seen })).toEqual(all.slice(0, 2));
  expect(await list({ ...types, ending_before: seen, limit: '1' })).toEqual(all.slice(1, 2));
  expect(await list({ ...types, starting_after: seen })).toEqual(all.slice(3));
});

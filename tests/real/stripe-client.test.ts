import { expect, it, vi } from 'vitest';
import type { StripeSimulator } from '../../sandbox/stripe/simulator.ts';
import { createStripeBalance } from '../../src/integrations/stripe/balance.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeTransfers, type FrozenTransfer } from '../../src/integrations/stripe/transfers.ts';
import { listAllMovements } from '../helpers/movements.ts';
import { codeOfThrown, connect, options, rawApi, startSimulator } from '../helpers/stripe.ts';

/** A simulator with 1,000,000 available, and one payout that is ready to be sent. */
async function readyToPay(settings: { timeoutMs?: number } = {}) {
  const simulator = await startSimulator();
  const stripe = connect(simulator.url, settings);
  const customer = await stripe.buyer();
  const api = rawApi(simulator.url);
  const method = simulator.journal.all('payment_method')[0]?.id ?? '';
  const charge = { amount: '1000000', currency: 'usd', customer, payment_method: method, confirm: 'true' };
  expect((await api('POST', '/v1/payment_intents', charge)).status).toBe(200);
  const frozen: FrozenTransfer = {
    payoutId: 'po-1',
    generation: 0,
    amountMinor: 12_345,
    currency: 'usd',
    destination: await stripe.supplier(),
    description: 'September',
  };
  const sent = () => simulator.journal.all('transfer').length;
  return { simulator, api, ...stripe, frozen, sent };
}

/** The next transfer stalls until the simulator is told to resume. */
function stallTransfer({ faults }: StripeSimulator): void {
  faults.add({ kind: 'stall', method: 'POST', pathPrefix: '/v1/transfers', stallMs: 60_000 });
}
const untilItStalls = ({ faults }: StripeSimulator) =>
  vi.waitFor(() => expect(faults.stallingCount()).toBe(1), 20_000);

it('a transfer is sent with our ids on it, and once however often it is sent', async () => {
  const { transfers, frozen, simulator, sent } = await readyToPay();
  const first = await transfers.send(frozen, options());
  const second = await transfers.send(frozen, options());
  expect(first).toMatchObject({ kind: 'sent', transfer: { amountMinor: 12_345, currency: 'usd' } });
  expect(second).toEqual(first);
  expect(sent()).toBe(1);
  expect(simulator.journal.all('transfer')[0]).toMatchObject({
    transfer_group: 'payout-po-1',
    metadata: { payout_id: 'po-1' },
  });
  expect(await transfers.findByPayout('po-1', options())).toEqual(
    first.kind === 'sent' ? first.transfer : null,
  );
  expect(await transfers.findByPayout('po-2', options())).toBeNull();
});

it('a transfer is sent once when two send it at the same instant', async () => {
  const { transfers, frozen, simulator, sent } = await readyToPay();
  stallTransfer(simulator);
  const both = [transfers.send(frozen, options()), transfers.send(frozen, options())];
  expect(await Promise.race(both)).toMatchObject({ kind: 'wait' });
  simulator.faults.resume();
  expect((await Promise.all(both)).map(({ kind }) => kind).sort()).toEqual(['sent', 'wait']);
  expect(sent()).toBe(1);
});

it.each(['cut-after-commit', 'error-after-commit', 'garbage-answer'] as const)(
  'a transfer whose answer is lost by %s is unknown, and found',
  async (kind) => {
    const { transfers, frozen, simulator, sent } = await readyToPay();
    simulator.faults.add({ kind, method: 'POST', pathPrefix: '/v1/transfers' });
    expect(await transfers.send(frozen, options())).toMatchObject({ kind: 'unknown' });
    expect(sent()).toBe(1);
    expect(await transfers.findByPayout('po-1', options())).toMatchObject({ amountMinor: 12_345 });
    const again = await transfers.send(frozen, options());
    expect(again.kind).toBe(kind === 'error-after-commit' ? 'unknown' : 'sent');
    expect(sent()).toBe(1);
  },
);

it.each(['cut-before-commit', 'error-before-commit'] as const)(
  'a transfer that fails by %s is unknown and not found',
  async (kind) => {
    const { transfers, frozen, simulator, sent } = await readyToPay();
    simulator.faults.add({ kind, method: 'POST', pathPrefix: '/v1/transfers' });
    expect(await transfers.send(frozen, options())).toMatchObject({ kind: 'unknown' });
    expect(await transfers.findByPayout('po-1', options())).toBeNull();
    expect(sent()).toBe(0);
  },
);

it('a transfer that is answered later than we wait is unknown, and may be made after we gave up', async () => {
  const { transfers, frozen, simulator } = await readyToPay();
  const hasty = connect(simulator.url, { timeoutMs: 1_000 });
  stallTransfer(simulator);
  expect(await hasty.transfers.send(frozen, options())).toMatchObject({ kind: 'unknown' });
  await untilItStalls(simulator);
  expect(await transfers.findByPayout('po-1', options())).toBeNull();
  simulator.faults.resume();
  await expect
    .poll(() => transfers.findByPayout('po-1', options()), { timeout: 20_000 })
    .toMatchObject({ amountMinor: 12_345 });
});

it('a transfer that the caller aborts is unknown; aborted before, it was never sent', async () => {
  const { transfers, frozen, simulator, sent } = await readyToPay();
  stallTransfer(simulator);
  const caller = new AbortController();
  const sending = transfers.send(frozen, { signal: caller.signal });
  await untilItStalls(simulator);
  caller.abort();
  expect(await sending).toMatchObject({ kind: 'unknown' });
  expect(
    await transfers.send({ ...frozen, payoutId: 'po-2' }, { signal: AbortSignal.abort() }),
  ).toMatchObject({ kind: 'wait' });
  simulator.faults.resume();
  await expect.poll(sent, { timeout: 20_000 }).toBe(1);
});

it.each(['rate-limit', 'lock-timeout'] as const)(
  'a transfer that Stripe limits by %s waits, and is sent under the same key',
  async (kind) => {
    const { transfers, frozen, simulator, sent } = await readyToPay();
    simulator.faults.add({ kind, pathPrefix: '/v1/transfers' });
    expect(await transfers.send(frozen, options())).toMatchObject({ kind: 'wait' });
    expect(sent()).toBe(0);
    expect(await transfers.send(frozen, options())).toMatchObject({ kind: 'sent' });
  },
);

it('a transfer with a wrong secret key waits for a right one', async () => {
  const { frozen, simulator, sent } = await readyToPay();
  const client = createStripeClient({
    secretKey: 'sk_test_wrong',
    apiBase: new URL(simulator.url),
    timeoutMs: 1_000,
    livemode: false,
    onFailure: () => undefined,
  });
  expect(await createStripeTransfers(client).send(frozen, options())).toMatchObject({ kind: 'wait' });
  expect(sent()).toBe(0);
});

it.each([
  ['balance_insufficient', { amountMinor: 99_000_000 }],
  ['resource_missing', { destination: 'acct_unknown' }],
])(
  'a transfer that cannot be made is refused with %s, and stays refused under its key',
  async (providerCode, change) => {
    const { transfers, frozen, sent, failures } = await readyToPay();
    const body = { ...frozen, ...change };
    expect(await transfers.send(body, options())).toMatchObject({ kind: 'refused', providerCode });
    expect(await transfers.send(body, options())).toMatchObject({ kind: 'refused', providerCode });
    expect(sent()).toBe(0);
    expect(failures).toEqual([`transfers.create ${providerCode}`, `transfers.create ${providerCode}`]);
    expect(await transfers.send({ ...frozen, generation: 1 }, options())).toMatchObject({ kind: 'sent' });
  },
);

it('a transfer to an account that may no longer receive is refused', async () => {
  const { transfers, frozen, api } = await readyToPay();
  await api('POST', `/v1/accounts/${frozen.destination}`, {
    'capabilities[transfers][requested]': 'false',
  });
  expect(await transfers.send(frozen, options())).toMatchObject({
    kind: 'refused',
    providerCode: 'capability_not_active',
  });
});

it('a transfer that Stripe refuses with any code is refused with that code', async () => {
  const { transfers, frozen, simulator, sent } = await readyToPay();
  simulator.faults.add({ kind: 'refuse', pathPrefix: '/v1/transfers', code: 'account_invalid' });
  const refusal = { kind: 'refused', providerCode: 'account_invalid' };
  expect(await transfers.send(frozen, options())).toMatchObject(refusal);
  expect(await transfers.send(frozen, options())).toMatchObject(refusal);
  expect(sent()).toBe(0);
});

it('a transfer refused for a parameter is unknown, since an earlier send under the key may have gone through', async () => {
  const { transfers, frozen } = await readyToPay();
  expect(await transfers.send({ ...frozen, amountMinor: 0 }, options())).toMatchObject({ kind: 'unknown' });
});

it('a transfer with another body under its key is a mismatch', async () => {
  const { transfers, frozen, sent } = await readyToPay();
  await transfers.send(frozen, options());
  expect(await transfers.send({ ...frozen, amountMinor: 1 }, options())).toMatchObject({
    kind: 'mismatch',
  });
  expect(sent()).toBe(1);
});

it('a transfer is found on the last page of its group', async () => {
  const { transfers, frozen, api, simulator } = await readyToPay();
  await transfers.send(frozen, options());
  for (let index = 0; index < 101; index += 1) {
    const form = {
      amount: '1',
      currency: 'usd',
      destination: frozen.destination,
      transfer_group: 'payout-po-1',
    };
    await api('POST', '/v1/transfers', form);
  }
  expect(simulator.journal.all('transfer')).toHaveLength(102);
  expect(await transfers.findByPayout('po-1', options())).toMatchObject({ amountMinor: 12_345 });
});

it('a transfer is looked up again while Stripe is away, and the outage is told when it lasts', async () => {
  const { transfers, simulator, failures } = await readyToPay();
  simulator.faults.add({ kind: 'error-before-commit', method: 'GET', count: 3 });
  expect(await transfers.findByPayout('po-1', options())).toBeNull();
  expect(failures).toHaveLength(3);
  simulator.faults.add({ kind: 'cut-before-commit', method: 'GET', count: 4 });
  expect(await codeOfThrown(transfers.findByPayout('po-1', options()))).toBe('STRIPE_UNAVAILABLE');
});

it('the mode of the key must be the mode of the deployment', () => {
  const base = { apiBase: null, timeoutMs: 1_000, onFailure: () => undefined };
  const make = (secretKey: string, livemode: boolean) => () =>
    createStripeClient({ ...base, secretKey, livemode });
  expect(make('sk_test_fake', true)).toThrow(/mixed up/);
  expect(make(['sk', 'live', 'fake'].join('_'), false)).toThrow(/mixed up/);
});

it('the mode of every object must be the mode of the deployment', async () => {
  const simulator = await startSimulator({ secretKey: ['sk', 'live', 'fake'].join('_') });
  const client = createStripeClient({
    secretKey: ['sk', 'live', 'fake'].join('_'),
    apiBase: new URL(simulator.url),
    timeoutMs: 1_000,
    livemode: true,
    onFailure: () => undefined,
  });
  expect(await codeOfThrown(createStripeBalance(client).read(options()))).toBe('STRIPE_MODE_MISMATCH');
});

it('the balance lists every transaction of the window and no other, page by page, oldest last', async () => {
  const { simulator, frozen, api, balance } = await readyToPay();
  for (let index = 0; index < 120; index += 1) {
    await api('POST', '/v1/transfers', { amount: '10', currency: 'usd', destination: frozen.destination });
  }
  const all = await listAllMovements(balance, {
    createdFromMs: 0,
    createdBeforeMs: simulator.clock.nowMs() + 2_000,
    ...options(),
  });
  expect(all).toHaveLength(121);
  expect(all.at(-1)).toMatchObject({
    amountMinor: 1_000_000,
    feeMinor: 29_030,
    netMinor: 970_970,
    type: 'charge',
  });
  expect(all[0]).toMatchObject({ amountMinor: -10, reportingCategory: 'transfer', exchangeRate: null });
  const createdMs = all.at(-1)?.createdMs ?? 0;
  expect(
    await listAllMovements(balance, { createdFromMs: 0, createdBeforeMs: createdMs, ...options() }),
  ).toEqual([]);
  const last = await listAllMovements(balance, {
    createdFromMs: createdMs,
    createdBeforeMs: createdMs + 1,
    ...options(),
  });
  expect(last.map(({ id }) => id)).toContain(all.at(-1)?.id);
  expect(await balance.read(options())).toEqual([
    { currency: 'usd', availableMinor: 970_970 - 1_200, pendingMinor: 0 },
  ]);
});

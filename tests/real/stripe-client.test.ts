import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { createStripeBalance } from '../../src/integrations/stripe/balance.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import type { FrozenInvoice } from '../../src/integrations/stripe/invoices.ts';
import { createStripeTransfers, type FrozenTransfer } from '../../src/integrations/stripe/transfers.ts';
import { connect, DAY_MS, rawApi, startSimulator } from '../helpers/stripe.ts';

const options = () => ({ signal: new AbortController().signal });
const caught = async (work: Promise<unknown>) => {
  try {
    await work;
    return 'nothing was thrown';
  } catch (error) {
    return codeOf(error, 'ROUTE_UNKNOWN');
  }
};

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

describe('a transfer', () => {
  it('is sent with our ids on it, and once however often it is sent', async () => {
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

  it('is sent once when two send it at the same instant', async () => {
    const { transfers, frozen, simulator, sent } = await readyToPay();
    simulator.faults.add({ kind: 'stall', pathPrefix: '/v1/transfers', stallMs: 300 });
    const both = await Promise.all([transfers.send(frozen, options()), transfers.send(frozen, options())]);
    expect(both.map(({ kind }) => kind).sort()).toEqual(['sent', 'wait']);
    expect(sent()).toBe(1);
  });

  it.each(['cut-after-commit', 'error-after-commit', 'garbage-answer'] as const)(
    'whose answer is lost by %s is unknown, and found',
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
    'that fails by %s is unknown and not found',
    async (kind) => {
      const { transfers, frozen, simulator, sent } = await readyToPay();
      simulator.faults.add({ kind, method: 'POST', pathPrefix: '/v1/transfers' });
      expect(await transfers.send(frozen, options())).toMatchObject({ kind: 'unknown' });
      expect(await transfers.findByPayout('po-1', options())).toBeNull();
      expect(sent()).toBe(0);
    },
  );

  it('that is answered later than we wait is unknown, and may be made after we gave up', async () => {
    const { transfers, frozen, simulator } = await readyToPay({ timeoutMs: 100 });
    simulator.faults.add({ kind: 'stall', pathPrefix: '/v1/transfers', stallMs: 400 });
    expect(await transfers.send(frozen, options())).toMatchObject({ kind: 'unknown' });
    expect(await transfers.findByPayout('po-1', options())).toBeNull();
    await expect.poll(() => transfers.findByPayout('po-1', options())).toMatchObject({ amountMinor: 12_345 });
  });

  it('that the caller aborts is unknown; aborted before, it was never sent', async () => {
    const { transfers, frozen, simulator } = await readyToPay();
    simulator.faults.add({ kind: 'stall', pathPrefix: '/v1/transfers', stallMs: 300 });
    expect(await transfers.send(frozen, { signal: AbortSignal.timeout(50) })).toMatchObject({
      kind: 'unknown',
    });
    expect(
      await transfers.send({ ...frozen, payoutId: 'po-2' }, { signal: AbortSignal.abort() }),
    ).toMatchObject({ kind: 'wait' });
    await expect.poll(() => simulator.journal.all('transfer').length).toBe(1);
  });

  it.each(['rate-limit', 'lock-timeout'] as const)(
    'that Stripe limits by %s waits, and is sent under the same key',
    async (kind) => {
      const { transfers, frozen, simulator, sent } = await readyToPay();
      simulator.faults.add({ kind, pathPrefix: '/v1/transfers' });
      expect(await transfers.send(frozen, options())).toMatchObject({ kind: 'wait' });
      expect(sent()).toBe(0);
      expect(await transfers.send(frozen, options())).toMatchObject({ kind: 'sent' });
    },
  );

  it('with a wrong secret key waits for a right one', async () => {
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
    'that cannot be made is refused with %s, and stays refused under its key',
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

  it('to an account that may no longer receive is refused', async () => {
    const { transfers, frozen, api } = await readyToPay();
    await api('POST', `/v1/accounts/${frozen.destination}`, {
      'capabilities[transfers][requested]': 'false',
    });
    expect(await transfers.send(frozen, options())).toMatchObject({
      kind: 'refused',
      providerCode: 'capability_not_active',
    });
  });

  it('refused for a parameter is unknown, since an earlier send under the key may have gone through', async () => {
    const { transfers, frozen } = await readyToPay();
    expect(await transfers.send({ ...frozen, amountMinor: 0 }, options())).toMatchObject({ kind: 'unknown' });
  });

  it('with another body under its key is a mismatch', async () => {
    const { transfers, frozen, sent } = await readyToPay();
    await transfers.send(frozen, options());
    expect(await transfers.send({ ...frozen, amountMinor: 1 }, options())).toMatchObject({
      kind: 'mismatch',
    });
    expect(sent()).toBe(1);
  });

  it('is found on the last page of its group', async () => {
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

  it('is looked up again while Stripe is away, and the outage is told when it lasts', async () => {
    const { transfers, simulator, failures } = await readyToPay();
    simulator.faults.add({ kind: 'error-before-commit', method: 'GET', count: 3 });
    expect(await transfers.findByPayout('po-1', options())).toBeNull();
    expect(failures).toHaveLength(3);
    simulator.faults.add({ kind: 'cut-before-commit', method: 'GET', count: 4 });
    expect(await caught(transfers.findByPayout('po-1', options()))).toBe('STRIPE_UNAVAILABLE');
  });
});

describe('the mode', () => {
  it('of the key must be the mode of the deployment', () => {
    const base = { apiBase: null, timeoutMs: 1_000, onFailure: () => undefined };
    const make = (secretKey: string, livemode: boolean) => () =>
      createStripeClient({ ...base, secretKey, livemode });
    expect(make('sk_test_fake', true)).toThrow(/mixed up/);
    expect(make(['sk', 'live', 'fake'].join('_'), false)).toThrow(/mixed up/);
  });

  it('of every object must be the mode of the deployment', async () => {
    const simulator = await startSimulator({ secretKey: ['sk', 'live', 'fake'].join('_') });
    const client = createStripeClient({
      secretKey: ['sk', 'live', 'fake'].join('_'),
      apiBase: new URL(simulator.url),
      timeoutMs: 1_000,
      livemode: true,
      onFailure: () => undefined,
    });
    expect(await caught(createStripeBalance(client).read(options()))).toBe('STRIPE_MODE_MISMATCH');
  });
});

/** A simulator with a buyer, and an invoice of three lines that is ready to be issued. */
async function readyToBill(paymentMethod = 'pm_card_visa') {
  const simulator = await startSimulator();
  const stripe = connect(simulator.url);
  const plannedAtMs = simulator.clock.nowMs();
  const frozen: FrozenInvoice = {
    invoiceId: 'inv-1',
    generation: 0,
    customer: await stripe.buyer('buyer-1', paymentMethod),
    currency: 'usd',
    amountMinor: 6_000,
    lines: [1, 2, 3].map((n) => ({
      campaignId: `c${n}`,
      description: `Campaign ${n}`,
      calls: n,
      amountMinor: n * 1_000,
    })),
    plannedAtMs,
  };
  const issue = (invoice = frozen) =>
    stripe.invoices.issue(invoice, { ...options(), nowMs: simulator.clock.nowMs() });
  const expectExact = () => {
    const live = simulator.journal.all('invoice').filter(({ status }) => status !== 'draft');
    expect(live).toHaveLength(1);
    expect(live[0]).toMatchObject({ status: 'open', total: 6_000, auto_advance: false });
    const lines = simulator.journal.all('line_item').filter(({ invoice }) => invoice === live[0]?.id);
    expect(lines.map(({ amount }) => amount).sort()).toEqual([1_000, 2_000, 3_000]);
  };
  return { simulator, ...stripe, frozen, issue, expectExact };
}

describe('an invoice', () => {
  it('is issued with exactly the frozen lines, and once however often it is issued', async () => {
    const { issue, expectExact } = await readyToBill();
    const first = await issue();
    expect(first.status).toBe('open');
    expect(await issue()).toEqual(first);
    expectExact();
  });

  const steps = [0, 1, 2, 3, 4];
  const faults = [
    'cut-after-commit',
    'cut-before-commit',
    'error-after-commit',
    'error-before-commit',
    'garbage-answer',
    'rate-limit',
  ] as const;
  it.each(faults.flatMap((kind) => steps.map((skip) => ({ kind, skip }))))(
    'whose run fails by $kind at step $skip is finished by the next runs as one invoice with exact lines',
    async ({ kind, skip }) => {
      const { simulator, issue, expectExact } = await readyToBill();
      simulator.faults.add({ kind, skip, method: 'POST', pathPrefix: '/v1/invoice' });
      const first = await caught(issue());
      expect(['nothing was thrown', 'STRIPE_UNAVAILABLE']).toContain(first);
      const last = await issue();
      expect(await issue()).toEqual(last);
      expectExact();
    },
  );

  it.each(steps)(
    'whose run died after step %i and comes again a day later, keys forgotten, is still one invoice',
    async (skip) => {
      const { simulator, issue, expectExact } = await readyToBill();
      simulator.faults.add({
        kind: 'cut-before-commit',
        skip,
        method: 'POST',
        pathPrefix: '/v1/invoice',
        count: 1,
      });
      await caught(issue());
      simulator.clock.advanceTo(simulator.clock.nowMs() + DAY_MS + 1_000);
      const last = await issue();
      expect(last.status).toBe('open');
      simulator.faults.pruneKeys();
      expect(await issue()).toEqual(last);
      expectExact();
      expect(simulator.journal.all('invoice')).toHaveLength(1);
    },
  );

  it('with a line that is not ours is not finalised, and is made anew under the next generation', async () => {
    const { simulator, frozen, issue, expectExact } = await readyToBill();
    simulator.faults.add({ kind: 'rate-limit', skip: 4, method: 'POST', pathPrefix: '/v1/invoice' });
    expect(await caught(issue())).toBe('STRIPE_UNAVAILABLE');
    const draft = simulator.journal.all('invoice')[0]?.id ?? '';
    const form = { customer: frozen.customer, invoice: draft, amount: '1', currency: 'usd' };
    expect((await rawApi(simulator.url)('POST', '/v1/invoiceitems', form)).status).toBe(200);
    expect(await caught(issue())).toBe('INVOICE_MISMATCH');
    expect(simulator.journal.all('invoice')).toHaveLength(0);
    expect(await issue({ ...frozen, generation: 1 })).toMatchObject({ status: 'open' });
    expectExact();
  });

  it('whose lines do not sum to its amount is never begun', async () => {
    const { simulator, frozen, issue } = await readyToBill();
    expect(await caught(issue({ ...frozen, amountMinor: 6_001 }))).toBe('INVOICE_MISMATCH');
    expect(simulator.journal.all('invoice')).toHaveLength(0);
  });

  it('of 250 lines is compared to its last line', async () => {
    const { simulator, frozen, issue } = await readyToBill();
    const lines = Array.from({ length: 250 }, (_, n) => ({
      campaignId: `c${n}`,
      description: `Campaign ${n}`,
      calls: 1,
      amountMinor: 100,
    }));
    expect(await issue({ ...frozen, lines, amountMinor: 25_000 })).toMatchObject({ status: 'open' });
    expect(simulator.journal.all('line_item')).toHaveLength(250);
  });

  it('is paid once, and tells the charge with its fee and the day its money is available', async () => {
    const { simulator, invoices, issue } = await readyToBill();
    const { stripeInvoiceId } = await issue();
    const state = await invoices.pay(stripeInvoiceId, 'try-1', options());
    expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toEqual(state);
    expect(await invoices.pay(stripeInvoiceId, 'try-2', options())).toEqual(state);
    const [charge, ...more] = simulator.journal.all('charge');
    expect(more).toEqual([]);
    const availableOnMs = (Math.floor(simulator.clock.nowMs() / DAY_MS) + 2) * DAY_MS;
    const payment = {
      chargeId: charge?.id,
      grossMinor: 6_000,
      feeMinor: 204,
      netMinor: 5_796,
      currency: 'usd',
      availableOnMs,
    };
    expect(state).toMatchObject({ status: 'paid', payment });
    expect(await invoices.read(stripeInvoiceId, options())).toEqual({ ...state, invoiceId: 'inv-1' });
  });

  it('that is declined stays open with the reason, and the next try can pay it', async () => {
    const { simulator, frozen, invoices, issue } = await readyToBill('pm_card_chargeDeclined');
    const { stripeInvoiceId } = await issue();
    const declined = { status: 'open', lastPaymentError: 'generic_decline' };
    expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toEqual(declined);
    expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toEqual(declined);
    expect(simulator.journal.all('charge')).toHaveLength(1);
    const api = rawApi(simulator.url);
    const method = (
      await api('POST', '/v1/payment_methods/pm_card_visa/attach', { customer: frozen.customer })
    ).json().id;
    await api('POST', `/v1/customers/${frozen.customer}`, {
      'invoice_settings[default_payment_method]': method,
    });
    expect(await invoices.pay(stripeInvoiceId, 'try-2', options())).toMatchObject({ status: 'paid' });
  });

  it.each(['cut-after-commit', 'error-after-commit', 'garbage-answer'] as const)(
    'whose payment is answered by %s is paid once',
    async (kind) => {
      const { simulator, invoices, issue } = await readyToBill();
      const { stripeInvoiceId } = await issue();
      simulator.faults.add({ kind, method: 'POST', pathPrefix: '/v1/invoices' });
      expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toMatchObject({ status: 'paid' });
      expect(simulator.journal.all('charge')).toHaveLength(1);
    },
  );

  it('whose payment failed at Stripe without effect is an outage first, and then this try is over', async () => {
    const { simulator, invoices, issue } = await readyToBill();
    const { stripeInvoiceId } = await issue();
    simulator.faults.add({ kind: 'error-before-commit', method: 'POST', pathPrefix: '/v1/invoices' });
    expect(await caught(invoices.pay(stripeInvoiceId, 'try-1', options()))).toBe('STRIPE_UNAVAILABLE');
    expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toEqual({
      status: 'open',
      lastPaymentError: null,
    });
    expect(await invoices.pay(stripeInvoiceId, 'try-2', options())).toMatchObject({ status: 'paid' });
  });
});

describe('the balance', () => {
  it('lists every transaction of the window and no other, page by page, oldest last', async () => {
    const { simulator, frozen, api, balance } = await readyToPay();
    for (let index = 0; index < 120; index += 1) {
      await api('POST', '/v1/transfers', { amount: '10', currency: 'usd', destination: frozen.destination });
    }
    const all = await balance.listTransactions({
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
      await balance.listTransactions({ createdFromMs: 0, createdBeforeMs: createdMs, ...options() }),
    ).toEqual([]);
    const last = await balance.listTransactions({
      createdFromMs: createdMs,
      createdBeforeMs: createdMs + 1,
      ...options(),
    });
    expect(last.map(({ id }) => id)).toContain(all.at(-1)?.id);
    expect(await balance.read(options())).toEqual([
      { currency: 'usd', availableMinor: 970_970 - 1_200, pendingMinor: 0 },
    ]);
  });
});

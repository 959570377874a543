import { expect, it } from 'vitest';
import type { StripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeInvoices, type FrozenInvoice } from '../../src/integrations/stripe/invoices.ts';
import { codeOfThrown, connect, DAY_MS, options, rawApi, startSimulator } from '../helpers/stripe.ts';

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
    paymentTermsDays: null,
    automaticTax: false,
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

it('an invoice is issued with exactly the frozen lines, and once however often it is issued', async () => {
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
  'an invoice whose run fails by $kind at step $skip is finished by the next runs as one invoice with exact lines',
  async ({ kind, skip }) => {
    const { simulator, issue, expectExact } = await readyToBill();
    simulator.faults.add({ kind, skip, method: 'POST', pathPrefix: '/v1/invoice' });
    const first = await codeOfThrown(issue());
    expect(['nothing was thrown', 'STRIPE_UNAVAILABLE']).toContain(first);
    const last = await issue();
    expect(await issue()).toEqual(last);
    expectExact();
    expect(simulator.journal.all('invoice')).toHaveLength(1);
  },
);

it.each(steps)(
  'an invoice whose run died after step %i and comes again a day later, keys forgotten, is still one invoice',
  async (skip) => {
    const { simulator, issue, expectExact } = await readyToBill();
    simulator.faults.add({
      kind: 'cut-before-commit',
      skip,
      method: 'POST',
      pathPrefix: '/v1/invoice',
      count: 1,
    });
    await codeOfThrown(issue());
    simulator.clock.advanceTo(simulator.clock.nowMs() + DAY_MS + 1_000);
    const last = await issue();
    expect(last.status).toBe('open');
    simulator.faults.pruneKeys();
    expect(await issue()).toEqual(last);
    expectExact();
    expect(simulator.journal.all('invoice')).toHaveLength(1);
  },
);

it('an invoice with a line that is not ours is not finalised, and is made anew under the next generation', async () => {
  const { simulator, frozen, issue, expectExact } = await readyToBill();
  simulator.faults.add({ kind: 'rate-limit', skip: 4, method: 'POST', pathPrefix: '/v1/invoice' });
  expect(await codeOfThrown(issue())).toBe('STRIPE_UNAVAILABLE');
  const draft = simulator.journal.all('invoice')[0]?.id ?? '';
  const form = { customer: frozen.customer, invoice: draft, amount: '1', currency: 'usd' };
  expect((await rawApi(simulator.url)('POST', '/v1/invoiceitems', form)).status).toBe(200);
  expect(await codeOfThrown(issue())).toBe('INVOICE_MISMATCH');
  expect(simulator.journal.all('invoice')).toHaveLength(0);
  expect(await issue({ ...frozen, generation: 1 })).toMatchObject({ status: 'open' });
  expectExact();
});

it('an invoice whose lines do not sum to its amount is never begun', async () => {
  const { simulator, frozen, issue } = await readyToBill();
  expect(await codeOfThrown(issue({ ...frozen, amountMinor: 6_001 }))).toBe('INVOICE_MISMATCH');
  expect(simulator.journal.all('invoice')).toHaveLength(0);
});

it('an invoice of 250 lines is compared to its last line', async () => {
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

it('an invoice is paid once, and tells the charge with its fee and the day its money is available', async () => {
  const { simulator, invoices, issue } = await readyToBill();
  const { stripeInvoiceId } = await issue();
  const state = await invoices.pay(stripeInvoiceId, 'try-1', options());
  expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toEqual(state);
  expect(await invoices.pay(stripeInvoiceId, 'try-2', options())).toEqual(state);
  const [charge, ...more] = simulator.journal.all('charge');
  expect(more).toEqual([]);
  const availableOnMs = (Math.floor(simulator.clock.nowMs() / DAY_MS) + 2) * DAY_MS;
  const paid = {
    chargeId: charge?.id,
    ...{ paidMinor: 6_000, paidCurrency: 'usd', exchangeRate: null },
    grossMinor: 6_000,
    feeMinor: 204,
    netMinor: 5_796,
    currency: 'usd',
    availableOnMs,
  };
  expect(state).toMatchObject({ status: 'paid', charges: [paid] });
  expect(await invoices.read(stripeInvoiceId, options())).toEqual(state);
  expect(await invoices.findOurs(stripeInvoiceId, options())).toBe('inv-1');
});

it('an invoice that is declined stays open with the reason, and the next try can pay it', async () => {
  const { simulator, frozen, invoices, issue } = await readyToBill('pm_card_chargeDeclined');
  const { stripeInvoiceId } = await issue();
  const declined = { status: 'open', charges: [], problem: 'generic_decline' };
  expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toMatchObject(declined);
  expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toMatchObject(declined);
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
  'an invoice whose payment is answered by %s is paid once',
  async (kind) => {
    const { simulator, invoices, issue } = await readyToBill();
    const { stripeInvoiceId } = await issue();
    simulator.faults.add({ kind, method: 'POST', pathPrefix: '/v1/invoices' });
    expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toMatchObject({ status: 'paid' });
    expect(simulator.journal.all('charge')).toHaveLength(1);
  },
);

it('an invoice whose payment failed at Stripe without effect is an outage first, and then this try is over', async () => {
  const { simulator, invoices, issue } = await readyToBill();
  const { stripeInvoiceId } = await issue();
  simulator.faults.add({ kind: 'error-before-commit', method: 'POST', pathPrefix: '/v1/invoices' });
  expect(await codeOfThrown(invoices.pay(stripeInvoiceId, 'try-1', options()))).toBe('STRIPE_UNAVAILABLE');
  expect(await invoices.pay(stripeInvoiceId, 'try-1', options())).toMatchObject({
    status: 'open',
    charges: [],
    problem: null,
  });
  expect(await invoices.pay(stripeInvoiceId, 'try-2', options())).toMatchObject({ status: 'paid' });
});

it('an invoice whose step met stored failures under several keys is finished all the same', async () => {
  const { simulator, issue, expectExact } = await readyToBill();
  simulator.faults.add({
    kind: 'error-before-commit',
    method: 'POST',
    pathPrefix: '/v1/invoiceitems',
    count: 3,
  });
  // A replay uses up a fault too: the first run meets one, the second the other two.
  for (let run = 0; run < 2; run += 1) expect(await codeOfThrown(issue())).toBe('STRIPE_UNAVAILABLE');
  await issue();
  expectExact();
});

it('an invoice that two runs issue at the same instant is one invoice with exact lines', async () => {
  const { simulator, issue, expectExact } = await readyToBill();
  simulator.faults.add({ kind: 'stall', method: 'POST', pathPrefix: '/v1/invoices', stallMs: 100, count: 2 });
  const both = await Promise.all([codeOfThrown(issue()), codeOfThrown(issue())]);
  for (const outcome of both) expect(['nothing was thrown', 'STRIPE_UNAVAILABLE']).toContain(outcome);
  await issue();
  expectExact();
  expect(simulator.journal.all('invoice')).toHaveLength(1);
});

it('an invoice takes no item that waits on the customer from elsewhere', async () => {
  const { simulator, frozen, issue, expectExact } = await readyToBill();
  const stray = { customer: frozen.customer, amount: '999', currency: 'usd' };
  expect((await rawApi(simulator.url)('POST', '/v1/invoiceitems', stray)).status).toBe(200);
  await issue();
  expectExact();
});

it('an invoice that somebody changes between the comparison and the finalising is never built a second time', async () => {
  const { simulator, client, frozen } = await readyToBill();
  const api = rawApi(simulator.url);
  const meddled: StripeClient = {
    read: client.read,
    async post(call) {
      if (call.operation === 'invoices.finalizeInvoice') {
        const invoice = simulator.journal.all('invoice')[0]?.id ?? '';
        const form = { customer: frozen.customer, invoice, amount: '1', currency: 'usd' };
        expect((await api('POST', '/v1/invoiceitems', form)).status).toBe(200);
      }
      return client.post(call);
    },
  };
  const issuing = createStripeInvoices(meddled).issue(frozen, { ...options(), nowMs: frozen.plannedAtMs });
  expect(await codeOfThrown(issuing)).toBe('INVOICE_CHANGED');
  // Also by the next run: the buyer may pay the one that stands, so nothing may be made beside it.
  const again = createStripeInvoices(client).issue(frozen, { ...options(), nowMs: frozen.plannedAtMs });
  expect(await codeOfThrown(again)).toBe('INVOICE_CHANGED');
  expect(simulator.journal.all('invoice')).toHaveLength(1);
});

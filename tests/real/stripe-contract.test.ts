import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { FrozenInvoice } from '../../src/integrations/stripe/invoices.ts';
import { listAllMovements } from '../helpers/movements.ts';
import { connect, options, rawApi, SECRET_KEY, STRIPE_TEST_KEY, startSimulator } from '../helpers/stripe.ts';

/** What we send, and the answers and errors that we rely on: of the simulator always, of Stripe where there is a key. */
const PARTNERS: Record<string, () => Promise<{ url: string | null; secretKey: string }>> = {
  'the simulator': async () => ({ url: (await startSimulator()).url, secretKey: SECRET_KEY }),
};
if (STRIPE_TEST_KEY !== null) {
  const secretKey = STRIPE_TEST_KEY;
  PARTNERS['Stripe in test mode'] = async () => ({ url: null, secretKey });
}
const DAY_MS = 86_400_000;

describe.each(Object.entries(PARTNERS))('%s', (_, open) => {
  let stripe: ReturnType<typeof connect>;
  let api: ReturnType<typeof rawApi>;
  let at: Awaited<ReturnType<typeof open>>;
  beforeEach(async () => {
    at = await open();
    stripe = connect(at.url, { secretKey: at.secretKey, timeoutMs: 20_000 });
    api = rawApi(at.url ?? 'https://api.stripe.com', at.secretKey);
  });

  async function frozenFor(card: string, about: Partial<FrozenInvoice> = {}): Promise<FrozenInvoice> {
    const lines = [1, 2].map((n) => ({
      ...{ campaignId: `c${n}`, description: `Campaign ${n}`, calls: n, amountMinor: n * 1_000 },
    }));
    return {
      ...{ invoiceId: randomUUID(), generation: 1, customer: await stripe.buyer(randomUUID(), card) },
      ...{
        currency: 'usd',
        amountMinor: 3_000,
        lines,
        paymentTermsDays: null,
        automaticTax: false,
        plannedAtMs: Date.now(),
        ...about,
      },
    };
  }
  const issue = (frozen: FrozenInvoice, laterMs = 0) =>
    stripe.invoices.issue(frozen, { ...options(), nowMs: frozen.plannedAtMs + laterMs });
  const pay = (id: string) => stripe.invoices.pay(id, `pay-${id}`, options());

  /** An invoice that is paid at once by this card, and its charge. */
  async function paid(card = 'pm_card_bypassPending') {
    const { stripeInvoiceId } = await issue(await frozenFor(card));
    const state = await pay(stripeInvoiceId);
    const [charge] = state.charges;
    if (charge === undefined) throw new Error('it was not charged');
    return { stripeInvoiceId, state, charge };
  }

  test('an invoice is issued open, and charged with its fee and the day on which the money is available', async () => {
    const frozen = await frozenFor('pm_card_visa');
    const { stripeInvoiceId, status } = await issue(frozen);
    expect(status).toBe('open');
    expect(await stripe.invoices.read(stripeInvoiceId, options())).toMatchObject({
      ...{ status: 'open', charges: [], problem: null },
    });
    const state = await pay(stripeInvoiceId);
    expect(state).toMatchObject({ status: 'paid', charges: [{ grossMinor: 3_000, currency: 'usd' }] });
    const [charge] = state.charges;
    expect(charge?.feeMinor).toBeGreaterThan(0);
    expect(charge?.netMinor).toBe(3_000 - (charge?.feeMinor ?? 0));
    expect(charge?.availableOnMs).toBeGreaterThan(Date.now() - DAY_MS);
    expect(await stripe.invoices.findOurs(stripeInvoiceId, options())).toBe(frozen.invoiceId);
  });

  test('an issued invoice is found by listing when its keys are no longer trusted', async () => {
    const frozen = await frozenFor('pm_card_visa');
    const issued = await issue(frozen);
    expect(await issue(frozen, DAY_MS)).toEqual(issued);
  });

  test('a card that is declined leaves the invoice open, with the reason', async () => {
    const { stripeInvoiceId } = await issue(await frozenFor('pm_card_chargeCustomerFail'));
    expect(await pay(stripeInvoiceId)).toMatchObject({
      status: 'open',
      charges: [],
      problem: 'generic_decline',
    });
  });

  test('an invoice that is paid already is answered as paid', async () => {
    const { stripeInvoiceId, state } = await paid();
    expect(await stripe.invoices.pay(stripeInvoiceId, `again-${stripeInvoiceId}`, options())).toEqual(state);
  });

  test('a credit note takes its amount off what is left of an open invoice, once, and never more than that', async () => {
    const { stripeInvoiceId: id } = await issue(await frozenFor('pm_card_visa'));
    const credit = (creditNoteId: string, amountMinor: number) =>
      stripe.invoices.credit(id, { creditNoteId, amountMinor, taxedCampaignId: null }, options());
    const first = randomUUID();
    const made = await credit(first, 1_000);
    expect(made).toEqual({ stripeCreditNoteId: expect.any(String), taxMinor: 0 });
    expect(await credit(first, 1_000)).toEqual(made);
    const left = async () => (await api('GET', `/v1/invoices/${id}`)).json();
    const open = { status: 'open', total: 3_000, pre_payment_credit_notes_amount: 1_000 };
    expect(await left()).toMatchObject({ ...open, amount_due: 2_000, amount_remaining: 2_000 });
    expect(await credit(randomUUID(), 2_500)).toEqual({ problem: expect.any(String) });
    expect(await left()).toMatchObject({ ...open, amount_remaining: 2_000 });
    await credit(randomUUID(), 2_000);
    // What was credited whole is paid, by no charge.
    expect(await stripe.invoices.read(id, options())).toMatchObject({ status: 'paid', charges: [] });
    expect(await credit(randomUUID(), 100)).toEqual({ problem: expect.any(String) });
  });

  test('an invoice of a customer without an address is not issued where tax is asked for, and leaves no draft', async () => {
    const frozen = await frozenFor('pm_card_visa', { automaticTax: true });
    await expect(issue(frozen)).rejects.toMatchObject({ code: 'TAX_NOT_COMPUTED' });
    const listed = await api('GET', '/v1/invoices', { customer: frozen.customer });
    expect(listed.json()).toMatchObject({ data: [] });
  });

  test('tax comes on top of the frozen lines, and a credit note takes off what is computed of its part', async () => {
    const frozen = await frozenFor('pm_card_visa', { automaticTax: true });
    const address = { 'address[country]': 'US', 'address[state]': 'NY', 'address[postal_code]': '10001' };
    await api('POST', `/v1/customers/${frozen.customer}`, address);
    const { stripeInvoiceId: id, taxMinor } = await issue(frozen);
    const found = {
      total: 3_000 + taxMinor,
      total_excluding_tax: 3_000,
      automatic_tax: { status: 'complete' },
    };
    expect((await api('GET', `/v1/invoices/${id}`)).json()).toMatchObject(found);
    const note = { creditNoteId: randomUUID(), amountMinor: 1_500, taxedCampaignId: 'c1' };
    const made = await stripe.invoices.credit(id, note, options());
    expect(made).toEqual({ stripeCreditNoteId: expect.any(String), taxMinor: expect.any(Number) });
    expect(await stripe.invoices.credit(id, note, options())).toEqual(made);
  });

  test('an invoice that is none is nobody’s', async () => {
    expect(await stripe.invoices.findOurs('in_none', options())).toBeNull();
  });

  test('items that wait for no invoice stay out of it', async () => {
    const frozen = await frozenFor('pm_card_visa');
    await api('POST', '/v1/invoiceitems', { customer: frozen.customer, amount: '100', currency: 'usd' });
    expect(await issue(frozen)).toMatchObject({ status: 'open' });
  });

  test('a key answers the same again, and says so; with another body it is refused', async () => {
    const key = randomUUID();
    const first = await api('POST', '/v1/customers', { name: 'A' }, key);
    const second = await api('POST', '/v1/customers', { name: 'A' }, key);
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.json().id).toBe(first.json().id);
    const third = await api('POST', '/v1/customers', { name: 'B' }, key);
    expect({ status: third.status, type: third.json().error.type }).toEqual({
      ...{ status: 400, type: 'idempotency_error' },
    });
  });

  test('every charge is a movement of the balance under the id that it told', async () => {
    const { charge } = await paid('pm_card_visa');
    const window = { createdFromMs: Date.now() - 3_600_000, createdBeforeMs: Date.now() + 60_000 };
    const movements = await listAllMovements(stripe.balance, { ...window, ...options() });
    const { chargeId, balanceTransactionId, netMinor, availableOnMs } = charge;
    expect(movements.find(({ id }) => id === balanceTransactionId)).toMatchObject({
      ...{ sourceId: chargeId, reportingCategory: 'charge', amountMinor: 3_000, netMinor, availableOnMs },
    });
  });

  test('a refund names its charge, and is a movement of the balance', async () => {
    const { charge } = await paid();
    const refund = await api('POST', '/v1/refunds', { charge: charge.chargeId, amount: '500' });
    const { id } = refund.json();
    expect(await stripe.withdrawals.read({ id, kind: 'refund' }, options())).toEqual({
      ...{
        id,
        kind: 'refund',
        chargeId: charge.chargeId,
        amountMinor: 500,
        currency: 'usd',
        status: 'succeeded',
      },
    });
    const window = { createdFromMs: Date.now() - 3_600_000, createdBeforeMs: Date.now() + 60_000 };
    const movements = await listAllMovements(stripe.balance, { ...window, ...options() });
    expect(movements.find(({ sourceId }) => sourceId === id)).toMatchObject({
      ...{ reportingCategory: 'refund', amountMinor: -500 },
    });
  });

  test('a dispute takes the money and a fee at once, and is decided by its status', async () => {
    const { charge } = await paid('pm_card_createDispute');
    const list = async () => (await api('GET', '/v1/disputes', { charge: charge.chargeId })).json().data;
    await vi.waitFor(async () => expect(await list()).toHaveLength(1), { timeout: 30_000, interval: 500 });
    const [{ id }] = (await list()) as [{ id: string }];
    const fact = () => stripe.withdrawals.read({ id, kind: 'dispute' }, options());
    expect(await fact()).toMatchObject({
      ...{ chargeId: charge.chargeId, amountMinor: 3_000, currency: 'usd', status: 'needs_response' },
    });
    const evidence = { 'evidence[uncategorized_text]': 'losing_evidence', submit: 'true' };
    await api('POST', `/v1/disputes/${id}`, evidence);
    await vi.waitFor(async () => expect((await fact()).status).toBe('lost'), {
      timeout: 30_000,
      interval: 500,
    });
  });

  test('an account that is none of ours is shown to us as one without payouts', async () => {
    const none = 'acct_1none0none0none';
    expect(await stripe.accounts.listBankPayouts(none, 0, options())).toEqual([]);
    expect(await stripe.accounts.readBankPayout(none, 'po_1none', options())).toBeNull();
  });

  describe('a transfer', () => {
    const frozen = (destination: string) => ({
      ...{ payoutId: randomUUID(), generation: 1, amountMinor: 99_999_900, currency: 'usd' as const },
      ...{ destination, description: 'Payout' },
    });

    test('to an account that is none is refused, and no listing has it', async () => {
      const transfer = frozen('acct_1none0none0none');
      expect(await stripe.transfers.send(transfer, options())).toMatchObject({ kind: 'refused' });
      expect(await stripe.transfers.findByPayout(transfer.payoutId, options())).toBeNull();
    });

    test('under a key of nobody did not run, and may be sent again', async () => {
      const stranger = connect(at.url, { secretKey: 'sk_test_nobody', timeoutMs: 20_000 });
      expect(await stranger.transfers.send(frozen('acct_1'), options())).toMatchObject({ kind: 'wait' });
    });
  });
});

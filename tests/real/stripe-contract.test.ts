import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { FrozenInvoice } from '../../src/integrations/stripe/invoices.ts';
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
    const movements = await stripe.balance.listTransactions({ ...window, ...options() });
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
      ...{ id, kind: 'refund', chargeId: charge.chargeId, status: 'succeeded' },
    });
    const window = { createdFromMs: Date.now() - 3_600_000, createdBeforeMs: Date.now() + 60_000 };
    const movements = await stripe.balance.listTransactions({ ...window, ...options() });
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
    expect(await fact()).toMatchObject({ chargeId: charge.chargeId, status: 'needs_response' });
    const evidence = { 'evidence[uncategorized_text]': 'losing_evidence', submit: 'true' };
    await api('POST', `/v1/disputes/${id}`, evidence);
    await vi.waitFor(async () => expect((await fact()).status).toBe('lost'), {
      timeout: 30_000,
      interval: 500,
    });
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

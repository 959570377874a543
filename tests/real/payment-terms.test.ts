import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MS, dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

type Road = Awaited<ReturnType<House['road']>>;

const post = async (path: string, form: Record<string, string> = {}) => {
  const answer = await rawApi(house.simulator.url, SECRET_KEY)('POST', path, form);
  if (answer.status !== 200) throw new Error(answer.text);
};
const invoiceAtStripe = () => {
  const [invoice] = house.simulator.journal.all('invoice');
  if (invoice === undefined) throw new Error('no invoice at Stripe');
  return invoice;
};
const sent = () => house.simulator.journal.all('event').filter(({ type }) => type === 'invoice.sent').length;
const statuses = async () =>
  (await house.sql<{ status: string }>('select status from calls order by made_at, started_at')).map(
    ({ status }) => status,
  );
const buyerStatus = async () => (await house.sql<{ status: string }>('select status from buyers'))[0]?.status;

async function expectRight(): Promise<void> {
  const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  expect(failures).toEqual([]);
  expect(house.simulator.journal.check()).toEqual([]);
}

/** A buyer of these terms, whose first call is invoiced, 40.00. */
async function billOne(terms: object, card?: string): Promise<Road> {
  const road = await house.road(card === undefined ? {} : { card });
  await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', ...terms }] });
  await house.call({ number: road.number });
  await house.close(dateAfter(0));
  return road;
}

/** What a webhook of Stripe's does: the invoice is read anew. */
async function hear(): Promise<void> {
  const [row] = await house.sql<{ id: string }>('select id from invoices order by planned_at limit 1');
  await house.services.billing.poke(row?.id ?? '', 'webhook', house.clock.nowMs());
  await house.work();
}

describe('a buyer on payment terms', () => {
  test('is sent its invoice, which is due after the days and charged by nobody', async () => {
    await billOne({ paymentTermsDays: 14 });
    const { status, collection_method: method, due_date: due } = invoiceAtStripe();
    expect({ status, method }).toEqual({ status: 'open', method: 'send_invoice' });
    const isInTwoWeeks = (ms: number) => Math.abs(ms - house.clock.nowMs() - 14 * DAY_MS) < 60_000;
    expect(isInTwoWeeks((due ?? 0) * 1_000)).toBe(true);
    expect(sent()).toBe(1);
    const [listed] = await house.services.billing.list({ state: 'open', buyerId: null });
    expect(isInTwoWeeks(Date.parse(listed?.dueAt ?? ''))).toBe(true);
    for (const night of [1, 2]) await house.close(dateAfter(night));
    expect(house.simulator.journal.all('charge')).toEqual([]);
    expect(sent()).toBe(1);
    await expectRight();
  });

  test('pays when it likes: what it paid is found, and clears', async () => {
    await billOne({ paymentTermsDays: 14 });
    await post(`/v1/invoices/${invoiceAtStripe().id}/pay`);
    await hear();
    expect(await house.sql('select state from invoices')).toEqual([{ state: 'paid' }]);
    for (const night of [1, 2, 3]) await house.close(dateAfter(night));
    expect(house.simulator.journal.all('transfer').map(({ amount }) => amount)).toEqual([2_800]);
    await expectRight();
  });

  test('keeps the terms of the day on which its invoice was planned', async () => {
    const road = await billOne({ paymentTermsDays: 14 });
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', paymentTermsDays: null }] });
    await house.close(dateAfter(1));
    expect(house.simulator.journal.all('charge')).toEqual([]);
    await house.call({ number: road.number });
    await house.close(dateAfter(2));
    expect(house.simulator.journal.all('charge')).toHaveLength(1);
  });
});

describe('a buyer of whom more is overdue than its limit', () => {
  test('is paused: its calls are held, and rated by the terms of their start when it has paid', async () => {
    const road = await billOne({ paymentTermsDays: 2, creditLimits: { usd: 3_999 } });
    await house.close(dateAfter(1));
    await house.call({ number: road.number });
    await house.work();
    expect(await statuses()).toEqual(['qualified', 'qualified']);
    for (const night of [2, 3]) await house.close(dateAfter(night));
    expect(await buyerStatus()).toBe('paused');
    await house.call({ number: road.number });
    await house.work();
    expect(await statuses()).toEqual(['qualified', 'qualified', 'held']);
    expect(await house.services.billing.overdue(house.clock.nowMs())).toMatchObject([
      { overdueMinor: 4_000, limitMinor: 3_999, status: 'paused', heldCalls: 1 },
    ]);
    await expectRight();

    await post(`/v1/invoices/${invoiceAtStripe().id}/pay`);
    await hear();
    expect(await buyerStatus()).toBe('active');
    expect(await statuses()).toEqual(['qualified', 'qualified', 'qualified']);
    expect(await house.sql("select action from audit_log where subject like 'buyer:%' order by id")).toEqual([
      { action: 'buyer.paused' },
      { action: 'buyer.active' },
    ]);
    await expectRight();
  });

  test('is not paused up to the limit, before the due day, or without a limit', async () => {
    await billOne({ paymentTermsDays: 2, creditLimits: { usd: 4_000 } });
    for (const night of [1, 2, 3]) await house.close(dateAfter(night));
    expect(await buyerStatus()).toBe('active');
    await house.sql(`update buyers set credit_limits = '{"eur": 1}'`);
    await house.close(dateAfter(4));
    expect(await buyerStatus()).toBe('active');
    await house.sql(`update buyers set credit_limits = '{"usd": 1}'`);
    await house.close(dateAfter(5));
    expect(await buyerStatus()).toBe('paused');
  });

  test('that is charged at once is paused by the first decline, and goes on when a charge succeeds', async () => {
    const road = await billOne({ creditLimits: { usd: 0 } }, 'pm_card_chargeCustomerFail');
    expect(await buyerStatus()).toBe('paused');
    await house.mendCard(road.buyer.customer ?? '');
    await house.close(dateAfter(1));
    expect(await buyerStatus()).toBe('active');
    await expectRight();
  });
});

describe('a card whose bank wants its holder to confirm', () => {
  test('is told as such with the page on which the buyer does it, and the invoice is paid when it has', async () => {
    await billOne({}, 'pm_card_authenticationRequired');
    const { id, hosted_invoice_url: page } = invoiceAtStripe();
    const [listed] = await house.services.billing.list({ state: 'open', buyerId: null });
    expect(listed).toMatchObject({ problem: 'authentication_required' });
    expect(await house.services.billing.show(listed?.id ?? '')).toMatchObject({ pay_url: page });
    await post(`/v1/invoices/${id}/pay`);
    await hear();
    expect(await house.sql('select state, last_problem from invoices')).toEqual([
      { state: 'paid', last_problem: null },
    ]);
    await expectRight();
  });

  test.each([
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card'],
    ['pm_card_chargeDeclinedFraudulent', 'fraudulent'],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error'],
  ])('is another trouble than that of %s, which is told as %s', async (card, problem) => {
    await billOne({}, card);
    const [listed] = await house.services.billing.list({ state: 'open', buyerId: null });
    expect(listed).toMatchObject({ problem });
  });
});

describe("a customer's balance at Stripe", () => {
  test('stops its invoice before anything is asked of it, is named by the audit, and the invoice goes on once it is 0', async () => {
    const road = await house.road();
    const customer = road.buyer.customer ?? '';
    await post(`/v1/customers/${customer}`, { balance: '-500' });
    await house.call({ number: road.number });
    await house.close(dateAfter(0));
    const [letter] = await house.services.work.listDead({ afterId: null, limit: 10 });
    expect(letter).toMatchObject({ job: 'billing.bill-buyer', code: 'CUSTOMER_BALANCE' });
    expect(invoiceAtStripe().status).toBe('draft');
    const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
    expect(failures).toEqual([`no customer has a balance at Stripe (INV-24): 1 not so: ${customer} -500`]);

    await post(`/v1/customers/${customer}`, { balance: '0' });
    await house.services.work.replay({
      ...{ id: letter?.id ?? '', by: 'ops', reason: 'the balance is 0', nowMs: house.clock.nowMs() },
    });
    await house.work();
    expect(invoiceAtStripe().status).toBe('paid');
    await expectRight();
  });
});

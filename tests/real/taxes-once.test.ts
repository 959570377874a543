import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { balancesOf } from '../helpers/books.ts';
import { FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { BILL, taxesOver } from '../helpers/taxes.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const { api, post, invoices, taxed, calls, night, untilBilled, expectRight } = taxesOver(() => house);
const theBill = async () => {
  const [row] = await house.sql<{ key: string }>(`select key from work where job = '${BILL}'`);
  return house.row(BILL, row?.key ?? '');
};

describe('an invoice with tax is issued and booked once', () => {
  test.each([
    ['and run again', () => undefined],
    [
      'and run again when Stripe has forgotten the keys',
      () => {
        house.advance(25 * 3_600_000);
        house.simulator.faults.pruneKeys();
      },
    ],
  ])('killed before and after each step, %s', async (_, meanwhile) => {
    await calls(await taxed(), 2);
    await untilBilled(0);
    const item = await theBill();
    expect(await dieAtEachStep(house, item)).toContain('billing.recordIssued');
    meanwhile();
    await house.work();
    expect(invoices()).toMatchObject([{ status: 'paid', total: 9_600 }]);
    expect(await balancesOf(house.sql)).toMatchObject({ tax_payable: -1_600, stripe_pending: 9_292 });
    await house.work();
    await expectRight();
  });

  test.each([0, 1, 2])('when the answer of step %i is lost', async (skip) => {
    await calls(await taxed(), 1);
    await untilBilled(0);
    const fault = { method: 'POST', pathPrefix: '/v1/invoice', count: 1, skip } as const;
    house.simulator.faults.add({ kind: 'cut-after-commit', ...fault });
    await house.work();
    house.advance(11 * 60_000);
    await house.work();
    expect(invoices()).toMatchObject([{ status: 'paid', total: 4_800 }]);
    expect(await balancesOf(house.sql)).toMatchObject({ tax_payable: -800 });
    await expectRight();
  });
});

describe('a credit note of an invoice with tax', () => {
  const notes = () => house.simulator.journal.all('credit_note');
  async function take(nth: number): Promise<void> {
    const ids = await house.sql<{ id: string }>('select id from calls order by started_at');
    const { adjustments } = house.services;
    await adjustments.ask(ids[nth]?.id ?? '', 'ops', 'a wrong number', house.clock.nowMs());
  }
  /** An invoice on terms of so many calls. */
  async function open(count: number, days = 0) {
    const road = await taxed();
    const terms = { paymentTermsDays: 14, automaticTax: true };
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', ...terms }] });
    await calls(road, count);
    await night(days);
    return road;
  }

  test('takes off the tax that Stripe computes of it, killed at each step, once', async () => {
    await open(3);
    await take(0);
    await house.work({}, [BILL]);
    const item = await theBill();
    expect(await dieAtEachStep(house, item)).toContain('billing.recordCreditNote');
    await house.work();
    const tax = { amount: 800, tax_behavior: 'exclusive', taxable_amount: 4_000 };
    expect(notes()).toMatchObject([{ subtotal: 4_000, total: 4_800, amount: 4_800, total_taxes: [tax] }]);
    expect(invoices()).toMatchObject([{ status: 'open', total: 14_400, amount_remaining: 9_600 }]);
    expect(await balancesOf(house.sql)).toMatchObject({ buyer_receivable: 9_600, tax_payable: -1_600 });
    await expectRight();
    await post(`/v1/invoices/${invoices()[0]?.id}/pay`);
    for (const days of [1, 2, 3, 4]) await night(days);
    expect(house.simulator.journal.all('transfer').map(({ amount }) => amount)).toEqual([5_600]);
    expect(await balancesOf(house.sql)).toMatchObject({ tax_payable: -1_600 });
    await expectRight();
  });

  test('of the whole invoice leaves nothing to be paid and no tax', async () => {
    await open(1);
    await take(0);
    await house.work();
    expect(invoices()).toMatchObject([{ status: 'paid', amount_remaining: 0 }]);
    expect(await balancesOf(house.sql)).toEqual({});
    await expectRight();
  });

  test('is not asked for where what it leaves might be a rest of rounding: the call is credit when the rest is paid', async () => {
    await open(2);
    for (const nth of [0, 1]) await take(nth);
    await house.work();
    expect(notes()).toHaveLength(1);
    expect(await house.sql("select waits_for from adjustments where state = 'waiting'")).toEqual([
      { waits_for: 'invoice_not_paid' },
    ]);
    await expectRight();
  });

  test('is taken off the lines that have so much, where a credit made that of its campaign smaller', async () => {
    const road = await taxed();
    await calls(road, 1);
    for (const days of [0, 1, 2]) await night(days);
    await take(0);
    await house.work();
    const terms = { paymentTermsDays: 14, automaticTax: true };
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', ...terms }] });
    const second = await house.campaign(road.buyer, road.supplier, { priceMinor: 3_000 });
    await house.put({ campaigns: [{ id: second.id, buyerId: road.buyer.id, name: 'A campaign' }] });
    for (const [n, { number }] of [road, road, second, second].entries())
      await house.call({ number, startedAtMs: house.clock.nowMs() - (4 - n) * 3_600_000 });
    await night(3);
    // The credit is taken off the first line, and pays for the oldest call, which is on the other.
    expect(invoices()[1]).toMatchObject({ status: 'open', total_excluding_tax: 10_000, total: 12_000 });
    for (const nth of [3, 4]) await take(nth);
    await house.work();
    const lines = house.simulator.journal.all('line_item').slice(1);
    const off = notes().map((note) =>
      note.lines.data.map(({ invoice_line_item: of, amount }) => [of, amount]),
    );
    const [first, other] = lines.map(({ id }) => id);
    expect(lines.map(({ amount }) => amount)).toEqual([2_000, 8_000]);
    expect(off).toEqual([
      [
        [first, 2_000],
        [other, 1_000],
      ],
      [[other, 3_000]],
    ]);
    expect(notes().map(({ total }) => total)).toEqual([3_600, 3_600]);
    await expectRight();
  });
});

describe('what the simulator refuses as Stripe does', () => {
  test('a negative item, one without its tax behavior, and a credit note by its amount alone', async () => {
    const { buyer, ...road } = await taxed({ card: 'pm_card_chargeCustomerFail' });
    const customer = buyer.customer ?? '';
    const draft = await post('/v1/invoices', { customer, 'automatic_tax[enabled]': 'true', currency: 'usd' });
    const item = (form: Record<string, string>) =>
      api('POST', '/v1/invoiceitems', { customer, invoice: draft.id, currency: 'usd', ...form });
    const answers = [
      await item({ amount: '-100', tax_behavior: 'exclusive' }),
      await item({ amount: '100' }),
      await item({ amount: '100', tax_behavior: 'exclusive' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 200]);
    await calls(road, 1);
    await house.close(FIRST_DATE);
    const open = invoices().find(({ status }) => status === 'open');
    const note = { invoice: open?.id ?? '', amount: '100' };
    expect((await api('POST', '/v1/credit_notes', note)).status).toBe(400);
  });
});

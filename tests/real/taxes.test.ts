import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { balancesOf, postingsOf } from '../helpers/books.ts';
import { type House, keepServer, openHouse } from '../helpers/house.ts';
import { BILL, taxesOver } from '../helpers/taxes.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const { post, moveTo, invoices, taxed, calls, night, untilBilled, theInvoice, expectRight } = taxesOver(
  () => house,
);
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'taken',
    (error: unknown) => codeOf(error, 'INTERNAL'),
  );

describe('a buyer who is taxed', () => {
  test('is asked for the tax on top of its calls, which is booked once; its supplier is paid of the calls', async () => {
    const road = await taxed();
    await calls(road, 2);
    const [preview] = await house.services.billing.preview('2026-11-02');
    expect(preview).toBeUndefined();
    await night(0);
    expect(invoices()).toMatchObject([
      {
        ...{ status: 'paid', subtotal: 8_000, total: 9_600, total_excluding_tax: 8_000, amount_paid: 9_600 },
        automatic_tax: { enabled: true, status: 'complete' },
        total_taxes: [{ amount: 1_600, tax_behavior: 'exclusive', taxability_reason: 'standard_rated' }],
      },
    ]);
    expect((await postingsOf(house.sql)).filter((line) => line.startsWith('invoice '))).toEqual([
      ...['invoice buyer_receivable 8000', 'invoice buyer_unbilled -8000'],
      ...['invoice buyer_receivable 1600', 'invoice tax_payable -1600'],
    ]);
    const seen = { amountMinor: 8_000, taxMinor: 1_600, totalMinor: 9_600, automaticTax: true };
    expect(await theInvoice()).toMatchObject({ ...seen, paidMinor: 9_600 });
    expect(await house.services.billing.show((await theInvoice())?.id ?? '')).toMatchObject({
      ...{ amount_minor: 8_000, tax_minor: 1_600, total_minor: 9_600, automatic_tax: true },
    });
    for (const days of [1, 2, 3]) await night(days);
    expect(house.simulator.journal.all('transfer').map(({ amount }) => amount)).toEqual([5_600]);
    const { tax_payable, exchange_margin, buyer_receivable = 0 } = await balancesOf(house.sql);
    expect([tax_payable, exchange_margin, buyer_receivable]).toEqual([-1_600, -2_400, 0]);
    await expectRight();
  });

  test('is taxed by the flag that stood when its invoice was planned, which its preview shows', async () => {
    const road = await taxed();
    await calls(road, 1);
    await house.work();
    const preview = await house.services.billing.preview('2026-11-02');
    expect(preview).toMatchObject([{ amountMinor: 4_000, automaticTax: true }]);
    await untilBilled(0);
    expect(await theInvoice()).toMatchObject({ taxMinor: null, totalMinor: null, state: 'planned' });
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', automaticTax: false }] });
    await house.work();
    expect(invoices()).toMatchObject([{ total: 4_800 }]);
    await calls(road, 1);
    await night(1);
    expect(invoices()).toMatchObject([
      { total: 4_800 },
      { total: 4_000, automatic_tax: { enabled: false }, total_taxes: [] },
    ]);
    await expectRight();
  });

  test('has what it paid for and was taken back off its next invoice, and tax on the rest alone', async () => {
    const road = await taxed();
    await calls(road, 1);
    for (const days of [0, 1, 2]) await night(days);
    const [call] = await house.sql<{ id: string }>('select id from calls');
    await house.services.adjustments.ask(call?.id ?? '', 'ops', 'fraud', house.clock.nowMs());
    await house.work();
    await calls(road, 3);
    await night(3);
    const lines = house.simulator.journal
      .all('line_item')
      .map(({ amount, description }) => [amount, description?.split(': ')[1]]);
    // Stripe takes no negative line where it computes the tax.
    expect(lines).toEqual([
      [4_000, '1 calls'],
      [8_000, '3 calls, less credit'],
    ]);
    expect(invoices().map(({ total }) => total)).toEqual([4_800, 9_600]);
    expect(await balancesOf(house.sql)).toMatchObject({ tax_payable: -800 - 1_600 });
    await expectRight();
  });

  test('has no tax on an invoice of nothing, for whose calls credit pays', async () => {
    const road = await taxed();
    await calls(road, 1);
    for (const days of [0, 1, 2]) await night(days);
    const [call] = await house.sql<{ id: string }>('select id from calls');
    await house.services.adjustments.ask(call?.id ?? '', 'ops', 'fraud', house.clock.nowMs());
    await house.work();
    await calls(road, 1);
    const nothing = { amountMinor: 0, taxMinor: 0, totalMinor: 0, automaticTax: true };
    await untilBilled(3);
    expect(await theInvoice()).toMatchObject({ ...nothing, state: 'planned' });
    await house.work();
    expect(await theInvoice()).toMatchObject({ ...nothing, state: 'paid' });
    expect(invoices()).toHaveLength(1);
    await expectRight();
  });

  test('pays a charge that settles in another currency with its tax', async () => {
    house.simulator.faults.settleIn({ currency: 'eur', into: 'usd', rate: 1.5 });
    await calls(await taxed({ currency: 'eur' }), 1);
    for (const days of [0, 1, 2]) await night(days);
    expect(await theInvoice()).toMatchObject({ state: 'paid', taxMinor: 800, paidMinor: 4_800 });
    const rows = await house.sql(
      `select currency, kind, balance_minor as balance from ledger_accounts where kind in ('fx_clearing', 'tax_payable') order by 1, 2`,
    );
    expect(rows).toEqual([
      { currency: 'eur', kind: 'fx_clearing', balance: 4_800 },
      { currency: 'eur', kind: 'tax_payable', balance: -800 },
      { currency: 'usd', kind: 'fx_clearing', balance: -7_200 },
    ]);
    const { billing } = house.services;
    expect(await billing.show((await theInvoice())?.id ?? '')).toMatchObject({ waitsFor: 'settled_in:usd' });
    await expectRight();
  });

  test('is given back in the currency of the invoice what settled in another one; its tax is lost, and stays payable', async () => {
    house.simulator.faults.settleIn({ currency: 'eur', into: 'usd', rate: 1.5 });
    await calls(await taxed({ currency: 'eur' }), 1);
    for (const days of [0, 1]) await night(days);
    house.simulator.faults.settleIn({ currency: 'eur', into: 'usd', rate: 1.4 });
    house.advanceTo(Date.parse('2026-11-05T08:00:00Z'));
    await post('/v1/refunds', { charge: house.simulator.journal.all('charge')[0]?.id ?? '' });
    await night(2);
    const rows = await house.sql(
      `select currency, kind, balance_minor as balance from ledger_accounts where balance_minor <> 0 and kind not like 'stripe%' order by 1, 2`,
    );
    expect(rows).toEqual([
      { currency: 'eur', kind: 'bad_debt', balance: 800 },
      { currency: 'eur', kind: 'tax_payable', balance: -800 },
      { currency: 'usd', kind: 'fx_clearing', balance: -480 },
    ]);
    await expectRight();
  });

  test('cannot have a wallet, whichever of both comes first', async () => {
    const { buyer } = await house.road();
    const put = (terms: object) => house.put({ buyers: [{ id: buyer.id, name: 'Buyer', ...terms }] });
    const prepaid = { usd: { lowWaterMinor: 0, rechargeMinor: 5_000, mostPerDay: 1 } };
    expect(await code(put({ prepaid, automaticTax: true }))).toBe('PARTIES_REFUSED');
    expect(await code(put({ prepaid }))).toBe('taken');
    expect(await code(put({ automaticTax: true }))).toBe('PARTIES_REFUSED');
    expect(await code(put({ prepaid: null, automaticTax: true }))).toBe('taken');
    expect(await code(put({ prepaid }))).toBe('PARTIES_REFUSED');
    expect(await code(put({ prepaid, automaticTax: false }))).toBe('taken');
  });
});

describe('an invoice whose tax Stripe cannot compute', () => {
  const letter = () => house.sql("select state, code from work where job = 'billing.bill-buyer'");
  const DEAD = [{ state: 'dead', code: 'TAX_NOT_COMPUTED' }];
  async function replay() {
    const [dead] = await house.services.work.listDead({ afterId: null, limit: 10 });
    const facts = { by: 'ops', reason: 'the address was mended', nowMs: house.clock.nowMs() };
    await house.services.work.replay({ id: dead?.id ?? '', ...facts });
    await house.run(await house.row(BILL, dead?.key ?? ''));
  }

  test.each([
    ['requires_location_inputs', null],
    ['failed', 'XX'],
  ])('waits for a person (%s), books nothing, and goes on when it was mended', async (problem, address) => {
    house.simulator.faults.taxAt({ country: 'XX', state: null, percent: null });
    const { buyer, ...road } = await taxed({}, address);
    await calls(road, 1);
    await untilBilled(0);
    await house.work();
    expect(await letter()).toEqual(DEAD);
    expect(await theInvoice()).toMatchObject({ state: 'planned', problem });
    expect(invoices()).toEqual([]);
    expect(await balancesOf(house.sql)).not.toHaveProperty('buyer_receivable');
    await replay();
    expect(await letter()).toEqual(DEAD);
    await moveTo(buyer.customer, 'AT');
    await replay();
    expect(invoices()).toMatchObject([{ status: 'paid', total: 4_800 }]);
    expect(await theInvoice()).toMatchObject({ state: 'paid', problem: null, taxMinor: 800 });
    await house.work();
    await expectRight();
  });

  test.each([
    ['is made', '/v1/invoices'],
    ['is finalised', '/v1/invoices/'],
  ])(
    'waits too when Stripe refuses it as it %s, and a stored refusal is not met again',
    async (_, pathPrefix) => {
      await calls(await taxed(), 1);
      await untilBilled(0);
      const fault = { method: 'POST', pathPrefix, count: 1, code: 'customer_tax_location_invalid' } as const;
      house.simulator.faults.add({ kind: 'refuse', ...fault });
      await house.work();
      expect(await letter()).toEqual(DEAD);
      expect(await theInvoice()).toMatchObject({ problem: 'customer_tax_location_invalid' });
      expect(invoices()).toEqual([]);
      await replay();
      expect(invoices()).toMatchObject([{ status: 'paid', total: 4_800 }]);
    },
  );

  test('goes on also where a run died after its draft was deleted', async () => {
    const { buyer, ...road } = await taxed({}, null);
    await calls(road, 1);
    await untilBilled(0);
    const [{ key } = { key: '' }] = await house.sql<{ key: string }>(
      `select key from work where job = '${BILL}'`,
    );
    const renew = () => Promise.reject(new Error('the database is away'));
    const billing = { ...house.services.billing, renew };
    expect(await house.run(await house.row(BILL, key), { billing })).toMatchObject({ end: 'dead' });
    expect(invoices()).toEqual([]);
    await moveTo(buyer.customer, 'AT');
    await replay();
    expect(invoices()).toMatchObject([{ status: 'paid', total: 4_800 }]);
  });

  test('is not booked where Stripe finalised it without its tax', async () => {
    await calls(await taxed(), 1);
    await untilBilled(0);
    const { stripeInvoices } = house.services;
    // Another hand switched the tax off.
    const issue: typeof stripeInvoices.issue = (invoice, options) =>
      stripeInvoices.issue({ ...invoice, automaticTax: false }, options);
    const dead = () => Promise.reject(new Error('dies before it is recorded'));
    const billing = { ...house.services.billing, recordIssued: dead };
    const [{ key } = { key: '' }] = await house.sql<{ key: string }>(
      `select key from work where job = '${BILL}'`,
    );
    await house.run(await house.row(BILL, key), { billing, stripeInvoices: { ...stripeInvoices, issue } });
    // It is looked up, because its keys are old.
    house.advance(25 * 3_600_000);
    house.simulator.faults.pruneKeys();
    await replay();
    expect(await letter()).toEqual([{ state: 'dead', code: 'INVOICE_CHANGED' }]);
    expect(await balancesOf(house.sql)).not.toHaveProperty('tax_payable');
  });
});

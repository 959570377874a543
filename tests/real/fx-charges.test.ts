import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { dateAfter, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { type InvoiceCharge, openInvoice } from '../helpers/one-invoice.ts';
import { walletsOver } from '../helpers/wallets.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const { charged, transfers, states, wallet, expectRight, prepaid, calls, night } = walletsOver(() => house);
const settle = (currency: 'eur' | 'usd' | 'jpy' | 'kwd', into: typeof currency, rate: number) =>
  house.simulator.faults.settleIn({ currency, into, rate });
const breaks = () =>
  house.sql("select kind, currency, evidence ->> 'category' as what from reconciliation_breaks");
/** What each account of a currency stands at, without those that are zero. */
async function balances(currency: string) {
  const rows = await house.sql<{ kind: string; balance: number }>(
    `select kind, sum(balance_minor)::bigint as balance from ledger_accounts where currency = $1 group by 1
     having sum(balance_minor) <> 0`,
    [currency],
  );
  return Object.fromEntries(rows.map(({ kind, balance }) => [kind, balance]));
}
const waiting = async (days: number) =>
  (await house.services.payouts.preview(dateAfter(days), house.clock.nowMs()))
    .filter(({ pays }) => !pays)
    .map(({ supplierId, currency, amountMinor, waitsFor }) => [supplierId, currency, amountMinor, waitsFor]);
async function clean(): Promise<void> {
  await expectRight();
  expect(await breaks()).toEqual([]);
}

/** What 40.00 EUR is in the books that was paid with 43.30 USD, of which Stripe kept 1.56. */
const EUR = { fx_clearing: 4_000, supplier_pending: -2_800, exchange_margin: -1_200 };
const USD = { fx_clearing: -4_330, stripe_fees: 156 };

describe('an invoice in eur whose charge settles in usd', () => {
  test('is paid, and its charge is booked in both currencies at the rate of Stripe', async () => {
    settle('eur', 'usd', 1.0825);
    const { number, supplier } = await house.road({ currency: 'eur' });
    await house.call({ number });
    await night(0);
    expect(await house.sql('select state from invoices')).toEqual([{ state: 'paid' }]);
    expect(
      await house.sql(
        'select paid_minor, paid_currency, gross_minor, fee_minor, net_minor, currency, exchange_rate from charges',
      ),
    ).toEqual([
      {
        ...{ paid_minor: 4_000, paid_currency: 'eur', exchange_rate: '1.0825' },
        ...{ gross_minor: 4_330, fee_minor: 156, net_minor: 4_174, currency: 'usd' },
      },
    ]);
    expect(await balances('eur')).toEqual(EUR);
    expect(await balances('usd')).toEqual({ ...USD, stripe_pending: 4_174 });
    const [{ id: chargeId } = { id: '' }] = charged();
    expect(
      await house.sql(
        `select key, currency, refs ->> 'exchangeRate' as rate from journals where template like 'charge%' order by id`,
      ),
    ).toEqual([
      { key: `charge_exchanged:${chargeId}`, currency: 'eur', rate: '1.0825' },
      { key: `charge_settled:${chargeId}`, currency: 'usd', rate: '1.0825' },
    ]);
    await clean();

    for (const days of [1, 2, 3]) await night(days);
    expect(await balances('eur')).toEqual(EUR);
    expect(await balances('usd')).toEqual({ ...USD, stripe_available: 4_174 });
    expect(await states()).toEqual(['billed']);
    expect(await waiting(4)).toEqual([[supplier.id, 'eur', 2_800, 'settled_in:usd']]);
    const [invoice] = await house.sql<{ id: string }>('select id from invoices');
    expect(await house.services.billing.show(invoice?.id ?? '')).toMatchObject({
      waitsFor: 'settled_in:usd',
    });
    expect(transfers()).toEqual([]);
    await clean();
  });

  test('has no supplier in usd or eur wait whose own buyer paid in its currency', async () => {
    const [exchanged, eur, usd] = [
      await house.road({ currency: 'eur' }),
      await house.road({ currency: 'eur' }),
      await house.road(),
    ];
    await house.call({ number: eur.number });
    await night(0);
    settle('eur', 'usd', 1.0825);
    await house.call({ number: exchanged.number });
    await house.call({ number: usd.number });
    for (const days of [1, 2, 3, 4, 5]) await night(days);
    const sent = house.simulator.journal.all('transfer');
    expect(sent.map(({ currency, amount, destination }) => [currency, amount, destination]).sort()).toEqual([
      ['eur', 2_800, eur.supplier.account],
      ['usd', 2_800, usd.supplier.account],
    ]);
    expect(await waiting(6)).toEqual([[exchanged.supplier.id, 'eur', 2_800, 'settled_in:usd']]);
    await clean();
  });

  test('makes one charge and two journals, whenever its job is killed and run again', async () => {
    settle('eur', 'usd', 1.0825);
    const { number } = await house.road({ currency: 'eur' });
    await house.call({ number });
    await house.begin(FIRST_DATE);
    await house.work({}, ['billing.bill-buyer']);
    const [invoice] = await house.sql<{ id: string }>('select id from invoices');
    const steps = await dieAtEachStep(house, await house.row('billing.bill-buyer', invoice?.id ?? ''));
    expect(steps).toContain('billing.recordState');
    await house.work();
    expect(charged()).toHaveLength(1);
    expect(await balances('eur')).toEqual(EUR);
    expect(await balances('usd')).toEqual({ ...USD, stripe_pending: 4_174 });
    await clean();
  });

  test('becomes available once, whenever the comparison is killed and run again', async () => {
    settle('eur', 'usd', 1.0825);
    const { number } = await house.road({ currency: 'eur' });
    await house.call({ number });
    await night(0);
    await night(1);
    await house.begin(dateAfter(2));
    await house.work({}, ['reconciliation.reconcile-money']);
    await dieAtEachStep(house, await house.row('reconciliation.reconcile-money', dateAfter(2)));
    await house.work();
    expect(await balances('usd')).toEqual({ ...USD, stripe_available: 4_174 });
    expect(await states()).toEqual(['billed']);
    await clean();
  });
});

test.each([
  { from: 'jpy', into: 'usd', rate: 0.671234, gross: 2_685 },
  { from: 'usd', into: 'jpy', rate: 1.4987, gross: 5_995 },
  { from: 'kwd', into: 'usd', rate: 0.3255, gross: 1_302 },
  { from: 'eur', into: 'kwd', rate: 3.321, gross: 13_284 },
] as const)(
  'a charge of 4000 minor units of $from is $gross of $into, as Stripe says',
  async ({ from, into, rate, gross }) => {
    settle(from, into, rate);
    const { number } = await house.road({ currency: from });
    await house.call({ number });
    for (const days of [0, 1, 2, 3]) await night(days);
    expect(await balances(from)).toMatchObject({ fx_clearing: 4_000 });
    expect(await balances(into)).toMatchObject({ fx_clearing: -gross });
    expect(
      await house.sql('select exchange_rate from charges where exchange_rate::numeric = $1', [rate]),
    ).toHaveLength(1);
    expect(await states()).toEqual(['billed']);
    await clean();
  },
);

describe('an invoice that is paid in part by a charge that settles in eur', () => {
  const exchanged = (charge: InvoiceCharge): InvoiceCharge => ({
    ...charge,
    ...{ currency: 'eur', grossMinor: 2_771, feeMinor: 110, netMinor: 2_661, exchangeRate: '0.9237' },
  });

  test('clears the calls that its other charge covers, the oldest first; the others wait', async () => {
    const one = await openInvoice();
    const [first, second] = [one.charge(1, 9_000), exchanged(one.charge(2, 3_000))];
    await one.say('open', [first]);
    await one.say('paid', [first, second]);
    await one.becomeAvailable([first, second]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'billed']);
    const preview = await one.house.services.payouts.preview(dateAfter(2), one.house.clock.nowMs());
    expect(preview.map(({ amountMinor, pays, waitsFor }) => [amountMinor, pays, waitsFor])).toEqual([
      [5_600, true, null],
      [2_800, false, 'settled_in:eur'],
    ]);
    await one.house.end();
  });

  test('has the others wait still when one that its other charge covered is taken back', async () => {
    const one = await openInvoice();
    const [first, second] = [one.charge(1, 8_000), exchanged(one.charge(2, 4_000))];
    await one.say('open', [first]);
    await one.say('paid', [first, second]);
    await one.becomeAvailable([first, second]);
    await one.approveDispute(0);
    expect(await one.earnings()).toEqual(['clawed_back', 'cleared', 'billed']);
    const preview = await one.house.services.payouts.preview(dateAfter(2), one.house.clock.nowMs());
    expect(preview.map(({ amountMinor, waitsFor }) => [amountMinor, waitsFor])).toEqual([
      [2_800, null],
      [2_800, 'settled_in:eur'],
    ]);
    await one.house.end();
  });

  test.each([
    { what: 'a currency that the exchange does not settle in', given: { currency: 'chf' } },
    { what: 'no rate', given: { exchangeRate: null } },
    { what: 'a buyer who paid in another currency than it owes', given: { paidCurrency: 'gbp' } },
    { what: 'another amount than what is left', given: { paidMinor: 12_001 } },
  ])('is refused with $what, and nothing changes', async ({ given }) => {
    const one = await openInvoice();
    const charge = { ...exchanged(one.charge(1, 12_000)), ...given };
    const { billing } = one.house.services;
    const said = { status: 'paid', charges: [charge], problem: null, payUrl: null };
    const code = await billing
      .recordState(one.invoiceId, await one.claim(), said, one.house.clock.nowMs())
      .catch((error: unknown) => codeOf(error, 'INTERNAL'));
    expect(code).toBe('INVOICE_MISMATCH');
    expect(await one.house.sql('select charge_id from charges')).toEqual([]);
    expect(await one.house.sql("select key from journals where template like 'charge%'")).toEqual([]);
    await one.house.end();
  });
});

describe('a wallet whose top-up settles in another currency', () => {
  test('has its money for calls at once; their suppliers wait', async () => {
    settle('usd', 'eur', 0.9237);
    const road = await prepaid();
    await calls(road, 2);
    for (const days of [0, 1, 2, 3]) await night(days);
    expect(charged().map(({ amount, currency }) => [amount, currency])).toEqual([
      [10_000, 'usd'],
      [10_000, 'usd'],
    ]);
    expect(await wallet()).toMatchObject({ coverMinor: 12_000, availableMinor: 0 });
    expect(await states()).toEqual(['billed', 'billed']);
    expect(await waiting(4)).toEqual([[road.supplier.id, 'usd', 5_600, 'settled_in:eur']]);
    await clean();
  });

  test('is charged and booked once, whenever its job is killed and run again', async () => {
    settle('usd', 'eur', 0.9237);
    const { number } = await prepaid();
    await house.call({ number });
    await house.work({}, ['billing.recharge-wallet']);
    const [row] = await house.sql<{ id: string }>('select id from topups');
    const steps = await dieAtEachStep(house, await house.row('billing.recharge-wallet', row?.id ?? ''));
    expect(steps).toContain('wallets.record');
    await house.work();
    expect(charged()).toHaveLength(1);
    expect(await balances('usd')).toMatchObject({ fx_clearing: 10_000, buyer_wallet: -6_000 });
    expect(await balances('eur')).toMatchObject({ fx_clearing: -9_237, stripe_pending: 8_939 });
    await clean();
  });

  test('pays them by what settles in its own currency, the oldest call first', async () => {
    settle('usd', 'eur', 0.9237);
    const road = await prepaid();
    await calls(road, 1);
    settle('usd', 'usd', 1);
    await calls(road, 1);
    for (const days of [0, 1, 2, 3, 4]) await night(days);
    expect(transfers()).toEqual([5_600]);
    expect(await states()).toEqual(['paid', 'paid']);
    expect(await waiting(5)).toEqual([]);
    await clean();
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { balancesOf } from '../helpers/books.ts';
import { type House, keepServer } from '../helpers/house.ts';
import { type OneInvoice, openInvoice } from '../helpers/one-invoice.ts';

keepServer();
let one: OneInvoice;
let house: House;
beforeEach(async () => {
  one = await openInvoice();
  house = one.house;
});
afterEach(() => house.end());

describe('a partial payment', () => {
  test('clears whole calls, the oldest first, once its money is available', async () => {
    const first = one.charge(1, 9_000);
    await one.say('open', [first]);
    expect(await one.state()).toBe('open');
    expect(await one.earnings()).toEqual(['billed', 'billed', 'billed']);
    await one.becomeAvailable([first]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'billed']);
    const second = one.charge(2, 3_000);
    await one.say('paid', [first, second]);
    expect(await one.state()).toBe('paid');
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'billed']);
    await one.becomeAvailable([second]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'cleared']);
    expect(await balancesOf(house.sql)).toEqual({
      exchange_margin: -3_600,
      stripe_available: 11_800,
      stripe_fees: 200,
      supplier_payable: -8_400,
    });
  });
});

describe('an invoice that nobody pays', () => {
  test.each(['uncollectible', 'void'])(
    'is written off when it is %s: nobody owes it and nobody earns by it',
    async (end) => {
      await one.say(end);
      expect(await one.earnings()).toEqual(['written_off', 'written_off', 'written_off']);
      expect(await balancesOf(house.sql)).toEqual({});
    },
  );

  test('in the rest keeps what was paid: whole calls for their suppliers, the remainder for the exchange', async () => {
    const paid = one.charge(1, 9_000);
    await one.say('open', [paid]);
    await one.say('uncollectible', [paid]);
    expect(await one.earnings()).toEqual(['billed', 'billed', 'written_off']);
    await one.becomeAvailable([paid]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'written_off']);
    expect(await balancesOf(house.sql)).toEqual({
      exchange_margin: -3_400,
      stripe_available: 8_900,
      stripe_fees: 100,
      supplier_payable: -5_600,
    });
  });

  test('and is paid after all is owed and earned again, and clears', async () => {
    const [first, second] = [one.charge(1, 9_000), one.charge(2, 3_000)];
    await one.say('uncollectible', [first]);
    await one.say('paid', [first, second]);
    expect(await one.state()).toBe('paid');
    await one.becomeAvailable([first, second]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'cleared']);
  });
});

describe('what cannot be is refused and changes nothing', () => {
  const refused = async (status: string, charges: ReturnType<OneInvoice['charge']>[]) => {
    const token = await one.claim();
    const before = await balancesOf(house.sql);
    const call = house.services.billing.recordState(
      one.invoiceId,
      token,
      { status, charges, problem: null, payUrl: null },
      house.clock.nowMs(),
    );
    const code = await call.then(
      () => 'nothing was refused',
      (error: unknown) => codeOf(error, 'INTERNAL'),
    );
    expect(await balancesOf(house.sql)).toEqual(before);
    return code;
  };

  test.each([
    { name: 'more is paid than is owed', status: 'paid', amounts: [13_000] },
    { name: 'it is called paid and is not', status: 'paid', amounts: [9_000] },
    { name: 'it is called open and is paid', status: 'open', amounts: [12_000] },
  ])('$name', async ({ status, amounts }) => {
    expect(
      await refused(
        status,
        amounts.map((amount, index) => one.charge(index, amount)),
      ),
    ).toBe('INVOICE_MISMATCH');
  });

  test('one that was given up is open again, or paid in part', async () => {
    await one.say('uncollectible');
    expect(await refused('open', [])).toBe('INVOICE_MISMATCH');
    expect(await refused('uncollectible', [one.charge(1, 4_000)])).toBe('INVOICE_MISMATCH');
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { balancesOf } from '../helpers/books.ts';
import { keepServer } from '../helpers/house.ts';
import { type OneInvoice, openInvoice } from '../helpers/one-invoice.ts';

keepServer();
let one: OneInvoice;
beforeEach(async () => {
  one = await openInvoice();
});
afterEach(() => one.house.end());

describe('what is taken back of an invoice while a credit note is made that ends it', () => {
  /** Of 120.00 80.00 are paid in two parts, and the note of the rest is under way when 25.00 go away again. */
  async function takeBack(kind: 'refund' | 'dispute', status: string): Promise<void> {
    const [first, second] = [one.charge(1, 7_000), one.charge(2, 1_000)];
    await one.say('open', [first]);
    await one.becomeAvailable([first]);
    await one.approveDispute(2);
    await one.move(kind, 're_1', -2_500);
    await one.record('re_1', kind, status);
    await one.say('open', [first, second]);
    await one.becomeAvailable([second]);
    await one.makeNotes();
    expect(await one.state()).toBe('paid');
  }

  test('leaves no call that nobody will ever pay when it is refunded', async () => {
    await takeBack('refund', 'succeeded');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'clawed_back']);
    // 55.00 stayed, 28.00 of it are the supplier's.
    expect(await balancesOf(one.house.sql)).toEqual({
      ...{ stripe_fees: 200, supplier_payable: -2_800, exchange_margin: -2_700, stripe_available: 5_300 },
    });
  });

  test('leaves its call open in a dispute until that is decided', async () => {
    await takeBack('dispute', 'needs_response');
    expect(await one.earnings()).toEqual(['cleared', 'billed', 'clawed_back']);
    await one.record('re_1', 'dispute', 'lost');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'clawed_back']);
    expect(await balancesOf(one.house.sql)).toEqual({
      ...{ stripe_fees: 200, supplier_payable: -2_800, exchange_margin: -2_700, stripe_available: 5_300 },
    });
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { balancesOf } from '../helpers/books.ts';
import { type House, keepServer } from '../helpers/house.ts';
import { type OneInvoice, openInvoice } from '../helpers/one-invoice.ts';

keepServer();
let one: OneInvoice;
let house: House;
/** Three calls of 40.00, and a fifth on top of them. */
beforeEach(async () => {
  one = await openInvoice(2_400);
  house = one.house;
});
afterEach(() => house.end());

describe('a part of what is owed with tax', () => {
  test.each([
    [4_799, ['billed', 'billed', 'billed']],
    [4_800, ['cleared', 'billed', 'billed']],
    [9_599, ['cleared', 'billed', 'billed']],
    [9_600, ['cleared', 'cleared', 'billed']],
    [14_399, ['cleared', 'cleared', 'billed']],
  ])('of %i clears the calls that its part without tax pays for', async (paid, states) => {
    const charge = one.charge(1, paid);
    await one.say('open', [charge]);
    await one.becomeAvailable([charge]);
    expect(await one.earnings()).toEqual(states);
  });

  test('clears all of them with the rest', async () => {
    const charges = [one.charge(1, 100), one.charge(2, 14_300)];
    await one.say('paid', charges);
    await one.becomeAvailable(charges);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'cleared']);
    expect(await balancesOf(house.sql)).toEqual({
      ...{ exchange_margin: -3_600, stripe_available: 14_200, stripe_fees: 200 },
      ...{ supplier_payable: -8_400, tax_payable: -2_400 },
    });
  });
});

describe('the tax of an invoice that nobody pays', () => {
  test('stays payable when it is given up, and is the loss of the exchange', async () => {
    await one.say('uncollectible');
    expect(await one.earnings()).toEqual(['written_off', 'written_off', 'written_off']);
    expect(await balancesOf(house.sql)).toEqual({ bad_debt: 2_400, tax_payable: -2_400 });
  });

  test('is no loss when the invoice is paid after all', async () => {
    await one.say('uncollectible');
    await one.say('paid', [one.charge(1, 14_400)]);
    expect(await balancesOf(house.sql)).toMatchObject({ stripe_pending: 14_300, tax_payable: -2_400 });
    expect(await balancesOf(house.sql)).not.toHaveProperty('bad_debt');
  });

  test('is payable no more when the invoice is void, also after it was given up', async () => {
    await one.say('uncollectible');
    await one.say('void');
    expect(await balancesOf(house.sql)).toEqual({});
  });

  test('is payable no more when the invoice is void at once', async () => {
    await one.say('void');
    expect(await one.earnings()).toEqual(['written_off', 'written_off', 'written_off']);
    expect(await balancesOf(house.sql)).toEqual({});
  });

  test('is payable as far as it was paid when the rest is void', async () => {
    const paid = one.charge(1, 7_200);
    await one.say('open', [paid]);
    await one.say('void', [paid]);
    expect(await one.earnings()).toEqual(['billed', 'written_off', 'written_off']);
    await one.becomeAvailable([paid]);
    expect(await balancesOf(house.sql)).toEqual({
      // Of the second call 20.00 were paid, which stay with the exchange.
      ...{ exchange_margin: -1_200 - 2_000, stripe_available: 7_100, stripe_fees: 100 },
      ...{ supplier_payable: -2_800, tax_payable: -1_200 },
    });
  });
});

describe('what is taken back of an invoice with tax', () => {
  const payIt = async () => {
    const charge = one.charge(1, 14_400);
    await one.say('paid', [charge]);
    await one.becomeAvailable([charge]);
  };

  test('by a refund ends the calls of its part without tax; the tax stays payable until a credit note says otherwise', async () => {
    await payIt();
    await one.move('refund', 're_1', -4_800);
    await one.record('re_1', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'written_off']);
    expect(await balancesOf(house.sql)).toEqual({
      ...{ bad_debt: 800, exchange_margin: -2_400, stripe_available: 9_500, stripe_fees: 100 },
      ...{ supplier_payable: -5_600, tax_payable: -2_400 },
    });
    await one.move('refund', 're_2', -9_600);
    await one.record('re_2', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual(['written_off', 'written_off', 'written_off']);
    expect(await balancesOf(house.sql)).toEqual({
      ...{ bad_debt: 2_400, stripe_available: -100, stripe_fees: 100, tax_payable: -2_400 },
    });
  });

  test('by a dispute is held until it is decided, and ends as by a refund when it is lost', async () => {
    await payIt();
    await one.move('dispute', 'du_1', -14_400, 1_500);
    await one.record('du_1', 'dispute', 'needs_response');
    expect(await one.earnings()).toEqual(['billed', 'billed', 'billed']);
    expect(await balancesOf(house.sql)).toMatchObject({ dispute_receivable: 14_400, tax_payable: -2_400 });
    await one.record('du_1', 'dispute', 'lost');
    expect(await one.earnings()).toEqual(['written_off', 'written_off', 'written_off']);
    expect(await balancesOf(house.sql)).toMatchObject({ bad_debt: 2_400, tax_payable: -2_400 });
  });

  test('by a dispute that is won is whole again', async () => {
    await payIt();
    const before = await balancesOf(house.sql);
    await one.move('dispute', 'du_1', -14_400, 1_500);
    await one.record('du_1', 'dispute', 'needs_response');
    await one.move('dispute_reversal', 'du_1', 14_400, -1_500);
    await one.record('du_1', 'dispute', 'won');
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'cleared']);
    expect(await balancesOf(house.sql)).toEqual(before);
  });
});

describe('a credit note whose tax Stripe rounded up', () => {
  /** One of the calls is given back, and a unit more of tax than its part: 80.00 of calls are left, and 15.99 of tax. */
  beforeEach(async () => {
    await one.approveDispute(2);
    await one.makeNotes(801);
  });

  test('gives nobody more than a refund took', async () => {
    const charge = one.charge(1, 9_599);
    await one.say('paid', [charge]);
    await one.becomeAvailable([charge]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'clawed_back']);
    await one.move('refund', 're_1', -1);
    await one.record('re_1', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'clawed_back']);
    expect(await balancesOf(house.sql)).toEqual({
      // 95.98 stayed, less 28.00 for the supplier, and the tax of what Stripe says.
      ...{ exchange_margin: -5_199, stripe_available: 9_498, stripe_fees: 100 },
      ...{ supplier_payable: -2_800, tax_payable: -1_599 },
    });
  });

  test('leaves no tax below nothing where all but a unit was paid, when the rest is given up', async () => {
    const charge = one.charge(1, 9_598);
    await one.say('open', [charge]);
    await one.say('uncollectible', [charge]);
    await one.becomeAvailable([charge]);
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'clawed_back']);
    expect(await balancesOf(house.sql)).toEqual({
      ...{ exchange_margin: -5_199, stripe_available: 9_498, stripe_fees: 100 },
      ...{ supplier_payable: -2_800, tax_payable: -1_599 },
    });
  });
});

test('a refund of a part while its payout is under way loses no call any more when that is refused, but its tax', async () => {
  // Another buyer's calls: they leave the exchange 48.00.
  const other = await house.road();
  for (const hour of [4, 3, 2, 1])
    await house.call({ number: other.number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
  await house.work({}, ['billing.bill-buyer']);
  const [first, rest] = [one.charge(1, 7_201), one.charge(2, 7_199)];
  await one.say('open', [first]);
  await one.becomeAvailable([first]);
  await one.plan();
  const [payout] = await house.sql<{ id: string }>('select id from payouts');
  const id = payout?.id ?? '';
  const { payouts } = house.services;
  const claimed = await payouts.claim(id, house.clock.nowMs());
  const token = claimed.kind === 'claimed' ? claimed.token : '';
  await one.move('refund', 're_1', -5_000);
  await one.record('re_1', 'refund', 'succeeded');
  const calls = async () => (await one.earnings()).slice(0, 3);
  const lost = async () => (await balancesOf(house.sql)).bad_debt;
  expect([await calls(), await lost()]).toEqual([['reserved', 'billed', 'billed'], 4_000 + 834]);
  await payouts.settle(id, token, { kind: 'refused', reason: 'no such account' }, house.clock.nowMs());
  await one.compare();
  expect([await calls(), await lost()]).toEqual([['billed', 'billed', 'billed'], 834]);
  // 94.00 stay, which pay for one call; what stays for the others is the exchange's.
  await one.say('paid', [first, rest]);
  await one.becomeAvailable([rest]);
  expect([await calls(), await lost()]).toEqual([['cleared', 'written_off', 'written_off'], 833]);
  expect(await balancesOf(house.sql)).toMatchObject({
    supplier_payable: -2_800,
    exchange_margin: -4_800 - 5_033,
  });
});

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

/** Paid by one charge of 120.00, whose money is available: all three calls are cleared. */
async function payAll(): Promise<void> {
  const charge = one.charge(1, 12_000);
  await one.say('paid', [charge]);
  await one.becomeAvailable([charge]);
}

const balances = () => balancesOf(one.house.sql);
const openBreaks = () => one.house.sql("select identity from reconciliation_breaks where state = 'open'");
const PAID = {
  exchange_margin: -3_600,
  stripe_available: 11_900,
  stripe_fees: 100,
  supplier_payable: -8_400,
};

describe('a refund', () => {
  beforeEach(payAll);

  test('takes whole calls from the newest on: nobody owes them and nobody earns by them', async () => {
    await one.move('refund', 're_1', -8_000);
    await one.record('re_1', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'written_off']);
    expect(await balances()).toEqual({
      ...{ exchange_margin: -1_200, stripe_available: 3_900, stripe_fees: 100, supplier_payable: -2_800 },
    });
    expect(await openBreaks()).toEqual([]);
  });

  test('of a part of a call ends the call, and the rest of its price stays with the exchange until it is refunded too', async () => {
    await one.move('refund', 're_1', -3_000);
    await one.record('re_1', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'written_off']);
    expect(await balances()).toMatchObject({ exchange_margin: -3_400, stripe_available: 8_900 });
    await one.move('refund', 're_2', -2_000);
    await one.record('re_2', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'written_off']);
    expect(await balances()).toMatchObject({ exchange_margin: -4_200, supplier_payable: -2_800 });
  });

  test('withholds a payout that holds such a call and was not sent; the next plan pays the rest', async () => {
    expect(await one.plan()).toMatchObject({ planned: 1, amountMinor: 8_400 });
    await one.move('refund', 're_1', -4_000);
    await one.record('re_1', 'refund', 'succeeded');
    const rows = await one.house.sql('select state, problem from payouts');
    expect(rows).toEqual([{ state: 'withheld', problem: 'the money of a call was taken back' }]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'written_off']);
  });

  test('after the supplier was paid is the loss of the exchange', async () => {
    await one.plan();
    const [payout] = await one.house.sql<{ id: string }>('select id from payouts');
    await one.house.services.payouts.claim(payout?.id ?? '', one.house.clock.nowMs());
    await one.move('refund', 're_1', -12_000);
    await one.record('re_1', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual(['reserved', 'reserved', 'reserved']);
    expect(await balances()).toMatchObject({
      bad_debt: 12_000,
      payouts_in_transit: -8_400,
      exchange_margin: -3_600,
    });
  });

  test('while the payout was under way is no loss any more when that is refused: nobody is owed the calls', async () => {
    await one.plan();
    const { payouts } = one.house.services;
    const [payout] = await one.house.sql<{ id: string }>('select id from payouts');
    const id = payout?.id ?? '';
    const claimed = await payouts.claim(id, one.house.clock.nowMs());
    const token = claimed.kind === 'claimed' ? claimed.token : '';
    await one.move('refund', 're_1', -7_000);
    await one.record('re_1', 'refund', 'succeeded');
    await one.move('dispute', 'dp_1', -2_000);
    await one.record('dp_1', 'dispute', 'needs_response');
    expect(await one.earnings()).toEqual(['reserved', 'reserved', 'reserved']);
    for (let times = 0; times < 2; times += 1)
      await payouts
        .settle(id, token, { kind: 'refused', reason: 'no such account' }, one.house.clock.nowMs())
        .catch(() => null);
    await one.compare();
    // The first may be covered again by the dispute; the others never.
    expect(await one.earnings()).toEqual(['billed', 'written_off', 'written_off']);
    await one.record('dp_1', 'dispute', 'lost');
    expect(await one.earnings()).toEqual(['written_off', 'written_off', 'written_off']);
    // 30.00 of the buyer's money stayed, and no supplier was paid.
    expect(await balances()).toEqual({ exchange_margin: -3_000, stripe_available: 2_900, stripe_fees: 100 });
  });

  test('of a charge that is not ours books nothing and stays a break', async () => {
    await one.move('refund', 're_1', -500);
    await one.record('re_1', 'refund', 'succeeded', { chargeId: 'ch_other' });
    expect(await balances()).toEqual(PAID);
    expect(await openBreaks()).toEqual([{ identity: 'movement:txn_refund_re_1' }]);
  });
});

test.each([
  { what: 'another amount than moved', fact: { amountMinor: 4_001 } },
  { what: 'another currency than its charge', fact: { currency: 'eur' } },
])('a refund of $what books nothing and stays a break', async ({ fact }) => {
  await payAll();
  await one.move('refund', 're_1', -4_000);
  await one.record('re_1', 'refund', 'succeeded', fact);
  expect(await balances()).toEqual(PAID);
  expect(await openBreaks()).toEqual([{ identity: 'movement:txn_refund_re_1' }]);
});

describe('a dispute', () => {
  beforeEach(async () => {
    await payAll();
    await one.move('dispute', 'dp_1', -4_000, 1_500);
    await one.record('dp_1', 'dispute', 'needs_response');
  });

  test('takes its money at once: the calls that are not covered any more are not payable, and not lost', async () => {
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'billed']);
    expect(await balances()).toEqual({
      ...{ dispute_receivable: 4_000, exchange_margin: -3_600, stripe_available: 6_400, stripe_fees: 1_600 },
      ...{ supplier_payable: -5_600, supplier_pending: -2_800 },
    });
    expect(await one.plan()).toMatchObject({ planned: 1, amountMinor: 5_600 });
  });

  test('that is won gives the money and the calls back', async () => {
    await one.record('dp_1', 'dispute', 'won');
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'billed']);
    await one.move('dispute_reversal', 'dp_1', 4_000, -1_500);
    await one.record('dp_1', 'dispute', 'won');
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'cleared']);
    expect(await balances()).toEqual(PAID);
  });

  test('that is lost ends the calls like a refund', async () => {
    await one.record('dp_1', 'dispute', 'lost');
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'written_off']);
    expect(await balances()).toEqual({
      ...{ exchange_margin: -2_400, stripe_available: 6_400, stripe_fees: 1_600, supplier_payable: -5_600 },
    });
    expect(await openBreaks()).toEqual([]);
  });

  test('that was decided changes no more', async () => {
    await one.record('dp_1', 'dispute', 'lost');
    const before = await balances();
    await one.record('dp_1', 'dispute', 'won');
    expect(await balances()).toEqual(before);
  });

  test('beside a refund is won: what the refund ended stays ended', async () => {
    await one.move('refund', 're_1', -4_000);
    await one.record('re_1', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'billed']);
    await one.move('dispute_reversal', 'dp_1', 4_000);
    await one.record('dp_1', 'dispute', 'won');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'cleared']);
  });
});

describe('what is taken back of an invoice that was paid in part', () => {
  const first = () => one.charge(1, 7_000);
  const SETTLED = { stripe_fees: 100, supplier_payable: -2_800 };
  beforeEach(async () => {
    await one.say('open', [first()]);
    await one.becomeAvailable([first()]);
  });

  for (const status of ['uncollectible', 'void']) {
    test(`leaves no call that nobody will ever pay when the invoice is ${status}`, async () => {
      await one.move('refund', 're_1', -2_500);
      await one.record('re_1', 'refund', 'succeeded');
      expect(await one.earnings()).toEqual(['cleared', 'billed', 'billed']);
      await one.say(status, [first()]);
      expect(await one.earnings()).toEqual(['cleared', 'written_off', 'written_off']);
      // 45.00 stayed, 28.00 of it are the supplier's.
      expect(await balances()).toEqual({ ...SETTLED, exchange_margin: -1_700, stripe_available: 4_400 });
    });
  }

  test('leaves no such call either when the refund comes after the invoice was given up', async () => {
    await one.say('uncollectible', [first()]);
    await one.move('refund', 're_1', -2_500);
    await one.record('re_1', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'written_off']);
    expect(await balances()).toEqual({ ...SETTLED, exchange_margin: -1_700, stripe_available: 4_400 });
  });

  test('leaves no such call either when the rest of the invoice is paid', async () => {
    await one.move('refund', 're_1', -2_500);
    await one.record('re_1', 'refund', 'succeeded');
    const rest = one.charge(2, 5_000);
    await one.say('paid', [first(), rest]);
    expect(await one.earnings()).toEqual(['cleared', 'billed', 'written_off']);
    await one.becomeAvailable([rest]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'written_off']);
    // 95.00 stayed, 56.00 of it are the supplier's.
    expect(await balances()).toEqual({
      ...{ stripe_fees: 200, supplier_payable: -5_600, exchange_margin: -3_900, stripe_available: 9_300 },
    });
  });

  describe('whose oldest call its supplier has been paid for', () => {
    const IN_TRANSIT = { payouts_in_transit: -2_800 };
    beforeEach(async () => {
      await one.plan();
      const [payout] = await one.house.sql<{ id: string }>('select id from payouts');
      await one.house.services.payouts.claim(payout?.id ?? '', one.house.clock.nowMs());
      await one.move('refund', 're_1', -6_000);
      await one.record('re_1', 'refund', 'succeeded');
      expect(await balances()).toMatchObject({ bad_debt: 4_000 });
    });

    test('is lost once, also when the invoice is given up', async () => {
      await one.say('uncollectible', [first()]);
      expect(await one.earnings()).toEqual(['reserved', 'written_off', 'written_off']);
      // 10.00 stayed.
      expect(await balances()).toEqual({
        ...{
          ...IN_TRANSIT,
          bad_debt: 4_000,
          exchange_margin: -2_200,
          stripe_available: 900,
          stripe_fees: 100,
        },
      });
    });

    test('is lost no more when the buyer pays for it again', async () => {
      const rest = one.charge(2, 5_000);
      await one.say('paid', [first(), rest]);
      await one.becomeAvailable([rest]);
      expect(await one.earnings()).toEqual(['reserved', 'written_off', 'written_off']);
      expect(await balances()).toEqual({
        ...{ ...IN_TRANSIT, exchange_margin: -3_200, stripe_available: 5_800, stripe_fees: 200 },
      });
    });
  });

  test('and won back does not keep an invoice that was given up from being paid after all', async () => {
    await one.move('dispute', 'dp_1', -4_000);
    await one.record('dp_1', 'dispute', 'needs_response');
    await one.move('dispute_reversal', 'dp_1', 4_000);
    await one.record('dp_1', 'dispute', 'won');
    await one.say('uncollectible', [first()]);
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'written_off']);
    const rest = one.charge(2, 5_000);
    await one.say('paid', [first(), rest]);
    expect(await one.earnings()).toEqual(['cleared', 'billed', 'billed']);
    await one.becomeAvailable([rest]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'cleared']);
    expect(await balances()).toEqual({ ...PAID, stripe_available: 11_800, stripe_fees: 200 });
  });

  test('in a dispute leaves its calls open until that is decided, also when the invoice is given up', async () => {
    await one.move('dispute', 'dp_1', -4_000, 1_500);
    await one.record('dp_1', 'dispute', 'needs_response');
    expect(await one.earnings()).toEqual(['billed', 'billed', 'billed']);
    await one.say('uncollectible', [first()]);
    expect(await one.earnings()).toEqual(['billed', 'written_off', 'written_off']);
    await one.record('dp_1', 'dispute', 'lost');
    expect(await one.earnings()).toEqual(['written_off', 'written_off', 'written_off']);
    expect(await balances()).toEqual({
      exchange_margin: -3_000,
      stripe_available: 1_400,
      stripe_fees: 1_600,
    });
  });
});

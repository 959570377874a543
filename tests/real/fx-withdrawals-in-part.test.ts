import { describe, expect, test } from 'vitest';
import { dateAfter, keepServer } from '../helpers/house.ts';
import { type InvoiceCharge, openInvoice } from '../helpers/one-invoice.ts';

keepServer();

describe('what is taken back of an invoice that is paid in part by a charge that settled in eur', () => {
  const EUR = { currency: 'eur', exchangeRate: '0.95' };
  /** Paid by a charge in usd and one that settled in eur, whose money is available. */
  async function paidBy(own: number, other: number) {
    const one = await openInvoice();
    const gross = Math.round(other * 0.9);
    const exchanged: InvoiceCharge = {
      ...one.charge(2, other),
      ...{ currency: 'eur', exchangeRate: '0.9', grossMinor: gross, netMinor: gross - 100 },
    };
    await one.say('open', [one.charge(1, own)]);
    await one.say('paid', [one.charge(1, own), exchanged]);
    await one.becomeAvailable([one.charge(1, own), exchanged]);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'billed']);
    return {
      ...one,
      /** A refund or a dispute of the second charge, by what it takes of the invoice. */
      async takeBack(id: string, kind: 'refund' | 'dispute', amountMinor: number): Promise<void> {
        await one.move(kind, id, -Math.round(amountMinor * 0.95), kind === 'dispute' ? 1_500 : 0, EUR);
        await one.record(id, kind, kind === 'refund' ? 'succeeded' : 'needs_response', {
          ...{ chargeId: 'ch_2', amountMinor },
        });
      },
      end: () => one.house.end(),
    };
  }

  test('takes nothing of what its charge in usd pays for', async () => {
    const one = await paidBy(9_000, 3_000);
    await one.takeBack('re_1', 'refund', 3_000);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'written_off']);
    expect(await one.plan()).toMatchObject({ planned: 1, amountMinor: 5_600 });
    await one.end();
  });

  test('leaves what waits for the money in eur to it, as far as that was not taken back', async () => {
    const one = await paidBy(8_000, 4_000);
    const waits = async () =>
      (await one.house.services.payouts.preview(dateAfter(2), one.house.clock.nowMs()))
        .filter(({ pays }) => !pays)
        .map(({ waitsFor }) => waitsFor);
    expect(await waits()).toEqual(['settled_in:eur']);
    await one.takeBack('dp_1', 'dispute', 4_000);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'billed']);
    expect(await waits()).toEqual([]);
    await one.move('dispute_reversal', 'dp_1', 3_900, -1_500, { currency: 'eur', exchangeRate: '0.975' });
    await one.record('dp_1', 'dispute', 'won', { chargeId: 'ch_2' });
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'billed']);
    expect(await waits()).toEqual(['settled_in:eur']);
    await one.end();
  });

  test('is more than was paid when a refunded charge is disputed whole: then the charge in usd pays for less', async () => {
    const one = await paidBy(8_500, 3_500);
    await one.takeBack('re_1', 'refund', 1_000);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'written_off']);
    await one.takeBack('dp_1', 'dispute', 3_500);
    expect(await one.earnings()).toEqual(['cleared', 'billed', 'written_off']);
    await one.record('dp_1', 'dispute', 'lost', { chargeId: 'ch_2' });
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'written_off']);
    await one.end();
  });

  test.each([
    { what: 'no rate', settled: { currency: 'eur', exchangeRate: null } },
    {
      what: 'a currency that its charge did not settle in',
      settled: { currency: 'usd', exchangeRate: null },
    },
  ])('is booked nowhere when it moved with $what, and is a break', async ({ settled }) => {
    const one = await paidBy(8_000, 4_000);
    await one.move('refund', 're_1', -950, 0, settled);
    await one.record('re_1', 'refund', 'succeeded', { chargeId: 'ch_2', amountMinor: 1_000 });
    expect(await one.house.sql("select template from journals where template like 'refund%'")).toEqual([]);
    expect(await one.house.sql('select state, currency from reconciliation_breaks')).toEqual([
      { state: 'open', currency: settled.currency },
    ]);
    await one.end();
  });
});

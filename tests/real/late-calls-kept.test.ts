import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { creditNotesOver } from '../helpers/credit-notes.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { DAILY, lateCallsIn, ORDER } from '../helpers/late-calls.ts';

keepServer();
let house: House;
const { callAt, outcomes, adjustments, unordered, idAt, closeDays, end } = lateCallsIn(() => house);
const { post, firstInvoice, states, payPart } = creditNotesOver(() => house);
const close = (date: string) => house.close(date);
type Road = Awaited<ReturnType<House['road']>>;
const TIERS = [
  { fromCall: 1, bps: 5_000 },
  { fromCall: 2, bps: 7_000 },
];
afterEach(async () => {
  expect(await end()).toEqual([]);
});

/** What buyers pay in a currency from now on is another one at Stripe. */
const exchange = (currency: 'eur' | 'usd' = 'eur', into: 'eur' | 'usd' = 'usd') =>
  house.simulator.faults.settleIn({ currency, into, rate: 1.5 });
async function approveDispute(hour: number): Promise<void> {
  const { adjustments: store } = house.services;
  const ids = [await idAt(hour)];
  await store.dispute(ids, 'buyer', 'wrong number', house.clock.nowMs());
  await store.decide(ids, true, 'ops', 'heard', house.clock.nowMs());
}

describe('a late call waits for none whose money settled in another currency', () => {
  /** Two calls of a day that are billed, and paid in another currency. */
  async function billed(): Promise<Road> {
    house = await openHouse(Date.UTC(2026, 10, 2, 18));
    exchange();
    const road = await house.road({ currency: 'eur', dailyCap: 2 });
    await callAt(road, [10, 11]);
    await close(dateAfter(0));
    return road;
  }
  const refused = [`9 ${DAILY}`, '10 2800', '11 2800'];

  test('and has none where the cap is full of such calls', async () => {
    await callAt(await billed(), [9], Date.parse(dateAfter(0)));
    await closeDays(1, 1);
    // Until its money is there nobody knows better.
    expect(await adjustments()).toEqual(['11 order invoice_not_paid']);
    expect(await unordered()).toEqual(['day']);
    await closeDays(2, 3);
    expect(await adjustments()).toEqual(['11 order dropped']);
    expect(await outcomes()).toEqual(refused);
    expect(await unordered()).toEqual([]);
  });

  test('nor for one that a person took back, and that waits for ever', async () => {
    const road = await billed();
    await approveDispute(11);
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(1, 1);
    expect(await unordered()).toEqual(['day']);
    await closeDays(2, 3);
    expect(await adjustments()).toEqual(['11 dispute invoice_not_paid']);
    expect(await outcomes()).toEqual(refused);
    expect(await unordered()).toEqual([]);
  });

  test('also where the rest of its invoice was given up', async () => {
    house = await openHouse(Date.UTC(2026, 10, 2, 18));
    exchange('usd', 'eur');
    const road = await house.road({ dailyCap: 2 });
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', paymentTermsDays: 14 }] });
    await callAt(road, [10, 11]);
    await close(dateAfter(0));
    await payPart(road.buyer.customer, 4_000);
    await closeDays(1, 2);
    await post(`/v1/invoices/${firstInvoice().id}/mark_uncollectible`);
    await closeDays(3, 3);
    expect(await states()).toEqual(['billed', 'written_off']);
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(4, 4);
    expect(await outcomes()).toEqual(refused);
    expect(await adjustments()).toEqual([]);
    expect(await unordered()).toEqual([]);
  });

  test('and takes the place of the newest whose price can be given back', async () => {
    house = await openHouse(Date.UTC(2026, 10, 28, 18));
    const road = await house.road({ currency: 'eur', monthlyCap: 3 });
    await callAt(road, [10, 11]);
    await close('2026-11-28');
    exchange();
    await callAt(road, [12], Date.UTC(2026, 10, 29));
    await close('2026-11-29');
    await callAt(road, [9], Date.UTC(2026, 10, 28));
    for (const date of ['2026-11-30', '2026-12-01', '2026-12-02', '2026-12-03']) await close(date);
    expect(await outcomes()).toEqual(['9 2800', '10 2800', '11 over-monthly-cap', '12 2800']);
    expect(await unordered()).toEqual([]);
  });

  test('and moves it up into its tier, but not one that a person took back', async () => {
    house = await openHouse(Date.UTC(2026, 10, 29, 18));
    exchange();
    const [road, other] = [
      await house.road({ currency: 'eur', supplierShareTiers: TIERS }),
      await house.road({ currency: 'eur', supplierShareTiers: TIERS }),
    ];
    await callAt(road, [10, 11]);
    await callAt(other, [20, 21]);
    for (const date of ['2026-11-29', '2026-11-30', '2026-12-01', '2026-12-02']) await close(date);
    await approveDispute(20);
    await callAt(road, [9], Date.UTC(2026, 10, 29));
    await callAt(other, [19], Date.UTC(2026, 10, 29));
    await close('2026-12-03');
    expect(await outcomes()).toEqual(['9 2000', '10 2800', '11 2800', '19 2000', '20 2000', '21 2800']);
    expect(await unordered()).toEqual([]);
  });
});

describe('calls whose money is lost', () => {
  beforeEach(async () => {
    house = await openHouse(Date.UTC(2026, 10, 2, 18));
  });
  const refund = (amount: number) => {
    const charge = house.simulator.journal.all('charge').at(-1);
    return post('/v1/refunds', { charge: charge?.id ?? '', amount: String(amount) });
  };

  test('have their places before a late one, and their day is looked at once more and no further', async () => {
    const road = await house.road({ dailyCap: 2 });
    await callAt(road, [10, 11]);
    await closeDays(0, 1);
    house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
    await refund(4_000);
    await closeDays(2, 2);
    expect(await states()).toEqual(['paid', 'written_off']);
    await callAt(road, [9], Date.parse(dateAfter(0)));
    expect((await close(dateAfter(3))).filter(({ job }) => job === ORDER)).toHaveLength(1);
    expect(await outcomes()).toEqual([`9 ${DAILY}`, '10 2800', '11 2800']);
    expect(await unordered()).toEqual([]);
    expect((await close(dateAfter(4))).filter(({ job }) => job === ORDER)).toEqual([]);
  });

  test('have them also when a person took them back since, which waits for ever', async () => {
    const road = await house.road({ dailyCap: 2 });
    await callAt(road, [10, 11]);
    await closeDays(0, 1);
    house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
    await refund(4_000);
    await closeDays(2, 2);
    await approveDispute(11);
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(3, 3);
    expect(await adjustments()).toEqual(['11 dispute written_off']);
    expect(await outcomes()).toEqual([`9 ${DAILY}`, '10 2800', '11 2800']);
    expect(await unordered()).toEqual([]);
  });

  test('may be won back: until the bank has decided, a late call waits for the one that a person took back', async () => {
    const road = await house.road({ dailyCap: 1, card: 'pm_card_createDispute' });
    await callAt(road, [11]);
    await closeDays(0, 2);
    expect(await states()).toEqual(['billed']);
    await approveDispute(11);
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(3, 3);
    expect(await adjustments()).toEqual(['11 dispute invoice_not_paid']);
    expect(await unordered()).toEqual(['day']);
    const [dispute] = house.simulator.journal.all('dispute');
    await post(`/v1/disputes/${dispute?.id}`, { 'evidence[uncategorized_text]': 'winning_evidence' });
    await closeDays(4, 6);
    expect(await outcomes()).toEqual(['9 2800', expect.not.stringContaining('2800')]);
    expect(await unordered()).toEqual([]);
  });

  test('make way for it when they are paid after all', async () => {
    const road = await house.road({ dailyCap: 2, card: 'pm_card_chargeCustomerFail' });
    await callAt(road, [10, 11]);
    await close(dateAfter(0));
    await post(`/v1/invoices/${firstInvoice().id}/mark_uncollectible`);
    await callAt(road, [9], Date.parse(dateAfter(0)));
    await closeDays(1, 2);
    expect(await states()).toEqual(['written_off', 'written_off']);
    expect(await unordered()).toEqual([]);
    await house.mendCard(road.buyer.customer ?? '');
    await post(`/v1/invoices/${firstInvoice().id}/pay`);
    const [ours] = await house.sql<{ id: string }>('select id from invoices');
    await house.services.billing.poke(ours?.id ?? '', 'hint', house.clock.nowMs());
    await house.work();
    expect(await unordered()).toEqual(['day']);
    await closeDays(3, 6);
    expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${DAILY}`]);
    expect(await unordered()).toEqual([]);
  });

  test.each([
    { what: 'of the same terms', caps: { monthlyCap: 2 }, nextCap: 9, refusal: 'over-monthly-cap' },
    { what: 'of the same day', caps: { dailyCap: 2, monthlyCap: 9 }, nextCap: null, refusal: DAILY },
  ])('have their places before others $what alone', async ({ caps, nextCap, refusal }) => {
    house.advanceTo(Date.UTC(2026, 10, 28, 18));
    const road = await house.road(caps);
    if (nextCap !== null) {
      const price = { priceMinor: 4_000, supplierShareBps: 7_000, currency: 'usd', minDurationS: 30 };
      const facts = { id: randomUUID(), campaignId: road.id, validFromMs: Date.UTC(2026, 10, 29) };
      await house.put({ terms: [{ ...facts, ...price, duplicateWindowS: 0, monthlyCap: nextCap }] });
    }
    await callAt(road, [10, 11]);
    await close('2026-11-28');
    await callAt(road, [12], Date.UTC(2026, 10, 29));
    for (const date of ['2026-11-29', '2026-11-30', '2026-12-01', '2026-12-02']) await close(date);
    await refund(1_000);
    await close('2026-12-03');
    expect(await house.sql('select state from withdrawals')).toEqual([{ state: 'final' }]);
    await callAt(road, [9], Date.UTC(2026, 10, 28));
    await close('2026-12-04');
    expect(await outcomes()).toEqual(['9 2800', '10 2800', `11 ${refusal}`, '12 2800']);
    expect(await unordered()).toEqual([]);
  });
});

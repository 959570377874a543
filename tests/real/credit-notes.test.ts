import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { balancesOf, postingsOf } from '../helpers/books.ts';
import { BILL, creditNotesOver, HOUR_MS } from '../helpers/credit-notes.ts';
import { DAY_MS, dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const {
  post,
  expectRight,
  states,
  callIds,
  notes,
  waits,
  invoiceState,
  firstInvoice,
  notesAtStripe,
  charged,
  transfers,
  openInvoice,
  approve,
  planNote,
  payRest,
  payPart,
} = creditNotesOver(() => house);

describe('a call on an invoice that is open', () => {
  test('is taken off it by a credit note, for both sides; the rest is paid and its supplier too', async () => {
    const { ids } = await openInvoice(2);
    await approve(ids[0] ?? '');
    await house.work();
    expect(notesAtStripe()).toEqual([4_000]);
    expect(firstInvoice()).toMatchObject({ status: 'open', amount_remaining: 4_000, total: 8_000 });
    expect(await states()).toEqual(['clawed_back', 'billed']);
    expect((await postingsOf(house.sql)).filter((posting) => posting.startsWith('adjustment '))).toEqual([
      'adjustment supplier_pending 2800',
      'adjustment exchange_margin 1200',
      'adjustment buyer_receivable -4000',
    ]);
    expect(await balancesOf(house.sql)).toMatchObject({ buyer_receivable: 4_000, supplier_pending: -2_800 });
    await expectRight();
    await payRest();
    for (const night of [1, 2, 3]) await house.close(dateAfter(night));
    expect(await invoiceState()).toBe('paid');
    expect(charged()).toEqual([4_000]);
    expect(transfers()).toEqual([2_800]);
    await expectRight();
  });

  test('that was declined is taken off before it is charged again', async () => {
    const road = await house.road({ card: 'pm_card_chargeCustomerFail' });
    for (const hour of [2, 1])
      await house.call({ number: road.number, startedAtMs: house.clock.nowMs() - hour * HOUR_MS });
    await house.close(dateAfter(0));
    await approve((await callIds())[0] ?? '');
    await house.mendCard(road.buyer.customer ?? '');
    for (const night of [1, 2, 3]) await house.close(dateAfter(night));
    expect(notesAtStripe()).toEqual([4_000]);
    expect(charged()).toEqual([4_000]);
    expect(transfers()).toEqual([2_800]);
    await expectRight();
  });

  test('each of them: the invoice is paid, and nobody was charged', async () => {
    const { ids } = await openInvoice(2);
    await approve(...ids);
    await house.work();
    expect(notesAtStripe()).toEqual([4_000, 4_000]);
    expect(firstInvoice()).toMatchObject({ status: 'paid', amount_remaining: 0 });
    expect(await invoiceState()).toBe('paid');
    expect(await states()).toEqual(['clawed_back', 'clawed_back']);
    expect(await balancesOf(house.sql)).toEqual({});
    for (const night of [1, 2]) await house.close(dateAfter(night));
    expect(charged()).toEqual([]);
    await expectRight();
  });

  test('is credit on the next invoice where its own was paid before the note came to Stripe', async () => {
    const { ids, number } = await openInvoice(2);
    await planNote(ids[0] ?? '');
    expect(await waits()).toEqual(['credit_note']);
    await payRest();
    await house.work();
    expect(await notes()).toMatchObject([{ state: 'failed' }]);
    expect(notesAtStripe()).toEqual([]);
    expect(charged()).toEqual([8_000]);
    for (const night of [1, 2]) await house.close(dateAfter(night));
    await house.call({ number });
    await house.call({ number });
    await house.close(dateAfter(3));
    expect(house.simulator.journal.all('invoice').map(({ total }) => total)).toEqual([8_000, 4_000]);
    await expectRight();
  });

  test('that a part was paid of is taken off the rest, and what was paid covers the other calls', async () => {
    const { ids, buyer } = await openInvoice(2);
    await payPart(buyer.customer, 4_000);
    await house.close(dateAfter(1));
    await planNote(ids[0] ?? '');
    // Before Stripe makes the note, the part is available and clears the oldest call, which is the one that is given back.
    house.advance(3 * DAY_MS);
    const nowMs = house.clock.nowMs();
    await house.sql('select clear_charges($1, $2, $2)', [dateAfter(2), nowMs]);
    expect(await states()).toEqual(['cleared', 'billed']);
    await house.work();
    expect(await states()).toEqual(['clawed_back', 'cleared']);
    expect(firstInvoice()).toMatchObject({ status: 'paid', amount_paid: 4_000, amount_due: 4_000 });
    expect(await invoiceState()).toBe('paid');
    await house.tick();
    await house.work();
    expect(transfers()).toEqual([2_800]);
    await expectRight();
  });

  test('waits until it is paid where less than its price is left, or less than Stripe charges would be', async () => {
    const { ids, buyer } = await openInvoice(2);
    await payPart(buyer.customer, 3_980);
    await house.close(dateAfter(1));
    await approve(ids[1] ?? '');
    await house.work();
    // 40.20 are left: the note would leave 0.20.
    expect(await waits()).toEqual(['invoice_not_paid']);
    await payPart(buyer.customer, 1_000);
    await house.close(dateAfter(2));
    expect(await waits()).toEqual(['invoice_not_paid']);
    expect(await notes()).toEqual([]);
    await payRest();
    await house.close(dateAfter(3));
    await house.close(dateAfter(5));
    expect(await waits()).toEqual(['posted']);
    await expectRight();
  });

  test('by late facts that are taken back meanwhile is credited all the same, and is on the next invoice', async () => {
    const { number } = await openInvoice(2);
    const [call] = await house.sql<{ callId: string; startedAtMs: number }>(
      'select external_id as "callId", app.ms(started_at) as "startedAtMs" from calls order by started_at',
    );
    const facts = { number, callId: '', startedAtMs: 0, ...call, caller: '+12127361234' };
    await house.call({ ...facts, durationS: 5 });
    await house.work({}, [BILL]);
    expect(await waits()).toEqual(['credit_note']);
    house.advance(1_000);
    await house.call(facts);
    await house.work();
    expect(notesAtStripe()).toEqual([4_000]);
    expect(await states()).toEqual(['accrued', 'clawed_back', 'billed']);
    await expectRight();
    await house.close(dateAfter(1));
    expect(house.simulator.journal.all('invoice').map(({ total }) => total)).toEqual([8_000, 4_000]);
    await expectRight();
  });
});

describe('what became of an invoice with credit notes', () => {
  test.each(['void', 'mark_uncollectible'])('%s: only what was left of it is written off', async (end) => {
    const { ids } = await openInvoice(2);
    await approve(ids[0] ?? '');
    await house.work();
    await post(`/v1/invoices/${firstInvoice().id}/${end}`);
    await house.close(dateAfter(1));
    expect(await states()).toEqual(['clawed_back', 'written_off']);
    expect(await balancesOf(house.sql)).toEqual({});
    await expectRight();
  });

  test('given up before the note came to Stripe: the call waits, and nothing is given back twice', async () => {
    const { ids } = await openInvoice(2);
    await planNote(ids[0] ?? '');
    await post(`/v1/invoices/${firstInvoice().id}/void`);
    await house.work();
    expect(await notes()).toMatchObject([{ state: 'failed' }]);
    await house.close(dateAfter(1));
    expect(await states()).toEqual(['written_off', 'written_off']);
    expect(await waits()).toEqual(['written_off']);
    expect(await balancesOf(house.sql)).toEqual({});
    await expectRight();
  });

  test('refunded of what was paid: the other call ends, and the credited one is not given back again', async () => {
    const { ids } = await openInvoice(2);
    await approve(ids[0] ?? '');
    await house.work();
    await payRest();
    await house.services.payouts.stop(true, 'ops', 'a look', house.clock.nowMs());
    for (const night of [1, 2]) await house.close(dateAfter(night));
    const charge = house.simulator.journal.all('charge').find(({ paid }) => paid);
    await post('/v1/refunds', { charge: charge?.id ?? '', amount: '3800' });
    await house.close(dateAfter(3));
    expect(await states()).toEqual(['clawed_back', 'written_off']);
    await expectRight();
  });
});

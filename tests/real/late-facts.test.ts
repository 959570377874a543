import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { balancesOf, postingsOf } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const HOUR_MS = 3_600_000;
const CALLER = '+12127361234';

/** Everything agrees: the books with themselves, with Stripe, and Stripe with itself. */
async function expectRight(): Promise<void> {
  const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  expect(failures).toEqual([]);
  expect(house.simulator.journal.check()).toEqual([]);
}

const states = async () =>
  (
    await house.sql<{ state: string; price: number }>(
      'select state, price_minor as price from earnings order by started_at, state, id',
    )
  ).map(({ state, price }) => `${state} ${price}`);
const waiting = () => house.sql('select cause, state, waits_for from adjustments order by asked_at');
const totals = () => house.simulator.journal.all('invoice').map(({ total }) => total);

/** A call an hour ago, and what its report says later about it. */
async function callThat({ number }: { number: string }, durationS: number) {
  const startedAtMs = house.clock.nowMs() - HOUR_MS;
  const call = { number, callId: `call-${startedAtMs}`, caller: CALLER, startedAtMs };
  await house.call({ ...call, durationS, statedAtMs: startedAtMs + 60_000 });
  await house.work();
  return (facts: { durationS: number }, after = 120_000) =>
    house.call({ ...call, ...facts, statedAtMs: startedAtMs + after });
}

describe('facts that come after rating', () => {
  test('and change the price are rated anew: the old journal is posted back, and none is edited', async () => {
    const report = await callThat(await house.road({ priceMinor: 5, incrementS: 6, minimumS: 60 }), 61);
    await report({ durationS: 120 });
    await house.work();
    expect(await states()).toEqual(['accrued 100', 'clawed_back 55']);
    expect(await balancesOf(house.sql)).toEqual({
      ...{ buyer_unbilled: 100, exchange_margin: -30, supplier_pending: -70 },
    });
    expect(await house.sql('select duration_s, late_facts from calls')).toEqual([
      { duration_s: 120, late_facts: null },
    ]);
    await house.close(dateAfter(0));
    expect(totals()).toEqual([100]);
    await expectRight();
  });

  test('and change nothing that is owed post nothing', async () => {
    const report = await callThat(await house.road({ priceMinor: 5, incrementS: 6, minimumS: 60 }), 61);
    await report({ durationS: 65 });
    await house.work();
    expect(await states()).toEqual(['accrued 55']);
    expect(await postingsOf(house.sql)).toHaveLength(3);
    await expectRight();
  });

  test('and show that a call was none end it, and let a rejected one qualify', async () => {
    const road = await house.road();
    const report = await callThat(road, 90);
    await report({ durationS: 5 });
    await house.work();
    expect(await states()).toEqual(['clawed_back 4000']);
    expect(await balancesOf(house.sql)).toEqual({});
    await report({ durationS: 200 }, 180_000);
    await house.work();
    expect(await states()).toEqual(['accrued 4000', 'clawed_back 4000']);
    expect(await house.sql('select calls from paid_counts')).toEqual([{ calls: 1 }]);
    await expectRight();
  });

  test('on an invoice whose money is not there yet wait for it, and are dropped when they are taken back before', async () => {
    const road = await house.road({
      priceMinor: 5,
      incrementS: 6,
      minimumS: 60,
    });
    const report = await callThat(road, 600);
    await house.close(dateAfter(0));
    await report({ durationS: 60 });
    await house.work();
    expect(await waiting()).toEqual([{ cause: 'facts', state: 'waiting', waits_for: 'invoice_not_paid' }]);
    await expectRight();
    await report({ durationS: 600 }, 180_000);
    await house.work();
    expect(await waiting()).toEqual([{ cause: 'facts', state: 'dropped', waits_for: null }]);
    expect(await states()).toEqual(['billed 500']);
    await expectRight();
  });
});

describe('after an operator discarded the dead letter of a call that was looked at again', () => {
  const ADJUST = 'fraud.adjust-call';
  /** The letter of the only call, which its job died of while something was asked of the call. */
  async function dieAndDiscard(): Promise<void> {
    const { adjustments, deadLetters, work } = house.services;
    const broken = { ...adjustments, adjust: () => Promise.reject(new Error('a fault of our own')) };
    await house.work({ adjustments: broken });
    const [letter] = await deadLetters.list({ jobs: [ADJUST] }, { afterId: null, limit: 1 });
    const nowMs = house.clock.nowMs();
    expect(await work.discard({ id: letter?.id ?? '', by: 'ops', reason: 'not now', nowMs })).toBe(true);
  }

  test('newer facts change what it owes', async () => {
    const report = await callThat(await house.road({ priceMinor: 5, incrementS: 6, minimumS: 60 }), 61);
    await report({ durationS: 120 });
    await dieAndDiscard();
    expect(await states()).toEqual(['accrued 55']);
    await report({ durationS: 240 }, 180_000);
    await house.work();
    expect(await states()).toEqual(['accrued 200', 'clawed_back 55']);
    await expectRight();
  });

  test('what was asked of it is done by the next close', async () => {
    await callThat(await house.road(), 90);
    const [call] = await house.sql<{ id: string }>('select id from calls');
    await house.services.adjustments.ask(call?.id ?? '', 'ops', 'fraud', house.clock.nowMs());
    await dieAndDiscard();
    await house.work();
    expect(await states()).toEqual(['accrued 4000']);
    await house.close(dateAfter(0));
    expect(await states()).toEqual(['clawed_back 4000']);
    expect(totals()).toEqual([]);
    await expectRight();
  });
});

describe('facts that lower the price of a call that is paid for, of a buyer without further calls', () => {
  const BILL = 'billing.bill-buyer';
  const transfers = () => house.simulator.journal.all('transfer').map(({ amount }) => amount);
  const credits = async () =>
    (
      await house.sql<{ amount: number; open: boolean }>(
        'select amount_minor as amount, invoice_id is null as open from credits order by open, amount_minor',
      )
    ).map(({ amount, open }) => `${amount} ${open ? 'open' : 'taken off'}`);
  const journals = () => house.sql('select key from journals order by id');

  /** A call of 5.00, 3.50 of it the supplier's, that is paid for and half as long as it was said; what is put off is done by closes. */
  async function halve({ isHeld }: { isHeld: boolean }) {
    const road = await house.road({ priceMinor: 5, incrementS: 6, minimumS: 60 });
    const hold = (held: boolean) =>
      house.services.payouts.hold(road.supplier.id, held, 'ops', 'a look', house.clock.nowMs());
    if (isHeld) await hold(true);
    const report = await callThat(road, 600);
    for (const night of [0, 1, 2]) await house.close(dateAfter(night));
    expect(await states()).toEqual([isHeld ? 'cleared 500' : 'paid 500']);
    await report({ durationS: 300 });
    await house.work();
    expect(await states()).toEqual(['accrued 250', 'clawed_back 500']);
    if (isHeld) await hold(false);
    return road;
  }

  test('have the supplier paid its new share by the next close, and leave the buyer the difference as credit', async () => {
    const { number } = await halve({ isHeld: true });
    const [preview] = await house.services.billing.preview(dateAfter(3));
    expect(preview).toMatchObject({ calls: 1, creditMinor: 250, amountMinor: 0, reason: null });
    await house.close(dateAfter(3));
    expect({ paid: transfers(), states: await states() }).toEqual({
      paid: [175],
      states: ['clawed_back 500', 'paid 250'],
    });
    expect(await credits()).toEqual(['250 taken off', '250 open']);
    expect(await balancesOf(house.sql)).toMatchObject({ buyer_unbilled: -250, exchange_margin: -75 });
    // Stripe has never seen an invoice of nothing.
    expect(totals()).toEqual([500]);
    await expectRight();
    await house.call({ number, startedAtMs: house.clock.nowMs() - HOUR_MS, durationS: 600 });
    for (const night of [4, 5, 6]) await house.close(dateAfter(night));
    expect({ totals: totals(), paid: transfers() }).toEqual({ totals: [500, 250], paid: [175, 350] });
    expect(await credits()).toEqual(['250 taken off', '250 taken off']);
    await expectRight();
  });

  test('after the supplier was paid have it owed the new share at once, and owe the old one', async () => {
    await halve({ isHeld: false });
    await house.close(dateAfter(3));
    await house.close(dateAfter(4));
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_debt: 350, supplier_payable: -175 });
    expect(await balancesOf(house.sql)).not.toHaveProperty('supplier_pending');
    expect(transfers()).toEqual([350]);
    await expectRight();
  });

  test('are settled once, whatever step the job is killed at, and a second run changes nothing', async () => {
    await halve({ isHeld: true });
    await house.begin(dateAfter(3));
    await house.work({}, [BILL]);
    const [invoice] = await house.sql<{ id: string }>("select id from invoices where state = 'planned'");
    await expectRight();
    const item = await house.row(BILL, invoice?.id ?? '');
    expect(await dieAtEachStep(house, item)).toEqual(['billing.claim', 'work.finish']);
    const posted = await journals();
    expect(await house.run(item)).toMatchObject({ end: 'finish', code: 'paid' });
    expect(await journals()).toEqual(posted);
    await house.close(dateAfter(3));
    expect(transfers()).toEqual([175]);
    await house.close(dateAfter(4));
    expect(await credits()).toEqual(['250 taken off', '250 open']);
    await expectRight();
  });
});

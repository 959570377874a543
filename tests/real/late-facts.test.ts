import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { balancesOf, postingsOf } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';

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

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { balancesOf, postingsOf } from '../helpers/books.ts';
import { DAY_MS, dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { killing, type When } from '../helpers/killing.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

type Road = Awaited<ReturnType<House['road']>>;
const HOUR_MS = 3_600_000;
const ADJUST = 'fraud.adjust-call';

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
const callIds = async () =>
  (await house.sql<{ id: string }>('select id from calls order by started_at')).map(({ id }) => id);
const waiting = () => house.sql('select cause, state, waits_for from adjustments order by asked_at');
const totals = () => house.simulator.journal.all('invoice').map(({ total }) => total);
const transfers = () => house.simulator.journal.all('transfer').map(({ amount }) => amount);

/** Two calls of one buyer on the first day, 40.00 each, 28.00 of them the supplier's; the first nights are closed. */
async function twoCalls(nights: number): Promise<{ road: Road; first: string; second: string }> {
  const road = await house.road();
  for (const hour of [2, 1]) {
    await house.call({ number: road.number, startedAtMs: house.clock.nowMs() - hour * HOUR_MS });
  }
  await house.work();
  for (let night = 0; night < nights; night += 1) await house.close(dateAfter(night));
  const [first = '', second = ''] = await callIds();
  return { road, first, second };
}

/** Calls of a later day, and its close. */
async function anotherDay(road: Road, day: number, calls: number): Promise<void> {
  house.advanceTo(Date.parse(`${dateAfter(day)}T10:00:00Z`));
  for (let nth = 0; nth < calls; nth += 1) {
    await house.call({ number: road.number, startedAtMs: house.clock.nowMs() - (nth + 1) * 60_000 });
  }
  await house.close(dateAfter(day));
}

const take = async (callId: string, reason = 'fraud was found') => {
  await house.services.adjustments.ask(callId, 'ops', reason, house.clock.nowMs());
  await house.work();
};

describe('a call that is taken out of the books', () => {
  test('before its invoice is on none', async () => {
    const { first } = await twoCalls(0);
    await take(first);
    await house.close(dateAfter(0));
    expect(totals()).toEqual([4_000]);
    expect(await house.sql('select status from calls order by started_at')).toEqual([
      { status: 'rejected' },
      { status: 'qualified' },
    ]);
    await expectRight();
  });

  test('after it was paid for is credit on the next invoice, and its share is not paid out', async () => {
    const { road, first } = await twoCalls(1);
    await take(first);
    expect(await waiting()).toMatchObject([{ state: 'waiting', waits_for: 'invoice_not_paid' }]);
    await house.close(dateAfter(1));
    await house.close(dateAfter(2));
    // The money was there, and the call was kept out of the payout.
    expect(transfers()).toEqual([2_800]);
    await expectRight();
    await anotherDay(road, 3, 3);
    expect(await waiting()).toMatchObject([{ state: 'posted' }]);
    expect(totals()).toEqual([8_000, 8_000]);
    const items = house.simulator.journal
      .all('invoiceitem')
      .map(({ amount, description }) => `${amount} ${description}`);
    expect(items.slice(-2)).toEqual([
      expect.stringMatching(/^12000 .*: 3 calls$/),
      '-4000 Credit for 1 calls',
    ]);
    await expectRight();
  });

  test('after its supplier was paid is owed by the supplier, and kept of its next payouts', async () => {
    const { road, first } = await twoCalls(3);
    expect(transfers()).toEqual([5_600]);
    await take(first);
    expect(await states()).toEqual(['clawed_back 4000', 'paid 4000']);
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_debt: 2_800, buyer_unbilled: -4_000 });
    await expectRight();
    await anotherDay(road, 3, 2);
    await house.close(dateAfter(4));
    await house.close(dateAfter(5));
    expect(transfers()).toEqual([5_600, 2_800]);
    expect(await balancesOf(house.sql)).not.toHaveProperty('supplier_debt');
    await expectRight();
  });

  test('leaves a debt of more than was earned since, and pays nothing until it is earned', async () => {
    const { road, first, second } = await twoCalls(3);
    for (const id of [first, second]) await take(id);
    await anotherDay(road, 3, 3);
    await house.close(dateAfter(4));
    await house.close(dateAfter(5));
    // 3 × 28.00 earned, 2 × 28.00 owed.
    expect(transfers()).toEqual([5_600, 2_800]);
    await expectRight();
  });

  test('gives no more credit than there is to take it off: the rest waits for more calls', async () => {
    const { road, first, second } = await twoCalls(3);
    for (const id of [first, second]) await take(id);
    await anotherDay(road, 3, 2);
    expect(totals()).toEqual([8_000]);
    await anotherDay(road, 4, 1);
    expect(totals()).toEqual([8_000, 4_000]);
    await expectRight();
  });

  test('gave credit that a later refund of its invoice does not pay twice: what is left of the invoice is covered no more', async () => {
    const { road, first } = await twoCalls(1);
    await house.services.payouts.hold(road.supplier.id, true, 'ops', 'a look', house.clock.nowMs());
    for (const night of [1, 2]) await house.close(dateAfter(night));
    await take(first);
    expect(await states()).toEqual(['clawed_back 4000', 'cleared 4000']);
    const [charge] = house.simulator.journal.all('charge');
    const refund = { charge: charge?.id ?? '', amount: '4000' };
    expect((await rawApi(house.simulator.url, SECRET_KEY)('POST', '/v1/refunds', refund)).status).toBe(200);
    await house.close(dateAfter(3));
    expect(await states()).toEqual(['clawed_back 4000', 'written_off 4000']);
    await expectRight();
  });

  test('is withheld from a payout that was planned with it', async () => {
    const { first } = await twoCalls(2);
    await house.begin(dateAfter(2));
    await house.work({}, ['payouts.pay-supplier']);
    await house.services.adjustments.ask(first, 'ops', 'fraud', house.clock.nowMs());
    expect(await house.sql('select state from payouts')).toEqual([{ state: 'withheld' }]);
    await house.work();
    await house.close(dateAfter(3));
    expect(transfers()).toEqual([2_800]);
    await expectRight();
  });

  test('is posted once, whatever step its job is killed at', async () => {
    const { second } = await twoCalls(0);
    await house.services.adjustments.ask(second, 'ops', 'fraud', house.clock.nowMs());
    for (const [index] of [
      'calls.scoringContext',
      'fraud.ruleSets',
      'adjustments.adjust',
      'work.finish',
    ].entries()) {
      for (const when of ['before', 'after'] satisfies When[]) {
        const deadly = killing(house.services, { call: index + 1, when });
        expect(await house.run(await house.row(ADJUST, second), deadly.services)).toMatchObject({
          end: 'killed',
        });
      }
    }
    await house.work();
    expect(await states()).toEqual(['accrued 4000', 'clawed_back 4000']);
    await expectRight();
  });

  test('above the limit waits for another person than the one who asked', async () => {
    const { first: id } = await twoCalls(0);
    await house.sql('update settings set approval_limit_minor = 3999');
    const { adjustments } = house.services;
    const asked = await adjustments.ask(id, 'ops', 'fraud', house.clock.nowMs());
    expect(asked).toMatchObject({ asked: true, state: 'waiting_approval' });
    expect(await adjustments.ask(id, 'ops', 'again', house.clock.nowMs())).toMatchObject({ asked: false });
    await house.work();
    expect(await states()).toEqual(['accrued 4000', 'accrued 4000']);
    const approve = (by: string) => adjustments.approve(asked.id, by, 'looked at', house.clock.nowMs());
    await expect(approve('ops')).rejects.toMatchObject({ code: 'APPROVAL_REFUSED' });
    expect(await approve('another')).toEqual({ approved: true, state: 'waiting' });
    expect(await approve('another')).toMatchObject({ approved: false });
    await house.work();
    expect(await states()).toEqual(['clawed_back 4000', 'accrued 4000']);
    await expectRight();
  });
});

describe("a buyer's dispute of a call", () => {
  const dispute = (ids: readonly string[]) =>
    house.services.adjustments.dispute(ids, 'the buyer', 'a wrong number', house.clock.nowMs());
  const decide = (ids: readonly string[], approve: boolean) =>
    house.services.adjustments.decide(ids, approve, 'ops', 'listened to it', house.clock.nowMs());
  const results = (answers: readonly { result: string }[]) => answers.map(({ result }) => result);

  test('keeps it off invoices until it is decided; denied, it is invoiced and paid like any other', async () => {
    const { first } = await twoCalls(0);
    expect(results(await dispute([first, first]))).toEqual(['opened', 'disputed']);
    await house.close(dateAfter(0));
    expect(totals()).toEqual([4_000]);
    expect(results(await decide([first], false))).toEqual(['denied']);
    expect(results(await decide([first], true))).toEqual(['not_open']);
    for (const day of [1, 2, 3, 4]) await house.close(dateAfter(day));
    expect(totals()).toEqual([4_000, 4_000]);
    expect(transfers()).toEqual([2_800, 2_800]);
    await expectRight();
  });

  test('that is approved for one of two calls reverses both sides of that one', async () => {
    const { road, first, second } = await twoCalls(3);
    expect(results(await dispute([first, second]))).toEqual(['opened', 'opened']);
    expect(results(await decide([first], true))).toEqual(['approved']);
    expect(results(await decide([second], false))).toEqual(['denied']);
    await house.work();
    expect(await states()).toEqual(['clawed_back 4000', 'paid 4000']);
    const posted = (await postingsOf(house.sql)).filter((posting) => posting.startsWith('adjustment '));
    expect(posted).toEqual([
      ...[
        'adjustment supplier_debt 2800',
        'adjustment exchange_margin 1200',
        'adjustment buyer_unbilled -4000',
      ],
    ]);
    await anotherDay(road, 3, 2);
    expect(totals()).toEqual([8_000, 4_000]);
    await expectRight();
  });

  test('comes too late after the days that the settings give, and is of rated calls only', async () => {
    const { first, second } = await twoCalls(1);
    house.advance(31 * DAY_MS);
    expect(results(await dispute([first, second]))).toEqual(['too_late', 'too_late']);
    await expect(dispute(['00000000-0000-4000-8000-000000000000'])).rejects.toMatchObject({
      code: 'CALL_UNKNOWN',
    });
  });
});

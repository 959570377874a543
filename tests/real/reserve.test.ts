import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Parties } from '../../src/integrations/supabase/operations.ts';
import { balancesOf } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';

keepServer();
let house: House;
let supplierId: string;
let number: string;

/** A call of 40.00, of which the supplier is paid on the third night: 28.00, and a tenth of it is held for two days. */
beforeEach(async () => {
  house = await openHouse();
  const road = await house.road();
  supplierId = road.supplier.id;
  number = road.number;
  await agree({ reserveBps: 1_000, reserveDays: 2 });
  await house.call({ number, callId: 'first', startedAtMs: house.clock.nowMs() - 3_600_000 });
  for (const night of [0, 1]) await house.close(dateAfter(night));
});
afterEach(() => house.end());

const agree = (terms: Partial<Parties['suppliers'][number]>) =>
  house.put({ suppliers: [{ id: supplierId, name: 'Supplier', ...terms }] });
const sentAmounts = () => house.simulator.journal.all('transfer').map(({ amount }) => amount);
const held = () =>
  house.sql(
    'select amount_minor as amount, release_on::text as "releaseOn" from supplier_reserves order by 2',
  );
const releases = () => house.sql("select amounts from journals where template = 'reserve_release'");
async function payOnce(): Promise<void> {
  for (const night of [2, 3]) await house.close(dateAfter(night));
}

/** Everything agrees: the books with themselves, with Stripe, and Stripe with itself. */
async function expectRight(): Promise<void> {
  const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  expect(failures).toEqual([]);
  expect(house.simulator.journal.check()).toEqual([]);
}

describe('the reserve of a supplier', () => {
  test('is held of a payout and paid so many days after its date, without a reserve of it', async () => {
    await house.close(dateAfter(2));
    expect(sentAmounts()).toEqual([2_520]);
    expect(await held()).toEqual([{ amount: 280, releaseOn: dateAfter(4) }]);
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_reserve: -280 });
    await expectRight();
    await house.close(dateAfter(3));
    expect(sentAmounts()).toEqual([2_520]);
    await house.close(dateAfter(4));
    expect(sentAmounts()).toEqual([2_520, 280]);
    expect(await held()).toEqual([{ amount: 280, releaseOn: dateAfter(4) }]);
    const balances = await balancesOf(house.sql);
    expect(balances).not.toHaveProperty('supplier_reserve');
    expect(balances).not.toHaveProperty('supplier_payable');
    await expectRight();
  });

  test('is taken of new earnings alone when they are paid together with what is released', async () => {
    await house.call({ number });
    for (const night of [2, 3, 4]) await house.close(dateAfter(night));
    expect(sentAmounts()).toEqual([2_520, 2_520 + 280]);
    expect((await held()).map(({ amount }) => amount)).toEqual([280, 280]);
    await expectRight();
  });

  test('of a payout that Stripe refuses is given back with it, and held anew of the next', async () => {
    house.simulator.faults.add({ kind: 'refuse', pathPrefix: '/v1/transfers', count: 1 });
    await house.close(dateAfter(2));
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_payable: -2_800 });
    expect(await held()).toEqual([]);
    await expectRight();
    await house.close(dateAfter(3));
    expect(sentAmounts()).toEqual([2_520]);
    expect(await held()).toEqual([{ amount: 280, releaseOn: dateAfter(5) }]);
    await expectRight();
  });

  test('of a payout that is not sent yet is not released, and of one that was sent once, however often a date is planned', async () => {
    await agree({ reserveDays: 0 });
    await house.begin(dateAfter(2));
    await house.work({}, ['payouts.pay-supplier']);
    const { payouts, clock } = house.services;
    const [row] = await house.sql<{ id: string }>('select id from payouts');
    await payouts.claim(row?.id ?? '', clock.nowMs());
    await payouts.plan(dateAfter(2), clock.nowMs());
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_reserve: -280 });
    await house.work();
    for (let times = 0; times < 2; times += 1) await payouts.plan(dateAfter(2), clock.nowMs());
    expect(await releases()).toEqual([{ amounts: { amount: 280 } }]);
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_payable: -280 });
    await house.close(dateAfter(3));
    expect(sentAmounts()).toEqual([2_520, 280]);
    await expectRight();
  });

  test('is released once by a plan that is killed before and after each step', async () => {
    await payOnce();
    await house.begin(dateAfter(4));
    await house.work({}, ['payouts.plan-payouts']);
    const steps = await dieAtEachStep(house, await house.row('payouts.plan-payouts', dateAfter(4)));
    expect(steps).toContain('payouts.plan');
    await house.work();
    expect(await releases()).toEqual([{ amounts: { amount: 280 } }]);
    expect(sentAmounts()).toEqual([2_520, 280]);
    await expectRight();
  });

  test('that is held keeps its amount and its date when the terms change', async () => {
    await house.close(dateAfter(2));
    await agree({ reserveBps: 0, reserveDays: 300 });
    for (const night of [3, 4]) await house.close(dateAfter(night));
    expect(sentAmounts()).toEqual([2_520, 280]);
    await expectRight();
  });

  test('that is released waits for the minimum of a payout like anything that is owed', async () => {
    await payOnce();
    await agree({ payoutMinimums: { usd: 281 } });
    await house.close(dateAfter(4));
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_payable: -280 });
    await agree({ payoutMinimums: { usd: 280 } });
    await house.close(dateAfter(5));
    expect(sentAmounts()).toEqual([2_520, 280]);
    await expectRight();
  });

  test('serves no debt while it is held, and does when it is released', async () => {
    await payOnce();
    const [call] = await house.sql<{ id: string }>('select id from calls');
    await house.services.adjustments.ask(call?.id ?? '', 'ops', 'fraud', house.clock.nowMs());
    await house.work();
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_debt: 2_800, supplier_reserve: -280 });
    await house.close(dateAfter(4));
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_debt: 2_800, supplier_payable: -280 });
    expect(sentAmounts()).toEqual([2_520]);
    const waits = await house.services.payouts.preview(dateAfter(5), house.clock.nowMs());
    expect(waits).toMatchObject([{ waitsFor: 'owes_more', reserveMinor: 0 }]);
    await expectRight();
  });

  test('is shown before the plan, when it is held, and on the date that releases it', async () => {
    const { payouts, clock } = house.services;
    await house.begin(dateAfter(2));
    await house.work({}, ['payouts.plan-payouts']);
    const before = await payouts.preview(dateAfter(2), clock.nowMs());
    expect(before).toMatchObject([{ amountMinor: 2_520, reserveMinor: 280, pays: true }]);
    await house.work();
    const [row] = await house.sql<{ id: string }>('select id from payouts');
    const shown = await payouts.show(row?.id ?? '');
    expect(shown).toMatchObject({
      amountMinor: 2_520,
      reserveMinor: 280,
      reserveReleasedOn: dateAfter(4),
    });
    const after = await payouts.preview(dateAfter(4), clock.nowMs());
    expect(after).toMatchObject([{ amountMinor: 280, reserveMinor: 0, pays: true }]);
    expect(await payouts.preview(dateAfter(3), clock.nowMs())).toEqual([]);
  });
});

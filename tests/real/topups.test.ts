import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { type House, Killed, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { WALLET, walletsOver } from '../helpers/wallets.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const { post, charged, statuses, states, wallet, topups, expectRight, prepaid, calls, night, useCard } =
  walletsOver(() => house);

describe('money of a wallet that is taken back at Stripe', () => {
  test('by a refund takes back what it no longer covers, the newest call first', async () => {
    await calls(await prepaid('pm_card_visa', { ...WALLET, lowWaterMinor: 0, rechargeMinor: 8_000 }), 2);
    await night(0);
    const hold = (on: boolean) =>
      house.sql('select hold_supplier(id, $1, $2, $3, $4) from suppliers', [
        on,
        'ops',
        'asked for',
        house.clock.nowMs(),
      ]);
    await hold(true);
    await night(1);
    expect(await states()).toEqual(['cleared', 'cleared']);
    await post('/v1/refunds', { charge: charged()[0]?.id ?? '', amount: '4000' });
    await night(2);
    expect(await states()).toEqual(['cleared', 'billed']);
    // The wallet was 40.00 below nothing and has been charged again: what was paid in last covers the newest call later.
    expect(await wallet()).toMatchObject({ coverMinor: 4_000 });
    await expectRight();
    await hold(false);
    for (const days of [3, 4, 5]) await night(days);
    expect(await states()).toEqual(['paid', 'paid']);
    await expectRight();
  });

  test.each(['lost', 'won'])(
    'by a dispute covers no call until it is decided, and then as it was %s',
    async (how) => {
      const road = await prepaid('pm_card_createDispute', { ...WALLET, lowWaterMinor: 0 });
      await calls(road, 1);
      await useCard(road.buyer.customer, 'pm_card_chargeDeclined');
      await night(0);
      expect(await wallet()).toMatchObject({ coverMinor: -4_000 });
      await calls(road, 1);
      expect(await statuses()).toEqual(['qualified', 'held']);
      await expectRight();

      await useCard(road.buyer.customer, 'pm_card_visa');
      const [dispute] = house.simulator.journal.all('dispute');
      await post(`/v1/disputes/${dispute?.id}`, {
        'evidence[uncategorized_text]': how === 'won' ? 'winning_evidence' : 'losing_evidence',
        submit: 'true',
      });
      for (const days of [1, 2, 3, 4]) await night(days);
      expect(charged()).toHaveLength(how === 'won' ? 1 : 2);
      expect(await wallet()).toMatchObject({ coverMinor: 2_000 });
      expect(await states()).toEqual(['paid', 'paid']);
      await expectRight();
    },
  );
});

describe('charging a wallet', () => {
  test('killed before and after each step, and run again, makes one charge', async () => {
    const road = await prepaid();
    await house.call({ number: road.number });
    await house.work({}, ['billing.recharge-wallet']);
    const [row] = await house.sql<{ id: string }>('select id from topups');
    const steps = await dieAtEachStep(house, await house.row('billing.recharge-wallet', row?.id ?? ''));
    expect(steps).toEqual(
      expect.arrayContaining([
        'wallets.claim',
        'stripeTopups.prepare',
        'wallets.noteIntent',
        'stripeTopups.charge',
        'wallets.record',
      ]),
    );
    await house.work();
    expect(charged().map(({ amount }) => amount)).toEqual([10_000]);
    expect(await wallet()).toMatchObject({ coverMinor: 6_000 });
    await expectRight();
  });

  test.each(['before', 'after'] as const)(
    'whose confirmation Stripe fails %s it was carried out makes one charge, also when the keys are forgotten',
    async (when) => {
      const road = await prepaid();
      await house.call({ number: road.number });
      await house.work({}, ['billing.recharge-wallet']);
      house.simulator.faults.add({
        kind: `error-${when}-commit`,
        method: 'POST',
        pathPrefix: '/v1/payment_intents/',
        count: 3,
      });
      await house.work();
      house.advance(25 * 3_600_000);
      house.simulator.faults.clear();
      house.simulator.faults.pruneKeys();
      await night(1);
      expect(charged().map(({ amount }) => amount)).toEqual([10_000]);
      expect(await statuses()).toEqual(['qualified']);
      await expectRight();
    },
  );

  test('that died before it was recorded makes one charge, also a day later and with another card', async () => {
    const road = await prepaid();
    await house.call({ number: road.number });
    await house.work({}, ['billing.recharge-wallet']);
    const [row] = await house.sql<{ id: string }>('select id from topups');
    const item = await house.row('billing.recharge-wallet', row?.id ?? '');
    const record = async () => {
      throw new Killed('before it was recorded');
    };
    const wallets = { ...house.services.wallets, record };
    expect(await house.run(item, { wallets })).toMatchObject({ end: 'killed' });
    house.advance(25 * 3_600_000);
    house.simulator.faults.pruneKeys();
    await useCard(road.buyer.customer, 'pm_card_bypassPending');
    await house.work();
    expect(charged().map(({ amount }) => amount)).toEqual([10_000]);
    await expectRight();
  });

  test('a late writer changes nothing', async () => {
    const road = await prepaid();
    await house.call({ number: road.number });
    await house.work({}, ['billing.recharge-wallet']);
    const [row] = await house.sql<{ id: string }>('select id from topups');
    const { wallets } = house.services;
    const claimed = await wallets.claim(row?.id ?? '', house.clock.nowMs());
    await wallets.claim(row?.id ?? '', house.clock.nowMs());
    const token = claimed.kind === 'claimed' ? claimed.token : '';
    const end = { status: 'failed', charge: null, problem: 'late' } as const;
    const refused = await wallets
      .record(row?.id ?? '', token, end, house.clock.nowMs())
      .catch((error: unknown) => codeOf(error, 'INTERNAL'));
    expect(refused).toBe('TOKEN_STALE');
    expect(await topups()).toEqual([{ state: 'planned', last_problem: null }]);
  });
});

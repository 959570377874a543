import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyEvent } from '../../src/jobs/stripe/apply-event.job.ts';
import { contextFor } from '../../src/queues/run-job.ts';
import { wrongIn } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { pay, payoutRow, type ReadyPayout, readyPayouts } from '../helpers/payouts.ts';
import { runContext, SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
    expect(house.simulator.journal.check()).toEqual([]);
  } finally {
    await house.end();
  }
});

const post = async (path: string, form: Record<string, string>) => {
  const answer = await rawApi(house.simulator.url, SECRET_KEY)('POST', path, form);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.json();
};
const ours = () => house.simulator.journal.all('transfer').filter(({ metadata }) => metadata.payout_id);

/** Somebody takes all but so much out of the platform's balance. */
async function leave(amountMinor: number): Promise<void> {
  const stranger = await post('/v1/accounts', {
    ...{ type: 'custom', country: 'US', 'capabilities[transfers][requested]': 'true' },
  });
  const answer = await rawApi(house.simulator.url, SECRET_KEY)('GET', '/v1/balance');
  const { available } = answer.json() as unknown as { available: { amount: number; currency: string }[] };
  const there = available.find(({ currency }) => currency === 'usd')?.amount ?? 0;
  const amount = String(there - amountMinor);
  await post('/v1/transfers', { amount, currency: 'usd', destination: stranger.id });
}

/** So much comes into the balance, and Stripe tells that it is available. */
async function comeIn(amountMinor: number): Promise<void> {
  const customer = await post('/v1/customers', {});
  const method = await post('/v1/payment_methods/pm_card_bypassPending/attach', { customer: customer.id });
  const charge = { amount: String(amountMinor), currency: 'usd', customer: customer.id, confirm: 'true' };
  await post('/v1/payment_intents', { ...charge, payment_method: method.id });
  await tell('balance.available', null);
}

/** A webhook of Stripe's. */
async function tell(type: string, account: string | null): Promise<void> {
  const nowMs = house.clock.nowMs();
  const event = { eventId: randomUUID(), type, objectId: account, account };
  await applyEvent.run(
    { ...event, createdMs: nowMs, livemode: false, receivedAtMs: nowMs },
    contextFor(applyEvent, house.services, runContext({ trace: event.eventId })),
  );
}

describe('a payout for which the balance at Stripe is too small', () => {
  let first: ReadyPayout;
  let second: ReadyPayout;
  beforeEach(async () => {
    const [one, other] = await readyPayouts(house, 2);
    if (one === undefined || other === undefined) throw new Error('two payouts are needed');
    [first, second] = [one, other];
  });

  test('stays reserved, and goes under a new key when money has become available', async () => {
    await leave(1_000);
    expect(await pay(house, first.id)).toMatchObject({ end: 'finish', code: 'balance_insufficient' });
    const waiting = { state: 'sending', problem: 'balance_insufficient', in_doubt: false, generation: 2 };
    expect(await payoutRow(house, first.id)).toMatchObject({ ...waiting, work: 'done' });
    await comeIn(10_000);
    await house.work();
    expect(await payoutRow(house, first.id)).toMatchObject({ state: 'sent', problem: null });
    expect(ours()).toHaveLength(2);
  });

  test('goes before those that are younger, although there is enough for them', async () => {
    await leave(2_000);
    await pay(house, first.id);
    expect(await pay(house, second.id)).toMatchObject({ end: 'finish', code: 'older_waits_for_money' });
    await comeIn(2_000);
    await house.work();
    expect(ours().map(({ metadata }) => metadata.payout_id)).toEqual([first.id]);
    expect(await payoutRow(house, second.id)).toMatchObject({ problem: 'balance_insufficient' });
    await comeIn(9_000);
    await house.work();
    expect(ours()).toHaveLength(2);
  });

  test('keeps no close waiting, and is tried again by the next one', async () => {
    const refuse = { kind: 'refuse', pathPrefix: '/v1/transfers', code: 'balance_insufficient' } as const;
    house.simulator.faults.add({ ...refuse, count: 2 });
    await house.work();
    expect((await house.services.operations.closeStatus(dateAfter(2)))?.state).toBe('done');
    expect(ours()).toEqual([]);
    await house.close(dateAfter(3));
    expect(ours()).toHaveLength(2);
    const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
    expect(failures).toEqual([]);
  });
});

describe('a supplier whose payouts Stripe refuses', () => {
  /** Closes after which the money of a card is available. */
  const AVAILABLE_AFTER = 2;
  const status = async () =>
    (
      await house.sql<{ status: string; held_reason: string | null }>(
        'select status, held_reason from suppliers',
      )
    )[0];

  /** A road whose calls were paid for on two days already, and none of it is available yet. */
  async function busyRoad() {
    const road = await house.road();
    await payDaily(AVAILABLE_AFTER, -AVAILABLE_AFTER, road, null);
    expect(ours()).toEqual([]);
    return road;
  }

  /** A payout a day, of the call two days before, each refused with this code, or sent. */
  async function payDaily(days: number, from: number, road: { number: string }, code: string | null) {
    for (let day = from + AVAILABLE_AFTER; day < from + days + AVAILABLE_AFTER; day += 1) {
      house.advanceTo(Date.parse(`${dateAfter(day)}T10:00:00Z`));
      await house.call({ number: road.number });
      if (code !== null) house.simulator.faults.add({ kind: 'refuse', pathPrefix: '/v1/transfers', code });
      await house.close(dateAfter(day));
      house.simulator.faults.clear();
    }
  }

  test('three times in a row for one reason is held with it, and paid again once it is released', async () => {
    const road = await busyRoad();
    await payDaily(2, 0, road, 'account_invalid');
    expect(await status()).toMatchObject({ status: 'active' });
    await payDaily(1, 2, road, 'account_invalid');
    expect(await status()).toEqual({
      status: 'held',
      held_reason: 'Stripe refused three payouts in a row: account_invalid',
    });
    await payDaily(1, 3, road, null);
    expect(ours()).toEqual([]);
    const release = [road.supplier.id, false, 'ops', 'the account is mended', house.clock.nowMs()] as const;
    await house.services.payouts.hold(...release);
    await payDaily(1, 4, road, 'account_invalid');
    expect(await status()).toMatchObject({ status: 'active' });
    await payDaily(1, 5, road, null);
    expect(ours().map(({ amount }) => amount)).toEqual([6 * 2_800]);
  });

  test('because its account may not receive transfers is held at once, and paid when Stripe says that it may', async () => {
    const road = await busyRoad();
    const account = road.supplier.account ?? '';
    const request = (requested: boolean) =>
      post(`/v1/accounts/${account}`, { 'capabilities[transfers][requested]': String(requested) });
    await request(false);
    await payDaily(1, 0, road, null);
    const held = { status: 'held', held_reason: 'the account at Stripe may not receive transfers yet' };
    expect(await status()).toEqual(held);
    await tell('account.updated', account);
    expect(await status()).toEqual(held);
    await request(true);
    await tell('account.updated', account);
    expect(await status()).toEqual({ status: 'active', held_reason: null });
    await payDaily(1, 1, road, null);
    expect(ours().map(({ amount }) => amount)).toEqual([2 * 2_800]);
  });

  test('is held before any is refused, when Stripe tells that its account may not, or was disconnected', async () => {
    const road = await busyRoad();
    const account = road.supplier.account ?? '';
    await post(`/v1/accounts/${account}`, { 'capabilities[transfers][requested]': 'false' });
    await tell('capability.updated', account);
    expect(await status()).toMatchObject({ status: 'held' });
    await post(`/v1/accounts/${account}`, { 'capabilities[transfers][requested]': 'true' });
    await tell('capability.updated', account);
    expect(await status()).toMatchObject({ status: 'active' });
    await tell('account.application.deauthorized', account);
    expect(await status()).toMatchObject({
      held_reason: 'the account at Stripe was disconnected from the exchange',
    });
    // It may receive, and is no more ours to send to: a person looks.
    await tell('account.updated', account);
    expect(await status()).toMatchObject({ status: 'held' });
    await payDaily(1, 0, road, null);
    expect(ours()).toEqual([]);
  });

  test('who is held for another reason stays held for it', async () => {
    const { supplier } = await house.road();
    const { payouts } = house.services;
    await payouts.hold(supplier.id, true, 'ops', 'a call looks staged', house.clock.nowMs());
    await tell('account.updated', supplier.account);
    expect(await status()).toEqual({ status: 'held', held_reason: 'a call looks staged' });
    await tell('account.updated', 'acct_of_nobody_here').catch(() => undefined);
    expect(await status()).toEqual({ status: 'held', held_reason: 'a call looks staged' });
  });

  test('for different reasons is not held', async () => {
    const road = await busyRoad();
    await payDaily(2, 0, road, 'account_invalid');
    await payDaily(1, 2, road, 'transfers_not_allowed');
    expect(await status()).toMatchObject({ status: 'active' });
  });
});

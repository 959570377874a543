import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { wrongIn } from '../helpers/books.ts';
import { dateAfter, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { pay, payoutRow, type ReadyPayout, readyPayout, readyPayouts } from '../helpers/payouts.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { storyOf } from '../helpers/stories.ts';
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

const KINDS = [
  'cut-before-commit',
  'cut-after-commit',
  'error-before-commit',
  'error-after-commit',
  'garbage-answer',
  'rate-limit',
  'lock-timeout',
] as const;
const MINUTE_MS = 60_000;
const transfers = () => house.simulator.journal.all('transfer');

async function payToTheEnd({ id }: ReadyPayout): Promise<void> {
  for (let runs = 0; runs < 8; runs += 1) {
    const { end, code } = await pay(house, id);
    if (end === 'finish') return;
    if (end !== 'wait') throw new Error(`it ends as ${end}, ${code}`);
    house.advance(code === 'absence_does_not_count_yet' ? 11 * MINUTE_MS : 1_000);
  }
  throw new Error('it waits for ever');
}

describe('a transfer whose answer is lost in any way', () => {
  test('is made once, and the books end as if nothing had happened', async () => {
    const [undisturbed, ...others] = await readyPayouts(house, 1 + 2 * KINDS.length);
    if (undisturbed === undefined) throw new Error('no payouts');
    await payToTheEnd(undisturbed);
    const expected = await storyOf(house, undisturbed.road);
    for (const kind of KINDS) {
      // Once, and as often as sends are made before only looking helps.
      for (const count of [1, 3]) {
        const payout = others.shift();
        if (payout === undefined) throw new Error('too few payouts');
        house.simulator.faults.add({ kind, method: 'POST', pathPrefix: '/v1/transfers', count });
        await payToTheEnd(payout);
        house.simulator.faults.clear();
        expect({ kind, count, story: await storyOf(house, payout.road) }).toEqual({
          kind,
          count,
          story: expected,
        });
      }
    }
    expect(transfers()).toHaveLength(1 + 2 * KINDS.length);
  });

  test('is unknown to a worker that gave up on it, and adopted by the next', async () => {
    const payout = await readyPayout(house);
    const { faults } = house.simulator;
    faults.add({ kind: 'stall', method: 'POST', pathPrefix: '/v1/transfers', stallMs: 60_000 });
    const worker = new AbortController();
    const paying = pay(house, payout.id, {}, worker.signal);
    await vi.waitFor(() => expect(faults.stallingCount()).toBe(1), 20_000);
    worker.abort();
    await paying;
    faults.resume();
    await vi.waitFor(() => expect(transfers()).toHaveLength(1), 20_000);
    await house.work();
    expect(transfers()).toHaveLength(1);
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'sent', work: 'done' });
  });

  test('uses no attempt while Stripe limits us, and is then not in doubt', async () => {
    const payout = await readyPayout(house);
    house.simulator.faults.add({ kind: 'rate-limit', pathPrefix: '/v1/transfers', count: 12 });
    for (let run = 0; run < 12; run += 1) expect(await pay(house, payout.id)).toMatchObject({ end: 'wait' });
    expect(await payoutRow(house, payout.id)).toMatchObject({ in_doubt: false, generation: 1, work: 'due' });
    await house.work();
    expect(transfers()).toHaveLength(1);
  });
});

test('an invoice is made and charged once, whichever of its answers is lost', async () => {
  const roads = [];
  // Draft, line, finalise, pay.
  for (let n = 0; n < 1 + 4 * KINDS.length; n += 1) roads.push(await house.road());
  for (const { number } of roads) await house.call({ number });
  await house.begin(FIRST_DATE);
  await house.work({}, ['billing.bill-buyer']);
  const bill = async (buyer: { id: string }) => {
    const [row] = await house.sql<{ id: string }>('select id from invoices where buyer_id = $1', [buyer.id]);
    return house.run(await house.row('billing.bill-buyer', row?.id ?? ''));
  };
  const [undisturbed, ...others] = roads;
  if (undisturbed === undefined) throw new Error('no roads');
  await bill(undisturbed.buyer);
  const struck = [];
  for (const kind of KINDS) {
    for (const skip of [0, 1, 2, 3]) {
      const road = others.shift();
      if (road === undefined) throw new Error('too few roads');
      house.simulator.faults.add({ kind, method: 'POST', pathPrefix: '/v1/invoice', skip });
      await vi.waitFor(async () => expect(await bill(road.buyer)).toMatchObject({ end: 'finish' }), 30_000);
      house.simulator.faults.clear();
      struck.push({ kind, skip, road });
    }
  }
  // A charge that Stripe answered with a stored 500 is asked for again on the next date, under that date's key.
  await house.close(FIRST_DATE);
  await house.close(dateAfter(1));
  const expected = await storyOf(house, undisturbed);
  for (const { road, ...fault } of struck) {
    expect({ fault, story: await storyOf(house, road) }).toEqual({ fault, story: expected });
  }
});

test('an invoice whose draft somebody changed is built anew, and charged for what was frozen', async () => {
  const { number, buyer } = await house.road();
  await house.call({ number });
  await house.begin(FIRST_DATE);
  await house.work({}, ['billing.bill-buyer']);
  const [row] = await house.sql<{ id: string }>('select id from invoices where buyer_id = $1', [buyer.id]);
  const item = await house.row('billing.bill-buyer', row?.id ?? '');
  house.simulator.faults.add({ kind: 'cut-before-commit', method: 'POST', pathPrefix: '/v1/invoices/' });
  await expect(house.run(item)).resolves.toMatchObject({ end: 'wait' });
  const [draft] = house.simulator.journal.all('invoice') as { id: string; customer: string }[];
  const stranger = {
    customer: draft?.customer ?? '',
    invoice: draft?.id ?? '',
    amount: '100',
    currency: 'usd',
  };
  await rawApi(house.simulator.url, SECRET_KEY)('POST', '/v1/invoiceitems', stranger);
  expect(await house.run(item)).toMatchObject({ end: 'finish' });
  expect(await house.sql('select state, generation from invoices where buyer_id = $1', [buyer.id])).toEqual([
    { state: 'paid', generation: 2 },
  ]);
});

test('an event about a draft that is gone does nothing and is no dead letter', async () => {
  const about = { type: 'invoice.updated', objectId: 'in_that_is_gone', account: null, livemode: false };
  const event = { eventId: 'evt_late', createdMs: 0, receivedAtMs: house.clock.nowMs(), ...about };
  const ran = await house.run({
    ...{ job: 'stripe.apply-event', key: 'evt_late', generation: 1, payload: event },
    ...{ dueAtMs: house.clock.nowMs(), trace: 'late' },
  });
  expect(ran).toMatchObject({ end: 'finish' });
});

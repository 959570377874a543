import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeEventList, type StripeEventList } from '../../src/integrations/stripe/event-list.ts';
import { recoverEvents } from '../../src/jobs/stripe/recover-events.job.ts';
import { wrongIn } from '../helpers/books.ts';
import { DAY_MS, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { killing } from '../helpers/killing.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';

keepServer();
let house: House;
let stripeEventList: StripeEventList;
beforeEach(async () => {
  house = await openHouse();
  // Of this house no webhook ever comes.
  const { number } = await house.road();
  await house.call({ number });
  await house.close(FIRST_DATE);
  house.advance(DAY_MS);
  stripeEventList = createStripeEventList(
    createStripeClient({
      ...{ secretKey: SECRET_KEY, apiBase: new URL(house.simulator.url), timeoutMs: 5_000, livemode: false },
      ...{ retryBaseMs: 2, onFailure: () => undefined },
    }),
  );
  // What the close's own night of it has read of a list that told nothing.
  await house.sql('delete from stripe_event_watermark');
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
  } finally {
    await house.end();
  }
});

const night = () => ({
  ...{
    job: recoverEvents.name,
    key: FIRST_DATE,
    generation: 1,
    payload: { date: FIRST_DATE },
    trace: 'test',
  },
  dueAtMs: house.clock.nowMs(),
});
const usedAtStripe = () =>
  house.simulator.journal
    .all('event')
    .filter(({ type }) => type === 'balance.available' || /^(invoice|payment_intent)\./.test(type))
    .map(({ id }) => id)
    .toSorted();
const storedIds = async () =>
  (
    await house.sql<{ id: string; recovered: boolean }>(
      `select event_id as id, recovered from webhook_events where source = 'stripe' order by 1`,
    )
  ).filter(({ recovered }) => recovered);
const dueCount = async () =>
  (await house.sql(`select 1 from work where job = 'stripe.apply-event' and state = 'due'`)).length;

describe('events that no webhook brought', () => {
  test('are applied as a webhook’s are, marked as recovered, and once', async () => {
    expect(await house.run(night(), { stripeEventList })).toMatchObject({ end: 'finish' });
    await house.work();
    expect((await storedIds()).map(({ id }) => id)).toEqual(usedAtStripe());
    expect(usedAtStripe().length).toBeGreaterThan(3);
    house.advance(60_000);
    expect(await house.run(night(), { stripeEventList })).toMatchObject({ end: 'finish' });
    expect(await dueCount()).toBe(0);
  });

  test('are those alone that are not stored', async () => {
    const [first = '', ...rest] = usedAtStripe();
    await house.services.operations.storeStripeEvent(
      {
        eventId: first,
        type: 'invoice.paid',
        receivedAtMs: house.clock.nowMs(),
        recovered: false,
        trace: 't',
      },
      'settled',
      house.clock.nowMs(),
    );
    await house.run(night(), { stripeEventList });
    await house.work();
    expect((await storedIds()).map(({ id }) => id)).toEqual(rest);
  });

  test('are found wherever the night dies, before and after each of its steps', async () => {
    const steps = new Set<string>();
    for (let call = 1; ; call += 1) {
      const ends = [];
      for (const when of ['before', 'after'] as const) {
        const { made, services } = killing({ ...house.services, stripeEventList }, { call, when });
        ends.push((await house.run(night(), services)).end);
        for (const step of made) steps.add(step);
      }
      if (!ends.includes('killed') || call > 200) break;
    }
    await house.work();
    expect((await storedIds()).map(({ id }) => id)).toEqual(usedAtStripe());
    expect([...steps]).toEqual(
      expect.arrayContaining(['stripeEventList.readPage', 'stripeEvents.recover', 'stripeEvents.wereRead']),
    );
  }, 120_000);

  test('are read a day at a time: a run that is cut short goes on where it was', async () => {
    const wanted = usedAtStripe();
    house.advance(10 * DAY_MS);
    house.simulator.faults.add({ kind: 'error-before-commit', pathPrefix: '/v1/events', skip: 5, count: 4 });
    expect(await house.run(night(), { stripeEventList })).toMatchObject({
      end: 'wait',
      code: 'STRIPE_UNAVAILABLE',
    });
    const reached = await house.services.stripeEvents.readUntil();
    expect(reached).toBeGreaterThan(house.clock.nowMs() - 26 * DAY_MS);
    expect(reached).toBeLessThan(house.clock.nowMs() - 24 * DAY_MS);
    expect(await house.run(night(), { stripeEventList })).toMatchObject({ end: 'finish' });
    await house.work();
    expect((await storedIds()).map(({ id }) => id)).toEqual(wanted);
  }, 120_000);
});

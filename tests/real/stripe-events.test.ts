import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeEventList, type StripeEventList } from '../../src/integrations/stripe/event-list.ts';
import { recoverEvents } from '../../src/jobs/stripe/recover-events.job.ts';
import { wrongIn } from '../helpers/books.ts';
import { DAY_MS, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { killing } from '../helpers/killing.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';

const HOUR_MS = 3_600_000;
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

  test('are read an hour at a time where a day has more than a page, so that the mark moves', async () => {
    const wanted = usedAtStripe();
    const asked: { fromMs: number; beforeMs: number; types: readonly string[] }[] = [];
    // Every day is a busy one, and Stripe goes away after the first twenty-four hours of the list.
    const busy: StripeEventList = {
      async readPage(window) {
        asked.push(window);
        const page = await stripeEventList.readPage(window);
        return { ...page, hasMore: page.hasMore || window.beforeMs - window.fromMs > HOUR_MS };
      },
    };
    house.simulator.faults.add({ kind: 'error-before-commit', pathPrefix: '/v1/events', skip: 25, count: 4 });
    const startMs = house.clock.nowMs() - 30 * DAY_MS;
    expect(await house.run(night(), { stripeEventList: busy })).toMatchObject({ end: 'wait' });
    const reached = (await house.services.stripeEvents.readUntil()) ?? 0;
    expect(reached - startMs).toBeGreaterThan(23 * HOUR_MS);
    expect(reached - startMs).toBeLessThan(25 * HOUR_MS);
    expect(asked.slice(1).every(({ fromMs, beforeMs }) => beforeMs - fromMs <= HOUR_MS)).toBe(true);
    expect(await house.run(night(), { stripeEventList: busy })).toMatchObject({ end: 'finish' });
    await house.work();
    expect((await storedIds()).map(({ id }) => id)).toEqual(wanted);
  }, 120_000);

  test('are asked for by the names of those that some job uses, and by no more than Stripe takes', async () => {
    const asked: (readonly string[])[] = [];
    const readPage: StripeEventList['readPage'] = async (window) => {
      asked.push(window.types);
      const page = await stripeEventList.readPage(window);
      expect(page.events.filter(({ type }) => !window.types.includes(type))).toEqual([]);
      return page;
    };
    await house.run(night(), { stripeEventList: { readPage } });
    const all = house.simulator.journal.all('event').map(({ type }) => type);
    expect(all.some((type) => !asked[0]?.includes(type))).toBe(true);
    expect(asked.every((types) => types.length > 0 && types.length <= 20)).toBe(true);
  });
});

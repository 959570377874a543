import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { wrongIn } from '../helpers/books.ts';
import {
  DAY_MS,
  dateAfter,
  FIRST_DATE,
  type House,
  keepServer,
  OPENS_MS,
  openHouse,
} from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
  } finally {
    await house.end();
  }
});

/** What is made beside a close, and what no close waits for. */
const BESIDE = [
  'analytics.roll-up-day',
  'campaigns.pull-offers',
  'reconciliation.reconcile-calls',
  'stripe.read-bank-payouts',
  'stripe.recover-events',
];
const HOUR_MS = 3_600_000;
const nowMs = () => house.clock.nowMs();
const runs = () =>
  house.sql<{ period: string; state: string }>(
    "select period::text, state from schedule_runs where pipeline = 'nightly-close' order by period",
  );
const openClose = () =>
  house.sql("select business_date::text as date, stage from closes where state = 'open'");
const planned = (days: readonly number[], state: string) =>
  days.map((day) => ({ period: dateAfter(day), state }));

async function qualified(number: string): Promise<void> {
  await house.call({ number });
  await house.work();
}

describe('a close', () => {
  test('goes through its stages in order, each when the one before has ended', async () => {
    const { number } = await house.road();
    await house.call({ number });
    await house.begin(FIRST_DATE);
    expect(await openClose()).toEqual([{ date: FIRST_DATE, stage: 'calls' }]);
    const ran = await house.work();
    expect(ran.map(({ job }) => job).filter((job) => !BESIDE.includes(job))).toEqual([
      'fraud.score-call',
      'fraud.rescore-calls',
      'billing.bill-buyer',
      'reconciliation.reconcile-money',
      'payouts.plan-payouts',
      'operations.report-close',
      'operations.audit-books',
      'fraud.profile-suppliers',
    ]);
    expect(await openClose()).toEqual([]);
    expect(await runs()).toEqual(planned([0], 'done'));
  });

  test('waits for an item that waits, and for nothing else', async () => {
    const { number } = await house.road();
    await qualified(number);
    await house.begin(FIRST_DATE);
    await house.work({}, ['billing.bill-buyer']);
    await house.services.schedules.advanceRuns(nowMs());
    const status = await house.services.operations.closeStatus(FIRST_DATE);
    expect(status).toMatchObject({
      state: 'open',
      stage: 'billing',
      waitingFor: [{ job: 'billing.bill-buyer' }],
    });
  });

  test('says which calls are not scored yet, as long as it waits for them', async () => {
    const { number } = await house.road();
    await qualified(number);
    await house.call({ number });
    const [late] = await house.sql<{ id: string }>("select id from calls where status = 'stored'");
    await house.begin(FIRST_DATE);
    const { operations, schedules } = house.services;
    expect(await operations.closeStatus(FIRST_DATE)).toMatchObject({
      stage: 'calls',
      waitingFor: [{ job: 'fraud.score-call', key: late?.id, state: 'due' }],
    });
    await house.work({}, ['billing.bill-buyer']);
    await schedules.advanceRuns(nowMs());
    expect(await operations.closeStatus(FIRST_DATE)).toMatchObject({ stage: 'billing', waitingFor: [{}] });
  });

  test('goes on exactly once when its last two items end at the same instant', async () => {
    for (let round = 0; round < 6; round += 1) {
      const [first, second] = [await house.road(), await house.road()];
      await qualified(first.number);
      await qualified(second.number);
      await house.begin(dateAfter(round));
      await house.work({}, ['billing.bill-buyer']);
      const rows = await house.sql<{ key: string }>(
        "select key from work where state = 'due' and job = 'billing.bill-buyer'",
      );
      expect(rows).toHaveLength(2);
      const refs = await Promise.all(rows.map(({ key }) => house.row('billing.bill-buyer', key)));
      await Promise.all(refs.map((ref) => house.services.work.finish([{ ...ref, result: 'done' }])));
      expect(await openClose()).toEqual([{ date: dateAfter(round), stage: 'money' }]);
      const made = await house.sql(
        "select generation from work where job = 'reconciliation.reconcile-money' and state = 'due'",
      );
      expect(made).toEqual([{ generation: 1 }]);
      await house.close(dateAfter(round));
      await house.sql("update invoices set state = 'void' where state = 'planned'");
      await house.sql("update earnings set state = 'written_off' where state = 'accrued'");
    }
  });

  test('goes on without an item that is dead, and its report names it', async () => {
    const { number } = await house.road();
    await qualified(number);
    const { billing } = house.services;
    const broken = { ...billing, claim: () => Promise.reject(new Error('a fault of our own')) };
    const ran = await house.close(FIRST_DATE, { billing: broken });
    expect(ran.filter(({ end }) => end === 'dead')).toMatchObject([
      { job: 'billing.bill-buyer', code: 'JOB_FAILED' },
    ]);
    const status = await house.services.operations.closeStatus(FIRST_DATE);
    expect(status?.report).toMatchObject({
      dead: [{ job: 'billing.bill-buyer', code: 'JOB_FAILED' }],
      invoices: { unpaid: 1 },
    });
  });

  test('does not count a row of an older generation as ended', async () => {
    const { number } = await house.road();
    await qualified(number);
    await house.begin(FIRST_DATE);
    await house.work({}, ['billing.bill-buyer']);
    const [invoice] = await house.sql<{ id: string }>('select id from invoices');
    const old = await house.row('billing.bill-buyer', invoice?.id ?? '');
    await house.services.billing.poke(old.key, 'hint', nowMs());
    await house.services.work.finish([{ ...old, result: 'done' }]);
    await house.services.work.fail({
      ...old,
      code: 'JOB_FAILED',
      message: 'late',
      attempts: 8,
      tries: [],
      payloadVersion: 1,
      nowMs: nowMs(),
    });
    expect(await openClose()).toEqual([{ date: FIRST_DATE, stage: 'billing' }]);
    await house.work();
    expect(await openClose()).toEqual([]);
  });
});

describe('a date that is closed', () => {
  const books = () =>
    house.sql(`select (select count(*) from journals) as journals, (select count(*) from invoices) as invoices,
      (select count(*) from payouts) as payouts, (select count(*) from work where state = 'due') as due,
      (select max(generation) from work) as generation`);

  test('is not changed by closing it again, by whichever way', async () => {
    const { number } = await house.road();
    await qualified(number);
    await house.close(FIRST_DATE);
    const before = await books();
    const { operations, schedules } = house.services;
    expect(await operations.startClose(FIRST_DATE, nowMs())).toMatchObject({ state: 'done' });
    const again = { pipeline: 'nightly-close', from: FIRST_DATE, to: FIRST_DATE, by: 'ann', reason: 'again' };
    expect(await schedules.backfill({ ...again, dry: false }, nowMs())).toEqual([
      { date: FIRST_DATE, state: 'done' },
    ]);
    await house.tick();
    await house.work();
    expect(await books()).toEqual(before);
  });

  test('takes a call that comes late into the next date, and stays as it is', async () => {
    const { number } = await house.road();
    await qualified(number);
    await house.close(FIRST_DATE);
    const closed = await house.sql('select * from closes where business_date = $1', [FIRST_DATE]);
    const journals = await house.sql('select id, business_date from journals order by id');
    await house.call({ number, startedAtMs: OPENS_MS + HOUR_MS });
    await house.work();
    const late = await house.sql(
      'select template, business_date::text as date from journals where id > $1 order by id',
      [journals.at(-1)?.id],
    );
    expect(late).toEqual([{ template: 'call', date: dateAfter(1) }]);
    await house.close(dateAfter(1));
    expect(await house.sql('select * from closes where business_date = $1', [FIRST_DATE])).toEqual(closed);
    const kept = await house.sql('select id, business_date from journals order by id limit $1', [
      journals.length,
    ]);
    expect(kept).toEqual(journals);
    const invoices = await house.sql(
      'select business_date::text as date, amount_minor as amount from invoices order by 1',
    );
    expect(invoices).toEqual([FIRST_DATE, dateAfter(1)].map((date) => ({ date, amount: 4_000 })));
  });
});

describe('planning', () => {
  test('after three missed nights closes each of them, oldest first', async () => {
    const { number } = await house.road();
    for (let day = 0; day < 3; day += 1) {
      await house.call({ number });
      house.advance(DAY_MS);
    }
    house.advanceTo(OPENS_MS + 3 * DAY_MS);
    await house.tick();
    expect(await runs()).toEqual([{ period: FIRST_DATE, state: 'running' }, ...planned([1, 2], 'planned')]);
    await house.work();
    expect(await runs()).toEqual(planned([0, 1, 2], 'done'));
    const closes = await house.sql(
      'select business_date::text as date from closes order by started_at, business_date',
    );
    expect(closes).toEqual([0, 1, 2].map((day) => ({ date: dateAfter(day) })));
    const invoices = await house.sql(
      'select business_date::text as date, amount_minor as amount from invoices order by 1',
    );
    expect(invoices).toEqual([0, 1, 2].map((day) => ({ date: dateAfter(day), amount: 4_000 })));
  });

  test('records what is older than seven days as missed, and bills its calls with the first night that it closes', async () => {
    const { number } = await house.road();
    await qualified(number);
    house.advanceTo(OPENS_MS + 10 * DAY_MS);
    await house.tick();
    await house.work();
    expect(await runs()).toEqual([
      ...planned([0, 1, 2], 'missed'),
      ...planned([3, 4, 5, 6, 7, 8, 9], 'done'),
    ]);
    const invoices = await house.sql(
      'select business_date::text as date, amount_minor as amount from invoices',
    );
    expect(invoices).toEqual([{ date: dateAfter(3), amount: 4_000 }]);
  });

  test('by many planners at once plans each date once and opens one close', async () => {
    const { number } = await house.road();
    await qualified(number);
    house.advanceTo(OPENS_MS + 2 * DAY_MS);
    const { schedules } = house.services;
    await Promise.all(
      Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? house.tick() : schedules.advanceRuns(nowMs()))),
    );
    expect(await runs()).toEqual([{ period: FIRST_DATE, state: 'running' }, ...planned([1], 'planned')]);
    await house.work();
    expect(await runs()).toEqual(planned([0, 1], 'done'));
    expect(await house.sql('select count(*) as n from invoices')).toEqual([{ n: 1 }]);
  });

  test('does not begin before 09:00 UTC of the next day', async () => {
    const { number } = await house.road();
    await qualified(number);
    house.advanceTo(Date.parse(`${dateAfter(1)}T08:59:00Z`));
    await house.tick();
    expect(await runs()).toEqual([]);
  });
});

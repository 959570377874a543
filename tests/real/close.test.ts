import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
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

const HOUR_MS = 3_600_000;
const nowMs = () => house.clock.nowMs();
const runs = () =>
  house.sql<{ period: string; state: string }>(
    'select period::text, state from schedule_runs order by period',
  );
const openClose = () =>
  house.sql("select business_date::text as date, stage from closes where state = 'open'");
const caught = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => codeOf(error, 'INTERNAL'),
  );
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
    expect(ran.map(({ job }) => job).filter((job) => job !== 'analytics.roll-up-day')).toEqual([
      'fraud.score-call',
      'billing.bill-buyer',
      'reconciliation.reconcile-money',
      'payouts.plan-payouts',
      'operations.report-close',
      'operations.audit-books',
    ]);
    expect(await openClose()).toEqual([]);
    expect(await runs()).toEqual(planned([0], 'done'));
  });

  test('waits for an item that waits, and for nothing else', async () => {
    const { number } = await house.road();
    await qualified(number);
    await house.begin(FIRST_DATE);
    await house.work({}, ['billing.bill-buyer']);
    await house.services.operations.advanceCloses(nowMs());
    const status = await house.services.operations.closeStatus(FIRST_DATE);
    expect(status).toMatchObject({
      state: 'open',
      stage: 'billing',
      waitingFor: [{ job: 'billing.bill-buyer' }],
    });
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
      nowMs: nowMs(),
    });
    expect(await openClose()).toEqual([{ date: FIRST_DATE, stage: 'billing' }]);
    await house.work();
    expect(await openClose()).toEqual([]);
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
    const { operations } = house.services;
    await Promise.all(
      Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? house.tick() : operations.advanceCloses(nowMs()))),
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

describe('closing a date by hand', () => {
  test('is refused before it is due, before an earlier date, and after a later one', async () => {
    const { number } = await house.road();
    await qualified(number);
    const start = (day: number) => house.services.operations.startClose(dateAfter(day), nowMs());
    expect(await caught(start(0))).toBe('CLOSE_OUT_OF_ORDER');
    house.advanceTo(OPENS_MS + 2 * DAY_MS);
    expect(await caught(start(1))).toBe('CLOSE_OUT_OF_ORDER');
    expect(await start(0)).toMatchObject({ state: 'running', stage: 'billing' });
    expect(await start(0)).toMatchObject({ state: 'running', stage: 'billing' });
    await house.work();
    expect(await start(1)).toMatchObject({ state: 'running' });
    expect(await caught(start(-1))).toBe('CLOSE_OUT_OF_ORDER');
    await house.work();
    expect(await runs()).toEqual(planned([0, 1], 'done'));
  });
});

describe('the day of a buyer', () => {
  const ZONES = [
    'Pacific/Pago_Pago',
    'America/Los_Angeles',
    'UTC',
    'Asia/Kolkata',
    'Asia/Tokyo',
    'Pacific/Kiritimati',
  ];

  test('ends at midnight of its own timezone: each call around it is on exactly one invoice, of the right period', async () => {
    const supplier = await house.supplier();
    const buyers = [];
    for (const timezone of ZONES) {
      const buyer = await house.buyer({ timezone });
      buyers.push({ timezone, buyer, ...(await house.campaign(buyer, supplier)) });
    }
    // Every half hour around the midnights of two days, and to the second before and at each.
    house.advanceTo(OPENS_MS + 2 * DAY_MS);
    for (const { number } of buyers) {
      for (let hour = -26; hour <= 14; hour += 4) {
        const midnight = Date.UTC(2026, 10, 4) + hour * HOUR_MS;
        await house.call({ number, startedAtMs: midnight });
        await house.call({ number, startedAtMs: midnight - 1_000 });
      }
    }
    await house.work();
    for (let day = 1; day < 5; day += 1) await house.close(dateAfter(day));
    const open = await house.sql('select id from earnings where invoice_id is null');
    expect(open).toEqual([]);
    const wrong = await house.sql(
      `select e.started_at, b.timezone, i.period_end from earnings e join invoices i on i.id = e.invoice_id
       join buyers b on b.id = i.buyer_id
       where e.started_at >= i.period_end
         or i.period_end <> date_trunc('day', i.period_end at time zone b.timezone) at time zone b.timezone
         or (e.started_at < i.period_end - interval '1 day'
           and exists (select 1 from invoices earlier where earlier.buyer_id = i.buyer_id and earlier.period_end > e.started_at
             and earlier.period_end < i.period_end))`,
    );
    expect(wrong).toEqual([]);
    const sums = await house.sql(
      `select (select sum(amount_minor) from invoices)::bigint as invoiced, (select sum(price_minor) from earnings)::bigint as owed,
         (select count(distinct buyer_id) from invoices) as buyers`,
    );
    expect(sums).toEqual([
      { invoiced: ZONES.length * 22 * 4_000, owed: ZONES.length * 22 * 4_000, buyers: ZONES.length },
    ]);
  });
});

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MS, dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const BILL = 'billing.bill-buyer';
const invoices = () =>
  house.sql<{ id: string; state: string; amount_minor: number; date: string }>(
    `select id, state, amount_minor, to_char(business_date, 'YYYY-MM-DD') as date from invoices order by period_end`,
  );
const HOUR_MS = 3_600_000;

describe('the end of a period', () => {
  const ZONES = [
    'Pacific/Pago_Pago',
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kathmandu',
    'Pacific/Kiritimati',
  ];
  const cycle = fc.oneof(
    fc.constant({ cycle: 'daily', day: null }),
    fc.record({ cycle: fc.constant('weekly'), day: fc.integer({ min: 1, max: 7 }) }),
    fc.record({ cycle: fc.constant('monthly'), day: fc.integer({ min: 1, max: 28 }) }),
  );

  /** The day as the people of a zone call it, and the hour, from the platform's own calendar. */
  const localTime = (ms: number, timeZone: string) => {
    const format = new Intl.DateTimeFormat('en-CA', {
      ...{ timeZone, hourCycle: 'h23', weekday: 'short', year: 'numeric', month: '2-digit', day: '2-digit' },
      ...{ hour: '2-digit', minute: '2-digit' },
    });
    const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const weekday = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(part.weekday ?? '') + 1;
    return { weekday, day: Number(part.day), time: `${part.hour}:${part.minute}` };
  };

  test('is the latest midnight of its day in the buyer’s timezone, from UTC−11 to UTC+14 and when clocks change', async () => {
    const { id } = await house.buyer();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ZONES),
        cycle,
        fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2027, 11, 31) }),
        async (timeZone, { cycle: name, day }, atMs) => {
          await house.sql(
            'update buyers set timezone = $2, billing_cycle = $3, billing_day = $4 where id = $1',
            [id, timeZone, name, day],
          );
          const [row] = await house.sql<{ end: number }>(
            'select app.ms(app.period_end(b, app.at($2))) as end from buyers b where id = $1',
            [id, atMs],
          );
          const endMs = row?.end ?? 0;
          const local = localTime(endMs, timeZone);
          expect(local.time).toBe('00:00');
          if (name === 'weekly') expect(local.weekday).toBe(day);
          if (name === 'monthly') expect(local.day).toBe(day);
          expect(endMs).toBeLessThanOrEqual(atMs);
          const longest = { daily: 1, weekly: 7, monthly: 31 }[name] ?? 0;
          expect(atMs - endMs).toBeLessThan(longest * DAY_MS + 2 * HOUR_MS);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a buyer who is billed by the week', () => {
  test('gets one invoice for the days since the last, when the week has ended, and none before', async () => {
    const road = await house.road();
    // The house opens on a Monday.
    const billed = (billing?: { cycle: 'weekly'; day: number }) =>
      house.put({ buyers: [{ id: road.buyer.id, name: 'By the week', ...(billing && { billing }) }] });
    await billed({ cycle: 'weekly', day: 4 });
    // An import that says nothing of it keeps it.
    await billed();
    for (const day of [0, 1, 2]) {
      await house.call({ number: road.number });
      await house.close(dateAfter(day));
      expect(await invoices()).toHaveLength(day < 2 ? 0 : 1);
    }
    expect(await invoices()).toMatchObject([{ amount_minor: 12_000, state: 'paid', date: dateAfter(2) }]);
    await house.call({ number: road.number });
    await house.close(dateAfter(3));
    expect(await invoices()).toHaveLength(1);
  });
});

describe('an invoice that changed too much since the last', () => {
  let number: string;
  /** One call on the first day, `calls` on the second. */
  async function twoDays(calls: number): Promise<void> {
    await house.sql('update settings set invoice_change_floor_minor = 10000');
    ({ number } = await house.road());
    await house.call({ number });
    await house.close(dateAfter(0));
    for (let n = 0; n < calls; n += 1) await house.call({ number });
    await house.close(dateAfter(1));
  }

  test('waits for a person; the close ends without it, and no later one bills it', async () => {
    await twoDays(6);
    await house.close(dateAfter(2));
    expect(await invoices()).toMatchObject([
      { state: 'paid' },
      { state: 'waiting_approval', amount_minor: 24_000 },
    ]);
    expect(house.simulator.journal.all('invoice')).toHaveLength(1);
  });

  test('and was not let go is no measure for the next one, which waits too', async () => {
    await twoDays(6);
    for (let n = 0; n < 6; n += 1) await house.call({ number });
    await house.close(dateAfter(2));
    const [, ...later] = await invoices();
    expect(later).toMatchObject([{ state: 'waiting_approval' }, { state: 'waiting_approval' }]);
  });

  test('is billed once it is approved, with a line in the log; approving it twice bills it once', async () => {
    await twoDays(6);
    const waiting = (await invoices())[1]?.id ?? '';
    const approve = () =>
      house.services.billing.approve(waiting, 'ann', 'a new campaign', house.clock.nowMs());
    expect(await approve()).toEqual({ approved: true, state: 'planned' });
    await house.work();
    expect(await approve()).toEqual({ approved: false, state: 'paid' });
    expect(await invoices()).toMatchObject([{ state: 'paid' }, { state: 'paid' }]);
    const lines = await house.sql("select actor from audit_log where action = 'invoice.approve'");
    expect(lines).toEqual([{ actor: 'ann' }]);
    const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
    expect(failures).toEqual([]);
  });

  test.each([
    { name: 'no more than by the factor', calls: 5 },
    { name: 'below the floor', calls: 2 },
  ])('does not wait when it changed $name', async ({ calls }) => {
    await twoDays(calls);
    expect(await invoices()).toMatchObject([{ state: 'paid' }, { state: 'paid' }]);
  });
});

describe('the preview', () => {
  test('shows each buyer’s invoice of a date beside its last, writes nothing, and is what the close then plans', async () => {
    const roads = [
      await house.road(),
      await house.road({ priceMinor: 20 }),
      await house.road({ currency: 'eur' }),
    ];
    for (const { number } of roads) await house.call({ number });
    await house.close(dateAfter(0));
    for (const { number } of roads) await house.call({ number });
    await house.call({ number: roads[0]?.number ?? '' });
    await house.work();
    const preview = await house.services.billing.preview(dateAfter(1));
    expect(
      preview
        .map(({ calls, amountMinor, lastMinor, reason }) => [calls, amountMinor, lastMinor, reason])
        .sort(),
    ).toEqual([
      [1, 4_000, 4_000, null],
      [2, 40, null, 'below_minimum'],
      [2, 8_000, 4_000, null],
    ]);
    expect(await invoices()).toHaveLength(2);
    await house.begin(dateAfter(1));
    await house.work({}, [BILL]);
    const planned = await house.sql(
      `select buyer_id as "buyerId", amount_minor as "amountMinor" from invoices where state = 'planned' order by buyer_id`,
    );
    const expected = preview.filter(({ reason }) => reason === null);
    expect(planned).toEqual(
      expected
        .map(({ buyerId, amountMinor }) => ({ buyerId, amountMinor }))
        .sort((a, b) => (a.buyerId < b.buyerId ? -1 : 1)),
    );
  });

  test('tells of a late call of a period that was billed that the next period bills it', async () => {
    const { number } = await house.road();
    await house.call({ number });
    await house.close(dateAfter(0));
    await house.call({ number, startedAtMs: Date.parse(`${dateAfter(0)}T20:00:00Z`) });
    await house.work();
    expect(await house.services.billing.preview(dateAfter(0))).toMatchObject([{ reason: 'period_billed' }]);
    expect(await house.services.billing.preview(dateAfter(1))).toMatchObject([{ reason: null }]);
  });
});

describe('invoices for people', () => {
  test('are listed, the newest first, by state and buyer, and shown with all that is known of them', async () => {
    const [first, second] = [await house.road(), await house.road({ card: 'pm_card_chargeCustomerFail' })];
    for (const { number } of [first, second]) await house.call({ number });
    await house.close(dateAfter(0));
    const { billing } = house.services;
    expect(await billing.list({ state: null, buyerId: null })).toHaveLength(2);
    expect(await billing.list({ state: 'open', buyerId: null })).toMatchObject([
      { paidMinor: 0, amountMinor: 4_000 },
    ]);
    const [paid] = await billing.list({ state: null, buyerId: first.buyer.id });
    expect(await billing.show(paid?.id ?? '')).toMatchObject({
      state: 'paid',
      lines: [{ calls: 1, amountMinor: 4_000 }],
      charges: [{ gross_minor: 4_000 }],
      journals: [{ journal: 'invoice' }, { journal: 'charge' }],
      attempts: [{ outcome: 'paid' }],
    });
    expect(await billing.show(first.buyer.id)).toBeNull();
  });
});

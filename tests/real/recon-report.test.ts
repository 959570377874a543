import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeReport, renderReport, renderReportCsv, renderReportHtml } from '../../src/cli/recon-report.ts';
import { readBalanceAt } from '../../src/integrations/stripe/balance-at.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';

keepServer();
let house: House;
/** Two calls of 40.00 on the first day, whose supplier was sent its 56.00 on the third night. */
beforeEach(async () => {
  house = await openHouse();
  const { number } = await house.road();
  for (const hour of [2, 1])
    await house.call({ number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
  for (const night of [0, 1, 2, 3]) await house.close(dateAfter(night));
});
afterEach(() => house.end());

/** A day on which the night's movements of a date are. */
const dayOf = async (category: string) => {
  const [row] = await house.sql<{ day: string }>(
    "select ((created_at at time zone 'UTC')::date)::text as day from stripe_movements where reporting_category = $1",
    [category],
  );
  return row?.day ?? '';
};

describe('the report of a day', () => {
  test('opens where the day before closed, and closes with what Stripe’s balance was at its end', async () => {
    const charged = await makeReport(house.services, await dayOf('charge'));
    expect(charged.currencies).toMatchObject([
      {
        ...{
          currency: 'usd',
          openingMinor: 0,
          movementsMinor: 7_738,
          closingMinor: 7_738,
          movements: 1,
          matched: 1,
        },
        categories: [{ category: 'charge', grossMinor: 8_000, feeMinor: 262, netMinor: 7_738, matched: 1 }],
      },
    ]);
    expect(charged.proof).toEqual([{ currency: 'usd', closingMinor: 7_738, stripeMinor: 7_738 }]);
    const paid = await makeReport(house.services, await dayOf('transfer'));
    expect(paid.currencies).toMatchObject([
      { openingMinor: 7_738, movementsMinor: -5_600, closingMinor: 2_138 },
    ]);
    expect(paid.proof).toEqual([{ currency: 'usd', closingMinor: 2_138, stripeMinor: 2_138 }]);
    expect(paid.breaks).toEqual([]);
  });

  test('tells a difference from Stripe’s balance when a movement is lacking here', async () => {
    const day = await dayOf('charge');
    await house.sql(
      "update stripe_movements set net_minor = net_minor - 100 where reporting_category = 'charge'",
    );
    const unfrozen = 'select max(frozen_through) < $1::date as open from cash_matching';
    const [row] = await house.sql<{ open: boolean }>(unfrozen, [day]);
    // A frozen day stays as it was when it was closed, and Stripe's side is asked for anew.
    const closingMinor = row?.open === true ? 7_638 : 7_738;
    const { proof } = await makeReport(house.services, day);
    expect(proof).toEqual([{ currency: 'usd', closingMinor, stripeMinor: 7_738 }]);
    const later = new Date(house.clock.nowMs() - 86_400_000).toISOString().slice(0, 10);
    const [shown] = (await makeReport(house.services, later)).proof;
    expect(shown?.stripeMinor).toBe(2_138);
  });

  test('of a day that is frozen has the corrections of the days before it, which came later', async () => {
    const day = await dayOf('charge');
    await house.sql(
      `insert into cash_days select day - 1, currency, 1, opening_minor, 100, opening_minor + 100, 1, 0, '[]', now() from cash_days
       where day = $1 and revision = 0 and currency = 'usd'`,
      [day],
    );
    const report = await makeReport(house.services, day);
    expect(report.proof).toEqual([{ currency: 'usd', closingMinor: 7_838, stripeMinor: 7_738 }]);
    for (const text of [renderReport(report), renderReportHtml(report)])
      expect(text).toContain('IT DIFFERS FROM WHAT STRIPE HAD: USD.');
    expect(renderReport(report)).toMatch(/closing, with corrections of days before +78\.38/);
  });

  test('of a day before anything moved says so', async () => {
    const report = await makeReport(house.services, '2026-01-01');
    for (const text of [renderReport(report), renderReportHtml(report)]) {
      expect(text).toContain('Nothing moved until the end of this day.');
      expect(text).not.toContain('DIFFERS');
    }
  });

  test('does not know Stripe’s balance at the end of a day that is not over', async () => {
    const today = new Date(house.clock.nowMs()).toISOString().slice(0, 10);
    const { proof } = await makeReport(house.services, today);
    expect(proof).toEqual([{ currency: 'usd', closingMinor: 2_138, stripeMinor: null }]);
    expect(renderReport(await makeReport(house.services, today))).toContain('not known');
  });

  test('shows each break with its age, and the same numbers as text, CSV and a page', async () => {
    const answer = await rawApi(house.simulator.url, SECRET_KEY)('POST', '/v1/transfers', {
      ...{ amount: '700', currency: 'usd' },
      destination: String(house.simulator.journal.all('transfer')[0]?.destination),
    });
    expect(answer.status).toBe(200);
    const day = new Date(house.clock.nowMs()).toISOString().slice(0, 10);
    await house.close(dateAfter(4));
    house.advance(3 * 86_400_000);
    const report = await makeReport(house.services, day);
    expect(report.breaks).toMatchObject([
      { kind: 'orphan_transfer', state: 'open', amountMinor: -700, ageDays: 3 },
    ]);
    const identity = report.breaks[0]?.identity ?? '';
    for (const text of [renderReport(report), renderReportCsv(report), renderReportHtml(report)]) {
      for (const part of [identity, 'orphan_transfer', '-7.00', '21.38', '14.38'])
        expect(text).toContain(part);
    }
    expect(renderReportCsv(report).split('\r\n').at(-1)).toBe(
      `break,${day},usd,${identity},,,,,-7.00,orphan_transfer,open,3`,
    );
  });
});

describe('Stripe’s balance at an instant', () => {
  test('counts only when the newest movement is the same before and after it is read', async () => {
    const { stripeBalance, clock } = house.services;
    const nowMs = clock.nowMs();
    const atMs = nowMs - 30 * 86_400_000;
    const { signal } = new AbortController();
    let reads = 0;
    const restless = (times: number): typeof stripeBalance => ({
      ...stripeBalance,
      async read(options) {
        const balance = await stripeBalance.read(options);
        reads += 1;
        if (reads <= times)
          await rawApi(house.simulator.url, SECRET_KEY)('POST', '/v1/transfers', {
            ...{ amount: '1', currency: 'usd' },
            destination: String(house.simulator.journal.all('transfer')[0]?.destination),
          });
        return balance;
      },
    });
    expect(await readBalanceAt(restless(2), atMs, { nowMs, signal })).toEqual(new Map([['usd', 0]]));
    expect(reads).toBe(3);
    reads = 0;
    expect(await readBalanceAt(restless(100), atMs, { nowMs, signal })).toBeNull();
    expect(reads).toBe(10);
  });
});

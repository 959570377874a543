import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { forgetMonths, insertMonth, type Movement, monthOf, prepareMonths } from '../helpers/money-month.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 20, 9);
let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  await prepareMonths(db.sql);
});
afterAll(() => db.close());
beforeEach(() => forgetMonths(db.sql));

interface Day {
  currency: string;
  openingMinor: number;
  movementsMinor: number;
  closingMinor: number;
  movements: number;
  matched: number;
  categories: { category: string; movements: number; netMinor: number; matched: number }[];
}
interface Summary {
  date: string;
  state: string;
  currencies: Day[];
  corrections: (Day & { revision: number })[];
  balances: { currency: string; amountMinor: number }[];
  breaks: { identity: string; state: string }[];
}
const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const compare = (nowMs = NOW_MS) =>
  db.sql('select reconcile_money($1, $2, $2, $2)', [dateOf(nowMs - DAY_MS), nowMs]);
const freeze = (date: string) => db.sql('select app.freeze_days($1)', [date]);
const day = async (date: string): Promise<Summary> => {
  const [row] = await db.sql<{ day: Summary }>('select cash_day($1, $2) as day', [date, NOW_MS]);
  if (row === undefined) throw new Error('no answer');
  return row.day;
};
const DATES = Array.from({ length: 20 }, (_, nth) => dateOf(NOW_MS - (19 - nth) * DAY_MS));
const late = (createdMs: number): Movement => ({
  ...{ id: 'txn_late', source: 'ch_late', category: 'charge', amount: 5_000, fee: 175, currency: 'usd' },
  ...{ rate: null, createdMs, availableMs: createdMs },
});

test('each day opens where the one before closed, and the last closes with all that moved', async () => {
  await insertMonth(db.sql, monthOf(7, NOW_MS));
  await compare();
  const live = await Promise.all(DATES.map(day));
  await freeze(DATES[12] ?? '');
  const days = await Promise.all(DATES.map(day));
  expect(days.map(({ state }) => state)).toEqual(DATES.map((_, nth) => (nth <= 12 ? 'frozen' : 'open')));
  // Freezing changes no number.
  const numbers = ({ currencies }: Summary) => currencies.filter(({ movements }) => movements > 0);
  expect(days.map(numbers)).toEqual(live.map(numbers));
  const totals = await db.sql<{ currency: string; net_minor: number; movements: number }>(
    'select currency, net_minor, movements from cash_totals order by 1',
  );
  expect(totals.length).toBeGreaterThan(1);
  for (const { currency, net_minor, movements } of totals) {
    const mine = days.flatMap(({ currencies }) => currencies.filter((one) => one.currency === currency));
    let closing = 0;
    for (const one of mine) {
      expect(one.openingMinor).toBe(closing);
      expect(one.categories.reduce((sum, { netMinor }) => sum + netMinor, 0)).toBe(one.movementsMinor);
      closing = one.openingMinor + one.movementsMinor;
      expect(one.closingMinor).toBe(closing);
    }
    expect(closing).toBe(net_minor);
    expect(mine.reduce((sum, one) => sum + one.movements, 0)).toBe(movements);
  }
});

test('what comes for a frozen day later is a correction beside it, and its break lives on', async () => {
  await insertMonth(db.sql, monthOf(7, NOW_MS));
  await compare();
  const date = DATES[10] ?? '';
  await freeze(DATES[12] ?? '');
  const before = await day(date);
  await insertMonth(db.sql, { movements: [late(Date.parse(date) + 3_600_000)], lines: [] });
  await compare(NOW_MS + DAY_MS);
  await freeze(DATES[13] ?? '');
  const after = await day(date);
  expect(after.currencies).toEqual(before.currencies);
  const opening = before.currencies.find(({ currency }) => currency === 'usd')?.closingMinor ?? 0;
  expect(after.corrections).toMatchObject([
    { ...{ revision: 1, movements: 1, matched: 0, openingMinor: opening }, closingMinor: opening + 4_825 },
  ]);
  expect(after.breaks).toContainEqual(
    expect.objectContaining({ identity: 'movement:txn_late', state: 'open' }),
  );
  // The next day to be frozen opens with it.
  const [frozen, next] = await Promise.all([day(DATES[12] ?? ''), day(DATES[13] ?? '')]);
  const usd = ({ currencies }: Summary) => currencies.find(({ currency }) => currency === 'usd');
  expect(usd(next)?.openingMinor).toBe((usd(frozen)?.closingMinor ?? 0) + 4_825);
});

test('a day’s balance is the sum of all movements up to its end, also of those that came for an earlier day when it was frozen', async () => {
  await insertMonth(db.sql, monthOf(7, NOW_MS));
  await compare();
  await freeze(DATES[12] ?? '');
  const moved = async (date: string) => {
    const rows = await db.sql<{ currency: string; amountMinor: number }>(
      `select currency, sum(net_minor)::bigint as "amountMinor" from stripe_movements where created_at < $1::timestamptz + interval '1 day' group by 1 order by 1`,
      [`${date}T00:00:00Z`],
    );
    return rows.filter(({ amountMinor }) => amountMinor !== 0);
  };
  const told = async (date: string) =>
    (await day(date)).balances.filter(({ amountMinor }) => amountMinor !== 0);
  const frozen = await told(DATES[12] ?? '');
  await insertMonth(db.sql, { movements: [late(Date.parse(DATES[10] ?? '') + 3_600_000)], lines: [] });
  await compare(NOW_MS + DAY_MS);
  expect(await told(DATES[12] ?? '')).not.toEqual(frozen);
  await freeze(DATES[14] ?? '');
  for (const date of DATES) expect([date, await told(date)]).toEqual([date, await moved(date)]);
});

test('a frozen day, a match and the history of a break refuse every change', async () => {
  await insertMonth(db.sql, monthOf(7, NOW_MS));
  await compare();
  await freeze(DATES[12] ?? '');
  for (const change of [
    'update cash_days set matched = 0',
    'delete from cash_days',
    'truncate cash_days',
    'update cash_matches set agrees = true',
    'delete from cash_matches',
    "update break_events set actor = 'nobody'",
  ])
    await expect(db.sql(change)).rejects.toThrow('append-only');
});

test('a day is not frozen before it is over and compared', async () => {
  await insertMonth(db.sql, monthOf(7, NOW_MS));
  await freeze(DATES[19] ?? '');
  expect(await db.sql('select 1 from cash_days')).toEqual([]);
  await compare();
  await freeze(DATES[19] ?? '');
  expect(await db.sql('select max(day)::text as day from cash_days')).toEqual([
    { day: dateOf(NOW_MS - DAY_MS) },
  ]);
});

test('a day is not frozen that was over only after its movements had been listed', async () => {
  await insertMonth(db.sql, monthOf(7, NOW_MS));
  const [date = '', before = ''] = [DATES[12], DATES[11]];
  const midnightMs = Date.parse(date) + DAY_MS;
  // Listed a minute before midnight, compared five minutes after it; what moved in between comes with the next listing.
  const compareAt = (listedMs: number, nowMs: number) =>
    db.sql('select reconcile_money($1, $2, $2, $3)', [date, listedMs, nowMs]);
  await compareAt(midnightMs - 60_000, midnightMs + 300_000);
  await freeze(date);
  await insertMonth(db.sql, { movements: [late(midnightMs - 30_000)], lines: [] });
  expect(await db.sql('select max(day)::text as day from cash_days')).toEqual([{ day: before }]);
  await compareAt(midnightMs + 300_000, midnightMs + 600_000);
  await freeze(date);
  const { state, corrections, currencies } = await day(date);
  expect({ state, corrections }).toEqual({ state: 'frozen', corrections: [] });
  const charges = currencies
    .filter(({ currency }) => currency === 'usd')
    .flatMap(({ categories }) => categories.filter(({ category }) => category === 'charge'));
  expect(charges.reduce((sum, { movements }) => sum + movements, 0)).toBeGreaterThan(0);
});

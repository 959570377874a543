import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import {
  forgetMonths,
  type Injection,
  insertMonth,
  KINDS,
  monthOf,
  prepareMonths,
} from '../helpers/money-month.ts';

const SEEDS = 500;
/** Months that are compared at once, each by its own ids: found breaks are told apart by them. */
const AT_ONCE = 50;
const NOW_MS = Date.UTC(2026, 10, 20, 9);
let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  await prepareMonths(db.sql);
});
afterAll(() => db.close());
beforeEach(() => forgetMonths(db.sql));

const compare = (nowMs = NOW_MS) => db.sql('select reconcile_money($1, $2, $2, $2)', ['2026-11-19', nowMs]);
const found = async () =>
  (
    await db.sql<{ identity: string; kind: string }>(
      // Which of two lines that name one movement is its match is nobody's business.
      `select case when identity like 'line:%' then 'line:' || (evidence ->> 'movement') else identity end as identity, kind
       from reconciliation_breaks where state in ('open', 'explained')`,
    )
  )
    .map(({ identity, kind }) => `${identity} ${kind}`)
    .sort();
const told = (injected: readonly Injection[]) =>
  injected.map(({ identity, kind }) => `${identity} ${kind}`).sort();

describe(`of ${SEEDS} months with breaks of every kind at random`, () => {
  const batches = Array.from({ length: SEEDS / AT_ONCE }, (_, nth) => nth * AT_ONCE);
  test.each(batches)('exactly what was injected is found, of the right kind: seeds from %i', async (from) => {
    const months = Array.from({ length: AT_ONCE }, (_, nth) => monthOf(from + nth, NOW_MS));
    for (const month of months) await insertMonth(db.sql, month);
    await compare();
    const all = await found();
    for (const { seed, injected } of months) {
      const mine = all.filter((line) => line.includes(`_${seed}_`)).sort();
      expect(mine, `seed ${seed}`).toEqual(told(injected));
    }
    expect(all).toHaveLength(months.reduce((sum, { injected }) => sum + injected.length, 0));
  });

  test('the seeds inject each kind, and nothing into some months', () => {
    const months = Array.from({ length: SEEDS }, (_, seed) => monthOf(seed, NOW_MS));
    expect(new Set(months.flatMap(({ injected }) => injected.map(({ kind }) => kind)))).toEqual(
      new Set(KINDS),
    );
    expect(months.some(({ injected }) => injected.length === 0)).toBe(true);
  });
});

describe('one set of breaks', () => {
  const facts = () =>
    db.sql(
      'select identity, kind, state, amount_minor, first_seen_at from reconciliation_breaks order by id',
    );
  const once = () => monthOf(7, NOW_MS);

  test('is what the same day leaves when it is compared twice', async () => {
    await insertMonth(db.sql, once());
    await compare();
    const first = await facts();
    expect(first.length).toBeGreaterThan(0);
    const counts = await db.sql('select * from cash_totals order by 1');
    await compare();
    expect(await facts()).toEqual(first);
    expect(await db.sql('select * from cash_totals order by 1')).toEqual(counts);
    expect(await db.sql('select event from break_events where event <> $1', ['found'])).toEqual([]);
  });

  test('is what two workers leave who compare at once, part by part', async () => {
    const months = [once(), monthOf(8, NOW_MS), monthOf(9, NOW_MS)];
    for (const month of months) await insertMonth(db.sql, month);
    const worker = async () => {
      for (;;) {
        const [row] = await db.sql<{ more: boolean }>('select app.match_cash(7, app.at($1)) as more', [
          NOW_MS,
        ]);
        if (row?.more !== true) break;
      }
      await compare();
    };
    await Promise.all([worker(), worker()]);
    expect(await found()).toEqual(told(months.flatMap(({ injected }) => injected)));
    expect(await db.sql('select sum(matched)::int as n from cash_totals')).toEqual(
      await db.sql('select count(*)::int as n from cash_matches'),
    );
  });

  test('is what comparisons leave while payments arrive', async () => {
    const months = Array.from({ length: 12 }, (_, nth) => monthOf(20 + nth, NOW_MS));
    const arriving = (async () => {
      for (const month of months) await insertMonth(db.sql, month);
    })();
    for (let times = 0; times < 6; times += 1) await compare();
    await arriving;
    await compare();
    expect(await found()).toEqual(told(months.flatMap(({ injected }) => injected)));
  });
});

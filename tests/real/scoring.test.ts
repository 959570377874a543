import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { scoreCalls } from '../../src/jobs/fraud/score-call.job.ts';
import { wrongIn } from '../helpers/books.ts';
import { dateAfter, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { runContext } from '../helpers/seeding.ts';

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

const SCORE = 'fraud.score-call';
const calls = () =>
  house.sql<{ id: string; status: string }>('select id, status from calls order by made_at, external_id');
const statuses = async () => (await calls()).map(({ status }) => status).sort();

describe('scoring', () => {
  test('pays one caller once in its window, although many workers score its calls at the same time', async () => {
    const [buyer, supplier] = [await house.buyer(), await house.supplier()];
    const { number } = await house.campaign(buyer, supplier, { duplicateWindowS: 3_600 });
    for (let n = 0; n < 4; n += 1) await house.call({ number, caller: '+12127361234' });
    await Promise.all((await calls()).map(async ({ id }) => house.run(await house.row(SCORE, id))));
    expect(await statuses()).toEqual(['qualified', 'rejected', 'rejected', 'rejected']);
    expect(await house.sql('select price_minor from earnings')).toEqual([{ price_minor: 4_000 }]);
  });

  test('rates by the terms in force at the start, and by newer ones for that call alone when they come meanwhile', async () => {
    const road = await house.road();
    const other = await house.road();
    await house.call({ number: road.number });
    await house.call({ number: other.number });
    const startedMs = house.clock.nowMs() - 120_000;
    const { calls: store } = house.services;
    const slow: typeof store = {
      ...store,
      async rate(decisions, nowMs) {
        const terms = { id: randomUUID(), campaignId: road.id, currency: 'usd', priceMinor: 5_000 };
        const rules = {
          validFromMs: startedMs,
          supplierShareBps: 7_000,
          minDurationS: 30,
          duplicateWindowS: 0,
        };
        await house.put({ terms: [{ ...terms, ...rules }] });
        return store.rate(decisions, nowMs);
      },
    };
    const batch = (await calls()).map(({ id }) => ({ callId: id }));
    const outcomes = await scoreCalls.runBatch?.(batch, { ...house.services, ...runContext(), calls: slow });
    expect(outcomes?.map((one) => ('kind' in one ? one.kind : one.message)).sort()).toEqual([
      'done',
      'snooze',
    ]);
    await house.work();
    const earned = await house.sql<{ price: number }>('select price_minor as price from earnings order by 1');
    expect(earned.map(({ price }) => price)).toEqual([4_000, 5_000]);
  });

  test('scores the newer facts when they come between reading and rating', async () => {
    const { number } = await house.road();
    const callId = await house.call({ number });
    const { calls: store } = house.services;
    const slow: typeof store = {
      ...store,
      async rate(decisions, nowMs) {
        await house.call({ number, callId, durationS: 5, statedAtMs: house.clock.nowMs() + 1_000 });
        return store.rate(decisions, nowMs);
      },
    };
    const [call] = await calls();
    const first = await house.run(await house.row(SCORE, call?.id ?? ''), { calls: slow });
    expect(first).toMatchObject({ end: 'wait', code: 'facts_changed' });
    await house.work();
    expect(await statuses()).toEqual(['rejected']);
  });
});

describe('an invoice', () => {
  test('holds exactly the calls that it was summed from, although one more is rated while it is planned', async () => {
    const { number } = await house.road();
    await house.call({ number });
    await house.work();
    await house.call({ number });
    const late = (await calls()).find(({ status }) => status === 'stored');
    const item = await house.row(SCORE, late?.id ?? '');
    // This call's row is out of the way, as if its webhook had come a moment later.
    await house.sql("update work set state = 'discarded' where key = $1", [item.key]);
    const client = new pg.Client({ connectionString: house.db.adminUrl });
    await client.connect();
    try {
      await client.query('begin; lock table invoices in share row exclusive mode');
      const closing = house.begin(FIRST_DATE).then(() => house.work());
      await vi.waitFor(async () => {
        const waiting = await house.sql(
          "select 1 from pg_locks where relation = 'invoices'::regclass and not granted",
        );
        expect(waiting).toHaveLength(1);
      }, 5_000);
      await house.services.calls.rate(await decisionFor(item.key), house.clock.nowMs());
      await client.query('commit');
      await closing;
    } finally {
      await client.end();
    }
    await house.close(FIRST_DATE);
    await house.close(dateAfter(1));
    const invoices = await house.sql(
      'select amount_minor as amount, state from invoices order by business_date',
    );
    expect(invoices).toEqual([
      { amount: 4_000, state: 'paid' },
      { amount: 4_000, state: 'paid' },
    ]);
  });

  async function decisionFor(callId: string) {
    const [context] = await house.services.calls.scoringContext([callId]);
    if (context?.terms == null) throw new Error('no such call');
    const shares = [{ fromCall: 1, shareMinor: 2_800 }];
    const rating = { termsId: context.terms.termsId, priceMinor: 4_000, shares };
    return [{ callId, factsVersion: 1, score: 0, decision: 'qualify', reasons: [], ...rating } as const];
  }
});

test('a call that begins in the future is refused, because no close would ever bill it', async () => {
  const { number } = await house.road();
  const future = house.clock.nowMs() + 2 * 86_400_000;
  await expect(house.call({ number, startedAtMs: future })).rejects.toMatchObject({ code: 'BODY_MALFORMED' });
  expect(await calls()).toEqual([]);
});

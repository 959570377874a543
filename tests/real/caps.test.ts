import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRandom } from '../../sandbox/random.ts';
import { scoreCalls } from '../../src/jobs/fraud/score-call.job.ts';
import { brokenIn, wrongIn } from '../helpers/books.ts';
import { type House, keepServer, openHouse } from '../helpers/house.ts';
import { runContext } from '../helpers/seeding.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
    expect(await brokenIn(house.db, house.clock.nowMs())).toEqual([]);
  } finally {
    await house.end();
  }
});

interface Judged {
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number;
  /** The reason of a rejection; null when the call is paid for. */
  readonly reason: string | null;
}

const judged = () =>
  house.sql<{ id: string; startMs: number; endMs: number; reason: string | null }>(
    `select c.id, app.ms(c.started_at) as "startMs", app.ms(c.started_at) + c.duration_s * 1000 as "endMs",
       case when c.status <> 'qualified' then coalesce(s.reasons -> -1 ->> 'signal', c.status) end as reason
     from calls c left join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version order by c.started_at, c.id`,
  );
const reasons = async () => (await judged()).map(({ reason }) => reason);
const rate = (ids: readonly string[]) =>
  scoreCalls.runBatch?.(
    ids.map((callId) => ({ callId })),
    { ...house.services, ...runContext() },
  );
const paid = (calls: readonly Judged[]) => calls.filter(({ reason }) => reason === null);
/** How many of the calls are in progress at an instant. */
const runningAt = (calls: readonly Judged[], ms: number) =>
  calls.filter(({ startMs, endMs }) => startMs <= ms && ms < endMs).length;

describe.each([1, 2, 3])('random calls in random batches of four workers, seed %i', (seed) => {
  test('never exceed a cap, and are refused for a full one only', async () => {
    const random = createRandom(seed);
    const caps = { dailyCap: 5, monthlyCap: 9, concurrencyCap: 2 };
    const { number } = await house.road({ ...caps, minDurationS: 0, timezone: 'Asia/Tokyo' });
    // Four days of Tokyo, from 29 October on, two of them in each month.
    const fromMs = Date.parse('2026-10-29T15:00:00Z');
    for (let n = 0; n < 110; n += 1) {
      const startedAtMs = fromMs + random.between(0, 4 * 86_400) * 1_000;
      await house.call({ number, startedAtMs, durationS: random.between(8_000, 32_000) });
    }
    const ids = (await judged()).map(({ id }) => ({ id, order: random.next() }));
    const shuffled = ids.toSorted((a, b) => a.order - b.order).map(({ id }) => id);
    const worker = async (nth: number) => {
      for (let at = nth * 10; at < shuffled.length; at += 40) await rate(shuffled.slice(at, at + 10));
    };
    await Promise.all([0, 1, 2, 3].map(worker));

    const calls = await judged();
    const nameOf = (ms: number) => new Date(ms + 9 * 3_600_000).toISOString();
    const inSame = (length: number, ms: number) =>
      paid(calls).filter(({ startMs }) => nameOf(startMs).slice(0, length) === nameOf(ms).slice(0, length))
        .length;
    const fullest = ({ startMs, endMs }: Judged) =>
      Math.max(
        ...[startMs, ...paid(calls).map((call) => call.startMs)]
          .filter((ms) => ms >= startMs && ms < endMs)
          .map((ms) => runningAt(paid(calls), ms)),
      );
    for (const call of calls) {
      expect(inSame(10, call.startMs)).toBeLessThanOrEqual(caps.dailyCap);
      expect(inSame(7, call.startMs)).toBeLessThanOrEqual(caps.monthlyCap);
      expect(fullest(call)).toBeLessThanOrEqual(caps.concurrencyCap);
      if (call.reason === 'over-daily-cap') expect(inSame(10, call.startMs)).toBe(caps.dailyCap);
      else if (call.reason === 'over-monthly-cap') expect(inSame(7, call.startMs)).toBe(caps.monthlyCap);
      else if (call.reason === 'over-concurrency-cap') expect(fullest(call)).toBe(caps.concurrencyCap);
      else expect(call.reason).toBeNull();
    }
    const found = calls.map(({ reason }) => reason);
    expect(found).toEqual(expect.arrayContaining([null, 'over-daily-cap', 'over-monthly-cap']));
  });
});

describe('a cap', () => {
  const hoursAgo = (hours: number) => house.clock.nowMs() - hours * 3_600_000;

  test('is filled by the calls of a batch in the order of their starts', async () => {
    const { number } = await house.road({ dailyCap: 3 });
    for (const hours of [1, 3, 5, 2, 4, 6]) await house.call({ number, startedAtMs: hoursAgo(hours) });
    await rate((await judged()).map(({ id }) => id).toReversed());
    const full = 'over-daily-cap';
    expect(await reasons()).toEqual([null, null, null, full, full, full]);
  });

  test('that is full stays full for a call that comes late and started first', async () => {
    const { number } = await house.road({ monthlyCap: 1 });
    await house.call({ number, startedAtMs: hoursAgo(1) });
    await house.work();
    await house.call({ number, startedAtMs: hoursAgo(2) });
    await house.work();
    expect(await reasons()).toEqual(['over-monthly-cap', null]);
  });

  test('of calls at one time counts those that begin while a late call lasts, and not those that end as it begins', async () => {
    const { number } = await house.road({ concurrencyCap: 2 });
    const firstMs = hoursAgo(2);
    const call = async (minute: number, minutes: number) => {
      await house.call({ number, startedAtMs: firstMs + minute * 60_000, durationS: minutes * 60 });
      await house.work();
    };
    await call(10, 10);
    await call(12, 10);
    await call(0, 12);
    await call(5, 5);
    await call(22, 5);
    await call(20, 5);
    // The first lasts until the two are in progress; the next ends as they begin; the last two begin as one of them ends.
    expect(await reasons()).toEqual([null, null, null, null, null, null]);
    await call(1, 12);
    expect(await reasons()).toEqual([null, 'over-concurrency-cap', null, null, null, null, null]);
  });

  test('is not lifted by a person who decides that a held call qualifies', async () => {
    const { number } = await house.road({ dailyCap: 1 });
    await house.call({ number, caller: null, startedAtMs: hoursAgo(2) });
    await house.call({ number, startedAtMs: hoursAgo(1) });
    await house.work();
    const [held] = await judged();
    await house.services.review.decide([held?.id ?? ''], 'qualify', 'ops', 'listened', house.clock.nowMs());
    await house.work();
    expect(await reasons()).toEqual(['over-daily-cap', null]);
  });

  test('of a day holds for both midnights of the night in which clocks go back at one', async () => {
    const { number } = await house.road({ dailyCap: 1, timezone: 'America/Havana' });
    // 23:30, then 00:30 twice: after 00:59 the clocks show 00:00 again.
    for (const at of ['2026-11-01T03:30:00Z', '2026-11-01T04:30:00Z', '2026-11-01T05:30:00Z'])
      await house.call({ number, startedAtMs: Date.parse(at) });
    await house.work();
    expect(await reasons()).toEqual([null, null, 'over-daily-cap']);
  });
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import { profileSuppliers } from '../../src/jobs/fraud/profile-suppliers.job.ts';
import { wrongIn } from '../helpers/books.ts';
import { DAY_MS, dateAfter, type House, keepServer, OPENS_MS, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';

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

const PROFILE = 'fraud.profile-suppliers';
/** Calls of a day before an hour of it, each as long as is just paid for (30 s and up to 4 more), or as honest ones are; their ids. */
async function callsOn(day: number, number: string, count: number, isGaming: boolean, hour = 12) {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const startedAtMs = OPENS_MS + day * DAY_MS + (hour - 12) * 3_600_000 - (n + 1) * 60_000;
    ids.push(
      await house.call({ number, startedAtMs, durationS: isGaming ? 30 + (n % 5) : 31 + 17 * (n % 20) }),
    );
  }
  await house.work({}, [PROFILE]);
  const rows = await house.sql<{ id: string }>('select id from calls where external_id = any ($1)', [ids]);
  return rows.map(({ id }) => id);
}
const standings = async () =>
  (await house.services.standings.list()).map(
    ({ standing, byPerson }) => `${standing} ${byPerson ? 'person' : 'rules'}`,
  );
const set = (supplierId: string, to: Parameters<House['services']['standings']['set']>[1]) =>
  house.services.standings.set(supplierId, to, 'ops', 'talked to them', house.clock.nowMs());
const callNow = async (number: string) => {
  await house.call({ number, startedAtMs: house.clock.nowMs() });
  await house.work();
  const [call] = await house.sql<{ status: string; reason: string | null }>(
    `select c.status, s.reasons -> 0 ->> 'signal' as reason from calls c join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
     order by c.started_at desc limit 1`,
  );
  return call;
};

test('a supplier that games the minimum is throttled, then paused, with the evidence; an honest one is not; a person sets it back', async () => {
  const [gamer, honest] = [await house.road(), await house.road()];
  for (const day of [0, 1]) {
    await callsOn(day, gamer.number, 36, true);
    await callsOn(day, honest.number, 20, false);
    await house.close(dateAfter(day));
    expect(await standings()).toEqual([day === 0 ? 'throttled rules' : 'paused rules']);
  }
  const [stands] = await house.services.standings.list();
  expect(stands).toMatchObject({
    ...{ supplierId: gamer.supplier.id, setBy: 'callclear' },
    // Of the second day alone: each step has evidence of its own.
    evidence: {
      days: 1,
      calls: 36,
      findings: [{ of: 'bunching', grade: 'certain', observed: 1, expected: 0.42, calls: 36 }],
    },
  });
  expect(stands?.reason).toMatch(/^100 % of its 36 calls within 15 s above the minimum/);
  // What started before it was throttled is as it was; while it was, what was beyond its usual hour waits.
  expect(
    await house.sql(
      'select distinct business_date::text as day, status from calls where supplier_id = $1 order by 1, 2',
      [gamer.supplier.id],
    ),
  ).toEqual([
    { day: dateAfter(0), status: 'qualified' },
    { day: dateAfter(1), status: 'held' },
    { day: dateAfter(1), status: 'qualified' },
  ]);
  expect(await callNow(gamer.number)).toEqual({ status: 'held', reason: 'supplier-paused' });
  expect(await callNow(honest.number)).toMatchObject({ status: 'qualified' });

  expect(await set(gamer.supplier.id, 'active')).toBe(true);
  expect(await set(gamer.supplier.id, 'active')).toBe(false);
  expect(await callNow(gamer.number)).toMatchObject({ status: 'qualified' });
  // What started while it was paused waits for a person.
  expect(
    await house.services.review.queue(
      { campaignId: null, supplierId: gamer.supplier.id, signal: 'supplier-paused' },
      10,
    ),
  ).toHaveLength(1);

  await callsOn(2, gamer.number, 36, true);
  await house.close(dateAfter(2));
  expect(await standings()).toEqual(['active person']);
  expect(await set(gamer.supplier.id, 'rules')).toBe(true);
  await callsOn(3, gamer.number, 36, true);
  await house.close(dateAfter(3));
  expect(await standings()).toEqual(['throttled rules']);
  expect(
    await house.sql(
      "select actor, detail ->> 'standing' as standing, detail ->> 'was' as was from audit_log where action = 'fraud.standing' order by id",
    ),
  ).toEqual([
    { actor: 'callclear', standing: 'throttled', was: 'active' },
    { actor: 'callclear', standing: 'paused', was: 'throttled' },
    { actor: 'ops', standing: 'active', was: 'paused' },
    { actor: 'ops', standing: 'rules', was: 'active' },
    { actor: 'callclear', standing: 'throttled', was: 'active' },
  ]);
});

test('a step rests on calls that started after the step before it: those of its morning do not count', async () => {
  const { number } = await house.road();
  await callsOn(0, number, 36, true);
  // The close of the first day is at nine.
  await callsOn(1, number, 36, true, 8);
  await house.close(dateAfter(0));
  expect(await standings()).toEqual(['throttled rules']);
  await callsOn(1, number, 5, true);
  await house.close(dateAfter(1));
  expect(await standings()).toEqual(['throttled rules']);
  expect((await house.services.standings.toJudge(dateAfter(1))).map(({ since }) => since.calls)).toEqual([5]);
  await callsOn(2, number, 31, true);
  await house.close(dateAfter(2));
  expect(await house.services.standings.list()).toMatchObject([
    { standing: 'paused', evidence: { days: 2, calls: 36 } },
  ]);
});

test('disputes count against the calls that they are of, whenever they are decided', async () => {
  const { number, supplier } = await house.road();
  const { adjustments, standings: store } = house.services;
  const dispute = async (ids: readonly string[]) => {
    await adjustments.dispute(ids, 'the buyer', 'a wrong number', house.clock.nowMs());
    await adjustments.decide(ids, true, 'ops', 'listened to them', house.clock.nowMs());
  };
  const before = await callsOn(0, number, 60, false);
  await house.close(dateAfter(0));
  await set(supplier.id, 'active');
  await set(supplier.id, 'rules');
  const after = await callsOn(1, number, 60, false);
  // Of the new calls each but one in 60 is good; of the old ones half are not.
  await dispute(before.slice(0, 30));
  await house.close(dateAfter(1));
  expect(await standings()).toEqual(['active rules']);
  expect(
    await house.sql(
      `select day::text, calls, qualified, disputed from supplier_days where since = '-infinity' order by day`,
    ),
  ).toEqual([
    { day: dateAfter(0), calls: 60, qualified: 60, disputed: 30 },
    { day: dateAfter(1), calls: 60, qualified: 60, disputed: 0 },
  ]);
  await callsOn(2, number, 1, false);
  await dispute(after.slice(0, 30));
  await house.close(dateAfter(2));
  expect(await store.list()).toMatchObject([
    {
      standing: 'throttled',
      evidence: { calls: 61, findings: [{ of: 'disputes', calls: 61, observed: 30 / 61 }] },
    },
  ]);
  await callsOn(3, number, 1, false);
  await house.close(dateAfter(3));
  expect(await store.toJudge(dateAfter(3))).toMatchObject([
    { movedFor: ['disputes'], since: { calls: 1, disputed: 0 } },
  ]);
});

test('a date moves a supplier once, wherever its job is killed and however often it runs', async () => {
  const { number } = await house.road();
  await callsOn(0, number, 36, true);
  await house.begin(dateAfter(0));
  await house.work({}, [PROFILE]);
  const steps = await dieAtEachStep(house, await house.row(PROFILE, dateAfter(0)));
  expect(steps).toEqual([
    ...['fraud.profileSuppliers', 'standings.toJudge', 'standings.move', 'work.finish'],
  ]);
  await profileSuppliers.run(
    { date: dateAfter(0), dueAtMs: 0 },
    {
      ...house.services,
      ...{ signal: new AbortController().signal, dueAtMs: 0, attempt: 1, trace: 'test' },
    },
  );
  expect(await house.sql('select standing from supplier_standings')).toEqual([{ standing: 'throttled' }]);
});

test('a person who speaks while the rules decide has the word', async () => {
  const { number, supplier } = await house.road();
  await callsOn(0, number, 36, true);
  await house.begin(dateAfter(0));
  await house.work({}, [PROFILE]);
  const { standings: store } = house.services;
  const slow: typeof store = {
    ...store,
    async move(...args) {
      await set(supplier.id, 'active');
      return store.move(...args);
    },
  };
  await house.run(await house.row(PROFILE, dateAfter(0)), { standings: slow });
  expect(await standings()).toEqual(['active person']);
});

test('calls are fraud by what their signals alone come to, whatever became of them', async () => {
  const { number, supplier } = await house.road();
  await set(supplier.id, 'blocked');
  const startedAtMs = OPENS_MS + 60_000;
  house.advance(120_000);
  await house.call({ number, startedAtMs, caller: '+12121551234' });
  await house.call({ number, startedAtMs, caller: null });
  await house.call({ number, startedAtMs });
  await house.close(dateAfter(0));
  expect(
    await house.sql("select calls, refused, fraudulent from supplier_days where since = '-infinity'"),
  ).toEqual([{ calls: 3, refused: 3, fraudulent: 1 }]);
});

test('a call that waits because its supplier is paused is none that rules stopped: a pause does not feed itself', async () => {
  const { number, supplier } = await house.road();
  await set(supplier.id, 'paused');
  const startedAtMs = OPENS_MS + 60_000;
  house.advance(120_000);
  await house.call({ number, startedAtMs });
  await house.call({ number, startedAtMs, caller: null });
  await house.close(dateAfter(0));
  expect(await house.sql('select status from calls order by caller_number')).toEqual([
    ...[{ status: 'held' }, { status: 'held' }],
  ]);
  expect(await house.sql("select payable, stopped from supplier_days where since = '-infinity'")).toEqual([
    { payable: 2, stopped: 1 },
  ]);
});

test('the weekdays of a profile are those of UTC, as its hours and those of a call are', async () => {
  const { number } = await house.road();
  await house.sql("update settings set timezone = 'America/Los_Angeles'");
  // Monday evening there, and Tuesday in UTC.
  await house.call({ number, startedAtMs: Date.UTC(2026, 10, 3, 2) });
  await house.sql('select app.count_day($1)', [dateAfter(0)]);
  const [day] = await house.sql<{ hours: number[]; weekdays: number[] }>(
    'select hours, weekdays from supplier_days',
  );
  expect([day?.hours.indexOf(1), day?.weekdays]).toEqual([2, [0, 1, 0, 0, 0, 0, 0]]);
});

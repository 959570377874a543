import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { plainRules } from '../../sandbox/plain-rules.ts';
import { expireHolds } from '../../src/jobs/fraud/expire-holds.job.ts';
import { contextFor } from '../../src/queues/run-job.ts';
import type { JobServices } from '../../src/services.ts';
import { wrongIn } from '../helpers/books.ts';
import { type House, Killed, keepServer, openHouse } from '../helpers/house.ts';
import { killing } from '../helpers/killing.ts';
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

const HOUR_MS = 3_600_000;
/** As the schedule's tick does; how many it decided. */
async function expire(given: Partial<JobServices> = {}): Promise<unknown> {
  const outcome = await expireHolds.run(
    {},
    contextFor(expireHolds, { ...house.services, ...given }, runContext()),
  );
  await house.work();
  return outcome.kind === 'done' ? outcome.summary.expired : outcome.kind;
}
const calls = () => house.sql('select status, decided from calls order by started_at');
const HELD = { status: 'held', decided: null };
const hold = async (number: string, startedAtMs = house.clock.nowMs() - 60_000) => {
  const callId = await house.call({ number, caller: null, startedAtMs });
  await house.work();
  return callId;
};

test('a held call that nobody decides is decided when its time is over, as its rules say and with an audit line', async () => {
  const { number } = await house.road();
  await hold(number);
  house.advance(71 * HOUR_MS);
  expect(await expire()).toBe(0);
  expect(await calls()).toEqual([HELD]);
  house.advance(HOUR_MS);
  expect(await expire()).toBe(1);
  expect(await expire()).toBe(0);
  expect(await calls()).toEqual([{ status: 'rejected', decided: 'reject' }]);
  expect(
    await house.sql(
      "select actor, action, detail ->> 'decision' as what from audit_log where subject like 'call:%'",
    ),
  ).toEqual([{ actor: 'callclear', action: 'call.expire', what: 'reject' }]);
});

test('where the rules let it qualify it is paid for', async () => {
  const { number } = await house.road();
  const { fraud, clock } = house.services;
  const rules = {
    ...plainRules,
    default: { ...plainRules.default, expiry: { hours: 1, decision: 'qualify' } },
  };
  const version = await fraud.addRuleSet(rules, 'ops', 'trust', clock.nowMs());
  await fraud.useRuleSet(version, 'running', 'ops', 'trust', clock.nowMs());
  await hold(number);
  house.advance(HOUR_MS);
  expect(await expire()).toBe(1);
  expect(await calls()).toEqual([{ status: 'qualified', decided: 'qualify' }]);
  expect(await house.sql('select price_minor from earnings')).toEqual([{ price_minor: 4_000 }]);
});

test('its time begins when rules first held it: newer facts, and another score, do not put it off', async () => {
  const { number } = await house.road();
  const startedAtMs = house.clock.nowMs() - 60_000;
  const callId = await hold(number, startedAtMs);
  house.advance(48 * HOUR_MS);
  await house.call({ number, callId, caller: null, startedAtMs, durationS: 130 });
  await house.work();
  expect(await house.sql('select count(*)::int as scores from call_scores')).toEqual([{ scores: 2 }]);
  house.advance(24 * HOUR_MS);
  expect(await expire()).toBe(1);
});

test('a call that rules hold anew, after it was decided otherwise, has its whole time', async () => {
  const { number } = await house.road();
  const startedAtMs = house.clock.nowMs() - 60_000;
  const callId = await hold(number, startedAtMs);
  const report = async (caller: string | null) => {
    house.advance(48 * HOUR_MS);
    await house.call({ number, callId, caller, startedAtMs });
    await house.work();
  };
  await report('+12127361234');
  expect(await calls()).toEqual([{ status: 'qualified', decided: null }]);
  await report(null);
  expect(await calls()).toEqual([HELD]);
  expect(await expire()).toBe(0);
  house.advance(72 * HOUR_MS);
  expect(await expire()).toBe(1);
});

test('a call that waits for something else than a judgement never expires', async () => {
  const road = await house.road({ revenueBps: 5_000 });
  await house.call({ number: road.number });
  await house.call({ number: '+18005550000' });
  const paused = await house.road();
  await house.sql("update buyers set status = 'paused' where id = $1", [paused.buyer.id]);
  await house.call({ number: paused.number });
  const prepaid = await house.road({ card: 'pm_card_chargeCustomerFail' });
  const wallet = { usd: { lowWaterMinor: 10_000, rechargeMinor: 20_000, mostPerDay: 1 } };
  await house.put({ buyers: [{ id: prepaid.buyer.id, name: 'Prepaid', prepaid: wallet }] });
  await house.call({ number: prepaid.number });
  const early = await house.road({ validFromMs: house.clock.nowMs() });
  await house.call({ number: early.number });
  await house.work();
  house.advance(1_000 * HOUR_MS);
  expect(await expire()).toBe(0);
  expect(await calls()).toEqual([HELD, HELD, HELD, HELD, HELD]);
});

test('who has nothing to decide does not wait for those who post', async () => {
  const { number } = await house.road();
  await hold(number);
  const client = new pg.Client({ connectionString: house.db.adminUrl });
  await client.connect();
  try {
    await client.query('begin; select app.lock_ledger()');
    expect(await expire()).toBe(0);
  } finally {
    await client.end();
  }
});

test('what a person decided in time stands', async () => {
  const { number } = await house.road();
  await hold(number);
  house.advance(72 * HOUR_MS);
  const [call] = await house.sql<{ id: string }>('select id from calls');
  const { review, clock } = house.services;
  await review.decide([call?.id ?? ''], 'qualify', 'ops', 'listened', clock.nowMs());
  expect(await expire()).toBe(0);
  expect(await calls()).toEqual([{ status: 'qualified', decided: 'qualify' }]);
});

test('each is decided once, in the order of the starts, wherever the job is killed', async () => {
  const { number } = await house.road();
  for (const minutes of [1, 3, 2]) await hold(number, house.clock.nowMs() - minutes * 60_000);
  house.advance(72 * HOUR_MS);
  const { review } = house.services;
  const one: JobServices['review'] = { ...review, expire: (_limit, nowMs) => review.expire(1, nowMs) };
  for (const when of ['before', 'after'] as const) {
    const deadly = killing({ ...house.services, review: one }, { call: 1, when });
    await expect(expire(deadly.services)).rejects.toThrow(Killed);
  }
  await house.work();
  expect(await expire()).toBe(2);
  const decided = await house.sql(
    "select c.started_at from audit_log a join calls c on a.subject = 'call:' || c.id where action = 'call.expire' order by a.id",
  );
  expect(decided).toEqual(await house.sql('select started_at from calls order by started_at'));
  expect(await calls()).toHaveLength(3);
});

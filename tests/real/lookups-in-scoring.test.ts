import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { plainRules } from '../../sandbox/plain-rules.ts';
import { createTelesign } from '../../src/integrations/fraud/telesign.ts';
import type { JobServices } from '../../src/services.ts';
import { wrongIn } from '../helpers/books.ts';
import { FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
const web = setupServer();
beforeAll(() => web.listen({ onUnhandledFrame: 'bypass' }));
afterAll(() => web.close());

const CALLER = '+12127361234';
const SCORE = 'fraud.score-call';
let house: House;
let number: string;
let campaignId: string;
/** What Telesign is asked, and how it answers. */
let asked: string[];
let answer: () => Response | Promise<Response>;
let given: Partial<JobServices>;

const risk = (score: number) => () =>
  HttpResponse.json({
    ...{ reference_id: 'R', status: { code: 300, description: 'Transaction successfully completed' } },
    ...{
      phone_type: { code: '2', description: 'MOBILE' },
      risk: { level: 'low', score, recommendation: 'allow' },
    },
  });
const away = () => HttpResponse.json({}, { status: 503 });

beforeEach(async () => {
  house = await openHouse();
  ({ number, id: campaignId } = await house.road());
  asked = [];
  answer = risk(50);
  web.use(
    http.post('https://detect.telesign.com/intelligence/phone', async ({ request }) => {
      asked.push(new URLSearchParams(await request.text()).get('phone_number') ?? '');
      return answer();
    }),
  );
  const telesign = createTelesign({
    ...{ keys: ['id:key'], apiBase: 'https://detect.telesign.com', onFailure: () => undefined },
  });
  given = { lookupProviders: { ipqualityscore: null, twilio: null, telesign } };
});
afterEach(async () => {
  web.resetHandlers();
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
  } finally {
    await house.end();
  }
});

/** From now on calls are first scored by rules by which the campaign asks Telesign. */
async function askTelesign({ required = false, mostPerDay = 100 } = {}): Promise<void> {
  const { fraud, clock } = house.services;
  const rules = {
    ...plainRules,
    default: { ...plainRules.default, weights: { ...plainRules.default.weights, 'number-risk': 45 } },
    campaigns: { [campaignId]: { lookups: { providers: ['telesign'], required } } },
    lookups: { telesign: { mostPerDay, keptDays: 30 } },
  };
  const version = await fraud.addRuleSet(rules, 'test', 'asks Telesign', clock.nowMs());
  await fraud.useRuleSet(version, 'running', 'test', 'asks Telesign', clock.nowMs());
}

/** Every call in the order of its start: what became of it, and what of its score is about lookups. */
const scores = async () =>
  house.sql<{ status: string; score: number; signals: Record<string, unknown>; reasons: string[] }>(
    `select c.status, s.score,
       (select coalesce(jsonb_object_agg(x ->> 'signal', x -> 'value'), '{}') from jsonb_array_elements(s.signals) x) as signals,
       (select coalesce(jsonb_agg(x ->> 'signal'), '[]') from jsonb_array_elements(s.reasons) x) as reasons
     from calls c join call_scores s on s.call_id = c.id
       and s.facts_version = (select max(facts_version) from call_scores where call_id = c.id)
     order by c.started_at, c.external_id`,
  );

describe('a call of a campaign that asks', () => {
  test('is held by the risk of its number, and the score says by whom', async () => {
    await askTelesign();
    answer = risk(950);
    await house.call({ number, caller: CALLER });
    await house.work(given);
    expect(await scores()).toMatchObject([
      {
        status: 'held',
        score: 45,
        signals: { 'number-risk': { by: 'telesign', risk: 95 } },
        reasons: ['number-risk'],
      },
    ]);
    expect(asked).toEqual([CALLER.slice(1)]);
  });

  test('is paid for when the number is no risk; a second one of the caller asks nobody', async () => {
    await askTelesign();
    for (const caller of [CALLER, CALLER]) await house.call({ number, caller });
    await house.work(given);
    const found = await scores();
    expect(found.map(({ status }) => status)).toEqual(['qualified', 'qualified']);
    for (const { signals } of found) expect(Object.keys(signals)).not.toContain('lookup-missing');
    expect(asked).toHaveLength(1);
  });

  test.each([
    ['is away', away, 'away'],
    ['refuses our key', () => HttpResponse.json({ status: { code: 10_008 } }, { status: 401 }), 'away'],
    ['answers a part in a 200', () => HttpResponse.json({ status: { code: 301 } }), 'away'],
    ['answers HTML', () => HttpResponse.html('<p>maintenance</p>'), 'away'],
  ])('is scored without a provider that %s, and marked so', async (_, told, state) => {
    await askTelesign();
    answer = told;
    await house.call({ number, caller: CALLER });
    await house.work(given);
    expect(await scores()).toMatchObject([
      { status: 'qualified', score: 0, signals: { 'lookup-missing': { telesign: state } }, reasons: [] },
    ]);
  });

  test('is scored without when the budget of the day is spent, and marked so', async () => {
    await askTelesign({ mostPerDay: 1 });
    await house.call({ number, caller: CALLER });
    await house.call({ number, caller: '+12127361235' });
    await house.work(given);
    const missing = (await scores()).map(({ signals }) => signals['lookup-missing'] ?? null);
    expect(missing).toEqual(expect.arrayContaining([null, { telesign: 'over_budget' }]));
    expect(asked).toHaveLength(1);
  });

  test('that breaks its terms asks nobody, and asks when news make it worth something', async () => {
    await askTelesign();
    const callId = await house.call({ number, caller: CALLER, durationS: 5 });
    await house.work(given);
    expect([(await scores()).map(({ status }) => status), asked]).toEqual([['rejected'], []]);
    answer = risk(950);
    await house.call({
      number,
      caller: CALLER,
      callId,
      durationS: 120,
      statedAtMs: house.clock.nowMs() + 1_000,
    });
    await house.work(given);
    expect(await scores()).toMatchObject([{ status: 'held', reasons: ['number-risk'] }]);
    expect(asked).toHaveLength(1);
  });
});

describe('a call of a campaign that will not do without', () => {
  test.each([
    ['is away', true],
    ['is not configured', false],
  ])('is held when the provider %s, until a person decides', async (_, isConfigured) => {
    await askTelesign({ required: true });
    answer = away;
    const services = isConfigured ? given : {};
    await house.call({ number, caller: CALLER });
    await house.work(services);
    expect(await scores()).toMatchObject([{ status: 'held', score: 0, reasons: ['lookup-missing'] }]);
    const [{ id = '' } = {}] = await house.sql<{ id: string }>('select id from calls');
    await house.services.review.decide([id], 'qualify', 'ops', 'listened to it', house.clock.nowMs());
    await house.work(services);
    expect(await scores()).toMatchObject([{ status: 'qualified' }]);
    expect(asked).toHaveLength(isConfigured ? 1 : 0);
  });
});

describe('a caller who withholds the number', () => {
  const call = async () => {
    await house.call({ number, caller: null });
    await house.work(given);
    return scores();
  };
  const snooze = (signal: string) =>
    house.services.review.snooze(
      { signal, subjectKind: 'campaign', subject: campaignId, untilMs: house.clock.nowMs() + 86_400_000 },
      'ops',
      'known to them',
      house.clock.nowMs() - 120_000,
    );

  test('goes around no lookup that the campaign demands: the call is held, also when it is scored once more', async () => {
    await snooze('anonymous-caller');
    await askTelesign({ required: true });
    const before = await call();
    expect(before).toMatchObject([
      { status: 'held', score: 0, signals: { 'lookup-missing': { telesign: 'no_number' } } },
    ]);
    await house.close(FIRST_DATE, given);
    expect([await scores(), asked]).toEqual([before, []]);
  });

  test('is paid for where that is snoozed, or the campaign only asks', async () => {
    await snooze('anonymous-caller');
    await askTelesign();
    expect((await call()).map(({ status }) => status)).toEqual(['qualified']);
    await askTelesign({ required: true });
    await snooze('lookup-missing');
    expect((await call()).map(({ status }) => status)).toEqual(['qualified', 'qualified']);
  });
});

test('a call that is reported anew with another number is scored by what is known of that one; each keeps its first report', async () => {
  await askTelesign();
  const callId = await house.call({ number, caller: CALLER });
  await house.work(given);
  expect((await scores()).map(({ status }) => status)).toEqual(['qualified']);
  answer = risk(950);
  const startedAtMs = house.clock.nowMs() - 60_000;
  const report = async (caller: string) => {
    house.advance(1_000);
    await house.call({ number, callId, caller, startedAtMs });
    await house.work(given);
    return (await scores()).map(({ status, reasons }) => [status, ...reasons]);
  };
  expect(await report('+12127361235')).toEqual([['held', 'number-risk']]);
  await house.sql('delete from number_lookups');
  expect(await report(CALLER)).toEqual([['qualified']]);
  expect(asked).toEqual([CALLER.slice(1), '12127361235']);
});

test('a call keeps the score that it got while the provider was away, also when the date is scored once more', async () => {
  await askTelesign();
  answer = away;
  await house.call({ number, caller: CALLER });
  await house.work(given);
  answer = risk(950);
  await house.call({ number, caller: CALLER });
  await house.work(given);
  const before = await scores();
  expect(before.map(({ status }) => status).toSorted()).toEqual(['held', 'qualified']);
  expect(asked).toHaveLength(2);
  await house.close(FIRST_DATE, given);
  expect(await scores()).toEqual(before);
  expect(asked).toHaveLength(2);
});

test('two workers at the calls of one caller ask once: one of them comes again in a moment', async () => {
  await askTelesign();
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  answer = () => released.then(risk(950));
  await house.call({ number, caller: CALLER });
  await house.call({ number, caller: CALLER });
  const ids = await house.sql<{ id: string }>('select id from calls order by id');
  const [one, two] = await Promise.all(ids.map(({ id }) => house.row(SCORE, id)));
  if (one === undefined || two === undefined) throw new Error('two calls');
  const first = house.run(one, given);
  await expect.poll(() => asked).toHaveLength(1);
  expect(await house.run(two, given)).toMatchObject({ end: 'wait', code: 'number_waits' });
  release();
  expect(await first).toMatchObject({ end: 'finish' });
  expect(await house.run(two, given)).toMatchObject({ end: 'finish' });
  expect((await scores()).map(({ status }) => status)).toEqual(['held', 'held']);
  expect(asked).toHaveLength(1);
});

test('rules that ask nobody need no provider', async () => {
  await house.call({ number, caller: CALLER });
  await house.work();
  expect(await scores()).toMatchObject([{ status: 'qualified', signals: {} }]);
  expect(await house.sql('select 1 from call_lookups')).toEqual([]);
});

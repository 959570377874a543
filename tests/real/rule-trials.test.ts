import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { plainRules } from '../../sandbox/plain-rules.ts';
import type { RuleSet } from '../../src/jobs/fraud/rule-set.ts';
import { backtest, reportSignals, shadowDifference } from '../../src/jobs/fraud/try-rules.ts';
import { wrongIn } from '../helpers/books.ts';
import { FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';

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

const PERIOD = { from: FIRST_DATE, to: FIRST_DATE };
const TOLL_FREE = '+18002255288';
/** The running rules, with other weights. */
const withWeights = (weights: Readonly<Record<string, number>>): RuleSet => ({
  ...plainRules,
  default: { ...plainRules.default, weights: { ...plainRules.default.weights, ...weights } },
});
/** Lets go who withholds the number, holds toll-free callers and numbers that cannot be. */
const OTHER = withWeights({ 'anonymous-caller': 0, 'toll-free-caller': 50, 'invalid-number': 45 });

async function shadow(rules: RuleSet): Promise<number> {
  const { fraud, clock } = house.services;
  const version = await fraud.addRuleSet(rules, 'ann', 'a try', clock.nowMs());
  expect(await fraud.useRuleSet(version, 'shadow', 'ann', 'a try', clock.nowMs())).toBe(true);
  return version;
}

const idOf = async (externalId: string) => {
  const [row] = await house.sql<{ id: string }>('select id from calls where external_id = $1', [externalId]);
  return row?.id ?? '';
};
const decide = async (externalId: string, word: 'qualify' | 'reject') => {
  const { review, clock } = house.services;
  const id = await idOf(externalId);
  const results = await review.decide([id], word, 'ann', 'listened to it', clock.nowMs());
  expect(results).toEqual({ [id]: 'scored_again' });
};
const outcomes = async () =>
  Object.fromEntries(
    (await house.sql<{ external_id: string; status: string }>('select external_id, status from calls')).map(
      ({ external_id, status }) => [external_id, status],
    ),
  );

/** A call of each way in which one can end. */
async function everyCall(): Promise<void> {
  const road = await house.road({ duplicateWindowS: 3_600 });
  const { number } = road;
  const capped = await house.campaign(road.buyer, road.supplier, { dailyCap: 1 });
  const byRevenue = await house.campaign(road.buyer, road.supplier, { revenueBps: 1_000 });
  const { adjustments, clock } = house.services;
  const at = (minutes: number) => ({ startedAtMs: clock.nowMs() - 3_000_000 + minutes * 60_000 });
  for (const callId of ['good', 'taken-back', 'denied']) await house.call({ number, callId });
  for (const callId of ['anonymous', 'let-go', 'turned-down'])
    await house.call({ number, callId, caller: null });
  await house.call({ number, callId: 'invalid', caller: '+10005551234' });
  await house.call({ number, callId: 'not-answered', answered: false });
  await house.call({ number, callId: 'toll-free', caller: TOLL_FREE, ...at(1) });
  await house.call({ number, callId: 'again', caller: TOLL_FREE, ...at(2) });
  await house.call({ number: capped.number, callId: 'capped', ...at(3) });
  await house.call({ number: capped.number, callId: 'beyond', caller: '+18882255288', ...at(4) });
  await house.call({ number: capped.number, callId: 'let-go-beyond', caller: null, ...at(5) });
  await house.call({ number: byRevenue.number, callId: 'no-revenue' });
  await house.call({ number: '+18005550000', callId: 'unknown-number' });
  await house.work();
  await decide('let-go', 'qualify');
  await decide('let-go-beyond', 'qualify');
  await decide('turned-down', 'reject');
  const disputed = [await idOf('taken-back'), await idOf('denied')];
  await adjustments.dispute(disputed, 'the buyer', 'a wrong number', clock.nowMs());
  await adjustments.decide(disputed.slice(0, 1), true, 'ann', 'it was one', clock.nowMs());
  await adjustments.decide(disputed.slice(1), false, 'ann', 'it was none', clock.nowMs());
  await house.work();
  // Made after the calls were scored: it says nothing of them.
  await house.sql(
    `insert into snoozes (signal, subject_kind, subject, from_at, until_at, made_by, reason, made_at)
     select 'anonymous-caller', 'supplier', $1, now() - interval '10 years', now() + interval '10 years', 'ann', 'a test', app.at($2)`,
    [road.supplier.id, clock.nowMs() + 1],
  );
}

const ENDS = {
  ...{ good: 'qualified', denied: 'qualified', 'let-go': 'qualified', 'toll-free': 'qualified' },
  ...{ anonymous: 'held', 'no-revenue': 'held', 'unknown-number': 'held', capped: 'qualified' },
  ...{ 'taken-back': 'rejected', 'turned-down': 'rejected', invalid: 'rejected', again: 'rejected' },
  ...{ 'not-answered': 'rejected', beyond: 'rejected', 'let-go-beyond': 'rejected' },
};

describe('the rules that decide', () => {
  test('change nothing in a backtest, nor does a copy of them in shadow, however calls ended', async () => {
    const version = await shadow(plainRules);
    await everyCall();
    expect(await outcomes()).toEqual(ENDS);
    const { fraud } = house.services;
    expect(shadowDifference(await fraud.shadow(PERIOD))).toEqual({
      ...{ version, calls: 15, changes: [], money: {} },
    });
    const tested = await backtest(fraud, plainRules, PERIOD);
    expect(tested).toMatchObject({ calls: 15, skipped: 0, changes: [], money: {}, suppliers: [] });
    expect(tested.labels).toEqual({
      bad: {
        before: { approved: 1, held: 1, rejected: 0 },
        after: { approved: 1, held: 1, rejected: 0 },
      },
      good: {
        before: { approved: 1, held: 2, rejected: 0 },
        after: { approved: 1, held: 2, rejected: 0 },
      },
    });
  });
});

describe('other rules', () => {
  test('are told in calls and money, alike in shadow and in a backtest', async () => {
    const version = await shadow(OTHER);
    await everyCall();
    expect(await outcomes()).toEqual(ENDS);
    const { fraud } = house.services;
    const changes = [
      {
        ...{ from: 'approved', to: 'held', calls: 1 },
        money: { usd: { priceMinor: 4_000, shareMinor: 2_800 } },
      },
      {
        ...{ from: 'held', to: 'approved', calls: 1 },
        money: { usd: { priceMinor: 4_000, shareMinor: 2_800 } },
      },
      {
        ...{ from: 'rejected', to: 'approved', calls: 1 },
        money: { usd: { priceMinor: 4_000, shareMinor: 2_800 } },
      },
      { from: 'rejected', to: 'held', calls: 1, money: {} },
    ];
    const money = {
      usd: {
        ...{ payoutsHeldMinor: 2_800, buyersCreditedMinor: 0 },
        ...{ buyersBilledMinor: 8_000, suppliersPaidMinor: 5_600 },
      },
    };
    const difference = shadowDifference(await fraud.shadow(PERIOD));
    expect(difference).toEqual({ version, calls: 15, changes, money });
    const tested = await backtest(fraud, OTHER, PERIOD);
    expect(tested).toMatchObject({ calls: 15, changes, money, suppliers: [{ changes }] });
    expect(tested.labels.bad.after).toEqual({ approved: 2, held: 0, rejected: 0 });
    const none = { from: '2026-11-01', to: '2026-11-01' };
    expect(await backtest(fraud, OTHER, none)).toMatchObject({ calls: 0, changes: [] });
  });

  test('in shadow say of a call what its newest facts say, and of one that is scored without them nothing', async () => {
    await shadow(OTHER);
    const { number } = await house.road();
    const callId = await house.call({ number, caller: null });
    await house.work();
    const said = () => house.sql('select verdict, price_minor as price from shadow_scores');
    expect(await said()).toEqual([{ verdict: 'qualify', price: 4_000 }]);
    const newer = (ms: number) => ({ statedAtMs: house.clock.nowMs() + ms });
    await house.call({ number, callId, caller: null, durationS: 5, ...newer(1_000) });
    await house.work();
    expect(await said()).toEqual([{ verdict: 'reject', price: null }]);
    expect(await outcomes()).toEqual({ [callId]: 'rejected' });

    const other = await house.call({ number, caller: null });
    await house.work();
    expect(await said()).toHaveLength(2);
    const { fraud, clock } = house.services;
    const [version] = (await fraud.listRuleSets()).flatMap((set) =>
      set.state === 'shadow' ? [set.version] : [],
    );
    await fraud.useRuleSet(version ?? 0, 'retired', 'ann', 'seen enough', clock.nowMs());
    await house.call({ number, callId: other, caller: null, durationS: 6, ...newer(2_000) });
    await house.work();
    expect(await said()).toEqual([{ verdict: 'reject', price: null }]);
    await expect(fraud.shadow(PERIOD)).rejects.toMatchObject({ code: 'RULES_UNKNOWN' });
  });
});

describe('the report of signals', () => {
  test('has what people said, and what was not paid for because of a signal', async () => {
    await everyCall();
    const { signals, ...report } = await reportSignals(house.services.fraud, PERIOD);
    expect(report).toEqual({ calls: 15, labels: { bad: 2, good: 3 }, savedMinor: { usd: 8_000 } });
    const of = (name: string) => signals.find(({ signal }) => signal === name);
    expect(of('anonymous-caller')).toMatchObject({
      ...{ calls: 4, bad: 1, good: 2, precision: 1 / 3, recall: 0.5, savedMinor: { usd: 4_000 } },
    });
    expect(of('invalid-number')).toMatchObject({ calls: 1, precision: null, savedMinor: { usd: 4_000 } });
    expect(of('toll-free-caller')).toMatchObject({ calls: 3, bad: 0, savedMinor: {} });
  });
});

describe('the store', () => {
  test('hands out calls in pages, each call once and in the order of dates and starts, also where starts are the same', async () => {
    const { number } = await house.road();
    const startedAtMs = house.clock.nowMs() - 86_400_000;
    for (let n = 0; n < 3; n += 1) await house.call({ number, startedAtMs });
    for (let n = 0; n < 2; n += 1) await house.call({ number });
    const { fraud } = house.services;
    const period = { from: '2026-11-01', to: FIRST_DATE };
    const all = await fraud.scoredCalls(period, { after: null, limit: 10 });
    const paged = [];
    for (let after = null; ; after = paged.at(-1) ?? null) {
      const page = await fraud.scoredCalls(period, { after, limit: 2 });
      if (page.length === 0) break;
      paged.push(...page);
    }
    expect(paged).toHaveLength(5);
    expect(paged).toEqual(all);
    expect(all.map(({ date }) => date).join()).toBe('2026-11-01,2026-11-01,2026-11-01,2026-11-02,2026-11-02');
    expect(await backtest(fraud, OTHER, period)).toMatchObject({ calls: 0, skipped: 5 });
  });

  test('lists sets with who made them and why, and refuses one for a campaign that is none', async () => {
    const { fraud, clock } = house.services;
    const nowMs = clock.nowMs();
    const version = await fraud.addRuleSet(OTHER, 'ann', 'a try', nowMs);
    const [newest, running] = await fraud.listRuleSets();
    expect(newest).toEqual({ version, state: 'draft', author: 'ann', note: 'a try', madeAtMs: nowMs });
    const nowhere = '00000000-0000-4000-8000-000000000000';
    const refused = fraud.addRuleSet({ ...OTHER, campaigns: { [nowhere]: {} } }, 'ann', 'a try', nowMs);
    await expect(refused).rejects.toMatchObject({
      code: 'RULES_INVALID',
      message: expect.stringContaining(`campaigns.${nowhere}`),
    });
    expect(await fraud.useRuleSet(version, 'running', 'ann', 'it is better', nowMs)).toBe(true);
    expect(await fraud.useRuleSet(running?.version ?? 0, 'running', 'ann', 'it was not', nowMs)).toBe(true);
    expect((await fraud.listRuleSets()).map(({ state }) => state)).toEqual(['retired', 'running', 'retired']);
  });
});

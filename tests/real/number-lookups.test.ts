import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OutageError } from '../../src/errors.ts';
import { createLookupsStore, type LookupsStore } from '../../src/integrations/supabase/lookups.ts';
import {
  type CallToLookUp,
  type LookupServices,
  lookUpNumbers,
  type NumberReport,
} from '../../src/jobs/fraud/look-up-numbers.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

let db: TestDatabase;
let lookups: LookupsStore;
const counted: string[] = [];
beforeAll(async () => {
  db = await createTestDatabase();
  lookups = createLookupsStore(
    db.database.rpc,
    (provider, state) => void counted.push(`${provider} ${state}`),
  );
});
afterAll(() => db.close());
beforeEach(() => db.sql('truncate number_lookups, lookup_budgets, call_lookups, calls cascade'));

const NOON_MS = Date.UTC(2026, 10, 2, 12);
const DAY_MS = 86_400_000;
const REPORT: NumberReport = { valid: true, lineType: 'mobile', riskScore: 40 };
const number = (n: number) => `+1212736${1_000 + n}`;
const asked = (n: number, mostPerDay = 100) => ({
  ...{ provider: 'telesign' as const, number: number(n), keptDays: 30, mostPerDay },
});

const used = async (provider = 'telesign') => {
  const rows = await db.sql<{ used: number }>('select used from lookup_budgets where provider = $1', [
    provider,
  ]);
  return rows.map((row) => row.used);
};
const numbers = async () => {
  const rows = await db.sql<{ number: string }>('select number from number_lookups order by number');
  return rows.map((row) => row.number);
};

const ask = (provider: 'telesign' | 'twilio', mostPerDay = 100) => ({ provider, mostPerDay, keptDays: 30 });

/** A stored call of a caller, whose campaign asks Telesign. */
async function call(
  callerNumber: string | null,
  providers: CallToLookUp['providers'] = [ask('telesign')],
): Promise<CallToLookUp> {
  const [row] = await db.sql<{ id: string }>(
    `insert into calls (source, external_id, tracking_number, caller_number, started_at, duration_s, answered, facts_at,
       business_date, trace, made_at, changed_at)
     values ('test', gen_random_uuid()::text, '+18005550100', $1, now(), 60, true, now(), current_date, 't', now(), now()) returning id`,
    [callerNumber],
  );
  return { callId: row?.id ?? '', callerNumber, providers };
}

/** Providers that answer as `answer` says, and count what they are asked. */
function open() {
  const at = { nowMs: NOON_MS, asked: [] as string[], errors: [] as object[], isAway: false };
  const provider = {
    answer: async (): Promise<NumberReport> => REPORT,
    isAway: () => at.isAway,
    lookUp(one: string, signal: AbortSignal): Promise<NumberReport> {
      at.asked.push(one);
      const givenUp = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
      return Promise.race([provider.answer(), givenUp]);
    },
  };
  const services: LookupServices = {
    lookups,
    lookupProviders: { ipqualityscore: null, twilio: null, telesign: provider },
    log: { error: (facts) => void at.errors.push(facts) },
    clock: { nowMs: () => at.nowMs },
  };
  const lookUp = (calls: readonly CallToLookUp[], signal = new AbortController().signal) =>
    lookUpNumbers(calls, services, signal);
  return { at, provider, services, lookUp };
}

const known = (reportedAtMs = NOON_MS) => ({ telesign: { state: 'known', report: REPORT, reportedAtMs } });
const is = (state: string) => ({ telesign: { state } });

describe('the budget of a day', () => {
  test('is never exceeded, however many workers ask at once', async () => {
    const reserve = (n: number) => lookups.reserve(asked(n, 7), NOON_MS);
    const states = (await Promise.all(Array.from({ length: 40 }, (_, n) => reserve(n)))).map(
      ({ state }) => state,
    );
    expect(states.filter((state) => state === 'ask')).toHaveLength(7);
    expect(states.filter((state) => state === 'over_budget')).toHaveLength(33);
    expect(await used()).toEqual([7]);
    // Of numbers that were not asked for nothing is kept.
    expect(await numbers()).toHaveLength(7);
  });

  test('is that of a day of UTC, and of one provider', async () => {
    const state = async (nowMs: number, provider = 'telesign') =>
      (await lookups.reserve({ ...asked(nowMs % 997, 1), provider }, nowMs)).state;
    const midnightMs = Date.UTC(2026, 10, 3);
    expect(await state(midnightMs - 1)).toBe('ask');
    expect(await state(midnightMs - 2)).toBe('over_budget');
    expect(await state(midnightMs)).toBe('ask');
    expect(await state(midnightMs - 3, 'twilio')).toBe('ask');
    expect((await lookups.reserve(asked(5, 0), NOON_MS)).state).toBe('over_budget');
  });

  test('has a request back that was not sent, once; one that was sent stays spent', async () => {
    const reserved = await Promise.all([0, 1].map((n) => lookups.reserve(asked(n, 2), NOON_MS)));
    const claims = reserved.map((one) => (one.state === 'ask' ? one.claim : ''));
    const end = (n: number, sent: boolean) =>
      lookups.end({ ...asked(n), claim: claims[n] ?? '', report: null, sent }, NOON_MS);
    await end(0, true);
    expect(await used()).toEqual([2]);
    for (let twice = 0; twice < 2; twice += 1) await end(1, false);
    expect([await used(), await numbers()]).toEqual([[1], []]);
  });

  test('costs one request where a worker dies between, and none of the others waits for it for long', async () => {
    expect((await lookups.reserve(asked(0, 2), NOON_MS)).state).toBe('ask');
    expect((await lookups.reserve(asked(0, 2), NOON_MS + 9_000)).state).toBe('under_way');
    expect((await lookups.reserve(asked(0, 2), NOON_MS + 10_001)).state).toBe('ask');
    expect(await used()).toEqual([2]);
  });
});

describe('a number', () => {
  test('is paid for once in the days that its report is kept', async () => {
    const { at, lookUp } = open();
    const calls = [await call(number(0)), await call(number(0)), await call(number(1))];
    expect([...(await lookUp(calls)).values()]).toEqual([known(), known(), known()]);
    at.nowMs += 29 * DAY_MS;
    const later = await call(number(0));
    expect((await lookUp([later])).get(later.callId)).toEqual(known());
    expect([at.asked.toSorted(), await used()]).toEqual([[number(0), number(1)], [2]]);
    at.nowMs += 2 * DAY_MS;
    const last = await call(number(0));
    expect((await lookUp([last])).get(last.callId)).toEqual(known(at.nowMs));
    expect(at.asked).toHaveLength(3);
  });

  test('is paid for by one of two workers, and the other comes again', async () => {
    const { at, provider, lookUp } = open();
    const [first, second] = [await call(number(0)), await call(number(0))];
    let answer: (report: NumberReport) => void = () => undefined;
    provider.answer = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const asking = lookUp([first]);
    await expect.poll(() => at.asked).toHaveLength(1);
    expect((await lookUp([second])).get(second.callId)).toBeNull();
    answer(REPORT);
    expect((await asking).get(first.callId)).toEqual(known());
    expect((await lookUp([second])).get(second.callId)).toEqual(known());
    expect(at.asked).toHaveLength(1);
  });

  test('keeps its newest report, and is forgotten by the first night after its days', async () => {
    const claim = '00000000-0000-4000-8000-000000000000';
    const end = (n: number, riskScore: number, nowMs: number) =>
      lookups.end({ ...asked(n), claim, report: { ...REPORT, riskScore }, sent: true }, nowMs);
    await end(0, 80, NOON_MS);
    await end(0, 20, NOON_MS - 1);
    const { numbers: found } = await lookups.read([], [asked(0)], NOON_MS);
    expect(found).toMatchObject([{ report: { riskScore: 80 }, reportedAtMs: NOON_MS }]);
    await end(1, 10, NOON_MS + DAY_MS);
    const dateOf = (days: number) => new Date(NOON_MS + days * DAY_MS).toISOString().slice(0, 10);
    expect([await lookups.forget(dateOf(30)), await numbers()]).toEqual([0, [number(0), number(1)]]);
    expect([await lookups.forget(dateOf(31)), await numbers()]).toEqual([1, [number(1)]]);
  });

  test.each([null, 'anonymous', '2127361234', '+1 212 736 1234', '+0123456789'])(
    'that is none, as %s, is sent to nobody',
    async (callerNumber) => {
      const { at, lookUp } = open();
      const one = await call(callerNumber);
      expect((await lookUp([one])).get(one.callId)).toEqual(is('no_number'));
      expect([at.asked, await used()]).toEqual([[], []]);
    },
  );
});

describe('a call', () => {
  test('keeps what was known of its number at first, whatever is learned later', async () => {
    const { provider, at, lookUp } = open();
    const [first, second] = [await call(number(0)), await call(number(0))];
    provider.answer = async () => Promise.reject(new OutageError('PROVIDER_UNAVAILABLE', 'away'));
    expect((await lookUp([first])).get(first.callId)).toEqual(is('away'));
    provider.answer = async () => REPORT;
    expect((await lookUp([first, second])).get(first.callId)).toEqual(is('away'));
    expect((await lookUp([second])).get(second.callId)).toEqual(known());
    expect([at.asked.length, await used()]).toEqual([2, [2]]);
  });

  test('that two workers score at once is scored by what the first of them wrote down', async () => {
    const { callId } = await call(number(0));
    const write = (state: 'away' | 'over_budget') =>
      lookups.remember([{ callId, number: number(0), lookups: { telesign: { state } } }], NOON_MS);
    expect([await write('away'), await write('over_budget')]).toEqual(
      [0, 1].map(() => [{ callId, lookups: is('away') }]),
    );
  });

  test('is told which providers are away, over budget or not configured, and the others are asked', async () => {
    const { at, lookUp } = open();
    const calls = [
      await call(number(0), [ask('telesign', 1), ask('twilio')]),
      await call(number(1), [ask('telesign', 1)]),
    ];
    counted.length = 0;
    const found = [];
    for (const one of calls) found.push(...(await lookUp([one])).values());
    expect(counted.toSorted()).toEqual(['telesign known', 'telesign over_budget', 'twilio not_configured']);
    expect(found[0]).toEqual({ ...known(), twilio: { state: 'not_configured' } });
    expect(found[1]).toEqual(is('over_budget'));
    at.isAway = true;
    const third = await call(number(2));
    expect((await lookUp([third])).get(third.callId)).toEqual(is('away'));
    // An open circuit spends nothing of the budget.
    expect([await used(), at.errors]).toEqual([[1], []]);
  });

  test('whose campaign asks nobody costs no request, of the database either', async () => {
    const { at, lookUp, services } = open();
    const broken = { ...services.lookups, read: () => Promise.reject(new Error('asked')) };
    const found = lookUpNumbers(
      [await call(number(0), [])],
      { ...services, lookups: broken },
      new AbortController().signal,
    );
    expect((await found).size).toBe(0);
    expect((await lookUp([])).size).toBe(0);
    expect(at.asked).toEqual([]);
  });
});

describe('a provider', () => {
  test('that throws anything leaves its own numbers unknown, and no batch', async () => {
    const { provider, lookUp } = open();
    const calls = await Promise.all([0, 1, 2].map((n) => call(number(n))));
    const answers = [() => REPORT, () => Promise.reject(new TypeError('a fault of ours')), () => REPORT];
    provider.answer = async () => (answers.shift() ?? (() => REPORT))();
    const states = [...(await lookUp(calls)).values()].map((one) => one?.telesign?.state).toSorted();
    expect(states).toEqual(['away', 'known', 'known']);
  });

  test('of which the database will not have a request is away, and that is logged', async () => {
    const { at, services } = open();
    const one = await call(number(0));
    const reserve = () => Promise.reject(new OutageError('DATABASE_UNAVAILABLE', 'no answer'));
    const found = await lookUpNumbers(
      [one],
      { ...services, lookups: { ...services.lookups, reserve } },
      new AbortController().signal,
    );
    expect(found.get(one.callId)).toEqual(is('away'));
    expect(at.errors).toMatchObject([{ provider: 'telesign', code: 'DATABASE_UNAVAILABLE' }]);
  });

  test.each([
    ['whose circuit opened meanwhile is away', 'circuit_open', is('away')],
    ['whose line cannot be read is away', 'line_away', is('away')],
    ['whose line is long has the call come again', 'no_turn', null],
  ])('%s, and the budget has its request back', async (_, code, expected) => {
    const { provider, lookUp } = open();
    provider.answer = () =>
      Promise.reject(new OutageError('PROVIDER_UNAVAILABLE', code, { detail: { sent: false, code } }));
    const one = await call(number(0));
    expect((await lookUp([one])).get(one.callId)).toEqual(expected);
    expect([await used(), await numbers()]).toEqual([[0], []]);
    provider.answer = async () => REPORT;
    expect((await lookUp([one])).get(one.callId)).toEqual(expected ?? known());
  });

  test('that is slow is given up on; calls whose turn did not come meanwhile come again', async () => {
    const { at, provider, lookUp } = open();
    const stop = new AbortController();
    provider.answer = () => new Promise(() => undefined);
    const calls = await Promise.all(Array.from({ length: 20 }, (_, n) => call(number(n))));
    const asking = lookUp(calls, stop.signal);
    await expect.poll(() => at.asked.length).toBe(16);
    stop.abort();
    const found = [...(await asking).values()];
    expect(found).toEqual(Array.from({ length: 20 }, (_, n) => (n < 16 ? is('away') : null)));
    expect([at.asked.length, await used()]).toEqual([16, [16]]);
  });
});

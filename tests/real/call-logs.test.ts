import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KnownCall } from '../../sandbox/call-logs/server.ts';
import {
  booksOf,
  deliver,
  deliverOfTwilio,
  HOUR_MS,
  idsOf,
  knownCall,
  startTwilio,
  twilioReaderOf,
  withCallRail,
} from '../helpers/call-logs.ts';
import { DAY_MS, dateAfter, FIRST_DATE, OPENS_MS } from '../helpers/house.ts';

const at = withCallRail();

describe('calls that no webhook brought', () => {
  test('are taken in, rated and marked as recovered; the others are not touched', async () => {
    at.known = at.callsOfDay(7);
    const [first, ...rest] = at.known;
    for (const call of rest.slice(0, 4)) await deliver(at.house, call);
    expect(await at.reconcile()).toMatchObject({ end: 'finish', code: null });
    const books = await booksOf(at.house, 'callrail');
    expect(books.map(({ externalId }) => externalId)).toEqual(idsOf(at.known));
    expect(books.filter(({ recovered }) => recovered).map(({ externalId }) => externalId)).toEqual(
      idsOf([first ?? rest[0], ...rest.slice(4)].filter((call) => call !== undefined)),
    );
    expect(books.every(({ status }) => status === 'qualified')).toBe(true);
    expect(await at.runOf()).toMatchObject({ read: 7, missing: 3, recovered: 3, changed: 0, absent: 0 });
  });

  test('are one call with the webhook that comes after all', async () => {
    at.known = at.callsOfDay(3);
    await at.reconcile();
    const before = await booksOf(at.house, 'callrail');
    for (const call of at.known) await deliver(at.house, call);
    await at.house.work(at.given);
    expect(await booksOf(at.house, 'callrail')).toEqual(before);
    const [{ count } = { count: 0 }] = await at.house.sql<{ count: number }>(
      'select count(*)::int from earnings',
    );
    expect(count).toBe(3);
  });

  test('are not called recovered when their webhook overtakes the work that takes them in', async () => {
    at.known = at.callsOfDay(2);
    at.house.advanceTo(Date.parse(FIRST_DATE) + DAY_MS + 6 * HOUR_MS);
    await at.house.run(at.nightOf(FIRST_DATE), at.given);
    for (const call of at.known) await deliver(at.house, call);
    await at.house.work(at.given);
    expect((await booksOf(at.house, 'callrail')).map(({ recovered }) => recovered)).toEqual([false, false]);
    expect(await at.runOf()).toMatchObject({ missing: 2, recovered: 0 });
    expect((await at.breaksOf()).map(({ state }) => state)).toEqual(['arrived', 'arrived']);
  });

  test('are brought by the night after when they began before midnight and ended after the reading', async () => {
    await at.reconcile();
    const late = knownCall(at.number, Date.parse(FIRST_DATE) + DAY_MS - HOUR_MS);
    at.known = [late];
    await at.reconcile(dateAfter(1));
    expect(await booksOf(at.house, 'callrail')).toMatchObject([
      { externalId: late.externalId, recovered: true },
    ]);
  });

  test('whichever webhooks are dropped, and whichever come late, the calls are those of all webhooks', async () => {
    let day = 0;
    const delivery = fc.constantFrom('in time', 'late', 'never');
    const fate = fc.record({
      report: delivery,
      modified: fc.constantFrom('none', 'in time', 'late', 'never'),
      longerS: fc.integer({ min: 30, max: 200 }),
      durationS: fc.integer({ min: 0, max: 200 }),
      answered: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { minLength: 1, maxLength: 6 }), async (fates) => {
        day += 1;
        const date = dateAfter(day);
        at.house.advanceTo(OPENS_MS + day * DAY_MS);
        // Each call twice: of one every webhook comes in time, of the other what its fate says.
        const pairs = fates.map((one) => {
          const { durationS, answered } = one;
          const [whole, holed] = at.callsOfDay(2, day, { durationS, answered });
          if (whole === undefined || holed === undefined) throw new Error('no calls');
          const startedAtMs = whole.startedAtMs;
          return { fate: one, whole, holed: { ...holed, startedAtMs } };
        });
        const longer = (call: KnownCall, { modified, longerS }: (typeof fates)[number]) =>
          modified === 'none' ? call : { ...call, durationS: call.durationS + longerS };
        at.known = pairs.flatMap(({ fate: one, whole, holed }) => [longer(whole, one), longer(holed, one)]);
        const send = async (when: 'in time' | 'late') => {
          for (const { fate: one, whole, holed } of pairs) {
            const statedAtMs = at.house.clock.nowMs();
            const modified = { kind: 'call_modified', statedAtMs };
            if (when === 'in time') await deliver(at.house, whole);
            if (one.report === when) await deliver(at.house, holed);
            if (when === 'in time' && one.modified !== 'none')
              await deliver(at.house, longer(whole, one), modified);
            if (one.modified === when) await deliver(at.house, longer(holed, one), modified);
          }
          await at.house.work(at.given);
        };
        await send('in time');
        await at.reconcile(date);
        await send('late');
        const books = new Map((await booksOf(at.house, 'callrail')).map((call) => [call.externalId, call]));
        for (const { whole, holed } of pairs) {
          const { recovered: _, ...wanted } = books.get(whole.externalId) ?? { recovered: false };
          expect(books.get(holed.externalId)).toMatchObject({ ...wanted, externalId: holed.externalId });
        }
      }),
      { numRuns: 12 },
    );
  }, 120_000);
});

describe('calls that log and books tell differently', () => {
  test('a longer duration that no webhook told is booked as one that a webhook had', async () => {
    const [call] = at.callsOfDay(1);
    if (call === undefined) throw new Error('no call');
    await deliver(at.house, call);
    await at.house.work(at.given);
    at.known = [{ ...call, durationS: 300 }];
    await at.reconcile();
    expect(await booksOf(at.house, 'callrail')).toMatchObject([{ durationS: 300, recovered: false }]);
    const prices = await at.house.sql(`select price_minor::int from earnings where state <> 'clawed_back'`);
    expect(prices).toEqual([{ price_minor: 500 }]);
    expect(await at.runOf()).toMatchObject({ changed: 1, missing: 0 });
    expect(await at.breaksOf()).toEqual([{ externalId: call.externalId, kind: 'changed', state: 'agreed' }]);
  });

  test('a second of rounding is no difference', async () => {
    const [shorter, longer] = at.callsOfDay(2);
    if (shorter === undefined || longer === undefined) throw new Error('no calls');
    for (const call of [shorter, longer]) await deliver(at.house, call);
    at.known = [
      { ...shorter, durationS: shorter.durationS - 1 },
      { ...longer, durationS: longer.durationS + 1 },
    ];
    await at.reconcile();
    expect(await at.runOf()).toMatchObject({ read: 2, changed: 0 });
    expect((await booksOf(at.house, 'callrail')).map(({ durationS }) => durationS)).toEqual([120, 120]);
  });

  test('news of the last hour is left alone, because a list may be behind its webhooks', async () => {
    const [call] = at.callsOfDay(1);
    if (call === undefined) throw new Error('no call');
    at.known = [call];
    at.house.advanceTo(Date.parse(FIRST_DATE) + DAY_MS + 6 * HOUR_MS);
    const news = { kind: 'call_modified', statedAtMs: at.house.clock.nowMs() };
    await deliver(at.house, { ...call, durationS: 300 }, news);
    await at.reconcile();
    expect(await booksOf(at.house, 'callrail')).toMatchObject([{ durationS: 300 }]);
    expect(await at.runOf()).toMatchObject({ read: 1, changed: 0 });
  });

  test('a call that the provider does not know is told once, and changes nothing, until it is known again', async () => {
    const [mine, other] = at.callsOfDay(2);
    if (mine === undefined || other === undefined) throw new Error('no calls');
    for (const call of [mine, other]) await deliver(at.house, call);
    at.known = [other];
    await at.reconcile();
    at.house.advance(1);
    await at.reconcile();
    expect(await at.breaksOf()).toEqual([{ externalId: mine.externalId, kind: 'absent', state: 'open' }]);
    expect(await at.runOf()).toMatchObject({ read: 1, absent: 1 });
    expect(await booksOf(at.house, 'callrail')).toHaveLength(2);
    at.known = [mine, other];
    at.house.advance(1);
    await at.reconcile();
    expect(await at.breaksOf()).toEqual([{ externalId: mine.externalId, kind: 'absent', state: 'agreed' }]);
    expect(await at.runOf()).toMatchObject({ absent: 0 });
  });
});

describe('a log that does not know whether anybody talked', () => {
  const twilioCalls = (count: number, facts: Partial<KnownCall> = {}) =>
    at.callsOfDay(count, 0, facts).map((call, nth) => ({ ...call, externalId: `CA${nth}` }));
  let twilio: Awaited<ReturnType<typeof startTwilio>>;
  beforeEach(async () => {
    twilio = await startTwilio(() => at.known);
    at.given = { callLogReaders: [twilioReaderOf(twilio)] };
  });
  afterEach(() => twilio.close());
  const earningsOf = () =>
    at.house.sql('select call_id, state, price_minor::int from earnings order by 1, 2');

  test('makes nobody pay for a call that rang and that nobody picked up', async () => {
    at.known = twilioCalls(3, { answered: false, durationS: 0 });
    for (const call of at.known) await deliverOfTwilio(at.house, call);
    // The line was open for 45 s, in which a menu was heard and another telephone rang.
    at.known = at.known.map((call) => ({ ...call, durationS: 45 }));
    await at.reconcile();
    expect(await at.runOf()).toMatchObject({ read: 3, changed: 0, missing: 0 });
    expect(await booksOf(at.house, 'twilio')).toMatchObject(
      at.known.map(() => ({ durationS: 0, answered: false, status: 'rejected' })),
    );
    expect(await earningsOf()).toEqual([]);
  });

  test('has nothing rated anew where it contradicts a webhook: the break is open for people', async () => {
    const [denied, shorter, longer] = twilioCalls(3);
    if (denied === undefined || shorter === undefined || longer === undefined) throw new Error('no calls');
    for (const call of [denied, shorter, longer]) await deliverOfTwilio(at.house, call);
    await at.house.work(at.given);
    const before = [await booksOf(at.house, 'twilio'), await earningsOf()];
    at.known = [
      { ...denied, answered: false, durationS: 0 },
      { ...shorter, durationS: 60 },
      { ...longer, durationS: 600 },
    ];
    await at.reconcile();
    expect([await booksOf(at.house, 'twilio'), await earningsOf()]).toEqual(before);
    expect(await at.breaksOf()).toEqual([
      { externalId: denied.externalId, kind: 'changed', state: 'open' },
      { externalId: shorter.externalId, kind: 'changed', state: 'open' },
    ]);
  });

  test('brings no call by itself: it is told as missing until its webhook comes', async () => {
    at.known = twilioCalls(1);
    await at.reconcile();
    expect(await booksOf(at.house, 'twilio')).toEqual([]);
    expect(await at.breaksOf()).toEqual([{ externalId: 'CA0', kind: 'missing', state: 'open' }]);
    for (const call of at.known) await deliverOfTwilio(at.house, call);
    expect(await at.breaksOf()).toEqual([{ externalId: 'CA0', kind: 'missing', state: 'arrived' }]);
  });
});

describe('calls that the books have under another id', () => {
  const foundOf = () => {
    const found: Record<string, number> = {};
    const count = (_: string, outcome: string, by: number) => {
      found[outcome] = (found[outcome] ?? 0) + by;
    };
    at.given = { ...at.given, found: { count } };
    return found;
  };

  test('are not doubled by a page that names no call of the books, though they have some of its time', async () => {
    const found = foundOf();
    const mine = at.callsOfDay(5);
    for (const call of mine) await deliver(at.house, call);
    const before = await booksOf(at.house, 'callrail');
    // Of another account: other callers, at other times.
    at.known = at.callsOfDay(3).map((call) => ({ ...call, startedAtMs: call.startedAtMs + 20_000 }));
    await at.reconcile();
    expect((await booksOf(at.house, 'callrail')).map(({ externalId }) => externalId)).toEqual(
      before.map(({ externalId }) => externalId),
    );
    expect(found).toMatchObject({ read: 3, missing: 3, foreign: 3, ambiguous: 0 });
    expect(
      (await at.breaksOf()).filter(({ kind, state }) => kind === 'missing' && state === 'open'),
    ).toHaveLength(3);
  });

  test('are not doubled one by one: the same number and caller within five seconds is the same call', async () => {
    const found = foundOf();
    const [seen, theirs, other] = at.callsOfDay(3);
    if (seen === undefined || theirs === undefined || other === undefined) throw new Error('no calls');
    for (const call of [seen, theirs]) await deliver(at.house, call);
    const twin = { ...theirs, externalId: 'CALtwin', startedAtMs: theirs.startedAtMs + 5_000 };
    const later = { ...theirs, externalId: 'CALlater', startedAtMs: theirs.startedAtMs + 6_000 };
    at.known = [seen, theirs, twin, later, other];
    await at.reconcile();
    expect(
      idsOf(at.known)
        .filter((id) => id !== 'CALtwin')
        .toSorted(),
    ).toEqual((await booksOf(at.house, 'callrail')).map(({ externalId }) => externalId).toSorted());
    expect(found).toMatchObject({ missing: 3, foreign: 0, ambiguous: 1 });
    expect(await at.breaksOf()).toContainEqual({ externalId: 'CALtwin', kind: 'ambiguous', state: 'open' });
  });

  test('are no reason to leave an outage of webhooks unrepaired', async () => {
    const found = foundOf();
    at.known = at.callsOfDay(12);
    // The first three came, then none until the last three.
    for (const call of [...at.known.slice(0, 3), ...at.known.slice(9)]) await deliver(at.house, call);
    await at.reconcile();
    expect(idsOf(at.known)).toEqual(
      (await booksOf(at.house, 'callrail')).map(({ externalId }) => externalId),
    );
    expect(found).toMatchObject({ missing: 6, foreign: 0, ambiguous: 0 });
  });
});

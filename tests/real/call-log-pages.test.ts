import { describe, expect, test } from 'vitest';
import { reconcileCalls } from '../../src/jobs/reconciliation/reconcile-calls.job.ts';
import {
  API_KEY,
  booksOf,
  deliver,
  HOUR_MS,
  readerOf,
  startTwilio,
  twilioReaderOf,
  withCallRail,
} from '../helpers/call-logs.ts';
import { DAY_MS, FIRST_DATE } from '../helpers/house.ts';
import { killing } from '../helpers/killing.ts';

const at = withCallRail();

describe('pages', () => {
  test('that fail midway are gone on with where it was, and no call is counted twice', async () => {
    at.known = at.callsOfDay(8);
    at.callrail.faults.add({ kind: 'status', status: 503, skip: 1, count: 4 });
    const before = at.callrail.requests();
    at.house.advanceTo(Date.parse(FIRST_DATE) + DAY_MS + 6 * HOUR_MS);
    const night = at.nightOf(FIRST_DATE);
    expect(await at.house.run(night, at.given)).toMatchObject({ end: 'wait', code: 'PROVIDER_UNAVAILABLE' });
    expect(at.callrail.requests() - before).toBe(5);
    const [row] = await at.house.sql<{ pages: number; read: number }>(
      'select pages, read from call_log_runs',
    );
    expect(row).toEqual({ pages: 1, read: 3 });
    expect(await at.house.run(night, at.given)).toMatchObject({ end: 'finish' });
    expect(at.callrail.requests() - before).toBe(7);
    await at.house.work(at.given);
    expect(await at.runOf()).toMatchObject({ read: 8, missing: 8, recovered: 8 });
  });

  test('of which a half, or a page for people, comes are not read at all', async () => {
    at.known = at.callsOfDay(5);
    for (const kind of ['truncated', 'html'] as const) at.callrail.faults.add({ kind });
    expect(await at.reconcile()).toMatchObject({ end: 'finish' });
    expect(await at.runOf()).toMatchObject({ read: 5, recovered: 5, unreadable: 0 });
  });

  test('that repeat a call because one came while they were read count it once', async () => {
    const all = at.callsOfDay(8);
    at.known = all.slice(1);
    const first = at.callrail.requests();
    const growing = Object.assign(readerOf(at.callrail), {});
    const readPage: typeof growing.readPage = async (...asked) => {
      if (at.callrail.requests() === first + 1) at.known = all;
      return readerOf(at.callrail).readPage(...asked);
    };
    at.given = { callLogReaders: [{ ...growing, readPage }] };
    await at.reconcile();
    expect(await at.runOf()).toMatchObject({ read: 7, recovered: 7 });
    at.house.advance(1);
    await at.reconcile();
    expect(await at.runOf()).toMatchObject({ read: 8, missing: 1, recovered: 8 });
  });

  test('that skip a call because one went while they were read call none absent that the provider knows', async () => {
    const all = at.callsOfDay(8);
    for (const call of all) await deliver(at.house, call);
    at.known = all;
    const first = at.callrail.requests();
    const reader = readerOf(at.callrail);
    const readPage: typeof reader.readPage = async (...asked) => {
      if (at.callrail.requests() === first + 1) at.known = all.slice(1);
      return reader.readPage(...asked);
    };
    at.given = { callLogReaders: [{ ...reader, readPage }] };
    await at.reconcile();
    // The fourth was skipped; only the first is really gone, and that page had it.
    expect(await at.breaksOf()).toEqual([]);
    expect(await at.runOf()).toMatchObject({ read: 7, absent: 0 });
  });
});

describe('calls that the log does not name', () => {
  test('are asked for a hundred in a run, until the provider was asked for all of them, each once', async () => {
    const all = at.callsOfDay(230);
    for (const call of all) await deliver(at.house, call);
    at.known = [];
    const reader = readerOf(at.callrail);
    const asked: string[] = [];
    // Every tenth is at the provider, and the list skips it.
    const there = new Set(all.filter((_, nth) => nth % 10 === 0).map(({ externalId }) => externalId));
    const has: typeof reader.has = async (externalId) => {
      asked.push(externalId);
      return there.has(externalId);
    };
    at.given = { callLogReaders: [{ ...reader, has }] };
    at.house.advanceTo(Date.parse(FIRST_DATE) + DAY_MS + 6 * HOUR_MS);
    const night = at.nightOf(FIRST_DATE);
    const ends = [];
    for (let runs = 0; runs < 3; runs += 1) ends.push((await at.house.run(night, at.given)).end);
    expect(ends).toEqual(['wait', 'wait', 'finish']);
    expect(asked).toHaveLength(230);
    expect(new Set(asked)).toEqual(new Set(all.map(({ externalId }) => externalId)));
    expect(await at.runOf()).toMatchObject({ read: 0, absent: 207 });
  });
});

describe('the night', () => {
  test('dies before and after each of its steps, and brings each call once', async () => {
    at.known = at.callsOfDay(5);
    const [unknown] = at.callsOfDay(1);
    if (unknown === undefined) throw new Error('no call');
    await deliver(at.house, unknown);
    at.house.advanceTo(Date.parse(FIRST_DATE) + DAY_MS + 6 * HOUR_MS);
    const night = at.nightOf(FIRST_DATE);
    const steps = new Set<string>();
    for (let call = 1; ; call += 1) {
      const ends = [];
      for (const when of ['before', 'after'] as const) {
        const { made, services } = killing(at.house.services, { call, when });
        ends.push((await at.house.run(night, { ...services, ...at.given })).end);
        for (const step of made) steps.add(step);
      }
      if (!ends.includes('killed')) break;
    }
    await at.house.work(at.given);
    expect([...steps].filter((step) => step.startsWith('callLogs.')).toSorted()).toEqual(
      ['begin', 'end', 'match', 'noteLookedUp', 'storePage', 'unseen'].map((step) => `callLogs.${step}`),
    );
    expect(await at.runOf()).toMatchObject({ read: 5, missing: 5, recovered: 5, absent: 1 });
    expect(await booksOf(at.house, 'callrail')).toHaveLength(6);
  });

  test('run by two workers at once counts and brings each call once', async () => {
    at.known = at.callsOfDay(10);
    at.house.advanceTo(Date.parse(FIRST_DATE) + DAY_MS + 6 * HOUR_MS);
    const night = at.nightOf(FIRST_DATE);
    const ran = await Promise.all([at.house.run(night, at.given), at.house.run(night, at.given)]);
    expect(ran.map(({ end }) => end)).toEqual(['finish', 'finish']);
    await at.house.work(at.given);
    expect(await at.runOf()).toMatchObject({ read: 10, missing: 10, recovered: 10 });
    expect(await booksOf(at.house, 'callrail')).toHaveLength(10);
  });

  test('finds the provider away, and the close of the date goes on', async () => {
    at.known = at.callsOfDay(2);
    const [call] = at.known;
    if (call === undefined) throw new Error('no call');
    await deliver(at.house, call);
    at.callrail.faults.add({ kind: 'cut', count: 1_000 });
    const ran = await at.house.close(FIRST_DATE, at.given);
    expect(ran).toContainEqual(
      expect.objectContaining({ job: reconcileCalls.name, end: 'wait', code: 'PROVIDER_UNAVAILABLE' }),
    );
    expect(ran).toContainEqual(expect.objectContaining({ job: 'billing.bill-buyer', end: 'finish' }));
  });

  test('reads one provider while another is away', async () => {
    const twilio = await startTwilio(() =>
      at.callsOfDay(4).map((call, nth) => ({ ...call, externalId: `CA${String(nth).repeat(32)}` })),
    );
    at.given = { callLogReaders: [readerOf(at.callrail), twilioReaderOf(twilio)] };
    at.callrail.faults.add({ kind: 'cut', count: 1_000 });
    expect(await at.reconcile()).toMatchObject({ end: 'wait', code: 'PROVIDER_UNAVAILABLE' });
    expect(await at.runOf()).toMatchObject({ source: 'callrail', read: 0 });
    const { runs } = await at.house.services.callLogs.report(FIRST_DATE);
    expect(runs[1]).toMatchObject({ source: 'twilio', read: 4, missing: 4 });
    await twilio.close();
  });

  test('goes on with the old key while a new one is not accepted yet', async () => {
    at.known = at.callsOfDay(1);
    at.given = {
      callLogReaders: [readerOf(at.callrail, ['a-key-that-comes-tomorrow', API_KEY])],
    };
    expect(await at.reconcile()).toMatchObject({ end: 'finish' });
    expect(await booksOf(at.house, 'callrail')).toHaveLength(1);
  });

  test('is nothing where no provider is configured', async () => {
    at.given = {};
    expect(await at.reconcile()).toMatchObject({ end: 'finish', code: 'no_provider_is_configured' });
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import {
  type RealtimeOptions,
  RealtimeService,
  type TableSubscription,
} from '../../src/integrations/supabase/realtime.ts';
import { type RealtimeServer, startRealtimeServer } from '../helpers/realtime-server.ts';

const KEY = 'not-a-key';
const TABLE = 'reconciliation_breaks';
const OTHER = 'closes';
const HOUR_MS = 3_600_000;

let server: RealtimeServer;
let service: RealtimeService;
let failures: string[];

const open = (given: Partial<RealtimeOptions> = {}) =>
  new RealtimeService({
    ...{ url: server.url, secretKey: KEY, isOn: true, reconnectAfterMs: () => 20 },
    // Nothing is polled within a test that does not ask for it.
    ...{ pollMs: HOUR_MS, checkMs: HOUR_MS, timeoutMs: 2_000 },
    onFailure: ({ operation, code }) => failures.push(`${operation} ${code}`),
    ...given,
  });

/** A subscription that keeps what it is told. */
function listener(table: TableSubscription<unknown>['table'] = TABLE) {
  const rows: unknown[] = [];
  const marks: (number | null)[] = [];
  const subscription = {
    table,
    row: z.object({ identity: z.string(), amount_minor: z.int() }),
    onRow: (row: unknown) => void rows.push(row),
    reread: async (sinceMs: number | null) => void marks.push(sinceMs),
  };
  return { rows, marks, subscription };
}

const row = (identity: string) => ({
  record: { identity, amount_minor: '12', nobody: 'reads it' },
  columns: [
    { name: 'identity', type: 'text' },
    { name: 'amount_minor', type: 'int8' },
  ],
});
const told = (...identities: string[]) => identities.map((identity) => ({ identity, amount_minor: 12 }));
const live = (table: Parameters<RealtimeService['isLive']>[0] = TABLE) =>
  vi.waitFor(() => expect(service.isLive(table)).toBe(true), { timeout: 10_000 });
const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000 });

beforeEach(async () => {
  failures = [];
  server = await startRealtimeServer();
  service = open();
});
afterEach(async () => {
  await service.close();
  await server.stop();
});

describe('while realtime is there', () => {
  test('a subscriber is told of each row that is inserted or changed, with the columns it asked for', async () => {
    const { rows, subscription } = listener();
    service.subscribeToTable(subscription);
    await live();
    server.change(TABLE, { type: 'INSERT', ...row('a') });
    server.change(TABLE, row('b'));
    await soon(() => expect(rows).toEqual(told('a', 'b')));
    expect(server.seen.keys).toEqual(new Set([KEY]));
    expect(failures).toEqual([]);
  });

  test('everything is read at the start, and once more when events begin to come', async () => {
    const { marks, subscription } = listener();
    service.subscribeToTable(subscription);
    await live();
    await soon(() => expect(marks.length).toBe(2));
    expect(marks[0]).toBe(null);
    expect(marks[1]).toBeGreaterThan(Date.now() - 2 * 60_000);
  });

  test('a second subscription of a table is refused, and the first goes on', async () => {
    const first = listener();
    const second = listener();
    service.subscribeToTable(first.subscription);
    expect(() => service.subscribeToTable(second.subscription)).toThrow(
      expect.objectContaining({ code: 'REALTIME_SUBSCRIBED' }),
    );
    await live();
    server.change(TABLE, row('a'));
    await soon(() => expect(first.rows).toEqual(told('a')));
    expect(second.marks).toEqual([]);
  });

  test('after it unsubscribed, nobody is told of an event that was under way, and the table is free', async () => {
    const first = listener();
    service.subscribeToTable(first.subscription);
    service.subscribeToTable(listener(OTHER).subscription);
    await live();
    await live(OTHER);
    const leaving = service.unsubscribe(TABLE);
    server.change(TABLE, row('late'));
    await leaving;
    const second = listener();
    service.subscribeToTable(second.subscription);
    await live();
    server.change(TABLE, row('new'));
    await soon(() => expect(second.rows).toEqual(told('new')));
    expect(first.rows).toEqual([]);
    expect(service.isLive(OTHER)).toBe(true);
  });

  test('a row that was deleted, and one that the server may not show, are made up for by reading', async () => {
    const { rows, marks, subscription } = listener();
    service.subscribeToTable(subscription);
    await live();
    await soon(() => expect(marks.length).toBe(2));
    server.change(TABLE, { type: 'DELETE', record: {} });
    await soon(() => expect(marks.length).toBe(3));
    server.change(TABLE, { record: {}, errors: ['Error 401: Unauthorized'] });
    await soon(() => expect(marks.length).toBe(4));
    expect(rows).toEqual([]);
  });

  test('a heartbeat is sent, and one that nobody answers ends the connection for a new one', async () => {
    await service.close();
    service = open({ heartbeatMs: 30 });
    const { marks, subscription } = listener();
    service.subscribeToTable(subscription);
    await live();
    await soon(() => expect(server.seen.heartbeats).toBeGreaterThan(2));
    server.behaves.answers = false;
    await soon(() => expect(service.isLive(TABLE)).toBe(false));
    server.behaves.answers = true;
    const before = marks.length;
    await live();
    await soon(() => expect(marks.length).toBeGreaterThan(before));
  });
});

describe('when realtime goes away', () => {
  test('it joins again by itself, and reads what changed meanwhile from its mark on', async () => {
    const { rows, marks, subscription } = listener();
    service.subscribeToTable(subscription);
    await live();
    await soon(() => expect(marks.length).toBe(2));
    server.drop();
    await soon(() => expect(server.seen.joins).toBe(2));
    await live();
    await soon(() => expect(marks.length).toBe(3));
    expect(marks[2]).toBeGreaterThanOrEqual(marks[1] ?? Number.NaN);
    server.change(TABLE, row('after'));
    await soon(() => expect(rows).toEqual(told('after')));
    expect(failures).toContain('subscribe REALTIME_CHANNEL_ERROR');
  });

  test('a reading that fails leaves the mark, so that the next one reads it again', async () => {
    const { marks, subscription } = listener();
    let fails = false;
    const reread = async (sinceMs: number | null) => {
      marks.push(sinceMs);
      if (fails) throw new Error('the database is away');
    };
    service.subscribeToTable({ ...subscription, reread });
    await live();
    await soon(() => expect(marks.length).toBe(2));
    fails = true;
    server.change(TABLE, { type: 'DELETE', record: {} });
    await soon(() => expect(failures).toEqual(['reread INTERNAL']));
    fails = false;
    server.change(TABLE, { type: 'DELETE', record: {} });
    await soon(() => expect(marks.length).toBe(4));
    expect(marks[3]).toBe(marks[2]);
  });

  test('what an event was read for in vain is read by the next poll, though events come', async () => {
    await service.close();
    service = open({ pollMs: 200 });
    const { marks, subscription } = listener();
    const reread = async () => {
      if (marks.push(0) > 1 && service.isLive(TABLE)) throw new Error('the database is away');
    };
    service.subscribeToTable({ ...subscription, onRow: () => 'read', reread });
    await live();
    server.change(TABLE, row('a'));
    // The one after the join, the event's, and two of polls.
    await soon(() => expect(failures.length).toBeGreaterThanOrEqual(4));
  });

  test('with the server gone it is polled, and when the server is back it is told again', async () => {
    await service.close();
    const turns: string[] = [];
    service = open({ pollMs: 20, onLive: (table, isLive) => turns.push(`${table} ${isLive}`) });
    const { rows, marks, subscription } = listener();
    service.subscribeToTable(subscription);
    await live();
    const { port } = server;
    await server.stop();
    await soon(() => expect(service.isLive(TABLE)).toBe(false));
    const before = marks.length;
    await soon(() => expect(marks.length).toBeGreaterThan(before + 3));
    server = await startRealtimeServer(port);
    await live();
    server.change(TABLE, row('back'));
    await soon(() => expect(rows).toEqual(told('back')));
    expect(turns).toEqual([`${TABLE} true`, `${TABLE} false`, `${TABLE} true`]);
  });

  test('a channel that the server refuses, or closes for good, is polled and opened anew', async () => {
    await service.close();
    service = open({ pollMs: 20 });
    server.behaves.refusesJoins = true;
    const { marks, subscription } = listener();
    service.subscribeToTable(subscription);
    await soon(() => expect(failures).toContain('subscribe REALTIME_CHANNEL_ERROR'));
    await soon(() => expect(marks.length).toBeGreaterThan(3));
    server.behaves.refusesJoins = false;
    await live();
    server.event(TABLE, 'phx_close', {});
    await soon(() => expect(failures).toContain('subscribe REALTIME_CLOSED'));
    await live();
  });

  test('where there is no realtime at all nothing is connected to, and everything is polled', async () => {
    await service.close();
    service = open({ isOn: false, pollMs: 20 });
    const { marks, subscription } = listener();
    service.subscribeToTable(subscription);
    await soon(() => expect(marks.length).toBeGreaterThan(3));
    expect(server.connections()).toBe(0);
    expect(failures).toEqual([]);
  });
});

describe('what goes wrong with one event', () => {
  const DATA = { schema: 'public', table: TABLE, type: 'UPDATE', columns: [], record: {} };
  test.each([
    ['no JSON', 'nonsense', 'message ANSWER_INVALID'],
    ['no message', '{"event":"postgres_changes"}', 'message ANSWER_INVALID'],
    [
      'a message without a payload',
      `[null,null,"realtime:callclear-${TABLE}","postgres_changes",null]`,
      'message ANSWER_INVALID',
    ],
    [
      'a change without data',
      `[null,null,"realtime:callclear-${TABLE}","postgres_changes",{"ids":[1]}]`,
      'message ANSWER_INVALID',
    ],
    [
      'a change of a row that is none',
      JSON.stringify([
        null,
        null,
        `realtime:callclear-${TABLE}`,
        'postgres_changes',
        { ids: [1], data: { ...DATA, record: { identity: 5 } } },
      ]),
      'event ANSWER_INVALID',
    ],
  ])('%s is counted, and the next one comes through', async (_what, text, failure) => {
    const { rows, subscription } = listener();
    service.subscribeToTable(subscription);
    await live();
    server.say(text);
    server.change(TABLE, row('next'));
    await soon(() => expect(rows).toEqual(told('next')));
    expect(failures).toEqual([failure]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('ours');
      },
    ],
    ['rejects', () => Promise.reject(new Error('ours'))],
  ])(
    'a subscriber that %s is counted and read for again, and its siblings are told all the same',
    async (_how, onRow) => {
      const failing = listener();
      const sibling = listener(OTHER);
      service.subscribeToTable({ ...failing.subscription, onRow });
      service.subscribeToTable(sibling.subscription);
      await live();
      await live(OTHER);
      await soon(() => expect(failing.marks.length).toBe(2));
      server.change(TABLE, row('a'));
      await soon(() => expect(failures).toEqual(['event INTERNAL']));
      server.change(OTHER, row('b'));
      await soon(() => expect(sibling.rows).toEqual(told('b')));
      await soon(() => expect(failing.marks.length).toBe(3));
      expect(service.isLive(TABLE)).toBe(true);
    },
  );
});

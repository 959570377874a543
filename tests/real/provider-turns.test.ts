import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ApiTurns } from '../../src/integrations/http.ts';
import { forgetClocksAhead } from '../../src/queues/clocks-ahead.ts';
import { connectQueues, type QueueBackend, type QueueConnection } from '../../src/queues/connection.ts';
import { BACKEND_KINDS } from '../helpers/queue-backends.ts';
import { until, useQueueBackend } from './queue-contract/fixture.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const signal = () => new AbortController().signal;

describe.each(BACKEND_KINDS)('the line in front of a provider, on %s', (kind) => {
  const { given } = useQueueBackend(kind);
  const connections: QueueConnection[] = [];
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all(connections.splice(0).map((connection) => connection.close(500)));
  });
  function connect(backend: QueueBackend): QueueConnection {
    const connection = connectQueues(backend, { role: 'producer' }, () => undefined);
    connections.push(connection);
    return connection;
  }
  /** The line as another process has it that runs for a while: the first who comes to PostgreSQL makes the tables. */
  async function turnsOf(provider: string, perS: number): Promise<ApiTurns> {
    const connection = connect(given().backend);
    await until(async () => expect(await connection.turns('another', 100).take(signal())).toBe(true));
    return connection.turns(provider, perS);
  }
  const isOpen = async (provider: string) => (await turnsOf(provider, 100)).take(signal());
  /** When those had their turn that come at once, in order; none whose turn did not come. */
  async function taken(count: number, lines: readonly ApiTurns[]): Promise<number[]> {
    const atMs = await Promise.all(
      Array.from({ length: count }, async (_, nth) =>
        (await lines[nth % lines.length]?.take(signal())) ? [performance.now()] : [],
      ),
    );
    return atMs.flat().toSorted((one, other) => one - other);
  }
  const apart = (atMs: readonly number[], turns: number) =>
    Math.min(...atMs.slice(turns).map((ms, nth) => ms - (atMs[nth] ?? 0)));

  test('is one for all processes: whoever asks, the next request is due a turn later', async () => {
    const atMs = await taken(4, [await turnsOf('callrail', 0.25), await turnsOf('callrail', 0.25)]);
    // One at once, one after four seconds; the others would wait for longer than five.
    expect(atMs).toHaveLength(2);
    expect(apart(atMs, 1)).toBeGreaterThan(3_900);
    expect(await isOpen('twilio')).toBe(true);
  });

  test('lets a burst through that it can serve in five seconds, each when it is its turn', async () => {
    const atMs = await taken(60, [await turnsOf('telesign', 20), await turnsOf('telesign', 20)]);
    expect(atMs).toHaveLength(60);
    // Not twenty at the end of one second and twenty at the beginning of the next.
    expect(apart(atMs, 10)).toBeGreaterThan(250);
    expect(apart(atMs, 59)).toBeGreaterThan(2_900);
  });

  test('lets no two through at once, also when nobody had come for a while', async () => {
    const turns = await turnsOf('everflow', 2);
    await turns.take(signal());
    const atMs = await taken(5, [turns, await turnsOf('everflow', 2)]);
    expect(atMs).toHaveLength(5);
    expect(apart(atMs, 1)).toBeGreaterThan(400);
  });

  test('keeps a rate whose turns are shorter than a question to the store', async () => {
    const atMs = await taken(200, [await turnsOf('posthog', 100)]);
    expect(atMs).toHaveLength(200);
    expect(apart(atMs, 199)).toBeGreaterThan(1_850);
  });

  test('tells at once whose turn is too far away', async () => {
    const slow = await turnsOf('tune', 0.1);
    const turns = await turnsOf('callrail', 0.25);
    const stop = new AbortController();
    expect([await slow.take(signal()), await turns.take(signal())]).toEqual([true, true]);
    const startMs = performance.now();
    expect(await slow.take(signal())).toBe(false);
    // Of these two one waits, and the other would wait for its turn after that.
    expect(await Promise.race([turns.take(stop.signal), turns.take(stop.signal)])).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(SECOND_MS);
    stop.abort();
    // Nobody has to wait because the provider asked for it.
    expect([slow.isPaused?.(), turns.isPaused?.()]).toEqual([false, false]);
  });

  test('is closed for everybody for as long as the provider asked, and no shorter pause opens it', async () => {
    const turns = await turnsOf('callrail', 100);
    // A window that runs is closed as well as none.
    expect(await turns.take(signal())).toBe(true);
    await turns.pause(MINUTE_MS);
    await (await turnsOf('callrail', 100)).pause(SECOND_MS / 2);
    const other = await turnsOf('callrail', 100);
    expect(other.isPaused?.()).toBe(false);
    const startMs = performance.now();
    expect(await other.take(signal())).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(SECOND_MS);
    expect(other.isPaused?.()).toBe(true);
    expect(await isOpen('twilio')).toBe(true);
  });

  test('opens when the pause is over: who came meanwhile has waited for it', async () => {
    await (await turnsOf('callrail', 100)).pause(1.5 * SECOND_MS);
    const startMs = performance.now();
    const turns = await turnsOf('callrail', 100);
    expect(await turns.take(signal())).toBe(true);
    expect(performance.now() - startMs).toBeGreaterThan(1_000);
    expect(turns.isPaused?.()).toBe(false);
  });

  test('is paused for an hour at most, whatever a provider asks for', async () => {
    const turns = await turnsOf('callrail', 1);
    const nowMs = Date.now();
    await turns.pause(24 * HOUR_MS);
    expect(await turns.take(signal())).toBe(false);
    vi.setSystemTime(nowMs + HOUR_MS - MINUTE_MS);
    expect(turns.isPaused?.()).toBe(true);
    vi.setSystemTime(nowMs + HOUR_MS + MINUTE_MS);
    expect(turns.isPaused?.()).toBe(false);
  });

  test('is left when the job is given up', async () => {
    const stop = new AbortController();
    const turns = await turnsOf('callrail', 0.25);
    await turns.take(signal());
    const startMs = performance.now();
    const waiting = turns.take(stop.signal);
    stop.abort();
    expect(await waiting).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(2 * SECOND_MS);
  });

  test('is waited in also by who is only connecting', async () => {
    expect(await isOpen('first')).toBe(true);
    expect(await taken(20, [connect(given().backend).turns('callrail', 100)])).toHaveLength(20);
  });

  test('is no line when the store has lost it: it begins anew', async () => {
    const turns = await turnsOf('callrail', 0.1);
    expect(await turns.take(signal())).toBe(true);
    await given().lose();
    expect(await turns.take(signal())).toBe(true);
  });

  test('is not closed by who believes that it is tomorrow, once the scheduler has looked', async () => {
    const turns = await turnsOf('callrail', 0.5);
    vi.setSystemTime(Date.now() + 24 * HOUR_MS);
    expect(await turns.take(signal())).toBe(true);
    vi.useRealTimers();
    // On Redis there is nothing to forget: the store's own clock ends each window.
    expect(await forgetClocksAhead(given().backend)).toBe(kind === 'redis' ? 0 : 1);
    expect(await (await turnsOf('callrail', 0.5)).take(signal())).toBe(true);
  });

  test('what cannot be counted is not sent, and that is known soon', async () => {
    const url = kind === 'redis' ? 'redis://127.0.0.1:1' : 'postgres://nobody@127.0.0.1:1/none';
    const turns = connect({ kind, url }).turns('callrail', 100);
    const startMs = performance.now();
    expect(await turns.take(signal())).toBe(false);
    await turns.pause(SECOND_MS);
    expect(performance.now() - startMs).toBeLessThan(5 * SECOND_MS);
  });

  test('what a frozen store does not count is not sent, and is counted again when it answers', async ({
    skip,
  }) => {
    const { freeze } = given();
    if (freeze === null) return skip('not ours to freeze');
    const turns = await turnsOf('callrail', 100);
    expect(await turns.take(signal())).toBe(true);
    const thaw = freeze();
    const startMs = performance.now();
    try {
      expect(await turns.take(signal())).toBe(false);
      expect(performance.now() - startMs).toBeLessThan(4 * SECOND_MS);
    } finally {
      thaw();
    }
    expect(await turns.take(signal())).toBe(true);
  });
});

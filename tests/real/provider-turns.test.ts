import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ApiTurns } from '../../src/integrations/http.ts';
import { connectQueues, type QueueBackend, type QueueConnection } from '../../src/queues/connection.ts';
import { BACKEND_KINDS } from '../helpers/queue-backends.ts';
import { until, useQueueBackend } from './queue-contract/fixture.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const signal = () => new AbortController().signal;

// A loaded machine may stop any of this for seconds: what is measured is how long turns take at least.
describe.each(BACKEND_KINDS)('the line in front of a provider, on %s', (kind) => {
  const { given } = useQueueBackend(kind);
  const connections: QueueConnection[] = [];
  const told: unknown[] = [];
  afterEach(async () => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    await Promise.all(connections.splice(0).map((connection) => connection.close(500)));
    told.splice(0);
  });
  function connect(backend: QueueBackend): QueueConnection {
    const connection = connectQueues(backend, { role: 'producer' }, (queue, error) => {
      if (queue === 'turns') told.push(error);
    });
    connections.push(connection);
    return connection;
  }
  /** The line as another process has it that runs for a while: the first who comes to PostgreSQL makes the tables. */
  async function turnsOf(provider: string, perS: number): Promise<ApiTurns> {
    const connection = connect(given().backend);
    await turn(connection.turns('another', 100));
    return connection.turns(provider, perS);
  }
  /** Whether there is a turn; asked again only where the store did not answer in time. */
  const asked = (turns: ApiTurns) => until(() => turns.take(signal())) as Promise<boolean>;
  /** The turn, asked for until there is one. */
  const turn = (turns: ApiTurns) => until(async () => expect(await turns.take(signal())).toBe(true));
  /** From before those come who all come at once until the last of them has had its turn. */
  async function takenMs(count: number, lines: readonly ApiTurns[]): Promise<number> {
    const startMs = performance.now();
    const takers = Array.from({ length: count }, (_, nth) => lines[nth % lines.length]);
    await Promise.all(takers.map((line) => line && turn(line)));
    return performance.now() - startMs;
  }

  test('is one for all processes: no two are let through at once, whoever asks', async () => {
    const ms = await takenMs(6, [await turnsOf('everflow', 2), await turnsOf('everflow', 2)]);
    // Two at the beginning of each second would take two seconds.
    expect(ms).toBeGreaterThan(2_450);
  });

  test('lets a burst through that it can serve in five seconds, each when it is its turn', async () => {
    const lines = [await turnsOf('telesign', 20), await turnsOf('telesign', 20)];
    // Not twenty at the end of one second and twenty at the beginning of the next.
    expect(await takenMs(60, lines)).toBeGreaterThan(2_900);
    // Who is refused although it could wait is so each time.
    await until(async () => {
      const burst = Array.from({ length: 40 }, (_, nth) => lines[nth % 2]?.take(signal()));
      expect(await Promise.all(burst)).not.toContain(false);
    });
  });

  test('keeps a rate whose turns are shorter than a question to the store', async () => {
    expect(await takenMs(200, [await turnsOf('posthog', 100)])).toBeGreaterThan(1_900);
  });

  test('tells at once whose turn is too far away', async () => {
    const slow = await turnsOf('tune', 0.1);
    const turns = await turnsOf('callrail', 0.25);
    const stop = new AbortController();
    await Promise.all([turn(slow), turn(turns)]);
    // It waits for four seconds: the others are told before.
    const waiting = turns.take(stop.signal).catch(() => false);
    expect(await Promise.race([waiting, asked(slow)])).toBe(false);
    expect(await Promise.race([waiting, asked(turns)])).toBe(false);
    stop.abort();
    // Nobody has to wait because the provider asked for it.
    expect([slow.isPaused?.(), turns.isPaused?.()]).toEqual([false, false]);
  });

  test('is closed for everybody for as long as the provider asked, and no shorter pause opens it', async () => {
    const turns = await turnsOf('callrail', 100);
    // A window that runs is closed as well as none.
    await turn(turns);
    await turns.pause(HOUR_MS / 2);
    await (await turnsOf('callrail', 100)).pause(SECOND_MS / 2);
    const other = await turnsOf('callrail', 100);
    expect(other.isPaused?.()).toBe(false);
    expect(await asked(other)).toBe(false);
    expect(other.isPaused?.()).toBe(true);
    await turn(await turnsOf('twilio', 100));
  });

  test('opens when the pause is over: who came meanwhile has waited for it', async () => {
    const turns = await turnsOf('callrail', 100);
    const startMs = performance.now();
    await (await turnsOf('callrail', 100)).pause(1.5 * SECOND_MS);
    expect(await asked(turns)).toBe(true);
    expect(performance.now() - startMs).toBeGreaterThan(1_450);
    expect(turns.isPaused?.()).toBe(false);
  });

  test('is paused for an hour at most, whatever a provider asks for', async () => {
    const turns = await turnsOf('callrail', 1);
    vi.useFakeTimers({ toFake: ['performance'] });
    await turns.pause(24 * HOUR_MS);
    expect(await asked(turns)).toBe(false);
    vi.advanceTimersByTime(HOUR_MS - MINUTE_MS);
    expect(turns.isPaused?.()).toBe(true);
    vi.advanceTimersByTime(2 * MINUTE_MS);
    expect(turns.isPaused?.()).toBe(false);
  });

  test('is left when the job is given up', async () => {
    const [stop, end] = [new AbortController(), new AbortController()];
    const [turns, other] = [await turnsOf('callrail', 0.22), await turnsOf('twilio', 0.3)];
    await Promise.all([turn(other), turn(turns)]);
    // It waits for three seconds and more, and who is not let go for four and more.
    const waiting = other.take(end.signal);
    const left = turns.take(stop.signal);
    stop.abort();
    const first = waiting.then(
      (isTurn) => isTurn || left,
      () => left,
    );
    expect(await Promise.race([first, left])).toBe(false);
    end.abort();
    expect(told).toEqual([]);
  });

  test('is waited in also by who is only connecting', async () => {
    await until(async () => {
      const turns = connect(given().backend).turns('callrail', 100);
      expect(await Promise.all(Array.from({ length: 20 }, () => turns.take(signal())))).not.toContain(false);
    });
  });

  test('is no line when the store has lost it: it begins anew', async () => {
    const turns = await turnsOf('callrail', 0.01);
    await turn(turns);
    await given().lose();
    await turn(turns);
  });

  test.each([-HOUR_MS, HOUR_MS])(
    'has turns for a process whose clock is off by %i ms as for others, and is not closed by it',
    async (offMs) => {
      const [turns, other] = [await turnsOf('callrail', 2), await turnsOf('callrail', 2)];
      const trueNow = Date.now;
      const off = async <T>(work: () => Promise<T>) => {
        const clock = vi.spyOn(Date, 'now').mockImplementation(() => trueNow() + offMs);
        return work().finally(() => clock.mockRestore());
      };
      const startMs = performance.now();
      await off(() => turn(turns));
      await turn(other);
      await off(() => turn(turns));
      await turn(other);
      expect(performance.now() - startMs).toBeGreaterThan(1_450);
      const pausedMs = performance.now();
      await off(() => turns.pause(SECOND_MS));
      await turn(other);
      expect(performance.now() - pausedMs).toBeGreaterThan(950);
    },
  );

  test('gives no two turns at once to who waited for the row', async ({ skip }) => {
    if (kind === 'redis') return skip('nobody can hold a counter there');
    const turns = await turnsOf('callrail', 2);
    await turn(turns);
    const holder = new pg.Client({ connectionString: given().backend.url });
    await holder.connect();
    try {
      await holder.query('begin');
      await holder.query('select from bullmq.provider_turns for update');
      // They ask in a window that is over, and the next one would be over too when they have the row.
      await holder.query('select pg_sleep(0.6)');
      const both = takenMs(2, [turns]);
      await holder.query('select pg_sleep(0.7)');
      const freeMs = performance.now();
      await holder.query('commit');
      await both;
      expect(performance.now() - freeMs).toBeGreaterThan(450);
    } finally {
      await holder.end();
    }
  });

  test('what cannot be counted is not sent, and that is told', async () => {
    const url = kind === 'redis' ? 'redis://127.0.0.1:1' : 'postgres://nobody@127.0.0.1:1/none';
    const turns = connect({ kind, url }).turns('callrail', 100);
    await expect(turns.take(signal())).rejects.toThrow();
    expect(told).toHaveLength(1);
    await turns.pause(SECOND_MS);
    expect(told).toHaveLength(2);
  });

  test('what a frozen store does not count is not sent, and is counted again when it answers', async ({
    skip,
  }) => {
    const { freeze } = given();
    if (freeze === null) return skip('not ours to freeze');
    const turns = await turnsOf('callrail', 100);
    await turn(turns);
    const thaw = freeze();
    try {
      await expect(turns.take(signal())).rejects.toThrow('late');
    } finally {
      thaw();
    }
    await turn(turns);
  });
});

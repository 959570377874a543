import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import {
  type RateLimiterAbstract,
  RateLimiterPostgres,
  RateLimiterRedis,
  RateLimiterRes,
} from 'rate-limiter-flexible';
import type { ApiTurns } from '../integrations/http.ts';
import { withDeadline } from './deadline.ts';

/** Longer than this no request waits in its process: its job waits in the queue. */
const MOST_WAIT_MS = 5_000;
/** What a provider asks for beyond this is not believed. */
const MOST_PAUSE_MS = 3_600_000;
/** A store that does not answer for so long is away. */
const ANSWER_MS = 2_000;
/** No window is shorter, since asking the store takes a part of it: above 40 requests per second several share one. */
const SHORTEST_MS = 50;
/** The count of a line that is closed by its provider. No window is asked for so many turns, and PostgreSQL's integers hold it. */
const CLOSED = 1_000_000_000;
const PREFIX = 'callclear:turns';

/** So many turns in so long. */
interface Window {
  readonly points: number;
  readonly ms: number;
}

/** The line of one provider in a store. */
interface Line {
  readonly limiter: RateLimiterAbstract;
  /** Waits for a connection that is only being made, and for no other. */
  ready(): Promise<unknown>;
  /** Closes the line, unless it is closed for longer already. `block` of the library would let a shorter pause open it. */
  close(key: string, forMs: number): Promise<unknown>;
}
export type OpenLine = (window: Window) => Line;

/**
 * One turn each 1/rate seconds, where a second has 40 of them or fewer. A window begins with its first turn, so with one
 * turn in each two turns are never closer, also across its end: whatever window the provider counts by, T seconds see
 * T × rate + 1 requests at most. Windows of a second would let through twice the rate around their end.
 */
function windowOf(perS: number): Window {
  const points = Math.max(1, Math.floor((perS * SHORTEST_MS) / 1_000));
  return { points, ms: Math.ceil((points * 1_000) / perS) };
}

/**
 * The line of a provider, one for all processes on the store; see integrations/http.ts for what is promised of it.
 * `onError` hears of each failure of the store.
 */
export function createTurns(
  openLine: OpenLine,
  name: string,
  perS: number,
  onError: (error: unknown) => void,
): ApiTurns {
  const { points, ms } = windowOf(perS);
  const line = openLine({ points, ms });
  let pausedUntilMs = 0;

  /** Counts one more in the window, also one that has no turn in it. */
  async function count(): Promise<RateLimiterRes> {
    await line.ready();
    return line.limiter.consume(name).catch((refused: unknown) => {
      if (refused instanceof RateLimiterRes) return refused;
      throw refused;
    });
  }

  /** False when the place would come too late. */
  async function waitForPlace(signal: AbortSignal): Promise<boolean> {
    const lastMs = performance.now() + MOST_WAIT_MS;
    while (!signal.aborted) {
      const { consumedPoints: place, msBeforeNext } = await inTime(count());
      if (place <= points) return !signal.aborted;
      const isClosed = place >= CLOSED;
      if (isClosed && msBeforeNext > MOST_WAIT_MS) pausedUntilMs = performance.now() + msBeforeNext;
      // As many windows later as those before it fill, so that of many who wait each asks the store a few times only.
      const waitMs = msBeforeNext + (isClosed ? 0 : (Math.ceil(place / points) - 2) * ms);
      if (performance.now() + waitMs > lastMs) return false;
      // In its last millisecond a window is still there.
      await sleep(waitMs + 1, undefined, { signal }).catch(() => undefined);
    }
    return false;
  }

  return {
    isPaused: () => performance.now() < pausedUntilMs,
    take: (signal) =>
      waitForPlace(signal).catch((error: unknown) => {
        onError(error);
        throw error;
      }),
    async pause(forMs) {
      const pauseMs = Math.max(1, Math.min(Math.round(forMs), MOST_PAUSE_MS));
      const closing = async () => {
        await line.ready();
        await line.close(line.limiter.getKey(name), pauseMs);
      };
      // What cannot be written down is told by the provider once more.
      await inTime(closing()).catch(onError);
    },
  };
}

const inTime = <T>(work: Promise<T>) => withDeadline(work, ANSWER_MS, () => new Error('late'));

/** As the library counts, but for milliseconds: it gives this script the limiter's `duration` as it is. */
const COUNT = `
  redis.call('set', KEYS[1], 0, 'PX', ARGV[2], 'NX')
  return {redis.call('incrby', KEYS[1], ARGV[1]), redis.call('pttl', KEYS[1])}`;
const CLOSE = `
  local left = redis.call('pttl', KEYS[1])
  redis.call('set', KEYS[1], ARGV[1], 'PX', math.max(left, tonumber(ARGV[2])))`;

/** By the clock of Redis. A client that has lost its store fails at once, as the queue's producers do. */
export function linesOnRedis(client: Redis): OpenLine {
  let connecting: Promise<unknown> | null = null;
  async function ready(): Promise<unknown> {
    if (client.status !== 'connecting' && client.status !== 'connect') return;
    connecting ??= once(client, 'ready').finally(() => {
      connecting = null;
    });
    return connecting;
  }
  return ({ points, ms }) => ({
    limiter: new RateLimiterRedis({
      ...{ storeClient: client, keyPrefix: PREFIX, points, duration: ms },
      customIncrTtlLuaScript: COUNT,
    }),
    ready,
    close: (key, forMs) => client.eval(CLOSE, 1, key, CLOSED, forMs),
  });
}

const TABLE = 'provider_turns';
/**
 * As the library would make it, but that it could not do so again after a failure. A row for each provider, so that
 * nothing is to be cleared. What a crash of the database takes is counted anew.
 */
export const makeTurnsTable = (client: pg.ClientBase, schema: string) =>
  client.query(`
    select pg_advisory_xact_lock(hashtext('callclear:turns'));
    create unlogged table if not exists ${schema}.${TABLE}
      (key varchar(255) primary key, points integer not null default 0, expire bigint)`);

const NOW = '(extract(epoch from clock_timestamp()) * 1000)';

/**
 * By the database's clock, read when the row is locked. The library stamps by the clock of the process, and before it waits
 * for a connection and for the lock, so that turns which waited there would come at once; hence its two methods that do so are ours.
 */
export function linesOnPostgres(pool: pg.Pool, schema: string, ready: () => Promise<void>): OpenLine {
  const count = `
    insert into ${schema}.${TABLE} as line values ($1, $2, ceil(${NOW}) + $3)
    on conflict (key) do update set (points, expire) = (
      select case when line.expire > now_ms then line.points + excluded.points else excluded.points end,
        case when line.expire > now_ms then line.expire else ceil(now_ms) + $3 end
      from (select ${NOW} as now_ms) as present)
    returning points, (expire - ${NOW})::float8 as "leftMs"`;
  const close = `
    insert into ${schema}.${TABLE} as line values ($1, $2, ${NOW} + $3)
    on conflict (key) do update set points = excluded.points, expire = greatest(line.expire, ${NOW} + $3)`;
  type Counted = pg.QueryResult<{ points: number; leftMs: number }>;
  return ({ points, ms }) => {
    const limiter = new RateLimiterPostgres({
      ...{ storeClient: pool, storeType: 'pool', schemaName: schema, tableName: TABLE, tableCreated: true },
      ...{ clearExpiredByTimeout: false, keyPrefix: PREFIX, points, duration: ms / 1_000 },
    });
    const byItsClock = {
      _upsert: (key: string, more: number): Promise<Counted> => pool.query(count, [key, more, ms]),
      _getRateLimiterRes: (_key: string, _more: number, { rows: [row] }: Counted) =>
        new RateLimiterRes(0, row?.leftMs ?? 0, row?.points ?? CLOSED),
    };
    return {
      limiter: Object.assign(limiter, byItsClock),
      ready,
      close: (key, forMs) => pool.query(close, [key, CLOSED, forMs]),
    };
  };
}

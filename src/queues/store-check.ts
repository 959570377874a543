import { Redis } from 'ioredis';
import pg from 'pg';
import { OutageError, PermanentError } from '../errors.ts';
import type { QueueBackend } from './connection.ts';
import { withDeadline } from './deadline.ts';

const ANSWER_MS = 5_000;
/** On PostgreSQL BullMQ compares lock times with the caller's clock: a skewed one runs healthy jobs twice. */
const MAX_SKEW_MS = 5_000;

/**
 * Looks at the store's own settings before work begins, and on PostgreSQL also at the clock, which is worth repeating
 * while running. Returns what is wrong but bearable.
 *
 * @throws CONFIG_INVALID when `strict` and Redis may evict or lose what it has accepted; CLOCK_SKEWED when this
 * machine's clock is off; QUEUE_UNAVAILABLE when the store does not answer.
 */
export async function checkQueueStore(
  backend: QueueBackend,
  { strict, answerMs = ANSWER_MS }: { strict: boolean; answerMs?: number },
): Promise<string[]> {
  const waiting = new AbortController();
  const ask = backend.kind === 'redis' ? redisFaults : clockFault;
  const faults = await withDeadline(ask(backend.url, waiting.signal), answerMs, () => {
    // A store that accepts a connection and says nothing would else hold it, and the process, for good.
    waiting.abort();
    return new OutageError('QUEUE_UNAVAILABLE', 'The queue store does not answer.');
  });
  if (strict && faults.length > 0) throw new PermanentError('CONFIG_INVALID', faults.join(' '));
  return faults;
}

async function redisFaults(url: string, signal: AbortSignal): Promise<string[]> {
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null });
  client.on('error', () => {});
  signal.addEventListener('abort', () => client.disconnect());
  try {
    await client.connect();
    const info = `${await client.info('memory')}\r\n${await client.info('persistence')}`;
    const fields = new Map(info.split('\r\n').map((line) => [line.split(':')[0], line.split(':')[1]]));
    const faults: string[] = [];
    if (fields.get('maxmemory_policy') !== 'noeviction') {
      faults.push('Redis may evict jobs: set maxmemory-policy to noeviction.');
    }
    if (fields.get('aof_enabled') !== '1')
      faults.push('Redis loses jobs when it restarts: set appendonly to yes.');
    return faults;
  } catch (cause) {
    throw new OutageError('QUEUE_UNAVAILABLE', 'Redis does not answer.', { cause });
  } finally {
    client.disconnect();
  }
}

async function clockFault(url: string, signal: AbortSignal): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ANSWER_MS });
  client.on('error', () => {});
  signal.addEventListener('abort', () => void client.end().catch(() => {}));
  try {
    await client.connect();
    const before = Date.now();
    const { rows } = await client.query<{ now: string }>(
      'select extract(epoch from clock_timestamp()) * 1000 as now',
    );
    const middle = (before + Date.now()) / 2;
    const skewMs = Math.abs(Number(rows[0]?.now) - middle);
    if (skewMs <= MAX_SKEW_MS) return [];
    throw new PermanentError(
      'CLOCK_SKEWED',
      `This clock is ${Math.round(skewMs)} ms off the queue database's.`,
    );
  } catch (cause) {
    if (cause instanceof PermanentError) throw cause;
    throw new OutageError('QUEUE_UNAVAILABLE', 'The queue database does not answer.', { cause });
  } finally {
    await client.end().catch(() => {});
  }
}

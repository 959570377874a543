import pg from 'pg';
import type { QueueBackend } from './connection.ts';

const ANSWER_MS = 5_000;

/**
 * On PostgreSQL BullMQ stores its callers' times: when the last look for stalled jobs was, and until when a job is
 * locked. One visit of a worker whose clock is an hour ahead stops the recovery of killed workers' jobs for an hour, so
 * what lies further in the future than any true clock could put it is forgotten. Returns how much that was. On Redis
 * the server's own clock ends both.
 */
export async function forgetClocksAhead(backend: QueueBackend): Promise<number> {
  if (backend.kind === 'redis') return 0;
  const client = new pg.Client({
    connectionString: backend.url,
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ forgotten: number }>(FORGET);
    return rows[0]?.forgotten ?? 0;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Locks last ten minutes at most, by the rule for QUEUE_LOCK_MS; clocks may be five seconds off. */
const FORGET = `
  with present as (select (extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms),
  looks as (
    delete from bullmq.meta using present
    where field = 'stalled-check' and case when field = 'stalled-check' then value::bigint end > now_ms + 5000
    returning 1),
  locks as (
    update bullmq.job set locked_until_ms = now_ms from present
    where state = 'active' and locked_until_ms > now_ms + 605000
    returning 1)
  select ((select count(*) from looks) + (select count(*) from locks))::int as forgotten`;

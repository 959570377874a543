import type { JobsOptions } from 'bullmq';
import { z } from 'zod';
import { PermanentError } from '../errors.ts';
import type { WorkItem, WorkRef } from '../integrations/supabase/work.ts';
import type { Job } from '../jobs/define-job.ts';
import { jobIdOf } from './job-id.ts';
import { openText, sealText } from './seal.ts';

/** What a payload may weigh in the queue, with its envelope; bodies of webhooks are 1 MiB and grow by sealing. */
export const SIZE_LIMIT_BYTES = 2 * 1024 * 1024;

/** So many attempts that failed a job remembers, the newest. */
const MAX_TRIES = 20;

/** The name under which each job's own backoff is looked up by its worker. */
export const BACKOFF_TYPE = 'callclear';

/** In a stored payload, the place of the fields that only a key holder may read. */
const SEALED = '$sealed';

/** Ticks of a scheduler have no key of their own; their moment is one. */
const TICK = 'tick.';

/**
 * What stands in the queue. A scheduler's ticks carry only `v` and `payload`; the rest comes from the tick itself.
 */
const envelopeSchema = z.object({
  v: z.number().int(),
  trace: z.string().optional(),
  dueAtMs: z.number().optional(),
  generation: z.number().int().min(1).optional(),
  key: z.string().optional(),
  payload: z.unknown(),
  sealed: z.string().optional(),
  /** When the job was first put back without an attempt; it may wait a day from then. */
  waitingSinceMs: z.number().optional(),
});

/** A job of the queue as its worker reads it; the payload is still in its stored form. */
export interface Envelope extends WorkItem {
  readonly version: number;
  readonly waitingSinceMs: number | null;
  /** Set when the data was no envelope; then everything else is a stand-in. */
  readonly fault: PermanentError | null;
}

/** The facts about a queued job that BullMQ gives. */
export interface QueuedJob {
  readonly id?: string | undefined;
  readonly name: string;
  readonly data: unknown;
  readonly timestamp: number;
  readonly opts: { readonly delay?: number | undefined; readonly prevMillis?: number | undefined };
}

/** Reads what a worker was given; never throws, because what cannot be read must still become a letter. */
export function readEnvelope(queued: QueuedJob): Envelope {
  const id = queued.id ?? queued.name;
  // A tick's due moment is the scheduler's own, also when it runs hours late.
  const tickMs = queued.opts.prevMillis ?? queued.timestamp + (queued.opts.delay ?? 0);
  const parsed = envelopeSchema.safeParse(queued.data);
  if (!parsed.success) {
    const fault = new PermanentError('PAYLOAD_INVALID', `${queued.name} came without an envelope.`);
    const stand = {
      version: 0,
      trace: id,
      dueAtMs: tickMs,
      generation: 1,
      key: id,
      payload: {},
      waitingSinceMs: null,
    };
    return { job: queued.name, ...stand, fault };
  }
  const { v, trace, generation, key, payload, sealed, waitingSinceMs, dueAtMs } = parsed.data;
  return {
    job: queued.name,
    version: v,
    trace: trace ?? id,
    dueAtMs: dueAtMs ?? tickMs,
    generation: generation ?? 1,
    key: key ?? `${TICK}${tickMs}`,
    payload: sealed === undefined ? payload : { ...(isRecord(payload) ? payload : {}), [SEALED]: sealed },
    waitingSinceMs: waitingSinceMs ?? null,
    fault: null,
  };
}

/** The piece of work alone, for its row. */
export function workOf({ job, key, generation, payload, dueAtMs, trace }: Envelope): WorkItem {
  return { job, key, generation, payload, dueAtMs, trace };
}

/** Where in its queue dead work may stand: BullMQ names ticks itself, and what was no envelope has its id as key. */
export function failedJobIds(dead: WorkRef): string[] {
  const ids = [jobIdOf(dead), dead.key];
  return dead.key.startsWith(TICK) ? [...ids, `repeat:${dead.job}:${dead.key.slice(TICK.length)}`] : ids;
}

/**
 * The data to store for a piece of work whose payload is plain or in stored form; sealed fields are sealed anew with
 * the newest key. Throws PAYLOAD_INVALID, PAYLOAD_UNSEALABLE, or a ZodError of the job's schema.
 */
export function writeEnvelope(
  job: Job,
  item: WorkItem,
  sealKeys: readonly Uint8Array[],
): Record<string, unknown> {
  const { trace, dueAtMs, generation, key } = item;
  const { [SEALED]: sealed, ...payload } = sealPayload(
    job,
    key,
    openPayload(job, key, item.payload, sealKeys),
    sealKeys,
  );
  const data = {
    v: job.version,
    trace,
    dueAtMs,
    generation,
    key,
    payload,
    ...(sealed === undefined ? {} : { sealed }),
  };
  if (!isStorable(data))
    throw new PermanentError('PAYLOAD_INVALID', `${job.name} has text that no database stores.`);
  if (Buffer.byteLength(JSON.stringify(data)) > SIZE_LIMIT_BYTES) {
    throw new PermanentError('PAYLOAD_INVALID', `${job.name} weighs more than ${SIZE_LIMIT_BYTES} bytes.`);
  }
  return data;
}

/** The payload in plain, checked against the job's schema (ZodError). Takes the plain or the stored form. */
export function openPayload(
  job: Job,
  key: string,
  stored: unknown,
  sealKeys: readonly Uint8Array[],
): unknown {
  return job.parse(unsealPayload(job, key, stored, sealKeys));
}

/** The payload in plain, whatever the schema says of it. */
export function unsealPayload(
  job: Job,
  key: string,
  stored: unknown,
  sealKeys: readonly Uint8Array[],
): unknown {
  if (job.sealed.length === 0 || !isRecord(stored) || !Object.hasOwn(stored, SEALED)) return stored;
  const { [SEALED]: sealed, ...open } = stored;
  const fields: unknown = JSON.parse(openText(String(sealed), sealKeys, `${job.name}/${key}`));
  return { ...open, ...asRecord(fields) };
}

/** The stored form of a plain payload: what rows and letters may hold. */
export function sealPayload(
  job: Job,
  key: string,
  payload: unknown,
  sealKeys: readonly Uint8Array[],
): Record<string, unknown> {
  if (job.sealed.length === 0) return asRecord(payload);
  const entries = Object.entries(asRecord(payload));
  const secret = Object.fromEntries(entries.filter(([field]) => job.sealed.includes(field)));
  const open = Object.fromEntries(entries.filter(([field]) => !job.sealed.includes(field)));
  return { ...open, [SEALED]: sealText(JSON.stringify(secret), sealKeys, `${job.name}/${key}`) };
}

/** How BullMQ is to treat a job: our own attempts and backoff, and how long it is remembered. */
export function jobOptions(job: Job): JobsOptions {
  return {
    attempts: job.attempts,
    backoff: { type: BACKOFF_TYPE },
    // No traces: each is an attempt, as `writeReason` writes it.
    stackTraceLimit: MAX_TRIES,
    removeOnComplete: job.sealed.length > 0 ? true : { age: 24 * 3600, count: 1_000 },
    // Letters are made from the failed set, so only the sweep shortens it.
    removeOnFail: false,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asRecord(value: unknown): Record<string, unknown> {
  if (isRecord(value)) return value;
  throw new PermanentError('PAYLOAD_INVALID', 'A payload is not an object.');
}

/** Redis takes NUL and lone surrogates and PostgreSQL refuses them; refusing them here makes both alike. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0');
  if (Array.isArray(value)) return value.every(isStorable);
  if (isRecord(value))
    return Object.entries(value).every(([name, field]) => isStorable(name) && isStorable(field));
  return true;
}

import { z } from 'zod';
import { codeOf } from '../errors.ts';
import type { JobServices } from '../services.ts';

/** The queues, each with its own worker; which jobs go where stands on the jobs. */
export const QUEUES = [
  'calls',
  'fraud',
  'billing',
  'payouts',
  'reconciliation',
  'analytics',
  'operations',
  'stripe',
  'campaigns',
] as const;
export type QueueName = (typeof QUEUES)[number];

/** How long to wait before attempt n + 1: baseMs × 2^n, at most maxMs, spread by ± jitter / 2. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
  /** 0 = none, 0.5 = between 75 % and 125 % of the delay, still at most maxMs. */
  readonly jitter: number;
}

/** 1 s × 2^n, at most 30 s: the house's backoff for network errors and 5xx. */
export const HOUSE_BACKOFF: Backoff = { baseMs: 1_000, maxMs: 30_000, jitter: 0.5 };

/** What a run ends in when it throws nothing. */
export type Outcome =
  | { readonly kind: 'done'; readonly summary: Summary }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'snooze'; readonly delayMs: number; readonly reason: string };

/** Ids, counts and codes; it is stored beside the job, so no personal data. */
export type Summary = Readonly<Record<string, string | number | boolean | null>>;

/** The work is done. */
export const done = (summary: Summary = {}): Outcome => ({ kind: 'done', summary });
/** There was nothing to do; the reason is a code. */
export const skip = (reason: string): Outcome => ({ kind: 'skip', reason });
/** Not yet: comes again after `delayMs` and uses no attempt; a day of that is a dead letter. */
export const snooze = (delayMs: number, reason: string): Outcome => ({ kind: 'snooze', delayMs, reason });

/**
 * Comes again when another run took the work over: this one changed nothing. It is neither dead nor done, because only
 * the row tells whether the other run came to its end.
 */
export async function unlessTakenOver(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    if (codeOf(error, 'INTERNAL') === 'TOKEN_STALE') return snooze(5_000, 'taken_over');
    throw error;
  }
}

/** What a handler gets besides its payload and the services it uses. */
export interface RunContext {
  /** Aborts at the job's timeout and when the worker must stop. */
  readonly signal: AbortSignal;
  /** The instant for which the work is due. Business time comes from here, never from the clock. */
  readonly dueAtMs: number;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The same from the webhook to the payout; for the log. */
  readonly trace: string;
}

export interface Schedule {
  /** Five fields; in UTC at a neutral hour, so that no change of clocks skips or doubles it. */
  readonly cron: string;
  readonly timezone: string;
}

/** One run for each business date, caught up after downtime: a pipeline of the job's own name; see pipelines.ts. */
export interface Nightly {
  /** HH:MM of the day after, by the clocks of the exchange's timezone. */
  readonly dueTime: string;
  /** Dates that are older are recorded as missed and not run. */
  readonly catchUpDays: number;
  /** What is due while an earlier run is not done waits for it, is left out, or runs beside it. */
  readonly overlap: 'queue' | 'skip' | 'allow';
  /** So many failed runs in a row pause it, until a person lets it go on; null is never. */
  readonly pauseAfter: number | null;
}

interface JobSettings<Name extends string, Payload, Uses extends keyof JobServices> {
  readonly name: Name;
  readonly queue: QueueName;
  /** Version of the payload; a worker that does not know it puts the job back. */
  readonly version: number;
  readonly payload: z.ZodType<Payload>;
  /** What makes two of this job the same piece of work. */
  readonly key: (payload: Payload) => string;
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly timeoutMs: number;
  readonly uses: readonly Uses[];
  /** A tick of the schedule; the payload is `{}` and the job only plans and enqueues. */
  readonly schedule?: Schedule;
  /** Runs once for each business date; the payload is `{ date }`. */
  readonly nightly?: Nightly;
  /** How many of it one worker runs at once. Default 4. */
  readonly concurrency?: number;
  /** One item per entry of this list of payload fields is sealed in the queue and removed on completion. */
  readonly sealed?: readonly (keyof Payload & string)[];
}

type Handle<Payload, Uses extends keyof JobServices> = (
  payload: Payload,
  context: RunContext & Pick<JobServices, Uses>,
) => Promise<Outcome>;

/** Many jobs in one round trip; the n-th outcome (or error) belongs to the n-th payload. */
type HandleBatch<Payload, Uses extends keyof JobServices> = (
  payloads: readonly Payload[],
  context: Omit<RunContext, 'attempt' | 'trace' | 'dueAtMs'> & Pick<JobServices, Uses>,
) => Promise<readonly (Outcome | Error)[]>;

export type JobSpec<Name extends string, Payload, Uses extends keyof JobServices> = JobSettings<
  Name,
  Payload,
  Uses
> &
  (
    | { readonly handle: Handle<Payload, Uses> }
    | {
        readonly batch: { readonly size: number; readonly waitMs: number };
        readonly handleBatch: HandleBatch<Payload, Uses>;
      }
  );

/** A job with its payload's type closed over, as the machinery sees it. */
export interface Job {
  readonly name: string;
  readonly queue: QueueName;
  readonly version: number;
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly uses: readonly (keyof JobServices)[];
  readonly sealed: readonly string[];
  readonly schedule: Schedule | null;
  readonly nightly: Nightly | null;
  readonly batch: { readonly size: number; readonly waitMs: number } | null;
  /** Throws a ZodError when the payload is not the job's. */
  readonly parse: (payload: unknown) => unknown;
  readonly keyOf: (payload: unknown) => string;
  /** Runs one item; for a batch job, a batch of one. */
  readonly run: (payload: unknown, context: RunContext & JobServices) => Promise<Outcome>;
  readonly runBatch:
    | ((
        payloads: readonly unknown[],
        context: RunContext & JobServices,
      ) => Promise<readonly (Outcome | Error)[]>)
    | null;
}

/** A job that other code can enqueue with a checked payload. */
export interface TypedJob<Payload> extends Job {
  readonly payloadType?: Payload;
}

/** The one way to make a job: its settings as data, its handler below them. */
export function defineJob<Name extends string, Payload, const Uses extends keyof JobServices = never>(
  spec: JobSpec<Name, Payload, Uses>,
): TypedJob<Payload> {
  const parse = (payload: unknown): Payload => spec.payload.parse(payload);
  const runBatch =
    'handleBatch' in spec
      ? (payloads: readonly unknown[], context: RunContext & JobServices) =>
          spec.handleBatch(payloads.map(parse), context)
      : null;
  return {
    name: spec.name,
    queue: spec.queue,
    version: spec.version,
    attempts: spec.attempts,
    backoff: spec.backoff,
    timeoutMs: spec.timeoutMs,
    concurrency: spec.concurrency ?? 4,
    uses: spec.uses,
    sealed: spec.sealed ?? [],
    schedule: spec.schedule ?? null,
    nightly: spec.nightly ?? null,
    batch: 'handleBatch' in spec ? spec.batch : null,
    parse,
    keyOf: (payload) => spec.key(parse(payload)),
    runBatch,
    async run(payload, context) {
      if ('handle' in spec) return spec.handle(parse(payload), context);
      const [outcome] = await spec.handleBatch([parse(payload)], context);
      if (outcome === undefined) throw new Error(`${spec.name} returned no outcome for its item`);
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  };
}

/** The payload of jobs that a schedule makes. */
export const tickPayload = z.strictObject({});

/** The payload of jobs that run once for each business date. */
export const nightlyPayload = z.strictObject({ date: z.iso.date() });

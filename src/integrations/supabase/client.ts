import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { z } from 'zod';
import { OutageError, PermanentError } from '../../errors.ts';
import type { Json, Database as Schema } from './database.types.ts';
import { type Failure, isConflict, translateFailure } from './failures.ts';

type Functions = Schema['public']['Functions'];
export type FunctionName = keyof Functions & string;

/** The arguments of a function: each may be null, as in SQL, and what is jsonb there may be any plain value here. */
export type FunctionArgs<Name extends FunctionName> = {
  [Key in keyof Functions[Name]['Args']]: Json extends Functions[Name]['Args'][Key]
    ? unknown
    : Functions[Name]['Args'][Key] | null;
};

export type Client = SupabaseClient<Schema>;

/** What a request of supabase-js resolves to. */
interface Answer {
  readonly data: unknown;
  readonly error: {
    readonly message: string;
    readonly code?: string;
    readonly details?: string;
    readonly hint?: string;
  } | null;
  readonly status: number;
}

interface Request extends PromiseLike<Answer> {
  abortSignal(signal: AbortSignal): PromiseLike<Answer>;
}

export interface Database {
  /**
   * Calls one SQL function: one request, one transaction.
   *
   * Throws OutageError DATABASE_UNAVAILABLE when the database does not answer within the deadline: then the effect is
   * unknown, so that every function can be called again with the same arguments. PermanentError with the function's
   * own code when it refuses, DATABASE_REFUSED when PostgreSQL does; TransientError DATABASE_CONFLICT when five tries
   * all met concurrent changes.
   */
  rpc<Name extends FunctionName, T>(name: Name, args: FunctionArgs<Name>, answer: z.ZodType<T>): Promise<T>;
  /** Reads rows; at most 1,000 arrive, whatever the query says, so page by key. Throws as `rpc` does. */
  select<T>(name: string, query: (client: Client) => Request, answer: z.ZodType<T>): Promise<T>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** Acts as service_role. */
  readonly secretKey: string;
  /** Default: the global one. The embedded server is reached by one of its own. */
  readonly fetch?: typeof globalThis.fetch;
  /** Told of every request that failed in the end; for metrics and the log. */
  readonly onFailure?: (failure: { readonly request: string; readonly error: Error }) => void;
  /** Of one try. Default 15 s: above the 10 s (8 s when hosted) after which the database itself gives up. */
  readonly timeoutMs?: number;
}

const MAX_TRIES = 5;
const DEFAULT_TIMEOUT_MS = 15_000;

/** A client of the Supabase project's database. It holds no connection and needs no closing. */
export function createDatabase(options: DatabaseOptions): Database {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, onFailure } = options;
  const client: Client = createClient<Schema>(options.url, options.secretKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    // Retries have one place, our own: supabase-js would try a GET again for seven seconds without telling.
    db: { retry: false },
    ...(options.fetch === undefined ? {} : { global: { fetch: options.fetch } }),
  });

  async function send<T>(request: string, build: () => Request, schema: z.ZodType<T>): Promise<T> {
    try {
      return parseAnswer(request, await sendUntilSettled(request, build, timeoutMs), schema);
    } catch (error) {
      if (error instanceof Error) onFailure?.({ request, error });
      throw error;
    }
  }

  return {
    rpc: (name, args, answer) =>
      send(name, () => client.rpc(name, args as Functions[typeof name]['Args']), answer),
    select: (name, query, answer) => send(name, () => query(client), answer),
  };
}

/** Tries again at once while the database aborts the transaction in favour of others. */
async function sendUntilSettled(request: string, build: () => Request, timeoutMs: number): Promise<unknown> {
  for (let tries = 1; ; tries += 1) {
    const { data, error, status } = await withDeadline(request, build(), timeoutMs);
    if (error === null) return data;
    const { code = '', message, details, hint } = error;
    const failure: Failure = { status, code: code ?? '', message, details: details ?? '', hint: hint ?? '' };
    if (!isConflict(failure) || tries === MAX_TRIES) throw translateFailure(request, failure);
    await sleep(10 * 2 ** tries * (0.5 + Math.random()));
  }
}

/** The abort ends a request over the network; the embedded server ignores it, so the wait ends by itself. */
async function withDeadline(request: string, query: Request, timeoutMs: number): Promise<Answer> {
  const aborter = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const text = `${request}: no answer within ${timeoutMs} ms; whether it took effect is unknown.`;
      reject(new OutageError('DATABASE_UNAVAILABLE', text, { detail: { request, timeoutMs } }));
      aborter.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([query.abortSignal(aborter.signal), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function parseAnswer<T>(request: string, data: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const text = `${request} answered in an unknown shape: ${z.prettifyError(parsed.error).slice(0, 500)}`;
  throw new PermanentError('ANSWER_INVALID', text, { detail: { request } });
}

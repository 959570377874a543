import { AsyncLocalStorage } from 'node:async_hooks';
import pRetry from 'p-retry';
import Stripe from 'stripe';
import type { z } from 'zod';
import { OutageError, PermanentError, TransientError } from '../../errors.ts';
import { parseStripeFailure, type StripeFailure, toHouseError } from './errors.ts';
import { NO_TURNS, type StripeTurns } from './turns.ts';

/** The version that our schemas are written for; it moves with the SDK, deliberately. */
const API_VERSION = '2026-10-28.endive';

export interface StripeClientOptions {
  readonly secretKey: string;
  /** Null = Stripe's own address. Only host, port and protocol are used. */
  readonly apiBase: URL | null;
  /** Of one request, from its start to the end of the answer. */
  readonly timeoutMs: number;
  /** The mode of this deployment; an object of the other mode stops the work. */
  readonly livemode: boolean;
  /** Called once for each request that failed, for the log and the counters. */
  readonly onFailure: (failure: { operation: string; statusCode: number; code: string }) => void;
  /** Asked before each request. Default: no limit. */
  readonly turns?: StripeTurns | undefined;
  /** First delay between tries of a read. Default 1,000. */
  readonly retryBaseMs?: number;
}

/** One request by the SDK. */
export interface StripeCall<T> {
  readonly operation: string;
  readonly schema: z.ZodType<T>;
  readonly signal: AbortSignal;
  readonly run: (sdk: Stripe) => Promise<unknown>;
}

export type StripeAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: StripeFailure };

export interface StripeClient {
  /**
   * A GET: tried at most four times while Stripe is away (1 s × 2^n, at most 30 s).
   * Throws OutageError STRIPE_UNAVAILABLE, ApiError STRIPE_REFUSED, TransientError ANSWER_INVALID,
   * PermanentError STRIPE_MODE_MISMATCH.
   */
  read<T>(call: StripeCall<T>): Promise<T>;
  /**
   * A POST or DELETE: sent once. A failure of Stripe or the network is an answer; so is an unreadable success, as
   * `unreachable`. Throws PermanentError STRIPE_MODE_MISMATCH only.
   */
  post<T>(call: StripeCall<T>): Promise<StripeAnswer<T>>;
}

/** Throws PermanentError STRIPE_MODE_MISMATCH when the key is of the other mode. */
export function createStripeClient(options: StripeClientOptions): StripeClient {
  const { secretKey, livemode, onFailure, turns = NO_TURNS, retryBaseMs = 1_000 } = options;
  const liveKey = secretKey.startsWith('sk_live_') || secretKey.startsWith('rk_live_');
  if (liveKey !== livemode) throw modeMismatch('the secret key');
  const signals = new AsyncLocalStorage<AbortSignal>();
  const sdk = createSdk(options, signals);

  async function once<T>({ operation, schema, signal, run }: StripeCall<T>): Promise<StripeAnswer<T>> {
    if (!(await turns.take(operation, signal))) return { ok: false, failure: NO_TURN };
    let raw: unknown;
    try {
      raw = await signals.run(signal, () => run(sdk));
    } catch (error) {
      const failure = parseStripeFailure(error);
      onFailure({ operation, statusCode: failure.statusCode, code: failure.code });
      if (failure.limitOf !== null) await turns.pause(failure.limitOf === 'all' ? 'all' : operation);
      return { ok: false, failure };
    }
    if (hasOtherMode(raw, livemode)) throw modeMismatch(operation);
    const parsed = schema.safeParse(raw);
    if (parsed.success) return { ok: true, value: parsed.data };
    onFailure({ operation, statusCode: 200, code: 'answer_invalid' });
    return { ok: false, failure: invalidAnswer(parsed.error) };
  }

  return {
    post: once,
    read: (call) =>
      pRetry(
        async () => {
          call.signal.throwIfAborted();
          const answer = await once(call);
          if (answer.ok) return answer.value;
          throw answer.failure.code === 'answer_invalid'
            ? new TransientError('ANSWER_INVALID', `Stripe answered ${call.operation} in an unknown shape.`, {
                cause: answer.failure.cause,
              })
            : toHouseError(call.operation, answer.failure);
        },
        {
          retries: 3,
          factor: 2,
          minTimeout: retryBaseMs,
          maxTimeout: 30 * retryBaseMs,
          randomize: true,
          signal: call.signal,
          shouldRetry: ({ error }) => error instanceof OutageError,
        },
      ),
  };
}

/**
 * The SDK over fetch, because its client over node:http sends a request again after a closed connection even with
 * no retries allowed, and knows neither a signal nor a limit for the whole answer.
 */
function createSdk(
  { secretKey, apiBase, timeoutMs }: StripeClientOptions,
  signals: AsyncLocalStorage<AbortSignal>,
): Stripe {
  const httpClient = Stripe.createFetchHttpClient((url, init) => {
    const ours = signals.getStore();
    const signal = AbortSignal.any([init?.signal, ours].filter((one) => one instanceof AbortSignal));
    return fetch(url, { ...init, signal, redirect: 'error' });
  });
  const protocol = apiBase?.protocol === 'http:' ? 'http' : 'https';
  return new Stripe(secretKey, {
    apiVersion: API_VERSION,
    maxNetworkRetries: 0,
    timeout: timeoutMs,
    telemetry: false,
    httpClient,
    ...(apiBase === null
      ? {}
      : { host: apiBase.hostname, port: apiBase.port || (protocol === 'http' ? '80' : '443'), protocol }),
  });
}

/** The value of an answer, else the house's error. */
export function valueOrThrow<T>(operation: string, answer: StripeAnswer<T>): T {
  if (answer.ok) return answer.value;
  throw toHouseError(operation, answer.failure);
}

/** Looks at every object of an answer, also expanded and listed ones. */
function hasOtherMode(value: unknown, livemode: boolean): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if ('livemode' in value && typeof value.livemode === 'boolean' && value.livemode !== livemode) return true;
  return Object.values(value).some((inner) => hasOtherMode(inner, livemode));
}

function modeMismatch(what: string): PermanentError {
  return new PermanentError('STRIPE_MODE_MISMATCH', `Live and test mode are mixed up: ${what}.`, {
    detail: { what },
  });
}

/** Nothing was sent, and what waits comes again. */
const NO_TURN: StripeFailure = {
  ...{ kind: 'limited', statusCode: 0, code: 'no_turn', message: 'It was not its turn.', replayed: false },
  ...{ limitOf: null, cause: null },
};

function invalidAnswer(cause: unknown): StripeFailure {
  const message = 'The answer is not in the documented shape.';
  const facts = { statusCode: 200, code: 'answer_invalid', message, replayed: false, limitOf: null };
  return { kind: 'unreachable', ...facts, cause };
}

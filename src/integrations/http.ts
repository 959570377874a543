import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { z } from 'zod';
import { readSecrets } from '../config-files.ts';
import { type ApiError, isUnsent } from '../errors.ts';
import {
  Away,
  handleApiError,
  isRefusalInside,
  isTrouble,
  type RefusalInside,
  Refused,
  unsent,
} from './api-errors.ts';
import { type CircuitOptions, createCircuit, isCircuitOpen } from './circuit.ts';
import { type Authorize, secretsOf } from './credentials.ts';
import { codeIn, idOf, readAnswer, readText, waitOf } from './http-answers.ts';

/** The line in which all processes wait for their turn at a provider. */
export interface ApiTurns {
  /** Waits for the turn. False when it would take too long, or the signal ended it. Rejects when the line cannot be read. */
  take(signal: AbortSignal): Promise<boolean>;
  /** The provider refused a request for its own limit: everybody waits so long. */
  pause(forMs: number): Promise<void>;
  /** Whether it asked for longer than anybody waits in the line. */
  isPaused?(): boolean;
}

/** The line of a provider, of so many requests per second of all processes together. */
export type OpenTurns = (provider: string, perS: number) => ApiTurns;

export interface ApiOptions {
  /** Its name in errors, logs and metrics. */
  readonly provider: string;
  /** Only requests below this address are sent, so that no answer can have a token sent elsewhere. */
  readonly baseUrl: URL;
  /** Newest first, asked at each request. One that is refused (401, or what says so inside) gives way to the next, while tokens change. */
  readonly tokens: () => readonly string[];
  /** How a token is shown: `bearer`, `basic`, `headerKey`, `queryKey`, or a header of the provider's own. */
  readonly authorize: Authorize;
  /** Of one request, from its start to the end of the answer. Default 20,000. */
  readonly timeoutMs?: number;
  /**
   * Called once for each request that failed, and for one that could not be sent for want of a token, which has no `requestId`:
   * that is what it was sent under. `code` is ours and can be counted by; `providerCode` is whatever the provider writes, for
   * the log alone.
   */
  readonly onFailure: (failure: {
    operation: string;
    code: string;
    providerCode: string | null;
    requestId?: string;
  }) => void;
  /** Asked before each request. Default: no limit. */
  readonly turns?: ApiTurns | undefined;
  /** Stops asking while the provider fails. Default: every request is sent. */
  readonly circuit?: CircuitOptions;
  /** How often a request that may be repeated is sent at most. Default 4. */
  readonly tries?: number;
  /** First delay between tries. Default 1,000. */
  readonly retryBaseMs?: number;
}

/** What the factory of a provider is given besides the provider's own settings. */
export type ClientParts = Pick<
  ApiOptions,
  'turns' | 'circuit' | 'onFailure' | 'timeoutMs' | 'tries' | 'retryBaseMs'
>;

export interface ApiCall<T> {
  /** What is asked for, in a word; addresses and parameters stand in no error. */
  readonly operation: string;
  /** Below the base address, with its leading slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Unknown fields are let through unread. What is no success by its content becomes a `refusalInside`. */
  readonly schema: z.ZodType<T | RefusalInside>;
  readonly signal: AbortSignal;
  /** Of each request of this call. Default: the client's. */
  readonly timeoutMs?: number;
}

export type ApiBody = { readonly form: Readonly<Record<string, string>> } | { readonly json: unknown };

/** A call that may change something. */
export interface ApiWrite<T> extends ApiCall<T> {
  /** Default POST. */
  readonly method?: 'POST' | 'PUT' | 'PATCH';
  readonly body: ApiBody;
  /** It only reads, or sets something to what stands in it: a PUT is so where nothing else is said, others where it is said. */
  readonly repeatable?: boolean;
  /** Sent as `Idempotency-Key`, to a provider that has its effect once however often it comes. */
  readonly idempotencyKey?: string;
}
type ApiRequest<T> = ApiCall<T> & Partial<ApiWrite<T>>;

/** The client of a provider that has no library of its own, or whose library sends by us. */
export interface ApiClient {
  /**
   * A GET: sent again while the provider is away (1 s × 2^n, at most 30 s; after a 429 as it asks).
   * Throws OutageError PROVIDER_UNAVAILABLE (with `sent: false` in its detail when nothing was, or only with a
   * token that was refused), ApiError PROVIDER_REFUSED or ANSWER_INVALID, or the signal's reason.
   */
  get<T>(call: ApiCall<T>): Promise<T>;
  /**
   * Sends a body. What is neither repeatable nor carries a key is sent once: nobody knows whether one without an answer
   * took effect. Throws as `get` does.
   */
  write<T>(call: ApiWrite<T>): Promise<T>;
  /** Its circuit is open: nothing would be sent. */
  isAway(): boolean;
}

const LONGEST_WAIT_MS = 30_000;

export function createApiClient(options: ApiOptions): ApiClient {
  const { provider, turns, tries = 4, retryBaseMs = 1_000 } = options;
  const circuit = options.circuit === undefined ? null : createCircuit(options.circuit, isTrouble);
  const isAway = () => circuit?.isOpen() ?? false;

  async function once<T>(call: ApiRequest<T>): Promise<T> {
    const { operation, signal } = call;
    signal.throwIfAborted();
    if (isAway()) throw unsent(provider, operation, 'circuit_open');
    await takeTurn(options, call);
    const shown = { tokens: tokensOf(options, operation), requestId: randomUUID() };
    const asking = () => ask(options, call, shown);
    try {
      return await (circuit === null ? asking() : circuit.run(asking));
    } catch (error) {
      if (isUnsent(error)) throw error;
      if (isCircuitOpen(error)) throw unsent(provider, operation, 'circuit_open');
      signal.throwIfAborted();
      const waitMs = error instanceof Refused ? error.waitMs : null;
      const failure = tellFailure(options, call, shown, error);
      if (failure.statusCode === 429) await turns?.pause(waitMs ?? retryBaseMs);
      throw failure.retryable ? new Away(failure, waitMs) : failure;
    }
  }

  /** What a caller is told. That nothing was sent goes before its own end: whoever pays by the request wants to know. */
  const told = (call: { readonly signal: AbortSignal }) => (error: unknown) => {
    if (isUnsent(error)) throw error;
    call.signal.throwIfAborted();
    throw error instanceof Away ? error.outage() : error;
  };

  const apiCallWithRetry = <T>(call: ApiRequest<T>, retries: number): Promise<T> =>
    pRetry(() => once(call), {
      retries,
      factor: 2,
      minTimeout: retryBaseMs,
      maxTimeout: LONGEST_WAIT_MS,
      randomize: true,
      signal: call.signal,
      shouldRetry: ({ error }) => mayTryAgain(error),
      async onFailedAttempt({ error, retriesLeft }) {
        // In addition to the backoff, so that many who were refused at once do not come again at once.
        if (mayTryAgain(error) && retriesLeft > 0)
          await sleep(error.waitMs ?? 0, undefined, { signal: call.signal });
      },
    });

  // Without tries, also without who would answer the caller's end before it is known whether anything was sent.
  const send = <T>(call: ApiRequest<T>, retries: number): Promise<T> =>
    (retries === 0 ? once(call) : apiCallWithRetry(call, retries)).catch(told(call));

  return {
    get: (call) => send(call, tries - 1),
    write: (call) => send(call, mayRepeat(call) ? tries - 1 : 0),
    isAway: () => isAway() || (turns?.isPaused?.() ?? false),
  };
}

const mayRepeat = <T>({ method = 'POST', repeatable = method === 'PUT', idempotencyKey }: ApiWrite<T>) =>
  repeatable || idempotencyKey !== undefined;

/** What cannot be counted is not sent. */
async function takeTurn<T>({ provider, turns }: ApiOptions, { operation, signal }: ApiCall<T>) {
  const isTurn = await turns?.take(signal).catch(() => {
    throw unsent(provider, operation, 'line_away');
  });
  if (isTurn === false) throw unsent(provider, operation, 'no_turn');
}

/** What requests are sent with. */
interface Shown {
  readonly tokens: readonly string[];
  /** Of the request that is under way. */
  requestId: string;
}

/** With none, nothing is sent: who asks without a token is nobody, and some answer that. */
function tokensOf({ provider, tokens, authorize, onFailure }: ApiOptions, operation: string) {
  try {
    const held = readSecrets(tokens(), authorize.takes);
    if (held.length === 0) throw new Error('There is no token.');
    return held;
  } catch (cause) {
    const none = unsent(provider, operation, 'no_token', cause);
    onFailure({ operation, code: none.code, providerCode: null });
    throw none;
  }
}

function tellFailure<T>(
  { provider, authorize, onFailure }: ApiOptions,
  { operation }: ApiCall<T>,
  { tokens, requestId }: Shown,
  error: unknown,
): ApiError {
  const secrets = secretsOf(tokens, authorize);
  const failure = handleApiError(provider, operation, error, { secrets, requestId });
  onFailure({ operation, code: failure.code, providerCode: failure.providerCode, requestId });
  return failure;
}

/** What it was answered: a token that is refused gives way to the next one, an old one while tokens change. */
async function ask<T>(options: ApiOptions, call: ApiRequest<T>, shown: Shown): Promise<T> {
  const [newest = '', ...older] = shown.tokens;
  let answer = await askWith(newest, options, call, shown);
  for (const token of older) {
    if (!(answer instanceof Refused) || !answer.ofKey) break;
    // Else nobody would learn of it before the older one is taken back.
    tellFailure(options, call, shown, answer);
    await takeTurn(options, call);
    shown.requestId = randomUUID();
    answer = await askWith(token, options, call, shown);
  }
  if (answer instanceof Refused) throw answer;
  return answer;
}

/** One request. */
async function askWith<T>(token: string, options: ApiOptions, call: ApiRequest<T>, shown: Shown) {
  const { statusCode, headers, text } = await send(token, options, call, shown);
  const theirId = idOf(headers);
  if (statusCode < 200 || statusCode > 299)
    return new Refused({ statusCode, code: codeIn(text), waitMs: waitOf(headers), theirId });
  const answer = readAnswer(text, call.schema);
  return isRefusalInside(answer) ? new Refused({ statusCode, waitMs: null, theirId, ...answer }) : answer;
}

/** What asks for a longer wait is waited for in the queue. */
const mayTryAgain = (error: unknown): error is Away =>
  error instanceof Away && (error.waitMs ?? 0) <= LONGEST_WAIT_MS;

interface Answer {
  readonly statusCode: number;
  readonly headers: Headers;
  readonly text: string;
}

async function send<T>(
  token: string,
  { baseUrl, authorize, timeoutMs: usualMs = 20_000 }: ApiOptions,
  call: ApiRequest<T>,
  { requestId }: Shown,
): Promise<Answer> {
  const { path, query, method = 'POST', body, signal, idempotencyKey: key, timeoutMs = usualMs } = call;
  const url = new URL(`${baseUrl.pathname === '/' ? '' : baseUrl.pathname}${path}`, baseUrl.origin);
  const credential = authorize(token);
  url.search = new URLSearchParams({ ...query, ...credential.query }).toString();
  const sent = body === undefined ? null : bodyOf(body);
  const answer = await fetch(url, {
    ...(sent === null ? {} : { method, body: sent.text }),
    headers: {
      ...{ accept: 'application/json', 'x-request-id': requestId, ...sent?.headers },
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...credential.headers,
    },
    // Not followed, so that no key goes elsewhere: its status is a refusal.
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
  return { statusCode: answer.status, headers: answer.headers, text: await readText(answer) };
}

const bodyOf = (body: ApiBody) =>
  'json' in body
    ? { text: JSON.stringify(body.json), headers: { 'content-type': 'application/json' } }
    : {
        text: new URLSearchParams(body.form).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      };

import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { z } from 'zod';
import { ApiError, OutageError } from '../errors.ts';

/** The line in which all processes wait for their turn at a provider. */
export interface ApiTurns {
  /** Waits for the turn. False when it would take too long, the signal ended it, or the line cannot be read. */
  take(signal: AbortSignal): Promise<boolean>;
  /** The provider refused a request for its own limit: everybody waits so long. */
  pause(forMs: number): Promise<void>;
}

export interface ApiOptions {
  /** Its name in errors, logs and metrics. */
  readonly provider: string;
  /** Only requests below this address are sent, so that no answer can have a token sent elsewhere. */
  readonly baseUrl: URL;
  /** Newest first, asked at each request. One that is refused with 401 gives way to the next, while tokens change. */
  readonly tokens: () => readonly string[];
  /** The value of header `Authorization` for a token. */
  readonly authorize: (token: string) => string;
  /** Of one request, from its start to the end of the answer. Default 20,000. */
  readonly timeoutMs?: number;
  /** Called once for each request that failed, for the log and the counters. */
  readonly onFailure: (failure: { operation: string; code: string }) => void;
  /** Asked before each request. Default: no limit. */
  readonly turns?: ApiTurns | undefined;
  /** First delay between tries. Default 1,000. */
  readonly retryBaseMs?: number;
}

export interface ApiCall<T> {
  /** What is asked for, in a word; addresses and parameters stand in no error. */
  readonly operation: string;
  /** Below the base address, with its leading slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Unknown fields are let through unread. */
  readonly schema: z.ZodType<T>;
  readonly signal: AbortSignal;
}

/** The client of a provider that has no library of its own, or whose library sends by us. It only reads. */
export interface ApiClient {
  /**
   * A GET: tried at most four times while the provider is away (1 s × 2^n, at most 30 s; after a 429 as it asks).
   * Throws OutageError PROVIDER_UNAVAILABLE, ApiError PROVIDER_REFUSED or ANSWER_INVALID, or the signal's reason.
   */
  get<T>(call: ApiCall<T>): Promise<T>;
}

const TRIES_AGAIN = 3;
const LONGEST_WAIT_MS = 30_000;
/** Pages of a thousand calls are a tenth of it. What is larger is not even read to its end. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

export function createApiClient(options: ApiOptions): ApiClient {
  const { provider, onFailure, turns, retryBaseMs = 1_000 } = options;

  async function once<T>(call: ApiCall<T>): Promise<T> {
    const { operation, signal, schema } = call;
    signal.throwIfAborted();
    if (turns !== undefined && !(await turns.take(signal))) throw away(provider, operation, 'no_turn');
    try {
      const { statusCode, headers, text } = await send(options, call);
      if (statusCode < 200 || statusCode > 299) throw new Refused(statusCode, codeIn(text), waitOf(headers));
      return readAnswer(text, schema);
    } catch (error) {
      signal.throwIfAborted();
      const failure = handleApiError(provider, operation, error);
      onFailure({ operation, code: failure.providerCode ?? failure.code });
      const waitMs = error instanceof Refused ? error.waitMs : null;
      if (failure.statusCode === 429) await turns?.pause(waitMs ?? retryBaseMs);
      throw failure.retryable ? new Away(failure, waitMs) : failure;
    }
  }

  return {
    get: (call) =>
      pRetry(() => once(call), {
        retries: TRIES_AGAIN,
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
      }).catch((error: unknown) => {
        call.signal.throwIfAborted();
        throw error instanceof Away ? error.outage() : error;
      }),
  };
}

/** What asks for a longer wait is waited for in the queue. */
const mayTryAgain = (error: unknown): error is Away =>
  error instanceof Away && (error.waitMs ?? 0) <= LONGEST_WAIT_MS;

/** An answer that is no success. */
class Refused extends Error {
  readonly statusCode: number;
  readonly providerCode: string | null;
  readonly waitMs: number | null;
  constructor(statusCode: number, providerCode: string | null, waitMs: number | null) {
    super(`HTTP ${statusCode}`);
    this.statusCode = statusCode;
    this.providerCode = providerCode;
    this.waitMs = waitMs;
  }
}

/** What may pass by waiting; `waitMs` is what the provider asked for. */
class Away extends Error {
  readonly failure: ApiError;
  readonly waitMs: number | null;
  constructor(failure: ApiError, waitMs: number | null) {
    super(failure.message);
    this.failure = failure;
    this.waitMs = waitMs;
  }
  outage(): OutageError {
    const { failure, waitMs } = this;
    const facts = { cause: failure, detail: failure.detail };
    return new OutageError('PROVIDER_UNAVAILABLE', failure.message, {
      ...facts,
      ...(waitMs === null ? {} : { retryAfterMs: waitMs }),
    });
  }
}

/**
 * The one translator: whatever a request failed of, as an ApiError. Network errors, timeouts, 429 and 5xx may pass; an
 * answer that cannot be read, and every other refusal, do not. It quotes neither what was sent nor what came back.
 */
export function handleApiError(provider: string, operation: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const statusCode = error instanceof Refused ? error.statusCode : error instanceof Unreadable ? 200 : 0;
  const facts = { provider, statusCode, detail: { provider, operation, statusCode } };
  if (error instanceof Unreadable) {
    const text = `${provider} answered ${operation} in an unknown shape.`;
    return new ApiError('ANSWER_INVALID', text, { ...facts, retryable: false, cause: error.cause });
  }
  if (error instanceof Refused) {
    const { providerCode } = error;
    const retryable = statusCode === 429 || statusCode >= 500;
    const code = retryable ? 'PROVIDER_UNAVAILABLE' : 'PROVIDER_REFUSED';
    return new ApiError(code, `${provider} refused ${operation} (${statusCode}).`, {
      ...facts,
      retryable,
      providerCode,
    });
  }
  const text = `${provider} did not answer ${operation}.`;
  return new ApiError('PROVIDER_UNAVAILABLE', text, { ...facts, retryable: true, cause: error });
}

const away = (provider: string, operation: string, code: string) =>
  new OutageError('PROVIDER_UNAVAILABLE', `${provider} was not asked for ${operation} (${code}).`, {
    detail: { provider, operation, code },
  });

interface Answer {
  readonly statusCode: number;
  readonly headers: Headers;
  readonly text: string;
}

async function send<T>(options: ApiOptions, { path, query, signal }: ApiCall<T>): Promise<Answer> {
  const { baseUrl, tokens, authorize, timeoutMs = 20_000 } = options;
  const url = new URL(`${baseUrl.pathname === '/' ? '' : baseUrl.pathname}${path}`, baseUrl.origin);
  url.search = new URLSearchParams(query).toString();
  const [newest = '', ...older] = tokens();
  const ask = async (token: string): Promise<Answer> => {
    const answer = await fetch(url, {
      headers: { accept: 'application/json', authorization: authorize(token) },
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    return { statusCode: answer.status, headers: answer.headers, text: await readText(answer) };
  };
  let answer = await ask(newest);
  for (const token of older) {
    if (answer.statusCode !== 401) break;
    answer = await ask(token);
  }
  return answer;
}

/** The answer as text; ends the request when it is too large, as it is after decompression. */
async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new Unreadable('too large', { cause: new Error(`more than ${MAX_ANSWER_BYTES} bytes`) });
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** An answer that is not in the documented shape, or too large to be one. */
class Unreadable extends Error {}

function readAnswer<T>(text: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  // The paths at fault and never the values, which are personal data.
  const paths = [...new Set(parsed.error.issues.map(({ path }) => path.join('.')))].slice(0, 10);
  throw new Unreadable('unreadable', {
    cause: new Error(`unknown shape at: ${paths.join(', ') || 'the top'}`),
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const refusal = z.object({ code: z.union([z.string().max(64), z.int()]) });

/** The provider's own code, where its answer has one. */
function codeIn(text: string): string | null {
  const parsed = refusal.safeParse(parseJson(text));
  return parsed.success ? String(parsed.data.code) : null;
}

/** `Retry-After`, in seconds or as an instant. */
function waitOf(headers: Headers): number | null {
  const given = headers.get('retry-after')?.trim() ?? '';
  if (given === '') return null;
  const seconds = Number(given);
  const waitMs = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(given) - Date.now();
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : null;
}

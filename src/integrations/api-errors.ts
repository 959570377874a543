import { ApiError, isUnsent, OutageError } from '../errors.ts';
import { HIDDEN, hideSecrets, withoutSecrets } from './credentials.ts';

/** Refusals of who asks, and not of what is asked. Nor does a redirect say anything of that: the provider moved, or is down. */
const OF_EVERYBODY = [401, 402, 403];
const isOfEverybody = (statusCode: number) =>
  OF_EVERYBODY.includes(statusCode) || (statusCode >= 300 && statusCode < 400);

interface Refusal {
  readonly statusCode: number;
  /** The provider's own. */
  readonly code: string | null;
  /** What it asked for before the next request. */
  readonly waitMs: number | null;
  /** What the provider calls the request. */
  readonly theirId?: string | null;
  readonly ofEverybody?: boolean;
  readonly mayPass?: boolean;
  /** Of the key alone: another one may be taken. */
  readonly ofKey?: boolean;
}

/** An answer that is no success. */
export class Refused extends Error {
  readonly statusCode: number;
  readonly providerCode: string | null;
  readonly waitMs: number | null;
  readonly theirId: string | null;
  readonly ofEverybody: boolean;
  readonly mayPass: boolean;
  readonly ofKey: boolean;
  constructor({ ofEverybody, mayPass, ofKey, ...given }: Refusal) {
    const { statusCode, code, waitMs, theirId = null } = given;
    super(`HTTP ${statusCode}`);
    this.statusCode = statusCode;
    this.providerCode = code;
    this.waitMs = waitMs;
    this.theirId = theirId;
    this.ofEverybody = ofEverybody ?? isOfEverybody(statusCode);
    this.mayPass = mayPass ?? (statusCode === 429 || statusCode >= 500);
    this.ofKey = ofKey ?? statusCode === 401;
  }
}

const REFUSED = Symbol('refused');
/** What an answer of 2xx turns out to be by its content. */
export interface RefusalInside {
  readonly [REFUSED]: true;
  readonly code: string;
  readonly ofEverybody: boolean;
  readonly mayPass: boolean;
  /** Of a refusal for coming too often, which says 429 in another way, and how long to wait. */
  readonly statusCode?: 429;
  readonly waitMs?: number;
  readonly ofKey: boolean;
}

/**
 * `code`: the provider's, or ours where it has none. `ofEverybody`: others would be refused too, whatever they asked for.
 * `mayPass`: waiting may help, as with a 5xx. `tooOftenMs`: it is refused for coming too often, and everybody waits so long.
 * `ofKey`: the next key is asked with, as after a 401.
 */
export const refusalInside = (
  code: string,
  {
    ofEverybody,
    mayPass = false,
    ofKey = false,
    tooOftenMs,
  }: { ofEverybody: boolean; mayPass?: boolean; ofKey?: boolean; tooOftenMs?: number },
): RefusalInside => ({
  ...{ [REFUSED]: true, code, ofEverybody, mayPass, ofKey },
  ...(tooOftenMs === undefined ? {} : { mayPass: true, statusCode: 429, waitMs: tooOftenMs }),
});

export const isRefusalInside = (answer: unknown): answer is RefusalInside =>
  typeof answer === 'object' && answer !== null && REFUSED in answer;

/** An answer that is not in the documented shape, or too large to be one. */
export class Unreadable extends Error {}

/** What is refused for its own content, such as an id that nobody knows, and what was not sent, are no failures of the provider. */
export const isTrouble = (error: unknown) =>
  error instanceof Refused ? error.ofEverybody || error.mayPass : !isUnsent(error);

/** What may pass by waiting; `waitMs` is what the provider asked for. */
export class Away extends Error {
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
      // Who asks for none is waited for as one that says nothing: else it would be asked without end.
      ...(waitMs === null || waitMs === 0 ? {} : { retryAfterMs: waitMs }),
    });
  }
}

/**
 * The one translator: whatever a request failed of, as an ApiError. Network errors, timeouts, 429 and 5xx may pass; an
 * answer that cannot be read, and every other refusal, do not. It quotes neither what was sent nor what came back, and none
 * of `secrets`, which Node's own errors and a provider's codes may hold. In its detail stands what the request was called, by
 * us in `x-request-id`, and by the provider where it tells.
 */
export function handleApiError(
  provider: string,
  operation: string,
  error: unknown,
  { secrets = [], requestId }: { secrets?: readonly string[]; requestId?: string } = {},
): ApiError {
  if (error instanceof ApiError) return error;
  const statusCode = error instanceof Refused ? error.statusCode : error instanceof Unreadable ? 200 : 0;
  const theirId = error instanceof Refused ? error.theirId : null;
  const ids = {
    ...(requestId === undefined ? {} : { requestId }),
    ...(theirId === null ? {} : { theirId: hideSecrets(theirId, secrets).slice(0, 64) }),
  };
  const facts = { provider, statusCode, detail: { provider, operation, statusCode, ...ids } };
  if (error instanceof Unreadable) {
    const text = `${provider} answered ${operation} in an unknown shape.`;
    return new ApiError('ANSWER_INVALID', text, { ...facts, retryable: false, cause: error.cause });
  }
  if (error instanceof Refused) {
    const providerCode = error.providerCode === null ? null : plainCode(error.providerCode, secrets);
    const retryable = error.mayPass;
    const code = retryable ? 'PROVIDER_UNAVAILABLE' : 'PROVIDER_REFUSED';
    return new ApiError(code, `${provider} refused ${operation} (${statusCode}).`, {
      ...facts,
      ...{ retryable, providerCode, ofEverybody: error.ofEverybody },
    });
  }
  const text = `${provider} did not answer ${operation}.`;
  const cause = withoutSecrets(error, secrets);
  return new ApiError('PROVIDER_UNAVAILABLE', text, { ...facts, retryable: true, cause });
}

/** Digits enough for a telephone number are no code. */
const MOST_DIGITS = 6;

function plainCode(code: string, secrets: readonly string[]): string {
  const digits = [...code].filter((letter) => letter >= '0' && letter <= '9').length;
  return digits > MOST_DIGITS ? HIDDEN : hideSecrets(code, secrets);
}

/** No request was made, or only by a key that was refused. */
export const unsent = (provider: string, operation: string, code: string, cause?: unknown) =>
  new OutageError('PROVIDER_UNAVAILABLE', `${provider} was not asked for ${operation} (${code}).`, {
    cause,
    detail: { provider, operation, code, sent: false },
  });

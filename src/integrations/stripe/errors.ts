import Stripe from 'stripe';
import { ApiError, type ErrorCode, OutageError } from '../../errors.ts';

/**
 * How a call to Stripe failed.
 *
 * - `unreachable`: no answer, an unreadable one, or a 5xx: it may have had its effect.
 * - `limited`: 429 (also of an object's lock); nothing was executed and no key remembers it.
 * - `in-use`: 409, another request holds the key at this moment.
 * - `denied`: 401 or 403; nothing was executed.
 * - `key-mismatch`: the key was used with another body.
 * - `declined`: 402.
 * - `parameters`: refused before execution (or without a code that tells), so no key remembers it: it says nothing
 *   about an earlier try.
 * - `refused`: any other 4xx; executed and refused, and the key remembers that.
 */
export interface StripeFailure {
  readonly kind:
    | 'unreachable'
    | 'limited'
    | 'in-use'
    | 'denied'
    | 'key-mismatch'
    | 'declined'
    | 'parameters'
    | 'refused';
  /** 0 when there was no answer. */
  readonly statusCode: number;
  /** Stripe's code, else the kind. */
  readonly code: string;
  /** Stripe's words, which may quote what was sent: for a person, not for the log. */
  readonly message: string;
  /** The answer was stored under the key: the request that made it has ended. */
  readonly replayed: boolean;
  /** Whose requests were too many, where Stripe's limiter refused this one: `all` or those of its operation. Null for an object's lock. */
  readonly limitOf: 'all' | 'operation' | null;
  readonly cause: unknown;
}

/** Reads an error of the SDK. An error that is not of Stripe or the network comes back as it is thrown. */
export function parseStripeFailure(error: unknown): StripeFailure {
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  const statusCode = error.statusCode ?? 0;
  const kind = kindOf(error, statusCode);
  return {
    kind,
    statusCode,
    code: error.code ?? kind,
    message: error.message,
    replayed: error.headers?.['idempotent-replayed'] === 'true',
    limitOf: limitOf(error, kind),
    cause: error,
  };
}

/** `Stripe-Rate-Limited-Reason` says which limit it was; an object that is locked has none. */
function limitOf(
  { code, headers }: InstanceType<typeof Stripe.errors.StripeError>,
  kind: StripeFailure['kind'],
): StripeFailure['limitOf'] {
  if (kind !== 'limited' || code === 'lock_timeout') return null;
  return headers?.['stripe-rate-limited-reason']?.startsWith('endpoint') === true ? 'operation' : 'all';
}

function kindOf(
  error: InstanceType<typeof Stripe.errors.StripeError>,
  statusCode: number,
): StripeFailure['kind'] {
  if (error instanceof Stripe.errors.StripeRateLimitError) return 'limited';
  if (statusCode === 409) return 'in-use';
  if (error instanceof Stripe.errors.StripeIdempotencyError) return 'key-mismatch';
  if (statusCode === 401 || statusCode === 403) return 'denied';
  if (statusCode === 402) return 'declined';
  if (statusCode < 400 || statusCode >= 500) return 'unreachable';
  return error.code === undefined || error.code.startsWith('parameter') ? 'parameters' : 'refused';
}

/** The house's error of a failure: OutageError when it may pass by waiting, else ApiError. */
export function toHouseError(operation: string, failure: StripeFailure): OutageError | ApiError {
  const { kind, statusCode, code, cause } = failure;
  const detail = { operation, statusCode, code };
  if (kind === 'unreachable' || kind === 'limited' || kind === 'in-use') {
    return new OutageError('STRIPE_UNAVAILABLE', `Stripe did not carry out ${operation} (${code}).`, {
      cause,
      detail,
    });
  }
  const errorCode: ErrorCode = kind === 'key-mismatch' ? 'STRIPE_KEY_MISMATCH' : 'STRIPE_REFUSED';
  const facts = { cause, detail, statusCode, provider: 'stripe', retryable: false, providerCode: code };
  return new ApiError(errorCode, `Stripe refused ${operation} (${code}).`, facts);
}

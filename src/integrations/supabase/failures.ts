import { z } from 'zod';
import { ERROR_CODES, type ErrorCode, OutageError, PermanentError, TransientError } from '../../errors.ts';

/** What supabase-js tells of a request that failed; `status` 0 when no answer came. */
export interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details: string;
  readonly hint: string;
}

/** SQLSTATEs and PostgREST's own codes, by their beginning, that say: the database is not there for us now. */
const AWAY = [
  '08', // connection lost
  '25006', // read-only: a standby, or a full disk at the host
  '53', // no connection, memory or disk left
  '57014', // statement timeout: too busy
  '57P0', // shutting down, crashed, starting up
  '58', // the system under it fails
  'PGRST00', // PostgREST has no connection to it
  'PGRST202', // no such function (yet): the migration comes after this build, or PostgREST has not read it
  'PGRST205', // the same for a table
];

const detailSchema = z.record(z.string(), z.unknown());

/** Aborted by the database in favour of a concurrent transaction: the whole of it may be tried again at once. */
export function isConflict({ code }: Failure): boolean {
  return code === '40001' || code === '40P01';
}

/**
 * The one place where an error of the database becomes one of ours.
 *
 * Our functions refuse with SQLSTATE PT4xx, our code in the hint and facts as JSON in the detail. Of every other error
 * only the SQLSTATE and the constraint's name are kept: PostgreSQL's texts repeat the values, personal ones too.
 */
export function translateFailure(
  request: string,
  failure: Failure,
): PermanentError | TransientError | OutageError {
  const { status, code, message } = failure;
  if (code.startsWith('PT4')) return translateRefusal(request, failure);
  if (isConflict(failure) || code === '55P03') {
    const text = `${request}: a concurrent change came first (${code}).`;
    return new TransientError('DATABASE_CONFLICT', text, { detail: { request, sqlState: code } });
  }
  if (isAway(failure)) {
    const reason = code === '' ? `HTTP ${status}` : code;
    const text = `${request}: the database does not answer (${status === 0 ? message.slice(0, 200) : reason}).`;
    return new OutageError('DATABASE_UNAVAILABLE', text, { detail: { request, status, sqlState: code } });
  }
  const constraint = findConstraint(message);
  const text = `${request}: the database refused it (${[code, constraint].filter(Boolean).join(' ')}).`;
  return new PermanentError('DATABASE_REFUSED', text, {
    detail: { request, status, sqlState: code, constraint },
  });
}

/** A refused key (401) and a limit (429) are states of the deployment, not of this piece of work: it waits. */
function isAway({ status, code }: Failure): boolean {
  if (status === 0 || status === 401 || status === 408 || status === 429) return true;
  return code === '' ? status >= 500 : AWAY.some((prefix) => code.startsWith(prefix));
}

function translateRefusal(request: string, { code, message, details, hint }: Failure): PermanentError {
  const facts = detailSchema.safeParse(parseJson(details));
  const detail = { request, sqlState: code, ...(facts.success ? facts.data : {}) };
  return new PermanentError(isErrorCode(hint) ? hint : 'DATABASE_REFUSED', `${request}: ${message}`, {
    detail,
  });
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

/** The name in `… violates unique constraint "name"`, or null. */
function findConstraint(message: string): string | null {
  return message.split(' constraint "')[1]?.split('"')[0] ?? null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

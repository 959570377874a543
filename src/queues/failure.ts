import { z } from 'zod';
import {
  ApiError,
  ERROR_CODES,
  type ErrorCode,
  OutageError,
  PermanentError,
  TransientError,
} from '../errors.ts';

/** A failure as it may be stored beside a job: no payload, no personal data. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What BullMQ itself writes into a job that stopped its workers too often. */
const STALLED = 'job stalled more than allowable limit';

/** Our own errors tell their text; of any other only the name and code, because its text may quote the payload. */
export function describeFailure(error: unknown): Failure {
  if (
    error instanceof PermanentError ||
    error instanceof TransientError ||
    error instanceof OutageError ||
    error instanceof ApiError
  ) {
    return { code: error.code, message: error.message };
  }
  if (!(error instanceof Error)) return { code: 'JOB_FAILED', message: 'a thrown value that is no error' };
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return { code: 'JOB_FAILED', message: `${error.name}${code}`.slice(0, 120) };
}

/** Names the fields that are wrong and never what stands in them. Errors with a code pass through. */
export function payloadFailure(job: string, error: unknown): Error {
  if (error instanceof PermanentError) return error;
  if (!(error instanceof z.ZodError)) {
    return new PermanentError('PAYLOAD_INVALID', `${job}: the payload cannot be read.`);
  }
  const fields = error.issues.map(({ path, code }) => `${path.map(String).join('.') || '(payload)'} ${code}`);
  return new PermanentError('PAYLOAD_INVALID', `${job}: ${fields.slice(0, 5).join(', ')}`);
}

/** The error for BullMQ to store: its text is all that is kept, the cause stays in this process. */
export function writeReason({ code, message }: Failure, cause: unknown): Error {
  const error = new Error(`${code}: ${message}`, { cause });
  error.stack = error.message;
  return error;
}

/** Reads a stored reason back; what was not written by `writeReason` is told as JOB_FAILED without its text. */
export function readReason(reason: string | undefined): Failure {
  if (reason === STALLED) return { code: 'JOB_STALLED', message: ERROR_CODES.JOB_STALLED };
  const colon = reason?.indexOf(': ') ?? -1;
  const code = reason?.slice(0, Math.max(colon, 0)) ?? '';
  if (reason === undefined || !Object.hasOwn(ERROR_CODES, code)) {
    return { code: 'JOB_FAILED', message: ERROR_CODES.JOB_FAILED };
  }
  return { code: code as ErrorCode, message: reason.slice(colon + 2) };
}

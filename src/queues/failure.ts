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

/** One attempt that failed, as its job keeps it in the queue and its letter in the database. */
export type FailedTry = z.infer<typeof failedTry>;
const failedTry = z.object({
  atMs: z.int(),
  durationMs: z.int(),
  /** Version of the payload that was read, and of the build that read it. */
  payloadVersion: z.int(),
  build: z.string(),
  code: z.string(),
  message: z.string(),
  /** What the error says was behind it, nearest first: names and codes alone. */
  causes: z.array(z.string()),
});

/** A chain of causes is told so far. */
const MAX_CAUSES = 5;

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

/**
 * The error for BullMQ to store: its text, and as its stack the attempt, which BullMQ keeps for every attempt in the same
 * write as the failure. The cause stays in this process.
 */
export function writeReason(
  { code, message }: Failure,
  cause: unknown,
  attempt: Omit<FailedTry, 'code' | 'message' | 'causes'>,
): Error {
  const error = new Error(`${code}: ${message}`, { cause });
  error.stack = JSON.stringify({ ...attempt, code, message, causes: causesOf(cause) } satisfies FailedTry);
  return error;
}

/** The attempts that a failed job has kept, first to last; what was not written by `writeReason` is left out. */
export function readTries(stacktrace: readonly string[] | null | undefined): FailedTry[] {
  return (stacktrace ?? []).flatMap((text) => {
    try {
      const parsed = failedTry.safeParse(JSON.parse(text));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause instanceof Error && causes.length < MAX_CAUSES) {
    const { code, message } = describeFailure(cause);
    causes.push(code === 'JOB_FAILED' ? message : `${cause.name} ${code}`);
    cause = cause.cause;
  }
  return causes;
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

/** How a failed job of the queue ended, as far as the queue remembers it. */
export function deathOf(
  queued:
    | { readonly failedReason?: string; readonly attemptsMade: number; readonly stacktrace: string[] | null }
    | undefined,
  payloadVersion: number,
): Failure & { attempts: number; tries: FailedTry[]; payloadVersion: number } {
  const tries = readTries(queued?.stacktrace);
  return { ...readReason(queued?.failedReason), attempts: queued?.attemptsMade ?? 0, tries, payloadVersion };
}

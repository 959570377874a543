/**
 * Every way in which callclear fails, each with a code that logs, dead letters and HTTP answers carry.
 *
 * A code never changes its meaning: dashboards and runbooks name them.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: 'the environment lacks a variable, or one has a value that cannot be used',
  SIGNATURE_INVALID: 'a webhook is not signed by anyone who holds one of its secrets',
  BODY_MALFORMED: 'a webhook body is not what its kind must be',
  BODY_TOO_LARGE: 'a webhook body is above the size limit',
  ROUTE_UNKNOWN: 'nothing is served at this address',
  REQUEST_INVALID: 'a request is not one that HTTP or this address allows',
  UNAUTHORIZED: 'this address needs the password of the ops people',
  ORIGIN_REFUSED: 'a change may only be asked for by a page of this very server',
  INTERNAL: 'a fault of our own; the log has the cause',
  QUEUE_UNAVAILABLE: 'the queue did not store the job, or does not answer; who asked may come again',
  PAYLOAD_INVALID: 'a job carries what its schema refuses',
  PAYLOAD_VERSION_UNKNOWN: 'a job was made by a build that this one does not know',
  PAYLOAD_UNSEALABLE: 'a sealed body was made with a key that is no longer configured',
  JOB_UNKNOWN: 'the queue holds a job under a name that this build does not have',
  JOB_FAILED: 'a job threw an error that is not one of ours',
  JOB_TIMEOUT: 'a job ran longer than it may',
  JOB_STALLED: 'a job stopped its worker more often than it may',
  SNOOZED_TOO_LONG: 'what a job waited for did not come within a day',
  DATABASE_UNAVAILABLE: 'the database does not answer; the work waits and uses no attempt',
  DATABASE_REFUSED: 'the database refused a request for a reason of its own',
  DATABASE_CONFLICT: 'a concurrent change came first; the whole transaction is tried again',
  REALTIME_SUBSCRIBED: 'the changes of a table have one subscriber already',
  ANSWER_INVALID: 'an external service answered in a shape that is not documented',
  PROVIDER_UNAVAILABLE: 'a provider cannot be reached or limits us; the work waits and uses no attempt',
  CALL_LOG_FOREIGN:
    'a log of calls has calls of the books under other ids: another account, source or id; none of them is taken in',
  PROVIDER_REFUSED: 'a provider refused a request for a reason of its own',
  STRIPE_UNAVAILABLE: 'Stripe cannot be reached or limits us; the work waits and uses no attempt',
  STRIPE_REFUSED: 'Stripe refused a request for a reason of its own',
  STRIPE_OUTCOME_UNKNOWN:
    'a request may or may not have had its effect; it is looked up before anything is sent again',
  STRIPE_MODE_MISMATCH: 'an object of Stripe is of the other mode (live or test) than this deployment',
  STRIPE_KEY_MISMATCH: 'a key was used again with another body; nothing is sent until a person has looked',
  RULES_INVALID: 'a set of rules cannot be used; each fault is told with its path',
  RULES_FIXED: 'a set of rules never changes; another is added',
  RULES_UNKNOWN: 'no set of rules has this version',
  RULES_IN_USE: 'the set of rules that decides leaves only by another that takes its place',
  REVIEW_TOO_MANY: 'more calls than are decided at once',
  SNOOZE_INVALID: 'a snooze would end before it begins',
  SNOOZE_UNKNOWN: 'no snooze has this number',
  CALL_UNKNOWN: 'no call has this id',
  CALL_NOT_RATED: 'the call owes and earns nothing, so there is nothing to take out of the books',
  ADJUSTMENT_UNKNOWN: 'no adjustment has this id',
  INVOICE_UNKNOWN: 'no invoice has this id',
  INVOICE_MISMATCH: 'the lines at Stripe are not the lines that were frozen',
  CUSTOMER_BALANCE:
    'a customer has a balance at Stripe, which no balance transaction shows; set it to 0 and replay the letter',
  INVOICE_CHANGED:
    'an invoice was finalised with other content than was frozen; a person must void it at Stripe',
  TAX_NOT_COMPUTED:
    'Stripe cannot compute the tax of an invoice; mend the address of its customer there and replay the letter',
  TOPUP_UNKNOWN: 'no top-up has this id',
  TOPUP_MISMATCH: 'a charge at Stripe is not the top-up that was asked for; a person must look',
  WALLET_UNKNOWN: 'the buyer has no wallet in this currency',
  PAYOUT_UNKNOWN: 'no payout has this id',
  CAMPAIGN_UNKNOWN: 'no campaign has this id',
  PROPOSAL_UNKNOWN: 'no proposal of other terms has this id',
  PROPOSAL_REFUSED: 'a proposal of other terms cannot be applied; why is told',
  SUPPLIER_UNKNOWN: 'no supplier has this id',
  PARTY_UNKNOWN: 'no supplier and no buyer has this id',
  APPROVAL_REFUSED: 'who planned a payout, or asked for an adjustment or a resolution, may not approve it',
  MONEY_NOT_BOOKED:
    'refunds, disputes or reversed transfers could not be booked, which the log names; everything else was',
  BREAK_UNKNOWN: 'no break of the reconciliation has this identity',
  BREAK_UNRESOLVED: 'a break is large or old, and nobody resolved it',
  BREAK_NOT_IGNORABLE: 'a break above the limit of approvals is mended or resolved, not ignored',
  BREAK_NOT_RESOLVABLE:
    'a break is a fault of the books, or of ours, and no movement that a person can account for',
  RESOLUTION_UNKNOWN: 'no resolution of a break has this id',
  TRACE_UNKNOWN: 'no call, invoice, charge, payout, transfer or movement of the books has this id',
  BANK_FILE_REFUSED: 'a bank statement cannot be read as it is; each fault is told with its line',
  BANK_STATEMENT_UNBALANCED: 'a bank statement whose opening balance and entries are not its closing balance',
  BANK_LINE_UNKNOWN: 'no line of a bank statement has this number, or no payout of the platform this id',
  BANK_LINE_DIFFERS: 'a line of a bank statement cannot be this payout',
  BANK_STATEMENT_CONFLICT: 'a bank statement says otherwise than one that was imported before',
  TOKEN_STALE: 'another run has taken this work over; the late writer changes nothing',
  JOURNAL_UNBALANCED: 'the postings of a journal do not sum to zero',
  JOURNAL_CONFLICT: 'a journal with this key exists with other postings',
  AMOUNT_INVALID: 'an amount is not a whole number of minor units in range',
  CURRENCY_UNKNOWN: 'a currency that the exchange does not settle in',
  PARTIES_REFUSED: 'an import of parties names what does not exist, or changes what calls were rated by',
  SCHEDULE_OVERDUE: 'what a schedule should have begun was not begun',
  PIPELINE_UNKNOWN: 'no pipeline has this name',
  PIPELINE_PAUSED: 'this pipeline is paused',
  PERIOD_INVALID: 'the dates are in the wrong order, or too many',
  CLOSE_OUT_OF_ORDER: 'an earlier business date is not closed yet',
  CLOSE_UNKNOWN: 'no close exists for this business date',
  AUDIT_FAILED: 'the nightly audit found a promise of the books that does not hold',
  LETTER_UNKNOWN: 'no dead letter has this id',
  LETTER_FILTER_INVALID: 'which dead letters are meant is not said, or cannot be',
  LETTER_EDIT_REFUSED: 'the edited payload is that of another piece of work',
  CLOCK_SKEWED: 'the clock of this machine differs from the database by more than it may',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

interface Details {
  cause?: unknown;
  /** Plain facts for the log: ids, counts, codes. Never personal data, never secrets. */
  detail?: Record<string, unknown>;
}

abstract class CodedError extends Error {
  readonly code: ErrorCode;
  readonly detail: Record<string, unknown>;
  constructor(code: ErrorCode, message: string, { cause, detail = {} }: Details = {}) {
    super(message, { cause });
    this.code = code;
    this.detail = detail;
  }
}

/** Trying again cannot help: the job is a dead letter at once. */
export class PermanentError extends CodedError {
  override readonly name = 'PermanentError';
}

/** Trying again may help: the job backs off and uses one attempt. */
export class TransientError extends CodedError {
  override readonly name = 'TransientError';
}

/** Something we depend on is away: the job waits and uses no attempt, at most a day long. */
export class OutageError extends CodedError {
  override readonly name = 'OutageError';
  readonly retryAfterMs: number;
  /** Whoever is away named that wait. */
  readonly isAsked: boolean;
  constructor(code: ErrorCode, message: string, details: Details & { retryAfterMs?: number } = {}) {
    super(code, message, details);
    this.retryAfterMs = details.retryAfterMs ?? 5_000;
    this.isAsked = details.retryAfterMs !== undefined;
  }
}

/** An external service answered with an error, or not at all (`statusCode` 0). */
export class ApiError extends CodedError {
  override readonly name = 'ApiError';
  readonly statusCode: number;
  readonly provider: string;
  readonly retryable: boolean;
  /** The provider's own code, as it stands in its answer. */
  readonly providerCode: string | null;
  /** It is refused for who asks, and not for what is asked: others would be refused too. */
  readonly ofEverybody: boolean;
  constructor(
    code: ErrorCode,
    message: string,
    facts: Details & {
      statusCode: number;
      provider: string;
      retryable: boolean;
      providerCode?: string | null;
      ofEverybody?: boolean;
    },
  ) {
    super(code, message, facts);
    this.statusCode = facts.statusCode;
    this.provider = facts.provider;
    this.retryable = facts.retryable;
    this.providerCode = facts.providerCode ?? null;
    this.ofEverybody = facts.ofEverybody ?? false;
  }
}

/** The code of any error; what carries none is told as `fallback`. */
export function codeOf(error: unknown, fallback: ErrorCode): ErrorCode {
  return error instanceof CodedError ? error.code : fallback;
}

/** By status, or inside a success. */
const OF_ONE = [200, 400, 404, 422];

/** Whether one thing is refused, such as an id that nobody knows, so that others may be asked for. */
export const isOfOne = (error: unknown): error is ApiError =>
  error instanceof ApiError &&
  error.code === 'PROVIDER_REFUSED' &&
  !error.ofEverybody &&
  OF_ONE.includes(error.statusCode);

/** Whether nothing left the house, or only with a key that was refused, so that nothing is owed for it. */
export const isUnsent = (error: unknown): error is OutageError =>
  error instanceof OutageError && error.detail.sent === false;

/** What a connection fails of that was never there. */
const NEVER_CONNECTED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'];

/** Whether the other side did surely nothing: nothing reached it, or it refused the request for coming too often. */
export const isUndone = (error: unknown): boolean =>
  isUnsent(error) ||
  (error instanceof ApiError && error.statusCode === 429) ||
  (error instanceof Error &&
    (('code' in error && NEVER_CONNECTED.includes(String(error.code))) || isUndone(error.cause)));

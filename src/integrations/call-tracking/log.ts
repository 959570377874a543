/** A call as its provider's own log states it; it has ended. */
export interface LoggedCall {
  readonly externalId: string;
  /** Null where the entry names none that could be compared. */
  readonly trackingNumber: string | null;
  /** Null when the caller withheld it. */
  readonly callerNumber: string | null;
  readonly startedAtMs: number;
  readonly durationS: number;
  readonly answered: boolean;
  /**
   * The call as a webhook of its source would report it, so that it goes the same road. The facts are of the call's end,
   * which any later news replaces; with `statedAtMs` they are of that instant, which replaces what was known before. Null of a
   * log that does not state talk.
   */
  readonly body: ((statedAtMs: number | null) => string) | null;
}

/** Calls that started in [fromMs, beforeMs). */
export interface LogWindow {
  readonly fromMs: number;
  readonly beforeMs: number;
}

export interface CallLogPage {
  readonly calls: readonly LoggedCall[];
  /** Where the next page begins; null after the last one. */
  readonly next: string | null;
  /** Entries that state too little to be compared. */
  readonly unreadable: number;
}

/** The list of calls that a provider keeps. Throws as the API client does. */
export interface CallLog {
  /** The source under which webhooks report its calls. */
  readonly source: string;
  /**
   * Whether `answered` and `durationS` tell that somebody talked, and for how long. Where they only tell how long a line
   * was open, no call is billed on their word.
   */
  readonly statesTalk: boolean;
  /** One page, the oldest calls first where the provider can; `cursor` is null for the first one. */
  readPage(window: LogWindow, cursor: string | null, signal: AbortSignal): Promise<CallLogPage>;
  /** Whether the provider knows the call: a page may have missed it while the list moved. */
  has(externalId: string, signal: AbortSignal): Promise<boolean>;
}

/** What the machinery tells about one run or one queue; logs, metrics and error reports attach here. */
export type QueueEvent = JobEvent | QueueTrouble;

export interface JobEvent {
  readonly kind: 'completed' | 'skipped' | 'snoozed' | 'attempt-failed' | 'dead';
  readonly job: string;
  readonly key: string;
  readonly generation: number;
  readonly trace: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** One of our error codes, the reason of a skip or snooze, or null. */
  readonly code: string | null;
  /** Scrubbed: code and text of our own errors, the name alone of others. */
  readonly message: string | null;
  readonly durationMs: number;
  /** The thrown error as it was, for the error reporter only: it may hold anything. */
  readonly error?: unknown;
}

export interface QueueTrouble {
  readonly kind: 'idle-rebuilt' | 'idle-exit' | 'queue-error' | 'bury-failed';
  readonly queue: string;
  readonly error?: unknown;
}

export type OnQueueEvent = (event: QueueEvent) => void;

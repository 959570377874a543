/** Requests per second that all processes together may make. */
export interface StripeRates {
  readonly perS: number;
  /** Of each operation. */
  readonly operationPerS: number;
}

/** The line in which all processes wait for their turn at Stripe. */
export interface StripeTurns {
  /** Waits for the turn. False when it would take too long, the signal ended it, or the line cannot be read: then nothing may be sent. */
  take(operation: string, signal: AbortSignal): Promise<boolean>;
  /** Stripe refused a request for its own limit, of `all` or of an operation: everybody waits. */
  pause(line: string): Promise<void>;
}

/** No limit, for tests and for setting up a sandbox. */
export const NO_TURNS: StripeTurns = { take: async () => true, pause: async () => undefined };

/**
 * What to do next about a payout, from its row alone.
 *
 * Rules (Stripe's idempotency: the first answer of a key is stored and replayed for at least 24 hours, 500s included):
 * a key younger than 23 hours may be sent again with the same body; an older one may be forgotten, so the object is
 * looked up first; absence counts only in a listing made ten minutes or more after the last send.
 */
export const KEY_TRUSTED_FOR_MS = 23 * 60 * 60 * 1_000;
export const ABSENCE_COUNTS_AFTER_MS = 10 * 60 * 1_000;
/** After so many unanswered sends under one key, only looking helps. */
export const SENDS_BEFORE_LOOKING = 3;

export interface Sending {
  readonly inDoubt: boolean;
  readonly sends: number;
  readonly lastSentAtMs: number | null;
  readonly keyMadeAtMs: number;
}

/** `send` the frozen body under the row's key, or `look-up` the transfer first. */
export function nextStep(sending: Sending, nowMs: number): 'send' | 'look-up' {
  if (nowMs - sending.keyMadeAtMs >= KEY_TRUSTED_FOR_MS) return 'look-up';
  return sending.inDoubt && sending.sends >= SENDS_BEFORE_LOOKING ? 'look-up' : 'send';
}

/** How long a listing that lacks the transfer must still wait before it counts; 0 when it counts now. */
export function absenceCountsInMs({ lastSentAtMs }: Sending, nowMs: number): number {
  return lastSentAtMs === null ? 0 : Math.max(0, lastSentAtMs + ABSENCE_COUNTS_AFTER_MS - nowMs);
}

/** What is told of a call, as far as it counts for what is done next. */
interface PushNow {
  readonly priceMinor: number;
  readonly shareMinor: number;
  readonly sends: number;
  readonly sentAtMs: number | null;
  readonly madeMs: number;
  readonly hadBefore: boolean;
  readonly looseMs: number | null;
}

/** What the platform shows. */
interface Shown {
  readonly priceMinor: number | null;
  readonly shareMinor: number | null;
  readonly isVoid: boolean;
  readonly isDouble: boolean;
}

export type Step =
  | { readonly kind: 'send' }
  | { readonly kind: 'wait'; readonly delayMs: number; readonly reason: 'not_shown_yet' | 'may_change' }
  | { readonly kind: 'end'; readonly end: 'sent' }
  | { readonly kind: 'end'; readonly end: 'refused'; readonly code: string };

export const LOOK_AGAIN_MS = 60_000;
const LOOK_LATER_MS = 10 * 60_000;
/** So long after it was sent, what a slow platform does not show of an amount was not done. */
const SHOWN_WITHIN_MS = 10 * 60_000;
/**
 * The same of a conversion. One that is made a second time is paid twice, while one whose amounts are set a second time has the
 * same amounts: so this is longer than any platform takes, and five times it are less than the day that work may wait.
 */
const MADE_WITHIN_MS = 4 * 3_600_000;
/** So long after it was sent, a request has no effect any more. */
const LATE_WITHIN_MS = 3_600_000;
/** What a platform takes so often and never shows needs a person. */
const MOST_SENDS = 5;

const SEND: Step = { kind: 'send' };
const refused = (code: string): Step => ({ kind: 'end', end: 'refused', code });
const wait = (restMs: number, mostMs: number, reason: 'not_shown_yet' | 'may_change'): Step => ({
  ...{ kind: 'wait', reason },
  delayMs: Math.min(restMs, mostMs),
});

/**
 * What is done of a push, by what the platform shows: null is nothing. `isSlow`: it shows what it took after a while, and a
 * conversion that it is told of twice it makes twice.
 */
export function nextStep(push: PushNow, shown: Shown | null, isSlow: boolean, nowMs: number): Step {
  if (shown?.isDouble === true) return refused('made_twice');
  if (shown !== null && isTold(push, shown)) return toldStep(push, nowMs);
  if (shown?.isVoid === true) return refused('rejected_there');
  if (shown === null && isSlow && (push.sends > 0 || push.hadBefore)) return unseenStep(push, nowMs);
  if (push.sentAtMs !== null) {
    const restMs = push.sentAtMs + (isSlow ? SHOWN_WITHIN_MS : push.sends * LOOK_AGAIN_MS) - nowMs;
    if (restMs > 0) return wait(restMs, LOOK_AGAIN_MS, 'not_shown_yet');
  }
  return push.sends < MOST_SENDS ? SEND : refused('never_shown');
}

/** What the platform does not count is worth nothing there. */
function isTold({ priceMinor, shareMinor }: PushNow, shown: Shown): boolean {
  if (shown.isVoid) return priceMinor === 0 && shareMinor === 0;
  return shown.priceMinor === priceMinor && shown.shareMinor === shareMinor;
}

/** While an older amount may come over it, it is looked at again, and told again where that happened. */
function toldStep({ looseMs }: PushNow, nowMs: number): Step {
  const restMs = looseMs === null ? 0 : looseMs + LATE_WITHIN_MS - nowMs;
  return restMs > 0 ? wait(restMs, LOOK_LATER_MS, 'may_change') : { kind: 'end', end: 'sent' };
}

/** There is a conversion, or there may be one. What was shown once, whoever made it, is never made again. */
function unseenStep({ sends, sentAtMs, madeMs, hadBefore }: PushNow, nowMs: number): Step {
  const sinceMs = sentAtMs ?? madeMs;
  const restMs = sinceMs + MADE_WITHIN_MS - nowMs;
  const isFresh = nowMs - sinceMs < SHOWN_WITHIN_MS;
  if (restMs > 0) return wait(restMs, isFresh ? LOOK_AGAIN_MS : LOOK_LATER_MS, 'not_shown_yet');
  if (hadBefore) return refused('vanished');
  return sends < MOST_SENDS ? SEND : refused('never_shown');
}

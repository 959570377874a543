/**
 * Whether a stamp in Unix seconds lies within the tolerance of now, before or after: one of the future would keep a
 * stolen delivery usable for ever.
 */
export function isFresh(timestamp: string, nowMs: number, toleranceMs: number): boolean {
  return Math.abs(nowMs - parseSeconds(timestamp) * 1_000) <= toleranceMs;
}

/** Unix seconds in plain digits; NaN for all else, which is never fresh. */
function parseSeconds(text: string): number {
  const plain =
    text !== '' && text.length <= 12 && [...text].every((letter) => letter >= '0' && letter <= '9');
  return plain ? Number(text) : Number.NaN;
}

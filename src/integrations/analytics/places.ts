export interface PlacesOptions {
  /** How many requests a slow endpoint may have under way at a time. Default 2. */
  readonly most?: number;
  /** What takes longer is slow. Default 2,000. */
  readonly slowMs?: number;
  readonly nowMs?: () => number;
}

/**
 * How many deliveries to one endpoint are under way within this process. One that answers soon has no limit; one that is slow,
 * by its last answer or by one that is waited for, has few places, so that the others' events do not wait for it.
 */
export function createPlaces({
  most = 2,
  slowMs = 2_000,
  nowMs = () => performance.now(),
}: PlacesOptions = {}) {
  const startedMs = new Map<symbol, number>();
  let wasSlow = false;
  const isSlow = () => wasSlow || [...startedMs.values()].some((since) => nowMs() - since > slowMs);
  return {
    /** Takes a place, and answers how it is given back, with whether anything was sent; null when there is none. */
    enter(): ((wasSent: boolean) => void) | null {
      if (startedMs.size >= most && isSlow()) return null;
      const place = Symbol('place');
      const sinceMs = nowMs();
      startedMs.set(place, sinceMs);
      return (wasSent) => {
        startedMs.delete(place);
        if (wasSent) wasSlow = nowMs() - sinceMs > slowMs;
      };
    },
  };
}

export interface PlacesOptions {
  readonly nowMs?: () => number;
}

/** How many requests a slow endpoint may have under way at a time. */
const MOST = 2;
/** What takes longer is slow. */
const SLOW_MS = 2_000;

/**
 * How many deliveries to one endpoint are under way within this process. One that answers soon has no limit; one that is slow,
 * by its last answer or by one that is waited for, has few places, so that the others' events do not wait for it.
 */
export function createPlaces({ nowMs = () => performance.now() }: PlacesOptions = {}) {
  const startedMs = new Map<symbol, number>();
  let wasSlow = false;
  const isSlow = () => wasSlow || [...startedMs.values()].some((since) => nowMs() - since > SLOW_MS);
  return {
    /** Takes a place, and answers how it is given back, with whether anything was sent; null when there is none. */
    enter(): ((wasSent: boolean) => void) | null {
      if (startedMs.size >= MOST && isSlow()) return null;
      const place = Symbol('place');
      const sinceMs = nowMs();
      startedMs.set(place, sinceMs);
      return (wasSent) => {
        startedMs.delete(place);
        if (wasSent) wasSlow = nowMs() - sinceMs > SLOW_MS;
      };
    },
  };
}

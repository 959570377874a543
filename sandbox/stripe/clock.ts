import type { Store } from './store.ts';

export interface SimulatorClock {
  nowMs(): number;
  /** Never goes back: an instant in the past changes nothing. */
  advanceTo(ms: number): void;
}

/** Stripe's own clock: runs with real time at an offset that is kept in the store and only grows. */
export function openClock(store: Store, startMs: number | undefined): SimulatorClock {
  let offsetMs = Number(store.meta('clock_offset_ms') ?? Number.NaN);
  const keep = (ms: number) => {
    offsetMs = ms;
    store.setMeta('clock_offset_ms', String(ms));
  };
  if (Number.isNaN(offsetMs)) keep(startMs === undefined ? 0 : Math.trunc(startMs) - Date.now());
  return {
    nowMs: () => Date.now() + offsetMs,
    advanceTo(ms) {
      if (ms > Date.now() + offsetMs) keep(Math.trunc(ms) - Date.now());
    },
  };
}

import { regionOfNumber } from '../area-codes.ts';
import type { Signal } from '../signal.ts';

/** Where the call comes from. Weak: who moves keeps the number. */
export const placeSignals: readonly Signal[] = [
  {
    name: 'geo-mismatch',
    version: 1,
    text: "the caller's number belongs to another state than the provider reports",
    measure({ callerNumber, callerRegion }) {
      const number = callerNumber === null ? null : regionOfNumber(callerNumber);
      if (number === null || callerRegion === null || number === callerRegion) return null;
      return { strength: 1, value: { number, reported: callerRegion } };
    },
  },
  {
    name: 'outside-regions',
    version: 1,
    text: 'the caller is not where the campaign looks for callers',
    measure({ callerNumber, callerRegion, regions }) {
      const region = callerRegion ?? (callerNumber === null ? null : regionOfNumber(callerNumber));
      if (regions === null || region === null || regions.includes(region)) return null;
      return { strength: callerRegion === null ? 0.5 : 1, value: { region } };
    },
  },
];

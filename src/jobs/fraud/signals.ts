import type { CallFacts, Measure, Signal } from './signal.ts';
import { callerSignals } from './signals/caller.ts';
import { durationSignals } from './signals/duration.ts';
import { lookupSignals } from './signals/lookups.ts';
import { numberSignals } from './signals/number.ts';
import { patternSignals } from './signals/pattern.ts';
import { placeSignals } from './signals/place.ts';
import { supplierSignals } from './signals/supplier.ts';
import { timingSignals } from './signals/timing.ts';

/** Every signal there is; a rule set gives each its weight. */
export const signals: readonly Signal[] = [
  ...numberSignals,
  ...lookupSignals,
  ...callerSignals,
  ...durationSignals,
  ...timingSignals,
  ...placeSignals,
  ...supplierSignals,
  ...patternSignals,
];

/** A signal of a call, as it is stored with its score. */
export interface Measured extends Measure {
  readonly signal: string;
  readonly version: number;
}

/** What speaks against a call, of all signals those that measure anything. Pure. */
export const measureCall = (call: CallFacts): Measured[] =>
  signals.flatMap(({ name, version, measure }) => {
    const found = measure(call);
    return found === null ? [] : [{ signal: name, version, ...found }];
  });

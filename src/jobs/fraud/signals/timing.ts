import {
  between,
  type CallFacts,
  callsOfHour,
  measured,
  type Profile,
  type Signal,
  SUPPLIER_WINDOW,
} from '../signal.ts';
import { unlikely } from '../statistics.ts';
import { chanceOfSuccess, doubtOfGrowth } from './duration.ts';
import { vouching } from './number.ts';

/** Below so many calls a profile says nothing about single hours. */
const LEAST_PROFILE = 100;

/** The calls of an hour of this weekday that the profile expects, as if each hour had half a call more. */
function usualHour(profile: Profile, startedAtMs: number): { calls: number; share: number } {
  const at = new Date(startedAtMs);
  const ofHour = ((profile.hours[at.getUTCHours()] ?? 0) + 0.5) / (profile.calls + 12);
  const weekday = ((profile.weekdays[(at.getUTCDay() + 6) % 7] ?? 0) + 1) / (profile.calls + 7);
  const perDay = profile.calls / Math.max(1, profile.days);
  return {
    calls: perDay * ofHour * Math.min(2, weekday * 7),
    // A day of the week on which more come than on others makes no hour usual.
    share: ofHour * Math.min(1, weekday * 7),
  };
}

/** An hour of the day in which fewer than this part of all calls come. */
const QUIET = 0.02;

/** Honest crowds come with their failures: a burst without any is worth more doubt. */
const few = (call: CallFacts) => unlikely(chanceOfSuccess(call));

/**
 * How far a supplier is known by what it sent so far, not counting crowds that called at once, and how many calls a day that makes usual.
 * One that began days ago grows: from its first days, some of them of a weekend, it may come to many times their median.
 */
export function usualDay({ profile, supplier }: CallFacts): { calls: number; known: number } | null {
  if (profile === null) return null;
  const growth = 1 + 4 * (1 - between(profile.days, 5, 14));
  const known = between(supplier.evenS, 540, 1_440) * between(profile.days, 2, 4);
  return { calls: profile.median * growth, known };
}

/** When calls come, and how many at once. */
export const timingSignals: readonly Signal[] = [
  {
    name: 'unusual-hour',
    version: 2,
    text: 'the supplier hardly ever sends calls at this hour of this weekday',
    measure({ profile, startedAtMs }) {
      if (profile === null || profile.calls < LEAST_PROFILE) return null;
      const { share } = usualHour(profile, startedAtMs);
      return measured(1 - between(share, 0.002, 0.012), { share });
    },
  },
  {
    name: 'supplier-velocity',
    version: 1,
    text: 'the supplier sent many times its usual number of calls within the hour before',
    measure({ profile, supplier, startedAtMs }) {
      const hour = callsOfHour(supplier);
      if (profile === null || profile.calls < LEAST_PROFILE || hour < 10) return null;
      const usual = Math.max(1, usualHour(profile, startedAtMs).calls);
      return measured(between(hour / usual, 4, 15), { hour, usual });
    },
  },
  {
    name: 'quiet-hour',
    version: 2,
    text: 'many calls of the supplier come while hardly anybody calls',
    measure(call) {
      const { network, supplier, startedAtMs } = call;
      if (network === null || network.calls < 300) return null;
      const share = (network.hours[new Date(startedAtMs).getUTCHours()] ?? 0) / network.calls;
      if (share >= QUIET) return null;
      const doubt = Math.max(few(call), unlikely(vouching(call)?.pValue ?? 1));
      return measured(between(supplier.hour, 2, 12) * (0.1 + 0.9 * doubt), {
        hour: supplier.hour,
        share,
        doubt,
      });
    },
  },
  {
    name: 'ramp',
    version: 3,
    text: "the supplier's last calls came, hour after hour, many times faster than it sent calls so far",
    measure: ramp,
  },
];

/**
 * How many times its usual day a supplier sends now, by ratio, from three on. Who had hardly any calls, because it was about to begin,
 * sends as many more all of a sudden: there as many fail as of others', so that it says most where few do.
 */
function ramp(call: CallFacts) {
  const { supplier } = call;
  const usual = usualDay(call);
  if (usual === null) return null;
  const isFull = supplier.calls >= SUPPLIER_WINDOW && supplier.spanS < 86_400;
  // A full window is less than a day: its pace counts, but no faster than over hours.
  const perDay = isFull ? (supplier.calls * 86_400) / Math.max(supplier.spanS, 6 * 3_600) : supplier.day;
  const times = perDay / Math.max(4, usual.calls);
  const doubt = doubtOfGrowth(call);
  const steep = between(Math.log(Math.max(1, times)), Math.log(3), Math.log(30)) ** 1.5;
  const value = { perDay, usual: usual.calls, evenS: supplier.evenS, doubt };
  return measured(steep * usual.known * (0.1 + 0.9 * doubt), value);
}

import { between, measured, type Profile, type Signal } from '../signal.ts';

/** Below so many calls a profile says nothing about single hours. */
const LEAST_PROFILE = 100;

/** The calls of an hour of this weekday that the profile expects, as if each hour had half a call more. */
function usualHour(profile: Profile, startedAtMs: number): { calls: number; share: number } {
  const at = new Date(startedAtMs);
  const ofHour = ((profile.hours[at.getUTCHours()] ?? 0) + 0.5) / (profile.calls + 12);
  const weekday = ((profile.weekdays[(at.getUTCDay() + 6) % 7] ?? 0) + 1) / (profile.calls + 7);
  const perDay = profile.calls / Math.max(1, profile.days);
  return { calls: perDay * ofHour * Math.min(2, weekday * 7), share: ofHour };
}

/** When calls come, and how many at once. */
export const timingSignals: readonly Signal[] = [
  {
    name: 'unusual-hour',
    version: 1,
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
      if (profile === null || profile.calls < LEAST_PROFILE || supplier.hour < 10) return null;
      const usual = Math.max(1, usualHour(profile, startedAtMs).calls);
      return measured(between(supplier.hour / usual, 4, 15), { hour: supplier.hour, usual });
    },
  },
  {
    name: 'ramp',
    version: 1,
    text: "the supplier's last calls came many times faster than it sent calls so far",
    measure({ profile, supplier }) {
      if (supplier.calls < 20 || supplier.spanS === 0) return null;
      const perDay = (supplier.calls * 86_400) / Math.max(supplier.spanS, 3_600);
      const usual = profile === null ? 0 : profile.calls / 28;
      return measured(between(perDay / Math.max(10, usual), 5, 25), { perDay, usual });
    },
  },
];

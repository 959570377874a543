import type { Lengths, Profile } from '../../src/jobs/fraud/signal.ts';
import { addLength, type Counted, DAY_MS, noLengths, type Row } from './fraud-rows.ts';

const DAYS = 28;

type Day = Counted<Omit<Profile, 'days' | 'median' | 'hours' | 'weekdays'>> & {
  readonly date: number;
  readonly hours: number[];
  readonly weekdays: number[];
};

/** What is known of suppliers and campaigns when a date is done. */
export interface Profiles {
  readonly date: number;
  readonly suppliers: ReadonlyMap<number, Profile>;
  readonly network: Profile | null;
  readonly campaigns: ReadonlyMap<string, Lengths>;
}

/** Counts closed dates as `app.count_day` does, and makes the profiles that `profile_suppliers` makes of them. */
export function countDays(
  hadPayable: (row: Row) => boolean,
): (date: number, rows: readonly Row[]) => Profiles {
  const ofSuppliers = new Map<number, Day[]>();
  const ofCampaigns = new Map<string, Map<number, Counted<Lengths>>>();
  return (date, rows) => {
    for (const [supplier, some] of Map.groupBy(rows, (row) => row.supplier))
      ofSuppliers.set(supplier, [
        ...(ofSuppliers.get(supplier) ?? []).filter((day) => day.date > date - DAYS),
        dayOf(date, some, hadPayable),
      ]);
    for (const [id, some] of Map.groupBy(rows, (row) => row.campaign.id)) {
      const lengths = noLengths();
      for (const row of some) addLength(lengths, row);
      ofCampaigns.set(id, (ofCampaigns.get(id) ?? new Map()).set(date, lengths));
    }
    const recent = [...ofSuppliers].map(
      ([supplier, days]) => [supplier, days.filter((day) => day.date > date - DAYS)] as const,
    );
    const active = recent.filter(([, days]) => days.length > 0);
    return {
      date,
      suppliers: new Map(active.map(([supplier, days]) => [supplier, profileOf(days)])),
      network: active.length === 0 ? null : profileOf(active.flatMap(([, days]) => days)),
      campaigns: new Map([...ofCampaigns].map(([id, days]) => [id, lengthsOf(days, date - DAYS)])),
    };
  };
}

function dayOf(date: number, rows: readonly Row[], hadPayable: (row: Row) => boolean): Day {
  const day: Day = {
    ...{ date, calls: 0, answered: 0, hangups: 0, payable: 0, inBand: 0, afterBand: 0, callers: 0 },
    ...{ qualified: 0, refused: 0, disputed: 0, signed: 0, vouchedLess: 0, repeats: 0, stopped: 0 },
    ...{ hours: new Array<number>(24).fill(0), weekdays: new Array<number>(7).fill(0) },
  };
  const callers = new Set<number>();
  // The first of January 1970 was a Thursday.
  const weekday = (date + 3) % 7;
  for (const row of rows) {
    const { attestation } = row.call;
    const hour = Math.floor((row.startedAtMs % DAY_MS) / 3_600_000);
    day.hours[hour] = (day.hours[hour] ?? 0) + 1;
    day.weekdays[weekday] = (day.weekdays[weekday] ?? 0) + 1;
    day.calls += 1;
    if (row.talked) day.answered += 1;
    if (row.talked && row.durationS < 10) day.hangups += 1;
    if (row.caller >= 0) callers.add(row.caller);
    if (attestation !== null) day.signed += 1;
    if (attestation !== null && attestation !== 'A') day.vouchedLess += 1;
    if (!row.pays) continue;
    day.payable += 1;
    if (row.aboveS < 5) day.inBand += 1;
    else if (row.aboveS < 15) day.afterBand += 1;
    if (hadPayable(row)) day.repeats += 1;
    if (row.isStopped) day.stopped += 1;
    else day.qualified += 1;
    if (row.isRefused) day.refused += 1;
  }
  day.callers = callers.size;
  return day;
}

function lengthsOf(days: ReadonlyMap<number, Lengths>, after: number): Lengths {
  const sum = noLengths();
  for (const [date, lengths] of days)
    if (date > after) for (const key of Object.keys(sum) as (keyof Lengths)[]) sum[key] += lengths[key];
  return sum;
}

function profileOf(days: readonly Day[]): Profile {
  const sumOf = (key: Exclude<keyof Day, 'hours' | 'weekdays'>) =>
    days.reduce((sum, day) => sum + day[key], 0);
  const tallyOf = (key: 'hours' | 'weekdays', size: number) =>
    Array.from({ length: size }, (_, nth) => days.reduce((sum, day) => sum + (day[key][nth] ?? 0), 0));
  const calls = days.map((day) => day.calls).sort((a, b) => a - b);
  return {
    days: new Set(days.map(({ date }) => date)).size,
    ...{ calls: sumOf('calls'), answered: sumOf('answered'), hangups: sumOf('hangups') },
    ...{ payable: sumOf('payable'), inBand: sumOf('inBand'), afterBand: sumOf('afterBand') },
    ...{ callers: sumOf('callers'), qualified: sumOf('qualified'), refused: sumOf('refused'), disputed: 0 },
    ...{ signed: sumOf('signed'), vouchedLess: sumOf('vouchedLess') },
    ...{ repeats: sumOf('repeats'), stopped: sumOf('stopped') },
    median: calls[Math.ceil(calls.length / 2) - 1] ?? 0,
    ...{ hours: tallyOf('hours', 24), weekdays: tallyOf('weekdays', 7) },
  };
}

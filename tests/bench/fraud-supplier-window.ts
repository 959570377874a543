import type { Lengths, SupplierWindow } from '../../src/jobs/fraud/signal.ts';
import {
  addLength,
  bandOf,
  DAY_MS,
  type Firsts,
  HOUR_MS,
  noLengths,
  type Row,
  secondsBetween,
} from './fraud-rows.ts';

/** As `app.supplier_window` counts it, of the window's calls from the newest on. */
export function supplierWindow(
  row: Row,
  window: readonly Row[],
  first: Firsts,
  lengthsOf: (campaignId: string) => Lengths,
): SupplierWindow {
  const { startedAtMs } = row;
  const oldest = window.at(-1);
  const ofDay = window.filter((other) => other.startedAtMs > startedAtMs - DAY_MS);
  const lengths = noLengths();
  for (const other of window) if (other.campaign === row.campaign) addLength(lengths, other);
  return {
    ...{ calls: window.length, spanS: oldest === undefined ? 0 : secondsBetween(oldest, row) },
    hour: countOf(ofDay, (other) => other.startedAtMs > startedAtMs - HOUR_MS),
    ...{ day: ofDay.length, evenS: evenS(ofDay) },
    ...numbersOf(row, window, first),
    ...durationsOf(row, window),
    ...payableOf(row, window),
    signed: countOf(window, ({ call }) => call.attestation !== null),
    vouchedLess: countOf(window, ({ call }) => call.attestation !== null && call.attestation !== 'A'),
    ...{ campaign: lengths, campaigns: campaignsOf(window, ofDay.length, lengthsOf) },
  };
}

function countOf(rows: readonly Row[], is: (row: Row) => boolean): number {
  let count = 0;
  for (const row of rows) if (is(row)) count += 1;
  return count;
}

function evenS(newestFirst: readonly Row[]): number {
  const quarter = (share: number) => {
    const row = newestFirst[newestFirst.length - Math.ceil(share * newestFirst.length)];
    return Math.round((row?.startedAtMs ?? 0) / 1_000);
  };
  if (newestFirst.length === 0) return 0;
  return Math.min(quarter(0.5) - quarter(0.25), quarter(0.75) - quarter(0.5));
}

function numbersOf(row: Row, window: readonly Row[], first: Firsts) {
  let [withNumber, numbers, thousands] = [0, 0, 0];
  for (const { caller, thousand } of window) {
    if (caller < 0) continue;
    withNumber += 1;
    numbers += first.number(caller, row);
    thousands += first.thousand(thousand, row);
  }
  return { again: withNumber - numbers, numbers, thousands };
}

function durationsOf({ durationS }: Row, window: readonly Row[]) {
  const counted = { sameDuration: 0, nearDuration: 0, within3: 0, within8: 0, within45: 0 };
  let [answered, hangups] = [0, 0];
  for (const other of window) {
    if (!other.talked) continue;
    const offS = Math.abs(other.durationS - durationS);
    answered += 1;
    if (other.durationS < 10) hangups += 1;
    if (offS <= 1) counted.sameDuration += 1;
    if (offS <= 3) counted.within3 += 1;
    if (offS <= 8) counted.within8 += 1;
    if (offS <= 15) counted.nearDuration += 1;
    if (offS <= 45) counted.within45 += 1;
  }
  return { answered, hangups, ...counted };
}

const vouchingOf = ({ call: { attestation } }: Row) => (attestation === null ? null : attestation === 'A');

function payableOf(row: Row, window: readonly Row[]) {
  const counted = { sameLength: 0, sameVouching: 0, regionKnown: 0, outside: 0 };
  const [band, vouching] = [bandOf(row.aboveS), vouchingOf(row)];
  for (const other of window) {
    if (!other.pays) continue;
    if (other.band === band) counted.sameLength += 1;
    if (vouchingOf(other) === vouching) counted.sameVouching += 1;
    if (other.isOutside !== null) counted.regionKnown += 1;
    if (other.isOutside) counted.outside += 1;
  }
  return counted;
}

function campaignsOf(window: readonly Row[], ofDay: number, lengthsOf: (campaignId: string) => Lengths) {
  const none = () => ({ calls: 0, payable: 0 });
  const counted = new Map<string, { window: Counts; day: Counts; last: Counts; all: Lengths }>();
  window.forEach(({ campaign: { id }, pays }, nth) => {
    let one = counted.get(id);
    if (one === undefined) {
      one = { window: none(), day: none(), last: none(), all: lengthsOf(id) };
      counted.set(id, one);
    }
    count(one.window, pays);
    if (nth < ofDay) count(one.day, pays);
    if (nth < 30) count(one.last, pays);
  });
  // The database gives them by their ids.
  return [...counted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

interface Counts {
  calls: number;
  payable: number;
}

function count(counts: Counts, pays: boolean): void {
  counts.calls += 1;
  if (pays) counts.payable += 1;
}

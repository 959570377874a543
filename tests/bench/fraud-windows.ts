import type { LabelledCall } from '../../sandbox/traffic/labelled/labelled-call.ts';
import type { LabelledTraffic } from '../../sandbox/traffic/labelled/traffic.ts';
import {
  type BlockWindow,
  type CallerWindow,
  type CallFacts,
  SUPPLIER_WINDOW,
} from '../../src/jobs/fraud/signal.ts';
import type { Verdict } from '../../src/jobs/fraud/weigh.ts';
import { countDays, type Profiles } from './fraud-profiles.ts';
import {
  type Counted,
  DAY_MS,
  type FirstOf,
  type Firsts,
  HOUR_MS,
  noLengths,
  type Row,
  rowsOf,
  secondsBetween,
} from './fraud-rows.ts';
import { supplierWindow } from './fraud-supplier-window.ts';

interface CountedCall {
  readonly call: LabelledCall;
  readonly context: CallFacts;
}

/**
 * The contexts of all calls in the order of their starts, as the database reads them where `scoreTraffic` scores a date after the other,
 * but counted in memory: a thousand times as fast, for tuning. What `decide` says of a call is in the profiles of later ones.
 */
export function* countTraffic(
  traffic: LabelledTraffic,
  decide: (context: CallFacts) => Pick<Verdict, 'bySignals'>,
): Generator<CountedCall> {
  const rows = rowsOf(traffic);
  const own = new Set(
    traffic.suppliers.flatMap((one) => one.placements.map(({ trackingNumber }) => trackingNumber)),
  );
  const history = emptyHistory(rows.length);
  const close = countDays((row) =>
    (history.callers.get(row.caller) ?? []).some(
      (other) =>
        other.index < row.index &&
        other.startedAtMs > row.startedAtMs - 30 * DAY_MS &&
        lastsAs(other, row.campaign.minimumS),
    ),
  );
  const closed: Profiles[] = [];
  for (const [date, ofDate] of Map.groupBy(rows, ({ startedAtMs }) => Math.floor(startedAtMs / DAY_MS))) {
    const profiles = closed.findLast((one) => one.date < date - 1) ?? null;
    for (const row of ofDate) {
      const context = contextOf(row, history, profiles, own);
      const { bySignals } = decide(context);
      row.isStopped = bySignals !== 'qualify';
      row.isRefused = bySignals === 'reject';
      remember(history, row);
      yield { call: row.call, context };
    }
    closed.push(close(date, ofDate));
  }
}

const lastsAs = (row: Row, minimumS: number) => row.talked && row.durationS >= minimumS;

/** Calls that started before, in the order of their starts. */
interface History {
  readonly callers: Map<number, Row[]>;
  readonly suppliers: Map<number, Row[]>;
  readonly thousands: Map<number, Row[]>;
  readonly first: Firsts;
}

function emptyHistory(size: number): History {
  const firstOf = (): FirstOf => {
    const seen = new Int32Array(size).fill(-1);
    return (value, { index }) => {
      if (seen[value] === index) return 0;
      seen[value] = index;
      return 1;
    };
  };
  return {
    ...{ callers: new Map(), suppliers: new Map(), thousands: new Map() },
    first: {
      ...{ supplier: firstOf(), number: firstOf(), thousand: firstOf() },
      ...{ neighbour: firstOf(), neighbourOfSupplier: firstOf() },
    },
  };
}

function remember({ callers, suppliers, thousands }: History, row: Row): void {
  const add = (to: Map<number, Row[]>, key: number) => {
    const rows = to.get(key);
    if (rows === undefined) to.set(key, [row]);
    else rows.push(row);
  };
  add(suppliers, row.supplier);
  if (row.caller < 0) return;
  add(callers, row.caller);
  add(thousands, row.thousand);
}

/** The newest first. */
function lastOf(rows: readonly Row[] | undefined, { startedAtMs }: Row, most: number, days: number): Row[] {
  const last: Row[] = [];
  for (let at = (rows?.length ?? 0) - 1; at >= 0 && last.length < most; at -= 1) {
    const row = rows?.[at];
    if (row === undefined || row.startedAtMs <= startedAtMs - days * DAY_MS) break;
    last.push(row);
  }
  return last;
}

function contextOf(
  row: Row,
  history: History,
  profiles: Profiles | null,
  own: ReadonlySet<string | null>,
): CallFacts {
  const { callerNumber, durationS, answered, startedAtMs, callerRegion, attestation, lineType } = row.call;
  return {
    ...{ callerNumber, durationS, answered, startedAtMs, callerRegion, attestation, lineType },
    terms: { minDurationS: row.campaign.minimumS },
    ...{ regions: row.campaign.regions, lookups: null, ownNumber: own.has(callerNumber), standing: 'active' },
    caller: callerWindow(row, lastOf(history.callers.get(row.caller), row, 100, 30), history.first),
    supplier: supplierWindow(
      row,
      lastOf(history.suppliers.get(row.supplier), row, SUPPLIER_WINDOW, 7),
      history.first,
      (id) => profiles?.campaigns.get(id) ?? noLengths(),
    ),
    block: blockWindow(row, lastOf(history.thousands.get(row.thousand), row, 200, 30), history.first),
    profile: profiles?.suppliers.get(row.supplier) ?? null,
    network: profiles?.network ?? null,
    campaign: profiles?.campaigns.get(row.campaign.id) ?? noLengths(),
  };
}

function callerWindow(row: Row, window: readonly Row[], first: Firsts): CallerWindow {
  const { campaign, startedAtMs } = row;
  const [last] = window;
  const counted: Counted<CallerWindow> = {
    lastS: last === undefined ? null : secondsBetween(last, row),
    ...{ hour: 0, day: 0, network: window.length, buyer: 0, campaign: 0 },
    ...{ payable: 0, payableInCampaign: 0, otherSuppliers: 0, otherCampaigns: 0 },
  };
  const campaigns = new Set<string>();
  for (const other of window) {
    const pays = lastsAs(other, campaign.minimumS);
    if (other.startedAtMs > startedAtMs - HOUR_MS) counted.hour += 1;
    if (other.startedAtMs > startedAtMs - DAY_MS) counted.day += 1;
    if (other.campaign.buyerId === campaign.buyerId) counted.buyer += 1;
    if (pays) counted.payable += 1;
    if (other.campaign === campaign) {
      counted.campaign += 1;
      if (pays) counted.payableInCampaign += 1;
    } else campaigns.add(other.campaign.id);
    if (other.supplier !== row.supplier) counted.otherSuppliers += first.supplier(other.supplier, row);
  }
  counted.otherCampaigns = campaigns.size;
  return counted;
}

function blockWindow(row: Row, window: readonly Row[], first: Firsts): BlockWindow {
  const counted = { numbers: 0, numbersOfSupplier: 0, hundred: 0, hundredOfSupplier: 0 };
  for (const { caller, hundred, supplier } of window) {
    if (caller === row.caller) continue;
    const isNew = first.neighbour(caller, row);
    const isNewOfSupplier = supplier === row.supplier ? first.neighbourOfSupplier(caller, row) : 0;
    counted.numbers += isNew;
    counted.numbersOfSupplier += isNewOfSupplier;
    if (hundred !== row.hundred) continue;
    counted.hundred += isNew;
    counted.hundredOfSupplier += isNewOfSupplier;
  }
  return counted;
}

import type { Backtest } from '../jobs/fraud/backtest.ts';
import type { Amounts, Difference } from '../jobs/fraud/compare.ts';
import type { SignalReport } from '../jobs/fraud/signal-report.ts';
import { amountOf, renderTable } from './table.ts';

/** What would end otherwise, for people: how many calls, and the money of it. */
export function renderDifference({ calls, changes, money }: Difference): string {
  const other = changes.reduce((sum, change) => sum + change.calls, 0);
  const parts = [`${other} of ${calls} calls would end otherwise.`];
  if (changes.length > 0) parts.push(renderTable([CHANGES_HEAD, ...changesOf(changes)], [1, 2, 3]));
  const sums = Object.entries(money).map(([currency, effect]) =>
    [
      effect.payoutsHeldMinor,
      effect.buyersCreditedMinor,
      effect.buyersBilledMinor,
      effect.suppliersPaidMinor,
    ].map((amountMinor) => amountOf(amountMinor, currency)),
  );
  if (sums.length > 0) parts.push(renderTable([MONEY_HEAD, ...sums], [0, 1, 2, 3]));
  return parts.join('\n\n');
}

/** The same of a backtest, and whose calls they are, and what people had said of them. */
export function renderBacktest(tested: Backtest): string {
  const parts = [renderDifference(tested)];
  if (tested.skipped > 0) parts.push(`${tested.skipped} calls have no score by rules, and are left out.`);
  const suppliers = tested.suppliers.flatMap(({ supplier, changes }) =>
    changesOf(changes).map((row) => [supplier, ...row]),
  );
  if (suppliers.length > 0) parts.push(renderTable([['supplier', ...CHANGES_HEAD], ...suppliers], [2, 3, 4]));
  const labels = (['bad', 'good'] as const).flatMap((label) =>
    (['before', 'after'] as const).map((when) => {
      const { approved, held, rejected } = tested.labels[label][when];
      const by = when === 'before' ? 'the rules that scored them' : 'these rules';
      return [label, by, ...[approved, held, rejected].map(String)];
    }),
  );
  const head = ['people said', 'by', 'approved', 'held', 'rejected'];
  return [...parts, renderTable([head, ...labels], [2, 3, 4])].join('\n\n');
}

const CHANGES_HEAD = ['change', 'calls', 'prices', 'shares'];
const MONEY_HEAD = ['payouts held', 'buyers credited', 'buyers billed more', 'suppliers paid more'];

const changesOf = (changes: Difference['changes']): string[][] =>
  changes.map(({ from, to, calls, money }) => [
    ...[`${from} → ${to}`, String(calls), sumsOf(money, 'priceMinor'), sumsOf(money, 'shareMinor')],
  ]);

const sumsOf = (money: Readonly<Record<string, Amounts>>, amount: keyof Amounts): string =>
  join(Object.entries(money).map(([currency, amounts]) => amountOf(amounts[amount], currency)));

const join = (amounts: readonly string[]): string => (amounts.length === 0 ? '-' : amounts.join(', '));

/** What each signal was worth that measured anything. */
export function renderSignals({ calls, labels, savedMinor, signals }: SignalReport): string {
  const moneyOf = (sums: Readonly<Record<string, number>>) =>
    join(Object.entries(sums).map(([currency, amountMinor]) => amountOf(amountMinor, currency)));
  const percent = (share: number | null) => (share === null ? '-' : `${(share * 100).toFixed(1)} %`);
  const rows = signals
    .filter((one) => one.calls > 0)
    .map((one) => [
      ...[one.signal, String(one.calls), String(one.bad), String(one.good)],
      ...[percent(one.precision), percent(one.recall), moneyOf(one.savedMinor)],
    ]);
  const head = ['signal', 'calls', 'bad', 'good', 'precision', 'recall', 'saved'];
  return [
    `${calls} calls, of which people called ${labels.bad} bad and ${labels.good} good. Saved: ${moneyOf(savedMinor)}.`,
    rows.length === 0 ? 'No signal measured anything.' : renderTable([head, ...rows], [1, 2, 3, 4, 5, 6]),
  ].join('\n\n');
}

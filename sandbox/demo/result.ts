import type { StripeSimulator } from '../stripe/simulator.ts';
import { countPaidFor } from '../traffic/calls.ts';
import { isLost } from './call-logs.ts';
import type { Numbers } from './numbers.ts';
import type { Played } from './steps.ts';

/** What `--json` prints, field by field. Amounts are minor units by currency. */
export interface DemoResult {
  readonly calls: Numbers['calls'] & {
    /** Different valid calls that were made; how many of them no webhook reported, and how many reports were answered 202. */
    readonly sent: number;
    readonly lost: number;
    readonly accepted: number;
    /** Webhooks that were sent a second time. */
    readonly duplicatesSent: number;
  };
  readonly ledger: Numbers['ledger'];
  readonly billing: Numbers['billing'];
  readonly payouts: Numbers['payouts'] & { readonly duplicates: number };
  readonly reconciliation: Numbers['reconciliation'];
  readonly deadLetters: number;
  readonly audit: { readonly ok: boolean; readonly failures: readonly string[] };
  readonly seconds: {
    readonly start: number;
    readonly ingest: number;
    readonly close: number;
    readonly total: number;
  };
}

export interface Counted {
  readonly played: Played;
  readonly numbers: Numbers;
  readonly simulator: Pick<StripeSimulator, 'journal'>;
  readonly audit: DemoResult['audit'];
  readonly seconds: DemoResult['seconds'];
}

export function resultOf({ played, numbers, simulator, audit, seconds }: Counted): DemoResult {
  const { days, progress } = played;
  const calls = days.flatMap((day) => day.calls);
  const deliveries = days.flatMap((day) => day.deliveries);
  const lost = calls.filter(isLost).length;
  const unaccepted = progress.surprises.filter(({ kind }) => kind === 'report').length;
  return {
    calls: {
      sent: calls.length,
      lost,
      accepted: calls.length - lost - unaccepted,
      duplicatesSent: deliveries.filter(({ kind }) => kind === 'twice').length,
      ...numbers.calls,
    },
    ledger: numbers.ledger,
    billing: numbers.billing,
    payouts: { ...numbers.payouts, duplicates: countDuplicateTransfers(simulator) },
    reconciliation: numbers.reconciliation,
    deadLetters: numbers.deadLetters,
    audit,
    seconds,
  };
}

/** Transfers at Stripe beyond the first of each payout, whatever the books say. */
function countDuplicateTransfers({ journal }: Pick<StripeSimulator, 'journal'>): number {
  const transfers = journal.all('transfer').filter(({ reversed }) => !reversed);
  return transfers.length - new Set(transfers.map(({ metadata }) => metadata.payout_id)).size;
}

/** Counts that must agree, in words; empty when all do. */
export function findFaults(result: DemoResult, played: Played): string[] {
  const { calls, ledger, payouts, reconciliation } = result;
  const paidFor = countPaidFor(played.days.flatMap((day) => day.calls));
  const surprises = played.progress.surprises.map(
    ({ index, kind, statusCode }) => `webhook ${index} (${kind}) was answered ${statusCode}`,
  );
  const counts: readonly (readonly [string, number, number])[] = [
    ['calls accepted or lost and calls sent', calls.accepted + calls.lost, calls.sent],
    ['calls recovered from the logs and calls lost', calls.recovered, calls.lost],
    ['calls stored and calls sent', calls.stored, calls.sent],
    ['calls decided and calls stored', calls.qualified + calls.rejected + calls.held, calls.stored],
    ['calls qualified or taken back and callers to pay for', calls.qualified + calls.takenBack, paidFor],
    ['unbalanced journals and none', ledger.unbalancedJournals, 0],
    ['duplicate transfers and none', payouts.duplicates, 0],
    ['reconciliation breaks and none', reconciliation.breaks, 0],
    ['dead letters and none', result.deadLetters, 0],
  ];
  const currencies = Object.keys({ ...ledger.debitsMinor, ...ledger.creditsMinor });
  const sums = currencies.map(
    (currency) =>
      [
        `debits and credits in ${currency}`,
        ledger.debitsMinor[currency] ?? 0,
        ledger.creditsMinor[currency] ?? 0,
      ] as const,
  );
  return [
    ...surprises.slice(0, 20),
    ...[...counts, ...sums]
      .filter(([, left, right]) => left !== right)
      .map(([what, left, right]) => `${what} differ: ${left}, ${right}`),
  ];
}

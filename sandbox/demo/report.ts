import type { Delivery } from '../traffic/plan.ts';
import { type Details, formatAmounts as money } from './numbers.ts';
import type { DemoResult } from './result.ts';
import type { Played } from './steps.ts';

interface Told {
  readonly result: DemoResult;
  readonly played: Played;
  readonly details: Details;
  /** Counts that do not agree. */
  readonly faults: readonly string[];
  /** How many checks the audit made. */
  readonly checks: number;
}

/** What happened, for a person who sees callclear for the first time. */
export function describe({ result, played, details, faults, checks }: Told): string {
  return [
    ...describeCalls(result, played, details),
    '',
    ...describeCloses(played),
    '',
    ...describeMoney(result, details),
    '',
    ...describeWallets(details),
    '',
    ...describeTroubles(details),
    '',
    ...describeBooks(result, details, checks),
    ...[...result.audit.failures, ...faults].map((fault) => `  FAILED  ${fault}`),
  ].join('\n');
}

function describeCalls({ calls }: DemoResult, { days, progress }: Played, { reasons }: Details): string[] {
  const deliveries = days.flatMap((day) => day.deliveries);
  const countOf = (kind: Delivery['kind']) =>
    deliveries.filter((delivery) => delivery.kind === kind).length -
    progress.surprises.filter((surprise) => surprise.kind === kind).length;
  return [
    'Calls',
    ...table([
      ['webhooks sent', deliveries.length, 'signed, over HTTP, some out of order'],
      ['  of a call', countOf('report') + countOf('modified'), 'accepted (202)'],
      ['  sent twice', countOf('twice'), 'accepted (202), no second effect'],
      ['  wrong signature', countOf('forged'), 'refused (401)'],
      ['  malformed', countOf('malformed'), 'not signed either, refused (401)'],
      ['  answered otherwise', progress.surprises.length, ''],
      ['calls stored', calls.stored, `of ${calls.sent}`],
      ['  recovered', calls.recovered, `from the providers' logs: ${calls.lost} were reported by no webhook`],
      ['  qualified', calls.qualified, 'rated, and posted to the ledger'],
      ['  rejected', calls.rejected, `${calls.takenBack} of them taken back after rating`],
      ...reasonRows(reasons, 'rejected'),
      ['  held', calls.held, 'wait for a person'],
      ...reasonRows(reasons, 'held'),
    ]),
  ];
}

type Row = readonly [string, number | string, string];

function reasonRows(reasons: Details['reasons'], decision: string): Row[] {
  return reasons
    .filter((reason) => reason.decision === decision)
    .map(({ text, calls }): Row => ['', calls, text]);
}

function describeCloses({ closes }: Played): string[] {
  const head = ['business date', 'invoices', 'billed', 'paid', 'payouts', 'paid out', 'matched'];
  const rows = closes.map(({ date, invoices, billedMinor, paid, payouts, paidOutMinor, matched }) => [
    ...[date, String(invoices), money(billedMinor), String(paid)],
    ...[String(payouts), money(paidOutMinor), String(matched)],
  ]);
  return ['Nightly closes', ...columns([head, ...rows])];
}

function describeMoney({ payouts }: DemoResult, { suppliers, awaitingApproval }: Details): string[] {
  const head = ['supplier', 'payouts', 'paid out', 'pending'];
  const rows = suppliers.map(({ name, payouts: sent, paidMinor, pendingMinor }) => [
    ...[name, String(sent), money(paidMinor), money(pendingMinor)],
  ]);
  const total = ['', String(payouts.sent), money(payouts.amountMinor), money(payouts.pendingMinor)];
  const approval =
    awaitingApproval === 0 ? [] : [`  ${awaitingApproval} payouts above the limit wait for a second person`];
  return [
    'Suppliers',
    ...columns([head, ...rows, total]),
    "  pending: earned, and paid out once the buyers' charges are available at Stripe (two days)",
    ...approval,
  ];
}

/** Buyers who pay before their calls. */
function describeWallets({ wallets }: Details): string[] {
  return [
    'Wallets',
    ...table(
      wallets.map(
        ({ buyer, topups, paidInMinor, drawnMinor, leftMinor }): Row => [
          buyer,
          money(leftMinor),
          `left of ${money(paidInMinor)} paid in by ${topups} top-ups; calls drew ${money(drawnMinor)}`,
        ],
      ),
    ),
  ];
}

/** What went wrong, as it does in any week, and what became of it. */
function describeTroubles({ troubles: { declines, unpaid, disputes, held } }: Details): string[] {
  const waiting = unpaid.filter(({ declined }) => declined).length;
  return [
    'Troubles',
    ...table([
      ['declined charges', declines, `tried again each night; ${waiting} of their invoices are unpaid`],
      ...unpaid.map(
        ({ buyer, amountMinor, dueDate, declined }): Row => [
          declined ? 'unpaid' : 'on payment terms',
          money(amountMinor),
          `${buyer}, due ${dueDate}`,
        ],
      ),
      [
        'calls disputed',
        disputes.approved + disputes.denied + disputes.open,
        `${disputes.approved} approved (neither owed nor earned), ${disputes.denied} denied, ${disputes.open} open (on no invoice)`,
      ],
      ...held.map(
        ({ supplier, reason, payableMinor }): Row => [
          'supplier held',
          money(payableMinor),
          `${supplier}: ${reason}`,
        ],
      ),
    ]),
  ];
}

function describeBooks(result: DemoResult, { dead }: Details, checks: number): string[] {
  const { ledger, billing, payouts, reconciliation, deadLetters, audit, seconds } = result;
  const letters = dead.map(({ job, code, count }): Row => ['', count, `${job}: ${code}`]);
  const verdict = audit.ok
    ? `${checks} checks, all passed`
    : `${audit.failures.length} of ${checks} checks failed`;
  return [
    'Books',
    ...table([
      [
        'journals',
        ledger.journals,
        `debits ${money(ledger.debitsMinor)}, credits ${money(ledger.creditsMinor)}`,
      ],
      ['unbalanced', ledger.unbalancedJournals, ''],
      ['invoices', billing.invoices, `${billing.paid} paid, ${money(billing.billedMinor)} billed`],
      ['duplicate transfers', payouts.duplicates, ''],
      ['movements matched', reconciliation.matched, `${reconciliation.breaks} breaks`],
      ['dead letters', deadLetters, ''],
      ...letters,
      ['audit', audit.ok ? 'ok' : 'FAILED', verdict],
      ['seconds', seconds.total, `start ${seconds.start}, ingest ${seconds.ingest}, closes ${seconds.close}`],
    ]),
  ];
}

function table(rows: readonly Row[]): string[] {
  return rows.map(([name, value, remark]) =>
    `  ${name.padEnd(22)}${String(value).padStart(9)}   ${remark}`.trimEnd(),
  );
}

/** The first column to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) => {
    const cells = row.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
    );
    return `  ${cells.join('   ')}`.trimEnd();
  });
}

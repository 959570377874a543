import { Option } from 'commander';
import { readBalanceAt } from '../integrations/stripe/balance-at.ts';
import type { Break } from '../integrations/supabase/breaks.ts';
import type { Cash, CashDay } from '../integrations/supabase/cash-days.ts';
import { CURRENCIES, formatDecimal, parseCurrency } from '../money.ts';
import type { JobServices } from '../services.ts';
import { type Cell, renderCsv } from './csv.ts';
import { escapeHtml, renderHtmlTable, renderPage } from './html.ts';
import './recon.ts';
import { act, asDate, program } from './session.ts';
import { amountOf, renderTable } from './table.ts';

const DAY_MS = 86_400_000;
/** How long Stripe may take to list what moved since. */
const PATIENCE_MS = 300_000;

export interface ReconReport extends Omit<CashDay, 'balances' | 'breaks'> {
  /**
   * Of each currency what the day closed with, in our rows with all corrections, also of the days before it, and at Stripe; Stripe's is
   * null where it is not known.
   */
  readonly proof: readonly {
    readonly currency: string;
    readonly closingMinor: number;
    readonly stripeMinor: number | null;
  }[];
  readonly breaks: readonly (Break & { readonly ageDays: number })[];
}

program.commands
  .find((command) => command.name() === 'recon')
  ?.command('report')
  .description(
    'a day (UTC) of Stripe’s balance: what moved and matched by category, opening to closing, breaks with ages',
  )
  .requiredOption('--date <date>', 'the day, YYYY-MM-DD', asDate)
  .addOption(new Option('--csv', 'as CSV').conflicts(['html', 'json']))
  .addOption(new Option('--html', 'as a page that needs nothing else').conflicts(['csv', 'json']))
  .addOption(new Option('--json', 'as JSON, amounts in minor units').conflicts(['csv', 'html']))
  .action(({ date, ...as }: { date: string; csv?: true; html?: true; json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const report = await makeReport(services, date);
      if (as.json === true) return report;
      if (as.csv === true) return renderReportCsv(report);
      return as.html === true ? renderReportHtml(report) : renderReport(report);
    }),
  );

/** The report of a day. What Stripe's balance was at its end is asked of Stripe now, once the day is over. */
export async function makeReport(
  { cashDays, stripeBalance, clock }: Pick<JobServices, 'cashDays' | 'stripeBalance' | 'clock'>,
  date: string,
): Promise<ReconReport> {
  const nowMs = clock.nowMs();
  const endsMs = Date.parse(date) + DAY_MS;
  const facts = { nowMs, signal: AbortSignal.timeout(PATIENCE_MS) };
  const atStripe = endsMs > nowMs ? null : await readBalanceAt(stripeBalance, endsMs, facts);
  const { balances, ...day } = await cashDays.read(date, nowMs);
  const closing = new Map(balances.map(({ currency, amountMinor }) => [currency, amountMinor]));
  for (const [currency, amountMinor] of atStripe ?? [])
    if (amountMinor !== 0 && !closing.has(currency)) closing.set(currency, 0);
  return {
    ...day,
    proof: [...closing].map(([currency, closingMinor]) => ({
      ...{ currency, closingMinor },
      stripeMinor: atStripe === null ? null : (atStripe.get(currency) ?? 0),
    })),
    breaks: day.breaks.map((one) => ({ ...one, ageDays: Math.floor((nowMs - one.firstSeenMs) / DAY_MS) })),
  };
}

const MONEY_HEAD = ['currency', 'what', 'movements', 'matched', 'gross', 'fee', 'net'];
const BREAKS_HEAD = ['break', 'kind', 'state', 'amount', 'age', 'about', 'why'];

const titleOf = ({ date }: ReconReport) => `Stripe’s balance on ${date} (UTC)`;
const meaningOf = ({ state, proof }: ReconReport) => {
  const day =
    state === 'frozen'
      ? 'The day is frozen; what came later stands as corrections.'
      : 'The day is open: it may still change.';
  const differ = proof.filter(
    ({ closingMinor, stripeMinor }) => (stripeMinor ?? closingMinor) !== closingMinor,
  );
  const told = differ.map(({ currency }) => currency.toUpperCase()).join(', ');
  return told === '' ? day : `${day} IT DIFFERS FROM WHAT STRIPE HAD: ${told}.`;
};
const NOTHING = 'Nothing moved until the end of this day.';

type Amount = (amountMinor: number, currency: string) => string;
/** Where the currency stands in a column of its own; of one that the books do not have in minor units. */
const bare: Amount = (amountMinor, currency) =>
  Object.hasOwn(CURRENCIES, currency)
    ? formatDecimal({ amountMinor, currency: parseCurrency(currency) })
    : String(amountMinor);

/** Opening, movements by category and closing of each currency, then its corrections, and what Stripe had. */
function moneyOf({ currencies, corrections, proof }: ReconReport): string[][] {
  const of = (cash: Cash, when: string) => [
    [cash.currency, `opening${when}`, '', '', '', '', bare(cash.openingMinor, cash.currency)],
    ...cash.categories.map((one) => [
      ...[cash.currency, one.category, String(one.movements), String(one.matched)],
      ...[one.grossMinor, one.feeMinor, one.netMinor].map((amountMinor) => bare(amountMinor, cash.currency)),
    ]),
    [
      ...[cash.currency, `closing${when}`, String(cash.movements), String(cash.matched), '', ''],
      bare(cash.closingMinor, cash.currency),
    ],
  ];
  return proof.flatMap(({ currency, closingMinor, stripeMinor }) => {
    const mine = currencies.filter((one) => one.currency === currency);
    const later = corrections.filter((one) => one.currency === currency);
    const told = [...mine, ...later].at(-1)?.closingMinor ?? 0;
    const all = ['closing, with corrections of days before', '', '', '', '', bare(closingMinor, currency)];
    return [
      ...mine.flatMap((one) => of(one, '')),
      ...later.flatMap((one) => of(one, `, correction ${one.revision}`)),
      ...(told === closingMinor ? [] : [[currency, ...all]]),
      [
        currency,
        'at Stripe',
        '',
        '',
        '',
        '',
        stripeMinor === null ? 'not known' : bare(stripeMinor, currency),
      ],
      ...(stripeMinor === null
        ? []
        : [[currency, 'difference', '', '', '', '', bare(stripeMinor - closingMinor, currency)]]),
    ];
  });
}

const breaksOf = ({ breaks }: ReconReport): string[][] =>
  breaks.map((one) => [
    ...[one.identity, one.kind, one.state, amountOf(one.amountMinor, one.currency), `${one.ageDays} d`],
    ...[one.supplier ?? one.subject ?? one.sourceId ?? '', one.reason ?? one.rule ?? ''],
  ]);

/** For a terminal. */
export function renderReport(report: ReconReport): string {
  const money = moneyOf(report);
  const breaks = breaksOf(report);
  const parts = [
    `${titleOf(report)}\n${meaningOf(report)}`,
    money.length === 0 ? NOTHING : renderTable([MONEY_HEAD, ...money], [2, 3, 4, 5, 6]),
    breaks.length === 0 ? 'No break is of this day.' : renderTable([BREAKS_HEAD, ...breaks], [3, 4]),
  ];
  return parts.join('\n\n');
}

/** One table: the rows of the money, and then the breaks, whose first column says so. */
export function renderReportCsv(report: ReconReport): string {
  const number = (text: string): Cell => ({ number: text === 'not known' ? '' : text });
  const money = moneyOf(report).map(([currency = '', what = '', ...numbers]): Cell[] => [
    ...['money', report.date, currency, what],
    ...numbers.map(number),
    ...['', '', ''],
  ]);
  const breaks = report.breaks.map((one): Cell[] => [
    ...['break', report.date, one.currency, one.identity],
    ...['', '', '', ''].map(number),
    number(bare(one.amountMinor, one.currency)),
    ...[one.kind, one.state, { number: String(one.ageDays) }],
  ]);
  const head = [
    'row',
    'date',
    'currency',
    'what',
    'movements',
    'matched',
    'gross',
    'fee',
    'net',
    'kind',
    'state',
    'age in days',
  ];
  return renderCsv([head, ...money, ...breaks]);
}

/** A page to send. */
export function renderReportHtml(report: ReconReport): string {
  const money = moneyOf(report);
  const sums = money.flatMap(([, what = ''], index) =>
    what.startsWith('closing') || what === 'difference' ? [index + 1] : [],
  );
  const breaks = breaksOf(report);
  return renderPage(
    titleOf(report),
    [
      `<h1>${escapeHtml(titleOf(report))}</h1><p>${escapeHtml(meaningOf(report))}</p>`,
      '<h2>Money</h2>',
      money.length === 0
        ? `<p>${NOTHING}</p>`
        : renderHtmlTable([MONEY_HEAD, ...money], [2, 3, 4, 5, 6], sums),
      '<h2>Breaks</h2>',
      breaks.length === 0
        ? '<p>No break is of this day.</p>'
        : renderHtmlTable([BREAKS_HEAD, ...breaks], [3, 4]),
    ].join('\n'),
  );
}

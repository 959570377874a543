import { Option } from 'commander';
import type { Statement, StatementLine } from '../integrations/supabase/statements.ts';
import { formatDecimal, parseCurrency } from '../money.ts';
import { type Cell, renderCsv } from './csv.ts';
import { escapeHtml, renderHtmlTable, renderPage } from './html.ts';
import { act, asMonth, asUuid, program } from './session.ts';
import { renderTable } from './table.ts';

type InCurrency = Statement['currencies'][number];

program
  .command('statement')
  .description(
    'what was posted for a supplier or a buyer in a month, by day and campaign; it sums to the ledger',
  )
  .argument('<party>', 'id of the supplier or the buyer', asUuid)
  .requiredOption('--month <month>', 'of the business dates, YYYY-MM', asMonth)
  .addOption(new Option('--csv', 'as CSV').conflicts(['html', 'json']))
  .addOption(new Option('--html', 'as a page that needs nothing else').conflicts(['csv', 'json']))
  .addOption(new Option('--json', 'as JSON, amounts in minor units').conflicts(['csv', 'html']))
  .action((party: string, { month, ...as }: { month: string; csv?: true; html?: true; json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const statement = await services.statements.read(party, month);
      if (as.json === true) return statement;
      if (as.csv === true) return renderStatementCsv(statement);
      return as.html === true ? renderStatementHtml(statement) : renderStatement(statement);
    }),
  );

/** In the order in which money goes through them. */
const ACCOUNTS: Record<Statement['kind'], Record<string, string>> = {
  supplier: {
    supplier_pending: 'earned, not covered yet',
    supplier_payable: 'payable',
    supplier_reserve: 'held back',
    payouts_in_transit: 'being paid',
    supplier_debt: 'owed by you',
  },
  buyer: { buyer_unbilled: 'not invoiced yet', buyer_receivable: 'invoiced', buyer_wallet: 'wallet' },
};
/** Journals in the words of whom they are told. */
const WORDS: Record<Statement['kind'], Record<string, string>> = {
  supplier: {
    call: 'calls',
    adjustment: 'calls taken back',
    clear: 'covered by money of buyers',
    unclear: 'not covered any more',
    payout_reserve: 'payout prepared',
    payout_send: 'paid out',
    payout_release: 'payout given back',
    reserve_release: 'held back until now',
    transfer_reversal: 'transfer taken back',
    write_off: 'not paid by the buyer',
    write_off_reversed: 'paid by the buyer after all',
  },
  buyer: {
    call: 'calls',
    adjustment: 'calls credited',
    invoice: 'invoiced',
    charge: 'paid',
    charge_exchanged: 'paid',
    refund: 'refunded',
    refund_exchanged: 'refunded',
    dispute_lost: 'charge taken back by your bank',
    tax_reversed: 'tax taken back',
    write_off: 'written off',
    write_off_reversed: 'written off no more',
  },
};
const wordOf = ({ kind }: Statement, { template }: StatementLine) => WORDS[kind][template] ?? template;
const titleOf = ({ name, month }: Statement) => `Statement of ${name}, ${month}`;
const meaningOf = ({ kind, isFinal }: Statement) =>
  `Amounts are what ${kind === 'supplier' ? 'you are owed' : 'you owe'}${isFinal ? '.' : '; the month is not closed, more may come.'}`;

/** The accounts of a currency that have anything to show. */
function accountsOf(kind: Statement['kind'], { accounts, lines }: InCurrency): string[] {
  const used = new Set([
    ...accounts
      .filter((one) => one.openingMinor !== 0 || one.closingMinor !== 0)
      .map(({ account }) => account),
    ...lines.flatMap((line) => Object.keys(line.accounts)),
  ]);
  return Object.keys(ACCOUNTS[kind]).filter((account) => used.has(account));
}

/** Opening, lines and closing of a currency, the amounts of each in every account and in all. */
function rowsOf(statement: Statement, part: InCurrency) {
  const shown = accountsOf(statement.kind, part);
  const currency = parseCurrency(part.currency);
  const decimal = (amountMinor: number) => formatDecimal({ amountMinor, currency });
  const moved = (amountMinor = 0) => (amountMinor === 0 ? '' : decimal(amountMinor));
  const balance = (what: string, pick: (account: InCurrency['accounts'][number]) => number, sum: number) => ({
    ...{ texts: ['', what, '', '', ''], isBalance: true },
    amounts: [
      ...shown.map((name) =>
        decimal(
          part.accounts.filter(({ account }) => account === name).reduce((all, one) => all + pick(one), 0),
        ),
      ),
      decimal(sum),
    ],
  });
  return {
    shown: shown.map((account) => ACCOUNTS[statement.kind][account] ?? account),
    rows: [
      balance('opening', ({ openingMinor }) => openingMinor, part.openingMinor),
      ...part.lines.map((line) => ({
        ...{
          isBalance: false,
          amounts: [...shown.map((name) => moved(line.accounts[name])), decimal(line.amountMinor)],
        },
        texts: [
          line.date,
          wordOf(statement, line),
          line.campaign ?? '',
          line.reference ?? '',
          String(line.journals),
        ],
      })),
      balance('closing', ({ closingMinor }) => closingMinor, part.closingMinor),
    ],
  };
}

const HEAD = ['date', 'what', 'campaign', 'reference', 'count'];

/** For a terminal. */
export function renderStatement(statement: Statement): string {
  const parts = statement.currencies.map((part) => {
    const { shown, rows } = rowsOf(statement, part);
    const head = [...HEAD, ...shown, part.currency.toUpperCase()];
    const lines = rows.map(({ texts, amounts }) => [...texts, ...amounts]);
    return renderTable([head, ...lines], head.map((_, column) => column).slice(4));
  });
  const empty = parts.length === 0 ? ['Nothing was posted until the end of this month.'] : parts;
  return [`${titleOf(statement)}\n${meaningOf(statement)}`, ...empty].join('\n\n');
}

/** One table of all currencies: a column for every account that a party of its kind has. */
export function renderStatementCsv(statement: Statement): string {
  const accounts = Object.entries(ACCOUNTS[statement.kind]);
  const head = ['party', 'month', 'currency', ...HEAD, ...accounts.map(([, words]) => words), 'in all'];
  const rows = statement.currencies.flatMap((part) => {
    const { shown, rows: lines } = rowsOf(statement, part);
    return lines.map(({ texts, amounts }): Cell[] => [
      ...[statement.name, statement.month, part.currency, ...texts.slice(0, 4), { number: texts[4] ?? '' }],
      ...accounts.map(([, words]) => ({ number: amounts[shown.indexOf(words)] ?? '' })),
      { number: amounts.at(-1) ?? '' },
    ]);
  });
  return renderCsv([head, ...rows]);
}

/** A page to send. */
export function renderStatementHtml(statement: Statement): string {
  const parts = statement.currencies.map((part) => {
    const { shown, rows } = rowsOf(statement, part);
    const head = [...HEAD, ...shown, 'in all'];
    const sums = rows.flatMap(({ isBalance }, index) => (isBalance ? [index + 1] : []));
    const table = renderHtmlTable(
      [head, ...rows.map(({ texts, amounts }) => [...texts, ...amounts])],
      head.map((_, column) => column).slice(4),
      sums,
    );
    return `<h2>${escapeHtml(part.currency.toUpperCase())}</h2>\n${table}`;
  });
  const empty = parts.length === 0 ? ['<p>Nothing was posted until the end of this month.</p>'] : parts;
  const about = `<p>${escapeHtml(`${statement.kind} ${statement.partyId}`)}</p><p>${escapeHtml(meaningOf(statement))}</p>`;
  return renderPage(
    titleOf(statement),
    [`<h1>${escapeHtml(titleOf(statement))}</h1>`, about, ...empty].join('\n'),
  );
}

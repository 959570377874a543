import { readFile, stat } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { readCamt053 } from '../integrations/bank/camt053.ts';
import {
  CSV_FIELDS,
  type CsvField,
  type CsvOptions,
  DATE_FORMATS,
  readCsv,
} from '../integrations/bank/csv.ts';
import { type BankFile, MAX_FILE_BYTES, refusal } from '../integrations/bank/statement.ts';
import type { Deposits } from '../integrations/supabase/deposits.ts';
import { CURRENCIES, formatMoney, parseCurrency } from '../money.ts';
import { act, asReason, program } from './session.ts';
import { renderTable } from './table.ts';

const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t' } as const;

const importOptions = z.object({
  account: z.string().trim().min(1).max(60),
  format: z.enum(['csv', 'camt053']),
  columns: z.partialRecord(z.enum(CSV_FIELDS), z.string()).default({}),
  delimiter: z.enum(['comma', 'semicolon', 'tab']),
  decimal: z.enum(['point', 'comma']),
  dates: z.enum(DATE_FORMATS),
  currency: z.string().nullable().default(null),
  opening: z.string().nullable().default(null),
  closing: z.string().nullable().default(null),
  marker: z.string().trim().min(3).max(60).nullable().default(null),
  dryRun: z.boolean().default(false),
  json: z.boolean().default(false),
});

const bank = program
  .command('bank')
  .description('the platform’s own bank account: what of Stripe’s payouts is there');
bank
  .command('import')
  .description('import a bank statement, whole or not at all, and compare it with Stripe’s payouts')
  .argument('<file>', 'CSV or CAMT.053, in UTF-8')
  .requiredOption('--account <name>', 'the account that it is of; a new name is a new account')
  .addOption(new Option('--format <format>', 'what the file is').choices(['csv', 'camt053']).default('csv'))
  .option('--columns <field=name,...>', `CSV: what the file calls ${CSV_FIELDS.join(', ')}`, asColumns)
  .addOption(new Option('--delimiter <name>', 'CSV').choices(Object.keys(DELIMITERS)).default('comma'))
  .addOption(new Option('--decimal <mark>', 'CSV').choices(['point', 'comma']).default('point'))
  .addOption(new Option('--dates <format>', 'CSV').choices(DATE_FORMATS).default('YYYY-MM-DD'))
  .option('--currency <code>', 'CSV: of the account, where the file has no such column')
  .option(
    '--opening <amount>',
    'CSV: the balance before the first entry, where the file has no running balance',
  )
  .option('--closing <amount>', 'CSV: the balance after the last entry')
  .option('--marker <text>', 'what a line from Stripe says; `stripe` for a new account')
  .option('--dry-run', 'tell what an import would do, and import nothing')
  .option('--json', 'as JSON')
  .action((path: string, options: unknown) =>
    act(async ({ runtime: { services } }, by) => {
      const { account, marker, dryRun: isDry, json, ...format } = importOptions.parse(options);
      const file = await readBankFile(path, format);
      const facts = { by, marker, isDry, nowMs: services.clock.nowMs() };
      const end = await services.deposits.importFile(account, file, facts);
      const { statements, lines, added, matched, openBreaks } = end;
      if (json) return { ...end, isDry };
      const would = isDry ? 'Would import' : 'Imported';
      return `${would} ${added} of ${lines} entries of ${statements} statements (the others are known); ${matched} matched, ${openBreaks} breaks open.`;
    }),
  );
bank
  .command('match')
  .description(
    'say which payout a line is that does not name it; above the limit another person says the same',
  )
  .argument('<line>', 'as `bank list` shows it', asLine)
  .argument('<payout>', 'po_…')
  .requiredOption('--reason <text>', 'how it is known, for the audit log', asReason)
  .option('--json', 'as JSON')
  .action((line: number, payoutId: string, { reason, json }: { reason: string; json?: true }) =>
    act(async ({ runtime: { services } }, by) => {
      const end = await services.deposits.match(line, payoutId, {
        by,
        reason,
        nowMs: services.clock.nowMs(),
      });
      if (json === true) return end;
      return end.state === 'matched' ? 'It is matched.' : 'Another person must say the same.';
    }),
  );
bank
  .command('list')
  .description(
    'Stripe’s payouts with the line of the statement on which each is, and the lines from Stripe that are none',
  )
  .option('--json', 'as JSON')
  .action(({ json }: { json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const found = await services.deposits.list();
      return json === true ? found : renderDeposits(found);
    }),
  );

function asLine(text: string): number {
  const line = z.coerce.number().int().positive().safeParse(text);
  if (line.success) return line.data;
  throw new InvalidArgumentError('It must be the number of a line.');
}

function asColumns(text: string): Partial<Record<CsvField, string>> {
  const pairs = text.split(',').map((pair) => {
    const at = pair.indexOf('=');
    const field = CSV_FIELDS.find((one) => one === pair.slice(0, at).trim());
    if (field === undefined || at < 0)
      throw new InvalidArgumentError(`It must be like date=Booked,amount=Sum; ${CSV_FIELDS.join(', ')}.`);
    return [field, pair.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}

type Format = Omit<CsvOptions, 'delimiter'> & {
  readonly format: 'csv' | 'camt053';
  readonly delimiter: keyof typeof DELIMITERS;
};

/** Reads a statement from the disk; what is too large is not even read. */
export async function readBankFile(
  path: string,
  { format, delimiter, ...options }: Format,
): Promise<BankFile> {
  if ((await stat(path)).size > MAX_FILE_BYTES)
    throw refusal(`The file is larger than ${MAX_FILE_BYTES / 1_048_576} MB.`);
  const bytes = await readFile(path);
  return format === 'camt053'
    ? readCamt053(bytes)
    : readCsv(bytes, { ...options, delimiter: DELIMITERS[delimiter] });
}

const DAY = 'YYYY-MM-DD'.length;
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, DAY);

function money(amountMinor: number, currency: string): string {
  const known = Object.hasOwn(CURRENCIES, currency);
  return known
    ? formatMoney({ amountMinor, currency: parseCurrency(currency) })
    : `${amountMinor} ${currency}`;
}

/** Payouts for people, a line for each, and below them the lines of statements that are none. */
export function renderDeposits({ payouts, lines }: Deposits): string {
  const head = ['payout', 'made', 'amount', 'at Stripe', 'to', 'proved by', 'trace id', 'at the bank'];
  const rows = payouts.map((one) => [
    ...[one.id, dayOf(one.createdMs), money(one.amountMinor, one.currency)],
    ...[
      one.failureCode ?? one.status,
      one.destination ?? '',
      one.provedBy ?? '',
      one.traceId ?? '',
      whereOf(one),
    ],
  ]);
  const shown = payouts.length === 0 ? 'No payout of the platform.' : renderTable([head, ...rows], [2]);
  if (lines.length === 0) return shown;
  const strays = lines.map(({ id, account, bookedOn, amountMinor, currency, details }) => [
    ...[String(id), account, bookedOn, money(amountMinor, currency), details],
  ]);
  return `${shown}\n\nFrom Stripe, and no payout that they name:\n${renderTable([['line', 'account', 'booked', 'amount', 'what it says'], ...strays], [3])}`;
}

function whereOf({
  isOwnBank,
  returnedMs,
  depositedBy,
  bookedOn,
  account,
  lineId,
}: Deposits['payouts'][number]): string {
  if (!isOwnBank) return 'NOT A BANK OF OURS';
  if (returnedMs !== null) return `back at Stripe ${dayOf(returnedMs)}`;
  if (depositedBy === 'stripe') return 'by Stripe’s word';
  return bookedOn === null ? '' : `${bookedOn} ${account} (line ${lineId})`;
}

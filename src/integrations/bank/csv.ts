import { CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import type { Currency } from '../../money.ts';
import {
  type BankFile,
  checkSum,
  createFaults,
  decodeFile,
  type Faults,
  hash,
  identify,
  MAX_ENTRIES,
  parseAmount,
  parseBankCurrency,
  parseDate,
  refusal,
  tidyDetails,
} from './statement.ts';

/** What a column may be. A file has `date` and `amount`, or `credit` and `debit`; anything else it may lack. */
export const CSV_FIELDS = [
  ...([
    'date',
    'amount',
    'credit',
    'debit',
    'currency',
    'id',
    'reference',
    'description',
    'name',
    'balance',
  ] as const),
];
export type CsvField = (typeof CSV_FIELDS)[number];
export const DATE_FORMATS = ['YYYY-MM-DD', 'DD.MM.YYYY', 'DD/MM/YYYY', 'MM/DD/YYYY'] as const;

export interface CsvOptions {
  /** What the file calls a column, where that is not its own name. */
  readonly columns: Readonly<Partial<Record<CsvField, string>>>;
  readonly delimiter: ',' | ';' | '\t';
  readonly decimal: 'point' | 'comma';
  readonly dates: (typeof DATE_FORMATS)[number];
  /** Where the file has no such column. */
  readonly currency: string | null;
  /** In major units, where the file has no running balance. */
  readonly opening: string | null;
  readonly closing: string | null;
}

interface Row {
  readonly line: number;
  readonly cells: Readonly<Partial<Record<CsvField, string>>>;
}

/**
 * Reads a statement as CSV, refused whole for one fault. Decimals are points and dates are ISO unless it is said
 * otherwise; what groups thousands is refused. Opening + entries = closing, by a running balance or by what is said.
 */
export function readCsv(bytes: Uint8Array, options: CsvOptions): BankFile {
  const text = decodeFile(bytes);
  const faults = createFaults();
  const rows = readRows(text, options, faults);
  faults.refuseIfAny();
  const currency = currencyOf(rows, options, faults);
  faults.refuseIfAny();
  const entries = rows.map((row) => readEntry(row, currency, options, faults)).filter((one) => one !== null);
  faults.refuseIfAny();
  const lines = identify(entries);
  if (new Set(lines.map(({ identity }) => identity)).size < lines.length)
    throw refusal('Two entries have one id.');
  const ends = endsOf(rows, entries, currency, options, faults);
  faults.refuseIfAny();
  const days = lines.map(({ bookedOn }) => bookedOn).toSorted();
  const [fromDate, toDate] = [days[0], days.at(-1)];
  if (fromDate === undefined || toDate === undefined || ends === null)
    throw refusal('The file has no entry.');
  const statement = { reference: `csv:${hash(bytes).slice(0, 32)}`, fromDate, toDate, ...ends, lines };
  checkSum(statement, currency);
  return { currency, numberHash: null, statements: [statement] };
}

const records = z.array(z.object({ record: z.array(z.string()), info: z.object({ lines: z.int() }) }));

function readRows(text: string, { columns, delimiter }: CsvOptions, faults: Faults): Row[] {
  const [head, ...body] = parseText(text, delimiter);
  if (head === undefined) throw refusal('The file is empty.');
  const names = head.record.map((name) => name.trim().toLowerCase());
  const places = new Map<CsvField, number>();
  for (const field of CSV_FIELDS) {
    const wanted = (columns[field] ?? field).trim().toLowerCase();
    const place = names.indexOf(wanted);
    if (place >= 0 && names.indexOf(wanted, place + 1) >= 0) faults.add(1, `two columns are called ${field}`);
    else if (place >= 0) places.set(field, place);
    else if (columns[field] !== undefined) faults.add(1, `no column is what ${field} was said to be called`);
  }
  if (!places.has('date')) faults.add(1, 'no column date');
  if (!places.has('amount') && !(places.has('credit') && places.has('debit')))
    faults.add(1, 'no column amount, nor credit and debit');
  if (body.length > MAX_ENTRIES) faults.add(1, `more than ${MAX_ENTRIES} entries`);
  return body.map(({ record, info }) => ({
    line: info.lines,
    cells: Object.fromEntries([...places].map(([field, place]) => [field, record[place]?.trim() ?? ''])),
  }));
}

function parseText(text: string, delimiter: string): z.output<typeof records> {
  try {
    const options = {
      delimiter,
      bom: true,
      info: true,
      skip_empty_lines: true,
      max_record_size: 65_536,
    } as const;
    return records.parse(parse(text, options));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = z.object({ lines: z.int().default(1) }).parse({ lines: error.lines });
    throw refusal(
      `The file cannot be read. line ${lines}: not as many fields as the head has, or a quote that is not closed.`,
    );
  }
}

function currencyOf(rows: readonly Row[], { currency }: CsvOptions, faults: Faults): Currency {
  const said = currency === null ? null : parseBankCurrency(currency);
  const found = said ?? parseBankCurrency(rows[0]?.cells.currency ?? '');
  if (found === null || (currency !== null && said === null))
    throw refusal('The currency of the account is not said, or none that the exchange settles in.');
  for (const { line, cells } of rows)
    if (cells.currency !== undefined && parseBankCurrency(cells.currency) !== found)
      faults.add(line, 'another currency than the account');
  return found;
}

function readEntry({ line, cells }: Row, currency: Currency, options: CsvOptions, faults: Faults) {
  const bookedOn = parseDate(asIso(cells.date ?? '', options.dates));
  if (bookedOn === null) return faults.add(line, `no date as ${options.dates}`);
  const amountMinor = amountOf(cells, currency, options);
  if (amountMinor === null)
    return faults.add(
      line,
      `no amount in ${currency} with a decimal ${options.decimal} and nothing that groups digits`,
    );
  if (amountMinor === 0) return faults.add(line, 'an entry of nothing');
  const details = tidyDetails([cells.reference ?? '', cells.name ?? '', cells.description ?? '']);
  return { bookedOn, amountMinor, details, reference: cells.id || null };
}

/** One signed amount, or what came and what left in a column each, of which one is empty or nothing. */
function amountOf(cells: Row['cells'], currency: Currency, options: CsvOptions): number | null {
  if (cells.amount !== undefined) return read(cells.amount, currency, options);
  const [came, left] = [cells.credit ?? '', cells.debit ?? ''].map((cell) =>
    cell === '' ? 0 : read(cell, currency, options),
  );
  if (came == null || left == null || came < 0 || left < 0 || (came > 0 && left > 0)) return null;
  return came > 0 ? came : 0 - left;
}

function read(cell: string, currency: Currency, { decimal }: Pick<CsvOptions, 'decimal'>): number | null {
  if (decimal === 'point') return parseAmount(cell, currency);
  return cell.includes('.') ? null : parseAmount(cell.replace(',', '.'), currency);
}

function asIso(cell: string, dates: CsvOptions['dates']): string {
  if (dates === 'YYYY-MM-DD') return cell;
  const parts = cell.split(dates === 'DD.MM.YYYY' ? '.' : '/');
  const [day, month] = dates === 'MM/DD/YYYY' ? [parts[1], parts[0]] : [parts[0], parts[1]];
  return [parts[2], month?.padStart(2, '0'), day?.padStart(2, '0'), ...parts.slice(3)].join('-');
}

interface Ends {
  readonly openingMinor: number;
  readonly closingMinor: number;
}

/** What is said, else the running balance: each row's is the one before and its amount, the oldest or the newest row first. */
function endsOf(
  rows: readonly Row[],
  entries: readonly { amountMinor: number }[],
  currency: Currency,
  options: CsvOptions,
  faults: Faults,
): Ends | null {
  if (options.opening !== null || options.closing !== null) {
    const [openingMinor, closingMinor] = [options.opening, options.closing].map((said) =>
      parseAmount(said ?? '', currency),
    );
    if (openingMinor == null || closingMinor == null)
      throw refusal('The opening and the closing balance are said both, with a decimal point.');
    return { openingMinor, closingMinor };
  }
  const balances = rows.map(({ line, cells }) => ({
    line,
    balanceMinor: read(cells.balance ?? '', currency, options),
  }));
  const steps = balances.flatMap(({ line, balanceMinor }, at) =>
    balanceMinor === null ? [] : [{ line, balanceMinor, amountMinor: entries[at]?.amountMinor ?? 0 }],
  );
  if (steps.length < rows.length || rows.length === 0)
    throw refusal(
      'A statement has a running balance in each row, or its opening and closing balance are said.',
    );
  const brokenAt = (some: typeof steps) =>
    some.find(
      ({ balanceMinor, amountMinor }, at) =>
        at > 0 && balanceMinor !== (some[at - 1]?.balanceMinor ?? 0) + amountMinor,
    );
  const downwards = steps.toReversed();
  const ordered =
    brokenAt(steps) === undefined ? steps : brokenAt(downwards) === undefined ? downwards : null;
  if (ordered === null)
    return faults.add(brokenAt(steps)?.line ?? 1, 'the running balance is not the one before and the amount');
  const [first, last] = [ordered[0], ordered.at(-1)];
  if (first === undefined || last === undefined) return null;
  return { openingMinor: first.balanceMinor - first.amountMinor, closingMinor: last.balanceMinor };
}

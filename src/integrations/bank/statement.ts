import { createHash } from 'node:crypto';
import { PermanentError } from '../../errors.ts';
import { CURRENCIES, type Currency, formatMoney, parseDecimal } from '../../money.ts';

/** An entry that a bank booked; pending ones are none. */
export interface BankEntry {
  /** The same in every statement that holds it: see `identify`. */
  readonly identity: string;
  readonly bookedOn: string;
  /** What came; less than nothing when it left. */
  readonly amountMinor: number;
  /** Whatever the bank says of it in words: references, names, purposes. */
  readonly details: string;
}

export interface BankStatement {
  readonly reference: string;
  readonly fromDate: string;
  readonly toDate: string;
  readonly openingMinor: number;
  readonly closingMinor: number;
  readonly lines: readonly BankEntry[];
}

/** Statements of one account. */
export interface BankFile {
  readonly currency: Currency;
  /** SHA-256 of the account's number; null where the file carries none. */
  readonly numberHash: string | null;
  readonly statements: readonly BankStatement[];
}

/** A file is read whole, in memory. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;
export const MAX_ENTRIES = 20_000;
const MAX_DETAILS = 1_000;
const TOLD_FAULTS = 20;

/** What is wrong with a file, by line; a file with one is refused whole. */
export function createFaults() {
  const faults: { line: number; fault: string }[] = [];
  return {
    add(line: number, fault: string): null {
      faults.push({ line, fault });
      return null;
    },
    /** Throws BANK_FILE_REFUSED where there are any; values of the file are not repeated. */
    refuseIfAny(): void {
      if (faults.length === 0) return;
      const told = faults
        .toSorted((a, b) => a.line - b.line)
        .slice(0, TOLD_FAULTS)
        .map(({ line, fault }) => `line ${line}: ${fault}`);
      const more = faults.length > TOLD_FAULTS ? [`and ${faults.length - TOLD_FAULTS} more`] : [];
      throw refusal(`The file cannot be read. ${[...told, ...more].join('; ')}.`);
    },
  };
}
export type Faults = ReturnType<typeof createFaults>;

export const refusal = (message: string) => new PermanentError('BANK_FILE_REFUSED', message);

/** Text in UTF-8, with one kind of line ends; anything else is refused rather than guessed. */
export function decodeFile(bytes: Uint8Array): string {
  if (bytes.length > MAX_FILE_BYTES)
    throw refusal(`The file is larger than ${MAX_FILE_BYTES / 1_048_576} MB.`);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (text.includes('\0')) throw refusal('The file is not text in UTF-8.');
    return text.replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  } catch {
    throw refusal('The file is not text in UTF-8.');
  }
}

/** A date that exists, as YYYY-MM-DD, from 2000 to 2099; null for anything else. */
export function parseDate(text: string): string | null {
  const ms = text.length === 10 ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  const isDate = !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === text;
  return isDate && text >= '2000-01-01' && text < '2100-01-01' ? text : null;
}

export function parseAmount(text: string, currency: Currency): number | null {
  return parseDecimal(text, CURRENCIES[currency].exponent);
}

export function parseBankCurrency(text: string): Currency | null {
  const code = text.trim().toLowerCase();
  return Object.hasOwn(CURRENCIES, code) ? (code as Currency) : null;
}

/** Nothing that moves the cursor of a terminal, or breaks a line. */
const isControl = (letter: string) => letter < ' ' || (letter >= '\x7f' && letter <= '\x9f');

/** One line of words. */
export function tidyDetails(parts: readonly string[]): string {
  const words = parts.flatMap((part) =>
    [...part]
      .map((letter) => (isControl(letter) ? ' ' : letter))
      .join('')
      .split(' '),
  );
  return words
    .filter((word) => word !== '')
    .join(' ')
    .slice(0, MAX_DETAILS);
}

interface Unidentified extends Omit<BankEntry, 'identity'> {
  /** The bank's own reference of the entry, unique in its account; null where it has none. */
  readonly reference: string | null;
}

/**
 * Gives each entry what it is known by in every statement: the bank's reference or, where that is missing, what it
 * says and the how manieth of its day it is that says so. A statement holds a day's entries whole.
 */
export function identify(entries: readonly Unidentified[]): BankEntry[] {
  const seen = new Map<string, number>();
  return entries.map(({ reference, ...entry }) => {
    if (reference !== null) return { identity: `ref:${reference.slice(0, 200)}`, ...entry };
    const content = hash([entry.bookedOn, entry.amountMinor, entry.details].join('|')).slice(0, 32);
    const nth = (seen.get(content) ?? 0) + 1;
    seen.set(content, nth);
    return { identity: `sum:${content}:${nth}`, ...entry };
  });
}

export const hash = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');

/** Opening and entries are the closing balance, or the statement lacks some. */
export function checkSum({ openingMinor, closingMinor, lines }: BankStatement, currency: Currency): void {
  const sumMinor = lines.reduce((sum, { amountMinor }) => sum + amountMinor, openingMinor);
  if (Number.isSafeInteger(sumMinor) && sumMinor === closingMinor) return;
  const told = (amountMinor: number) => formatMoney({ amountMinor, currency });
  throw new PermanentError(
    'BANK_STATEMENT_UNBALANCED',
    `Opening balance and entries are ${told(sumMinor)}, the closing balance is ${told(closingMinor)}.`,
  );
}

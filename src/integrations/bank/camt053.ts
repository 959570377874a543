import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { z } from 'zod';
import type { Currency } from '../../money.ts';
import {
  type BankFile,
  type BankStatement,
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

const LISTS = ['Stmt', 'Bal', 'Ntry', 'NtryDtls', 'TxDtls', 'Ustrd'];
/** Where a bank says in words what an entry is. */
const WORDS: ReadonlySet<string> = new Set([
  ...['EndToEndId', 'InstrId', 'TxId', 'AcctSvcrRef', 'PmtInfId', 'MsgId', 'ChqNb', 'Ref'],
  ...['Ustrd', 'AddtlRmtInf', 'AddtlTxInf', 'AddtlNtryInf', 'NtryRef', 'Nm'],
]);

/** Text, also where it has attributes. */
const text = z.union([z.string(), z.object({ '#text': z.string() }).transform((node) => node['#text'])]);
const amount = z.object({ '#text': z.string(), '@Ccy': z.string() });
const date = z.union([
  z.object({ Dt: text }).transform(({ Dt }) => Dt),
  z.object({ DtTm: text }).transform(({ DtTm }) => DtTm.slice(0, 10)),
]);
const side = z.enum(['CRDT', 'DBIT']);
const balance = z.object({
  Tp: z.object({ CdOrPrtry: z.object({ Cd: text.optional() }) }),
  Amt: amount,
  CdtDbtInd: side,
  Dt: date,
});
const entry = z.looseObject({
  Amt: amount,
  CdtDbtInd: side,
  Sts: z.union([z.string(), z.object({ Cd: text }).transform(({ Cd }) => Cd)]),
  BookgDt: date.optional(),
  AcctSvcrRef: text.optional(),
});
const statement = z.object({
  Id: text,
  FrToDt: z.object({ FrDtTm: text, ToDtTm: text }).optional(),
  Acct: z.object({
    Id: z.object({ IBAN: text.optional(), Othr: z.object({ Id: text }).optional() }),
    Ccy: text.optional(),
  }),
  Bal: z.array(balance).min(1),
  Ntry: z.array(z.unknown()).default([]),
});
const entries = z.object({ Ntry: z.array(z.unknown()) });
const document = z.object({
  Document: z.object({ BkToCstmrStmt: z.object({ Stmt: z.array(z.unknown()).min(1) }) }),
});

/**
 * Reads a CAMT.053 file (ISO 20022, "bank to customer statement", any version), refused whole for one fault: of each
 * statement the booked entries, with opening + entries = closing. Entities are never expanded, a document type is refused.
 */
export function readCamt053(bytes: Uint8Array): BankFile {
  const xml = decodeFile(bytes);
  const place = placing(xml);
  const faults = createFaults();
  const found = document.safeParse(parseXml(xml));
  if (!found.success) throw refusal('The file is no CAMT.053 statement.');
  const nodes = found.data.Document.BkToCstmrStmt.Stmt;
  const count = nodes.reduce<number>(
    (sum, node) => sum + (entries.safeParse(node).data?.Ntry.length ?? 0),
    0,
  );
  if (count > MAX_ENTRIES) throw refusal(`The file has more than ${MAX_ENTRIES} entries.`);
  const read = nodes.map((node) => readStatement(node, place, faults));
  faults.refuseIfAny();
  const [first, ...others] = read.filter((one) => one !== null);
  if (first === undefined) throw refusal('The file is no CAMT.053 statement.');
  if (
    others.some(({ currency, numberHash }) => currency !== first.currency || numberHash !== first.numberHash)
  )
    throw refusal('The file holds statements of more than one account.');
  const statements = [first, ...others].map(({ statement }) => statement);
  for (const one of statements) checkSum(one, first.currency);
  return { currency: first.currency, numberHash: first.numberHash, statements };
}

function parseXml(xml: string): unknown {
  const upper = xml.toUpperCase();
  // Nothing of CAMT needs one; whoever sends one wants something expanded or fetched.
  if (upper.includes('<!DOCTYPE') || upper.includes('<!ENTITY'))
    throw refusal('The file has a document type or an entity.');
  const valid = XMLValidator.validate(xml);
  if (valid !== true) throw refusal(`The file cannot be read. line ${valid.err.line}: no well-formed XML.`);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    removeNSPrefix: true,
    // Amounts and references stay text.
    parseTagValue: false,
    parseAttributeValue: false,
    processEntities: false,
    captureMetaData: true,
    maxNestedTags: 64,
    isArray: (name) => LISTS.includes(name),
  });
  try {
    return parser.parse(xml);
  } catch {
    throw refusal('The file is nested too deeply, or has names that no bank uses.');
  }
}

type Placing = (node: unknown) => number;

/** The line on which a node begins; 1 where the parser does not say. */
function placing(xml: string): Placing {
  const symbol = XMLParser.getMetaDataSymbol() as symbol;
  let line = 1;
  let at = 0;
  return (node) => {
    const meta = typeof node === 'object' && node !== null ? (node as Record<symbol, unknown>)[symbol] : null;
    const start = z.object({ startIndex: z.int() }).safeParse(meta).data?.startIndex ?? 0;
    if (start < at) [line, at] = [1, 0];
    for (; at < start; at += 1) if (xml[at] === '\n') line += 1;
    return line;
  };
}

function readStatement(node: unknown, place: Placing, faults: Faults) {
  const parsed = statement.safeParse(node);
  const line = place(node);
  if (!parsed.success)
    return faults.add(line, `a statement without its ${parsed.error.issues[0]?.path.join('.')}`);
  const { Id, Acct, Bal, Ntry, FrToDt } = parsed.data;
  const opening = Bal.find(({ Tp }) => ['OPBD', 'PRCD'].includes(Tp.CdOrPrtry.Cd ?? ''));
  const closing = Bal.findLast(({ Tp }) => Tp.CdOrPrtry.Cd === 'CLBD');
  if (opening === undefined || closing === undefined)
    return faults.add(line, 'a statement without its opening or closing balance');
  const currency = parseBankCurrency(Acct.Ccy ?? closing.Amt['@Ccy']);
  if (currency === null) return faults.add(line, 'the exchange does not settle in this currency');
  const sign = signing(currency, faults);
  const openingMinor = sign(opening, line);
  const closingMinor = sign(closing, line);
  const entries = Ntry.map((one) => readEntry(one, place(one), sign, faults)).filter((one) => one !== null);
  const dates = [
    FrToDt?.FrDtTm.slice(0, 10),
    FrToDt?.ToDtTm.slice(0, 10),
    closing.Dt,
    ...entries.map(({ bookedOn }) => bookedOn),
  ];
  const days = dates.flatMap((day) => parseDate(day ?? '') ?? []).toSorted();
  const [fromDate, toDate] = [days[0], days.at(-1)];
  if (fromDate === undefined || toDate === undefined || openingMinor === null || closingMinor === null)
    return faults.add(line, 'a statement without a date or with a balance that is no amount');
  const lines = identify(entries);
  if (new Set(lines.map(({ identity }) => identity)).size < lines.length)
    return faults.add(line, 'two entries have one reference of the bank');
  const made: BankStatement = {
    reference: Id.slice(0, 100),
    fromDate,
    toDate,
    openingMinor,
    closingMinor,
    lines,
  };
  const number = Acct.Id.IBAN ?? Acct.Id.Othr?.Id;
  const numberHash = number === undefined ? null : hash(number.split(' ').join('').toUpperCase());
  return { currency, numberHash, statement: made };
}

interface Sided {
  readonly Amt: z.output<typeof amount>;
  readonly CdtDbtInd: z.output<typeof side>;
}
type Signing = ReturnType<typeof signing>;

/** An amount that came is more than nothing, one that left is less. */
function signing(currency: Currency, faults: Faults) {
  return ({ Amt, CdtDbtInd }: Sided, line: number): number | null => {
    if (parseBankCurrency(Amt['@Ccy']) !== currency)
      return faults.add(line, 'an amount in another currency than the account');
    const amountMinor = parseAmount(Amt['#text'].trim(), currency);
    if (amountMinor === null || amountMinor < 0)
      return faults.add(line, 'an amount that its currency does not have');
    return CdtDbtInd === 'DBIT' ? 0 - amountMinor : amountMinor;
  };
}

/** Null for an entry that is not booked, and for one at fault. */
function readEntry(node: unknown, line: number, sign: Signing, faults: Faults) {
  const parsed = entry.safeParse(node);
  if (!parsed.success)
    return faults.add(line, `an entry without its ${parsed.error.issues[0]?.path.join('.')}`);
  const { Sts, BookgDt, AcctSvcrRef, ...sided } = parsed.data;
  if (Sts !== 'BOOK') return null;
  const bookedOn = parseDate(BookgDt ?? '');
  if (bookedOn === null) return faults.add(line, 'an entry without a booking date that exists');
  const amountMinor = sign(sided, line);
  if (amountMinor === null) return null;
  if (amountMinor === 0) return faults.add(line, 'an entry of nothing');
  const details = tidyDetails(wordsOf(node));
  return {
    bookedOn,
    amountMinor,
    details,
    reference: AcctSvcrRef === undefined ? null : plain(AcctSvcrRef).trim(),
  };
}

function wordsOf(node: unknown, name = ''): string[] {
  if (typeof node === 'string') return WORDS.has(name) ? [plain(node)] : [];
  if (Array.isArray(node)) return node.flatMap((one) => wordsOf(one, name));
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => wordsOf(value, key === '#text' ? name : key));
}

/** The five entities that XML has of itself; `&` last, so that none is made. */
function plain(raw: string): string {
  const known = [
    ['&lt;', '<'],
    ['&gt;', '>'],
    ['&quot;', '"'],
    ['&apos;', "'"],
    ['&amp;', '&'],
  ] as const;
  return known.reduce((read, [entity, letter]) => read.replaceAll(entity, letter), raw);
}

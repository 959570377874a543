/** Statements as a bank writes them. */
export interface Line {
  readonly on: string;
  /** In major units, with its sign. */
  readonly amount: string;
  readonly text: string;
  readonly id?: string;
}
export interface Statement {
  readonly id?: string;
  readonly opening: string;
  readonly closing: string;
  readonly lines: readonly Line[];
}

const unsigned = (amount: string) => amount.replace('-', '');
const sideOf = (amount: string) => (amount.startsWith('-') ? 'DBIT' : 'CRDT');
const amountTags = (amount: string, currency: string) =>
  `<Amt Ccy="${currency}">${unsigned(amount)}</Amt><CdtDbtInd>${sideOf(amount)}</CdtDbtInd>`;
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

export function camtEntry({ on, amount, text, id }: Line, currency = 'USD', status = 'BOOK'): string {
  return `
      <Ntry>${amountTags(amount, currency)}<Sts><Cd>${status}</Cd></Sts><BookgDt><Dt>${on}</Dt></BookgDt>
        ${id === undefined ? '' : `<AcctSvcrRef>${escaped(id)}</AcctSvcrRef>`}
        <NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RmtInf><Ustrd>${escaped(text)}</Ustrd></RmtInf></TxDtls></NtryDtls>
      </Ntry>`;
}

/** A CAMT.053 file of one account. */
export function camt(
  statements: readonly Statement[],
  { currency = 'USD', iban = 'DE02120300000000202051', more = '' } = {},
): string {
  const bodies = statements.map(({ id = 'S-1', opening, closing, lines }) => {
    const day = (at: number) => lines.at(at)?.on ?? '2026-11-05';
    const balance = (code: string, amount: string, on: string) =>
      `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp>${amountTags(amount, currency)}<Dt><Dt>${on}</Dt></Dt></Bal>`;
    return `
    <Stmt><Id>${id}</Id><Acct><Id><IBAN>${iban}</IBAN></Id><Ccy>${currency}</Ccy></Acct>
      ${balance('OPBD', opening, day(0))}
      ${balance('CLBD', closing, day(-1))}${lines.map((line) => camtEntry(line, currency)).join('')}${more}
    </Stmt>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
  <BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr>${bodies.join('')}
  </BkToCstmrStmt>
</Document>`;
}

/** A statement that adds up, from these lines; amounts have two decimals. */
export function adding(lines: readonly Line[], openingMinor = 100_000, id = 'S-1'): Statement {
  const minor = (amount: string) => Number(amount.replace('.', ''));
  const closing = lines.reduce((sum, { amount }) => sum + minor(amount), openingMinor);
  return { id, opening: major(openingMinor), closing: major(closing), lines };
}

export function major(amountMinor: number): string {
  const digits = String(Math.abs(amountMinor)).padStart(3, '0');
  return `${amountMinor < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

export const bytes = (text: string) => Buffer.from(text);

import { describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { readCamt053 } from '../../src/integrations/bank/camt053.ts';
import { MAX_ENTRIES, MAX_FILE_BYTES } from '../../src/integrations/bank/statement.ts';
import { adding, bytes, camt, camtEntry } from '../helpers/bank.ts';

const LINES = [
  { on: '2026-11-04', amount: '96.80', text: 'STRIPE PAYMENTS 123456789012345', id: 'B-1' },
  { on: '2026-11-05', amount: '-20.00', text: 'RENT & <CO>', id: 'B-2' },
];
const good = camt([adding(LINES)]);
const refused = (file: string | Uint8Array) => {
  try {
    readCamt053(typeof file === 'string' ? bytes(file) : file);
    return 'taken';
  } catch (error) {
    return `${codeOf(error, 'INTERNAL')}: ${(error as Error).message}`;
  }
};

describe('a CAMT.053 statement', () => {
  test('is read in minor units, with the side of each entry and what the bank says in words', () => {
    const { statements, currency, numberHash } = readCamt053(bytes(good));
    expect({ currency, numberHash }).toEqual({
      currency: 'usd',
      numberHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(statements).toEqual([
      {
        ...{ reference: 'S-1', fromDate: '2026-11-04', toDate: '2026-11-05' },
        ...{ openingMinor: 100_000, closingMinor: 107_680 },
        lines: [
          {
            ...{ identity: 'ref:B-1', bookedOn: '2026-11-04', amountMinor: 9_680 },
            details: 'B-1 NOTPROVIDED STRIPE PAYMENTS 123456789012345',
          },
          {
            ...{ identity: 'ref:B-2', bookedOn: '2026-11-05', amountMinor: -2_000 },
            details: 'B-2 NOTPROVIDED RENT & <CO>',
          },
        ],
      },
    ]);
  });

  test.each([
    ['JPY', '10000', 10_000],
    ['KWD', '1.230', 1_230],
    ['USD', '1.23', 123],
  ])('has the decimals of its currency: %s %s', (currency, amount, amountMinor) => {
    const whole = {
      id: 'S',
      opening: '0',
      closing: amount,
      lines: [{ on: '2026-11-04', amount, text: 'x' }],
    };
    expect(readCamt053(bytes(camt([whole], { currency }))).statements[0]?.lines[0]?.amountMinor).toBe(
      amountMinor,
    );
  });

  test('that lacks an entry is refused by its balances', () => {
    expect(refused(good.replace(camtEntry(LINES[1] ?? { on: '', amount: '', text: '' }), ''))).toBe(
      'BANK_STATEMENT_UNBALANCED: Opening balance and entries are 1096.80 USD, the closing balance is 1076.80 USD.',
    );
  });

  test('counts booked entries only', () => {
    const more = camtEntry({ on: '2026-11-05', amount: '5.00', text: 'not yet' }, 'USD', 'PDNG');
    expect(readCamt053(bytes(camt([adding(LINES)], { more }))).statements[0]?.lines).toHaveLength(2);
  });

  test('knows an entry without the bank’s reference by what it says and the how manieth of its day it is', () => {
    const twin = { on: '2026-11-04', amount: '1.00', text: 'twin' };
    const identities = (lines: (typeof twin)[]) =>
      readCamt053(bytes(camt([adding(lines)]))).statements[0]?.lines.map(({ identity }) => identity);
    const [first, second] = identities([twin, twin]) ?? [];
    expect(first).not.toBe(second);
    expect(identities([twin, twin, { ...twin, text: 'other' }])?.slice(0, 2)).toEqual([first, second]);
  });
});

/** The line of the n-th entry of the good file. */
const lineOf = (nth: number) =>
  good.split('\n').flatMap((line, at) => (line.includes('<Ntry>') ? [at + 1] : []))[nth];

describe('is refused whole, with the line of each fault', () => {
  test.each([
    [
      'an amount with a comma',
      good.replace('>96.80<', '>96,80<'),
      0,
      'an amount that its currency does not have',
    ],
    [
      'more decimals than the currency has',
      good.replace('>96.80<', '>96.801<'),
      0,
      'an amount that its currency does not have',
    ],
    ['a float', good.replace('>20.00<', '>2e1<'), 1, 'an amount that its currency does not have'],
    [
      'another currency',
      good.replace('Ccy="USD">20.00', 'Ccy="EUR">20.00'),
      1,
      'an amount in another currency than the account',
    ],
    [
      'a day that does not exist',
      good.replace('<BookgDt><Dt>2026-11-05', '<BookgDt><Dt>2026-11-31'),
      1,
      'an entry without a booking date that exists',
    ],
    [
      'no side',
      good.replace('>20.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>', '>20.00</Amt>'),
      1,
      'an entry without its CdtDbtInd',
    ],
  ])('%s', (_name, file, nth, fault) => {
    expect(file).not.toBe(good);
    expect(refused(file)).toBe(`BANK_FILE_REFUSED: The file cannot be read. line ${lineOf(nth)}: ${fault}.`);
  });

  test.each([
    [
      'entities that grow',
      good
        .replace('?>', '?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>')
        .replace('RENT', '&b;'),
      'a document type or an entity',
    ],
    [
      'an entity that names a file',
      good.replace('?>', '?><!doctype x [<!ENTITY a SYSTEM "file:///etc/passwd">]>').replace('RENT', '&a;'),
      'a document type or an entity',
    ],
    ['tags without an end', good.slice(0, -20), 'no well-formed XML'],
    ['no statement', '<Document><BkToCstmrStmt/></Document>', 'no CAMT.053 statement'],
    ['nothing', '', 'cannot be read'],
    ['JSON', '{}', 'cannot be read'],
    ['a nest of 5,000 tags', `${'<a>'.repeat(5_000)}${'</a>'.repeat(5_000)}`, 'nested too deeply'],
    [
      'names of prototypes',
      good.replace('<GrpHdr>', '<GrpHdr><__proto__><x>1</x></__proto__>'),
      'names that no bank uses',
    ],
    [
      'two accounts',
      good.replace(
        '</BkToCstmrStmt>',
        `${
          camt([adding(LINES)], { iban: 'X' })
            .split('<GrpHdr><MsgId>M</MsgId></GrpHdr>')[1]
            ?.split('</BkToCstmrStmt>')[0]
        }</BkToCstmrStmt>`,
      ),
      'more than one account',
    ],
    [
      'an entry twice',
      camt([adding([...LINES, { ...LINES[0], on: '2026-11-05' }] as typeof LINES)]),
      'two entries have one reference',
    ],
    ['no closing balance', good.replace('CLBD', 'ITBD'), 'without its opening or closing balance'],
    [
      'a currency that is none of ours',
      camt([adding(LINES)], { currency: 'SEK' }),
      'does not settle in this currency',
    ],
  ])('%s, for which there is no entry to blame', (_name, file, fault) => {
    const told = refused(file);
    expect(told).toMatch(/^BANK_FILE_REFUSED: /);
    expect(told).toContain(fault);
  });

  test('more entries than are read, also when no statement alone has so many', () => {
    const one = { on: '2026-11-04', amount: '1.00', text: 'x' };
    const half = Array.from({ length: MAX_ENTRIES / 2 }, () => one);
    const statements = [adding(half, 0, 'S-1'), adding([...half, one], 0, 'S-2')];
    expect(refused(camt(statements))).toBe('BANK_FILE_REFUSED: The file has more than 20000 entries.');
  });

  test('text in another encoding, and a file that is too large', () => {
    expect(refused(Buffer.from(good, 'utf16le'))).toBe('BANK_FILE_REFUSED: The file is not text in UTF-8.');
    expect(refused(Buffer.from(good.replace('RENT', 'Müller'), 'latin1'))).toBe(
      'BANK_FILE_REFUSED: The file is not text in UTF-8.',
    );
    expect(refused(new Uint8Array(MAX_FILE_BYTES + 1))).toBe(
      'BANK_FILE_REFUSED: The file is larger than 16 MB.',
    );
  });
});

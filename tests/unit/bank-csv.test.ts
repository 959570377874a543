import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { type CsvOptions, readCsv } from '../../src/integrations/bank/csv.ts';
import { parseDecimal } from '../../src/money.ts';
import { bytes, major } from '../helpers/bank.ts';

const DEFAULTS: CsvOptions = {
  ...{ columns: {}, delimiter: ',', decimal: 'point', dates: 'YYYY-MM-DD' },
  ...{ currency: 'usd', opening: null, closing: null },
};
const read = (text: string, options: Partial<CsvOptions> = {}) =>
  readCsv(bytes(text), { ...DEFAULTS, ...options }).statements[0];
const refused = (text: string | Uint8Array, options: Partial<CsvOptions> = {}) => {
  try {
    readCsv(typeof text === 'string' ? bytes(text) : text, { ...DEFAULTS, ...options });
    return 'taken';
  } catch (error) {
    return `${codeOf(error, 'INTERNAL')}: ${(error as Error).message}`;
  }
};
const GOOD = `date,amount,id,description,balance
2026-11-04,96.80,B-1,STRIPE PAYMENTS 123456789012345,1096.80
2026-11-05,-20.00,B-2,"Rent, and
two lines",1076.80
`;

describe('a statement as CSV', () => {
  test('is read in minor units, with its balances by the running one', () => {
    expect(read(GOOD)).toMatchObject({
      ...{ fromDate: '2026-11-04', toDate: '2026-11-05', openingMinor: 100_000, closingMinor: 107_680 },
      lines: [
        {
          identity: 'ref:B-1',
          bookedOn: '2026-11-04',
          amountMinor: 9_680,
          details: 'STRIPE PAYMENTS 123456789012345',
        },
        { identity: 'ref:B-2', bookedOn: '2026-11-05', amountMinor: -2_000, details: 'Rent, and two lines' },
      ],
    });
  });

  test('may have the newest row first, a mark before its text and other line ends', () => {
    const [head, first, ...rest] = GOOD.trim()
      .split('\n2026')
      .map((row, at) => (at === 0 ? row : `2026${row}`));
    const turned = `\ufeff${[head, ...rest, first].join('\r\n')}\r\n`;
    expect(read(turned)).toMatchObject({ openingMinor: 100_000, closingMinor: 107_680 });
  });

  test('may have its own names, semicolons, commas and days, where that is said', () => {
    const german =
      'Buchungstag;Haben;Soll;Währung;Text\n04.11.2026;96,80;;USD;STRIPE\n05.11.2026;;20,00;usd;Miete\n';
    const options: Partial<CsvOptions> = {
      ...{
        columns: {
          date: 'Buchungstag',
          credit: 'haben',
          debit: 'Soll',
          currency: 'Währung',
          description: 'Text',
        },
      },
      ...{
        delimiter: ';' as const,
        decimal: 'comma' as const,
        dates: 'DD.MM.YYYY' as const,
        currency: null,
        opening: '1000.00',
        closing: '1076.80',
      },
    };
    expect(read(german, options)?.lines.map(({ amountMinor, bookedOn }) => [bookedOn, amountMinor])).toEqual([
      ['2026-11-04', 9_680],
      ['2026-11-05', -2_000],
    ]);
    expect(refused(german, { ...options, decimal: 'point' })).toContain(
      'line 2: no amount in usd with a decimal point',
    );
    expect(refused(german, { ...options, delimiter: ',' })).toContain('not as many fields');
  });
});

describe('is refused whole, with the line of each fault', () => {
  test.each([
    [
      'decimal commas that were not said',
      GOOD.replace('96.80,', '"96,80",'),
      'line 2: no amount in usd with a decimal point',
    ],
    ['grouped digits', GOOD.replace(',96.80', ',"1,096.80"'), 'line 2: no amount in usd'],
    ['half a cent', GOOD.replace(',96.80,', ',96.805,'), 'line 2: no amount in usd'],
    ['a float', GOOD.replace(',96.80,', ',9.68e1,'), 'line 2: no amount in usd'],
    [
      'an amount beyond what is exact',
      GOOD.replace(',96.80,', ',99999999999999.99,'),
      'line 2: no amount in usd',
    ],
    ['an entry of nothing', GOOD.replace(',96.80,', ',0.00,'), 'line 2: an entry of nothing'],
    ['a day of another kind', GOOD.replace('2026-11-04', '04.11.2026'), 'line 2: no date as YYYY-MM-DD'],
    ['a day that does not exist', GOOD.replace('2026-11-05', '2026-02-30'), 'no date as YYYY-MM-DD'],
    ['a row with more fields', GOOD.replace('B-1', 'B-1,x'), 'line 2: not as many fields'],
    ['a quote that is not closed', `${GOOD}"`, 'a quote that is not closed'],
    ['semicolons that were not said', GOOD.replaceAll(',', ';'), 'not as many fields'],
    ['two columns of one name', GOOD.replace('description', 'amount'), 'two columns are called amount'],
    ['no rows', 'date,amount,balance\n', 'a running balance'.slice(2)],
    ['nothing', '', 'The file is empty'],
    [
      'a running balance that does not follow',
      GOOD.replace('1076.80', '1076.81'),
      'the running balance is not the one before',
    ],
    ['one id twice', GOOD.replace('B-2', 'B-1'), 'Two entries have one id'],
    ['NUL', GOOD.replace('B-1', 'B\0'), 'not text in UTF-8'],
  ])('%s', (_name, text, fault) => {
    const told = refused(text);
    expect(told).toMatch(/^BANK_FILE_REFUSED: /);
    expect(told).toContain(fault);
  });

  test('all faults at once, twenty of them by line', () => {
    const rows = Array.from({ length: 30 }, () => '2026-11-04,x,,,1').join('\n');
    const told = refused(`date,amount,id,description,balance\n${rows}\n`);
    expect(told).toContain('line 2: ');
    expect(told).toContain('line 21: ');
    expect(told).not.toContain('line 22: ');
    expect(told).toContain('and 10 more');
  });

  test('what was said to be its balances and is not', () => {
    const bare = 'date,amount\n2026-11-04,96.80\n';
    expect(refused(bare, { opening: '0.00', closing: '96.81' })).toBe(
      'BANK_STATEMENT_UNBALANCED: Opening balance and entries are 96.80 USD, the closing balance is 96.81 USD.',
    );
    expect(refused(bare, { opening: '0.00', closing: '96.80' })).toBe('taken');
    expect(refused(bare, { opening: '0.00' })).toContain('are said both');
    expect(refused(bare)).toContain('a running balance in each row');
    expect(refused(bare, { opening: '0', closing: '96.80', currency: 'sek' })).toContain(
      'none that the exchange settles in',
    );
    expect(refused(bare, { opening: '0', closing: '96.80', columns: { id: 'Nr' } })).toContain(
      'no column is what id was said',
    );
  });

  test('text in another encoding', () => {
    expect(refused(Buffer.from(GOOD, 'utf16le'))).toContain('not text in UTF-8');
    expect(refused(Buffer.from(GOOD.replace('Rent', 'Müll'), 'latin1'))).toContain('not text in UTF-8');
  });
});

test('a decimal is the same amount in minor units, whatever it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: -9_000_000_000_000, max: 9_000_000_000_000 }), (amountMinor) => {
      expect(parseDecimal(major(amountMinor), 2)).toBe(amountMinor);
    }),
  );
  expect([
    parseDecimal('1.2300', 2),
    parseDecimal('+7', 3),
    parseDecimal('-0', 2),
    parseDecimal('5', 0),
  ]).toEqual([123, 7_000, 0, 5]);
  for (const text of [
    '',
    '.5',
    '5.',
    '1 000',
    "1'000",
    '1,5',
    '1_000',
    '0x1',
    'NaN',
    '--1',
    '1.2.3',
    '٣',
    '9'.repeat(17),
  ])
    expect(parseDecimal(text, 2), text).toBeNull();
});

import { expect, test } from 'vitest';
import { joinColumns, toColumns } from '../../src/movement-columns.ts';

const movement = {
  ...{ id: 'txn_1', sourceId: null, reportingCategory: 'charge', currency: 'usd', exchangeRate: null },
  ...{ amountMinor: 500, feeMinor: 45, netMinor: 455, availableOnMs: 2_000, createdMs: 1_000 },
};
const next = '\u007f';

test('movements go to the database as columns, an absent value as nothing, an empty page as none', () => {
  const pages = [
    [movement, { ...movement, id: 'txn_2', sourceId: 'ch_2' }],
    [],
    [{ ...movement, id: 'txn_3' }],
  ];
  const columns = [
    ...[
      'txn_1 txn_2 txn_3',
      ' ch_2 ',
      'charge charge charge',
      '500 500 500',
      '45 45 45',
      '455 455 455',
      'usd usd usd',
    ],
    ...['2000 2000 2000', '1000 1000 1000', '  '],
  ];
  expect(joinColumns(pages.map(toColumns)).split('\n')).toEqual(
    columns.map((column) => column.replaceAll(' ', next)),
  );
  expect(joinColumns([toColumns([])])).toBe('');
});

test.each(
  ['id', 'sourceId', 'reportingCategory', 'currency'].flatMap((field) => [
    { field, separator: next },
    { field, separator: '\n' },
  ]),
)(
  '$separator in $field would move its column: the page is refused and names its movement',
  ({ field, separator }) => {
    const broken = { ...movement, [field]: `a${separator}b` };
    expect(() => toColumns([broken])).toThrow(
      expect.objectContaining({ code: 'ANSWER_INVALID', detail: { movement: broken.id } }),
    );
  },
);

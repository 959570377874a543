import { expect, test } from 'vitest';
import { toColumns } from '../../src/integrations/supabase/reconciliation.ts';

const movement = {
  ...{ id: 'txn_1', sourceId: null, reportingCategory: 'charge', currency: 'usd', exchangeRate: null },
  ...{ amountMinor: 500, feeMinor: 45, netMinor: 455, availableOnMs: 2_000, createdMs: 1_000 },
};

test('movements go to the database as columns, an absent value as nothing', () => {
  expect(JSON.parse(toColumns([movement, { ...movement, id: 'txn_2', sourceId: 'ch_2' }]))).toEqual([
    ...['txn_1\ttxn_2', '\tch_2', 'charge\tcharge', '500\t500', '45\t45', '455\t455', 'usd\tusd'],
    ...['2000\t2000', '1000\t1000', '\t'],
  ]);
});

test.each(['id', 'sourceId', 'reportingCategory', 'currency'])(
  'a tab in %s would move its column: the page is refused and names its movement',
  (field) => {
    const broken = { ...movement, [field]: 'a\tb' };
    expect(() => toColumns([broken])).toThrow(
      expect.objectContaining({ code: 'ANSWER_INVALID', detail: { movement: broken.id } }),
    );
  },
);

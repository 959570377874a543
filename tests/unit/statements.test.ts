import { describe, expect, test } from 'vitest';
import { renderCsv } from '../../src/cli/csv.ts';
import { renderStatement, renderStatementCsv, renderStatementHtml } from '../../src/cli/statement.ts';
import type { Statement } from '../../src/integrations/supabase/statements.ts';

const line = {
  ...{ date: '2026-11-03', template: 'call', campaign: 'Roofing', reference: null, journals: 2 },
  ...{ amountMinor: 5_600, accounts: { supplier_pending: 5_600 } },
};
const statement: Statement = {
  ...{ kind: 'supplier', partyId: '00000000-0000-4000-8000-000000000001', name: 'Ann', month: '2026-11' },
  isFinal: true,
  currencies: [
    {
      ...{ currency: 'usd', openingMinor: -1_000, closingMinor: 4_600 },
      accounts: [
        { account: 'supplier_debt', openingMinor: -1_000, closingMinor: -1_000 },
        { account: 'supplier_pending', openingMinor: 0, closingMinor: 5_600 },
      ],
      lines: [line],
    },
  ],
};
const named = (name: string): Statement => ({ ...statement, name });

describe('a statement', () => {
  test('shows opening, lines and closing in the accounts that have something to show', () => {
    expect(
      renderStatement(statement)
        .split('\n')
        .map((text) => text.replaceAll(/ {2,}/g, ' | ').trim()),
    ).toEqual([
      'Statement of Ann, 2026-11',
      'Amounts are what you are owed.',
      '',
      'date | what | campaign | reference | count | earned, not covered yet | owed by you | USD',
      '| opening | 0.00 | -10.00 | -10.00',
      '2026-11-03 | calls | Roofing | 2 | 56.00 | 56.00',
      '| closing | 56.00 | -10.00 | 46.00',
    ]);
  });

  test('says when the month is not closed', () => {
    expect(renderStatement({ ...statement, isFinal: false })).toContain('the month is not closed');
  });

  test('is CSV with numbers as numbers, and a column for every account', () => {
    const [head, opening, calls] = renderStatementCsv(statement).split('\r\n');
    expect(head).toBe(
      'party,month,currency,date,what,campaign,reference,count,"earned, not covered yet",payable,held back,being paid,owed by you,in all',
    );
    expect(opening).toBe('Ann,2026-11,usd,,opening,,,,0.00,,,,-10.00,-10.00');
    expect(calls).toBe('Ann,2026-11,usd,2026-11-03,calls,Roofing,,2,56.00,,,,,56.00');
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '\u0085=1', '\u009b=1', ' =1', '＝1'])(
    'runs no formula %j in a spreadsheet',
    (formula) => {
      const rows = renderStatementCsv(named(formula)).split('\r\n').slice(1);
      expect(rows).toHaveLength(3);
      for (const row of rows) expect(row.startsWith("'") || row.startsWith(`"'`)).toBe(true);
    },
  );

  test('quotes what CSV needs quoted', () => {
    expect(renderCsv([['a,b', 'say "x"', 'two\nlines', 'plain', { number: '-1.00' }]])).toBe(
      '"a,b","say ""x""","two\nlines",plain,-1.00',
    );
  });

  test('is a page in which names are text', () => {
    const html = renderStatementHtml(named('<script>alert("x")</script>&\''));
    expect(html).not.toContain('<script>');
    expect(html).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;');
    expect(html).not.toMatch(/src=|href=/);
  });
});

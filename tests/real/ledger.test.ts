import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wrongIn } from '../helpers/books.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const OWNERS = {
  buyer: '00000000-0000-4000-8000-000000000001',
  supplier: '00000000-0000-4000-8000-000000000002',
};

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(async () => {
  const wrong = await wrongIn(db.sql);
  expect(wrong.filter((problem) => !problem.includes('wrong side'))).toEqual([]);
  await db.close();
});

interface Journal {
  readonly template: string;
  readonly key: string;
  readonly currency?: string;
  readonly amounts: Record<string, number>;
  readonly owners?: Record<string, string>;
}

let keys = 0;
const newKey = () => `test:${++keys}`;

async function post({ template, key, currency = 'usd', amounts, owners = OWNERS }: Journal): Promise<number> {
  const [row] = await db.sql<{ id: number }>(
    `select app.post_journal($1, $2, '2026-11-02', $3, $4, $5, '{}', now()) as id`,
    [template, key, currency, amounts, owners],
  );
  return row?.id ?? 0;
}

/** The error's code: ours in the hint, else PostgreSQL's. */
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was refused',
    (error: pg.DatabaseError) => error.hint ?? error.code,
  );

const amount = fc.integer({ min: 0, max: 1_000_000_000 });
type Amounts = fc.Arbitrary<Record<string, number>>;
/** What came to the balance, or what left it. */
const moved: Amounts = fc.record({ came: amount, left: amount });
const one = (name: string): Amounts => amount.map((value) => ({ [name]: value }));
const withFee: Amounts = fc
  .record({ amount, fee: amount })
  .map((parts) => ({ ...parts, total: parts.amount + parts.fee }));
const paidOut: Amounts = fc
  .record({ amount, recovered: amount, reserve: amount })
  .map((parts) => ({ ...parts, earned: parts.amount + parts.recovered + parts.reserve }));
const writtenOff: Amounts = fc
  .record({
    share: amount,
    margin: amount,
    lost: amount,
    returned: amount,
    kept: fc.integer({ min: 0, max: 1_000 }),
  })
  .filter(({ share, kept }) => kept <= share)
  .map(({ kept, ...parts }) => ({
    ...parts,
    kept,
    owed: Object.values(parts).reduce((sum, part) => sum + part, -kept),
  }));

/** The side that is invoiced or a wallet's, with the other amounts. */
const byWallet = (total: number, others: Record<string, number>) =>
  fc.boolean().map((prepaid) => ({ ...others, postpaid: prepaid ? 0 : total, prepaid: prepaid ? total : 0 }));
/** The amounts of each template as their callers make them. */
const amountsOf: Readonly<Record<string, Amounts>> = {
  call: fc
    .record({ share: amount, margin: amount })
    .chain((parts) => byWallet(parts.share + parts.margin, parts)),
  adjustment: fc
    .record({ pending: amount, payable: amount, debt: amount, margin: amount })
    .chain((parts) => byWallet(parts.pending + parts.payable + parts.debt + parts.margin, parts))
    // By a credit note on an open invoice, or else.
    .chain((parts) =>
      fc
        .boolean()
        .map((noted) =>
          noted ? { ...parts, noted: parts.postpaid ?? 0, postpaid: 0 } : { ...parts, noted: 0 },
        ),
    ),
  invoice: fc.record({ total: amount, tax: amount }),
  tax_reversed: fc
    .record({ owed: amount, lost: amount })
    .map((parts) => ({ ...parts, tax: parts.owed + parts.lost })),
  charge: fc.record({ fee: amount, net: amount }).chain((parts) => byWallet(parts.fee + parts.net, parts)),
  charge_exchanged: amount.chain((total) => byWallet(total, { gross: total })),
  charge_settled: fc
    .record({ fee: amount, net: amount })
    .map((parts) => ({ ...parts, gross: parts.fee + parts.net })),
  available: one('net'),
  clear: one('share'),
  unclear: one('share'),
  refund: withFee.chain((parts) => byWallet(parts.amount ?? 0, parts)),
  refund_exchanged: amount.chain((total) => byWallet(total, { amount: total })),
  refund_settled: withFee,
  dispute: withFee,
  dispute_exchanged: one('amount'),
  dispute_settled: withFee,
  dispute_won: withFee,
  dispute_won_exchanged: one('amount'),
  dispute_won_settled: withFee,
  dispute_lost: amount.chain((total) => byWallet(total, { amount: total })),
  write_off: writtenOff,
  write_off_reversed: writtenOff,
  payout_reserve: paidOut,
  payout_release: paidOut,
  payout_send: one('amount'),
  transfer_reversal: one('amount'),
  platform_payout: withFee,
  platform_payout_returned: withFee,
  bank_deposit: one('amount'),
  bank_deposit_returned: one('amount'),
  break_resolved: moved,
  break_resolved_reversed: moved,
  reserve_release: one('amount'),
};

const sumOf = async (id: number) => {
  const rows = await db.sql<{ sum: number }>(
    'select coalesce(sum(amount_minor), 0)::bigint as sum from postings where journal_id = $1',
    [id],
  );
  return rows[0]?.sum;
};

describe('a journal', () => {
  test('sums to zero by every template, whatever the amounts', async () => {
    const templates = await db.sql<{ template: string }>('select distinct template from journal_templates');
    expect(Object.keys(amountsOf).sort()).toEqual(templates.map(({ template }) => template).sort());
    for (const [template, amounts] of Object.entries(amountsOf)) {
      const property = fc.asyncProperty(
        amounts,
        fc.constantFrom('usd', 'jpy', 'kwd'),
        async (drawn, currency) => {
          expect(await sumOf(await post({ template, key: newKey(), currency, amounts: drawn }))).toBe(0);
        },
      );
      await fc.assert(property, { numRuns: 20 });
    }
  });

  test('that does not balance is refused, by every template of three legs', async () => {
    const call = {
      template: 'call',
      key: newKey(),
      amounts: { postpaid: 100, prepaid: 0, share: 70, margin: 29 },
    };
    expect(await refusal(post(call))).toBe('JOURNAL_UNBALANCED');
    const charge = {
      template: 'charge',
      key: newKey(),
      amounts: { postpaid: 100, prepaid: 0, fee: 3, net: 96 },
    };
    expect(await refusal(post(charge))).toBe('JOURNAL_UNBALANCED');
  });

  test('posted again under its key posts once; with other content it is JOURNAL_CONFLICT', async () => {
    const first = { template: 'invoice', key: newKey(), amounts: { total: 500, tax: 0 } };
    const id = await post(first);
    expect(await post(first)).toBe(id);
    const others: Partial<Journal>[] = [
      { amounts: { total: 501, tax: 0 } },
      { currency: 'eur' },
      { template: 'clear', amounts: { share: 500 } },
      { owners: { ...OWNERS, buyer: OWNERS.supplier } },
    ];
    for (const other of others) {
      expect(await refusal(post({ ...first, ...other }))).toBe('JOURNAL_CONFLICT');
    }
    const rows = await db.sql('select count(*) as n from postings where journal_id = $1', [id]);
    expect(rows).toEqual([{ n: 2 }]);
  });

  test('lacks nothing: a missing or negative amount, owner or template is refused', async () => {
    const invoice = { template: 'invoice', amounts: { total: 5, tax: 0 } };
    expect(await refusal(post({ ...invoice, key: newKey(), amounts: {} }))).toBe('AMOUNT_INVALID');
    expect(await refusal(post({ ...invoice, key: newKey(), amounts: { total: -5, tax: 0 } }))).toBe(
      'AMOUNT_INVALID',
    );
    expect(await refusal(post({ ...invoice, key: newKey(), owners: {} }))).toBe('JOURNAL_UNBALANCED');
    expect(await refusal(post({ ...invoice, key: newKey(), template: 'gift' }))).toBe('JOURNAL_UNBALANCED');
  });

  test('holds amounts up to 2^53 − 1, and refuses to pass that by an amount or a balance', async () => {
    const owners = { buyer: '00000000-0000-4000-8000-0000000000ff' };
    const largest = { template: 'invoice', amounts: { total: MAX, tax: 0 }, owners };
    await post({ ...largest, key: newKey() });
    const [account] = await db.sql(
      'select balance_minor from ledger_accounts where owner_id = $1 order by 1 desc',
      [owners.buyer],
    );
    expect(account).toEqual({ balance_minor: MAX });
    expect(await refusal(post({ ...largest, key: newKey(), amounts: { total: 1, tax: 0 } }))).toBe('23514');
    const wide = { template: 'invoice', key: newKey(), amounts: { total: MAX + 1, tax: 0 } };
    expect(await refusal(post(wide))).toBe('23514');
  });
});

describe('postings', () => {
  test('and journals change by nobody, not even their owner', async () => {
    const id = await post({ template: 'invoice', key: newKey(), amounts: { total: 7, tax: 0 } });
    const statements = [
      `update postings set amount_minor = amount_minor + 1 where journal_id = ${id}`,
      `delete from postings where journal_id = ${id}`,
      `update journals set business_date = business_date + 1 where id = ${id}`,
      `delete from journals where id = ${id}`,
      'truncate postings',
      'truncate journals cascade',
    ];
    for (const statement of statements) expect(await refusal(db.sql(statement))).toBe('DATABASE_REFUSED');
  });

  test('that do not sum to zero are refused when they are committed', async () => {
    const client = new pg.Client({ connectionString: db.adminUrl });
    await client.connect();
    try {
      const id = await post({ template: 'invoice', key: newKey(), amounts: { total: 9, tax: 0 } });
      const account = "select id from ledger_accounts where currency = 'usd' limit 1";
      await client.query('begin');
      await client.query(
        `insert into postings (journal_id, account_id, amount_minor, currency) values (${id}, (${account}), 1, 'usd')`,
      );
      expect(await refusal(client.query('commit'))).toBe('JOURNAL_UNBALANCED');
    } finally {
      await client.end();
    }
  });

  test('are in the currency of their journal and their account', async () => {
    const id = await post({
      template: 'invoice',
      key: newKey(),
      currency: 'eur',
      amounts: { total: 9, tax: 0 },
    });
    const insert = (currency: string, account: string) =>
      db.sql(
        `insert into postings (journal_id, account_id, amount_minor, currency)
         values ($1, (select id from ledger_accounts where currency = $2 limit 1), 1, $3)`,
        [id, account, currency],
      );
    await post({ template: 'invoice', key: newKey(), amounts: { total: 9, tax: 0 } });
    expect(await refusal(insert('usd', 'usd'))).toBe('JOURNAL_UNBALANCED');
    expect(await refusal(insert('eur', 'usd'))).toBe('JOURNAL_UNBALANCED');
    expect(await refusal(insert('usd', 'eur'))).toBe('JOURNAL_UNBALANCED');
  });

  test('of eight writers at once add up to the balances, and one key posts once', async () => {
    const owners = { buyer: '00000000-0000-4000-8000-0000000000aa', supplier: OWNERS.supplier };
    const pool = new pg.Pool({ connectionString: db.adminUrl, max: 8 });
    try {
      const writes = Array.from({ length: 160 }, (_, n) =>
        pool.query(
          `select app.post_journal('invoice', $1, '2026-11-02', 'usd', '{"total": 3, "tax": 0}', $2, '{}', now())`,
          [`writers:${n % 80}`, owners],
        ),
      );
      await Promise.all(writes);
    } finally {
      await pool.end();
    }
    const rows = await db.sql(
      'select kind, balance_minor from ledger_accounts where owner_id = $1 order by kind',
      [owners.buyer],
    );
    expect(rows).toEqual([
      { kind: 'buyer_receivable', balance_minor: 240 },
      { kind: 'buyer_unbilled', balance_minor: -240 },
    ]);
  });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuditResult, createAudit } from '../../src/audit/audit.ts';
import type { StripeBooks, StripeMovement } from '../../src/audit/stripe-reader.ts';
import { BOOK_CORRUPTIONS, CAPS, type Corruption } from '../helpers/corruptions.ts';
import { ADJUSTMENT_CORRUPTIONS } from '../helpers/corruptions-of-adjustments.ts';
import { BREAK_CORRUPTIONS } from '../helpers/corruptions-of-breaks.ts';
import { DEPOSIT_CORRUPTIONS } from '../helpers/corruptions-of-deposits.ts';
import { EXCHANGE_CORRUPTIONS } from '../helpers/corruptions-of-exchange.ts';
import { LOSS_CORRUPTIONS } from '../helpers/corruptions-of-losses.ts';
import { PAYOUT_CORRUPTIONS } from '../helpers/corruptions-of-payouts.ts';
import { OWED, PRICE_CORRUPTIONS } from '../helpers/corruptions-of-prices.ts';
import { TAX_CORRUPTIONS } from '../helpers/corruptions-of-taxes.ts';
import { WALLET_CORRUPTIONS } from '../helpers/corruptions-of-wallets.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { type HandMadeBooks, makeBooks } from '../helpers/hand-made-books.ts';
import { PROJECT } from '../helpers/migrations.ts';

let db: TestDatabase;
let books: HandMadeBooks;
let client: pg.Client;

beforeAll(async () => {
  db = await createTestDatabase();
  books = await makeBooks(db);
  client = new pg.Client({ connectionString: db.adminUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await db.close();
});

type Check = AuditResult['checks'][number];
const isListed = ({ check }: Check) => check.startsWith('listed: ');
const redOf = (checks: readonly Check[]) => checks.filter(({ ok }) => !ok).map(({ check }) => check);
const CORRUPTIONS = [
  ...BOOK_CORRUPTIONS,
  ...ADJUSTMENT_CORRUPTIONS,
  ...PAYOUT_CORRUPTIONS,
  ...WALLET_CORRUPTIONS,
  ...EXCHANGE_CORRUPTIONS,
  ...BREAK_CORRUPTIONS,
  ...DEPOSIT_CORRUPTIONS,
  ...TAX_CORRUPTIONS,
  ...LOSS_CORRUPTIONS,
];

function audit(stripe: StripeBooks, sent: HandMadeBooks['sent'] = books.sent): Promise<AuditResult> {
  const reader = { read: () => Promise.resolve(stripe) };
  return createAudit({ rpc: db.database.rpc, stripe: reader }).run({ nowMs: books.nowMs, sent });
}

/** The checks of the books with one error in them; nothing of it stays. */
async function corrupt({ find, spoil }: Corruption): Promise<{ id: string; checks: Check[] }> {
  const all = async (sql: string) => (await client.query(sql)).rows;
  await client.query('begin');
  try {
    const [found] = await all(find);
    const id = String(found?.id);
    // No trigger and no foreign key fires: the error is what a broken release or a person with the keys could make.
    await client.query('set local session_replication_role = replica');
    await client.query(spoil.replaceAll(':id', pg.escapeLiteral(id)));
    const [answer] = await all(`select public.audit_books(${books.nowMs}) as checks`);
    return { id, checks: answer?.checks ?? [] };
  } finally {
    await client.query('rollback');
  }
}

test("books made by the jobs' own functions keep every promise, and what is open in them is listed", async () => {
  const { ok, failures, checks } = await audit(books.stripe);
  expect(failures, failures.join('\n')).toEqual([]);
  expect(ok).toBe(true);
  const listed = checks.filter(isListed).map(({ check, count }) => [check, count]);
  expect(Object.fromEntries(listed)).toMatchObject({
    'listed: payouts in flight': 1,
    'listed: payouts that wait for an approval': 1,
    'listed: work that is dead, for people to replay or discard': 1,
  });
});

test('the books of an exchange that has not begun keep every promise', async () => {
  const fresh = await createTestDatabase();
  const nothing = { transfers: [], invoices: [], movements: [], customers: [], totals: new Map() };
  const empty = createAudit({ rpc: fresh.database.rpc, stripe: { read: () => Promise.resolve(nothing) } });
  const { failures } = await empty.run({ nowMs: books.nowMs });
  await fresh.close();
  expect(failures).toEqual([]);
});

describe('each promise of the books turns red for its own error, which it names, and no other does', () => {
  test.each(CORRUPTIONS)('$check', async (corruption) => {
    const { id, checks } = await corrupt(corruption);
    expect(redOf(checks).toSorted()).toEqual([corruption.check, ...(corruption.also ?? [])].toSorted());
    expect(checks.find(({ check }) => check === corruption.check)?.offenders).toContain(id);
  });
});

test.each(PRICE_CORRUPTIONS)('what a call owes and earns is worked out anew: $model', async (corruption) => {
  const { id, checks } = await corrupt({ ...corruption, check: OWED });
  expect(redOf(checks)).toEqual([OWED]);
  expect(checks.find(({ check }) => check === OWED)?.offenders).toContain(id);
});

test.each([
  ['a month', 'monthly_cap'],
  ['one time', 'concurrency_cap'],
])('a call above the cap of %s is named', async (_of, cap) => {
  // The newest call of a campaign that has several, each of which begins while the one before is in progress.
  const ranked = `select e.id::text as id from earnings e
    join journals j on j.template = 'call' and j.refs ->> 'callId' = e.call_id::text
    where e.business_date = '2026-03-03' and e.currency = 'usd' order by e.started_at desc, j.id desc limit 1`;
  const spoil = `update campaign_terms set ${cap} = 1 where id = (select terms_id from earnings where id::text = :id)`;
  const { id, checks } = await corrupt({ check: CAPS, find: ranked, spoil });
  expect(redOf(checks)).toEqual([CAPS]);
  expect(checks.find(({ check }) => check === CAPS)?.offenders).toContain(id);
});

type Draft = {
  transfers: StripeBooks['transfers'][number][];
  invoices: StripeBooks['invoices'][number][];
  movements: StripeMovement[];
  customers: { id: string; balance: number }[];
  totals: Map<string, number>;
};
const first = <T>(rows: readonly T[]): T => {
  const [row] = rows;
  if (row === undefined) throw new Error('these books lack what the test changes');
  return row;
};
const charges = ({ movements }: Draft) =>
  movements.filter(({ reporting_category }) => reporting_category === 'charge');
const add = (draft: Draft, net: number, category: string) => {
  const movement = { ...first(draft.movements), id: 'txn_stray', source: null, amount: net, fee: 0, net };
  draft.movements.push({ ...movement, reporting_category: category, currency: 'usd' });
  draft.totals.set('usd', (draft.totals.get('usd') ?? 0) + net);
};

interface StripeCorruption {
  readonly check: string;
  readonly spoil: (draft: Draft) => void;
  readonly also?: readonly string[];
}

const STRIPE_CORRUPTIONS: readonly StripeCorruption[] = [
  {
    check: 'every transfer at Stripe is booked once, under its payout',
    spoil: ({ transfers }) =>
      void transfers.push({ ...first(transfers), id: 'tr_stray', metadata: null, transfer_group: null }),
  },
  {
    check: 'every payout that is booked as sent is one transfer at Stripe',
    spoil: ({ transfers }) => void transfers.shift(),
  },
  {
    check: 'no payout has two transfers that stand',
    spoil: ({ transfers }) =>
      void transfers.push({ ...first(transfers), id: 'tr_second', amount_reversed: 1_000_000 }),
    also: ['every transfer at Stripe is booked once, under its payout'],
  },
  {
    check: 'a transfer is the payout that was frozen',
    spoil: ({ transfers }) => Object.assign(first(transfers), { destination: 'acct_other' }),
  },
  {
    check: 'no supplier was sent more than has cleared',
    spoil: ({ transfers }) => Object.assign(first(transfers), { amount: 1_000_000 }),
    also: ['a transfer is the payout that was frozen'],
  },
  {
    check: 'no invoice of ours was issued twice at Stripe',
    spoil: ({ invoices }) => void invoices.push({ ...first(invoices), id: 'in_second' }),
    also: ['an invoice at Stripe is the one that was frozen'],
  },
  {
    check: 'an invoice at Stripe is the one that was frozen',
    spoil: ({ invoices }) => Object.assign(first(invoices), { currency: 'aud' }),
  },
  {
    check: 'an invoice is here what it is at Stripe',
    spoil: ({ invoices }) => Object.assign(first(invoices), { status: 'open' }),
  },
  {
    check: 'the tax of an invoice is what Stripe computed',
    spoil: ({ invoices }) => {
      const taxed = invoices.filter(({ total, total_excluding_tax: net }) => total !== net);
      first(taxed).total += 1;
    },
  },
  {
    check: 'every charge is booked once, with its fee',
    spoil: (draft) => Object.assign(first(charges(draft)), { fee: 1 }),
  },
  {
    check: 'the cash at Stripe is the cash of the books',
    spoil: (draft) => add(draft, -5, 'fee'),
    also: ['what is available at Stripe is available in the books'],
  },
  {
    check: 'what is available at Stripe is available in the books',
    spoil: (draft) => Object.assign(first(charges(draft)), { available_on: 4_000_000_000 }),
  },
  {
    check: "Stripe's balance is the sum of its movements",
    spoil: ({ totals }) => void totals.set('usd', 0),
  },
  {
    check: 'no customer has a balance at Stripe',
    spoil: ({ customers }) => void customers.push({ id: 'cus_1', balance: -500 }),
  },
];

describe('each promise between Stripe and the books turns red for its own error, and no other does', () => {
  test.each(STRIPE_CORRUPTIONS)('$check', async ({ check, spoil, also = [] }) => {
    const draft = structuredClone(books.stripe) as Draft;
    spoil(draft);
    const { ok, checks } = await audit(draft);
    expect(ok).toBe(false);
    expect(redOf(checks).toSorted()).toEqual([check, ...also].toSorted());
  });
});

test('a call that was sent and is not stored is named', async () => {
  const { failures } = await audit(books.stripe, [...books.sent, { source: 'hooks', externalId: 'lost' }]);
  expect(failures).toEqual(['every call that was sent is stored once (INV-19): 1 not so: hooks/lost']);
});

test('money in flight is left out of the comparison, and listed', async () => {
  const [unknown] = await db.sql<{ id: string; amount_minor: number; destination: string }>(
    `select id, amount_minor, destination from payouts where state = 'unknown'`,
  );
  const draft = structuredClone(books.stripe) as Draft;
  const { amount_minor: amount = 0, destination = '', id = '' } = unknown ?? {};
  const known = first(draft.transfers);
  const group = { transfer_group: `payout-${id}`, metadata: { payout_id: id } };
  draft.transfers.push({ ...known, id: 'tr_landed', amount, destination, currency: 'eur', ...group });
  add(draft, 0, 'transfer');
  Object.assign(draft.movements.at(-1) ?? {}, {
    source: 'tr_landed',
    amount: -amount,
    net: -amount,
    currency: 'eur',
  });
  draft.totals.set('eur', (draft.totals.get('eur') ?? 0) - amount);
  const { failures, checks } = await audit(draft);
  expect(failures).toEqual([]);
  expect(checks.find(({ check }) => check.startsWith('listed: in flight'))?.offenders).toContain(id);

  // In flight or not: two of them are never right.
  draft.transfers.push({
    ...first(draft.transfers.slice(-1)),
    id: 'tr_landed_twice',
    amount_reversed: amount,
  });
  expect(redOf((await audit(draft)).checks)).toEqual(['no payout has two transfers that stand']);
});

test('no check is without its deliberate error', async () => {
  const { checks } = await audit(books.stripe);
  const names = checks.filter((check) => !isListed(check)).map(({ check }) => check);
  const corrupted = [...CORRUPTIONS, ...STRIPE_CORRUPTIONS].map(({ check }) => check);
  expect([...corrupted, 'every call that was sent is stored once'].toSorted()).toEqual(names.toSorted());
});

test('the page of the audit lists every check with its invariant, in the order of the answer', async () => {
  const { checks } = await audit(books.stripe);
  const page = await readFile(join(PROJECT, 'docs', 'audit.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, 3)
      .map((cell) => cell.trim()),
  );
  // The first two lines are the head of the table.
  expect(cells.slice(2)).toEqual(checks.map(({ check, invariant }) => [check, invariant ?? '']));
});

test('only service_role may run the audit, and it writes nothing', async () => {
  const rights = await db.sql<{ role: string }>(`
    select f.proname || ' ' || r.rolname as role from pg_proc f, pg_roles r where f.proname like 'audit\\_%'
      and r.rolname in ('anon', 'authenticated', 'service_role') and has_function_privilege(r.oid, f.oid, 'execute') order by 1`);
  expect(rights.map(({ role }) => role)).toEqual(
    ['audit_books', 'audit_money', 'audit_sent'].map((name) => `${name} service_role`),
  );
  await client.query('begin read only');
  await client.query(
    `select public.audit_books(${books.nowMs}), public.audit_money(), public.audit_sent('[]')`,
  );
  await client.query('rollback');
});

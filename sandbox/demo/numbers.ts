import pg from 'pg';
import { z } from 'zod';
import { formatMoney, parseCurrency } from '../../src/money.ts';

const count = z.int().nonnegative();
const amount = z.int();
/** By currency. */
const amounts = z.record(z.string(), amount);
export type Amounts = z.infer<typeof amounts>;

/** `12.00 CAD + 3.50 USD`. */
export function formatAmounts(of: Amounts): string {
  const parts = Object.keys(of)
    .toSorted()
    .map((currency) => formatMoney({ amountMinor: of[currency] ?? 0, currency: parseCurrency(currency) }));
  return parts.length === 0 ? '-' : parts.join(' + ');
}

const numbersSchema = z.object({
  calls: z.object({
    stored: count,
    recovered: count,
    qualified: count,
    rejected: count,
    held: count,
    /** Callers of whom a call was rated and none is paid for any more. */
    takenBack: count,
  }),
  ledger: z.object({
    journals: count,
    debitsMinor: amounts,
    creditsMinor: amounts,
    unbalancedJournals: count,
  }),
  billing: z.object({ invoices: count, paid: count, billedMinor: amounts }),
  payouts: z.object({ sent: count, amountMinor: amounts, pendingMinor: amounts }),
  reconciliation: z.object({ matched: count, breaks: count }),
  deadLetters: count,
});
export type Numbers = z.infer<typeof numbersSchema>;

const detailsSchema = z.object({
  /** Why calls earn nothing, by the first reason of their score; most frequent first. */
  reasons: z.array(z.object({ decision: z.string(), text: z.string(), calls: count })),
  suppliers: z.array(
    z.object({ name: z.string(), payouts: count, paidMinor: amounts, pendingMinor: amounts }),
  ),
  dead: z.array(z.object({ job: z.string(), code: z.string(), count })),
  awaitingApproval: count,
  wallets: z.array(
    z.object({
      buyer: z.string(),
      topups: count,
      paidInMinor: amounts,
      drawnMinor: amounts,
      leftMinor: amounts,
    }),
  ),
  troubles: z.object({
    /** Tries to charge an invoice that were declined, and the invoices of which none came through yet. */
    declines: count,
    unpaid: z.array(
      z.object({ buyer: z.string(), amountMinor: amounts, dueDate: z.string(), declined: z.boolean() }),
    ),
    disputes: z.object({ approved: count, denied: count, open: count }),
    held: z.array(z.object({ supplier: z.string(), reason: z.string(), payableMinor: amounts })),
  }),
});
export type Details = z.infer<typeof detailsSchema>;

const closeSchema = z.object({
  invoices: count,
  billedMinor: amounts,
  paid: count,
  payouts: count,
  paidOutMinor: amounts,
  matched: count,
});
export type CloseNumbers = z.infer<typeof closeSchema>;

/** Reads the books for people: with the owner's eyes and a session that cannot write. */
export interface BooksReader {
  numbers(): Promise<Numbers>;
  details(): Promise<Details>;
  closeNumbers(date: string): Promise<CloseNumbers>;
  /** How many reports of calls are stored, and how many calls wait for their score. */
  ingest(): Promise<{ events: number; unrated: number }>;
  /** The first calls of a buyer on a business date that are rated, or were; at most so many. */
  firstCallsOf(buyer: string, date: string, atMost: number): Promise<string[]>;
  /** The customer of a buyer at Stripe. */
  customerOf(buyer: string): Promise<string>;
  /** Rows of work that are due. */
  countDue(): Promise<number>;
  close(): Promise<void>;
}

export async function openBooks(adminUrl: string): Promise<BooksReader> {
  const client = new pg.Client({
    connectionString: adminUrl,
    options: '-c default_transaction_read_only=on',
  });
  client.on('error', () => undefined);
  await client.connect();
  async function read<T>(schema: z.ZodType<T>, sql: string, values: unknown[] = []): Promise<T> {
    const { rows } = await client.query<{ value: unknown }>(sql, values);
    return schema.parse(rows[0]?.value);
  }
  return {
    numbers: () => read(numbersSchema, NUMBERS),
    details: () => read(detailsSchema, DETAILS),
    closeNumbers: (date) => read(closeSchema, CLOSE, [date]),
    ingest: () => read(z.object({ events: count, unrated: count }), INGEST),
    firstCallsOf: (buyer, date, atMost) => read(z.array(z.uuid()), FIRST_CALLS, [buyer, date, atMost]),
    customerOf: (buyer) =>
      read(z.string(), 'select to_jsonb(stripe_customer_id) as value from buyers where name = $1', [buyer]),
    countDue: () => read(count, `select to_jsonb(count(*)) as value from work where state = 'due'`),
    close: () => client.end(),
  };
}

const INGEST = `
  select jsonb_build_object(
    'events', (select count(*) from webhook_events where source <> 'stripe'),
    'unrated', (select count(*) from work where job = 'fraud.score-call' and state = 'due')) as value`;

const FIRST_CALLS = `
  select coalesce(jsonb_agg(c.id order by c.started_at, c.id), '[]') as value from (
    select distinct c.id, c.started_at from calls c join earnings e on e.call_id = c.id join buyers b on b.id = c.buyer_id
    where b.name = $1 and c.business_date = $2 order by c.started_at, c.id limit $3) c`;

/** An object of sums by currency, of rows that have a `currency`. */
const sums = (
  amount: string,
  from: string,
) => `(select coalesce(jsonb_object_agg(currency, total), '{}') from (
      select currency, sum(${amount}) as total from ${from} group by currency having sum(${amount}) <> 0) by_currency)`;
const OWED_KINDS = `('supplier_pending', 'supplier_payable', 'supplier_reserve', 'payouts_in_transit')`;

const NUMBERS = `
  select jsonb_build_object(
    'calls', (select jsonb_build_object('stored', count(*),
        'recovered', count(*) filter (where recovered_at is not null),
        'qualified', count(*) filter (where status = 'qualified'),
        'rejected', count(*) filter (where status = 'rejected'),
        'held', count(*) filter (where status = 'held'),
        'takenBack', (select count(distinct c.caller_number) from earnings e join calls c on c.id = e.call_id where not exists (
          select from calls o where o.caller_number = c.caller_number and o.campaign_id = c.campaign_id and o.status = 'qualified'))) from calls),
    'ledger', jsonb_build_object('journals', (select count(*) from journals),
      'debitsMinor', ${sums('amount_minor', 'postings where amount_minor > 0')},
      'creditsMinor', ${sums('-amount_minor', 'postings where amount_minor < 0')},
      'unbalancedJournals', (select count(*) from (select from postings group by journal_id
        having sum(amount_minor) <> 0) unbalanced)),
    'billing', (select jsonb_build_object('invoices', count(*), 'paid', count(*) filter (where state = 'paid'),
      'billedMinor', ${sums('amount_minor', 'invoices')}) from invoices),
    'payouts', (select jsonb_build_object('sent', count(*) filter (where state = 'sent'),
        'amountMinor', ${sums('amount_minor', `payouts where state = 'sent'`)},
        'pendingMinor', ${sums('-balance_minor', `ledger_accounts where kind in ${OWED_KINDS}`)}) from payouts),
    'reconciliation', jsonb_build_object(
      'matched', (select coalesce(sum(matched), 0) from reconciliation_runs
        where business_date = (select max(business_date) from reconciliation_runs)),
      'breaks', (select count(*) from reconciliation_breaks where state = 'open')),
    'deadLetters', (select count(*) from work where state = 'dead')) as value`;

const DETAILS = `
  select jsonb_build_object(
    'reasons', (select coalesce(jsonb_agg(to_jsonb(r) order by r.decision desc, r.calls desc, r.text), '[]') from (
      select c.status as decision, s.reasons -> 0 ->> 'text' as text, count(*) as calls
      from calls c join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
      where c.status in ('rejected', 'held') and s.reasons <> '[]' group by 1, 2) r),
    'suppliers', (select coalesce(jsonb_agg(to_jsonb(s) order by s.name), '[]') from (
      select name,
        (select count(*) from payouts p where p.supplier_id = s.id and p.state = 'sent') as payouts,
        ${sums('amount_minor', `payouts p where p.supplier_id = s.id and p.state = 'sent'`)} as "paidMinor",
        ${sums('-balance_minor', `ledger_accounts a where a.owner_id = s.id and a.kind in ${OWED_KINDS}`)} as "pendingMinor"
      from suppliers s) s),
    'dead', (select coalesce(jsonb_agg(to_jsonb(d)), '[]') from (
      select job, coalesce(code, '') as code, count(*) as count from work where state = 'dead' group by 1, 2) d),
    'wallets', (select coalesce(jsonb_agg(jsonb_build_object('buyer', b.name,
        'topups', (select count(*) from topups t where t.buyer_id = b.id and t.state = 'paid'),
        'paidInMinor', ${sums('amount_minor', `topups t where t.buyer_id = b.id and t.state = 'paid'`)},
        'drawnMinor', ${sums('price_minor', `earnings e where e.buyer_id = b.id and e.prepaid and e.state <> 'clawed_back'`)},
        'leftMinor', ${sums('-balance_minor', `ledger_accounts a where a.owner_id = b.id and a.kind = 'buyer_wallet'`)})
        order by b.name), '[]') from buyers b where b.prepaid <> '{}'),
    'awaitingApproval', (select count(*) from payouts where state = 'waiting_approval'),
    'troubles', jsonb_build_object(
      'declines', (select count(*) from attempts where subject_kind = 'invoice' and outcome = 'open' and detail is not null),
      'unpaid', (select coalesce(jsonb_agg(jsonb_build_object('buyer', b.name, 'amountMinor', jsonb_build_object(i.currency, i.amount_minor),
          'dueDate', to_char(i.due_at, 'YYYY-MM-DD'), 'declined', i.last_problem is not null) order by i.due_at, b.name), '[]')
        from invoices i join buyers b on b.id = i.buyer_id where i.state = 'open'),
      'disputes', (select jsonb_build_object('approved', count(*) filter (where state = 'approved'),
        'denied', count(*) filter (where state = 'denied'), 'open', count(*) filter (where state = 'open')) from call_disputes),
      'held', (select coalesce(jsonb_agg(jsonb_build_object('supplier', s.name, 'reason', s.held_reason,
          'payableMinor', ${sums('-balance_minor', `ledger_accounts a where a.owner_id = s.id and a.kind = 'supplier_payable'`)})
          order by s.name), '[]') from suppliers s where s.status = 'held'))) as value`;

const CLOSE = `
  select jsonb_build_object(
    'invoices', (select count(*) from invoices where business_date = $1),
    'billedMinor', ${sums('amount_minor', 'invoices where business_date = $1')},
    'paid', (select count(*) from invoices where business_date = $1 and state = 'paid'),
    'payouts', (select count(*) from payouts where business_date = $1 and state = 'sent'),
    'paidOutMinor', ${sums('amount_minor', `payouts where business_date = $1 and state = 'sent'`)},
    'matched', (select coalesce(sum(matched), 0) from reconciliation_runs where business_date = $1)) as value`;

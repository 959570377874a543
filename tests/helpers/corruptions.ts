/** One deliberate error in otherwise clean books. */
export interface Corruption {
  /** The promise that it breaks. */
  readonly check: string;
  /** Finds the id that the audit must name, as column `id`. */
  readonly find: string;
  /** Makes the error; `:id` stands for what was found, as a quoted text. */
  readonly spoil: string;
  /** Further promises that cannot but break with it. */
  readonly also?: readonly string[];
}

const SUM_OF_POSTINGS = 'every balance is the sum of its postings';
export const CAPS = 'no call is paid for above the caps of its terms';
const OWED = 'a call owes and earns what its terms say';
const LEGS = 'every journal posts the legs of its event and no other';

/** A row that does not count in `find`: makes room for the other half of an error in two accounts. */
const suspend = (kind: string, by: number) => `
  update ledger_accounts set balance_minor = balance_minor + ${by} where id::text = (select id::text from ledger_accounts
    where kind = '${kind}' and currency = 'usd' order by id limit 1);
  insert into ledger_accounts (kind, currency, balance_minor) values ('suspense', 'usd', ${-by});`;
const ownerOf = (kind: string) =>
  `select owner_id::text as id from ledger_accounts where kind = '${kind}' and currency = 'usd' order by ledger_accounts.id limit 1`;

const oneOf = (table: string, condition: string) =>
  `select id::text as id from ${table} where ${condition} order by ${table}.id::text limit 1`;
const set = (table: string, change: string) => `update ${table} set ${change} where id::text = :id`;

const LEDGER: readonly Corruption[] = [
  {
    check: 'every journal sums to zero in each currency',
    find: 'select journal_id::text as id from postings order by id limit 1',
    spoil:
      'update postings set amount_minor = amount_minor + 1 where id = (select min(id) from postings where journal_id::text = :id)',
    also: [SUM_OF_POSTINGS, LEGS],
  },
  {
    check: 'the books sum to zero in each currency',
    find: `select 'usd' as id`,
    spoil: `update ledger_accounts set balance_minor = balance_minor - 1 where kind = 'exchange_margin' and currency = :id`,
    also: [SUM_OF_POSTINGS],
  },
  {
    check: SUM_OF_POSTINGS,
    find: oneOf('ledger_accounts', `kind = 'exchange_margin' and currency = 'usd'`),
    spoil: suspend('exchange_margin', -1),
  },
  {
    check: LEGS,
    find: `select journal_id::text as id from postings p join ledger_accounts a on a.id = p.account_id
      where a.kind = 'supplier_pending' and a.currency = 'usd' and p.amount_minor < 0 order by a.owner_id, p.id limit 1`,
    // Two calls of one price whose suppliers are exchanged: every sum stays what it was.
    spoil: `update postings p set account_id = other.account_id from (
        select p.id, p.account_id, lag(p.account_id) over w as before, lead(p.account_id) over w as after from (
          (select p.* from postings p join ledger_accounts a on a.id = p.account_id where p.journal_id::text = :id and a.kind = 'supplier_pending')
          union all
          (select p.* from postings p join ledger_accounts a on a.id = p.account_id where a.kind = 'supplier_pending' and a.currency = 'usd'
            and p.amount_minor = -1050 and a.owner_id <> (select a.owner_id from postings p join ledger_accounts a on a.id = p.account_id
              where p.journal_id::text = :id and a.kind = 'supplier_pending') order by p.id limit 1)) p window w as (order by p.id)) pair,
      lateral (select coalesce(pair.before, pair.after) as account_id) other where p.id = pair.id`,
  },
  {
    check: 'every posting is in the currency of its journal and of its account',
    find: oneOf('postings', `currency = 'usd'`),
    spoil: set('postings', `currency = 'eur'`),
    also: ['every journal sums to zero in each currency'],
  },
  {
    check: 'every account belongs to a party that exists',
    find: `select (max(id) + 1)::text as id from ledger_accounts`,
    spoil: `insert into ledger_accounts (id, kind, owner_id, currency) overriding system value
      values ((:id)::bigint, 'supplier_payable', gen_random_uuid(), 'usd')`,
  },
  {
    check: 'no balance stands on its wrong side',
    find: `select (max(id) + 1)::text as id from ledger_accounts`,
    spoil: `insert into ledger_accounts (id, kind, currency, balance_minor) overriding system value
      values ((:id)::bigint, 'stripe_fees', 'ugx', -5), ((:id)::bigint + 1, 'suspense', 'ugx', 5)`,
    also: [SUM_OF_POSTINGS, 'the cash of the books is what was charged less what was sent'],
  },
  {
    check: 'no call is booked on a date whose close had begun to bill',
    find: oneOf('journals', `template = 'call' and business_date = '2026-03-03'`),
    spoil: set('journals', `posted_at = '2026-03-04 10:00Z'`),
  },
  {
    check: 'no movement of money is booked on a date that was closed',
    find: oneOf('journals', `template = 'charge' and business_date = '2026-03-03'`),
    spoil: set('journals', `posted_at = '2026-03-04 10:00Z'`),
  },
  {
    check: 'nothing is booked in the future',
    find: oneOf('journals', `business_date = '2026-03-07'`),
    spoil: set('journals', `posted_at = '2026-03-08'`),
  },
];

const REJECTED = oneOf('calls', `status = 'rejected'`);
const CALLS: readonly Corruption[] = [
  {
    check: 'a call has one earning and one journal when it is qualified, and none when it is not',
    find: oneOf('calls', `status = 'qualified'`),
    spoil: `${set('calls', `status = 'rejected'`)}; update call_scores set decision = 'reject' where call_id::text = :id`,
  },
  {
    check: 'the journal of a call says what its earning says',
    find: oneOf('earnings', `business_date = '2026-03-07'`),
    spoil: `update journals set business_date = '2026-03-08'
      where template = 'call' and refs ->> 'callId' = (select call_id::text from earnings where id::text = :id)`,
  },
  {
    check: 'an earning is its call under the terms that it was rated by',
    find: oneOf('earnings', `invoice_id is null and state = 'accrued'`),
    spoil: set('earnings', 'duration_s = duration_s + 1'),
  },
  {
    check: OWED,
    find: `select e.id::text as id from earnings e join campaign_terms t on t.id = e.terms_id where t.revenue_bps is not null`,
    spoil: `update campaign_terms set revenue_bps = revenue_bps + 1 where id = (select terms_id from earnings where id::text = :id)`,
  },
  {
    check: 'a call is rated by the terms that were in force at its start',
    find: oneOf('earnings', `business_date = '2026-03-06'`),
    spoil: `insert into campaign_terms select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(),
      'valid_from', e.started_at))).* from campaign_terms t join earnings e on e.terms_id = t.id where e.id::text = :id`,
  },
  {
    check: 'no call is paid for outside the hours of its terms',
    find: oneOf('earnings', `business_date = '2026-03-06' and state <> 'clawed_back'`),
    // Its day is open until the minute at which the call began.
    spoil: `update campaign_terms t set hours = jsonb_build_array(jsonb_build_object('days', array[1, 2, 3, 4, 5, 6, 7],
        'from', '00:00', 'to', to_char(e.started_at at time zone 'UTC', 'HH24:MI')))
      from earnings e where e.terms_id = t.id and e.id::text = :id`,
  },
  {
    check: 'a call that a cap refused is beyond it, once its day or month is closed',
    // A call that was too short, on a day that is closed and was not full.
    find: `select id::text as id from calls where status = 'rejected' and business_date = '2026-03-03' order by id limit 1`,
    spoil: `update call_scores set reasons = reasons || app.refusal_json('over-daily-cap') where call_id::text = :id;
      update campaign_terms set daily_cap = 1000 where campaign_id = (select campaign_id from calls where id::text = :id)`,
  },
  {
    check: CAPS,
    find: `select e.id::text as id from earnings e join journals j on j.template = 'call' and j.refs ->> 'callId' = e.call_id::text
      where e.business_date = '2026-03-07' and e.currency = 'usd' order by j.id desc limit 1`,
    spoil:
      'update campaign_terms set daily_cap = 1 where id = (select terms_id from earnings where id::text = :id)',
  },
  {
    check: 'a call is in the state that the score of its newest facts decided',
    find: REJECTED,
    spoil: `update call_scores set decision = 'hold' where call_id::text = :id`,
  },
  {
    check: 'a call is on the business date of its start',
    find: REJECTED,
    spoil: set('calls', 'business_date = business_date + 1'),
  },
  {
    check: 'no call is stored twice',
    find: `select source || '/' || external_id as id from calls where status = 'stored' order by external_id limit 1`,
    spoil: `alter table calls drop constraint calls_source_external_id_key;
      insert into calls select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid()))).* from calls c
        where source || '/' || external_id = :id;
      insert into work (job, key, payload, trace, due_at) select 'fraud.score-call', id, '{}', 'copy', '2026-03-07' from calls
        where source || '/' || external_id = :id on conflict do nothing`,
  },
  {
    check: 'no event is stored twice',
    find: `select source || '/' || event_id as id from webhook_events order by id limit 1`,
    spoil: `alter table webhook_events drop constraint webhook_events_source_event_id_key;
      insert into webhook_events (source, event_id, kind, received_at, trace, result)
        select source, event_id, kind, received_at, trace, 'duplicate' from webhook_events where source || '/' || event_id = :id`,
  },
  {
    check: 'every call has the event that brought it, and every such event its call',
    find: REJECTED,
    spoil: 'delete from webhook_events where trace = (select trace from calls where id::text = :id)',
  },
  {
    check: 'no caller is paid for twice in the window of one campaign',
    find: oneOf(
      'calls',
      `status = 'qualified' and external_id like '%0001-1' and business_date = '2026-03-02'`,
    ),
    spoil: `update calls set caller_number = (select caller_number from calls
      where status = 'qualified' and external_id like '%0001-0' and business_date = '2026-03-02') where id::text = :id`,
  },
  {
    check: 'a call refused for its caller has a paid one of the same before it, once its day is closed',
    // A call that was too short, of a caller of whom none is paid for.
    find: `select id::text as id from calls where status = 'rejected' and business_date = '2026-03-03' order by id limit 1`,
    spoil: `update call_scores set reasons = reasons || app.refusal_json('duplicate-caller') where call_id::text = :id`,
  },
  {
    check: 'every call has its row of work, and one that is not scored has it still',
    find: oneOf('calls', `status = 'stored'`),
    spoil: `update work set state = 'done' where key = :id`,
  },
  {
    check: 'no work stays due for more than two days',
    find: oneOf('work', `state = 'due' and job = 'fraud.score-call'`),
    spoil: set('work', `due_at = '2026-03-03'`),
  },
];

const CLEARED_CHARGE =
  'select charge_id as id from charges where cleared_at is not null order by charge_id limit 1';
const BILLING: readonly Corruption[] = [
  {
    check: 'an invoice is the sum of its lines and of its calls, less its credits',
    find: oneOf('invoices', `state = 'paid'`),
    spoil: 'update invoice_lines set seconds = seconds + 1 where invoice_id::text = :id',
  },
  {
    check: 'an invoice holds calls of its own buyer, currency and period',
    find: oneOf('earnings', 'invoice_id is not null'),
    spoil: `update invoices set period_end = period_end - interval '10 days' where id = (select invoice_id from earnings where id::text = :id)`,
  },
  {
    check: 'an earning stands where its invoice stands',
    find: oneOf('earnings', `state = 'billed' and not prepaid`),
    spoil: set('earnings', `state = 'accrued'`),
  },
  {
    check: 'a period of a buyer ends at midnight of its timezone',
    find: oneOf('invoices', `state = 'paid'`),
    spoil: set('invoices', `period_end = period_end + interval '1 hour'`),
  },
  {
    check: 'no invoice that needs an approval is issued without that of its content',
    find: oneOf('invoices', `state = 'paid'`),
    spoil: set('invoices', 'needs_approval = true'),
  },
  {
    check: 'an invoice is booked once when it is issued, and not before',
    find: oneOf('invoices', `state = 'open'`),
    spoil: set('invoices', 'stripe_invoice_id = null'),
  },
  {
    check: 'a charge is booked once, with its fee, and an invoice is paid when nothing is left to be paid',
    find: 'select charge_id as id from charges order by charge_id limit 1',
    spoil: `update journals set refs = refs || '{"invoiceId": "another"}' where template = 'charge' and refs ->> 'chargeId' = :id`,
  },
  {
    check: 'money becomes available once, and not before Stripe says so',
    find: CLEARED_CHARGE,
    spoil: `update stripe_movements set available_at = '2026-03-31' where id = (select balance_transaction_id from charges where charge_id = :id)`,
  },
  {
    check: 'what clears is booked for each supplier of an invoice',
    find: 'select invoice_id::text as id from charges where cleared_at is not null order by 1 limit 1',
    spoil: `update journals set refs = jsonb_build_object('invoiceId', gen_random_uuid()) where template = 'clear' and refs ->> 'invoiceId' = :id`,
  },
  {
    check: 'what is written off is what nobody paid, and no margin',
    find: oneOf('invoices', `state = 'uncollectible'`),
    spoil: `update journals set refs = '{"invoiceId": "another"}' where template = 'write_off' and refs ->> 'invoiceId' = :id`,
    also: ['what is given up is lost, or returned and kept, as the calls and the tax of its invoice stand'],
  },
  {
    check: 'a refund or a dispute is booked once as it began and once as it ended',
    find: 'select id from withdrawals where currency = paid_currency order by id limit 1',
    spoil: `update journals set refs = refs - 'balanceTransactionId' where refs ->> 'withdrawalId' = :id`,
  },
  {
    check: 'what is disputed is with Stripe until it is decided',
    find: `select 'usd' as id`,
    spoil: suspend('dispute_receivable', 1),
    also: [SUM_OF_POSTINGS],
  },
  {
    check: 'the calls of a buyer are invoiced or unbilled to the last unit',
    find: ownerOf('buyer_unbilled'),
    spoil: suspend('buyer_unbilled', 1),
    also: [SUM_OF_POSTINGS],
  },
  {
    check: 'what a buyer owes is issued and not paid',
    find: ownerOf('buyer_receivable'),
    spoil: suspend('buyer_receivable', 1),
    also: [SUM_OF_POSTINGS],
  },
  {
    check: 'every invoice that is not settled has its row of work',
    find: oneOf('invoices', `state = 'open'`),
    spoil: 'delete from work where key = :id',
  },
];

export const BOOK_CORRUPTIONS: readonly Corruption[] = [...LEDGER, ...CALLS, ...BILLING];

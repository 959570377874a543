import type { Corruption } from './corruptions.ts';
import { LOSSES } from './corruptions-of-losses.ts';

const SUM_OF_POSTINGS = 'every balance is the sum of its postings';
const CLEARED_ONCE = 'what clears is booked for each supplier of an invoice';
const ONE_PAYOUT = 'an earning is in one live payout of its own supplier and currency';
const COMPARED = 'every close past its money has compared the cash of each currency';

const payout = (condition: string) =>
  `select id::text as id from payouts where ${condition} order by business_date, supplier_id limit 1`;
const set = (table: string, change: string) => `update ${table} set ${change} where id::text = :id`;
const exchange = (from: string, to: string) => `
  update earnings e set payout_id = case when e.id = a.id then b.payout_id else a.payout_id end
  from (${from}) a, (${to}) b where e.id in (a.id, b.id)`;
const shift = (account: string) => `
  update ledger_accounts set balance_minor = balance_minor + 1 where id = (select id from ledger_accounts where ${account} order by id limit 1);
  insert into ledger_accounts (kind, currency, balance_minor) values ('suspense', 'usd', -1)`;

const PAYOUTS: readonly Corruption[] = [
  {
    check: 'a payout is reserved, sent and given back in the books as its state says',
    find: payout(`state = 'sent'`),
    spoil: `update journals set refs = refs || '{"transferId": "tr_other"}' where template = 'payout_send' and refs ->> 'payoutId' = :id`,
  },
  {
    check: 'a payout is the sum of its earnings, and a returned one holds none',
    find: payout(`state = 'sent' and supplier_id::text like '%1' and amount_minor > 3000`),
    spoil: `update earnings set payout_id = (select p.id from payouts p join payouts big on big.supplier_id = p.supplier_id
        where big.id::text = :id and p.state = 'sent' and p.id <> big.id limit 1)
      where id = (select id from earnings where payout_id::text = :id limit 1)`,
  },
  {
    check: ONE_PAYOUT,
    find: `select e.id::text as id from earnings e where e.state = 'paid' and e.currency = 'usd' order by e.supplier_id, e.id limit 1`,
    spoil: exchange(
      `select id, payout_id from earnings where id::text = :id`,
      `select id, payout_id from earnings where state = 'paid' and currency = 'usd' and supplier_id <>
        (select supplier_id from earnings where id::text = :id) order by id limit 1`,
    ),
  },
  {
    check: 'payouts never exceed what has cleared',
    find: `select supplier_id::text as id from earnings where state = 'paid' and supplier_id::text like '%1' limit 1`,
    spoil: `update earnings set state = 'written_off' where state = 'paid' and supplier_id::text = :id`,
    also: [
      ...[ONE_PAYOUT, CLEARED_ONCE, 'an earning stands where its invoice stands'],
      'what is written off is what nobody paid, and no margin',
      ...LOSSES,
    ],
  },
  {
    check: 'what a supplier is owed is its earnings by state',
    find: `select owner_id || ' supplier_pending' as id from ledger_accounts where kind = 'supplier_pending' and currency = 'usd' order by ledger_accounts.id limit 1`,
    spoil: shift(`kind = 'supplier_pending' and currency = 'usd'`),
    also: [SUM_OF_POSTINGS],
  },
  {
    check: 'the cash of the books is what was charged less what was sent',
    find: `select 'usd stripe_fees' as id`,
    spoil: shift(`kind = 'stripe_fees' and currency = 'usd'`),
    also: [SUM_OF_POSTINGS],
  },
  {
    check: 'a transfer that came back is booked once, and its supplier is owed it again',
    find: 'select id from transfer_reversals',
    spoil: `update transfer_reversals set of_payout_id = (select id from payouts where state = 'refused' limit 1) where id = :id`,
  },
  {
    check: 'the body of a payout is the one that was frozen',
    find: payout(`state = 'waiting_approval'`),
    spoil: set('payouts', `destination = 'acct_other'`),
  },
  {
    check: 'no payout above the limit goes without the approval of its body',
    find: `select subject_id::text as id from approvals where subject_kind = 'payout' limit 1`,
    spoil: `update approvals set content_hash = 'of another body' where subject_id::text = :id`,
  },
  {
    check: 'a payout holds only what was earned by its date',
    find: payout(`state = 'sent'`),
    spoil: set('payouts', 'business_date = business_date - 30'),
    also: [
      'a run of payouts is the sum of its payouts',
      'no payout is planned before the cash of its date is compared',
    ],
  },
  {
    check: 'a held supplier has the line of who held it and why',
    find: 'select id::text as id from suppliers order by id limit 1',
    spoil: set('suppliers', `status = 'held'`),
  },
  {
    check: 'a run of payouts is the sum of its payouts',
    find: 'select id::text as id from payout_runs limit 1',
    spoil: set('payout_runs', 'amount_minor = amount_minor + 1'),
  },
  {
    check: 'no payout is planned before the cash of its date is compared',
    find: payout('true'),
    spoil: `delete from reconciliation_runs r using payouts p
      where p.id::text = :id and r.business_date = p.business_date and r.currency = p.currency`,
    also: [COMPARED],
  },
  {
    check: 'nothing was asked of Stripe without a row of the attempt',
    find: payout(`state = 'sent'`),
    spoil: 'update attempts set sent_at = null where subject_id::text = :id',
  },
  {
    check: 'the token of a payout is the one of its newest attempt',
    find: payout(`state = 'sent'`),
    spoil: set('payouts', 'attempt_token = gen_random_uuid()'),
  },
  {
    check: 'no payout whose outcome is unknown gave its money back',
    find: payout(`state = 'refused'`),
    spoil: `update attempts set outcome = 'unknown' where subject_id::text = :id`,
  },
  {
    check: 'every payout that ended and every approval has its line in the log',
    find: payout(`state = 'sent'`),
    spoil: `delete from audit_log where subject = 'payout:' || :id`,
  },
  {
    check: 'every payout that may go has its row of work, and an open one has it still',
    find: payout(`state = 'unknown'`),
    spoil: `update work set state = 'done' where key = :id`,
  },
];

const reserve = (condition: string) =>
  `select of_payout_id::text as id from supplier_reserves where ${condition} order by release_on limit 1`;

const RESERVES: readonly Corruption[] = [
  {
    check: 'a reserve is what its payout holds back, and of new earnings alone',
    find: reserve('released_at is not null'),
    spoil: `update supplier_reserves set release_on = release_on - 30 where of_payout_id::text = :id`,
  },
  {
    check: 'a reserve is released once, by the first plan from its date on',
    find: reserve('released_at is not null'),
    spoil: `update journals set key = 'reserve_release:other' where key = 'reserve_release:' || :id`,
  },
  {
    check: 'what is held of a supplier and not released is its reserve',
    find: `select owner_id::text as id from ledger_accounts where kind = 'supplier_reserve' and balance_minor < 0
      order by ledger_accounts.id limit 1`,
    spoil: shift(`kind = 'supplier_reserve' and balance_minor < 0`),
    also: [SUM_OF_POSTINGS],
  },
];

const CLOSES: readonly Corruption[] = [
  {
    check: 'business dates are planned without a gap',
    find: `select '2026-03-09' as id`,
    spoil: `insert into schedule_runs (pipeline, period, state, due_at) values ('nightly-close', (:id)::date, 'planned', '2026-03-10')`,
  },
  {
    check: 'every date that was started has one close, which ended with it',
    find: `select '2026-03-03' as id`,
    spoil: `update schedule_runs set state = 'running' where period = (:id)::date`,
  },
  {
    check: 'a run that began stands where its work stands',
    find: `select 'stripe.read-bank-payouts 2026-03-03' as id`,
    spoil: `delete from work where job || ' ' || key = :id`,
  },
  {
    check: 'one close follows the other in the order of their dates',
    find: `select '2026-03-02' as id`,
    spoil: `update closes set state = 'done', stage = 'done', report = '{}', ended_at = now() where state = 'open';
      update work set state = 'done' where close_date = '2026-03-06';
      update schedule_runs set state = 'done' where period = '2026-03-06';
      update closes set state = 'open', stage = 'report' where business_date = (:id)::date;
      update schedule_runs set state = 'running' where period = (:id)::date`,
    also: ['every payout that may go has its row of work, and an open one has it still'],
  },
  {
    check: 'a close that is done has its report and left nothing due',
    find: `select '2026-03-03' as id`,
    spoil: 'update closes set report = null where business_date = (:id)::date',
  },
  {
    check: COMPARED,
    find: `select '2026-03-03 gbp' as id`,
    spoil: `delete from reconciliation_runs where business_date || ' ' || currency = :id`,
  },
  {
    check: 'every movement at Stripe is explained, or is an open break',
    find: `select 'txn_stray' as id`,
    spoil: `insert into stripe_movements values (:id, 'tr_stray', 'transfer', -5, 0, -5, 'usd', '2026-03-03', '2026-03-03', '2026-03-03')`,
  },
];

const DATABASE: readonly Corruption[] = [
  {
    check: 'every amount is one that a number holds exactly',
    find: `select 'movement txn_1' as id`,
    spoil: `update stripe_movements set amount_minor = amount_minor + 1 where 'movement ' || id = :id`,
  },
  {
    check: 'the books that are only added to refuse every other change',
    find: `select 'postings_append_only on postings' as id`,
    spoil: 'alter table postings disable trigger postings_append_only',
  },
  {
    check: 'every table has row level security',
    find: `select 'earnings' as id`,
    spoil: 'alter table earnings disable row level security',
  },
  {
    check: 'no role of the API may change a table',
    find: `select 'service_role on postings' as id`,
    spoil: 'grant update on postings to service_role',
  },
  {
    check: 'there is one row of settings, and it is sane',
    find: `select 'settings' as id`,
    spoil: `update settings set billing_grace = '9 days'`,
  },
];

export const PAYOUT_CORRUPTIONS: readonly Corruption[] = [...PAYOUTS, ...RESERVES, ...CLOSES, ...DATABASE];

import type { Corruption } from './corruptions.ts';

const LEFT = 'what is at the bank, or on its way there, is what left Stripe and is not back';

export const DEPOSIT_CORRUPTIONS: readonly Corruption[] = [
  {
    check: 'a payout of the platform is booked once as it left Stripe, and once as it came back',
    find: `select 'po_under_way' as id`,
    spoil: `update journals set refs = refs || '{"balanceTransactionId": "txn_1"}' where refs ->> 'platformPayoutId' = :id`,
  },
  {
    check:
      'a deposit is the whole of one payout that left Stripe, booked once, and no longer when that is back',
    find: `select 'po_word' as id`,
    spoil: `update journals set refs = refs || '{"platformPayoutId": "po_other"}' where key = 'bank_deposit:' || :id`,
  },
  {
    check: 'a deposit by a statement has the line that names it, with its amount',
    find: `select 'po_line' as id`,
    spoil: 'update bank_lines set payout_id = null where payout_id = :id',
  },
  {
    check: 'who says which payout a line is stands in the log, above the limit two people',
    find: `select 'line ' || id as id from bank_lines where payout_id = 'po_said'`,
    spoil: `update bank_lines set matched_by = 'nobody' where 'line ' || id = :id`,
  },
  {
    check: 'a statement is its opening balance and its lines',
    find: 'select id::text as id from bank_statements order by id limit 1',
    spoil: 'update bank_statements set opening_minor = opening_minor - 1 where id::text = :id',
  },
  {
    check: LEFT,
    find: `select 'usd bank_in_transit' as id`,
    spoil: `update ledger_accounts set balance_minor = balance_minor + 1 where kind = 'bank_in_transit' and :id <> '';
      insert into ledger_accounts (kind, currency, balance_minor) values ('suspense', 'usd', -1)`,
    also: ['every balance is the sum of its postings'],
  },
];

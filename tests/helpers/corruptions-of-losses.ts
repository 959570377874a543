import type { Corruption } from './corruptions.ts';

const GIVEN_UP =
  'what is given up is lost, or returned and kept, as the calls and the tax of its invoice stand';
const BAD_DEBT = 'bad debt is what the invoices of its currency lost';
/** What cannot but break with a change of the rows that losses are worked out from. */
export const LOSSES = [GIVEN_UP, BAD_DEBT] as const;
const account = (kind: string) =>
  `(select a.id from ledger_accounts a where a.kind = '${kind}' and a.currency = (select currency from invoices where id::text = :id))`;
const JOURNAL = `(select id from journals where template = 'write_off' and (amounts ->> 'lost')::bigint > 0 and refs ->> 'invoiceId' = :id order by id limit 1)`;
const LOST = `(select amount_minor from postings where journal_id = ${JOURNAL} and account_id = ${account('bad_debt')})`;

export const LOSS_CORRUPTIONS: readonly Corruption[] = [
  {
    check: GIVEN_UP,
    find: `select refs ->> 'invoiceId' as id from journals where template = 'write_off' and (amounts ->> 'lost')::bigint > 0
      and (amounts ->> 'returned')::bigint = 0 order by id limit 1`,
    // What is lost of an invoice is booked as if the exchange had returned it: every journal and every balance still agrees.
    spoil: `update ledger_accounts set balance_minor = balance_minor - ${LOST} where id = ${account('bad_debt')};
      update ledger_accounts set balance_minor = balance_minor + ${LOST} where id = ${account('exchange_margin')};
      update postings set account_id = ${account('exchange_margin')} where journal_id = ${JOURNAL} and account_id = ${account('bad_debt')};
      update journals set amounts = amounts || jsonb_build_object('lost', amounts -> 'returned', 'returned', amounts -> 'lost') where id = ${JOURNAL}`,
    also: [BAD_DEBT],
  },
  {
    check: BAD_DEBT,
    find: `select currency as id from ledger_accounts where kind = 'bad_debt' order by currency limit 1`,
    spoil: `update ledger_accounts set balance_minor = balance_minor + 1 where kind = 'bad_debt' and currency = :id;
      insert into ledger_accounts (kind, currency, balance_minor) values ('suspense', :id, -1)`,
    also: ['every balance is the sum of its postings'],
  },
];

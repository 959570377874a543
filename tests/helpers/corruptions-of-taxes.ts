import type { Corruption } from './corruptions.ts';
import { LOSSES } from './corruptions-of-losses.ts';

const PAYABLE = 'the tax that is payable is that of the invoices that stand, less their credit notes';

export const TAX_CORRUPTIONS: readonly Corruption[] = [
  {
    check: 'the tax of an invoice is booked with it, and there is none where its buyer is not taxed',
    find: `select id::text as id from invoices where tax_minor > 0 and state = 'uncollectible'`,
    spoil: `update invoices set tax_minor = tax_minor + 1 where id::text = :id`,
    also: [PAYABLE, 'what is written off is what nobody paid, and no margin', ...LOSSES],
  },
  {
    check: 'tax is taken back once, by a credit note or when its invoice is void',
    find: `select id::text as id from credit_notes where state = 'issued'`,
    spoil: `delete from postings where journal_id in (select id from journals where key = 'tax_reversed:' || :id);
      delete from journals where key = 'tax_reversed:' || :id`,
    also: ['every balance is the sum of its postings'],
  },
  {
    check: PAYABLE,
    find: `select currency as id from ledger_accounts where kind = 'tax_payable' order by currency limit 1`,
    spoil: `update ledger_accounts set balance_minor = balance_minor - 1 where kind = 'tax_payable' and currency = :id;
      insert into ledger_accounts (kind, currency, balance_minor) values ('suspense', :id, 1)`,
    also: ['every balance is the sum of its postings'],
  },
];

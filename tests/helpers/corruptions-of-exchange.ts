import type { Corruption } from './corruptions.ts';

export const EXCHANGE_CORRUPTIONS: readonly Corruption[] = [
  {
    check: 'a charge that settles in another currency is booked once in each',
    find: 'select charge_id as id from charges where exchange_rate is not null order by charge_id limit 1',
    spoil: `update journals set refs = refs || '{"exchangeRate": "1"}' where template = 'charge_settled' and refs ->> 'chargeId' = :id`,
  },
  {
    check: 'what is taken back of such a charge is booked once in each currency',
    find: 'select id from withdrawals where currency <> paid_currency order by id limit 1',
    spoil: `update journals set refs = refs || '{"exchangeRate": "1"}' where template like '%\\_settled' and refs ->> 'withdrawalId' = :id`,
  },
  {
    check: 'what is between two currencies is what charges exchanged, less what was taken back',
    find: `select currency as id from ledger_accounts where kind = 'fx_clearing' order by currency limit 1`,
    spoil: `update ledger_accounts set balance_minor = balance_minor - 1 where kind = 'fx_clearing' and currency = :id;
      insert into ledger_accounts (kind, currency, balance_minor) values ('suspense', :id, 1)
        on conflict (kind, owner_id, currency) do update set balance_minor = ledger_accounts.balance_minor + 1`,
    also: ['every balance is the sum of its postings'],
  },
];

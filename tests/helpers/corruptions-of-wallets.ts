import type { Corruption } from './corruptions.ts';

const HOLDS = 'a wallet holds what was paid into it, less what its calls drew and what was taken back';
const CLEARED = 'what clears of the calls of wallets is booked for each supplier';
const topup = 'select id::text as id from topups order by made_at limit 1';

export const WALLET_CORRUPTIONS: readonly Corruption[] = [
  {
    check: HOLDS,
    find: `select owner_id::text as id from ledger_accounts where kind = 'buyer_wallet'`,
    spoil: `update ledger_accounts set balance_minor = balance_minor - 1 where kind = 'buyer_wallet' and owner_id::text = :id;
      insert into ledger_accounts (kind, currency, balance_minor) values ('suspense', 'cad', 1)`,
    also: ['every balance is the sum of its postings'],
  },
  {
    check: 'a top-up is one charge when it is paid, booked once, and none before',
    find: topup,
    spoil: `update topups set state = 'failed' where id::text = :id`,
  },
  {
    check: 'a call from a wallet is in a state that its wallet can pay for, and on no invoice',
    find: `select id::text as id from earnings where prepaid and state = 'billed' order by started_at limit 1`,
    spoil: `update earnings set state = 'accrued' where id::text = :id`,
  },
  {
    check: CLEARED,
    find: `select supplier_id::text as id from earnings where prepaid limit 1`,
    spoil: `update journals set refs = jsonb_build_object('invoiceId', gen_random_uuid()) where id = (select max(id) from journals where template = 'clear' and owners ->> 'supplier' = :id)`,
    also: ['what clears is booked for each supplier of an invoice'],
  },
  {
    check: 'a wallet has one top-up under way at a time, with its row of work',
    find: topup,
    spoil: `update topups set state = 'planned' where id::text = :id; delete from work where key = :id`,
    also: ['a top-up is one charge when it is paid, booked once, and none before'],
  },
];

import { KINDS } from '../helpers/money-month.ts';

/** The tables whose indexes are built when they are full. */
export const LARGE = ['journals', 'postings'];
export const NOW_MS = Date.UTC(2026, 10, 20, 9);
/** All that moved, moved on this day (UTC): so that one day is as large as it can be. */
export const DAY = '2026-11-19';

const NOW = `timestamptz '${new Date(NOW_MS).toISOString()}'`;
const BUYER = '00000000-0000-4000-8000-00000000000b';
const SUPPLIER = '00000000-0000-4000-8000-00000000000c';
const OWNERS = `jsonb_build_object('buyer', '${BUYER}', 'supplier', '${SUPPLIER}')`;
const LACKS_LINE = "('missing_in_ledger', 'orphan_transfer', 'unknown_category')";
const LACKS_MOVEMENT = "('missing_in_stripe', 'expected')";

/**
 * Both sides of a day, in this order: `bench.facts` has a row for each pair, and the break that is injected into some of them as in
 * tests/helpers/money-month.ts; `bench.movements` are Stripe's, and `bench.pages` how it lists them; journals with their postings are ours.
 */
export function statements(rows: number, injected: number, seed: number): Record<string, string> {
  return {
    facts: `create schema bench;
      create table bench.events (event text, category text, sign int, template text, prefix text, ref text);
      insert into bench.events values ('charge', 'charge', 1, 'charge', 'ch', 'chargeId'), ('payout', 'transfer', -1, 'payout_send', 'tr', 'transferId'),
        ('refund', 'refund', -1, 'refund', 're', 'withdrawalId'), ('dispute', 'dispute', -1, 'dispute', 'dp', 'withdrawalId'),
        ('won', 'dispute_reversal', 1, 'dispute_won', 'dr', 'withdrawalId'), ('reversal', 'transfer_reversal', 1, 'transfer_reversal', 'trr', 'reversalId');
      create table bench.facts as
      with picked as (
        select n, row_number() over (order by md5(n || ':' || ${seed})) - 1 as nth from generate_series(0, ${rows - 1}) n order by 2 limit ${injected}
      ), drawn as (
        select n, (array[${KINDS.map((kind) => `'${kind}'`).join(', ')}])[nth % ${KINDS.length} + 1] as kind, nth / ${KINDS.length} % 2 = 0 as coin,
          (array['charge', 'payout', 'refund', 'dispute', 'won', 'reversal'])[case when n % 20 < 14 then 1 when n % 20 < 17 then 2 else n % 20 - 14 + (n % 40) / 20 end] as event
        from generate_series(0, ${rows - 1}) n left join picked using (n)
      ), fitting as (
        select n, kind, coin, case when kind = 'expected' or kind = 'missing_in_ledger' and event in ('payout', 'reversal') then 'charge'
          when kind = 'orphan_transfer' and event not in ('payout', 'reversal') then 'payout' else event end as event from drawn
      )
      select f.*, e.category, e.sign, e.template, e.ref, u.uid, 'txn_' || u.uid as id,
        case when kind = 'expected' and coin then 'py' else e.prefix end || '_' || u.uid as source_id, 500 + (n::bigint * 7919 + ${seed}) % 89500 as amount,
        case when event in ('payout', 'reversal') then 0 else 1 + n::bigint * 31 % 400 end as fee, case when n % 10 < 8 then 'usd' when n % 10 = 8 then 'eur' else 'jpy' end as currency,
        at.created_at, at.created_at + interval '2 days' as available_at
      from fitting f join bench.events e using (event)
        cross join lateral (select date '${DAY}' at time zone 'UTC' + n::bigint * 86400 / ${rows} * interval '1 second' as created_at) at
        -- Of Stripe's kind: they begin alike when they were made at about the same time.
        cross join lateral (select '1' || to_hex(extract(epoch from at.created_at)::bigint) || substr(md5(n || '-' || ${seed}), 1, 15) as uid) u;
      create table bench.injected as select case when kind = 'duplicate' and coin then 'movement:' || id || 'd' when kind = 'duplicate' then 'line:' || id
        when kind in ${LACKS_LINE} then 'movement:' || id when kind in ${LACKS_MOVEMENT} then 'missing:' || id else 'amount:' || id end as identity, kind
        from bench.facts where kind is not null`,
    movements: `create table bench.movements as
      select m.*, row_number() over (order by created_at desc, id desc) - 1 as nth from (
        select id, source_id, sign * amount + case kind when 'amount' then 7 else 0 end as amount,
          case event when 'won' then -fee else fee end + case kind when 'fee' then 3 else 0 end as fee,
          case when kind = 'currency' and coin then 'gbp' else currency end as currency, case when kind = 'currency' and not coin then 1.0843 end as exchange_rate,
          case when kind = 'unknown_category' then case when coin then 'topup' else 'risk_reserved_funds' end else category end as category,
          available_at + case when kind = 'wrong_day' and event = 'charge' then case when coin then 2 else -1 end else 0 end * interval '1 day' as available_at, created_at
        from bench.facts where kind is null or kind not in ${LACKS_MOVEMENT}
        union all select id || 'd', source_id, sign * amount, case event when 'won' then -fee else fee end, currency, null, category, available_at, created_at + interval '1 hour'
        from bench.facts where kind = 'duplicate' and coin) m`,
    "Stripe's pages": `create table bench.pages as
      select coalesce(lag(last) over (order by page), '') as after,
        json_build_object('object', 'list', 'url', '/v1/balance_transactions', 'has_more', lead(page) over (order by page) is not null, 'data', data)::text as body
      from (select nth / 100 as page, (array_agg(id order by nth desc))[1] as last, json_agg(json_build_object('id', id, 'object', 'balance_transaction',
          'amount', amount, 'available_on', extract(epoch from available_at)::bigint, 'balance_type', 'payments', 'created', extract(epoch from created_at)::bigint,
          'currency', currency, 'description', null, 'exchange_rate', exchange_rate, 'fee', fee, 'fee_details', json_build_array(json_build_object('amount', fee,
          'application', null, 'currency', currency, 'description', 'Stripe processing fees', 'type', 'stripe_fee')), 'net', amount - fee, 'reporting_category', category,
          'source', source_id, 'status', 'pending', 'type', category) order by nth) as data from bench.movements group by 1) p;
      create unique index on bench.pages (after)`,
    accounts: `insert into suppliers (id, name) values ('${SUPPLIER}', 'Supplier'); insert into buyers (id, name) values ('${BUYER}', 'Buyer');
      insert into ledger_accounts (kind, owner_id, currency)
      select k.kind, case k.owner when 'buyer' then '${BUYER}' when 'supplier' then '${SUPPLIER}' end::uuid, c from account_kinds k cross join unnest(array['usd', 'eur', 'jpy']) c`,
    journals: `insert into journals (template, key, business_date, currency, amounts, owners, refs, posted_at)
      select template, template || ':' || uid || case again when 1 then '' else ':again' end, '${DAY}', currency,
        jsonb_build_object('amount', amount, 'postpaid', amount, 'prepaid', 0, 'fee', fee)
          || case event when 'charge' then jsonb_build_object('gross', amount, 'net', amount - fee) else jsonb_build_object('total', amount + fee) end,
        ${OWNERS}, jsonb_build_object(ref, source_id, 'balanceTransactionId', id) || case event
          when 'charge' then jsonb_build_object('availableMs', app.ms(available_at), 'invoiceId', md5(uid)::uuid, 'stripeInvoiceId', 'in_' || uid)
          when 'payout' then jsonb_build_object('payoutId', md5(uid)::uuid) else '{}' end,
        case when kind = 'missing_in_stripe' then ${NOW} - interval '5 days' when kind = 'expected' then ${NOW} - case when coin then interval '3 days' else interval '47 hours' end
          when kind = 'wrong_day' and event <> 'charge' then created_at - interval '2 days' else created_at + (n % 600) * interval '1 second' end
      from bench.facts cross join lateral generate_series(1, case when kind = 'duplicate' and not coin then 2 else 1 end) again
      where kind is null or kind not in ${LACKS_LINE} order by created_at, n`,
    postings: `insert into postings (journal_id, account_id, amount_minor, currency)
      select j.id, a.id, case l.side when 'debit' then 1 else -1 end * (j.amounts ->> l.amount)::bigint, j.currency
      from journals j join journal_templates l on l.template = j.template join ledger_accounts a on a.kind = l.account_kind and a.currency = j.currency
      where (j.amounts ->> l.amount)::bigint <> 0;
      update ledger_accounts a set balance_minor = s.sum from (select account_id, sum(amount_minor) as sum from postings group by 1) s where s.account_id = a.id;
      drop table bench.facts, bench.movements, bench.events`,
  };
}

/** What somebody would write who has both sides in two tables: every pair and what is alone, and how it differs. */
export const HAND_WRITTEN = `insert into bench.joined
  select m.id, l.journal_id, case when l.journal_id is null then 'missing_in_ledger' when m.id is null then 'missing_in_stripe'
    when m.currency <> l.currency or m.exchange_rate is distinct from l.exchange_rate then 'currency' when m.amount_minor <> l.gross_minor then 'amount'
    when m.net_minor <> l.net_minor then 'fee' when (m.available_at at time zone 'UTC')::date <> (l.available_at at time zone 'UTC')::date
      or (m.created_at at time zone 'UTC')::date > (l.posted_at at time zone 'UTC')::date then 'wrong_day' end
  from stripe_movements m full join app.cash_lines l on l.movement_id = m.id`;

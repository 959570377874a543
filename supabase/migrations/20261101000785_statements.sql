-- What a supplier or a buyer is told of a month. Reads only.

-- The statement of a supplier or a buyer for a month (p_month is its first day), each currency apart: all that was posted to its
-- accounts on the month's business dates, a line for each day, kind of journal, campaign and reference, with what the line changes in
-- each account; and what stood in the accounts before and at the end. One query makes all of it from the postings, so that opening
-- and lines sum to closing in each account. What a supplier is owed and what a buyer owes is positive; a supplier's debt and what is in
-- a buyer's wallet are less than nothing. `isFinal` when the close of the month's last day is done: no journal has a date of it after that.
create function public.statement(p_party_id uuid, p_month date)
returns jsonb language plpgsql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_statement jsonb; v_ends date := (p_month + interval '1 month')::date;
begin
  with party as (
    select 'supplier' as kind, id, name, -1 as sign from suppliers where id = p_party_id
    union all select 'buyer', id, name, 1 from buyers where id = p_party_id
  ), posted as materialized (
    select a.currency, a.kind as account, j.business_date as date, j.template, j.id as journal_id, j.refs, party.sign * p.amount_minor as amount
    from party join ledger_accounts a on a.owner_id = party.id join account_kinds k on k.kind = a.kind and k.owner = party.kind
      join postings p on p.account_id = a.id join journals j on j.id = p.journal_id
    where j.business_date < v_ends
  ), balances as (
    select currency, account, coalesce(sum(amount) filter (where date < p_month), 0)::bigint as opening, sum(amount)::bigint as closing
    from posted group by currency, account
  ), named as (
    -- What the other side paid or took back is none of theirs: a supplier sees transfers, a buyer its charges and invoices.
    select posted.*, c.name as campaign, case party.kind when 'supplier' then coalesce(refs ->> 'reversalId', refs ->> 'transferId', refs ->> 'payoutId')
      else coalesce(refs ->> 'withdrawalId', refs ->> 'chargeId', refs ->> 'stripeInvoiceId') end as reference
    from party cross join posted left join earnings e on e.id = (refs ->> 'earningId')::uuid left join campaigns c on c.id = e.campaign_id
    where date >= p_month
  ), lines as (
    select currency, date, template, campaign, reference, count(distinct journal_id) as journals, sum(amount)::bigint as amount, jsonb_strip_nulls(jsonb_build_object(
      'supplier_pending', sum(amount) filter (where account = 'supplier_pending'), 'supplier_payable', sum(amount) filter (where account = 'supplier_payable'),
      'supplier_reserve', sum(amount) filter (where account = 'supplier_reserve'), 'supplier_debt', sum(amount) filter (where account = 'supplier_debt'),
      'payouts_in_transit', sum(amount) filter (where account = 'payouts_in_transit'), 'buyer_unbilled', sum(amount) filter (where account = 'buyer_unbilled'),
      'buyer_receivable', sum(amount) filter (where account = 'buyer_receivable'), 'buyer_wallet', sum(amount) filter (where account = 'buyer_wallet'))) as accounts
    from named group by currency, date, template, campaign, reference
  )
  select jsonb_build_object('kind', p.kind, 'partyId', p.id, 'name', p.name, 'month', to_char(p_month, 'YYYY-MM'),
    'isFinal', exists (select 1 from closes where business_date = v_ends - 1 and state = 'done'),
    'currencies', coalesce((select jsonb_agg(jsonb_build_object('currency', c.currency, 'openingMinor', c.opening, 'closingMinor', c.closing, 'accounts', c.accounts,
      'lines', coalesce((select jsonb_agg(jsonb_build_object('date', l.date, 'template', l.template, 'campaign', l.campaign, 'reference', l.reference,
          'journals', l.journals, 'amountMinor', l.amount, 'accounts', l.accounts) order by l.date, l.template, l.campaign, l.reference)
        from lines l where l.currency = c.currency), '[]')) order by c.currency)
      from (select currency, sum(opening)::bigint as opening, sum(closing)::bigint as closing,
        jsonb_agg(jsonb_build_object('account', account, 'openingMinor', opening, 'closingMinor', closing) order by account) as accounts
        from balances group by currency) c), '[]')) into v_statement
  from party p;
  if v_statement is null then perform app.fail('PARTY_UNKNOWN', 'no supplier and no buyer has this id', jsonb_build_object('id', p_party_id), 'PT404'); end if;
  return v_statement;
end $$;

-- The audit's reading of wallets.
create function app.audit_wallets() returns jsonb language sql stable as $$
  with paid_in as materialized (
    select t.buyer_id, t.currency, c.charge_id, c.paid_minor as gross, c.cleared_at is not null as has_cleared, c.currency = c.paid_currency as is_own,
      coalesce(sum(w.paid_minor) filter (where w.state <> 'won'), 0) as taken, coalesce(sum(w.paid_minor) filter (where w.state = 'final'), 0) as gone
    from public.topups t join public.charges c on c.topup_id = t.id left join public.withdrawals w on w.charge_id = c.charge_id group by 1, 2, 3, 4, 5
  ), drawn as materialized (
    select buyer_id, currency, sum(price_minor) as price, coalesce(sum(price_minor) filter (where state = 'cleared'), 0) as cleared,
      coalesce(sum(price_minor) filter (where state <> 'billed'), 0) as used
    from public.earnings where prepaid and state <> 'clawed_back' group by 1, 2
  )
  select jsonb_build_array(
    app.audit_check('a wallet holds what was paid into it, less what its calls drew and what was taken back', 'INV-7', array(
      select buyer_id::text from (
        select buyer_id, currency, gross - gone as amount from paid_in
        union all select buyer_id, currency, -price from drawn
        union all select owner_id, currency, balance_minor from public.ledger_accounts where kind = 'buyer_wallet') part
      group by buyer_id, currency having sum(amount) <> 0)),
    app.audit_check('a top-up is one charge when it is paid, booked once, and none before', 'INV-7', array(
      select coalesce(t.id::text, j.refs ->> 'topupId') from public.topups t left join public.charges c on c.topup_id = t.id
        full join (select * from public.journals where template in ('charge', 'charge_exchanged') and refs ->> 'topupId' is not null) j
          on j.refs ->> 'topupId' = t.id::text and j.refs ->> 'chargeId' = c.charge_id
      where t.id is null or (t.state = 'paid') <> (c.charge_id is not null) or (c.charge_id is null) <> (j.id is null)
        or (t.amount_minor, t.currency) <> (c.paid_minor, c.paid_currency) or t.buyer_id::text <> j.owners ->> 'buyer'
        or c.paid_minor <> (j.amounts ->> 'prepaid')::bigint or c.exchange_rate is null
          and (c.fee_minor, c.net_minor) is distinct from ((j.amounts ->> 'fee')::bigint, (j.amounts ->> 'net')::bigint))),
    app.audit_check('a call from a wallet is in a state that its wallet can pay for, and on no invoice', 'INV-11', array(
      select e.id::text from public.earnings e where e.prepaid and (e.invoice_id is not null or e.state in ('accrued', 'written_off'))
      union all select d.buyer_id::text from drawn d left join (select buyer_id, currency, least(sum(gross) - sum(taken),
            coalesce(sum(gross) filter (where has_cleared and is_own), 0) - coalesce(sum(taken) filter (where is_own), 0)) as available
          from paid_in group by 1, 2) p on p.buyer_id = d.buyer_id and p.currency = d.currency
        -- What was reserved or paid before money was taken back, the exchange bears.
        where d.cleared > 0 and d.used > coalesce(p.available, 0))),
    app.audit_check('what clears of the calls of wallets is booked for each supplier', 'INV-7', array(
      select coalesce(e.supplier_id::text, j.supplier_id) from (
          select supplier_id, currency, sum(share) as share from (
            select supplier_id, currency, share_minor as share from public.earnings where prepaid and state in ('cleared', 'reserved', 'paid')
            union all select e.supplier_id, e.currency, (j.amounts ->> 'payable')::bigint + (j.amounts ->> 'debt')::bigint from public.earnings e
              join public.journals j on j.template = 'adjustment' and j.refs ->> 'earningId' = e.id::text where e.prepaid) part group by 1, 2) e
        full join (select owners ->> 'supplier' as supplier_id, currency, sum((amounts ->> 'share')::bigint * case template when 'clear' then 1 else -1 end) as share
          from public.journals where template in ('clear', 'unclear') and refs ->> 'invoiceId' is null group by 1, 2) j
        on j.supplier_id = e.supplier_id::text and j.currency = e.currency
      where coalesce(e.share, 0) <> coalesce(j.share, 0))),
    app.audit_check('a wallet has one top-up under way at a time, with its row of work', 'INV-19', array(
      select t.id::text from public.topups t where t.state in ('planned', 'processing') and (
        not exists (select 1 from public.work w where w.job = 'billing.recharge-wallet' and w.key = t.id::text)
        or exists (select 1 from public.topups o where o.buyer_id = t.buyer_id and o.currency = t.currency and o.id <> t.id
          and o.state in ('planned', 'processing'))))))
$$;

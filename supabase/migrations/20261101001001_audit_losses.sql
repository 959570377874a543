-- The audit's reading of what was given up: how it divides into what is lost, what was returned and what is kept. Worked out from
-- what invoices, charges, withdrawals, credits and earnings are now, whatever was booked when; compared with what was posted.
create function app.audit_losses() returns jsonb language sql stable as $$
  with money as materialized (
    select i.id, i.currency, i.state, i.amount_minor as net, i.tax_minor as tax, c.charged, g.gone, n.net as noted_net, n.total as noted,
      o.credited - o.given as credited
    from public.invoices i
      cross join lateral (select coalesce(sum(paid_minor), 0) as charged from public.charges where invoice_id = i.id) c
      cross join lateral (select coalesce(sum(paid_minor), 0) as gone from public.withdrawals where invoice_id = i.id and state = 'final') g
      cross join lateral (select coalesce(sum(amount_minor), 0) as net, coalesce(sum(amount_minor + tax_minor), 0) as total
        from public.credit_notes where invoice_id = i.id and state = 'issued') n
      cross join lateral (select (select coalesce(sum(amount_minor), 0) from public.credits where invoice_id = i.id) as credited,
        (select coalesce(sum(x.amount_minor), 0) from public.credits x join public.earnings e on e.id = x.earning_id where e.invoice_id = i.id) as given) o
    where i.state in ('open', 'paid', 'uncollectible', 'void')
  ), paid as materialized (
    -- What was paid for its calls, and what of that has stayed.
    select m.*, app.audit_net(m.charged, m.net, m.tax, m.noted_net, m.noted) as paid_net,
      app.audit_net(m.charged - m.gone, m.net, m.tax, m.noted_net, m.noted) as stayed_net
    from money m
  ), calls as materialized (
    select e.invoice_id, coalesce(sum(e.share_minor) filter (where e.state = 'written_off'), 0) as share,
      -- Its supplier has been paid for it, or is being, and what stays does not reach to it.
      coalesce(sum(e.price_minor) filter (where e.state in ('reserved', 'paid') and e.needs > p.stayed_net + p.credited), 0) as lost
    from (select *, sum(price_minor) filter (where state not in ('written_off', 'clawed_back'))
          over (partition by invoice_id order by started_at, call_id) as needs from public.earnings where invoice_id is not null) e
      join paid p on p.id = e.invoice_id group by 1
  ), expected as materialized (
    select p.id::text as invoice_id, p.currency, c.lost + t.tax as lost, p.gone
        + case when p.state in ('uncollectible', 'void') then p.net + p.tax - p.charged - p.noted else 0 end
        -- The tax that nobody paid of one that is void is nobody's loss.
        - case p.state when 'void' then p.net + p.tax - p.charged - p.noted - (p.net - p.noted_net - p.paid_net) else 0 end - c.share - c.lost - t.tax as margin
    from paid p join calls c on c.invoice_id = p.id
      -- All of it but the part in what has stayed, where the buyer will pay no more, or has paid; else the part in what is gone.
      cross join lateral (select greatest(0, case p.state when 'uncollectible' then p.tax - (p.noted - p.noted_net) else p.charged - p.paid_net end
        - (p.charged - p.gone - p.stayed_net)) as tax) t
  ), posted as materialized (
    select j.refs ->> 'invoiceId' as invoice_id, sum(p.amount_minor) filter (where a.kind = 'bad_debt') as lost,
      sum(p.amount_minor) filter (where a.kind = 'exchange_margin') as margin
    from public.journals j join public.postings p on p.journal_id = j.id join public.ledger_accounts a on a.id = p.account_id
    where j.template in ('write_off', 'write_off_reversed', 'tax_reversed') group by 1
  )
  select jsonb_build_array(
    app.audit_check('what is given up is lost, or returned and kept, as the calls and the tax of its invoice stand', 'INV-7', array(
      select coalesce(e.invoice_id, p.invoice_id, 'no invoice') from expected e full join posted p on p.invoice_id = e.invoice_id
      where (coalesce(e.lost, 0), coalesce(e.margin, 0)) is distinct from (coalesce(p.lost, 0), coalesce(p.margin, 0)))),
    app.audit_check('bad debt is what the invoices of its currency lost', 'INV-8', array(
      select currency from (
        select currency, lost as amount from expected
        union all select currency, -balance_minor from public.ledger_accounts where kind = 'bad_debt') part
      group by currency having sum(amount) <> 0)))
$$;

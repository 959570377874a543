-- The audit's reading of taxes.
create function app.audit_taxes() returns jsonb language sql stable as $$
  with noted as materialized (
    select invoice_id, sum(amount_minor) as net, sum(amount_minor + tax_minor) as total from public.credit_notes where state = 'issued' group by 1
  ), unpaid as (
    -- Of each void invoice the tax in what nobody paid.
    select i.id, i.amount_minor + i.tax_minor - p.charged - n.total
      - (i.amount_minor - n.net - app.audit_net(p.charged, i.amount_minor, i.tax_minor, n.net, n.total)) as tax
    from public.invoices i
      cross join lateral (select coalesce(sum(paid_minor), 0) as charged from public.charges where invoice_id = i.id) p
      cross join lateral (select coalesce(sum(net), 0) as net, coalesce(sum(total), 0) as total from noted where invoice_id = i.id) n
    where i.state = 'void' and i.tax_minor > 0
  ), taken_back as materialized (
    select n.id::text as event, i.id as invoice_id, i.currency, i.buyer_id, n.tax_minor as tax
    from public.credit_notes n join public.invoices i on i.id = n.invoice_id where n.tax_minor > 0
    union all select i.id::text, i.id, i.currency, i.buyer_id, u.tax from unpaid u join public.invoices i on i.id = u.id where u.tax > 0
  )
  select jsonb_build_array(
    app.audit_check('the tax of an invoice is booked with it, and there is none where its buyer is not taxed', 'INV-7', array(
      select i.id::text from public.invoices i left join public.journals j on j.template = 'invoice' and j.refs ->> 'invoiceId' = i.id::text
      where i.tax_minor is distinct from coalesce((j.amounts ->> 'tax')::bigint, case when j.id is null then 0 end)
        or i.tax_minor > 0 and not i.automatic_tax)),
    app.audit_check('tax is taken back once, by a credit note or when its invoice is void', 'INV-7', array(
      select coalesce(t.event, j.refs ->> 'event') from taken_back t
        full join (select * from public.journals where template = 'tax_reversed') j on j.refs ->> 'event' = t.event
      where (t.tax, t.invoice_id::text, t.currency, t.buyer_id::text)
        is distinct from ((j.amounts ->> 'tax')::numeric, j.refs ->> 'invoiceId', j.currency, j.owners ->> 'buyer'))),
    app.audit_check('the tax that is payable is that of the invoices that stand, less their credit notes', 'INV-8', array(
      select currency from (
        select currency, tax_minor::numeric as amount from public.invoices
        union all select currency, -tax from taken_back
        union all select currency, balance_minor from public.ledger_accounts where kind = 'tax_payable') part
      group by currency having sum(amount) <> 0)))
$$;

-- Tax comes on top of what calls cost: Stripe computes it when an invoice is issued. What suppliers earn and what covers their
-- calls is counted without it, what a buyer owes and pays with it.

-- What is left to be paid of an invoice that was issued: less what was charged, and the credit notes that stand at Stripe.
create function app.left_of(p_invoice public.invoices) returns bigint language sql stable as $$
  select p_invoice.amount_minor + p_invoice.tax_minor
    - (select coalesce(sum(paid_minor), 0)::bigint from public.charges where invoice_id = p_invoice.id)
    - (select coalesce(sum(amount_minor + tax_minor), 0)::bigint from public.credit_notes where invoice_id = p_invoice.id and state = 'issued')
$$;

-- What of an amount paid for an invoice pays for its calls: by the part that they are of it, rounded down, and all that they cost
-- when it is paid in full. So nobody is paid with money that is the tax office's. All of it where there is no tax, as in a wallet.
create function app.net_paid(p_invoice_id uuid, p_paid bigint) returns bigint language sql stable as $$
  select coalesce((select case when p_paid >= i.amount_minor + i.tax_minor - n.net - n.tax then i.amount_minor - n.net
      else least(i.amount_minor - n.net, floor(p_paid::numeric * i.amount_minor / (i.amount_minor + i.tax_minor))) end::bigint
    from public.invoices i cross join lateral (select coalesce(sum(amount_minor), 0) as net, coalesce(sum(tax_minor), 0) as tax
      from public.credit_notes where invoice_id = i.id and state = 'issued') n
    where i.id = p_invoice_id and i.tax_minor > 0), p_paid)
$$;

-- The tax in what is left to be paid of an invoice.
create function app.tax_left(p_invoice public.invoices) returns bigint language sql stable as $$
  select greatest(0, app.left_of(p_invoice) - (p_invoice.amount_minor
    - (select coalesce(sum(amount_minor), 0)::bigint from public.credit_notes where invoice_id = p_invoice.id and state = 'issued')
    - app.net_paid(p_invoice.id, (select coalesce(sum(paid_minor), 0)::bigint from public.charges where invoice_id = p_invoice.id))))
$$;

-- What a credit note of so much will take off an invoice with the tax on it, at most: Stripe computes that tax when it is made.
create function app.gross_of(p_invoice public.invoices, p_net bigint) returns bigint language sql immutable as $$
  select p_net + coalesce(ceil(p_net::numeric * p_invoice.tax_minor / nullif(p_invoice.amount_minor, 0)), 0)::bigint
$$;

-- The lines of an invoice as Stripe is to have them: one for each campaign, and one that takes its credits off. Where Stripe
-- computes tax it takes no such line, so that the credits are taken off the others, one after the other.
create function app.lines_of(p_invoice public.invoices) returns jsonb language sql stable as $$
  with line as (
    select k.name, k.id, l.calls, l.amount_minor, case when p_invoice.automatic_tax then least(l.amount_minor, greatest(0, c.total
        - coalesce(sum(l.amount_minor) over (order by k.name, k.id rows between unbounded preceding and 1 preceding), 0))) else 0 end as credited
    from public.invoice_lines l join public.campaigns k on k.id = l.campaign_id
      cross join (select coalesce(sum(amount_minor), 0) as total from public.credits where invoice_id = p_invoice.id) c
    where l.invoice_id = p_invoice.id
  )
  select (select jsonb_agg(jsonb_build_object('campaignId', id, 'description', format('%s: %s calls', name, calls)
      || case when credited > 0 then ', less credit' else '' end, 'calls', calls, 'amountMinor', amount_minor - credited) order by name, id) from line)
    || coalesce((select jsonb_build_array(jsonb_build_object('campaignId', null, 'description', format('Credit for %s calls', count(*)),
      'calls', count(*), 'amountMinor', -sum(amount_minor))) from public.credits
      where invoice_id = p_invoice.id and not p_invoice.automatic_tax having count(*) > 0), '[]')
$$;

-- Tax of an invoice that nobody has to pay to the tax office any more: of a credit note, or of an invoice that is void. It was
-- still owed, or given up before (`p_lost`). Safe to run twice: the journal has the event's key.
create function app.reverse_tax(p_invoice public.invoices, p_event text, p_owed bigint, p_lost bigint, p_now timestamptz) returns void
language plpgsql as $$
begin
  if p_owed + p_lost = 0 then return; end if;
  perform app.post_journal('tax_reversed', 'tax_reversed:' || p_event, app.unclosed_date(p_invoice.business_date), p_invoice.currency,
    jsonb_build_object('tax', p_owed + p_lost, 'owed', p_owed, 'lost', p_lost), jsonb_build_object('buyer', p_invoice.buyer_id),
    jsonb_build_object('invoiceId', p_invoice.id, 'event', p_event), p_now);
end $$;

-- Ends what is left of an invoice that Stripe gave up or that was voided (also after it was given up): its calls are owed by
-- nobody; its tax is lost, or of a void one not payable. Answers what was owed and is left to be booked (app.book_loss).
-- Safe to run twice: a state is entered once, and each journal has a key.
create function app.give_up(p_invoice public.invoices, p_status text, p_now timestamptz) returns bigint language plpgsql as $$
declare v_covered bigint := app.cover_at_most(p_invoice.id); v_tax bigint := app.tax_left(p_invoice); v_left bigint := app.left_of(p_invoice);
  v_open boolean := p_invoice.state = 'open';
begin
  if p_status = 'void' then
    perform app.reverse_tax(p_invoice, p_invoice.id::text, case when v_open then v_tax else 0 end, case when v_open then 0 else v_tax end, p_now);
  end if;
  if not v_open then return 0; end if;
  return v_left - case when p_status = 'void' then v_tax else 0 end
    - app.write_off(p_invoice, p_invoice.id::text, v_covered + v_left - v_tax, v_covered, p_now);
end $$;

-- Charges, also those that settle in another currency than was paid: Stripe has exchanged the money.

-- The row of a charge, made when it is first seen. Null when it cannot be one of ours, or was something else before.
create function app.note_charge(p_charge jsonb, p_invoice_id uuid, p_topup_id uuid) returns public.charges language plpgsql as $$
declare v_charge charges; v_paid bigint := (p_charge ->> 'paidMinor')::bigint; v_gross bigint := (p_charge ->> 'grossMinor')::bigint;
  v_paid_in text := p_charge ->> 'paidCurrency'; v_currency text := p_charge ->> 'currency'; v_rate text := p_charge ->> 'exchangeRate';
begin
  if not exists (select 1 from currencies where code = v_paid_in) or not exists (select 1 from currencies where code = v_currency)
    or (v_paid_in = v_currency) <> (v_rate is null) or v_rate is null and v_gross <> v_paid
  then
    return null;
  end if;
  insert into charges (charge_id, invoice_id, topup_id, balance_transaction_id, paid_minor, paid_currency, currency, gross_minor,
    exchange_rate, fee_minor, net_minor, available_at)
  values (p_charge ->> 'chargeId', p_invoice_id, p_topup_id, p_charge ->> 'balanceTransactionId', v_paid, v_paid_in, v_currency, v_gross,
    v_rate, (p_charge ->> 'feeMinor')::bigint, (p_charge ->> 'netMinor')::bigint, app.at((p_charge ->> 'availableOnMs')::bigint))
  on conflict (charge_id) do nothing;
  select * into v_charge from charges where charge_id = p_charge ->> 'chargeId';
  if (v_charge.invoice_id, v_charge.topup_id, v_charge.paid_minor, v_charge.paid_currency, v_charge.currency, v_charge.gross_minor, v_charge.fee_minor)
    is distinct from (p_invoice_id, p_topup_id, v_paid, v_paid_in, v_currency, v_gross, (p_charge ->> 'feeMinor')::bigint)
  then
    return null;
  end if;
  return v_charge;
end $$;

-- Posts a charge. A journal is in one currency: where Stripe exchanged there are two, and `fx_clearing` holds in each currency
-- what went in and what came out. Safe to run twice: each journal has the charge's key.
create function app.post_charge(p_charge public.charges, p_buyer_id uuid, p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v_date date := app.unclosed_date(p_date); v_buyer jsonb := jsonb_build_object('buyer', p_buyer_id);
  v_settled jsonb := jsonb_build_object('gross', p_charge.gross_minor, 'fee', p_charge.fee_minor, 'net', p_charge.net_minor);
  v_paid jsonb := jsonb_build_object('gross', p_charge.paid_minor) || app.by_wallet(p_charge.paid_minor, p_charge.topup_id is not null);
  v_refs jsonb := app.refs_of_charge(p_charge)
    || jsonb_build_object('chargeId', p_charge.charge_id, 'balanceTransactionId', p_charge.balance_transaction_id,
      'availableMs', app.ms(p_charge.available_at));
begin
  if p_charge.exchange_rate is null then
    perform app.post_journal('charge', 'charge:' || p_charge.charge_id, v_date, p_charge.currency, v_paid || v_settled, v_buyer, v_refs, p_now);
    return;
  end if;
  v_refs := v_refs || jsonb_build_object('exchangeRate', p_charge.exchange_rate);
  perform app.post_journal('charge_exchanged', 'charge_exchanged:' || p_charge.charge_id, v_date, p_charge.paid_currency, v_paid, v_buyer, v_refs, p_now);
  perform app.post_journal('charge_settled', 'charge_settled:' || p_charge.charge_id, v_date, p_charge.currency, v_settled, '{}', v_refs, p_now);
end $$;

-- Earnings that were paid for with money that Stripe holds in another currency: what was paid in their own and not taken back,
-- and credits, do not reach to them. They wait, because nothing of their currency is there to pay them with.
create function app.settled_elsewhere()
returns table (supplier_id uuid, currency text, share bigint, invoice_id uuid, buyer_id uuid, waits_for text) language sql stable as $$
  with paid as (
    -- By invoice, or by the buyer whose wallet it is; credits less those that its own calls gave.
    select p.*, (select coalesce(sum(x.amount_minor), 0) from public.credits x where x.invoice_id = p.of_id)
      - (select coalesce(sum(x.amount_minor), 0) from public.credits x join public.earnings g on g.id = x.earning_id where g.invoice_id = p.of_id) as credited
    from (select coalesce(c.invoice_id, t.buyer_id) as of_id, c.paid_currency as currency, sum(c.paid_minor - w.taken) as amount,
        coalesce(sum(c.paid_minor - w.taken) filter (where c.exchange_rate is null), 0) as own, min(c.currency) filter (where c.exchange_rate is not null) as settled_in
      from public.charges c left join public.topups t on t.id = c.topup_id
        cross join lateral (select coalesce(sum(paid_minor), 0) as taken from public.withdrawals where charge_id = c.charge_id and state <> 'won') w
      group by 1, 2 having count(c.exchange_rate) > 0) p
  ), covered as (
    select e.supplier_id, e.currency, e.share_minor, e.invoice_id, e.buyer_id, e.state, p.settled_in, app.net_paid(e.invoice_id, p.own::bigint) + p.credited as own,
      app.net_paid(e.invoice_id, p.amount::bigint) + p.credited as amount,
      sum(e.price_minor) over (partition by e.invoice_id, e.buyer_id, e.currency order by e.started_at, e.call_id) as reached
    from public.earnings e
      join paid p on p.of_id = case when e.prepaid then e.buyer_id else e.invoice_id end and p.currency = e.currency
    where e.state not in ('written_off', 'clawed_back')
  )
  select supplier_id, currency, share_minor::bigint, invoice_id, buyer_id, 'settled_in:' || settled_in
  from covered where state = 'billed' and reached > own and reached <= amount
$$;

-- The audit's reading of charges that settled in another currency than was paid, and of what was taken back of them.
create function app.audit_exchange() returns jsonb language sql stable as $$
  with exchanged as materialized (
    select c.*, coalesce(i.buyer_id, t.buyer_id) as buyer_id, coalesce(i.currency, t.currency) as owed_in, coalesce(c.invoice_id, c.topup_id)::text as subject
    from public.charges c left join public.invoices i on i.id = c.invoice_id left join public.topups t on t.id = c.topup_id where c.exchange_rate is not null
  ), booked as materialized (
    select refs ->> 'chargeId' as charge_id, count(*) as journals, min(coalesce(refs ->> 'invoiceId', refs ->> 'topupId')) as subject,
      jsonb_object_agg(template, jsonb_build_array(currency, amounts ->> 'gross', refs ->> 'exchangeRate', coalesce(owners ->> 'buyer', ''),
        coalesce((amounts ->> case when refs ->> 'topupId' is null then 'postpaid' else 'prepaid' end), amounts ->> 'fee'))) as said
    from public.journals where template in ('charge_exchanged', 'charge_settled') group by 1
  ), taken_back as materialized (
    select w.*, c.buyer_id, c.subject, took.exchange_rate as rate, gave.exchange_rate as rate_back from public.withdrawals w
      left join exchanged c on c.charge_id = w.charge_id and (c.paid_currency, c.currency) = (w.paid_currency, w.currency)
      left join public.stripe_movements took on took.id = w.balance_transaction_id left join public.stripe_movements gave on gave.id = w.reinstated_by
    where w.currency <> w.paid_currency or w.charge_id in (select charge_id from exchanged)
  ), taken as materialized (
    select refs ->> 'withdrawalId' as id, min(coalesce(refs ->> 'invoiceId', refs ->> 'topupId')) as subject, count(*) as journals,
      jsonb_object_agg(template, jsonb_build_array(currency, amounts ->> 'amount', coalesce(amounts ->> 'fee', ''), coalesce(owners ->> 'buyer', ''),
        coalesce(refs ->> 'exchangeRate', ''), coalesce(refs ->> 'balanceTransactionId', ''))) as said
    from public.journals where template in ('refund_exchanged', 'refund_settled', 'dispute_exchanged', 'dispute_settled', 'dispute_won_exchanged', 'dispute_won_settled')
      or template in ('refund', 'dispute', 'dispute_won', 'dispute_lost') and refs ->> 'withdrawalId' in (select id from taken_back) group by 1
  )
  select jsonb_build_array(
    app.audit_check('a charge that settles in another currency is booked once in each', 'INV-7', array(
      select coalesce(c.charge_id, b.charge_id, 'no charge') from exchanged c full join booked b on b.charge_id = c.charge_id
      where c.charge_id is null or b.journals is distinct from 2 or b.subject <> c.subject or c.paid_currency <> c.owed_in or c.currency = c.owed_in
        or b.said <> jsonb_build_object(
          'charge_exchanged', jsonb_build_array(c.paid_currency, c.paid_minor::text, c.exchange_rate, c.buyer_id::text, c.paid_minor::text),
          'charge_settled', jsonb_build_array(c.currency, c.gross_minor::text, c.exchange_rate, '', c.fee_minor::text)))),
    app.audit_check('what is taken back of such a charge is booked once in each currency', 'INV-7', array(
      select coalesce(w.id, t.id, 'no withdrawal') from taken_back w full join taken t on t.id = w.id
      where w.id is null or w.subject is distinct from t.subject or t.said is distinct from
          jsonb_build_object(
            w.kind || '_exchanged', jsonb_build_array(w.paid_currency, w.paid_minor::text, '', w.buyer_id::text, w.rate, w.balance_transaction_id),
            w.kind || '_settled', jsonb_build_array(w.currency, w.amount_minor::text, w.fee_minor::text, '', w.rate, w.balance_transaction_id))
          || case when w.state = 'won' then jsonb_build_object(
            'dispute_won_exchanged', jsonb_build_array(w.paid_currency, w.paid_minor::text, '', w.buyer_id::text, w.rate_back, w.reinstated_by),
            'dispute_won_settled', jsonb_build_array(w.currency, w.returned_minor::text, w.returned_fee_minor::text, '', w.rate_back, w.reinstated_by))
          when w.state = 'final' and w.kind = 'dispute' then jsonb_build_object(
            'dispute_lost', jsonb_build_array(w.paid_currency, w.paid_minor::text, '', w.buyer_id::text, '', '')) else '{}' end
        or t.journals <> (select count(*) from jsonb_object_keys(t.said)))),
    app.audit_check('what is between two currencies is what charges exchanged, less what was taken back', 'INV-24', array(
      select currency from (
        select paid_currency as currency, paid_minor as amount from exchanged
        union all select currency, -gross_minor from exchanged
        union all select paid_currency, -paid_minor from taken_back where state <> 'won'
        union all select currency, amount_minor - returned_minor from taken_back
        union all select currency, -balance_minor from public.ledger_accounts where kind = 'fx_clearing') part
      group by currency having sum(amount) <> 0)),
    app.audit_listing('charges whose money settled in another currency', array(
      select charge_id || ' ' || paid_currency || ' settled_in:' || currency from exchanged order by 1)))
$$;

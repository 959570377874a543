-- The audit's reading of payouts of the platform to its bank.
create function app.audit_deposits() returns jsonb language sql stable as $$
  with booked as materialized (
    select refs ->> 'platformPayoutId' as payout_id, template, count(*) as journals, min(refs ->> 'balanceTransactionId') as movement_id, min(currency) as currency,
      min((amounts ->> 'amount')::bigint) as amount, min((amounts ->> 'fee')::bigint) as fee
    from public.journals where template in ('platform_payout', 'platform_payout_returned', 'bank_deposit', 'bank_deposit_returned') group by 1, 2
  ), moved as materialized (
    select *, case when returned then 'platform_payout_returned' else 'platform_payout' end as template from public.platform_payout_moves
  )
  select jsonb_build_array(
    app.audit_check('a payout of the platform is booked once as it left Stripe, and once as it came back', 'INV-24', array(
      select coalesce(v.payout_id, b.payout_id) from moved v
        full join (select * from booked where template like 'platform%') b on (b.payout_id, b.template) = (v.payout_id, v.template)
        left join public.stripe_movements m on m.id = v.balance_transaction_id
      where (v.balance_transaction_id, v.currency, v.amount_minor, v.fee_minor, 1) is distinct from (b.movement_id, b.currency, b.amount, b.fee, b.journals)
        or (m.source_id, m.currency, m.amount_minor, m.fee_minor) is distinct from (v.payout_id, v.currency, case when v.returned then 1 else -1 end * v.amount_minor,
          case when v.returned then -1 else 1 end * v.fee_minor)
        or v.returned and not exists (select 1 from public.platform_payout_moves o where o.payout_id = v.payout_id and not o.returned and o.amount_minor = v.amount_minor))),
    app.audit_check('a deposit is the whole of one payout that left Stripe, booked once, and no longer when that is back', 'INV-24', array(
      select coalesce(d.payout_id, b.payout_id) from public.platform_deposits d
        full join (select payout_id, sum(journals) filter (where template = 'bank_deposit') as came, sum(journals) filter (where template <> 'bank_deposit') as went,
            min(amount) as least, max(amount) as most, min(currency) as currency from booked where template like 'bank%' group by 1) b on b.payout_id = d.payout_id
        left join public.platform_payout_moves o on o.payout_id = d.payout_id and not o.returned
        left join public.platform_payout_moves back on back.payout_id = d.payout_id and back.returned
      where (d.amount_minor, d.currency) is distinct from (o.amount_minor, o.currency) or (b.came, b.least, b.most, b.currency) is distinct from (1::numeric, d.amount_minor::bigint, d.amount_minor::bigint, d.currency)
        or (d.returned_at is null) <> (back.payout_id is null) or coalesce(b.went, 0) <> case when d.returned_at is null then 0 else 1 end)),
    app.audit_check('a deposit by a statement has the line that names it, with its amount', 'INV-24', array(
      select d.payout_id from public.platform_deposits d where d.evidence = 'bank' and not exists (
        select 1 from public.bank_lines l where (l.payout_id, l.amount_minor::bigint, l.currency) = (d.payout_id, d.amount_minor::bigint, d.currency))
      union select 'line ' || l.id from public.bank_lines l left join public.platform_payouts p on p.id = l.payout_id
      where l.payout_id is not null and (p.amount_minor::bigint, p.currency) is distinct from (abs(l.amount_minor::bigint), l.currency))),
    app.audit_check('who says which payout a line is stands in the log, above the limit two people', 'INV-29', array(
      select 'line ' || l.id from public.bank_lines l, public.settings s where l.matched_by is not null and (
        not exists (select 1 from public.audit_log a where a.subject = 'bank_line:' || l.id and a.action = 'bank.match' and a.actor = l.matched_by
          and a.detail ->> 'payoutId' = l.payout_id)
        or abs(l.amount_minor) > s.approval_limit_minor and l.asked_by = l.matched_by))),
    app.audit_check('a statement is its opening balance and its lines', 'INV-24', array(
      select s.id::text from public.bank_statements s
      -- A line of two statements is kept with the first.
      where not exists (select 1 from public.bank_statements o where o.account_id = s.account_id and o.id <> s.id and o.from_date <= s.to_date and o.to_date >= s.from_date)
        and s.closing_minor - s.opening_minor <> (select coalesce(sum(l.amount_minor), 0) from public.bank_lines l where l.statement_id = s.id))),
    app.audit_check('what is at the bank, or on its way there, is what left Stripe and is not back', 'INV-24', array(
      select currency || ' ' || kind from (
        select currency, case when returned then -amount_minor else amount_minor end as amount, 'bank_in_transit' as kind from public.platform_payout_moves
        union all select currency, -amount_minor, 'bank_in_transit' from public.platform_deposits where returned_at is null
        union all select currency, amount_minor, 'bank' from public.platform_deposits where returned_at is null
        union all select currency, -balance_minor, kind from public.ledger_accounts where kind in ('bank', 'bank_in_transit')) part
      group by currency, kind having sum(amount) <> 0)),
    app.audit_listing('payouts of the platform that are not at its bank', array(
      select v.payout_id from public.platform_payout_moves v where not v.returned
        and not exists (select 1 from public.platform_deposits d where d.payout_id = v.payout_id)
        and not exists (select 1 from public.platform_payout_moves b where b.payout_id = v.payout_id and b.returned) order by v.booked_at, v.payout_id)))
$$;

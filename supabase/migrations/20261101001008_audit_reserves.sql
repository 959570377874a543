-- The part of the audit about what payouts hold back.
create function app.audit_reserves() returns jsonb language sql stable as $$
  select jsonb_build_array(
    app.audit_check('a reserve is what its payout holds back, and of new earnings alone', 'INV-7', array(
      select coalesce(p.id, r.of_payout_id)::text from public.payouts p full join public.supplier_reserves r on r.of_payout_id = p.id
      where (r.of_payout_id is not null) <> (coalesce(p.reserve_minor, 0) > 0 and p.state in ('sending', 'unknown', 'sent'))
        or (r.supplier_id, r.currency, r.amount_minor) <> (p.supplier_id, p.currency, p.reserve_minor) or r.release_on < p.business_date
        or p.reserve_minor > 0 and p.state not in ('refused', 'withheld') and p.reserve_minor + p.recovered_minor
          >= (select coalesce(sum(share_minor), 0) from public.earnings e where e.payout_id = p.id))),
    app.audit_check('a reserve is released once, by the first plan from its date on', 'INV-7', array(
      select coalesce(r.of_payout_id::text, j.key) from public.supplier_reserves r
        full join (select * from public.journals where template = 'reserve_release') j on j.key = 'reserve_release:' || r.of_payout_id
        left join public.payouts p on p.id = r.of_payout_id left join public.payouts again on again.id = r.payout_id
      where (r.released_at is null) <> (j.id is null) or j.business_date < r.release_on or r.released_at is not null and p.state <> 'sent'
        or ((j.amounts ->> 'amount')::bigint, j.currency, j.owners ->> 'supplier') <> (r.amount_minor, r.currency, r.supplier_id::text)
        or r.released_at is null and (r.payout_id is not null or p.state = 'sent' and exists (select 1 from public.closes c
          join public.work w on w.close_date = c.business_date and w.close_stage = 'plan' and w.state = 'done'
          where c.business_date >= r.release_on and c.started_at > p.ended_at))
        or (again.supplier_id, again.currency) <> (r.supplier_id, r.currency) or again.state in ('refused', 'withheld'))),
    app.audit_check('what is held of a supplier and not released is its reserve', 'INV-7', array(
      select supplier_id::text from (
        select supplier_id, currency, amount_minor as amount from public.supplier_reserves where released_at is null
        union all select owner_id, currency, balance_minor from public.ledger_accounts where kind = 'supplier_reserve') part
      group by supplier_id, currency having sum(amount) <> 0)))
$$;

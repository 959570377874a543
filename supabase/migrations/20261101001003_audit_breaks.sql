-- The audit's reading of breaks that people resolved.
create function app.audit_breaks() returns jsonb language sql stable as $$
  with booked as materialized (
    select refs ->> 'resolutionId' as id, min(refs ->> 'balanceTransactionId') as movement_id, min(currency) as currency, array_agg(template order by template) as templates,
      min((amounts ->> 'came')::bigint - (amounts ->> 'left')::bigint) as least, max((amounts ->> 'came')::bigint - (amounts ->> 'left')::bigint) as most
    from public.journals where template in ('break_resolved', 'break_resolved_reversed') group by 1
  )
  select jsonb_build_array(
    app.audit_check('a break that a person resolved is booked once, as it moved at Stripe, until the books know it', 'INV-24', array(
      select coalesce(r.id::text, j.id, 'no resolution') from (select * from public.break_resolutions where state in ('booked', 'reversed')) r
        full join booked j on j.id = r.id::text
        left join public.stripe_movements m on m.id = r.balance_transaction_id left join public.reconciliation_breaks b on b.id = r.break_id
      where (r.amount_minor, r.amount_minor, r.currency, m.id) is distinct from (j.least, j.most, j.currency, j.movement_id)
        or (m.net_minor, m.currency) is distinct from (r.amount_minor, r.currency) or b.evidence ->> 'movement' <> m.id
        or j.templates is distinct from case r.state when 'booked' then array['break_resolved'] else array['break_resolved', 'break_resolved_reversed'] end
        or (r.state = 'booked') <> (b.state = 'resolved'))),
    app.audit_check('who resolves a break is in the log, and above the limit another person approved it', 'INV-29', array(
      select r.id::text from public.break_resolutions r, public.settings s
      where 1 <> (select count(*) from public.audit_log l where l.subject = 'break:' || r.id and l.action = 'break.resolve' and l.actor = r.asked_by)
        or abs(r.amount_minor) > s.approval_limit_minor and r.state in ('booked', 'reversed')
          and not exists (select 1 from public.approvals a where a.subject_kind = 'break' and a.subject_id = r.id and a.approved_by <> r.asked_by
            and a.content_hash = encode(sha256(convert_to(r.balance_transaction_id || '|' || r.currency || '|' || r.amount_minor, 'UTF8')), 'hex')))),
    app.audit_listing('breaks that people resolved', array(
      select b.identity from public.reconciliation_breaks b where b.state = 'resolved' order by b.id)))
$$;

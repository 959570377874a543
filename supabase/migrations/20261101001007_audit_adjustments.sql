-- The audit's reading of what was taken back of rated calls, and why.
create function app.audit_adjustments() returns jsonb language sql stable as $$
  select jsonb_build_array(
    app.audit_check('an earning that ended is booked back once, for both sides, by its adjustment', 'INV-7', array(
      select coalesce(e.id::text, j.refs ->> 'earningId') from (select * from public.earnings where state = 'clawed_back') e
        full join (select * from public.journals where template = 'adjustment') j on j.refs ->> 'earningId' = e.id::text
        left join public.adjustments a on a.id::text = j.refs ->> 'adjustmentId' and a.earning_id = e.id and a.state = 'posted'
        left join public.credit_notes n on n.adjustment_id = a.id and n.state = 'issued'
      where e.id is null or j.id is null or a.id is null or j.currency <> e.currency or j.owners ->> 'buyer' <> e.buyer_id::text
        or j.owners ->> 'supplier' <> e.supplier_id::text or (j.amounts ->> 'price')::bigint <> e.price_minor
        or (j.amounts ->> 'margin')::bigint <> e.price_minor - e.share_minor
        -- By where it stood: on no invoice, on an open one, paid for, or paid out; a wallet's call is cleared or not.
        or (j.amounts ->> case when e.payout_id is not null then 'debt' when n.id is not null or e.prepaid and (j.amounts ->> 'payable')::bigint = 0
          or e.replaced or e.invoice_id is null and not e.prepaid then 'pending' else 'payable' end)::bigint <> e.share_minor
        or (j.amounts ->> 'prepaid')::bigint <> case when e.prepaid then e.price_minor else 0 end
        or (j.amounts ->> 'noted')::bigint <> case when n.id is not null then e.price_minor else 0 end
      union all select id::text from public.adjustments where state = 'posted'
        and not exists (select 1 from public.journals j where j.key = 'adjustment:' || adjustments.id))),
    app.audit_check('a buyer has credit for what it paid for and was taken back, once', 'INV-7', array(
      select coalesce(e.id, c.earning_id)::text
      from (select * from public.earnings where state = 'clawed_back' and invoice_id is not null and not replaced
          and id not in (select earning_id from public.credit_notes where state = 'issued')) e
        -- In parts, where one pays for all of the calls of an invoice.
        full join (select earning_id, buyer_id, currency, sum(amount_minor) as amount from public.credits group by 1, 2, 3) c on c.earning_id = e.id
      where (e.price_minor, e.buyer_id, e.currency) is distinct from (c.amount, c.buyer_id, c.currency)
      union select c.earning_id::text from public.credits c join public.invoices i on i.id = c.invoice_id
      where i.buyer_id <> c.buyer_id or i.currency <> c.currency)),
    app.audit_check('a credit note takes one call off an open invoice, and stands when that is posted', 'INV-7', array(
      select n.id::text from public.credit_notes n join public.adjustments a on a.id = n.adjustment_id
        join public.earnings e on e.id = n.earning_id join public.invoices i on i.id = n.invoice_id
      where a.earning_id <> e.id or e.invoice_id is distinct from i.id or e.prepaid or n.amount_minor <> e.price_minor
        or n.state = 'issued' and (a.state <> 'posted' or e.state <> 'clawed_back')
        -- One that is under way is asked for with the money of its invoice.
        or n.state = 'planned' and (a.state <> 'waiting' or i.state <> 'open'))),
    app.audit_check('an earning is frozen while its call is disputed or being adjusted, and no longer', null, array(
      select e.id::text from public.earnings e where e.frozen <> (e.state <> 'clawed_back' and (
        exists (select 1 from public.call_disputes d where d.call_id = e.call_id and d.state = 'open')
        or exists (select 1 from public.adjustments a where a.earning_id = e.id and a.state in ('waiting', 'waiting_approval')))))),
    app.audit_check('no adjustment above the limit is posted without the approval of another person', 'INV-29', array(
      select a.id::text from public.adjustments a join public.earnings e on e.id = a.earning_id, public.settings s
      where a.cause in ('dispute', 'operator') and a.state in ('waiting', 'posted') and e.price_minor > s.approval_limit_minor
        and not exists (select 1 from public.approvals p where p.subject_kind = 'adjustment' and p.subject_id = a.id
          and p.approved_by <> a.asked_by and p.content_hash = encode(sha256(convert_to(
            e.id || '|' || e.price_minor || '|' || e.share_minor || '|' || e.currency || '|' || a.cause, 'UTF8')), 'hex')))),
    app.audit_check('a dispute that was approved took its call out of the books, or its adjustment waits', null, array(
      select d.call_id::text from public.call_disputes d join public.earnings e on e.call_id = d.call_id and e.state <> 'clawed_back'
      where d.state = 'approved' and not exists (select 1 from public.adjustments a
        where a.earning_id = e.id and a.state in ('waiting', 'waiting_approval')))),
    app.audit_check('every adjustment has its row of work', 'INV-19', array(
      select a.id::text from public.adjustments a where a.state = 'waiting'
        and not exists (select 1 from public.work w where w.job = 'fraud.adjust-call' and w.key = a.call_id::text))),
    app.audit_listing('adjustments that wait', array(select id::text from public.adjustments where state in ('waiting', 'waiting_approval'))),
    app.audit_listing('credit notes under way', array(select id::text from public.credit_notes where state = 'planned')),
    app.audit_listing('disputes of calls that are open', array(select call_id::text from public.call_disputes where state = 'open')))
$$;

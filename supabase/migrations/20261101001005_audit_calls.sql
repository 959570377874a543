-- The audit's reading of calls, of what they were rated by and of what they earn.
create function app.audit_calls(p_now timestamptz) returns jsonb language sql stable as $$
  with booked as materialized (
    -- A call that was adjusted is rated anew: what counts is how often more it was booked than booked back.
    select refs ->> 'callId' as call_id, sum(case template when 'call' then 1 else -1 end) as journals,
      max(id) filter (where template = 'call') as journal_id,
      (array_agg(refs ->> 'termsId' order by id desc) filter (where template = 'call'))[1] as terms_id
    from public.journals where template in ('call', 'adjustment') group by 1
  ), earned as materialized (
    select call_id, count(*) as earnings from public.earnings where state <> 'clawed_back' group by 1
  ), placed as materialized (
    select * from app.audit_places()
  ), crowd as (
    -- How many paid calls of the campaign are in progress when one begins; one that ends as it begins is none of them.
    select id, step, sum(step) over (partition by campaign_id order by at, step rows unbounded preceding) as at_once from (
      select e.id, e.campaign_id, edge.step, edge.at
      from public.earnings e, lateral (values (1, e.started_at), (-1, e.started_at + make_interval(secs => e.duration_s))) edge (step, at)
      where e.state <> 'clawed_back' and e.campaign_id in (select campaign_id from public.campaign_terms where concurrency_cap is not null)) edges
  ), owed as materialized (
    -- What the call owes and earns by its terms, worked out from the tables a second time; null where nothing can be said.
    select e.id, case
        when t.revenue_bps is not null then case when r.currency = t.currency then
          div(r.amount_minor::numeric * t.revenue_bps, 10000 * m.multiple_of_minor) * m.multiple_of_minor end
        else t.price_minor * case when t.increment_s is null then 1
          else div(greatest(c.duration_s, t.minimum_s) + t.increment_s - 1, t.increment_s) end end as price_minor,
      coalesce(t.supplier_share_minor, div(e.price_minor::numeric * coalesce(t.supplier_share_bps,
          (select (tier ->> 'bps')::int from jsonb_array_elements(t.supplier_share_tiers) tier
           where case when p.place is not null then (tier ->> 'fromCall')::bigint <= p.place
             -- Of a place of which nothing can be said it is the share of some tier.
             else div(e.price_minor::numeric * (tier ->> 'bps')::int, 10000 * m.multiple_of_minor) * m.multiple_of_minor = e.share_minor end order by (tier ->> 'fromCall')::bigint desc limit 1)),
        10000 * m.multiple_of_minor) * m.multiple_of_minor) as share_minor
    from public.earnings e left join placed p on p.earning_id = e.id join public.calls c on c.id = e.call_id join public.campaign_terms t on t.id = e.terms_id
      join public.currencies m on m.code = t.currency left join public.call_revenues r on r.call_id = e.call_id
    where e.state <> 'clawed_back'
  )
  select jsonb_build_array(
    app.audit_check('a call has one earning and one journal when it is qualified, and none when it is not', 'INV-16', array(
      select coalesce(c.id::text, b.call_id, 'no call') from public.calls c full join booked b on b.call_id = c.id::text
        left join earned e on e.call_id = c.id
      where c.id is null or coalesce(b.journals, 0) <> case c.status when 'qualified' then 1 else 0 end
        or coalesce(e.earnings, 0) <> case c.status when 'qualified' then 1 else 0 end)),
    app.audit_check('the journal of a call says what its earning says', 'INV-7', array(
      select coalesce(e.id::text, j.key) from public.earnings e
        full join (select * from public.journals where template = 'call') j on j.refs ->> 'earningId' = e.id::text
      where j.id is null or e.id is null or j.refs ->> 'callId' <> e.call_id::text or (j.amounts ->> 'price')::bigint <> e.price_minor or (j.amounts ->> 'share')::bigint <> e.share_minor
        or (j.amounts ->> 'margin')::bigint <> e.price_minor - e.share_minor or j.currency <> e.currency
        or (j.amounts ->> 'prepaid')::bigint <> case when e.prepaid then e.price_minor else 0 end
        or j.owners ->> 'buyer' <> e.buyer_id::text or j.owners ->> 'supplier' <> e.supplier_id::text
        or j.business_date <> e.business_date)),
    app.audit_check('an earning is its call under the terms that it was rated by', 'INV-7', array(
      select e.id::text from public.earnings e join public.calls c on c.id = e.call_id join public.campaign_terms t on t.id = e.terms_id
      where e.state <> 'clawed_back' and (e.campaign_id is distinct from c.campaign_id or e.buyer_id is distinct from c.buyer_id
        or e.supplier_id is distinct from c.supplier_id or e.started_at <> c.started_at or e.duration_s <> c.duration_s
        or e.business_date < c.business_date or t.campaign_id <> e.campaign_id or t.valid_from > c.started_at
        or t.currency <> e.currency))),
    app.audit_check('a call owes and earns what its terms say', 'INV-7', array(
      select e.id::text from public.earnings e join owed o on o.id = e.id
      where (e.price_minor, e.share_minor) is distinct from (o.price_minor, o.share_minor))),
    app.audit_check('a call is rated by the terms that were in force at its start', 'INV-7', array(
      select e.id::text from public.earnings e join public.campaign_terms t on t.id = e.terms_id
        join booked b on b.call_id = e.call_id::text
      where e.state <> 'clawed_back' and b.terms_id is distinct from e.terms_id::text or exists (select 1 from public.campaign_terms later
        where later.campaign_id = t.campaign_id and later.valid_from > t.valid_from and later.valid_from <= e.started_at))),
    app.audit_check('no call is paid for outside the hours of its terms', null, array(
      select e.id::text from public.earnings e join public.calls c on c.id = e.call_id join public.campaigns k on k.id = e.campaign_id
        join public.campaign_terms t on t.id = e.terms_id
      where e.state <> 'clawed_back' and t.hours is not null and not exists (
        select 1 from jsonb_array_elements(t.hours) h, jsonb_array_elements_text(h -> 'days') d,
          (select to_char(e.started_at at time zone k.timezone, 'ID HH24:MI') collate "C" as shown) clock
        where shown >= d || ' ' || (h ->> 'from') and shown < d || ' ' || (h ->> 'to')))),
    app.audit_check('no call is paid for above the caps of its terms', null, array(
      select e.id::text from public.earnings e join public.campaign_terms t on t.id = e.terms_id
        left join placed p on p.earning_id = e.id left join crowd w on w.id = e.id and w.step = 1
      where p.of_day > t.daily_cap or p.of_month > t.monthly_cap
        -- In the first week of new terms calls of the old ones, with another cap, may still be in progress.
        or w.at_once > t.concurrency_cap and not exists (select 1 from public.campaign_terms before
          where before.campaign_id = t.campaign_id and before.valid_from < t.valid_from
            and t.valid_from > e.started_at - interval '7 days'))),
    app.audit_check('a call that a cap refused is beyond it, once its day or month is closed', 'INV-31', array(
      select p.call_id::text from placed p join public.campaign_terms t on t.id = p.terms_id join public.calls c on c.id = p.call_id
      where p.earning_id is null and case p.refusal when 'over-daily-cap' then p.day_ordered else p.month_ordered end
        and (t.daily_cap is null or p.of_day <= t.daily_cap) and (not p.month_ordered or t.monthly_cap is null or p.of_month <= t.monthly_cap)
        -- Whoever was rated first counts against its caller, and against calls at one time.
        and not exists (select 1 from public.calls o where o.campaign_id = c.campaign_id and o.caller_number = c.caller_number and o.id <> c.id
          and o.status = 'qualified' and abs(extract(epoch from o.started_at - c.started_at)) <= t.duplicate_window_s)
        and not (t.concurrency_cap is not null and exists (
          select 1 from public.earnings moment where moment.campaign_id = c.campaign_id and moment.state <> 'clawed_back'
            and moment.started_at < c.started_at + make_interval(secs => greatest(c.duration_s, 1))
            and moment.started_at + make_interval(secs => moment.duration_s) > c.started_at
            and t.concurrency_cap <= (select count(*) from public.earnings o where o.campaign_id = c.campaign_id and o.state <> 'clawed_back'
              and o.started_at <= greatest(moment.started_at, c.started_at)
              and o.started_at + make_interval(secs => o.duration_s) > greatest(moment.started_at, c.started_at)))))),
    app.audit_check('a call is in the state that the score of its newest facts decided', null, array(
      select c.id::text from public.calls c
        left join public.call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
      where s.decision is distinct from case c.status when 'qualified' then 'qualify' when 'rejected' then 'reject'
        when 'held' then 'hold' end)),
    app.audit_check('a call is on the business date of its start', null, array(
      select c.id::text from public.calls c, public.settings s where c.business_date <> (c.started_at at time zone s.timezone)::date)),
    app.audit_check('no call is stored twice', 'INV-16', array(
      select source || '/' || external_id from public.calls group by source, external_id having count(*) > 1)),
    app.audit_check('no event is stored twice', 'INV-17', array(
      select source || '/' || event_id from public.webhook_events group by source, event_id having count(*) > 1)),
    app.audit_check('every call has the event that brought it, and every such event its call', 'INV-17', array(
      select coalesce(c.id::text, e.source || '/' || e.event_id) from public.calls c
        full join (select source, event_id, trace from public.webhook_events where result = 'stored') e
        on e.source = c.source and e.trace = c.trace
      where c.id is null or e.event_id is null)),
    app.audit_check('no caller is paid for twice in the window of one campaign', 'INV-16', array(
      select b.id::text from public.earnings ea join public.calls a on a.id = ea.call_id and ea.state <> 'clawed_back'
        join public.calls b on b.caller_number = a.caller_number and b.campaign_id = a.campaign_id and b.id <> a.id
        join public.earnings eb on eb.call_id = b.id and eb.state <> 'clawed_back' join public.campaign_terms t on t.id = eb.terms_id
      where (a.started_at, a.id) < (b.started_at, b.id)
        and b.started_at <= a.started_at + make_interval(secs => t.duplicate_window_s))),
    app.audit_check('a call refused for its caller has a paid one of the same before it, once its day is closed', 'INV-31', array(
      select c.id::text from public.calls c join public.call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
        join public.campaigns k on k.id = c.campaign_id cross join public.settings z
        join lateral (select * from public.campaign_terms where campaign_id = c.campaign_id and valid_from <= c.started_at order by valid_from desc limit 1) t on true
        cross join lateral (select (c.started_at at time zone k.timezone)::date as day) d
      where c.status = 'rejected' and s.reasons -> -1 ->> 'signal' = 'duplicate-caller'
        -- Where others are refused too, one of them may have been the reason.
        and num_nonnulls(t.daily_cap, t.monthly_cap, t.concurrency_cap) = 0
        and (((d.day + 1)::timestamp at time zone k.timezone - interval '1 second') at time zone z.timezone)::date
          <= (select max(business_date) from public.closes where stage not in ('calls', 'scores', 'order'))
        and not exists (select 1 from public.unordered_periods u where u.campaign_id = k.id and u.period = date_trunc(u.unit, d.day::timestamp))
        and not exists (
          select 1 from public.calls o join public.earnings e on e.call_id = o.id and e.state <> 'clawed_back' join public.campaign_terms w on w.id = e.terms_id
          where o.caller_number = c.caller_number and o.campaign_id = c.campaign_id and case when (o.started_at, o.id) < (c.started_at, c.id)
            then o.started_at + make_interval(secs => t.duplicate_window_s) >= c.started_at
            -- One that started later and cannot be taken back: its dispute was denied, or its money is lost or settled in another currency.
            else c.started_at + make_interval(secs => w.duplicate_window_s) >= o.started_at and (e.state = 'written_off'
              or exists (select 1 from public.call_disputes x where x.call_id = o.id and x.state = 'denied')
              or exists (select 1 from public.withdrawals x where x.invoice_id = e.invoice_id and x.state <> 'won')
              or e.state = 'billed' and not e.prepaid and exists (select 1 from public.invoices i where i.id = e.invoice_id and i.state in ('paid', 'uncollectible', 'void'))) end))),
    app.audit_check('every call has its row of work, and one that is not scored has it still', 'INV-19', array(
      select c.id::text from public.calls c left join public.work w on w.job = 'fraud.score-call' and w.key = c.id::text
      where w.id is null or c.status = 'stored' and w.state = 'done')),
    app.audit_check('no work stays due for more than two days', 'INV-30', array(
      select id::text from public.work
      where state = 'due' and close_date is null and replays = 0 and due_at < p_now - interval '2 days')),
    app.audit_listing('days and months whose calls are not in the order of their starts', array(
      select concat_ws('/', campaign_id, unit, period) from public.unordered_periods)))
$$;

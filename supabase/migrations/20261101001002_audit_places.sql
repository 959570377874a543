-- The audit's reading of the places of calls. While a day or month is open, calls stand in it in the order in which their journals
-- stand, less those that were booked back before; once a close has put it in order, in the order of their starts, then of their
-- ids. Null where nothing can be said: the period is over and its order not reached (listed), or the call stays as it was rated,
-- because its dispute was denied, its money is lost or, but for its share, settled in another currency. Refused calls, which have no
-- earning, have the place that they would have; `refusal` is their cap.
create function app.audit_places()
returns table (call_id uuid, earning_id uuid, terms_id uuid, refusal text, of_day bigint, of_month bigint, place bigint, day_ordered boolean, month_ordered boolean)
language sql stable as $$
  with asked as materialized (
    select k.id, k.timezone from public.campaigns k where k.id in (select campaign_id from public.campaign_terms
      where supplier_share_tiers is not null or daily_cap is not null or monthly_cap is not null)
  ), rated as materialized (
    select id, step, sum(step) over (partition by campaign_id, day order by journal_id) as of_day,
      sum(step) over (partition by campaign_id, date_trunc('month', day) order by journal_id) as of_month,
      sum(step) over (partition by campaign_id, supplier_id, date_trunc('month', day) order by journal_id) as place
    from (
      select case when j.template = 'call' and e.state <> 'clawed_back' then e.id end as id, case j.template when 'call' then 1 else -1 end as step,
        e.campaign_id, e.supplier_id, (e.started_at at time zone k.timezone)::date as day, j.id as journal_id
      from public.journals j join public.earnings e on e.id = (j.refs ->> 'earningId')::uuid join asked k on k.id = e.campaign_id
      where j.template in ('call', 'adjustment')) booking
  ), counted as (
    select e.call_id, e.id as earning_id, e.campaign_id, e.supplier_id, e.terms_id, e.started_at, null as refusal,
      x.lost or x.elsewhere as stays, x.lost or x.elsewhere and e.frozen as keeps_share
    from public.earnings e cross join lateral (select
      e.state = 'written_off' or exists (select 1 from public.call_disputes d where d.call_id = e.call_id and d.state = 'denied')
        or exists (select 1 from public.withdrawals w where w.invoice_id = e.invoice_id and w.state = 'final') as lost,
      e.state = 'billed' and not e.prepaid and exists (select 1 from public.invoices i where i.id = e.invoice_id and i.state in ('paid', 'uncollectible', 'void')
        and not exists (select 1 from public.charges h where h.invoice_id = i.id and h.cleared_at is null)) as elsewhere) x
    where e.state <> 'clawed_back' and e.campaign_id in (select id from asked)
    union all
    select c.id, null, c.campaign_id, c.supplier_id, t.id, c.started_at, s.reasons -> -1 ->> 'signal', false, false
    from public.calls c join public.call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
      join lateral (select id from public.campaign_terms where campaign_id = c.campaign_id and valid_from <= c.started_at order by valid_from desc limit 1) t on true
    where c.status = 'rejected' and c.campaign_id in (select id from asked) and s.reasons -> -1 ->> 'signal' in ('over-daily-cap', 'over-monthly-cap')
  ), started as (
    select c.*, p.day, p.month, case when c.earning_id is null then 1 else 0 end + count(c.earning_id) over (partition by c.campaign_id, p.day order by c.started_at, c.call_id)
        + count(*) filter (where c.stays) over (partition by c.campaign_id, c.terms_id, p.day order by c.started_at, c.call_id rows between 1 following and unbounded following) as of_day,
      case when c.earning_id is null then 1 else 0 end + count(c.earning_id) over (partition by c.campaign_id, p.month order by c.started_at, c.call_id)
        + count(*) filter (where c.stays) over (partition by c.campaign_id, c.terms_id, p.month order by c.started_at, c.call_id rows between 1 following and unbounded following) as of_month,
      count(c.earning_id) over (partition by c.campaign_id, c.supplier_id, p.month order by c.started_at, c.call_id) as place,
      -- The business date of the last instant of day and month.
      ((((p.day + 1)::timestamp at time zone k.timezone) - interval '1 second') at time zone s.timezone)::date as day_ends,
      (((p.month + interval '1 month') at time zone k.timezone - interval '1 second') at time zone s.timezone)::date as month_ends
    from counted c join asked k on k.id = c.campaign_id cross join public.settings s
      cross join lateral (select (c.started_at at time zone k.timezone)::date as day, date_trunc('month', c.started_at at time zone k.timezone) as month) p
  ), stood as (
    select s.*, closed.date >= s.day_ends as day_over, closed.date >= s.month_ends as month_over, m.period is not null as month_waits,
      d.period is not null or m.period is not null and closed.date >= s.month_ends as day_waits
    from started s cross join (select coalesce(max(business_date), '-infinity') as date from public.closes where stage not in ('calls', 'scores', 'order')) closed
      left join public.unordered_periods d on d.campaign_id = s.campaign_id and d.unit = 'day' and d.period = s.day
      left join public.unordered_periods m on m.campaign_id = s.campaign_id and m.unit = 'month' and m.period = s.month
  )
  select s.call_id, s.earning_id, s.terms_id, s.refusal,
    case when not s.day_over then r.of_day when not s.day_waits and not s.stays then s.of_day end,
    case when not s.month_over then r.of_month when not s.month_waits and not s.stays then s.of_month end,
    case when not s.month_over then r.place when not s.month_waits and not s.keeps_share then s.place end,
    s.day_over and not s.day_waits, s.month_over and not s.month_waits
  from stood s left join rated r on r.id = s.earning_id and r.step = 1
$$;

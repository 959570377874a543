-- What is known of calls that are not in the order of their starts; order.sql puts them in it.

-- Periods of campaigns in which a call was rated after one that started later, or was taken back, or may have the place of one
-- that was. The first close after such a period puts its calls in the order of their starts; without a row there is nothing to look at.
create table public.unordered_periods (
  campaign_id uuid not null references public.campaigns,
  unit text not null check (unit in ('day', 'month')),
  -- Its first day, by the campaign's clocks.
  period date not null,
  -- Of the calls of the period, whatever was rated or taken back since: whoever read it before has read something else.
  changes int not null default 1,
  primary key (campaign_id, unit, period)
);

-- Whether a paid call of the same day or month of the campaign started later.
create function app.is_late(p_call public.calls, p_unit text) returns boolean language plpgsql stable as $$
declare v_timezone text := (select timezone from campaigns where id = p_call.campaign_id);
  v_starts timestamp := date_trunc(p_unit, p_call.started_at at time zone v_timezone);
begin
  return exists (select 1 from earnings e
    where e.campaign_id = p_call.campaign_id and e.state <> 'clawed_back' and e.started_at >= p_call.started_at
      and (e.started_at, e.call_id) > (p_call.started_at, p_call.id)
      -- An hour that the clocks show twice may be the first of the next one.
      and e.started_at < (v_starts + ('1 ' || p_unit)::interval) at time zone v_timezone + interval '1 hour'
      and date_trunc(p_unit, e.started_at at time zone v_timezone) = v_starts);
end $$;

-- Notes that the day or month of a call is out of order.
create function app.note_period(p_call public.calls, p_unit text) returns void language sql as $$
  insert into public.unordered_periods as u (campaign_id, unit, period)
  values (p_call.campaign_id, p_unit, date_trunc(p_unit, app.campaign_day(p_call)::timestamp))
  on conflict (campaign_id, unit, period) do update set changes = u.changes + 1
$$;

-- Notes the days of calls of the same caller that were refused and are not further from a call that was taken back than a window:
-- one of them may be paid for now.
create function app.note_caller(p_call public.calls) returns void language sql as $$
  select app.note_period(r, u) from public.calls r join public.call_scores s on s.call_id = r.id and s.facts_version = r.facts_version
    cross join unnest(array['day', 'month']) u
  where r.caller_number = p_call.caller_number and r.campaign_id = p_call.campaign_id and r.status = 'rejected' and r.id <> p_call.id
    and r.started_at >= p_call.started_at - app.window_of(p_call.campaign_id) and r.started_at <= p_call.started_at + app.window_of(p_call.campaign_id)
    and s.reasons -> -1 ->> 'signal' in ('duplicate-caller', 'over-daily-cap', 'over-monthly-cap')
    and (u = 'day' or s.reasons -> -1 ->> 'signal' = 'over-monthly-cap')
$$;

-- Notes that a call was rated or taken back: where its day or month may be out of order by that, and terms ask for the order,
-- or where it is out of order already.
create function app.note_order(p_call public.calls, p_taken_back boolean) returns void language plpgsql as $$
declare v_unit text; v_period date;
begin
  for v_unit in
    select u from campaign_terms t cross join unnest(array['day', 'month']) u where t.campaign_id = p_call.campaign_id
      and case u when 'day' then t.daily_cap is not null else t.monthly_cap is not null or t.supplier_share_tiers is not null end
    group by u
  loop
    v_period := date_trunc(v_unit, app.campaign_day(p_call)::timestamp);
    if p_taken_back or app.is_late(p_call, v_unit) then
      perform app.note_period(p_call, v_unit);
    else
      update unordered_periods set changes = changes + 1 where campaign_id = p_call.campaign_id and unit = v_unit and period = v_period;
    end if;
  end loop;
  if p_taken_back then perform app.note_caller(p_call); end if;
end $$;

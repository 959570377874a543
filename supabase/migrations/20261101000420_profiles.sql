-- What is usual for a supplier, counted once for each closed date and never again: a call is scored by the profile up to the last
-- date but one before its own, which is closed by then, whenever it is scored.

create table public.supplier_days (
  supplier_id uuid not null references public.suppliers,
  day date not null,
  calls int not null,
  answered int not null,
  -- Answered, and shorter than ten seconds.
  hangups int not null,
  -- Answered, and as long as the terms ask; of those within five seconds of that; and within the ten seconds after these.
  payable int not null,
  in_band int not null,
  after_band int not null,
  callers int not null,
  -- By the hour of UTC in which they started.
  hours int[] not null check (cardinality(hours) = 24),
  qualified int not null,
  -- Payable, and rejected by the rules.
  refused int not null,
  -- Whose signals alone come to what their rules reject from, whatever became of them and however the supplier stands.
  fraudulent int not null,
  -- Disputes of its calls that were approved on that date, whenever the calls were.
  disputed int not null,
  -- Signed by a carrier (STIR); of those, vouched for in part only (B or C).
  signed int not null,
  vouched_less int not null,
  -- Payable, and the caller had another payable call within the 30 days before.
  repeats int not null,
  -- Payable, and held or rejected by rules, not by terms, nor approved by a person.
  stopped int not null,
  primary key (supplier_id, day)
);

-- How long the calls of a campaign are: what those of a supplier are held against. Counted with the days of suppliers.
create table public.campaign_days (
  campaign_id uuid not null references public.campaigns,
  day date not null,
  calls int not null,
  payable int not null,
  -- Payable, and at most so many seconds above the minimum.
  within_5 int not null,
  within_15 int not null,
  within_30 int not null,
  within_60 int not null,
  within_120 int not null,
  within_240 int not null,
  primary key (campaign_id, day)
);

create table public.supplier_profiles (
  supplier_id uuid not null references public.suppliers,
  -- The last of the 28 dates that are counted.
  day date not null,
  profile jsonb not null,
  primary key (supplier_id, day)
);

-- The same of all suppliers together.
create table public.network_profiles (
  day date primary key,
  profile jsonb not null
);

create function app.is_fraudulent(p_score public.call_scores, p_campaign_id uuid) returns boolean language sql stable as $$
  select (select coalesce(sum((r ->> 'points')::int), 0) from jsonb_array_elements(p_score.reasons) r
      where r -> 'signal' in (select m -> 'signal' from jsonb_array_elements(p_score.signals) m))
    >= coalesce(s.rules #> array['campaigns', p_campaign_id::text, 'thresholds', 'rejectAt'], s.rules #> '{default,thresholds,rejectAt}')::int
  from public.rule_sets s where s.version = p_score.rule_set
$$;

create function app.count_supplier_days(p_date date) returns void language sql as $$
  with day as (
    select c.id, c.started_at, c.supplier_id, c.caller_number, c.attestation, c.answered, c.duration_s, t.min_duration_s, c.status, s.verdict, s.reasons, s.signals <> '[]' and app.is_fraudulent(s, c.campaign_id) as is_fraudulent,
      extract(hour from c.started_at at time zone 'UTC')::int as hour
    from public.calls c left join public.campaign_terms t on t.id = (select id from app.terms_at(c.campaign_id, c.started_at))
      left join public.call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
    where c.business_date = p_date and c.supplier_id is not null
  ), disputed as (
    select c.supplier_id, count(*) as calls from public.call_disputes d join public.calls c on c.id = d.call_id
    where d.state = 'approved' and app.business_date(d.decided_at) = p_date and c.supplier_id is not null group by 1
  ), counted as (
    select supplier_id, count(*) as calls, count(*) filter (where answered) as answered, count(*) filter (where answered and duration_s < 10) as hangups,
      count(*) filter (where answered and duration_s >= min_duration_s) as payable,
      count(*) filter (where answered and duration_s >= min_duration_s and duration_s < min_duration_s + 5) as in_band,
      count(*) filter (where answered and duration_s >= min_duration_s + 5 and duration_s < min_duration_s + 15) as after_band,
      count(distinct caller_number) as callers, count(*) filter (where status = 'qualified') as qualified,
      -- By the rules: what is too short, or beyond a cap, is no fault of the supplier.
      count(*) filter (where answered and duration_s >= min_duration_s and status = 'rejected' and verdict = 'reject') as refused,
      count(*) filter (where is_fraudulent) as fraudulent, count(attestation) as signed, count(*) filter (where attestation <> 'A') as vouched_less,
      count(*) filter (where answered and duration_s >= min_duration_s and exists (select 1 from public.calls o
        where o.caller_number = day.caller_number and (o.started_at, o.id) < (day.started_at, day.id) and o.started_at > day.started_at - interval '30 days'
          and o.answered and o.duration_s >= day.min_duration_s)) as repeats,
      count(*) filter (where answered and duration_s >= min_duration_s and status <> 'qualified' and verdict <> 'qualify'
        and not reasons @> '[{"signal": "duplicate-caller"}]') as stopped
    from day group by 1
  ), hours as (
    select supplier_id, array_agg(calls order by hour) as calls from (
      select s.supplier_id, h.hour, count(d.hour)::int as calls from (select supplier_id from counted) s cross join generate_series(0, 23) h (hour)
        left join day d on d.supplier_id = s.supplier_id and d.hour = h.hour group by 1, 2) o group by 1
  )
  insert into public.supplier_days (supplier_id, day, calls, answered, hangups, payable, in_band, after_band, callers, hours, qualified, refused, fraudulent, disputed,
    signed, vouched_less, repeats, stopped)
  select coalesce(c.supplier_id, d.supplier_id), p_date, coalesce(c.calls, 0), coalesce(c.answered, 0), coalesce(c.hangups, 0), coalesce(c.payable, 0),
    coalesce(c.in_band, 0), coalesce(c.after_band, 0), coalesce(c.callers, 0), coalesce(h.calls, array_fill(0, array[24])), coalesce(c.qualified, 0),
    coalesce(c.refused, 0), coalesce(c.fraudulent, 0), coalesce(d.calls, 0),
    coalesce(c.signed, 0), coalesce(c.vouched_less, 0), coalesce(c.repeats, 0), coalesce(c.stopped, 0)
  from counted c full join disputed d on d.supplier_id = c.supplier_id left join hours h on h.supplier_id = c.supplier_id
  on conflict (supplier_id, day) do nothing
$$;

create function app.count_campaign_days(p_date date) returns void language sql as $$
  insert into public.campaign_days
  select c.campaign_id, p_date, count(*), count(*) filter (where p.above >= 0), count(*) filter (where p.above < 5 and p.above >= 0),
    count(*) filter (where p.above < 15 and p.above >= 0), count(*) filter (where p.above < 30 and p.above >= 0), count(*) filter (where p.above < 60 and p.above >= 0),
    count(*) filter (where p.above < 120 and p.above >= 0), count(*) filter (where p.above < 240 and p.above >= 0)
  from public.calls c join public.campaign_terms t on t.id = (select id from app.terms_at(c.campaign_id, c.started_at))
    cross join lateral (select case when c.answered then c.duration_s - t.min_duration_s end as above) p
  where c.business_date = p_date
  group by c.campaign_id
  on conflict (campaign_id, day) do nothing
$$;

create function app.profile_of(p_days public.supplier_days[]) returns jsonb language sql immutable as $$
  select jsonb_build_object('days', count(distinct d.day), 'calls', sum(d.calls), 'answered', sum(d.answered), 'hangups', sum(d.hangups),
    'payable', sum(d.payable), 'inBand', sum(d.in_band), 'afterBand', sum(d.after_band), 'callers', sum(d.callers),
    'qualified', sum(d.qualified), 'refused', sum(d.refused), 'fraudulent', sum(d.fraudulent), 'disputed', sum(d.disputed),
    -- Of the days with calls, so that a few of very many do not move it.
    'median', coalesce(percentile_disc(0.5) within group (order by d.calls) filter (where d.calls > 0), 0),
    'signed', sum(d.signed), 'vouchedLess', sum(d.vouched_less), 'repeats', sum(d.repeats), 'stopped', sum(d.stopped),
    'hours', (select jsonb_agg(o.calls order by o.hour) from (
      select h.hour, sum(h.calls) as calls from unnest(p_days) x cross join unnest(x.hours) with ordinality h (calls, hour) group by 1) o),
    -- From Monday on.
    'weekdays', (select jsonb_agg(o.calls order by o.weekday) from (
      select w.weekday, coalesce(sum(x.calls), 0) as calls from generate_series(1, 7) w (weekday)
        left join unnest(p_days) x on extract(isodow from x.day) = w.weekday group by 1) o))
  from unnest(p_days) d
$$;

-- Counts a closed date, and makes the profiles of the 28 days that end with it. Answers how many suppliers have one.
-- Safe to run twice: a date is counted once, and a profile of a date stays as it was made.
create function public.profile_suppliers(p_date date)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  if exists (select 1 from network_profiles where day = p_date) then return '0'; end if;
  perform app.count_supplier_days(p_date);
  perform app.count_campaign_days(p_date);
  insert into supplier_profiles (supplier_id, day, profile)
  select d.supplier_id, p_date, app.profile_of(array_agg(d)) from supplier_days d where d.day > p_date - 28 and d.day <= p_date group by 1
  on conflict (supplier_id, day) do nothing;
  insert into network_profiles (day, profile)
  select p_date, app.profile_of(array_agg(d)) from supplier_days d where d.day > p_date - 28 and d.day <= p_date having count(*) > 0
  on conflict (day) do nothing;
  return to_jsonb((select count(*) from supplier_profiles where day = p_date));
end $$;

-- What is usual for a supplier, counted once for each closed date: a call is scored by the profile up to the last date but one before
-- its own, which is closed by then, whenever it is scored. Only disputes, which come weeks later, are added to the date of their
-- calls; a profile stays as it was made.

create table public.supplier_days (
  supplier_id uuid not null references public.suppliers,
  day date not null,
  -- The calls that started from then on. Beside the whole day, which is -infinity, a day on which it was decided how the supplier
  -- stands has a row of what came after that: the ladder's next step looks at nothing before.
  since timestamptz not null default '-infinity',
  calls int not null,
  answered int not null,
  -- Answered, and shorter than ten seconds.
  hangups int not null,
  -- Answered, and as long as the terms ask; of those within five seconds of that; and within the ten seconds after these.
  payable int not null,
  in_band int not null,
  after_band int not null,
  callers int not null,
  -- By the hour of UTC in which they started, and by its weekday from Monday on.
  hours int[] not null check (cardinality(hours) = 24),
  weekdays int[] not null check (cardinality(weekdays) = 7),
  -- Paid for, also where a dispute took that back before the day was counted.
  qualified int not null,
  -- Payable, and rejected by the rules.
  refused int not null,
  -- Whose signals alone come to what their rules reject from, whatever became of them and however the supplier stands.
  fraudulent int not null,
  -- Whose disputes were approved, up to the last date that was counted.
  disputed int not null default 0,
  -- Signed by a carrier (STIR); of those, vouched for in part only (B or C).
  signed int not null,
  vouched_less int not null,
  -- Payable, and the caller had another payable call within the 30 days before.
  repeats int not null,
  -- Payable, and held or rejected for what their signals alone come to, nor approved by a person: how the supplier stands, or a
  -- provider that is away, is none of their doing.
  stopped int not null,
  primary key (supplier_id, day, since)
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

-- How many of the values are 0, how many 1 and so on.
create function app.tally(p_values int[], p_size int) returns int[] language sql immutable as $$
  select array_agg(n order by i) from (
    select i, count(v)::int as n from generate_series(0, p_size - 1) i left join unnest(p_values) v on v = i group by i) counted
$$;

-- In one statement, so that the terms of each call are found once.
create function app.count_day(p_date date) returns void language sql as $$
  with stood as (
    select * from (select distinct on (supplier_id) supplier_id, since from public.supplier_standings order by supplier_id, since desc, id desc) newest
    where app.business_date(since) = p_date
  ), day as materialized (
    select c.campaign_id, c.supplier_id, c.caller_number, c.started_at, c.answered, c.duration_s, c.attestation, c.status, s.verdict, s.by_signals, p.above,
      c.started_at at time zone 'UTC' as utc, c.status = 'qualified' or x.call_id is not null as is_paid,
      p.above >= 0 and exists (select 1 from public.calls o where o.caller_number = c.caller_number and (o.started_at, o.id) < (c.started_at, c.id)
        and o.started_at > c.started_at - interval '30 days' and o.answered and o.duration_s >= t.min_duration_s) as is_repeat,
      coalesce(s.reasons @> '[{"signal": "duplicate-caller"}]', false) as is_duplicate, t.min_duration_s is not null as has_terms
    from public.calls c
      left join lateral (select min_duration_s from public.campaign_terms
        where campaign_id = c.campaign_id and valid_from <= c.started_at order by valid_from desc limit 1) t on true
      cross join lateral (select case when c.answered then c.duration_s - t.min_duration_s end as above) p
      left join public.call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
      left join public.call_disputes x on x.call_id = c.id and x.state = 'approved'
    where c.business_date = p_date
  ), campaigns as (
    insert into public.campaign_days
    select campaign_id, p_date, count(*), count(*) filter (where above >= 0), count(*) filter (where above between 0 and 4),
      count(*) filter (where above between 0 and 14), count(*) filter (where above between 0 and 29), count(*) filter (where above between 0 and 59),
      count(*) filter (where above between 0 and 119), count(*) filter (where above between 0 and 239)
    from day where has_terms group by campaign_id
    on conflict (campaign_id, day) do nothing
  ), parts as (
    select day.*, timestamptz '-infinity' as since from day where supplier_id is not null
    union all select day.*, stood.since from day join stood using (supplier_id) where started_at >= stood.since
  )
  insert into public.supplier_days (supplier_id, day, since, calls, answered, hangups, payable, in_band, after_band, callers, hours, weekdays, qualified,
    refused, fraudulent, signed, vouched_less, repeats, stopped)
  select supplier_id, p_date, since, count(*), count(*) filter (where answered), count(*) filter (where answered and duration_s < 10),
    count(*) filter (where above >= 0), count(*) filter (where above between 0 and 4), count(*) filter (where above between 5 and 14),
    count(distinct caller_number), app.tally(array_agg(extract(hour from utc)::int), 24), app.tally(array_agg(extract(isodow from utc)::int - 1), 7),
    count(*) filter (where is_paid),
    -- By the rules: what is too short, or beyond a cap, is no fault of the supplier.
    count(*) filter (where above >= 0 and status = 'rejected' and verdict = 'reject'), count(*) filter (where by_signals = 'reject'),
    count(attestation), count(*) filter (where attestation <> 'A'), count(*) filter (where is_repeat),
    count(*) filter (where above >= 0 and status <> 'qualified' and by_signals <> 'qualify' and not is_duplicate)
  from parts group by supplier_id, since
  on conflict (supplier_id, day, since) do nothing
$$;

-- Adds the disputes that were approved since the date that was counted before to the days of their calls.
create function app.count_disputes(p_date date) returns void language sql as $$
  update public.supplier_days d set disputed = d.disputed + n.calls from (
    select o.supplier_id, o.day, o.since, count(*) as calls
    from public.settings s, public.call_disputes x join public.calls c on c.id = x.call_id
      join public.supplier_days o on o.supplier_id = c.supplier_id and o.day = c.business_date and o.since <= c.started_at
    where x.state = 'approved' and x.decided_at < (p_date + 1)::timestamp at time zone s.timezone
      and x.decided_at >= (select coalesce(max(day), '-infinity') + 1 from public.network_profiles where day < p_date)::timestamp at time zone s.timezone
    group by 1, 2, 3) n
  where d.supplier_id = n.supplier_id and d.day = n.day and d.since = n.since
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
      select w.weekday, sum(w.calls) as calls from unnest(p_days) x cross join unnest(x.weekdays) with ordinality w (calls, weekday) group by 1) o))
  from unnest(p_days) d
$$;

-- Counts a closed date, and makes the profiles of the 28 days that end with it. Answers how many suppliers have one.
-- Safe to run twice: a date is counted once, and a profile of a date stays as it was made.
create function public.profile_suppliers(p_date date)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp
  -- Where PostgREST takes it over from the function; see audit_books.
  set work_mem = '64MB' set statement_timeout = '60s' as $$
begin
  if exists (select 1 from network_profiles where day = p_date) then return '0'; end if;
  perform app.count_day(p_date);
  perform app.count_disputes(p_date);
  insert into supplier_profiles (supplier_id, day, profile)
  select d.supplier_id, p_date, app.profile_of(array_agg(d)) from supplier_days d where d.day > p_date - 28 and d.day <= p_date and d.since = '-infinity' group by 1
  on conflict (supplier_id, day) do nothing;
  insert into network_profiles (day, profile)
  select p_date, app.profile_of(array_agg(d)) from supplier_days d where d.day > p_date - 28 and d.day <= p_date and d.since = '-infinity' having count(*) > 0
  on conflict (day) do nothing;
  return to_jsonb((select count(*) from supplier_profiles where day = p_date));
end $$;

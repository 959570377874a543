-- What runs once for each business date. Its rows decide, the ticks of the queue only ask: a date runs once however many come.
-- The jobs declare the pipelines (src/jobs/pipelines.ts); every start writes them here.
create table public.pipelines (
  name text primary key,
  -- A run is one row of this job's work. Null is the nightly close, which is a state machine of its own.
  job text,
  -- A date's run is due at this time of the day after, by the clocks of the exchange's timezone.
  due_time time not null,
  -- Older dates are recorded as missed and not run.
  catch_up_days int not null check (catch_up_days between 1 and 366),
  -- What is due while an earlier run is not done waits for it, is left out, or runs beside it.
  overlap text not null check (overlap in ('queue', 'skip', 'allow')),
  -- So many failed runs in a row pause it; null is never.
  pause_after int check (pause_after > 0),
  declared boolean not null default true,
  paused_at timestamptz,
  paused_by text,
  pause_reason text,
  -- Failures from before do not pause it again.
  resumed_at timestamptz,
  check ((paused_at is null) = (paused_by is null) and (paused_at is null) = (pause_reason is null))
);

create table public.schedule_runs (
  pipeline text not null,
  period date not null,
  state text not null check (state in ('planned', 'running', 'done', 'failed', 'discarded', 'missed', 'skipped')),
  due_at timestamptz not null,
  -- How often it was begun: once, and once more for each time that its dead letter was replayed.
  attempts int not null default 0,
  started_at timestamptz,
  ended_at timestamptz,
  result jsonb,
  primary key (pipeline, period)
);

-- Makes the pipelines those that the code declares. Safe to run twice, and by every process that starts: runs and pauses stay.
create function public.ensure_pipelines(p_pipelines jsonb)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_declared jsonb := app.json_arg(p_pipelines);
begin
  -- What no code runs any more must not be planned: its work would be due for ever.
  -- An older build may start beside a newer one, so that its pause is kept.
  update pipelines p set declared = false where declared and not exists (select 1 from jsonb_array_elements(v_declared) x where x ->> 'name' = p.name);
  insert into pipelines as p (name, job, due_time, catch_up_days, overlap, pause_after)
  select x ->> 'name', x ->> 'job', (x ->> 'dueTime')::time, (x ->> 'catchUpDays')::int, x ->> 'overlap', (x ->> 'pauseAfter')::int
  from jsonb_array_elements(v_declared) x order by 1
  on conflict (name) do update set job = excluded.job, due_time = excluded.due_time, catch_up_days = excluded.catch_up_days,
    overlap = excluded.overlap, pause_after = excluded.pause_after, declared = true
    where (p.job, p.due_time, p.catch_up_days, p.overlap, p.pause_after, p.declared)
      is distinct from (excluded.job, excluded.due_time, excluded.catch_up_days, excluded.overlap, excluded.pause_after, true);
  return '{}';
end $$;

-- The instant at which a date's run is due. An instant has one time of day: where the clocks skip the time it is the one
-- that they would have shown, and where they show it twice it is the second; either way there is exactly one.
create function app.run_due_at(p_pipeline text, p_date date) returns timestamptz language sql stable as $$
  select ((p_date + 1) + p.due_time) at time zone s.timezone from public.pipelines p, public.settings s where p.name = p_pipeline
$$;

create function app.close_due_at(p_date date) returns timestamptz language sql stable as $$
  select app.run_due_at('nightly-close', p_date)
$$;

create function app.is_paused(p_pipeline text) returns boolean language sql stable as $$
  select coalesce((select paused_at is not null from public.pipelines where name = p_pipeline), false)
$$;

-- The date that is planned next: the one after the newest, else, of closes, that of the first call.
create function app.first_unplanned_date(p_pipeline text, p_else date) returns date language sql stable as $$
  select coalesce((select max(period) + 1 from public.schedule_runs where pipeline = p_pipeline),
    (select min(c.business_date) from public.calls c, public.pipelines p where p.name = p_pipeline and p.job is null), p_else)
$$;

-- Plans the run of every date of one pipeline that is due and has none, and records those that are too old as missed, and as
-- skipped those that its overlap leaves out: only here, so that a date which somebody asks for (backfill_runs) waits instead.
-- Whoever calls it holds the planners' lock.
create function app.plan_dates(p_pipeline public.pipelines, p_due timestamptz) returns void language plpgsql as $$
declare v_today date := app.business_date(p_due); v_date date := app.first_unplanned_date(p_pipeline.name, v_today - 1);
begin
  while v_date < v_today loop
    exit when app.run_due_at(p_pipeline.name, v_date) > p_due;
    insert into schedule_runs (pipeline, period, state, due_at) values (p_pipeline.name, v_date,
      case when v_date < v_today - p_pipeline.catch_up_days then 'missed'
        when p_pipeline.overlap = 'skip' and exists (
          select 1 from schedule_runs where pipeline = p_pipeline.name and state in ('planned', 'running')) then 'skipped'
        else 'planned' end, app.run_due_at(p_pipeline.name, v_date))
    on conflict do nothing;
    v_date := v_date + 1;
  end loop;
end $$;

-- Brings the runs that are rows of work to where their work stands, and pauses what failed too often in a row.
create function app.settle_runs(p_now timestamptz) returns void language plpgsql as $$
declare v_paused pipelines;
begin
  update schedule_runs r set state = s.state, attempts = 1 + w.replays, ended_at = w.ended_at,
    result = jsonb_strip_nulls(jsonb_build_object('result', w.result, 'code', w.code))
  from pipelines p, work w, lateral (select case w.state when 'due' then 'running' when 'dead' then 'failed' else w.state end) s (state)
  where r.pipeline = p.name and r.state in ('running', 'failed') and w.job = p.job and w.key = r.period::text
    -- A replay may have died again since the last look.
    and (r.state, r.attempts) is distinct from (s.state, 1 + w.replays);
  for v_paused in update pipelines p set paused_at = p_now, paused_by = 'callclear', pause_reason = format('%s runs in a row failed', p.pause_after)
  where p.paused_at is null and p.pause_after <= (
    select count(*) from schedule_runs r where r.pipeline = p.name and r.state = 'failed' and r.ended_at > coalesce(p.resumed_at, '-infinity')
      and not exists (select 1 from schedule_runs o where o.pipeline = p.name and o.state = 'done' and o.period > r.period))
  returning p.* loop
    perform app.log_action(p_now, v_paused.paused_by, 'schedule.pause', 'pipeline:' || v_paused.name, jsonb_build_object('reason', v_paused.pause_reason));
  end loop;
end $$;

-- Starts what is planned and may run, the oldest first. Safe to run twice: a run leaves `planned` once, and its work has
-- one row by the date.
create function app.start_runs(p_now timestamptz) returns void language plpgsql as $$
declare v_run record;
begin
  -- Whoever comes second leaves it to the first, or to the next sweep.
  if not pg_try_advisory_xact_lock(741067) then return; end if;
  perform app.settle_runs(p_now);
  for v_run in
    select r.pipeline, r.period, r.due_at, p.job, p.overlap from schedule_runs r join pipelines p on p.name = r.pipeline
    where r.state = 'planned' and p.job is not null and p.paused_at is null and p.declared order by r.pipeline, r.period for update of r
  loop
    continue when v_run.overlap <> 'allow' and exists (select 1 from schedule_runs where pipeline = v_run.pipeline and state = 'running');
    update schedule_runs set state = 'running', started_at = p_now, attempts = 1 where pipeline = v_run.pipeline and period = v_run.period;
    -- What was discarded is made once more: its row would stay as it is.
    update work set state = 'done' where job = v_run.job and key = v_run.period::text and state = 'discarded';
    perform app.make_work(v_run.job, v_run.period::text, jsonb_build_object('date', v_run.period), 'run-' || v_run.period, p_now, null, null, true);
  end loop;
end $$;

-- A pipeline that is paused plans and starts nothing; what runs goes on. Safe to run twice.
create function public.pause_pipeline(p_pipeline text, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform app.known_pipeline(p_pipeline);
  update pipelines set paused_at = app.at(p_now_ms), paused_by = p_by, pause_reason = p_reason where name = p_pipeline and paused_at is null;
  if found then perform app.log_action(app.at(p_now_ms), p_by, 'schedule.pause', 'pipeline:' || p_pipeline, jsonb_build_object('reason', p_reason)); end if;
  return to_jsonb(found);
end $$;

-- Lets a pipeline go on; the next tick plans what came due meanwhile, as after any downtime. Safe to run twice.
create function public.resume_pipeline(p_pipeline text, p_by text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform app.known_pipeline(p_pipeline);
  update pipelines set paused_at = null, paused_by = null, pause_reason = null, resumed_at = app.at(p_now_ms) where name = p_pipeline and paused_at is not null;
  if found then perform app.log_action(app.at(p_now_ms), p_by, 'schedule.resume', 'pipeline:' || p_pipeline); end if;
  return to_jsonb(found);
end $$;

create function app.known_pipeline(p_pipeline text) returns void language plpgsql stable as $$
begin
  if not exists (select 1 from pipelines where name = p_pipeline and declared) then
    perform app.fail('PIPELINE_UNKNOWN', format('there is no pipeline %s', left(p_pipeline, 60)), '{}', 'PT404');
  end if;
end $$;

-- Has dates run that never were: those between two dates that have no run, or whose run was missed, left out or discarded. Answers for each
-- date what becomes of it: `planned`, `not_due`, `too_late` (of a close, after which another one began: its calls and money
-- are in that), or the state in which its run is. Dates are planned without a gap, since ticks go on from the newest: what is
-- between it and the first that is asked for becomes what a tick would make of it, planned or `missed`.
-- Safe to run twice: a date has one row. With p_dry nothing is written.
create function public.backfill_runs(p_pipeline text, p_from date, p_to date, p_by text, p_reason text, p_dry boolean, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_dates jsonb; v_is_close boolean; v_first date; v_today date := app.business_date(app.at(p_now_ms)); v_caught_up date;
begin
  perform app.known_pipeline(p_pipeline);
  perform pg_advisory_xact_lock(741065);
  -- No close may begin between the look and the plan.
  perform pg_advisory_xact_lock(741066);
  if p_to < p_from or p_to - p_from > 366 then
    perform app.fail('PERIOD_INVALID', 'a backfill is of one date to a year of dates', '{}', 'PT422');
  end if;
  select job is null, v_today - catch_up_days into v_is_close, v_caught_up from pipelines where name = p_pipeline;
  v_first := least(p_from, app.first_unplanned_date(p_pipeline, p_from));
  select jsonb_agg(jsonb_build_object('date', d.date, 'state', case
      when r.state not in ('missed', 'skipped', 'discarded') then r.state
      when app.run_due_at(p_pipeline, d.date) > app.at(p_now_ms) then 'not_due'
      when v_is_close and exists (select 1 from closes where business_date > d.date) then 'too_late'
      when d.date < p_from and d.date < v_caught_up then 'missed'
      else 'planned' end) order by d.date) into v_dates
  from (select generate_series(v_first, least(p_from, v_today) - 1, '1 day')::date as date
      union all select generate_series(p_from, p_to, '1 day')::date) d
    left join schedule_runs r on r.pipeline = p_pipeline and r.period = d.date;
  if not p_dry then
    insert into schedule_runs (pipeline, period, state, due_at)
    select p_pipeline, (x ->> 'date')::date, x ->> 'state', app.run_due_at(p_pipeline, (x ->> 'date')::date)
    from jsonb_array_elements(v_dates) x where x ->> 'state' in ('planned', 'missed')
    on conflict (pipeline, period) do update set state = 'planned' where schedule_runs.state in ('missed', 'skipped', 'discarded');
    if found then
      perform app.log_action(app.at(p_now_ms), p_by, 'schedule.backfill', 'pipeline:' || p_pipeline,
        jsonb_build_object('from', v_first, 'to', p_to, 'reason', p_reason));
    end if;
    perform public.advance_runs(p_now_ms);
  end if;
  return v_dates;
end $$;

-- Each pipeline with its pause, its newest run, how many wait or never were, and, as a dead man's switch, since when it is
-- overdue: since a run was due that no tick has planned (the hourly tick is given an hour and a half, also after a pause), since
-- one was due that has not ended six hours later, or since it paused by itself. A pause that somebody made is meant.
create function public.list_pipelines(p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('name', p.name, 'dueTime', to_char(p.due_time, 'HH24:MI'), 'timezone', s.timezone,
      'catchUpDays', p.catch_up_days, 'overlap', p.overlap, 'pauseAfter', p.pause_after, 'pausedAtMs', app.ms(p.paused_at), 'pausedBy', p.paused_by,
      'pauseReason', p.pause_reason, 'last', (select jsonb_build_object('date', r.period, 'state', r.state, 'attempts', r.attempts,
          'startedAtMs', app.ms(r.started_at), 'endedAtMs', app.ms(r.ended_at)) from schedule_runs r where r.pipeline = p.name and r.state <> 'planned'
        order by r.period desc limit 1),
      'waiting', n.planned, 'missed', n.missed, 'failed', n.failed,
      'overdueSinceMs', case when p.paused_by = 'callclear' then app.ms(p.paused_at) when p.paused_at is null then app.ms(least(
        (select min(r.due_at) from schedule_runs r where r.pipeline = p.name and r.state in ('planned', 'running')
          and r.due_at <= app.at(p_now_ms) - interval '6 hours'), case when coalesce(p.resumed_at <= app.at(p_now_ms) - interval '90 minutes', true) then (
        -- Only where it ever ran: closes begin with the first call.
        select min(app.run_due_at(p.name, d.date)) from (select generate_series(n.newest + 1, app.business_date(app.at(p_now_ms)), '1 day')::date as date) d
        where app.run_due_at(p.name, d.date) <= app.at(p_now_ms) - interval '90 minutes') end)) end) order by p.name), '[]')
  from pipelines p cross join settings s cross join lateral (
    select count(*) filter (where state = 'planned') as planned, count(*) filter (where state = 'missed') as missed,
      count(*) filter (where state = 'failed') as failed, max(period) as newest from schedule_runs where pipeline = p.name) n
  where p.declared
$$;

-- The runs of a pipeline in a span of dates, the newest first; at most 400.
create function public.list_runs(p_pipeline text, p_from date, p_to date)
returns jsonb language plpgsql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform app.known_pipeline(p_pipeline);
  return (select coalesce(jsonb_agg(jsonb_build_object('date', period, 'state', state, 'attempts', attempts, 'dueAtMs', app.ms(due_at),
      'startedAtMs', app.ms(started_at), 'endedAtMs', app.ms(ended_at), 'result', result) order by period desc), '[]')
    from (select * from schedule_runs where pipeline = p_pipeline and period between p_from and p_to order by period desc limit 400) r);
end $$;

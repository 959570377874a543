-- The nightly close of a business date: a state machine whose items are rows of `work`. No queue holds its progress.
create table public.schedule_runs (
  pipeline text not null,
  period date not null,
  state text not null check (state in ('planned', 'running', 'done', 'missed')),
  due_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz,
  result jsonb,
  primary key (pipeline, period)
);

create table public.closes (
  business_date date primary key,
  state text not null default 'open' check (state in ('open', 'done')),
  stage text not null default 'calls' check (stage in ('calls', 'billing', 'money', 'plan', 'payouts', 'report', 'done')),
  -- The instant for which everything in this close is decided.
  due_at timestamptz not null,
  started_at timestamptz not null,
  -- When all its calls were scored: from here on no call is booked on its date.
  billing_at timestamptz,
  ended_at timestamptz,
  report jsonb
);
create unique index closes_one_open on public.closes (state) where state = 'open';

-- Counts per bucket, recomputed whole, so that computing one twice changes nothing. For people; money reads the ledger.
create table public.rollups (
  grain text not null check (grain in ('day', 'minute')),
  bucket timestamptz not null,
  campaign_id uuid references public.campaigns,
  supplier_id uuid references public.suppliers,
  currency text references public.currencies,
  calls int not null,
  qualified int not null,
  rejected int not null,
  held int not null,
  seconds bigint not null,
  price_minor bigint not null,
  share_minor bigint not null,
  unique nulls not distinct (grain, bucket, campaign_id, supplier_id, currency)
);
create table public.rollup_watermarks (
  grain text primary key,
  changed_at timestamptz not null
);

create function app.roll_up(p_grain text, p_from timestamptz, p_before timestamptz) returns int language plpgsql as $$
declare v_rows int;
begin
  delete from rollups where grain = p_grain and bucket >= p_from and bucket < p_before;
  insert into rollups (grain, bucket, campaign_id, supplier_id, currency, calls, qualified, rejected, held, seconds, price_minor, share_minor)
  select p_grain, date_trunc(p_grain, c.started_at, 'UTC'), c.campaign_id, c.supplier_id, e.currency, count(*),
    count(*) filter (where c.status = 'qualified'), count(*) filter (where c.status = 'rejected'),
    count(*) filter (where c.status in ('held', 'stored')), sum(c.duration_s), coalesce(sum(e.price_minor), 0), coalesce(sum(e.share_minor), 0)
  from calls c left join earnings e on e.call_id = c.id and e.state <> 'clawed_back'
  where c.started_at >= p_from and c.started_at < p_before
  group by 2, 3, 4, 5;
  get diagnostics v_rows = row_count;
  return v_rows;
end $$;

-- Recomputes the UTC days that a business date touches.
create function public.roll_up_day(p_date date)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_from timestamptz;
begin
  perform pg_advisory_xact_lock(741064);
  select date_trunc('day', p_date::timestamp at time zone timezone, 'UTC') into v_from from settings;
  return to_jsonb(app.roll_up('day', v_from, v_from + interval '2 days'));
end $$;

-- Recomputes the minutes of calls that changed since the last time; at most 5,000 calls at once, the rest next time.
create function public.roll_up_recent(p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_since timestamptz; v_until timestamptz; v_minute timestamptz; v_minutes int := 0;
begin
  perform pg_advisory_xact_lock(741064);
  select changed_at into v_since from rollup_watermarks where grain = 'minute';
  v_since := coalesce(v_since, '-infinity');
  select max(changed_at) into v_until
    from (select changed_at from calls where changed_at > v_since order by changed_at limit 5000) recent;
  if v_until is null then return '0'; end if;
  for v_minute in
    select distinct date_trunc('minute', started_at, 'UTC') from calls where changed_at > v_since and changed_at <= v_until
  loop
    perform app.roll_up('minute', v_minute, v_minute + interval '1 minute');
    v_minutes := v_minutes + 1;
  end loop;
  -- A transaction that began earlier may commit a change stamped before this one: the last seconds are read again.
  insert into rollup_watermarks as w (grain, changed_at)
  values ('minute', greatest(v_since, least(v_until, app.at(p_now_ms) - interval '30 seconds')))
  on conflict (grain) do update set changed_at = excluded.changed_at;
  return to_jsonb(v_minutes);
end $$;

-- The instant for which a date's close is due: 09:00 UTC of the next day, when every American day has ended.
create function app.close_due_at(p_date date) returns timestamptz language sql immutable as $$
  select ((p_date + 1)::timestamp + interval '9 hours') at time zone 'UTC'
$$;

-- Whether the current stage of an open close has ended. An item that is dead has ended too: it is listed in the report,
-- and nobody else waits for it.
create function app.stage_ended(p_close public.closes) returns boolean language sql stable as $$
  select case p_close.stage
    when 'calls' then not exists (
      select 1 from public.calls c join public.work w on w.job = 'fraud.score-call' and w.key = c.id::text
      where c.status = 'stored' and w.state = 'due' and c.business_date <= p_close.business_date) else true end
    and not exists (
      select 1 from public.work where close_date = p_close.business_date and close_stage = p_close.stage and state = 'due')
$$;

create function app.enter_stage(p_close public.closes, p_stage text, p_now timestamptz) returns void language plpgsql as $$
declare
  v_date date := p_close.business_date;
  v_payload jsonb := jsonb_build_object('date', p_close.business_date, 'dueAtMs', app.ms(p_close.due_at));
  v_job text := case p_stage when 'money' then 'reconciliation.reconcile-money' when 'plan' then 'payouts.plan-payouts'
    when 'report' then 'operations.report-close' end;
begin
  update closes set stage = p_stage, state = case when p_stage = 'done' then 'done' else 'open' end,
    billing_at = case when p_stage = 'billing' then p_now else billing_at end,
    ended_at = case when p_stage = 'done' then p_now end where business_date = v_date;
  -- After the night's money has come, or has not.
  if p_stage = 'plan' then perform app.watch_credit(p_now); end if;
  if p_stage = 'billing' then
    perform app.plan_invoices(v_date, p_close.due_at);
    perform app.make_work('analytics.roll-up-day', v_date::text, v_payload, 'close-' || v_date, p_now, null, null, true);
  elsif p_stage = 'done' then
    update schedule_runs set state = 'done', ended_at = p_now, result = (select report from closes where business_date = v_date)
    where pipeline = 'nightly-close' and period = v_date;
    -- Work of no close: whatever the audit finds, no close waits for it.
    perform app.make_work('operations.audit-books', v_date::text, v_payload, 'close-' || v_date, p_now);
    perform app.start_next_close(p_now);
  elsif v_job is not null then
    perform app.make_work(v_job, v_date::text, v_payload, 'close-' || v_date, p_now, v_date, p_stage);
  end if;
end $$;

-- Moves the open close on while its stages have ended. The lock on its row makes concurrent callers wait for each other,
-- so that of two items that end at once the second sees the first.
create function app.advance_close(p_now timestamptz) returns void language plpgsql as $$
declare v_close closes; v_next text;
begin
  loop
    select * into v_close from closes where state = 'open' for update;
    exit when v_close.business_date is null or not app.stage_ended(v_close);
    v_next := case v_close.stage when 'calls' then 'billing' when 'billing' then 'money' when 'money' then 'plan'
      when 'plan' then 'payouts' when 'payouts' then 'report' when 'report' then 'done' end;
    perform app.enter_stage(v_close, v_next, p_now);
  end loop;
end $$;

create function app.start_next_close(p_now timestamptz) returns void language plpgsql as $$
declare v_run schedule_runs;
begin
  -- Whoever comes second leaves it to the first, or to the next sweep: two would open two closes, or the wrong one.
  if not pg_try_advisory_xact_lock(741066) then return; end if;
  if exists (select 1 from closes where state = 'open') then return; end if;
  select * into v_run from schedule_runs where pipeline = 'nightly-close' and state = 'planned' order by period limit 1 for update skip locked;
  if v_run.period is null then return; end if;
  update schedule_runs set state = 'running', started_at = p_now where pipeline = v_run.pipeline and period = v_run.period;
  insert into closes (business_date, due_at, started_at) values (v_run.period, v_run.due_at, p_now);
  -- What an adjustment waited for may have come since the last close.
  perform app.make_work('fraud.adjust-call', a.call_id::text, jsonb_build_object('callId', a.call_id), 'close-' || v_run.period, p_now,
    v_run.period, 'calls', true)
  from adjustments a where a.state = 'waiting' order by a.call_id;
end $$;

-- Serialises planners: two ticks at once plan once.
create function app.plan_close(p_date date, p_now timestamptz) returns void language sql as $$
  insert into public.schedule_runs (pipeline, period, state, due_at)
  values ('nightly-close', p_date, 'planned', app.close_due_at(p_date)) on conflict do nothing
$$;

-- The date whose close is planned next: the one after the newest, else that of the first call.
create function app.first_unplanned_date(p_else date) returns date language sql stable as $$
  select coalesce((select max(period) + 1 from public.schedule_runs where pipeline = 'nightly-close'),
    (select min(business_date) from public.calls), p_else)
$$;

-- Plans the close of every business date that has ended by the due instant and was not closed yet, oldest first, at most
-- seven days back; older ones are recorded as missed. Then starts the first. Safe to run twice: a date has one row.
create function public.plan_closes(p_due_ms bigint, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_today date := app.business_date(app.at(p_due_ms)); v_date date;
begin
  perform pg_advisory_xact_lock(741065);
  v_date := app.first_unplanned_date(v_today - 1);
  while v_date < v_today loop
    if v_date < v_today - 7 then
      insert into schedule_runs (pipeline, period, state, due_at)
      values ('nightly-close', v_date, 'missed', app.close_due_at(v_date)) on conflict do nothing;
    elsif app.close_due_at(v_date) <= app.at(p_due_ms) then
      perform app.plan_close(v_date, app.at(p_now_ms));
    end if;
    v_date := v_date + 1;
  end loop;
  perform app.start_next_close(app.at(p_now_ms));
  perform app.advance_close(app.at(p_now_ms));
  return jsonb_build_object('planned', (select count(*) from schedule_runs where pipeline = 'nightly-close' and state = 'planned'),
    'running', (select business_date from closes where state = 'open'));
end $$;

-- Closes one date by hand. Safe to run twice: a date that is closed, or being closed, stays as it is.
create function public.start_close(p_date date, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform pg_advisory_xact_lock(741065);
  if not exists (select 1 from schedule_runs where pipeline = 'nightly-close' and period = p_date) then
    if app.close_due_at(p_date) > app.at(p_now_ms) then
      perform app.fail('CLOSE_OUT_OF_ORDER', format('the close of %s is due at %s', p_date, app.close_due_at(p_date)));
    end if;
    if exists (select 1 from schedule_runs where pipeline = 'nightly-close' and period > p_date) then
      perform app.fail('CLOSE_OUT_OF_ORDER', 'a later date is closed already');
    end if;
    if p_date > app.first_unplanned_date(p_date) then
      perform app.fail('CLOSE_OUT_OF_ORDER', format('the close of %s comes first', app.first_unplanned_date(p_date)));
    end if;
    perform app.plan_close(p_date, app.at(p_now_ms));
  end if;
  perform app.start_next_close(app.at(p_now_ms));
  perform app.advance_close(app.at(p_now_ms));
  return (select jsonb_build_object('date', p_date, 'state', r.state, 'stage', c.stage, 'report', c.report)
    from schedule_runs r left join closes c on c.business_date = r.period where r.pipeline = 'nightly-close' and r.period = p_date);
end $$;

-- How a date's close stands, and which items stand in its way.
create function public.close_status(p_date date)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object('date', c.business_date, 'state', c.state, 'stage', c.stage, 'report', c.report,
    'waitingFor', (select coalesce(jsonb_agg(jsonb_build_object('job', w.job, 'key', w.key, 'state', w.state) order by w.id), '[]')
      from (select * from work where close_date = c.business_date and state = 'due' order by id limit 20) w))
  from closes c where c.business_date = p_date
$$;

-- Moves the open close on if it can; called by the sweep, for what no item's end has moved.
create function public.advance_closes(p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform app.start_next_close(app.at(p_now_ms));
  perform app.advance_close(app.at(p_now_ms));
  return (select to_jsonb(business_date) from closes where state = 'open');
end $$;

-- Writes what the close did onto its row. The numbers are of this date only.
create function public.report_close(p_date date)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_report jsonb;
begin
  select jsonb_build_object(
    'calls', (select count(*) from calls where business_date = p_date),
    'qualified', (select count(*) from calls where business_date = p_date and status = 'qualified'),
    'invoices', (select jsonb_build_object('planned', count(*), 'paid', count(*) filter (where state = 'paid'),
      'unpaid', count(*) filter (where state <> 'paid')) from invoices where business_date = p_date),
    'payouts', (select jsonb_build_object('sent', count(*) filter (where state = 'sent'),
      'waiting', count(*) filter (where state not in ('sent', 'refused', 'withheld')),
      'returned', count(*) filter (where state in ('refused', 'withheld'))) from payouts where business_date = p_date),
    'breaks', (select count(*) from reconciliation_breaks where state = 'open'),
    'dead', (select coalesce(jsonb_agg(jsonb_build_object('job', job, 'key', key, 'code', code) order by id), '[]')
      from work where close_date = p_date and state = 'dead')) into v_report;
  update closes set report = v_report where business_date = p_date;
  if not found then perform app.fail('CLOSE_UNKNOWN', 'no close of this date', '{}', 'PT404'); end if;
  return v_report;
end $$;

-- Marks rows done and moves the close that waited for them. A row of another generation, or dead, stays as it is.
create function public.finish_work(p_refs jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_moves boolean;
begin
  with refs as (
    select r ->> 'job' as job, r ->> 'key' as key, (r ->> 'generation')::int as generation, left(r ->> 'result', 200) as result
    from jsonb_array_elements(app.json_arg(p_refs)) r
  ), locked as (
    -- In one order, so that two batches that share rows do not wait for each other in a ring.
    select w.id, r.result from work w join refs r on r.job = w.job and r.key = w.key and r.generation = w.generation
    where w.state = 'due' order by w.id for update of w
  ), ended as (
    update work w set state = 'done', result = l.result, ended_at = app.at(p_now_ms) from locked l
    where w.id = l.id returning w.close_date, w.job
  )
  select bool_or(close_date is not null or job = 'fraud.score-call') into v_moves from ended;
  if v_moves and exists (select 1 from closes where state = 'open') then perform app.advance_close(app.at(p_now_ms)); end if;
  return '{}';
end $$;

-- Writes a terminal failure on the work's own row, making the row when the job had none. True when it is news.
create function public.fail_work(p_dead jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_dead jsonb := app.json_arg(p_dead); v_id bigint;
begin
  insert into work as w (job, key, generation, payload, trace, state, due_at, code, message, attempts, ended_at)
  values (v_dead ->> 'job', v_dead ->> 'key', (v_dead ->> 'generation')::int, v_dead -> 'payload', v_dead ->> 'trace', 'dead',
    app.at((v_dead ->> 'dueAtMs')::bigint), v_dead ->> 'code', left(v_dead ->> 'message', 500), (v_dead ->> 'attempts')::int, app.at(p_now_ms))
  on conflict (job, key) do update set state = 'dead', code = excluded.code, message = excluded.message,
    attempts = excluded.attempts, ended_at = excluded.ended_at
    where w.state = 'due' and w.generation = excluded.generation
  returning id into v_id;
  if v_id is null then return 'false'; end if;
  perform app.advance_close(app.at(p_now_ms));
  return 'true';
end $$;

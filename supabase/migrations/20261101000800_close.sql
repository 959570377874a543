-- The nightly close of a business date: a state machine whose items are rows of `work`. No queue holds its progress.
create table public.closes (
  business_date date primary key,
  state text not null default 'open' check (state in ('open', 'done')),
  stage text not null default 'calls' check (stage in ('calls', 'scores', 'order', 'billing', 'money', 'plan', 'payouts', 'report', 'done')),
  -- The instant for which everything in this close is decided.
  due_at timestamptz not null,
  started_at timestamptz not null,
  -- When all its calls were scored and in order: from here on no call is booked on its date.
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

-- The items that the current stage of a close waits for; it has ended when there is none. An item that is dead has ended too: it
-- is listed in the report, and nobody else waits for it.
create function app.waits_for(p_close public.closes) returns setof public.work language sql stable as $$
  select w.* from public.work w where w.close_date = p_close.business_date and w.close_stage = p_close.stage and w.state = 'due'
  union all
  -- A call is scored whether a close is open or not, so that its row names none.
  select w.* from public.calls c join public.work w on w.job = 'fraud.score-call' and w.key = c.id::text
  where p_close.stage in ('calls', 'scores') and c.status = 'stored' and w.state = 'due' and c.business_date <= p_close.business_date
$$;

create function app.enter_stage(p_close public.closes, p_stage text, p_now timestamptz) returns void language plpgsql as $$
declare
  v_date date := p_close.business_date;
  v_payload jsonb := jsonb_build_object('date', p_close.business_date, 'dueAtMs', app.ms(p_close.due_at));
  v_job text := case p_stage when 'scores' then 'fraud.rescore-calls' when 'money' then 'reconciliation.reconcile-money' when 'plan' then 'payouts.plan-payouts'
    when 'report' then 'operations.report-close' end;
begin
  update closes set stage = p_stage, state = case when p_stage = 'done' then 'done' else 'open' end,
    billing_at = case when p_stage = 'billing' then p_now else billing_at end,
    ended_at = case when p_stage = 'done' then p_now end where business_date = v_date;
  -- After the night's money has come, or has not.
  if p_stage = 'plan' then perform app.watch_credit(p_now), app.watch_wallets(p_now); end if;
  if p_stage = 'order' then perform app.plan_order(v_date, p_now);
  elsif p_stage = 'billing' then
    perform app.plan_invoices(v_date, p_close.due_at);
    perform app.make_work('analytics.roll-up-day', v_date::text, v_payload, 'close-' || v_date, p_now, null, null, true);
  elsif p_stage = 'done' then
    update schedule_runs set state = 'done', ended_at = p_now, result = (select report from closes where business_date = v_date)
    where pipeline = 'nightly-close' and period = v_date;
    -- Work of no close: whatever the audit finds, no close waits for it.
    perform app.make_work('operations.audit-books', v_date::text, v_payload, 'close-' || v_date, p_now);
    perform app.make_work('fraud.profile-suppliers', v_date::text, v_payload, 'close-' || v_date, p_now);
    perform app.start_next_close(p_now);
  elsif v_job is not null then
    perform app.make_work(v_job, v_date::text, v_payload, 'close-' || v_date, p_now, v_date, p_stage, p_stage = 'scores');
  end if;
end $$;

-- Moves the open close on while its stages have ended. The lock on its row makes concurrent callers wait for each other,
-- so that of two items that end at once the second sees the first.
create function app.advance_close(p_now timestamptz) returns void language plpgsql as $$
declare v_close closes; v_next text;
begin
  loop
    select * into v_close from closes where state = 'open' for update;
    exit when v_close.business_date is null or exists (select 1 from app.waits_for(v_close));
    -- What came while the scores were looked at marked others: they are looked at before the stage ends, unless its job is dead.
    if v_close.stage = 'scores' and exists (select 1 from rescore_marks m join calls c on c.id = m.call_id where c.business_date <= v_close.business_date)
      and exists (select 1 from work where job = 'fraud.rescore-calls' and key = v_close.business_date::text and state = 'done') then
      perform app.enter_stage(v_close, 'scores', p_now);
      exit;
    end if;
    v_next := case v_close.stage when 'calls' then 'scores' when 'scores' then 'order' when 'order' then 'billing' when 'billing' then 'money' when 'money' then 'plan'
      when 'plan' then 'payouts' when 'payouts' then 'report' when 'report' then 'done' end;
    perform app.enter_stage(v_close, v_next, p_now);
  end loop;
end $$;

create function app.start_next_close(p_now timestamptz) returns void language plpgsql as $$
declare v_run schedule_runs;
begin
  -- Whoever comes second leaves it to the first, or to the next sweep: two would open two closes, or the wrong one.
  if not pg_try_advisory_xact_lock(741066) then return; end if;
  if app.is_paused('nightly-close') or exists (select 1 from closes where state = 'open') then return; end if;
  select * into v_run from schedule_runs where pipeline = 'nightly-close' and state = 'planned' order by period limit 1 for update skip locked;
  if v_run.period is null then return; end if;
  update schedule_runs set state = 'running', started_at = p_now, attempts = 1 where pipeline = v_run.pipeline and period = v_run.period;
  insert into closes (business_date, due_at, started_at) values (v_run.period, v_run.due_at, p_now);
  -- What an adjustment waited for may have come since the last close.
  perform app.look_again(c, p_now, v_run.period) from adjustments a join calls c on c.id = a.call_id where a.state = 'waiting' order by a.call_id;
end $$;

-- Plans the run of every business date of each pipeline that is due by the instant and has none, oldest first; what is older
-- than the pipeline catches up is recorded as missed. Then starts what may run. Safe to run twice: a date has one row.
create function public.plan_runs(p_due_ms bigint, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  -- Serialises planners: two ticks at once plan once.
  perform pg_advisory_xact_lock(741065);
  -- First what has ended, so that what it pauses plans no more.
  perform app.settle_runs(app.at(p_now_ms));
  perform app.plan_dates(p, app.at(p_due_ms)) from pipelines p where p.paused_at is null and p.declared;
  return jsonb_build_object('running', public.advance_runs(p_now_ms),
    'planned', (select count(*) from schedule_runs where pipeline = 'nightly-close' and state = 'planned'));
end $$;

-- Closes one date by hand. Safe to run twice: a date that is closed, or being closed, stays as it is. With p_dry it refuses and
-- answers the same, and writes nothing.
create function public.start_close(p_date date, p_now_ms bigint, p_dry boolean default false)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform pg_advisory_xact_lock(741065);
  if app.is_paused('nightly-close')
    and not exists (select 1 from schedule_runs where pipeline = 'nightly-close' and period = p_date and state <> 'planned') then
    perform app.fail('PIPELINE_PAUSED', 'nightly-close is paused, and closes nothing until it is resumed');
  end if;
  if not exists (select 1 from schedule_runs where pipeline = 'nightly-close' and period = p_date) then
    if app.close_due_at(p_date) > app.at(p_now_ms) then
      perform app.fail('CLOSE_OUT_OF_ORDER', format('the close of %s is due at %s', p_date, app.close_due_at(p_date)));
    end if;
    if exists (select 1 from schedule_runs where pipeline = 'nightly-close' and period > p_date) then
      perform app.fail('CLOSE_OUT_OF_ORDER', 'a later date is closed already');
    end if;
    if p_date > app.first_unplanned_date('nightly-close', p_date) then
      perform app.fail('CLOSE_OUT_OF_ORDER', format('the close of %s comes first', app.first_unplanned_date('nightly-close', p_date)));
    end if;
    if p_dry then return jsonb_build_object('date', p_date, 'state', 'planned', 'stage', null, 'report', null); end if;
    insert into schedule_runs (pipeline, period, state, due_at) values ('nightly-close', p_date, 'planned', app.close_due_at(p_date));
  end if;
  if not p_dry then perform public.advance_runs(p_now_ms); end if;
  return (select jsonb_build_object('date', p_date, 'state', r.state, 'stage', c.stage, 'report', c.report)
    from schedule_runs r left join closes c on c.business_date = r.period where r.pipeline = 'nightly-close' and r.period = p_date);
end $$;

-- How a date's close stands, and which items stand in its way; of one that has not begun, the close that is open.
create function public.close_status(p_date date)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object('date', r.period, 'state', coalesce(c.state, r.state), 'stage', c.stage, 'report', c.report,
    'waitingFor', case when r.state = 'planned' then
        (select coalesce(jsonb_agg(jsonb_build_object('job', r.pipeline, 'key', o.business_date, 'state', o.state)), '[]') from closes o where o.state = 'open')
      else (select coalesce(jsonb_agg(jsonb_build_object('job', w.job, 'key', w.key, 'state', w.state) order by w.id), '[]')
        from (select * from app.waits_for(c) order by id limit 20) w) end)
  from schedule_runs r left join closes c on c.business_date = r.period where r.pipeline = 'nightly-close' and r.period = p_date
$$;

-- Starts the runs that may begin and moves the open close on if it can, which is answered; also called by the sweep, for what
-- no item's end has moved.
create function public.advance_runs(p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform app.start_runs(app.at(p_now_ms));
  perform app.start_next_close(app.at(p_now_ms));
  perform app.advance_close(app.at(p_now_ms));
  return (select to_jsonb(business_date) from closes where state = 'open');
end $$;

-- Writes what the close did onto its row, and freezes the days of Stripe's balance up to it. The numbers are of this date only.
-- Safe to run twice: a day is frozen once.
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
  perform app.freeze_days(p_date);
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

-- The log of calls that a provider keeps, against the calls that its webhooks brought. It never stops money: what a webhook
-- did not bring goes the road of one, and what does not agree is kept here for people.

-- How far the reading of a provider's calls of a date has come.
create table public.call_log_runs (
  source text not null,
  business_date date not null,
  -- Of the work that reads: a later one reads the date anew, a retry of the same one goes on.
  due_at timestamptz not null,
  pages int not null default 0,
  -- Where the next page begins; null before the first one, and when the last one is stored.
  cursor text,
  -- Different calls: that the log has; of them those that no webhook had brought, and those with another duration or answer.
  read int not null default 0,
  missing int not null default 0,
  changed int not null default 0,
  -- Entries that state too little.
  unreadable int not null default 0,
  -- Calls of the books that the provider does not know.
  absent int not null default 0,
  started_at timestamptz not null,
  read_at timestamptz,
  ended_at timestamptz,
  primary key (source, business_date)
);

-- Which calls the run under way has seen, since a list that moves while it is read repeats some. Emptied when it ends.
create table public.call_log_seen (
  source text not null,
  business_date date not null,
  external_id text not null,
  primary key (source, business_date, external_id)
);

-- Where log and books differed, once for each call and kind. How it stands now is read from the calls: see app.call_breaks_now.
create table public.call_breaks (
  source text not null,
  external_id text not null,
  kind text not null check (kind in ('missing', 'ambiguous', 'changed', 'absent')),
  -- Of the run that found it first.
  business_date date not null,
  -- {startedAtMs, durationS, answered, statesTalk} as the log stated it last; of an absent call as the books do.
  stated jsonb not null,
  found_at timestamptz not null,
  seen_at timestamptz not null,
  -- The provider knows an absent call after all.
  back_at timestamptz,
  primary key (source, external_id, kind)
);
create index call_breaks_date on public.call_breaks (business_date);

-- What is known of a call, also by facts that came after it was rated.
create function app.duration_known(c public.calls) returns int language sql immutable as $$
  select coalesce((c.late_facts ->> 'durationS')::int, c.duration_s)
$$;
create function app.answer_known(c public.calls) returns boolean language sql immutable as $$
  select coalesce((c.late_facts ->> 'answered')::boolean, c.answered)
$$;

-- Whether what is known of a call and what a log states of it contradict each other; by a second is rounding. A log that does
-- not state talk has the ringing in its duration, and `answered` where a line was open: it contradicts only less than that.
create function app.log_differs(c public.calls, p_stated jsonb) returns boolean language sql immutable as $$
  select case when (p_stated ->> 'statesTalk')::boolean
    then abs(app.duration_known(c) - (p_stated ->> 'durationS')::int) > 1 or app.answer_known(c) <> (p_stated ->> 'answered')::boolean
    else app.duration_known(c) - (p_stated ->> 'durationS')::int > 1 or (app.answer_known(c) and not (p_stated ->> 'answered')::boolean) end
$$;

-- `recovered`: the log brought the call. `arrived`: its webhook came after all. `agreed`: books and log state the same.
-- `open`: neither, so that somebody must look when it stays so.
create view app.call_breaks_now as
  select b.*, c.id as call_id, case b.kind
    when 'changed' then case when app.log_differs(c, b.stated) then 'open' else 'agreed' end
    when 'absent' then case when b.back_at is null then 'open' else 'agreed' end
    else case when c.id is null then 'open' when c.recovered_at is not null then 'recovered' else 'arrived' end end as state
  from public.call_breaks b left join public.calls c on c.source = b.source and c.external_id = b.external_id;

create function app.log_window(p_date date) returns tstzrange language sql stable as $$
  -- Back over the end of the date before, for calls that had not ended when that was read.
  select tstzrange((p_date::timestamp at time zone timezone) - interval '6 hours', (p_date + 1)::timestamp at time zone timezone) from public.settings
$$;

-- Begins the reading of a date, or tells how far it is: {pages, cursor, readAll, ended, fromMs, beforeMs}. Safe to run twice:
-- the same work goes on, only a later one begins anew.
create function public.begin_call_log_run(p_source text, p_date date, p_due_ms bigint, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_run call_log_runs;
begin
  insert into call_log_runs as r (source, business_date, due_at, started_at) values (p_source, p_date, app.at(p_due_ms), app.at(p_now_ms))
  on conflict (source, business_date) do update set due_at = excluded.due_at, started_at = excluded.started_at, pages = 0, cursor = null,
    read = 0, missing = 0, changed = 0, unreadable = 0, absent = 0, read_at = null, ended_at = null
    where r.due_at < excluded.due_at;
  if found then delete from call_log_seen where source = p_source and business_date = p_date; end if;
  select * into v_run from call_log_runs where source = p_source and business_date = p_date;
  return jsonb_build_object('pages', v_run.pages, 'cursor', v_run.cursor, 'readAll', v_run.read_at is not null, 'ended', v_run.ended_at is not null,
    'fromMs', app.ms(lower(app.log_window(p_date))), 'beforeMs', app.ms(upper(app.log_window(p_date))));
end $$;

-- For each call of a page, in order: `missing` where no webhook brought it, `changed` where its duration or answer differs from
-- what the books know, else `known`. News of the last hour is left alone: the provider's list may be behind its webhooks.
-- Nothing is taken in twice because it has another id here than its webhook has: a missing call is `ambiguous` where the books
-- have one of the same number and caller within five seconds; and all of a page are `foreign` that names no call of the books,
-- though they have calls of the time between its first and last.
create function public.match_call_log(p_source text, p_calls jsonb, p_read_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  with named as (
    select n, x, app.at((x ->> 'startedAtMs')::bigint) as started_at, c
    from jsonb_array_elements(app.json_arg(p_calls)) with ordinality t (x, n)
      left join calls c on c.source = p_source and c.external_id = x ->> 'externalId'
  ), span as (
    select count((c).id) as known, min(started_at) as first_at, max(started_at) as last_at from named
  ), page as (
    select known = 0 and exists (select 1 from calls o where o.source = p_source and o.started_at > first_at and o.started_at < last_at
      and o.business_date between app.business_date(first_at) and app.business_date(last_at)) as is_foreign from span
  )
  select coalesce(jsonb_agg(case when is_foreign then 'foreign'
      when (c).id is null and exists (select 1 from calls o where o.source = p_source and o.tracking_number = x ->> 'trackingNumber'
        and o.caller_number is not distinct from x ->> 'callerNumber' and abs(app.ms(o.started_at) - app.ms(named.started_at)) <= 5000
        and o.business_date between app.business_date(named.started_at - interval '5 s') and app.business_date(named.started_at + interval '5 s')) then 'ambiguous'
      when (c).id is null then 'missing'
      when app.log_differs(c, x)
        and greatest((c).facts_at, (c).changed_at) < app.at(p_read_ms) - interval '1 hour' then 'changed'
      else 'known' end order by n), '[]')
  from named, page
$$;

-- Stores one page: which calls it names, what is missing or changed of them, and the work of taking that in, the same as a
-- webhook's. False when another run stored a page of this number first, or a later work reads the date anew: then nothing
-- is stored. p_calls: {externalId, startedAtMs, durationS, answered, statesTalk, match, work: {key, payload, trace} or null}.
-- Safe to run twice: the page's number moves on once, a call is counted once, a break and a piece of work have one row.
create function public.store_call_log_page(p_source text, p_date date, p_due_ms bigint, p_page int, p_cursor text, p_calls jsonb,
  p_unreadable int, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_now timestamptz := app.at(p_now_ms); v_calls jsonb := app.json_arg(p_calls);
begin
  perform 1 from call_log_runs where source = p_source and business_date = p_date and due_at = app.at(p_due_ms) and pages = p_page
    and read_at is null for update;
  if not found then return 'false'; end if;
  with named as (
    select distinct on (x ->> 'externalId') x from jsonb_array_elements(v_calls) x order by x ->> 'externalId'
  ), fresh as (
    insert into call_log_seen (source, business_date, external_id) select p_source, p_date, x ->> 'externalId' from named
    on conflict do nothing returning external_id
  ), counted as (
    select count(*) as read, count(*) filter (where x ->> 'match' in ('missing', 'ambiguous', 'foreign')) as missing, count(*) filter (where x ->> 'match' = 'changed') as changed
    from fresh f join named on x ->> 'externalId' = f.external_id
  ), broken as (
    insert into call_breaks as b (source, external_id, kind, business_date, stated, found_at, seen_at)
    select p_source, x ->> 'externalId', replace(x ->> 'match', 'foreign', 'missing'), p_date, jsonb_build_object('startedAtMs', x -> 'startedAtMs',
      'durationS', x -> 'durationS', 'answered', x -> 'answered', 'statesTalk', x -> 'statesTalk'), v_now, v_now
    from named where x ->> 'match' <> 'known'
    on conflict (source, external_id, kind) do update set stated = excluded.stated, seen_at = excluded.seen_at
  ), returned as (
    update call_breaks b set back_at = v_now from named
    where b.source = p_source and b.external_id = x ->> 'externalId' and b.kind = 'absent' and b.back_at is null
  )
  update call_log_runs r set pages = r.pages + 1, cursor = p_cursor, read = r.read + c.read, missing = r.missing + c.missing,
    changed = r.changed + c.changed, unreadable = r.unreadable + p_unreadable, read_at = case when p_cursor is null then v_now end
  from counted c where r.source = p_source and r.business_date = p_date;
  perform app.make_work('calls.ingest-call', x -> 'work' ->> 'key', x -> 'work' -> 'payload', x -> 'work' ->> 'trace', v_now)
  from jsonb_array_elements(v_calls) x where x -> 'work' <> 'null' order by x -> 'work' ->> 'key';
  return 'true';
end $$;

-- Calls of the date that the books have and the log did not name, at most p_limit: the provider is asked for each before it
-- is called absent. The most recent of a date that is still changing are in no closed date.
create function public.unseen_in_call_log(p_source text, p_date date, p_limit int)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(external_id order by external_id), '[]') from (
    select c.external_id from calls c where c.source = p_source and c.business_date = p_date
      and not exists (select 1 from call_log_seen s where s.source = p_source and s.business_date = p_date and s.external_id = c.external_id)
      and not exists (select 1 from call_breaks b where b.source = p_source and b.external_id = c.external_id and b.kind = 'absent' and b.back_at is null)
    order by c.external_id limit p_limit) unseen
$$;

-- Notes what the provider said when it was asked for calls, so that the next ones are asked for: those that it knows count as seen, the
-- others are absent. Safe to run twice: a call is seen once, and an absent one is one break.
create function public.note_looked_up(p_source text, p_date date, p_due_ms bigint, p_known jsonb, p_absent jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_now timestamptz := app.at(p_now_ms);
begin
  perform 1 from call_log_runs where source = p_source and business_date = p_date and due_at = app.at(p_due_ms) and read_at is not null and ended_at is null for update;
  if not found then return 'false'; end if;
  insert into call_log_seen select p_source, p_date, id from jsonb_array_elements_text(app.json_arg(p_known)) id on conflict do nothing;
  insert into call_breaks as b (source, external_id, kind, business_date, stated, found_at, seen_at)
  select c.source, c.external_id, 'absent', p_date,
    jsonb_build_object('startedAtMs', app.ms(c.started_at), 'durationS', c.duration_s, 'answered', c.answered), v_now, v_now
  from calls c where c.source = p_source and c.external_id in (select jsonb_array_elements_text(app.json_arg(p_absent)))
  on conflict (source, external_id, kind) do update set seen_at = excluded.seen_at, back_at = null;
  return 'true';
end $$;

-- Ends a run and answers its counts. Null when a later work reads the date anew. Safe to run twice: a run that has ended stays as it is.
create function public.end_call_log_run(p_source text, p_date date, p_due_ms bigint, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_now timestamptz := app.at(p_now_ms); v_run call_log_runs;
begin
  select * into v_run from call_log_runs where source = p_source and business_date = p_date and due_at = app.at(p_due_ms) and read_at is not null for update;
  if v_run.source is null then return 'null'; end if;
  if v_run.ended_at is null then
    delete from call_log_seen where source = p_source and business_date = p_date;
    update call_log_runs set ended_at = v_now, absent = (select count(*) from call_breaks b
        where b.source = p_source and b.business_date = p_date and b.kind = 'absent' and b.back_at is null)
    where source = p_source and business_date = p_date returning * into v_run;
  end if;
  return app.call_log_counts(v_run);
end $$;

create function app.call_log_counts(r public.call_log_runs) returns jsonb language sql stable as $$
  select jsonb_build_object('source', r.source, 'read', r.read, 'missing', r.missing, 'changed', r.changed, 'absent', r.absent, 'unreadable', r.unreadable)
$$;

-- What the logs of a date were found to say: its runs, each with how many of the missing calls have come, and its breaks, at most 200.
create function public.call_log_report(p_date date)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object(
    'runs', (select coalesce(jsonb_agg(app.call_log_counts(r) || jsonb_build_object('endedAtMs', app.ms(r.ended_at),
        'recovered', (select count(*) from app.call_breaks_now b where b.source = r.source and b.business_date = p_date and b.state = 'recovered'))
        order by r.source), '[]') from call_log_runs r where r.business_date = p_date),
    'breaks', (select coalesce(jsonb_agg(jsonb_build_object('source', b.source, 'externalId', b.external_id, 'kind', b.kind, 'state', b.state,
        'callId', b.call_id, 'stated', b.stated, 'foundAtMs', app.ms(b.found_at), 'seenAtMs', app.ms(b.seen_at)) order by b.state = 'open' desc, b.source, b.external_id, b.kind), '[]')
      from (select * from app.call_breaks_now where business_date = p_date order by state = 'open' desc, source, external_id, kind limit 200) b))
$$;

-- One call as the books know it, and how it came: by its webhook, or recovered from the provider's log. Null when there is none.
create function public.show_call(p_call_id uuid)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object('id', c.id, 'source', c.source, 'externalId', c.external_id, 'date', c.business_date, 'startedAtMs', app.ms(c.started_at),
    'durationS', app.duration_known(c), 'answered', app.answer_known(c), 'status', c.status, 'recoveredAtMs', app.ms(c.recovered_at),
    'breaks', (select coalesce(jsonb_agg(jsonb_build_object('kind', b.kind, 'state', b.state, 'stated', b.stated) order by b.kind), '[]')
      from app.call_breaks_now b where b.call_id = c.id))
  from calls c where c.id = p_call_id
$$;

-- Up to which instant Stripe's list of events was read.
create table public.stripe_event_watermark (
  singleton boolean primary key default true check (singleton),
  read_until timestamptz not null
);

create function public.stripe_events_read_until()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce((select to_jsonb(app.ms(read_until)) from stripe_event_watermark), 'null')
$$;

-- Makes the work of those events of a page that no webhook brought, the same as the webhook's; how many those are. Safe to run
-- twice: an event that is stored, or has work (also a dead one), makes none.
create function public.recover_stripe_events(p_events jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_made int;
begin
  with missed as (
    select x from jsonb_array_elements(app.json_arg(p_events)) x
    where not exists (select 1 from webhook_events e where e.source = 'stripe' and e.event_id = x ->> 'eventId')
  )
  insert into work (job, key, payload, trace, due_at)
  select 'stripe.apply-event', x ->> 'eventId', x, 'stripe/' || (x ->> 'eventId'), app.at(p_now_ms) from missed order by 2
  on conflict (job, key) do nothing;
  get diagnostics v_made = row_count;
  return to_jsonb(v_made);
end $$;

create function public.stripe_events_were_read(p_until_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  insert into stripe_event_watermark as w (read_until) values (app.at(p_until_ms))
  on conflict (singleton) do update set read_until = greatest(w.read_until, excluded.read_until);
  return '{}';
end $$;

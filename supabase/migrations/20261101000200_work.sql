-- What must be done once stands here; the queue is only a hint of it. A close's stages are rows of it too.
create table public.work (
  id bigint generated always as identity primary key,
  job text not null,
  key text not null,
  -- Part of the queue's job id: raised whenever the row must run although the queue remembers it as ended.
  generation int not null default 1 check (generation > 0),
  payload jsonb not null,
  trace text not null,
  state text not null default 'due' check (state in ('due', 'done', 'dead', 'discarded')),
  due_at timestamptz not null,
  handed_at timestamptz,
  close_date date,
  close_stage text,
  result text,
  code text,
  message text,
  attempts int not null default 0,
  replays int not null default 0,
  made_at timestamptz not null default now(),
  ended_at timestamptz,
  unique (job, key)
);
create index work_due on public.work (id) where state = 'due';
create index work_dead on public.work (id) where state = 'dead';
create index work_close on public.work (close_date, close_stage) where close_date is not null;

-- Makes a row due. With p_again a row that is done (or still due, and perhaps running) becomes due once more under the
-- next generation; a dead one stays for ops. Without it the row is made once and never again.
create function app.make_work(
  p_job text, p_key text, p_payload jsonb, p_trace text, p_due_at timestamptz,
  p_close_date date default null, p_close_stage text default null, p_again boolean default false)
returns void language plpgsql as $$
begin
  insert into public.work as w (job, key, payload, trace, due_at, close_date, close_stage)
  values (p_job, p_key, p_payload, p_trace, p_due_at, p_close_date, p_close_stage)
  on conflict (job, key) do update
    set state = 'due', generation = w.generation + 1, payload = excluded.payload, trace = excluded.trace,
        due_at = excluded.due_at, handed_at = null, result = null, ended_at = null,
        close_date = coalesce(excluded.close_date, case when w.state = 'due' then w.close_date end),
        close_stage = coalesce(excluded.close_stage, case when w.state = 'due' then w.close_stage end)
    where p_again and w.state in ('due', 'done');
end $$;

create function app.work_json(w public.work) returns jsonb language sql stable as $$
  select jsonb_build_object('job', w.job, 'key', w.key, 'generation', w.generation, 'payload', w.payload,
    'dueAtMs', app.ms(w.due_at), 'trace', w.trace)
$$;

create function public.take_due_work(p_now_ms bigint, p_handed_before_ms bigint, p_limit int)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_items jsonb;
begin
  with picked as (
    select id from work
    where state = 'due' and due_at <= app.at(p_now_ms)
      and (handed_at is null or handed_at < app.at(p_handed_before_ms))
    order by id limit least(p_limit, 500) for update skip locked
  ), handed as (
    -- Never ahead of the database's own clock: a caller whose clock is would hide the row from the sweep for as long.
    update work w set handed_at = least(app.at(p_now_ms), clock_timestamp()) from picked where w.id = picked.id returning w.*
  )
  select coalesce(jsonb_agg(app.work_json(h::work) order by h.id), '[]') into v_items from handed h;
  return v_items;
end $$;

create function public.bump_work(p_job text, p_key text, p_generation int)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_generation int;
begin
  update work set generation = generation + 1
  where job = p_job and key = p_key and state = 'due' and generation = p_generation;
  select generation into v_generation from work where job = p_job and key = p_key;
  return to_jsonb(coalesce(v_generation, p_generation));
end $$;

create function public.list_dead_work(p_after_id bigint, p_limit int)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object(
      'id', d.id::text, 'job', d.job, 'key', d.key, 'generation', d.generation, 'code', d.code, 'message', d.message,
      'attempts', d.attempts, 'failedAtMs', app.ms(d.ended_at), 'replays', d.replays) order by d.id), '[]')
  from (select * from work where state = 'dead' and id > coalesce(p_after_id, 0) order by id limit least(p_limit, 500)) d
$$;

-- Each time that a piece of work ended for good, and what was decided then. Whether it is dead now stands on its row.
create table public.dead_letters (
  work_id bigint not null references public.work,
  generation int not null,
  payload_version int not null,
  code text not null,
  message text not null,
  -- The same for failures that differ only in numbers and ids.
  fingerprint text not null,
  attempts int not null,
  -- Each attempt that threw: {atMs, durationMs, build, code, message, causes}.
  tries jsonb not null,
  failed_at timestamptz not null,
  decision text check (decision in ('replayed', 'edited', 'discarded')),
  decided_at timestamptz,
  decided_by text,
  reason text,
  -- The payload that an operator's edit replaced.
  edited_payload jsonb,
  check ((decision is null) = (decided_at is null) and (decision is null) = (decided_by is null) and (decision is null) = (reason is null)),
  primary key (work_id, generation)
);
create index dead_letters_fingerprint on public.dead_letters (fingerprint) where decision is null;

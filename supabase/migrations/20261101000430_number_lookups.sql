-- What providers said of callers' numbers. A row is one number at one provider: its newest report, and who is asking anew just now.
-- Numbers are personal data: a row is deleted when its days are over; see forget_numbers.
create table public.number_lookups (
  provider text not null,
  -- E.164
  number text not null,
  -- {valid, lineType, riskScore}; null until the first answer.
  report jsonb,
  fetched_at timestamptz,
  -- From then on it is asked for anew, and the row may go.
  kept_until timestamptz not null,
  -- Whoever asks holds it, for ten seconds at most, so that nobody else pays for the same number at the same time.
  claim uuid,
  claimed_at timestamptz,
  primary key (provider, number),
  check ((report is null) = (fetched_at is null)),
  check ((claim is null) = (claimed_at is null))
);
create index number_lookups_kept on public.number_lookups (kept_until);

-- How many requests of a day of UTC are spent at a provider: each counts before it is sent.
create table public.lookup_budgets (
  provider text not null,
  date date not null,
  used int not null check (used >= 0),
  primary key (provider, date)
);

-- What was known of a call's number when the call was first scored by it, by provider. It never changes: whoever scores the call again
-- gets the same, also when somebody has asked since. A call that is reported anew with another number has another row.
create table public.call_lookups (
  call_id uuid not null references public.calls,
  -- As reported; empty where the caller withheld it.
  number text not null,
  lookups jsonb not null,
  looked_up_at timestamptz not null,
  primary key (call_id, number)
);

create function app.utc_date(p_at timestamptz) returns date language sql immutable as $$
  select (p_at at time zone 'UTC')::date
$$;

create function app.number_report(n public.number_lookups) returns jsonb language sql stable as $$
  select jsonb_build_object('provider', n.provider, 'number', n.number, 'report', n.report, 'reportedAtMs', app.ms(n.fetched_at))
$$;

create function app.call_lookups_json(p_calls jsonb) returns jsonb language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('callId', l.call_id, 'lookups', l.lookups)), '[]')
  from jsonb_array_elements(p_calls) x join public.call_lookups l on l.call_id = (x ->> 'callId')::uuid and l.number = x ->> 'number'
$$;

-- {calls: [{callId, lookups}], numbers: [{provider, number, report, reportedAtMs}]}: what was known at first of each of p_calls
-- ([{callId, number}]), and of p_asks ([{provider, number, keptDays}]) the reports that are not older than that.
create function public.read_lookups(p_calls jsonb, p_asks jsonb, p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object(
    'calls', app.call_lookups_json(app.json_arg(p_calls)),
    'numbers', (select coalesce(jsonb_agg(app.number_report(n)), '[]')
      from jsonb_array_elements(app.json_arg(p_asks)) x join number_lookups n on n.provider = x ->> 'provider' and n.number = x ->> 'number'
      where n.fetched_at > app.at(p_now_ms) - make_interval(days => (x ->> 'keptDays')::int)))
$$;

-- May a number be asked for? {state: 'ask', claim}: it may, and one request of the day's is spent. {state: 'known', report, reportedAtMs}:
-- somebody has asked since. 'under_way': somebody is asking. 'over_budget': the day's requests are spent.
-- Safe to run twice: whoever gets no answer finds it under way, and asks in ten seconds for another one of the budget. The budget
-- is one row that is locked while it is counted, so two workers never spend more than p_most_per_day together.
create function public.reserve_lookup(p_provider text, p_number text, p_most_per_day int, p_kept_days int, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_now timestamptz := app.at(p_now_ms); v_row number_lookups; v_claim uuid := gen_random_uuid();
begin
  perform pg_advisory_xact_lock(hashtextextended(p_provider || ' ' || p_number, 0));
  select * into v_row from number_lookups where provider = p_provider and number = p_number;
  if v_row.fetched_at > v_now - make_interval(days => p_kept_days) then
    return jsonb_build_object('state', 'known') || app.number_report(v_row);
  elsif v_row.claimed_at > v_now - interval '10 seconds' then
    return jsonb_build_object('state', 'under_way');
  end if;
  insert into lookup_budgets as b (provider, date, used) select p_provider, app.utc_date(v_now), 1 where p_most_per_day > 0
  on conflict (provider, date) do update set used = b.used + 1 where b.used < p_most_per_day;
  if not found then return jsonb_build_object('state', 'over_budget'); end if;
  insert into number_lookups (provider, number, kept_until, claim, claimed_at)
  values (p_provider, p_number, v_now + make_interval(days => p_kept_days), v_claim, v_now)
  on conflict (provider, number) do update set claim = excluded.claim, claimed_at = excluded.claimed_at;
  return jsonb_build_object('state', 'ask', 'claim', v_claim);
end $$;

-- Ends a request: with its report, which the newest one wins; without, where there was no answer. Where it was not even sent, the
-- budget has it back. Safe to run twice: the claim ends once, and a report is stored over an older one only.
create function public.end_lookup(p_provider text, p_number text, p_claim uuid, p_report jsonb, p_sent boolean, p_kept_days int, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_now timestamptz := app.at(p_now_ms); v_claimed_at timestamptz;
begin
  select claimed_at into v_claimed_at from number_lookups where provider = p_provider and number = p_number and claim = p_claim for update;
  if v_claimed_at is not null then
    update number_lookups set claim = null, claimed_at = null where provider = p_provider and number = p_number;
    if not p_sent then
      update lookup_budgets set used = used - 1 where provider = p_provider and date = app.utc_date(v_claimed_at);
    end if;
  end if;
  if p_report is not null and p_report <> 'null' then
    insert into number_lookups as n (provider, number, report, fetched_at, kept_until)
    values (p_provider, p_number, app.json_arg(p_report), v_now, v_now + make_interval(days => p_kept_days))
    on conflict (provider, number) do update set report = excluded.report, fetched_at = excluded.fetched_at, kept_until = excluded.kept_until
      where n.fetched_at is null or n.fetched_at <= excluded.fetched_at;
  else
    delete from number_lookups where provider = p_provider and number = p_number and report is null and claim is null;
  end if;
  return '{}';
end $$;

-- Deletes what is known of numbers whose days were over before a date, and the counts of old budgets; how many numbers.
create function public.forget_numbers(p_date date)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_count int;
begin
  delete from number_lookups where kept_until < p_date::timestamp at time zone 'UTC';
  get diagnostics v_count = row_count;
  delete from lookup_budgets where date < p_date - 90;
  return to_jsonb(v_count);
end $$;

-- Writes down what was known of each call's number when it was first scored by it, [{callId, number, lookups}], and answers what stands:
-- what was written first.
create function public.remember_lookups(p_lookups jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_lookups jsonb := app.json_arg(p_lookups);
begin
  insert into call_lookups (call_id, number, lookups, looked_up_at)
  select (x ->> 'callId')::uuid, x ->> 'number', x -> 'lookups', app.at(p_now_ms) from jsonb_array_elements(v_lookups) x order by 1, 2
  on conflict do nothing;
  return app.call_lookups_json(v_lookups);
end $$;

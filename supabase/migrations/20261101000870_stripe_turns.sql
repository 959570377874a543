-- One rate towards Stripe for all processes, of all requests and of each operation. A row is a line (GCRA): the
-- instant at which the next request would be due were they sent evenly. The database's clock decides, so that no process's does.
create table public.stripe_turns (
  -- `all`, or an operation of the SDK, `transfers.create`.
  line text primary key,
  due_at timestamptz not null,
  -- After a refusal by Stripe's own limiter nothing goes before this instant; each refusal in a row doubles the pause.
  paused_until timestamptz,
  pause_ms int not null default 0
);

-- Takes a place in the line of all requests and in that of an operation, for `p_per_s` and `p_operation_per_s` requests per
-- second. Answers in how many milliseconds the request may be sent; when that is more than `p_most_ms`, no place was taken.
-- Half a second's requests may go at once. Running it twice wastes a place and no more.
create function public.take_stripe_turn(p_operation text, p_per_s numeric, p_operation_per_s numeric, p_most_ms int)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_now timestamptz; v_at timestamptz; v_ahead interval := '500 milliseconds';
begin
  insert into stripe_turns (line, due_at) select line, clock_timestamp() from unnest(array['all', p_operation]) line on conflict do nothing;
  perform 1 from stripe_turns where line in ('all', p_operation) order by line for update;
  v_now := clock_timestamp();
  select greatest(v_now, max(due_at) - v_ahead, max(paused_until)) into v_at from stripe_turns where line in ('all', p_operation);
  if v_at - v_now <= make_interval(secs => p_most_ms / 1000.0) then
    update stripe_turns set due_at = greatest(due_at, v_at)
      + make_interval(secs => 1.0 / case line when 'all' then p_per_s else p_operation_per_s end)
    where line in ('all', p_operation);
  end if;
  return to_jsonb(ceil(extract(epoch from v_at - v_now) * 1000)::int);
end $$;

-- Stripe's limiter refused a request: its line pauses, 1 s at first, twice as long each time that it is refused within a
-- minute of the pause, 30 s at most. Many that are refused at once are one refusal.
create function public.pause_stripe(p_line text)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  insert into stripe_turns as t (line, due_at, paused_until, pause_ms)
  values (p_line, clock_timestamp(), clock_timestamp() + interval '1 second', 1000)
  on conflict (line) do update set pause_ms = least(30000, case when t.paused_until > clock_timestamp() - interval '1 minute' then t.pause_ms * 2 else 1000 end),
    paused_until = clock_timestamp() + make_interval(secs => least(30000, case when t.paused_until > clock_timestamp() - interval '1 minute' then t.pause_ms * 2 else 1000 end) / 1000.0)
    where t.paused_until is null or t.paused_until <= clock_timestamp();
  return '{}';
end $$;

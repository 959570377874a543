-- Scores calls of a date once more when it is over, before it is billed: windows are of all calls that started before one, and those
-- that were reported after it were not known when it was scored. What comes after that for a date that is over marks the calls in
-- whose windows it lies; whoever looks next looks at them. Nothing is changed of a call that is on an invoice.

create table public.rescore_marks (
  call_id uuid primary key references public.calls,
  -- How often it was marked: who looked before the last time has not seen all.
  changes int not null default 1
);

-- How far the calls of a close have been looked at: the last one, in the order of dates and starts.
create table public.rescore_progress (
  close_date date primary key references public.closes,
  business_date date not null,
  started_at timestamptz not null,
  call_id uuid not null
);

-- The last date whose calls are looked at, or were.
create function app.rescored_through() returns date language sql stable as $$
  select max(business_date) from public.closes where stage <> 'calls'
$$;

-- Marks the calls in whose windows a call lies, where those are of dates that are not looked at by themselves any more: of each window
-- as many as can have it in theirs; and the call itself, where something was learned of it.
create function app.mark_windows(p_call public.calls, p_itself boolean default false) returns void language plpgsql as $$
declare v_through date := app.rescored_through();
begin
  if v_through is null or p_call.business_date > v_through then return; end if;
  insert into rescore_marks as r (call_id)
  select id from (
    (select o.id, o.business_date from calls o where o.caller_number = p_call.caller_number and (o.started_at, o.id) > (p_call.started_at, p_call.id)
      and o.started_at < p_call.started_at + interval '30 days' order by o.started_at, o.id limit 100)
    union (select o.id, o.business_date from calls o where o.supplier_id = p_call.supplier_id and (o.started_at, o.id) > (p_call.started_at, p_call.id)
      and o.started_at < p_call.started_at + interval '7 days' order by o.started_at, o.id limit 200)
    union (select o.id, o.business_date from calls o where app.block_of(o.caller_number) = app.block_of(p_call.caller_number)
      and (o.started_at, o.id) > (p_call.started_at, p_call.id) and o.started_at < p_call.started_at + interval '30 days' order by o.started_at, o.id limit 200)
    union select p_call.id, p_call.business_date where p_itself
  ) later where business_date <= v_through
  -- In one order, so that two that mark the same calls do not wait for each other in a ring.
  order by id
  on conflict (call_id) do update set changes = r.changes + 1;
end $$;

-- The next calls to look at for a close, in the order of dates and starts: those of its date, and of dates before that had no close of
-- their own, behind the last that was looked at; then marked ones.
create function public.calls_to_rescore(p_date date, p_limit int)
returns jsonb language plpgsql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_next jsonb; v rescore_progress;
  v_after date := coalesce((select max(business_date) from closes where business_date < p_date), '-infinity');
begin
  select * into v from rescore_progress where close_date = p_date;
  select jsonb_agg(jsonb_build_object('callId', id, 'changes', null)) into v_next from (
    select c.id from calls c where c.business_date > v_after and c.business_date <= p_date
      and (c.business_date, c.started_at, c.id) > (coalesce(v.business_date, '-infinity'), coalesce(v.started_at, '-infinity'), coalesce(v.call_id, '00000000-0000-0000-0000-000000000000'))
    order by c.business_date, c.started_at, c.id limit p_limit) day;
  if v_next is null then
    select jsonb_agg(jsonb_build_object('callId', call_id, 'changes', changes)) into v_next from (
      select m.call_id, m.changes from rescore_marks m join calls c on c.id = m.call_id
      where c.business_date <= p_date order by c.started_at, c.id limit p_limit) marked;
  end if;
  return coalesce(v_next, '[]');
end $$;

-- Gives a call that was scored the score that it has by now.
create function app.rescore_call(p_decision jsonb, p_now timestamptz) returns text language plpgsql as $$
declare v_call calls; v_late calls; v_earning earnings; v_adjustment adjustments;
begin
  select * into v_call from calls where id = (p_decision ->> 'callId')::uuid for update;
  -- Whatever else is due to it comes first, and reads the same windows; a person's word goes before.
  if v_call.id is null or v_call.status = 'stored' or v_call.decided is not null or app.facts_key(v_call) <> p_decision ->> 'factsKey'
    or exists (select 1 from call_disputes where call_id = v_call.id and state in ('open', 'denied')) then return 'left'; end if;
  select * into v_earning from earnings where call_id = v_call.id and state <> 'clawed_back' for update;
  if v_earning.id is null then
    if v_call.status = 'qualified' then return 'left'; end if;
    perform app.score_again(v_call, null, p_now);
    return 'scored_again';
  end if;
  if v_earning.invoice_id is not null or v_earning.state <> (case when v_earning.prepaid then 'billed' else 'accrued' end)
    or exists (select 1 from adjustments where call_id = v_call.id and state in ('waiting_approval', 'waiting')) then return 'left'; end if;
  if p_decision ->> 'decision' = 'qualify' then
    select * into v_late from app.facts_of(v_call, true);
    -- By newer facts it is another call, and is rated by them when it is looked at for that.
    if (v_late.caller_number, v_late.started_at) is distinct from (v_call.caller_number, v_call.started_at)
      or ((p_decision ->> 'priceMinor')::bigint, (p_decision ->> 'termsId')::uuid) is distinct from (v_earning.price_minor, v_earning.terms_id) then return 'left'; end if;
    update calls set facts_version = facts_version + 1 where id = v_call.id returning * into v_call;
    perform app.write_score(v_call, p_decision, p_now);
    return 'kept';
  end if;
  v_adjustment := app.open_adjustment(v_earning, 'context', 'close', 'by all calls that are known now its score is another', p_now);
  select * into v_earning from earnings where id = v_earning.id;
  return app.end_adjustment(v_call, v_earning, v_adjustment, p_now);
end $$;

-- Gives calls that were scored the scores that they have by now, and notes which were looked at: [{callId, changes}], those of the date in
-- their order. A mark that was set once more meanwhile stays.
-- Safe to run twice: a call that has its score is asked for no more, and an earning ends once.
create function public.rescore_calls(p_date date, p_decisions jsonb, p_looked_at jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_decision jsonb; v_results jsonb := '[]'; v_looked jsonb := app.json_arg(p_looked_at);
begin
  perform app.lock_ledger();
  for v_decision in select value from jsonb_array_elements(app.json_arg(p_decisions)) loop
    v_results := v_results || to_jsonb(app.rescore_call(v_decision, app.at(p_now_ms)));
  end loop;
  insert into rescore_progress as p (close_date, business_date, started_at, call_id)
  select p_date, c.business_date, c.started_at, c.id from jsonb_array_elements(v_looked) l join calls c on c.id = (l ->> 'callId')::uuid
  where l ->> 'changes' is null and exists (select 1 from closes where business_date = p_date)
  order by c.business_date desc, c.started_at desc, c.id desc limit 1
  on conflict (close_date) do update set business_date = excluded.business_date, started_at = excluded.started_at, call_id = excluded.call_id
  where (excluded.business_date, excluded.started_at, excluded.call_id) > (p.business_date, p.started_at, p.call_id);
  delete from rescore_marks m using jsonb_array_elements(v_looked) l
  where m.call_id = (l ->> 'callId')::uuid and m.changes = (l ->> 'changes')::int;
  return v_results;
end $$;

-- Scores calls of a date once more when it is over, before it is billed: windows are of all calls that started before one, and those
-- that were reported after it were not known when it was scored. What comes after that for a date that is over marks the calls in
-- whose windows it lies; the next close looks at them. Nothing is changed of a call that is on an invoice.

create table public.rescore_marks (
  call_id uuid primary key references public.calls
);

-- The last date whose calls were scored once more.
create function app.rescored_through() returns date language sql stable as $$
  select max(business_date) from public.closes where stage not in ('calls', 'scores')
$$;

-- Marks the calls in whose windows a call lies, where those are of dates that are not looked at by themselves any more.
create function app.mark_windows(p_call public.calls) returns void language plpgsql as $$
declare v_through date := app.rescored_through();
begin
  if v_through is null or p_call.business_date > v_through then return; end if;
  insert into rescore_marks
  select o.id from calls o where o.caller_number = p_call.caller_number and (o.started_at, o.id) > (p_call.started_at, p_call.id)
    and o.started_at < p_call.started_at + interval '30 days' and o.business_date <= v_through
  union select o.id from calls o where o.supplier_id = p_call.supplier_id and (o.started_at, o.id) > (p_call.started_at, p_call.id)
    and o.started_at < p_call.started_at + interval '1 day' and o.business_date <= v_through
  union select o.id from calls o where app.block_of(o.caller_number) = app.block_of(p_call.caller_number) and (o.started_at, o.id) > (p_call.started_at, p_call.id)
    and o.started_at < p_call.started_at + interval '1 day' and o.business_date <= v_through
  on conflict do nothing;
end $$;

-- The next calls to look at, in the order of their starts: of a date those after the last one that was looked at, or marked ones.
create function public.calls_to_rescore(p_date date, p_marked boolean, p_after_ms bigint, p_after_id uuid, p_limit int)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('callId', id, 'startedAtMs', app.ms(started_at)) order by started_at, id), '[]')
  from (
    (select c.id, c.started_at from calls c
      where not p_marked and c.business_date = p_date and (p_after_id is null or (c.started_at, c.id) > (app.at(p_after_ms), p_after_id))
      order by c.started_at, c.id limit p_limit)
    union all
    (select c.id, c.started_at from rescore_marks m join calls c on c.id = m.call_id
      where p_marked and c.business_date <= p_date order by c.started_at, c.id limit p_limit)) next
$$;

-- Gives a call that was scored the score that it has by now.
create function app.rescore_call(p_decision jsonb, p_now timestamptz) returns text language plpgsql as $$
declare v_call calls; v_earning earnings; v_adjustment adjustments;
begin
  select * into v_call from calls where id = (p_decision ->> 'callId')::uuid for update;
  -- Whatever else is due to it comes first, and reads the same windows.
  if v_call.id is null or v_call.status = 'stored' or v_call.decided is not null or app.facts_key(v_call) <> p_decision ->> 'factsKey' then return 'left'; end if;
  select * into v_earning from earnings where call_id = v_call.id and state <> 'clawed_back' for update;
  if v_earning.id is null then
    if v_call.status = 'qualified' then return 'left'; end if;
    perform app.score_again(v_call, null, p_now);
    return 'scored_again';
  end if;
  if v_earning.invoice_id is not null or v_earning.state <> (case when v_earning.prepaid then 'billed' else 'accrued' end)
    or exists (select 1 from adjustments where call_id = v_call.id and state in ('waiting_approval', 'waiting')) then return 'left'; end if;
  if p_decision ->> 'decision' = 'qualify' then
    update calls set facts_version = facts_version + 1 where id = v_call.id returning * into v_call;
    perform app.write_score(v_call, p_decision, p_now);
    return 'kept';
  end if;
  v_adjustment := app.open_adjustment(v_earning, 'context', 'close', 'calls that started before it came after it', p_now);
  select * into v_earning from earnings where id = v_earning.id;
  return app.end_adjustment(v_call, v_earning, v_adjustment, p_now);
end $$;

-- Gives calls that were scored the scores that they have by now, and takes the marks of those that were looked at away.
-- Safe to run twice: a call that has its score is asked for no more, and an earning ends once.
create function public.rescore_calls(p_decisions jsonb, p_looked_at jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_decision jsonb; v_results jsonb := '[]';
begin
  perform app.lock_ledger();
  for v_decision in select value from jsonb_array_elements(app.json_arg(p_decisions)) loop
    v_results := v_results || to_jsonb(app.rescore_call(v_decision, app.at(p_now_ms)));
  end loop;
  delete from rescore_marks where call_id in (select value::uuid from jsonb_array_elements_text(app.json_arg(p_looked_at)));
  return v_results;
end $$;

-- What people decide about calls, and what becomes of those that nobody decides.

-- The calls that wait for a person, the oldest first: those that rules hold, and those whose share is above their price. What waits
-- for something else (terms, revenue, a wallet, a buyer that pays) goes on by itself and is not here.
-- `p_filter`: {campaignId, supplierId, signal}, each null where all are meant.
create function public.review_queue(p_filter jsonb, p_limit int)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('callId', q.id, 'source', q.source, 'externalId', q.external_id,
    'campaignId', q.campaign_id, 'campaign', k.name, 'supplierId', q.supplier_id, 'supplier', s.name,
    'startedAtMs', app.ms(q.started_at), 'durationS', q.duration_s, 'score', q.score, 'reasons', q.reasons,
    'holdUntilMs', app.ms(q.hold_until), 'holdDefault', q.hold_default,
    'revenue', (select jsonb_build_object('amountMinor', r.amount_minor, 'currency', r.currency) from call_revenues r where r.call_id = q.id),
    'terms', app.terms_json(app.terms_at(q.campaign_id, q.started_at))) order by q.started_at, q.id), '[]')
  from (select c.id, c.source, c.external_id, c.campaign_id, c.supplier_id, c.started_at, c.duration_s, o.score, o.reasons, o.hold_until, o.hold_default
    from calls c join call_scores o on o.call_id = c.id and o.facts_version = c.facts_version, app.json_arg(p_filter) f
    where c.status = 'held' and app.is_for_review(o)
      and (f ->> 'campaignId' is null or c.campaign_id = (f ->> 'campaignId')::uuid)
      and (f ->> 'supplierId' is null or c.supplier_id = (f ->> 'supplierId')::uuid)
      and (f ->> 'signal' is null or o.reasons @> jsonb_build_array(jsonb_build_object('signal', f -> 'signal')))
    order by c.started_at, c.id limit p_limit) q
    join campaigns k on k.id = q.campaign_id join suppliers s on s.id = q.supplier_id
$$;

-- A person decides one call, whatever became of it. Answers
--   scored_again       it was held, or was rejected and qualifies after all: what was decided goes before the score,
--   adjusting, waiting_approval   it is owed and earned, and is taken out of the books (app.open_adjustment),
--   unchanged          it is so already, and stays so whatever changes its place or its score,
--   being_rated        it is just being scored: to be decided when that has ended,
--   no_campaign        nobody knows whose it is,
--   disputed           its buyer disputed it, and was right: that stands,
--   unknown            there is no such call.
create function app.decide_call(p_call_id uuid, p_decision text, p_by text, p_reason text, p_now timestamptz) returns text language plpgsql as $$
declare v_call calls; v_result text; v_asked jsonb;
begin
  select * into v_call from calls where id = p_call_id for update;
  v_result := case when v_call.id is null then 'unknown' when v_call.status = 'stored' then 'being_rated'
    when v_call.campaign_id is null then 'no_campaign'
    when v_call.status = case p_decision when 'qualify' then 'qualified' else 'rejected' end then 'unchanged'
    when p_decision = 'qualify' and exists (select 1 from call_disputes where call_id = v_call.id and state = 'approved') then 'disputed'
    when v_call.status = 'qualified' then 'adjusting' else 'scored_again' end;
  if v_result = 'scored_again' then perform app.score_again(v_call, p_decision, p_now);
  elsif v_result = 'adjusting' then
    v_asked := public.ask_adjustment(v_call.id, p_by, p_reason, app.ms(p_now));
    v_result := case v_asked ->> 'state' when 'waiting_approval' then 'waiting_approval' else 'adjusting' end;
    -- It is being taken out for another reason: whatever becomes of that, a person's word goes before.
    if v_asked -> 'asked' = 'false' then update calls set decided = p_decision where id = v_call.id; end if;
  elsif v_result = 'unchanged' and v_call.decided is distinct from p_decision then
    -- What it is so by, a place, a window or its score, may change: the word does not.
    update calls set decided = p_decision where id = v_call.id;
  else return v_result; end if;
  perform app.log_action(p_now, p_by, 'call.' || p_decision, 'call:' || v_call.id, jsonb_build_object('reason', p_reason, 'was', v_call.status));
  return v_result;
end $$;

-- A person decides calls, at most 500, in the order of their starts, because of one caller's the first is paid for. Answers
-- {callId: result}. Safe to run twice: what is so already stays, and a call has one adjustment at a time.
create function public.decide_calls(p_call_ids jsonb, p_decision text, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_id uuid; v_results jsonb := '{}';
begin
  if jsonb_array_length(app.json_arg(p_call_ids)) > 500 then perform app.fail('REVIEW_TOO_MANY', 'at most 500 calls are decided at once', '{}', 'PT422'); end if;
  perform app.lock_ledger();
  for v_id in
    select i.id from (select distinct value::uuid as id from jsonb_array_elements_text(app.json_arg(p_call_ids))) i left join calls c on c.id = i.id
    order by c.started_at, i.id
  loop
    v_results := v_results || jsonb_build_object(v_id, app.decide_call(v_id, p_decision, p_by, p_reason, app.at(p_now_ms)));
  end loop;
  return v_results;
end $$;

-- Decides the held calls whose time is over as their rules say, at most so many, in the order of their starts; answers how many. Only
-- what rules hold has such a time. Which these are is looked for before the ledger is locked, and asked again when
-- it is. Safe to run twice: a call leaves `held` by it, and what a person decides first is not held.
create function public.expire_holds(p_limit int, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v record; v_call calls; v_count int := 0; v_due uuid[];
begin
  v_due := array(select id from calls where status = 'held' and hold_until <= app.at(p_now_ms) order by started_at, id limit p_limit);
  if v_due = '{}' then return '0'; end if;
  perform app.lock_ledger();
  for v in
    select c.id, o.hold_default, o.hold_until from calls c join call_scores o on o.call_id = c.id and o.facts_version = c.facts_version
    where c.id = any (v_due) and c.status = 'held' and o.hold_until <= app.at(p_now_ms) order by c.started_at, c.id
  loop
    -- Where newer facts came meanwhile it is scored by them first.
    select * into v_call from calls where id = v.id and status = 'held' for update;
    continue when v_call.id is null;
    perform app.score_again(v_call, v.hold_default, app.at(p_now_ms));
    perform app.log_action(app.at(p_now_ms), 'callclear', 'call.expire', 'call:' || v.id, jsonb_build_object('decision', v.hold_default, 'holdUntilMs', app.ms(v.hold_until)));
    v_count := v_count + 1;
  end loop;
  return to_jsonb(v_count);
end $$;

-- From now on a signal counts nothing for the calls of a supplier, a caller or a campaign, until an instant; answers the snooze's number.
create function public.snooze_signal(p_signal text, p_subject_kind text, p_subject text, p_until_ms bigint, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_id bigint;
begin
  if p_until_ms <= p_now_ms then perform app.fail('SNOOZE_INVALID', 'a snooze ends after it begins', '{}', 'PT422'); end if;
  if p_subject_kind = 'supplier' and not exists (select 1 from suppliers where id = p_subject::uuid) then
    perform app.fail('SUPPLIER_UNKNOWN', 'no supplier has this id', '{}', 'PT404');
  elsif p_subject_kind = 'campaign' and not exists (select 1 from campaigns where id = p_subject::uuid) then
    perform app.fail('CAMPAIGN_UNKNOWN', 'no campaign has this id', '{}', 'PT404');
  end if;
  insert into snoozes (signal, subject_kind, subject, from_at, until_at, made_by, reason, made_at)
  values (p_signal, p_subject_kind, case when p_subject_kind = 'caller' then p_subject else p_subject::uuid::text end, app.at(p_now_ms), app.at(p_until_ms), p_by, p_reason, app.at(p_now_ms)) returning id into v_id;
  perform app.log_action(app.at(p_now_ms), p_by, 'fraud.snooze', 'snooze:' || v_id,
    jsonb_build_object('signal', p_signal, 'of', p_subject_kind, 'untilMs', p_until_ms, 'reason', p_reason));
  return to_jsonb(v_id);
end $$;

-- Ends a snooze before its time: calls that start from now on are scored with the signal. False when it has ended.
create function public.end_snooze(p_id bigint, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  if not exists (select 1 from snoozes where id = p_id) then perform app.fail('SNOOZE_UNKNOWN', 'no snooze has this number', '{}', 'PT404'); end if;
  -- One that is ended in the instant it was made has had the shortest time there is.
  update snoozes set until_at = greatest(app.at(p_now_ms), from_at + interval '1 microsecond') where id = p_id and until_at > app.at(p_now_ms);
  if not found then return 'false'; end if;
  perform app.log_action(app.at(p_now_ms), p_by, 'fraud.end_snooze', 'snooze:' || p_id, jsonb_build_object('reason', p_reason));
  return 'true';
end $$;

-- The snoozes that have not ended, the next to end first; at most 500.
create function public.list_snoozes(p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', z.id, 'signal', z.signal, 'subjectKind', z.subject_kind, 'subject', z.subject,
    'fromMs', app.ms(z.from_at), 'untilMs', app.ms(z.until_at), 'madeBy', z.made_by, 'reason', z.reason) order by z.until_at, z.id), '[]')
  from (select * from snoozes where until_at > app.at(p_now_ms) order by until_at, id limit 500) z
$$;

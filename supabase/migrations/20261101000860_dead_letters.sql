-- What operators see of dead letters, and do with them.
create function app.fingerprint(p_job text, p_code text, p_message text) returns text language sql immutable as $$
  select left(md5(concat_ws('|', p_job, p_code, regexp_replace(p_message, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z]+_[0-9A-Za-z]{6,}|[0-9]+', '#', 'g'))), 12)
$$;

-- Writes a terminal failure on the work's own row, making the row when the job had none. True when it is news.
create function public.fail_work(p_dead jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_dead jsonb := app.json_arg(p_dead); v_message text := left(v_dead ->> 'message', 500); v_id bigint;
begin
  insert into work as w (job, key, generation, payload, trace, state, due_at, code, message, attempts, ended_at)
  values (v_dead ->> 'job', v_dead ->> 'key', (v_dead ->> 'generation')::int, v_dead -> 'payload', v_dead ->> 'trace', 'dead',
    app.at((v_dead ->> 'dueAtMs')::bigint), v_dead ->> 'code', v_message, (v_dead ->> 'attempts')::int, app.at(p_now_ms))
  on conflict (job, key) do update set state = 'dead', code = excluded.code, message = excluded.message,
    attempts = excluded.attempts, ended_at = excluded.ended_at
    where w.state = 'due' and w.generation = excluded.generation
  returning id into v_id;
  if v_id is null then return 'false'; end if;
  insert into dead_letters (work_id, generation, payload_version, code, message, fingerprint, attempts, tries, failed_at)
  values (v_id, (v_dead ->> 'generation')::int, (v_dead ->> 'payloadVersion')::int, v_dead ->> 'code', v_message,
    app.fingerprint(v_dead ->> 'job', v_dead ->> 'code', v_message), (v_dead ->> 'attempts')::int, v_dead -> 'tries', app.at(p_now_ms));
  perform app.advance_close(app.at(p_now_ms));
  return 'true';
end $$;

create function app.decide_letter(p_work work, p_decision text, p_by text, p_reason text, p_at timestamptz) returns void language plpgsql as $$
begin
  update dead_letters set decision = p_decision, decided_at = p_at, decided_by = p_by, reason = p_reason
  where work_id = p_work.id and generation = p_work.generation;
  perform app.log_action(p_at, p_by, case p_decision when 'discarded' then 'work.discard' else 'work.replay' end, 'work:' || p_work.id,
    jsonb_build_object('reason', p_reason, 'generation', p_work.generation, 'decision', p_decision));
end $$;

-- Safe to run twice: only a dead row is replayed, and it is dead once. p_edit brings another payload, with its key.
create function public.replay_work(p_id bigint, p_by text, p_reason text, p_now_ms bigint, p_edit jsonb default null)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_edit jsonb := app.json_arg(p_edit); v_row work;
begin
  select * into v_row from work where id = p_id and state = 'dead' for update;
  if not found then return null; end if;
  if exists (select 1 from work where job = v_row.job and key = v_edit ->> 'key' and id <> p_id) then
    perform app.fail('LETTER_EDIT_REFUSED', format('%s %s is another piece of work', v_row.job, v_edit ->> 'key'));
  end if;
  perform app.decide_letter(v_row, case when v_edit is null then 'replayed' else 'edited' end, p_by, p_reason, app.at(p_now_ms));
  update dead_letters set edited_payload = v_row.payload where v_edit is not null and work_id = p_id and generation = v_row.generation;
  update work set state = 'due', generation = generation + 1, handed_at = app.at(p_now_ms), code = null, message = null,
    attempts = 0, replays = replays + 1, ended_at = null, key = coalesce(v_edit ->> 'key', key), payload = coalesce(v_edit -> 'payload', payload)
  where id = p_id returning * into v_row;
  return app.work_json(v_row);
end $$;

create function public.discard_work(p_id bigint, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_row work;
begin
  update work set state = 'discarded', result = 'discarded', payload = '{}' where id = p_id and state = 'dead' returning * into v_row;
  if not found then return 'false'; end if;
  perform app.decide_letter(v_row, 'discarded', p_by, p_reason, app.at(p_now_ms));
  return 'true';
end $$;

-- What the key of a job names, where it names something of the books: how its journals call it.
create function app.ref_of(p_job text) returns text language sql immutable as $$
  select case p_job when 'payouts.pay-supplier' then 'payoutId' when 'billing.bill-buyer' then 'invoiceId'
    when 'billing.recharge-wallet' then 'topupId' when 'fraud.score-call' then 'callId' when 'fraud.adjust-call' then 'callId' end
$$;

create function app.uuid_or_null(p text) returns uuid language sql immutable as $$
  select case when p ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p::uuid end
$$;

-- The money that waits for a piece of work, by currency; {} where none does, or where nobody knows how much it is.
create function app.at_risk(p_job text, p_key text) returns jsonb language plpgsql stable as $$
declare v_id uuid := app.uuid_or_null(p_key);
begin
  return coalesce(case p_job
    when 'payouts.pay-supplier' then (select jsonb_build_object(currency, amount_minor) from payouts where id = v_id)
    when 'billing.bill-buyer' then (select jsonb_build_object(currency, amount_minor) from invoices where id = v_id)
    when 'billing.recharge-wallet' then (select jsonb_build_object(currency, amount_minor) from topups where id = v_id)
    when 'fraud.adjust-call' then (select jsonb_build_object(currency, price_minor) from earnings where call_id = v_id) end, '{}');
end $$;

-- The open letters that a filter lets through: ids, jobs, codes (lists), fingerprint, poison, fromMs, untilMs (of the failure).
create function app.open_letters(p_filter jsonb)
returns table (id bigint, letter jsonb, fingerprint text, job text, code text, message text, failed_at timestamptz, poison boolean, at_risk jsonb)
language sql stable as $$
  select w.id, jsonb_build_object('id', w.id::text, 'job', w.job, 'key', w.key, 'generation', w.generation, 'code', d.code, 'message', d.message,
      'fingerprint', d.fingerprint, 'attempts', d.attempts, 'failedAtMs', app.ms(d.failed_at), 'replays', w.replays,
      'isPoison', w.replays >= 3, 'atRisk', r.at_risk),
    d.fingerprint, w.job, d.code, d.message, d.failed_at, w.replays >= 3, r.at_risk
  from public.work w join public.dead_letters d on d.work_id = w.id and d.generation = w.generation,
    app.at_risk(w.job, w.key) r (at_risk)
  where w.state = 'dead' and (p_filter -> 'jobs' is null or p_filter -> 'jobs' ? w.job) and (p_filter -> 'codes' is null or p_filter -> 'codes' ? d.code)
    and (p_filter -> 'ids' is null or w.id in (select value::bigint from jsonb_array_elements_text(p_filter -> 'ids')))
    and (p_filter ->> 'fingerprint' is null or d.fingerprint = p_filter ->> 'fingerprint')
    and (p_filter ->> 'poison' is null or (w.replays >= 3) = (p_filter ->> 'poison')::boolean)
    and (p_filter ->> 'fromMs' is null or d.failed_at >= app.at((p_filter ->> 'fromMs')::bigint))
    and (p_filter ->> 'untilMs' is null or d.failed_at < app.at((p_filter ->> 'untilMs')::bigint))
$$;

create function public.list_letters(p_filter jsonb, p_after_id bigint, p_limit int)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(letter order by id), '[]')
  from (select * from app.open_letters(app.json_arg(p_filter)) where id > coalesce(p_after_id, 0) order by id limit least(p_limit, 500)) l
$$;

-- One line for each fingerprint, what has most letters first; at most 200.
create function public.group_letters(p_filter jsonb)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  with open as (select * from app.open_letters(app.json_arg(p_filter))),
    risks as (select o.fingerprint, r.key as currency, sum(r.value::numeric) as minor
      from open o, jsonb_each_text(o.at_risk) r group by 1, 2),
    groups as (select o.fingerprint, min(o.job) as job, min(o.code) as code, (array_agg(o.message order by o.id desc))[1] as message, count(*) as letters,
        count(*) filter (where o.poison) as poison, min(o.failed_at) as first_at, max(o.failed_at) as last_at
      from open o group by 1 order by count(*) desc, 1 limit 200)
  select coalesce(jsonb_agg(jsonb_build_object('fingerprint', g.fingerprint, 'job', g.job, 'code', g.code, 'message', g.message,
      'letters', g.letters, 'poison', g.poison, 'firstAtMs', app.ms(g.first_at), 'lastAtMs', app.ms(g.last_at),
      'atRisk', coalesce((select jsonb_object_agg(r.currency, r.minor) from risks r where r.fingerprint = g.fingerprint), '{}'))
    order by g.letters desc, g.fingerprint), '[]')
  from groups g
$$;

-- One letter whole: what it came from, every attempt, every earlier death, and which effects its work already had.
create function public.show_letter(p_id bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select o.letter || jsonb_build_object('payload', w.payload, 'payloadVersion', d.payload_version, 'trace', w.trace, 'tries', d.tries,
    'madeAtMs', app.ms(w.made_at), 'dueAtMs', app.ms(w.due_at), 'closeDate', w.close_date,
    'deaths', (select jsonb_agg(jsonb_build_object('generation', e.generation, 'code', e.code, 'message', e.message, 'attempts', e.attempts,
        'failedAtMs', app.ms(e.failed_at), 'decision', e.decision, 'by', e.decided_by, 'reason', e.reason, 'decidedAtMs', app.ms(e.decided_at))
      order by e.generation) from dead_letters e where e.work_id = w.id),
    'effects', jsonb_build_object(
      'journals', (select coalesce(jsonb_agg(jsonb_build_object('id', j.id::text, 'template', j.template, 'postedAtMs', app.ms(j.posted_at)) order by j.id), '[]')
        from journals j where j.refs @> case when app.ref_of(w.job) is not null then jsonb_build_object(app.ref_of(w.job), w.key) end),
      'stripe', (select coalesce(jsonb_agg(jsonb_build_object('object', s.object, 'id', s.id)), '[]') from (
        select 'transfer' as object, transfer_id as id from payouts where w.job = 'payouts.pay-supplier' and payouts.id = app.uuid_or_null(w.key)
        union all select 'invoice', stripe_invoice_id from invoices where w.job = 'billing.bill-buyer' and invoices.id = app.uuid_or_null(w.key)
        union all select 'charge', c.charge_id from charges c
          where app.ref_of(w.job) = 'invoiceId' and c.invoice_id = app.uuid_or_null(w.key) or app.ref_of(w.job) = 'topupId' and c.topup_id = app.uuid_or_null(w.key)
        ) s where s.id is not null)))
  from app.open_letters(jsonb_build_object('ids', jsonb_build_array(p_id))) o join work w on w.id = o.id
    join dead_letters d on d.work_id = w.id and d.generation = w.generation
$$;

-- How pieces of work stand now: [{id, state}].
create function public.work_states(p_ids jsonb)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', id::text, 'state', state) order by id), '[]') 
  from work where id in (select value::bigint from jsonb_array_elements_text(app.json_arg(p_ids)))
$$;

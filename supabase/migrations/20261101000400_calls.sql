-- The inbox. Unique (source, event_id) is the guarantee that an event has its effects once.
create table public.webhook_events (
  id bigint generated always as identity primary key,
  source text not null,
  event_id text not null,
  kind text not null,
  received_at timestamptz not null,
  -- The raw body, sealed with a key of BODY_KEYS; null where the body is only a hint (Stripe).
  body_sealed text,
  trace text not null,
  result text not null,
  unique (source, event_id)
);

create table public.calls (
  id uuid primary key default gen_random_uuid(),
  source text not null,
  external_id text not null,
  tracking_number text not null,
  campaign_id uuid references public.campaigns,
  supplier_id uuid references public.suppliers,
  buyer_id uuid references public.buyers,
  -- E.164 as reported; null when the caller withheld it.
  caller_number text,
  started_at timestamptz not null,
  duration_s int not null check (duration_s >= 0),
  answered boolean not null,
  -- When the provider stated these facts; older facts never overwrite newer ones.
  facts_at timestamptz not null,
  facts_version int not null default 1,
  -- stored: not scored yet; held: waits for a person.
  status text not null default 'stored' check (status in ('stored', 'qualified', 'rejected', 'held')),
  -- What a person decided about a held call; it goes before the score, not before the rule of one payment per caller.
  decided text check (decided in ('qualify', 'reject')),
  -- Facts that came after rating. They are kept, and adjust nothing yet.
  late_facts jsonb,
  business_date date not null,
  trace text not null,
  made_at timestamptz not null,
  changed_at timestamptz not null,
  unique (source, external_id)
);
create index calls_caller on public.calls (caller_number, started_at) where caller_number is not null;
create index calls_date on public.calls (business_date, status);
create index calls_changed on public.calls (changed_at);
create index calls_supplier on public.calls (supplier_id, started_at);
create index calls_buyer on public.calls (buyer_id, started_at);

create table public.call_scores (
  call_id uuid not null references public.calls,
  facts_version int not null,
  score int not null check (score between 0 and 100),
  decision text not null check (decision in ('qualify', 'reject', 'hold')),
  reasons jsonb not null,
  scored_at timestamptz not null,
  primary key (call_id, facts_version)
);

-- One row per qualified call: what the buyer owes for it and what the supplier earns by it.
create table public.earnings (
  id uuid primary key default gen_random_uuid(),
  call_id uuid not null unique references public.calls,
  campaign_id uuid not null references public.campaigns,
  terms_id uuid not null references public.campaign_terms,
  buyer_id uuid not null references public.buyers,
  supplier_id uuid not null references public.suppliers,
  currency text not null references public.currencies,
  price_minor app.amount_minor not null check (price_minor > 0),
  share_minor app.amount_minor not null check (share_minor between 0 and price_minor),
  state text not null default 'accrued' check (state in
    ('accrued', 'billed', 'cleared', 'reserved', 'paid', 'frozen', 'clawed_back', 'written_off')),
  started_at timestamptz not null,
  duration_s int not null,
  business_date date not null,
  invoice_id uuid,
  payout_id uuid
);
create index earnings_unbilled on public.earnings (buyer_id, currency, started_at) where invoice_id is null;
create index earnings_invoice on public.earnings (invoice_id);
create index earnings_cleared on public.earnings (supplier_id, currency) where state = 'cleared';
create index earnings_payout on public.earnings (payout_id);

create function app.business_date(p_at timestamptz) returns date language sql stable as $$
  select (p_at at time zone timezone)::date from public.settings
$$;

create function app.ingest_call(p_event jsonb, p_now timestamptz) returns text language plpgsql as $$
declare
  v_report jsonb := p_event -> 'report';
  v_call calls; v_facts_at timestamptz := app.at((v_report ->> 'factsAtMs')::bigint); v_event_id bigint; v_result text;
begin
  insert into webhook_events (source, event_id, kind, received_at, body_sealed, trace, result)
  values (p_event ->> 'source', p_event ->> 'eventId', p_event ->> 'kind', app.at((p_event ->> 'receivedAtMs')::bigint),
    p_event ->> 'bodySealed', p_event ->> 'trace', 'stored')
  on conflict (source, event_id) do nothing returning id into v_event_id;
  if v_event_id is null then return 'duplicate'; end if;

  insert into calls as c (source, external_id, tracking_number, campaign_id, supplier_id, buyer_id, caller_number, started_at,
    duration_s, answered, facts_at, business_date, trace, made_at, changed_at)
  select p_event ->> 'source', v_report ->> 'externalId', v_report ->> 'trackingNumber', t.campaign_id, t.supplier_id, k.buyer_id,
    v_report ->> 'callerNumber', app.at((v_report ->> 'startedAtMs')::bigint), (v_report ->> 'durationS')::int,
    (v_report ->> 'answered')::boolean, v_facts_at, app.business_date(app.at((v_report ->> 'startedAtMs')::bigint)),
    p_event ->> 'trace', p_now, p_now
  from (select 1) one
    left join tracking_numbers t on t.number = v_report ->> 'trackingNumber'
    left join campaigns k on k.id = t.campaign_id
  on conflict (source, external_id) do nothing returning * into v_call;

  if v_call.id is not null then
    perform app.make_work('fraud.score-call', v_call.id::text, jsonb_build_object('callId', v_call.id), v_call.trace, p_now);
    v_result := 'stored';
  else
    select * into v_call from calls where source = p_event ->> 'source' and external_id = v_report ->> 'externalId' for update;
    v_result := app.revise_call(v_call, v_report, v_facts_at, p_now);
  end if;
  update webhook_events set result = v_result where id = v_event_id;
  return v_result;
end $$;

-- Newer facts about a call that is stored: before rating they replace the old ones, after it they are kept beside.
create function app.revise_call(p_call public.calls, p_report jsonb, p_facts_at timestamptz, p_now timestamptz)
returns text language plpgsql as $$
declare v_same boolean := p_call.duration_s = (p_report ->> 'durationS')::int
  and p_call.answered = (p_report ->> 'answered')::boolean
  and p_call.caller_number is not distinct from p_report ->> 'callerNumber'
  and app.ms(p_call.started_at) = (p_report ->> 'startedAtMs')::bigint;
begin
  if p_facts_at <= p_call.facts_at then return 'superseded'; end if;
  if v_same then
    update calls set facts_at = p_facts_at where id = p_call.id;
    return 'unchanged';
  end if;
  if p_call.status <> 'stored' then
    update calls set late_facts = p_report, facts_at = p_facts_at, changed_at = p_now where id = p_call.id;
    return 'late';
  end if;
  update calls set duration_s = (p_report ->> 'durationS')::int, answered = (p_report ->> 'answered')::boolean,
    caller_number = p_report ->> 'callerNumber', started_at = app.at((p_report ->> 'startedAtMs')::bigint),
    business_date = app.business_date(app.at((p_report ->> 'startedAtMs')::bigint)),
    facts_at = p_facts_at, facts_version = facts_version + 1, changed_at = p_now
  where id = p_call.id;
  return 'revised';
end $$;

-- Stores a batch of call events. Answers one result per event, in order: stored, duplicate, revised, unchanged,
-- superseded, late, or {"code", "message"} for one that the database refuses; the others of its batch stand.
create function public.ingest_calls(p_events jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_event jsonb; v_results jsonb := '[]'; v_state text; v_message text;
begin
  for v_event in select value from jsonb_array_elements(app.json_arg(p_events)) loop
    begin
      v_results := v_results || to_jsonb(app.ingest_call(v_event, app.at(p_now_ms)));
    exception when data_exception or integrity_constraint_violation then
      get stacked diagnostics v_state = returned_sqlstate;
      v_results := v_results || jsonb_build_object('code', 'BODY_MALFORMED', 'message', 'the database refused the report: ' || v_state);
    end;
  end loop;
  return v_results;
end $$;

-- Whether this caller has been paid for in this campaign within the window, before or after: whichever was rated first counts.
create function app.paid_in_window(p_call public.calls, p_window_s int) returns boolean language sql stable as $$
  select exists (
    select 1 from public.calls o
    where o.caller_number = p_call.caller_number and o.campaign_id = p_call.campaign_id and o.id <> p_call.id
      and o.status = 'qualified'
      and o.started_at between p_call.started_at - make_interval(secs => p_window_s)
                           and p_call.started_at + make_interval(secs => p_window_s))
$$;

-- All that scoring needs to know about a batch of calls, in one read: facts, terms in force at the start, and what came before.
create function public.scoring_context(p_call_ids jsonb)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'callId', c.id, 'factsVersion', c.facts_version, 'status', c.status, 'routed', c.campaign_id is not null,
    'callerNumber', c.caller_number, 'durationS', c.duration_s, 'answered', c.answered, 'startedAtMs', app.ms(c.started_at),
    'terms', case when t.id is not null then jsonb_build_object('termsId', t.id, 'currency', t.currency,
      'priceMinor', t.price_minor, 'supplierShareBps', t.supplier_share_bps, 'minDurationS', t.min_duration_s,
      'duplicateWindowS', t.duplicate_window_s) end,
    'decided', c.decided,
    'paidInWindow', app.paid_in_window(c, t.duplicate_window_s),
    'callerCallsLastHour', (select count(*) from calls o where o.caller_number = c.caller_number and o.id <> c.id
      and o.started_at > c.started_at - interval '1 hour' and o.started_at <= c.started_at),
    'callerCallsLastDay', (select count(*) from calls o where o.caller_number = c.caller_number and o.id <> c.id
      and o.started_at > c.started_at - interval '1 day' and o.started_at <= c.started_at))), '[]')
  from calls c
    left join lateral app.terms_at(c.campaign_id, c.started_at) t on true
  where c.id in (select value::uuid from jsonb_array_elements_text(app.json_arg(p_call_ids)))
$$;

-- The date a call that is rated now belongs to: its own, or the first date whose close does not bill yet. While a close
-- waits for its calls to be scored, they still are of its date.
create function app.open_date(p_wanted date) returns date language plpgsql stable as $$
begin
  return greatest(p_wanted, (select max(business_date) + 1 from public.closes where stage <> 'calls'));
end $$;

-- The date a movement of money that is recorded now belongs to: its own, or the first date whose close is not done.
create function app.unclosed_date(p_wanted date) returns date language plpgsql stable as $$
begin
  return greatest(p_wanted, (select max(business_date) + 1 from public.closes where state = 'done'));
end $$;

create function app.rate_call(p_decision jsonb, p_now timestamptz) returns text language plpgsql as $$
declare
  v_call calls; v_terms campaign_terms; v_decision text := p_decision ->> 'decision';
  v_reasons jsonb := p_decision -> 'reasons'; v_price bigint; v_share bigint;
begin
  select * into v_call from calls where id = (p_decision ->> 'callId')::uuid for update;
  if v_call.id is null then perform app.fail('CALL_UNKNOWN', 'no such call', '{}', 'PT404'); end if;
  if v_call.status <> 'stored' then return 'already'; end if;
  if v_call.facts_version <> (p_decision ->> 'factsVersion')::int then return 'stale'; end if;

  v_terms := app.terms_at(v_call.campaign_id, v_call.started_at);
  v_price := (p_decision ->> 'priceMinor')::bigint;
  v_share := (p_decision ->> 'shareMinor')::bigint;
  -- Terms that came between reading and rating: this call is scored anew, and the others of its batch stand.
  if v_decision = 'qualify'
    and (v_terms.id is distinct from (p_decision ->> 'termsId')::uuid or v_terms.price_minor is distinct from v_price)
  then
    return 'stale';
  end if;
  if v_decision = 'qualify' and app.paid_in_window(v_call, v_terms.duplicate_window_s) then
    v_decision := 'reject';
    v_reasons := v_reasons || jsonb_build_array(jsonb_build_object('signal', 'duplicate-caller', 'version', 1, 'points', 100,
      'text', 'the same caller was paid for in this campaign within its window'));
  end if;
  insert into call_scores (call_id, facts_version, score, decision, reasons, scored_at)
  values (v_call.id, v_call.facts_version,
    case when v_decision <> p_decision ->> 'decision' then 100 else (p_decision ->> 'score')::int end, v_decision, v_reasons, p_now);
  update calls set changed_at = p_now,
    status = case v_decision when 'qualify' then 'qualified' when 'reject' then 'rejected' else 'held' end
  where id = v_call.id;
  if v_decision <> 'qualify' then return v_decision; end if;

  insert into earnings (call_id, campaign_id, terms_id, buyer_id, supplier_id, currency, price_minor, share_minor, started_at,
    duration_s, business_date)
  values (v_call.id, v_call.campaign_id, v_terms.id, v_call.buyer_id, v_call.supplier_id, v_terms.currency, v_price, v_share,
    v_call.started_at, v_call.duration_s, app.open_date(v_call.business_date));
  perform app.post_journal('call', 'call:' || v_call.id, app.open_date(v_call.business_date), v_terms.currency,
    jsonb_build_object('price', v_price, 'share', v_share, 'margin', v_price - v_share),
    jsonb_build_object('buyer', v_call.buyer_id, 'supplier', v_call.supplier_id),
    jsonb_build_object('callId', v_call.id, 'termsId', v_terms.id), p_now);
  return 'qualify';
end $$;

-- Records the decisions of a batch and, for each call that qualifies, its earning and its journal, in one transaction.
-- Answers per decision: qualify, reject, hold, already (rated before: nothing changes) or stale (facts or terms
-- changed: score anew).
-- Safe to run twice: a call leaves `stored` once, and its journal's key is the call.
create function public.rate_calls(p_decisions jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_results jsonb := '[]'; v_decision jsonb;
begin
  perform app.lock_ledger();
  for v_decision in select value from jsonb_array_elements(app.json_arg(p_decisions)) loop
    v_results := v_results || to_jsonb(app.rate_call(v_decision, app.at(p_now_ms)));
  end loop;
  return v_results;
end $$;

-- Stores one event of Stripe; false when it was stored before.
create function public.store_stripe_event(p_event jsonb, p_now_ms bigint, p_result text)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_event jsonb := app.json_arg(p_event); v_id bigint;
begin
  insert into webhook_events (source, event_id, kind, received_at, trace, result)
  values ('stripe', v_event ->> 'eventId', v_event ->> 'type', app.at((v_event ->> 'receivedAtMs')::bigint), v_event ->> 'trace', p_result)
  on conflict (source, event_id) do nothing returning id into v_id;
  return to_jsonb(v_id is not null);
end $$;

-- A person decides a held call: it is scored again, and what was decided goes before the score. Safe to run twice: a call
-- is held once.
create function public.decide_call(p_call_id uuid, p_decision text, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_call calls;
begin
  update calls set decided = p_decision, status = 'stored', facts_version = facts_version + 1, changed_at = app.at(p_now_ms)
  where id = p_call_id and status = 'held' and campaign_id is not null returning * into v_call;
  if v_call.id is null then return 'false'; end if;
  perform app.make_work('fraud.score-call', v_call.id::text, jsonb_build_object('callId', v_call.id), v_call.trace,
    app.at(p_now_ms), null, null, true);
  perform app.log_action(app.at(p_now_ms), p_by, 'call.' || p_decision, 'call:' || p_call_id, jsonb_build_object('reason', p_reason));
  return 'true';
end $$;

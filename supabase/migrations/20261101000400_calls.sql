-- The inbox. Unique (source, event_id) is the guarantee that an event has its effects once.
create table public.webhook_events (
  id bigint generated always as identity primary key,
  source text not null,
  event_id text not null,
  kind text not null,
  received_at timestamptz not null,
  -- The raw body, sealed with a key of BODY_KEYS; null where the body is only a hint (Stripe).
  body_sealed text,
  -- No webhook brought it: the provider was asked what it had sent.
  recovered boolean not null default false,
  trace text not null,
  result text not null,
  unique (source, event_id)
);

-- The thousand of numbers that one belongs to.
create function app.block_of(p_number text) returns text language sql immutable parallel safe as $$
  select left(p_number, -3)
$$;

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
  -- What else the provider says of the caller: where it is (ISO 3166-2, `US-TX`), STIR's attestation of its number, its line.
  caller_region text,
  attestation text check (attestation in ('A', 'B', 'C')),
  line_type text check (line_type in ('mobile', 'landline', 'voip', 'toll_free', 'premium', 'other')),
  -- The click that led to it, as an affiliate platform calls it.
  click_id text check (length(click_id) between 1 and 64),
  -- When the provider stated these facts; older facts never overwrite newer ones.
  facts_at timestamptz not null,
  facts_version int not null default 1,
  -- stored: not scored yet; held: waits for a person, for terms, for the buyer's report of revenue or for its money.
  status text not null default 'stored' check (status in ('stored', 'qualified', 'rejected', 'held')),
  -- What a person decided about it, or its hold's end did; it goes before the score, and before nothing that its terms ask.
  decided text check (decided in ('qualify', 'reject')),
  -- While rules hold it: when it is decided as its score says. Here too, because an index over scores would have all that ever were held.
  hold_until timestamptz,
  -- Facts that came after rating and have changed nothing: see adjust_call.
  late_facts jsonb,
  -- When what some reports leave out was stated: name in the report → ms.
  told_at jsonb not null default '{}',
  business_date date not null,
  trace text not null,
  -- When the provider's own log brought it, because no webhook had.
  recovered_at timestamptz,
  made_at timestamptz not null,
  changed_at timestamptz not null,
  unique (source, external_id)
);
-- The windows of scoring: what started before a call, of its caller, of its thousand of numbers and of its supplier.
create index calls_caller on public.calls (caller_number, started_at, id) where caller_number is not null;
create index calls_block on public.calls (app.block_of(caller_number), started_at, id) where caller_number is not null;
create index calls_date on public.calls (business_date, status);
create index calls_in_order on public.calls (business_date, started_at, id);
create index calls_changed on public.calls (changed_at);
create index calls_supplier on public.calls (supplier_id, started_at, id);
create index calls_buyer on public.calls (buyer_id, started_at);
-- What waits: for review, the oldest first, and for the end of its time.
create index calls_held on public.calls (started_at, id) where status = 'held';
create index calls_expiring on public.calls (hold_until) where status = 'held' and hold_until is not null;
create index calls_refused on public.calls (campaign_id, started_at) where status = 'rejected';

-- What the buyer says it earned by a call: for the exchange's eyes, so in no table that a supplier reads.
create table public.call_revenues (
  call_id uuid primary key references public.calls,
  amount_minor app.amount_minor not null check (amount_minor >= 0),
  currency text not null,
  -- When this was stated; what was stated earlier never overwrites it.
  facts_at timestamptz not null,
  -- Other revenue that was reported after rating and has changed nothing: see adjust_call.
  late jsonb
);

create table public.call_scores (
  call_id uuid not null references public.calls,
  facts_version int not null,
  score int not null check (score between 0 and 100),
  decision text not null check (decision in ('qualify', 'reject', 'hold')),
  reasons jsonb not null,
  scored_at timestamptz not null,
  -- By which rules; a call stays with those that it was first scored by, also when it is scored anew.
  rule_set int not null default 1 references public.rule_sets,
  -- What the rules said, whatever a person decided, and before caps, windows, the wallet and the buyer's debt were asked; null where
  -- no rules were asked.
  verdict text check (verdict in ('qualify', 'reject', 'hold')),
  -- The same of the signals alone, however the supplier stood and whoever was away.
  by_signals text check (by_signals in ('qualify', 'reject', 'hold')),
  -- What was measured: [{"signal", "version", "strength", "value"}]; strengths above 0 alone. Weights make the score of it.
  signals jsonb not null default '[]',
  -- When the facts were stated that it was scored by.
  facts_at timestamptz,
  -- Up to when the supplier's profile counted that was read.
  profile_date date,
  -- What the rules held is decided so at that instant, when no person has.
  hold_until timestamptz,
  hold_default text check (hold_default in ('qualify', 'reject')),
  primary key (call_id, facts_version),
  check (num_nonnulls(hold_until, hold_default) <> 1)
);

-- What the set in shadow said of a call when it was scored last, and what the call would owe and earn by it.
create table public.shadow_scores (
  call_id uuid primary key references public.calls,
  rule_set int not null references public.rule_sets,
  score int not null check (score between 0 and 100),
  verdict text not null check (verdict in ('qualify', 'reject', 'hold')),
  -- Null where it would not qualify.
  price_minor app.amount_minor,
  share_minor app.amount_minor,
  scored_at timestamptz not null
);

-- What the buyer owes for a qualified call and what the supplier earns by it. A row is never changed to other amounts: when
-- the call is adjusted its row ends as `clawed_back`, and the call is rated anew, by a row of its own.
create table public.earnings (
  id uuid primary key default gen_random_uuid(),
  call_id uuid not null references public.calls,
  campaign_id uuid not null references public.campaigns,
  terms_id uuid not null references public.campaign_terms,
  buyer_id uuid not null references public.buyers,
  supplier_id uuid not null references public.suppliers,
  currency text not null references public.currencies,
  price_minor app.amount_minor not null check (price_minor > 0),
  share_minor app.amount_minor not null check (share_minor between 0 and price_minor),
  state text not null default 'accrued' check (state in
    ('accrued', 'billed', 'cleared', 'reserved', 'paid', 'clawed_back', 'written_off')),
  -- Paid from the buyer's wallet, as it was rated: `billed` at once, and on no invoice.
  prepaid boolean not null default false,
  -- The buyer disputes the call, or an adjustment of it waits: it is put on no invoice and in no payout.
  frozen boolean not null default false,
  -- It ended, and another earning of the same call and price has its place on its invoice.
  replaced boolean not null default false check (not replaced or state = 'clawed_back' and invoice_id is not null),
  started_at timestamptz not null,
  duration_s int not null,
  business_date date not null,
  invoice_id uuid,
  payout_id uuid
);
create unique index earnings_call on public.earnings (call_id) where state <> 'clawed_back';
create index earnings_calls on public.earnings (call_id);
create index earnings_unbilled on public.earnings (buyer_id, currency, started_at) where invoice_id is null;
create index earnings_invoice on public.earnings (invoice_id, started_at, call_id);
create index earnings_cleared on public.earnings (supplier_id, currency) where state = 'cleared';
create index earnings_payout on public.earnings (payout_id, started_at, call_id);
create index earnings_campaign on public.earnings (campaign_id, started_at);

-- A buyer says that it owes nothing for a call. Both sides may read it.
create table public.call_disputes (
  id uuid primary key default gen_random_uuid(),
  call_id uuid not null unique references public.calls,
  reason text not null,
  opened_by text not null,
  opened_at timestamptz not null,
  state text not null default 'open' check (state in ('open', 'approved', 'denied')),
  decision_reason text,
  decided_by text,
  decided_at timestamptz
);
create index call_disputes_open on public.call_disputes (opened_at) where state = 'open';
create index call_disputes_approved on public.call_disputes (decided_at) where state = 'approved';

create function app.is_disputed(p_call_id uuid) returns boolean language sql stable as $$
  select exists (select 1 from public.call_disputes where call_id = p_call_id and state = 'open')
$$;

create function app.business_date(p_at timestamptz) returns date language sql stable as $$
  select (p_at at time zone timezone)::date from public.settings
$$;

-- What some reports leave out, and where it is kept.
create function app.told() returns table (said text, kept text) language sql immutable as $$
  values ('callerRegion', 'caller_region'), ('attestation', 'attestation'), ('lineType', 'line_type'), ('clickId', 'click_id')
$$;

create function app.told_at(p_report jsonb, p_facts_at timestamptz) returns jsonb language sql stable as $$
  select coalesce(jsonb_object_agg(said, app.ms(p_facts_at)), '{}') from app.told() where p_report ->> said is not null
$$;

-- A call with what a report states of that later than others did.
create function app.take_told(p_call public.calls, p_report jsonb, p_facts_at timestamptz) returns public.calls language sql stable as $$
  select jsonb_populate_record(p_call, coalesce(jsonb_object_agg(kept, p_report -> said), '{}')
    || jsonb_build_object('told_at', p_call.told_at || coalesce(jsonb_object_agg(said, app.ms(p_facts_at)), '{}')))
  from app.told() where p_report ->> said is not null and app.ms(p_facts_at) > coalesce((p_call.told_at ->> said)::bigint, -1)
$$;

create function app.ingest_call(p_event jsonb, p_now timestamptz) returns text language plpgsql as $$
declare
  v_report jsonb := p_event -> 'report';
  v_call calls; v_facts_at timestamptz := app.at((v_report ->> 'factsAtMs')::bigint); v_event_id bigint; v_result text;
begin
  insert into webhook_events (source, event_id, kind, received_at, body_sealed, recovered, trace, result)
  values (p_event ->> 'source', p_event ->> 'eventId', p_event ->> 'kind', app.at((p_event ->> 'receivedAtMs')::bigint),
    p_event ->> 'bodySealed', p_event ->> 'kind' = 'call_log', p_event ->> 'trace', 'stored')
  on conflict (source, event_id) do nothing returning id into v_event_id;
  if v_event_id is null then return 'duplicate'; end if;

  insert into calls as c (source, external_id, tracking_number, campaign_id, supplier_id, buyer_id, caller_number, started_at,
    duration_s, answered, caller_region, attestation, line_type, click_id, told_at, facts_at, business_date, trace, recovered_at, made_at, changed_at)
  select p_event ->> 'source', v_report ->> 'externalId', v_report ->> 'trackingNumber', t.campaign_id, t.supplier_id, k.buyer_id,
    v_report ->> 'callerNumber', app.at((v_report ->> 'startedAtMs')::bigint), (v_report ->> 'durationS')::int,
    (v_report ->> 'answered')::boolean, v_report ->> 'callerRegion', v_report ->> 'attestation', v_report ->> 'lineType', v_report ->> 'clickId', app.told_at(v_report, v_facts_at), v_facts_at, app.business_date(app.at((v_report ->> 'startedAtMs')::bigint)),
    p_event ->> 'trace', case when p_event ->> 'kind' = 'call_log' then p_now end, p_now, p_now
  from (select 1) one
    left join tracking_numbers t on t.number = v_report ->> 'trackingNumber'
    left join campaigns k on k.id = t.campaign_id
  on conflict (source, external_id) do nothing returning * into v_call;

  if v_call.id is not null then
    perform app.take_revenue(v_call, v_report -> 'revenue', v_facts_at);
    perform app.make_work('fraud.score-call', v_call.id::text, jsonb_build_object('callId', v_call.id), v_call.trace, p_now);
    v_result := 'stored';
  else
    select * into v_call from calls where source = p_event ->> 'source' and external_id = v_report ->> 'externalId' for update;
    v_result := app.revise_call(v_call, v_report, v_facts_at, p_now);
  end if;
  update webhook_events set result = v_result where id = v_event_id;
  return v_result;
end $$;

-- Keeps the revenue that a report states, with a clock of its own, because most reports state none; whether it is news.
create function app.take_revenue(p_call public.calls, p_revenue jsonb, p_facts_at timestamptz) returns boolean language plpgsql as $$
declare v_known call_revenues; v_rated boolean := p_call.status in ('qualified', 'rejected');
begin
  select * into v_known from call_revenues where call_id = p_call.id;
  if p_revenue is null or p_facts_at <= v_known.facts_at then return false; end if;
  insert into call_revenues as r (call_id, amount_minor, currency, facts_at)
  values (p_call.id, (p_revenue ->> 'amountMinor')::bigint, p_revenue ->> 'currency', p_facts_at)
  on conflict (call_id) do update set facts_at = excluded.facts_at, late = case when v_rated then p_revenue end,
    amount_minor = case when v_rated then r.amount_minor else excluded.amount_minor end,
    currency = case when v_rated then r.currency else excluded.currency end;
  return p_revenue is distinct from
    coalesce(v_known.late, jsonb_build_object('amountMinor', v_known.amount_minor, 'currency', v_known.currency));
end $$;

-- Has what is known of a rated call compared with what it was rated by; as an item of a close, where one is given. What was
-- discarded is made once more: something is asked of the call again, or still.
create function app.look_again(p_call public.calls, p_now timestamptz, p_close date default null) returns void language sql as $$
  update public.work set state = 'done' where job = 'fraud.adjust-call' and key = p_call.id::text and state = 'discarded';
  select app.make_work('fraud.adjust-call', p_call.id::text, jsonb_build_object('callId', p_call.id), coalesce('close-' || p_close, p_call.trace), p_now,
    p_close, case when p_close is not null then 'calls' end, true)
$$;

-- Newer facts about a call that is stored: before rating they replace the old ones and a held call is scored again; after
-- it they are kept beside, and whether they change what is owed is looked at. What a report states of the caller and of the click,
-- another may leave out: of that the newest counts that states it. It changes no price, so that a rated call has it at once, and is
-- scored by it when its date is closed or, where that was, by the next close.
create function app.revise_call(p_call public.calls, p_report jsonb, p_facts_at timestamptz, p_now timestamptz)
returns text language plpgsql as $$
declare v_older boolean := p_facts_at <= p_call.facts_at; v_same boolean := p_call.duration_s = (p_report ->> 'durationS')::int
  and p_call.answered = (p_report ->> 'answered')::boolean
  and p_call.caller_number is not distinct from p_report ->> 'callerNumber'
  and app.ms(p_call.started_at) = (p_report ->> 'startedAtMs')::bigint;
  v_rated boolean := p_call.status in ('qualified', 'rejected');
  v_revenue boolean := app.take_revenue(p_call, p_report -> 'revenue', p_facts_at);
  v_told calls := app.take_told(p_call, p_report, p_facts_at); v_news boolean;
begin
  v_news := (v_told.caller_region, v_told.attestation, v_told.line_type) is distinct from (p_call.caller_region, p_call.attestation, p_call.line_type);
  -- Platforms were told of the one that it was rated with.
  if v_rated then v_told.click_id := coalesce(p_call.click_id, v_told.click_id); end if;
  if v_older and not v_revenue and v_told is not distinct from p_call then return 'superseded'; end if;
  update calls set caller_region = v_told.caller_region, attestation = v_told.attestation, line_type = v_told.line_type, click_id = v_told.click_id,
    told_at = v_told.told_at
  where id = p_call.id;
  if v_news or not v_older and not v_same then perform app.mark_windows(p_call, v_rated and v_news); end if;
  if v_rated then
    update calls set facts_at = greatest(facts_at, p_facts_at),
      -- Newer ones that are those it was rated by take others back.
      late_facts = case when v_older then late_facts when not v_same then p_report - 'revenue' end,
      changed_at = case when v_same and not v_revenue and not v_news then changed_at else p_now end
    where id = p_call.id;
    -- The platform could not be told of a call whose click nobody knew.
    if p_call.click_id is null and v_told.click_id is not null then perform app.want_push(p_call.id, p_now); end if;
    if not v_older and not v_same or v_revenue or p_call.late_facts is not null then perform app.look_again(p_call, p_now); end if;
    return case when (v_older or v_same) and not v_revenue and not v_news then 'unchanged' else 'late' end;
  end if;
  if not v_older then
    update calls set duration_s = (p_report ->> 'durationS')::int, answered = (p_report ->> 'answered')::boolean,
      caller_number = p_report ->> 'callerNumber', started_at = app.at((p_report ->> 'startedAtMs')::bigint),
      business_date = app.business_date(app.at((p_report ->> 'startedAtMs')::bigint)), facts_at = p_facts_at
    where id = p_call.id;
  end if;
  if not v_revenue and not v_news and (v_older or v_same) then return 'unchanged'; end if;
  update calls set facts_version = facts_version + 1, status = 'stored', changed_at = p_now where id = p_call.id;
  if p_call.status = 'held' then
    perform app.make_work('fraud.score-call', p_call.id::text, jsonb_build_object('callId', p_call.id), p_call.trace, p_now, null, null, true);
  end if;
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

-- Stores one event of Stripe; false when it was stored before.
create function public.store_stripe_event(p_event jsonb, p_now_ms bigint, p_result text)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_event jsonb := app.json_arg(p_event); v_id bigint;
begin
  insert into webhook_events (source, event_id, kind, received_at, recovered, trace, result)
  values ('stripe', v_event ->> 'eventId', v_event ->> 'type', app.at((v_event ->> 'receivedAtMs')::bigint),
    coalesce((v_event ->> 'recovered')::boolean, false), v_event ->> 'trace', p_result)
  on conflict (source, event_id) do nothing returning id into v_id;
  return to_jsonb(v_id is not null);
end $$;

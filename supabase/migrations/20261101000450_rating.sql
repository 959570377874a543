-- What is decided about calls, and what they owe and earn. The arithmetic is in src/jobs/fraud/rate.ts; what must be counted
-- and what must be written at once is here.

-- Whether the clocks of a timezone show one of the hours. An instant has one time of day, so that an hour that the clocks
-- skip is never open and one that they show twice is open twice.
create function app.is_open(p_hours jsonb, p_at timestamptz, p_timezone text) returns boolean language sql stable as $$
  select p_hours is null or exists (select 1 from jsonb_array_elements(p_hours) h, (select p_at at time zone p_timezone as shown) clock
    where h -> 'days' @> to_jsonb(extract(isodow from shown)::int) and shown::time >= (h ->> 'from')::time and shown::time < (h ->> 'to')::time)
$$;

-- A call as it was rated or, when they are wanted, with the facts that came later.
create function app.facts_of(p_call public.calls, p_late boolean) returns setof public.calls language sql stable as $$
  select * from jsonb_populate_record(p_call, case when p_late and p_call.late_facts is not null then jsonb_build_object(
    'duration_s', p_call.late_facts -> 'durationS', 'answered', p_call.late_facts -> 'answered',
    'caller_number', p_call.late_facts -> 'callerNumber', 'started_at', app.at((p_call.late_facts ->> 'startedAtMs')::bigint),
    'business_date', app.business_date(app.at((p_call.late_facts ->> 'startedAtMs')::bigint))) else '{}' end)
$$;

-- What is known of a call and of its revenue, as one word that changes with them.
create function app.facts_key(p_call public.calls) returns text language sql stable as $$
  select concat_ws(' ', p_call.facts_version, app.ms(p_call.facts_at), app.ms((select facts_at from public.call_revenues where call_id = p_call.id)))
$$;

-- The date a call that is rated now belongs to: its own, or the first date whose close does not bill yet. While a close
-- waits for its calls to be scored and put in order, they still are of its date.
create function app.open_date(p_wanted date) returns date language plpgsql stable as $$
begin
  return greatest(p_wanted, (select max(business_date) + 1 from public.closes where stage not in ('calls', 'scores', 'order')));
end $$;

-- The date a movement of money that is recorded now belongs to: its own, or the first date whose close is not done.
create function app.unclosed_date(p_wanted date) returns date language plpgsql stable as $$
begin
  return greatest(p_wanted, (select max(business_date) + 1 from public.closes where state = 'done'));
end $$;

-- How many calls are paid for, by the day that the campaign's clocks showed at the start. Caps and tiers read this instead
-- of the calls, because a month of a busy campaign takes longer to count than the ledger's lock may be held.
create table public.paid_counts (
  campaign_id uuid not null references public.campaigns,
  day date not null,
  supplier_id uuid not null references public.suppliers,
  calls int not null check (calls > 0),
  primary key (campaign_id, day, supplier_id)
);

create function app.campaign_day(p_call public.calls) returns date language sql stable as $$
  select (p_call.started_at at time zone timezone)::date from public.campaigns where id = p_call.campaign_id
$$;

-- How many calls of its campaign are paid for in the day or month of a call; with a supplier, of that supplier alone.
-- Whichever were rated count, also those that started later: a call that comes late counts as the newest and pushes no
-- other over a cap, until the close of the period puts its calls in the order of their starts (see order.sql).
create function app.paid_calls(p_call public.calls, p_unit text, p_supplier uuid default null) returns bigint language sql stable as $$
  select coalesce(sum(n.calls), 0) from app.campaign_day(p_call) today, public.paid_counts n
  where n.campaign_id = p_call.campaign_id and (p_supplier is null or n.supplier_id = p_supplier)
    and n.day >= date_trunc(p_unit, today::timestamp) and n.day < date_trunc(p_unit, today::timestamp) + ('1 ' || p_unit)::interval
$$;

-- Of the shares of a call the one for its place among the supplier's paid calls of the month: the one that was worked out in
-- the order of the starts, else the next.
create function app.share_of(p_call public.calls, p_shares jsonb, p_place bigint default null) returns bigint language sql stable as $$
  select (s ->> 'shareMinor')::bigint from jsonb_array_elements(p_shares) s
  where (s ->> 'fromCall')::bigint = 1
    or (s ->> 'fromCall')::bigint <= coalesce(p_place, 1 + app.paid_calls(p_call, 'month', p_call.supplier_id))
  order by (s ->> 'fromCall')::bigint desc limit 1
$$;

-- How many other paid calls of its campaign are in progress at one time while a call lasts, at the fullest moment: it may
-- come late, and then later ones that began meanwhile count too. No call lasts longer than a week.
create function app.calls_at_once(p_call public.calls) returns bigint language sql stable as $$
  with others as materialized (
    select e.started_at, e.started_at + make_interval(secs => e.duration_s) as ended_at from public.earnings e
    where e.campaign_id = p_call.campaign_id and e.state <> 'clawed_back' and e.started_at > p_call.started_at - interval '7 days 1 second'
      and e.started_at < p_call.started_at + make_interval(secs => greatest(p_call.duration_s, 1))
      and e.started_at + make_interval(secs => e.duration_s) > p_call.started_at
  )
  select max(n) from (select p_call.started_at as at union select started_at from others where started_at > p_call.started_at) moment,
    lateral (select count(*) as n from others o where o.started_at <= moment.at and o.ended_at > moment.at) running
$$;

create function app.refusal_json(p_signal text) returns jsonb language sql immutable as $$
  select jsonb_build_object('signal', r.signal, 'version', 1, 'points', 100, 'text', r.text)
  from (values ('duplicate-caller', 'the same caller was paid for in this campaign within its window'),
    ('over-daily-cap', 'the buyer pays for no more calls of this campaign on this day'),
    ('over-monthly-cap', 'the buyer pays for no more calls of this campaign in this month'),
    ('over-concurrency-cap', 'the buyer pays for no more calls of this campaign at one time')) r (signal, text)
  where r.signal = p_signal
$$;

-- Why a call that qualifies is not paid for, as the reason of its score; null when nothing stands against it. Asked under
-- the ledger's lock, so that two workers cannot both take the last place; and no person's decision goes before it. The caps
-- of the day, or of day and month, are not asked for a call that was given its place in them (`p_placed`).
create function app.refusal_of(p_call public.calls, t public.campaign_terms, p_placed text default null) returns jsonb language sql stable as $$
  select app.refusal_json(case
    when app.paid_in_window(p_call, t.duplicate_window_s) then 'duplicate-caller'
    when p_placed is null and t.daily_cap is not null and app.paid_calls(p_call, 'day') >= t.daily_cap then 'over-daily-cap'
    when p_placed is distinct from 'month' and t.monthly_cap is not null and app.paid_calls(p_call, 'month') >= t.monthly_cap then 'over-monthly-cap'
    when t.concurrency_cap is not null and app.calls_at_once(p_call) >= t.concurrency_cap then 'over-concurrency-cap' end)
$$;

-- Writes what a call owes and earns, and its journal. A call that was adjusted is booked anew, by its newer facts.
create function app.book_call(p_call public.calls, p_terms public.campaign_terms, p_price bigint, p_share bigint, p_prepaid boolean, p_now timestamptz)
returns void language plpgsql as $$
declare v_again boolean := exists (select 1 from earnings where call_id = p_call.id); v_earning_id uuid;
begin
  insert into earnings (call_id, campaign_id, terms_id, buyer_id, supplier_id, currency, price_minor, share_minor, started_at,
    duration_s, business_date, frozen, prepaid, state)
  values (p_call.id, p_call.campaign_id, p_terms.id, p_call.buyer_id, p_call.supplier_id, p_terms.currency, p_price, p_share,
    p_call.started_at, p_call.duration_s, app.open_date(p_call.business_date), app.is_disputed(p_call.id),
    p_prepaid, case when p_prepaid then 'billed' else 'accrued' end)
  returning id into v_earning_id;
  insert into paid_counts as n (campaign_id, day, supplier_id, calls)
  values (p_call.campaign_id, app.campaign_day(p_call), p_call.supplier_id, 1)
  on conflict (campaign_id, day, supplier_id) do update set calls = n.calls + 1;
  perform app.post_journal('call', 'call:' || p_call.id || case when v_again then ':' || p_call.facts_version else '' end, app.open_date(p_call.business_date), p_terms.currency,
    jsonb_build_object('price', p_price, 'share', p_share, 'margin', p_price - p_share) || app.by_wallet(p_price, p_prepaid),
    jsonb_build_object('buyer', p_call.buyer_id, 'supplier', p_call.supplier_id),
    jsonb_build_object('callId', p_call.id, 'termsId', p_terms.id, 'earningId', v_earning_id), p_now);
  perform app.want_push(p_call.id, p_now);
end $$;

-- Whether a score is one that a person is asked about.
create function app.is_for_review(p_score public.call_scores) returns boolean language sql immutable as $$
  select p_score.hold_until is not null or p_score.reasons @> '[{"signal": "share-above-price"}]'
$$;

-- Since when the rules hold a call that they hold now: it may have been scored several times since.
create function app.held_since(p_call_id uuid) returns timestamptz language sql stable as $$
  select min(scored_at) from public.call_scores where call_id = p_call_id and hold_until is not null
    and facts_version > coalesce((select max(facts_version) from public.call_scores where call_id = p_call_id and decision <> 'hold'), 0)
$$;

-- Writes how a call was scored, and what the set in shadow said of it. What the rules alone hold is decided by itself after a while,
-- which is counted from when they first held it: scoring it anew does not put that off.
create function app.write_score(p_call public.calls, p_decision jsonb, p_now timestamptz) returns void language plpgsql as $$
declare v_shadow jsonb := p_decision -> 'shadow'; v_held boolean := p_decision ->> 'decision' = 'hold' and p_decision ->> 'verdict' = 'hold';
begin
  insert into call_scores (call_id, facts_version, score, decision, reasons, scored_at, rule_set, verdict, by_signals, signals, profile_date, hold_until, hold_default, facts_at)
  values (p_call.id, p_call.facts_version, (p_decision ->> 'score')::int, p_decision ->> 'decision', p_decision -> 'reasons', p_now,
    coalesce((p_decision ->> 'ruleSet')::int, 1), p_decision ->> 'verdict', p_decision ->> 'bySignals', coalesce(p_decision -> 'signals', '[]'), (p_decision ->> 'profileDate')::date,
    case when v_held then coalesce(app.held_since(p_call.id), p_now) + make_interval(hours => (p_decision -> 'expiry' ->> 'hours')::int) end,
    case when v_held then p_decision -> 'expiry' ->> 'decision' end, p_call.facts_at);
  -- What a set said of a call that was scored since, by newer facts or beside another set, is said no more.
  delete from shadow_scores where call_id = p_call.id;
  if jsonb_typeof(v_shadow) = 'object' then
    insert into shadow_scores (call_id, rule_set, score, verdict, price_minor, share_minor, scored_at)
    values (p_call.id, (v_shadow ->> 'ruleSet')::int, (v_shadow ->> 'score')::int, v_shadow ->> 'verdict',
      (v_shadow ->> 'priceMinor')::bigint, (v_shadow ->> 'shareMinor')::bigint, p_now);
  end if;
end $$;

-- Records one decision; with `placed` ({unit, place}) in it, of a call whose place was worked out in the order of the starts.
create function app.rate_call(p_decision jsonb, p_now timestamptz) returns text language plpgsql as $$
declare
  v_call calls; v_terms campaign_terms; v_decision text := p_decision ->> 'decision';
  v_reasons jsonb := p_decision -> 'reasons'; v_price bigint := (p_decision ->> 'priceMinor')::bigint; v_refusal jsonb;
  v_prepaid boolean; v_placed jsonb := p_decision -> 'placed'; v_news boolean;
begin
  select * into v_call from calls where id = (p_decision ->> 'callId')::uuid for update;
  if v_call.id is null then perform app.fail('CALL_UNKNOWN', 'no such call', '{}', 'PT404'); end if;
  if v_call.status <> 'stored' then return 'already'; end if;
  if v_call.facts_version <> (p_decision ->> 'factsVersion')::int then return 'stale'; end if;

  v_terms := app.terms_at(v_call.campaign_id, v_call.started_at);
  -- Terms that came between reading and rating: this call is scored anew, and the others of its batch stand.
  if v_decision = 'qualify' and v_terms.id is distinct from (p_decision ->> 'termsId')::uuid then return 'stale'; end if;
  -- Nothing is decided for a buyer who owes too much: the call waits, and is scored by the terms of its start when it has paid.
  if v_decision = 'qualify' and (select status from buyers where id = v_call.buyer_id) = 'paused' then
    v_decision := 'hold';
    v_reasons := v_reasons || '[{"signal": "buyer-paused", "version": 1, "points": 40, "text": "the buyer owes more than its limit"}]';
  end if;
  if v_decision = 'qualify' then v_refusal := app.refusal_of(v_call, v_terms, v_placed ->> 'unit');
  -- Nobody is asked about a call that its caller's window stands against.
  elsif v_decision = 'hold' and app.paid_before(v_call, v_terms.duplicate_window_s) then v_refusal := app.refusal_json('duplicate-caller'); end if;
  if v_refusal is not null then
    v_decision := 'reject';
    v_reasons := v_reasons || jsonb_build_array(v_refusal);
  end if;
  v_prepaid := app.is_prepaid(v_call.buyer_id, v_terms.currency);
  if v_decision = 'qualify' and v_prepaid and app.wallet_cover(v_call.buyer_id, v_terms.currency) < v_price then
    v_decision := 'hold';
    v_reasons := v_reasons || '[{"signal": "wallet-empty", "version": 1, "points": 40, "text": "the buyer''s wallet does not cover the call"}]';
  end if;
  v_news := not exists (select 1 from call_scores where call_id = v_call.id and facts_at >= v_call.facts_at);
  perform app.write_score(v_call, p_decision || jsonb_build_object('decision', v_decision, 'reasons', v_reasons,
    'score', case when v_decision = p_decision ->> 'decision' then (p_decision ->> 'score')::int when v_decision = 'hold' then 40 else 100 end), p_now);
  update calls set changed_at = p_now,
    status = case v_decision when 'qualify' then 'qualified' when 'reject' then 'rejected' else 'held' end,
    hold_until = (select hold_until from call_scores where call_id = v_call.id and facts_version = v_call.facts_version)
  where id = v_call.id;
  if v_decision = 'qualify' then
    perform app.book_call(v_call, v_terms, v_price, app.share_of(v_call, p_decision -> 'shares', (v_placed ->> 'place')::bigint), v_prepaid, p_now);
  end if;
  if v_decision = 'qualify' or v_refusal ->> 'signal' in ('over-daily-cap', 'over-monthly-cap') then perform app.note_order(v_call, false);
  elsif v_refusal ->> 'signal' = 'duplicate-caller' and not app.paid_before(v_call, v_terms.duplicate_window_s) then
    perform app.note_period(v_call, 'day');
  end if;
  if v_news then perform app.mark_windows(v_call); end if;
  return v_decision;
end $$;

-- Records the decisions of a batch and, for each call that qualifies, its earning and its journal, in one transaction.
-- Answers per decision: qualify, reject, hold, already (rated before: nothing changes) or stale (facts or terms
-- changed: score anew).
-- Within the batch calls are rated in the order of their starts, because the earlier one is paid for and counts first.
-- Safe to run twice: a call leaves `stored` once, and its journal's key is the call.
create function public.rate_calls(p_decisions jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_results text[] := '{}'; v record;
begin
  perform app.lock_ledger();
  for v in
    select d.value as decision, d.ordinality as place
    from jsonb_array_elements(app.json_arg(p_decisions)) with ordinality d
      left join calls c on c.id = (d.value ->> 'callId')::uuid
    order by c.started_at, c.id
  loop
    v_results[v.place] := app.rate_call(v.decision, app.at(p_now_ms));
  end loop;
  perform app.recharge_low(b.id, app.at(p_now_ms)) from buyers b where b.prepaid <> '{}' and b.id in (
    select c.buyer_id from jsonb_array_elements(app.json_arg(p_decisions)) d join calls c on c.id = (d ->> 'callId')::uuid) order by b.id;
  return to_jsonb(v_results);
end $$;

-- Puts the calls of a day or month of a campaign in the order of their starts (then of their ids) when it is over. Calls are
-- rated as they come: one that comes late takes the next place of its tier, finds a cap as full as it is, and its caller paid for
-- if a later call of the same was. What the order decides otherwise is adjusted: a call that is within its cap, or the first of its
-- caller, after all is paid for, the one that is not is taken back, and a share of another tier is booked anew.
-- A window may reach over the end of a period. What stands before a period is given; what its own order takes back after it
-- disturbs the period of that call, so that a chain goes forward only, and ends.

-- A call at its place. `fixed` says why it cannot be changed for that: its dispute was denied, and a person's decision goes before
-- ('decided'); its money is lost, or what else would change it waits for ever ('lost'); its money settled in another currency, and
-- only its share can be changed ('elsewhere'); it started before the period ('before'); it is being taken back for another reason, or
-- for the order of an earlier period ('leaving'); or that is not known yet ('pending'). A refused one without its window would not be
-- paid for, but held ('held'). A call of another period, which a window reaches, has no day here; `caller_number` is that of calls whose
-- caller was refused in the period, or waits to be.
create type app.placed_call as (call_id uuid, started_at timestamptz, day int, supplier_id uuid, terms_id uuid, earning_id uuid,
  price_minor bigint, share_minor bigint, caller_number text, fixed text);

-- Whether an earning stays billed for good: nothing more is paid to its invoice, and what paid for it is available and settled in another
-- currency. The buyer has no credit for such a call (app.adjustment_waits_for): with it money would pay for others that is not there.
create function app.is_elsewhere(p_earning public.earnings) returns boolean language sql stable as $$
  select p_earning.state = 'billed' and not p_earning.prepaid
    and exists (select 1 from public.invoices i where i.id = p_earning.invoice_id and i.state not in ('waiting_approval', 'planned', 'open'))
    and not exists (select 1 from public.charges c where c.invoice_id = p_earning.invoice_id and c.cleared_at is null)
    and not exists (select 1 from public.withdrawals w where w.invoice_id = p_earning.invoice_id and w.state = 'open')
$$;

-- The calls of a period whose places count: those that are paid for and, without earning, those that a cap of it or the window of their
-- caller refused; and what is paid for of such callers around it, as far as a window reaches.
create function app.calls_in_order(p_campaign_id uuid, p_unit text, p_period date) returns setof app.placed_call
language sql stable as $$
  with period as materialized (
    select k.timezone, p_period::timestamp at time zone k.timezone - interval '1 hour' as from_at,
      (p_period + ('1 ' || p_unit)::interval) at time zone k.timezone + interval '1 hour' as until_at, app.window_of(k.id) as reach,
      exists (select 1 from public.campaign_terms t where t.campaign_id = k.id and num_nonnulls(t.daily_cap, t.monthly_cap, t.supplier_share_tiers) > 0) as has_places
    from public.campaigns k where k.id = p_campaign_id
  ), refused as materialized (
    select c.id as call_id, c.started_at, c.supplier_id, t.id as terms_id, c.caller_number,
      case when coalesce(c.decided, s.verdict) = 'hold' then 'held' end as fixed
    from period p join public.calls c on c.campaign_id = p_campaign_id and c.status = 'rejected' and c.started_at >= p.from_at and c.started_at < p.until_at
      join public.call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
      cross join lateral app.terms_at(c.campaign_id, c.started_at) t
    where date_trunc(p_unit, c.started_at at time zone p.timezone) = p_period
      and (s.reasons -> -1 ->> 'signal' in ('duplicate-caller', 'over-daily-cap')
        or p_unit = 'month' and s.reasons -> -1 ->> 'signal' = 'over-monthly-cap')
  ), theirs as materialized (
    select c.id, c.caller_number, date_trunc(p_unit, c.started_at at time zone p.timezone) as period
    from period p cross join (select caller_number from refused union select c.caller_number from public.adjustments a
        join public.calls c on c.id = a.call_id and c.campaign_id = p_campaign_id where a.state = 'waiting' and a.refusal = 'duplicate-caller') r
      join public.calls c on c.caller_number = r.caller_number and c.campaign_id = p_campaign_id and c.status = 'qualified'
        and c.started_at >= p.from_at - p.reach and c.started_at < p.until_at + p.reach
  ), paid as (
    -- Where there are no places, no others than theirs are read.
    select e.*, app.is_elsewhere(e) as elsewhere, t.caller_number, p_period::timestamp as period from period p join public.earnings e on p.has_places and e.campaign_id = p_campaign_id
      and e.state <> 'clawed_back' and e.started_at >= p.from_at and e.started_at < p.until_at
      and date_trunc(p_unit, e.started_at at time zone p.timezone) = p_period left join theirs t on t.id = e.call_id
    union all
    select e.*, app.is_elsewhere(e), t.caller_number, t.period from period p cross join theirs t join public.earnings e on e.call_id = t.id and e.state <> 'clawed_back'
    where t.period <> p_period or not p.has_places
  ), found as (
    select e.call_id, e.started_at, e.supplier_id, e.terms_id, e.id as earning_id, e.price_minor, e.share_minor, e.caller_number, e.period = p_period as inside,
      case when e.period < p_period then 'before'
        when e.state = 'written_off' or e.invoice_id in (select w.invoice_id from public.withdrawals w where w.state not in ('won', 'open'))
          or e.id in (select a.earning_id from public.adjustments a where a.state = 'waiting' and a.cause <> 'order') and e.elsewhere then 'lost'
        when e.id in (select a.earning_id from public.adjustments a where a.state = 'waiting' and (a.cause in ('dispute', 'operator')
          or a.refusal = 'duplicate-caller' and exists (select 1 from public.unordered_periods u where u.campaign_id = p_campaign_id
            and u.period < case u.unit when 'day' then p_period else date_trunc('month', p_period)::date end))) then 'leaving'
        when e.call_id in (select d.call_id from public.call_disputes d where d.state = 'denied') then 'decided'
        when e.invoice_id in (select w.invoice_id from public.withdrawals w where w.state = 'open')
          or e.call_id in (select d.call_id from public.call_disputes d where d.state = 'open')
          or e.id in (select a.earning_id from public.adjustments a where a.state in ('waiting_approval', 'waiting') and a.cause <> 'order')
          then 'pending'
        when e.elsewhere then 'elsewhere' end as fixed
    from paid e
    union all
    select call_id, started_at, supplier_id, terms_id, null, null, null, caller_number, true, fixed from refused
  )
  select f.call_id, f.started_at, case when f.inside then extract(day from f.started_at at time zone p.timezone)::int end, f.supplier_id, f.terms_id,
    f.earning_id, f.price_minor, f.share_minor, f.caller_number, f.fixed
  from found f, period p
$$;

-- The calls that the caps of a period and the windows of callers decide otherwise in the order of the starts: with `refusal` one that
-- is paid for and beyond them, without one that is refused and within them. A call that stays for good has its place before others under
-- the same terms, and before those of its caller within its window. Calls at one time stay as they were rated: a call that they stand
-- against takes no place.
create function app.caps_in_order(p_calls app.placed_call[], p_unit text)
returns table (call_id uuid, refusal text) language plpgsql stable as $$
declare v record; v_of_day int[] := array_fill(0, array[31]); v_of_month int := 0; v_call public.calls;
  -- When the newest paid call of each caller started.
  v_paid timestamptz[] := array_fill('-infinity'::timestamptz, array[coalesce(cardinality(p_calls), 0)]);
begin
  for v in
    with o as (
      select o.*, t.daily_cap, t.monthly_cap, t.concurrency_cap, make_interval(secs => t.duplicate_window_s) as reach,
        coalesce(o.fixed in ('decided', 'lost', 'elsewhere', 'before'), false) as stays
      from unnest(p_calls) o join public.campaign_terms t on t.id = o.terms_id where o.fixed is distinct from 'leaving'
    ), theirs as (
      select o.call_id, dense_rank() over (order by o.caller_number) as caller,
        -- From when on the window of one that stays reaches back.
        min(o.started_at - o.reach) filter (where o.stays) over (partition by o.caller_number order by o.started_at desc, o.call_id desc
          rows between unbounded preceding and 1 preceding) as kept_from
      from o where o.caller_number is not null
    )
    select o.*, c.caller, c.kept_from,
      count(*) filter (where o.stays and o.day is not null) over (later rows between 1 following and unbounded following) as kept_of_month,
      count(*) filter (where o.stays) over (later_of_day rows between 1 following and unbounded following) as kept_of_day
    from o left join theirs c on c.call_id = o.call_id
    window later as (partition by o.terms_id order by o.started_at, o.call_id), later_of_day as (partition by o.terms_id, o.day order by o.started_at, o.call_id)
    order by o.started_at, o.call_id
  loop
    refusal := case when v.stays then null
      when v_paid[v.caller] >= v.started_at - v.reach or v.kept_from <= v.started_at then 'duplicate-caller'
      when v.day is null or v.fixed = 'held' then null
      when v_of_day[v.day] + v.kept_of_day >= v.daily_cap then 'over-daily-cap'
      when p_unit = 'month' and v_of_month + v.kept_of_month >= v.monthly_cap then 'over-monthly-cap' end;
    if refusal is null and v.earning_id is null then
      select * into v_call from public.calls c where c.id = v.call_id;
      -- Whoever would hold it would reject it again, as long as what stands before it is not taken back.
      continue when case when v.fixed = 'held' then app.paid_before(v_call, extract(epoch from v.reach)::int)
        else v.concurrency_cap is not null and app.calls_at_once(v_call) >= v.concurrency_cap end;
    end if;
    if refusal is null and v.fixed is distinct from 'held' then
      if v.day is not null then v_of_day[v.day] := v_of_day[v.day] + 1; v_of_month := v_of_month + 1; end if;
      if v.caller is not null then v_paid[v.caller] := v.started_at; end if;
    end if;
    if (refusal is null) <> (v.earning_id is not null) then
      call_id := v.call_id;
      return next;
    end if;
  end loop;
end $$;

-- The place of each call among the supplier's paid calls of a month when some have come in and some gone out, and what is due to
-- the supplier there by its tiers; null where there are none, or no price yet.
create function app.places_in_order(p_calls app.placed_call[], p_in uuid[], p_out uuid[])
returns table (call_id uuid, earning_id uuid, place bigint, share_minor bigint, due_minor bigint, fixed text) language sql stable as $$
  with tiers as materialized (
    select t.id as terms_id, m.multiple_of_minor, (s ->> 'bps')::int as bps, (s ->> 'fromCall')::bigint as from_place,
      lead((s ->> 'fromCall')::bigint) over (partition by t.id order by (s ->> 'fromCall')::bigint) as next_place
    from public.campaign_terms t join public.currencies m on m.code = t.currency
      cross join jsonb_array_elements(t.supplier_share_tiers) s
    where t.id in (select c.terms_id from unnest(p_calls) c)
  )
  select o.call_id, o.earning_id, o.place, o.share_minor, div(o.price_minor::numeric * t.bps, 10000 * t.multiple_of_minor)::bigint * t.multiple_of_minor, o.fixed
  from (
    select a.*, row_number() over (partition by a.supplier_id order by a.started_at, a.call_id) as place
    from unnest(p_calls) a
    where a.day is not null and a.earning_id is not null and a.fixed is distinct from 'leaving' and a.call_id not in (select unnest(p_out)) or a.call_id in (select unnest(p_in))
  ) o left join tiers t on t.terms_id = o.terms_id and o.place >= t.from_place and (t.next_place is null or o.place < t.next_place)
$$;

-- What is to be done next that the calls of a period are in order, at most 100 steps of one kind; null when nothing was out
-- of order. In turn: adjustments are dropped that nothing asks for any more (drop), refused calls whose facts are newer are
-- scored by them, and those that a person is to be asked about now (score), calls beyond a cap or a window are taken back (take_back),
-- those within it are rated (rate) and shares of another tier booked anew (share). While one waits to be taken back, the other two wait
-- too: so no cap is ever exceeded, and no caller paid for twice. While the buyer is paused, all three.
-- `settled`: all is in order, and what can change that is noted: another call that comes late, one that is taken back, and an
-- invoice that is paid after it was given up.
create function public.read_order(p_campaign_id uuid, p_unit text, p_period date)
returns jsonb language plpgsql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_changes int; v_moves jsonb; v_in uuid[]; v_out uuid[]; v_steps jsonb; v_kind text; v_paused boolean; v_settled boolean; v_calls app.placed_call[];
begin
  select u.changes into v_changes from unordered_periods u
  where u.campaign_id = p_campaign_id and u.unit = p_unit and u.period = p_period;
  if v_changes is null then return null; end if;
  select array_agg(o) into v_calls from app.calls_in_order(p_campaign_id, p_unit, p_period) o;
  select coalesce(jsonb_object_agg(c.call_id, c.refusal), '{}'), coalesce(array_agg(c.call_id) filter (where c.refusal is null), '{}'),
    coalesce(array_agg(c.call_id) filter (where c.refusal is not null), '{}')
  into v_moves, v_in, v_out from app.caps_in_order(v_calls, p_unit) c;
  v_paused := exists (select 1 from campaigns k join buyers b on b.id = k.buyer_id where k.id = p_campaign_id and b.status = 'paused');

  with o as materialized (
    select * from unnest(v_calls) c where c.fixed is not null or c.call_id in (select unnest(v_out))
  ), places as materialized (
    select p.* from app.places_in_order(v_calls, v_in, v_out) p where p_unit = 'month'
  ), wanted as (
    select o.call_id, o.earning_id, v_moves ->> o.call_id::text as refusal, null::bigint as share_minor from o where o.call_id in (select unnest(v_out))
    union all
    select p.call_id, p.earning_id, null, p.due_minor from places p
    where p.due_minor <> p.share_minor and (p.fixed is null or p.fixed in ('pending', 'elsewhere'))
  ), pending as (
    select a.call_id, a.earning_id, a.refusal, a.placed_share_minor::bigint as share_minor, app.is_noting(a.earning_id) as noting
    -- What waits outside of the period, its own period drops.
    from adjustments a where a.cause = 'order' and a.state = 'waiting' and a.call_id in (select c.call_id from unnest(v_calls) c
      where c.fixed is distinct from 'leaving' and (c.day is not null or c.call_id in (select unnest(v_out))))
  ), steps as materialized (
    -- Those without a phase wait: for what their adjustment waits for, or until it is known what becomes of the call.
    select case when p.call_id is null then case when w.call_id in (select o.call_id from o where o.fixed = 'pending') then null
          when w.refusal is not null then 3 else 5 end
        when not p.noting and (w.refusal, w.share_minor) is distinct from (p.refusal, p.share_minor) then 1 end as phase,
      coalesce(w.call_id, p.call_id) as call_id, coalesce(w.earning_id, p.earning_id) as earning_id,
      coalesce(w.refusal, p.refusal) as refusal, w.share_minor, null::bigint as place
    from wanted w full join pending p on p.call_id = w.call_id
    union all
    select case when c.late_facts is not null or r.late is not null or c.id in (select o.call_id from o where o.fixed = 'held') then 2 else 4 end, c.id, null, null, null,
      p.place
    from calls c left join call_revenues r on r.call_id = c.id left join places p on p.call_id = c.id where c.id in (select unnest(v_in))
  ), next as (
    -- Nothing is exchanged for a buyer who owes too much: what comes in would be held.
    select min(phase) filter (where phase <= 2 or not v_paused and (phase = 3
      or not exists (select 1 from steps x where x.phase is null and x.refusal is not null)
      and not exists (select 1 from o where o.fixed = 'leaving'))) as phase, count(*) as left_over
    from steps
  )
  select (array['drop', 'score', 'take_back', 'rate', 'share'])[n.phase],
    n.left_over = 0 and not exists (select 1 from o where o.fixed = 'leaving'),
    (select jsonb_agg(jsonb_build_object('callId', s.call_id, 'earningId', s.earning_id, 'refusal', s.refusal, 'shareMinor', s.share_minor,
        'place', s.place) order by s.place, s.call_id)
      from (select * from steps x where x.phase = n.phase order by x.place, x.call_id limit 100) s)
  into v_kind, v_settled, v_steps from next n;
  return jsonb_build_object('changes', v_changes, 'kind', v_kind, 'steps', coalesce(v_steps, '[]'), 'settled', v_settled);
end $$;

-- Decides a call as it was decided, but for its place: it earns the share of another tier, or is refused by a cap or a window.
create function app.rebook(p_call public.calls, p_earning public.earnings, p_adjustment public.adjustments, p_now timestamptz)
returns void language plpgsql as $$
declare v_call calls; v_terms campaign_terms; v_refused boolean := p_adjustment.refusal is not null;
begin
  update calls set facts_version = facts_version + 1, changed_at = p_now, status = case when v_refused then 'rejected' else status end
  where id = p_call.id returning * into v_call;
  insert into call_scores (call_id, facts_version, rule_set, verdict, signals, profile_date, score, decision, reasons, scored_at)
  select call_id, v_call.facts_version, rule_set, verdict, signals, profile_date, case when v_refused then 100 else score end, case when v_refused then 'reject' else decision end,
    case when v_refused then reasons || app.refusal_json(p_adjustment.refusal) else reasons end, p_now
  from call_scores where call_id = p_call.id and facts_version = p_call.facts_version;
  if not v_refused then
    select * into v_terms from campaign_terms where id = p_earning.terms_id;
    -- Where the wallet paid for it, it has just got the price back.
    perform app.book_call(v_call, v_terms, p_earning.price_minor, p_adjustment.placed_share_minor, p_earning.prepaid, p_now);
  end if;
  if v_call.late_facts is not null or exists (select 1 from call_revenues where call_id = p_call.id and late is not null) then
    perform app.look_again(v_call, p_now);
  end if;
end $$;

-- Does one step for one call; nothing where the call is not as it was read.
create function app.put_call_in_order(p_step jsonb, p_kind text, p_unit text, p_now timestamptz) returns void language plpgsql as $$
declare v_call calls; v_earning earnings; v_adjustment adjustments; v_decision jsonb := p_step -> 'decision';
begin
  select * into v_call from calls where id = (p_step ->> 'callId')::uuid for update;
  select * into v_earning from earnings where call_id = v_call.id and state <> 'clawed_back' for update;
  select * into v_adjustment from adjustments where call_id = v_call.id and state in ('waiting_approval', 'waiting') for update;
  if p_kind = 'drop' then
    if v_adjustment.cause = 'order' and not app.is_noting(v_earning.id) then perform app.drop_adjustment(v_adjustment, p_now); end if;
  elsif p_kind in ('take_back', 'share') then
    if v_earning.id is distinct from (p_step ->> 'earningId')::uuid or v_adjustment.id is not null
      or exists (select 1 from call_disputes where call_id = v_call.id and state in ('open', 'denied')) then return; end if;
    v_adjustment := app.open_adjustment(v_earning, 'order', 'close', 'its place in the order of the starts is another', p_now,
      (p_step ->> 'shareMinor')::bigint, p_step ->> 'refusal');
    -- A payout that held it may have been withheld.
    select * into v_earning from earnings where id = v_earning.id;
    if app.end_adjustment(v_call, v_earning, v_adjustment, p_now) <> 'posted' then
      perform app.look_again(v_call, p_now);
      -- Of a period behind this one; it waits until this one is in order.
      if v_adjustment.refusal = 'duplicate-caller' then perform app.note_period(v_call, 'day'); end if;
    end if;
  elsif v_call.status = 'rejected' and p_kind = 'score' then
    perform app.score_again(v_call, null, p_now);
  elsif v_call.status = 'rejected' and app.facts_key(v_call) = p_step ->> 'factsKey' then
    update calls set status = 'stored', facts_version = facts_version + 1, changed_at = p_now where id = v_call.id returning * into v_call;
    if app.rate_call(v_decision || jsonb_build_object('callId', v_call.id, 'factsVersion', v_call.facts_version,
      'placed', jsonb_build_object('unit', p_unit, 'place', p_step -> 'place')), p_now) = 'stale' then
      perform app.score_again(v_call, null, p_now);
    end if;
  end if;
end $$;

-- Does the steps that were read, when nothing of the period changed since: `p_changes` is what was read. Without steps the order
-- is reached, and nobody looks at it any more until it is disturbed. Answers done, or stale (read anew). Safe to run twice: what
-- was done is in order and read no more, each earning ends once, and the journals have the ids of adjustment and call.
create function public.put_in_order(p_campaign_id uuid, p_unit text, p_period date, p_changes int, p_kind text, p_steps jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_step jsonb; v_changes int;
begin
  perform app.lock_ledger();
  select changes into v_changes from unordered_periods where campaign_id = p_campaign_id and unit = p_unit and period = p_period for update;
  if v_changes is distinct from p_changes then return '"stale"'; end if;
  for v_step in select value from jsonb_array_elements(app.json_arg(p_steps)) loop
    perform app.put_call_in_order(v_step, p_kind, p_unit, app.at(p_now_ms));
  end loop;
  -- What this disturbed behind the period is put in order in the same night.
  perform app.plan_order(c.business_date, app.at(p_now_ms), p_campaign_id) from closes c where c.state = 'open' and c.stage = 'order';
  if p_kind is null then
    -- The order of a month is that of its days too.
    delete from unordered_periods where campaign_id = p_campaign_id and (unit = p_unit and period = p_period
      or p_unit = 'month' and unit = 'day' and date_trunc('month', period)::date = p_period);
  end if;
  return '"done"';
end $$;

-- Plans the work for the periods that are out of order and over: whose last instant is of the business date or an earlier one. Of
-- a campaign alone, where it is given, and only what is not under way.
create function app.plan_order(p_date date, p_now timestamptz, p_campaign_id uuid default null) returns void language sql as $$
  -- What was discarded is made once more: the period is out of order again, or still.
  update public.work set state = 'done' where job = 'fraud.order-calls' and state = 'discarded'
    and key in (select concat_ws('/', campaign_id, unit, period) from public.unordered_periods);
  select app.make_work('fraud.order-calls', concat_ws('/', u.campaign_id, u.unit, u.period),
    jsonb_build_object('campaignId', u.campaign_id, 'unit', u.unit, 'period', u.period), 'close-' || p_date, p_now, p_date, 'order', true)
  from (select u.*, app.business_date((u.period + ('1 ' || u.unit)::interval) at time zone k.timezone - interval '1 microsecond') <= p_date as is_over
    from public.unordered_periods u join public.campaigns k on k.id = u.campaign_id) u
  where u.is_over and (p_campaign_id is null or u.campaign_id = p_campaign_id and not exists (select 1 from public.work w
      where w.job = 'fraud.order-calls' and w.key = concat_ws('/', u.campaign_id, u.unit, u.period) and w.state = 'due'))
    and not (u.unit = 'day' and exists (select 1 from public.unordered_periods m join public.campaigns k on k.id = m.campaign_id
    where m.campaign_id = u.campaign_id and m.unit = 'month' and m.period = date_trunc('month', u.period)::date
      and app.business_date((m.period + interval '1 month') at time zone k.timezone - interval '1 microsecond') <= p_date))
  order by u.campaign_id, u.unit, u.period
$$;

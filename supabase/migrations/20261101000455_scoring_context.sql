-- What scoring reads of a batch of calls. Windows are of the calls that started before one, by (started_at, id), whatever became of
-- them and whenever they were reported, by the newest facts that were: so they are the same in whatever order calls come, once all have come. Each is bounded in
-- time and in calls, so that a call costs the same however many are stored.

-- The last 100 calls of its caller within 30 days.
create function app.caller_window(p_call public.calls, p_minimum_s int) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'lastS', extract(epoch from p_call.started_at - max(o.started_at))::int,
    'hour', count(*) filter (where o.started_at > p_call.started_at - interval '1 hour'),
    'day', count(*) filter (where o.started_at > p_call.started_at - interval '1 day'),
    'network', count(*),
    'buyer', count(*) filter (where o.buyer_id = p_call.buyer_id),
    'campaign', count(*) filter (where o.campaign_id = p_call.campaign_id),
    'payableInCampaign', count(*) filter (where o.campaign_id = p_call.campaign_id and o.talked and o.lasted_s >= p_minimum_s),
    'payable', count(*) filter (where o.talked and o.lasted_s >= p_minimum_s),
    'otherSuppliers', count(distinct o.supplier_id) filter (where o.supplier_id <> p_call.supplier_id),
    'otherCampaigns', count(distinct o.campaign_id) filter (where o.campaign_id <> p_call.campaign_id))
  from (
    select o.*, coalesce((o.late_facts ->> 'durationS')::int, o.duration_s) as lasted_s, coalesce((o.late_facts ->> 'answered')::boolean, o.answered) as talked
    from public.calls o
    where o.caller_number = p_call.caller_number and (o.started_at, o.id) < (p_call.started_at, p_call.id)
      and o.started_at > p_call.started_at - interval '30 days'
    order by o.started_at desc, o.id desc limit 100) o
$$;

-- How long calls of a campaign were in the 28 days up to a date.
create function app.campaign_lengths(p_campaign_id uuid, p_day date) returns jsonb language sql stable as $$
  select jsonb_build_object('calls', coalesce(sum(d.calls), 0), 'payable', coalesce(sum(d.payable), 0), 'within5', coalesce(sum(d.within_5), 0),
    'within15', coalesce(sum(d.within_15), 0), 'within30', coalesce(sum(d.within_30), 0), 'within60', coalesce(sum(d.within_60), 0),
    'within120', coalesce(sum(d.within_120), 0), 'within240', coalesce(sum(d.within_240), 0))
  from public.campaign_days d where d.campaign_id = p_campaign_id and d.day > p_day - 28 and d.day <= p_day
$$;

-- The last 200 calls of its supplier within seven days: so long that one of few calls has some; `day` and `hour` are of the last day and
-- hour. `spanS` is how far back the first lies, `evenS` the shorter of the two middle quarters of the last day's calls. What is payable
-- is asked of each call by the terms of its own campaign, those in force when p_call started. A set of one, because that becomes a part
-- of the statement that asks, where another function is started anew for each call; each bound begins with the supplier, so that
-- no other index than the supplier's is of use.
create function app.supplier_window(p_call public.calls, p_minimum_s int, p_profile date) returns setof jsonb language sql stable as $$
  with o as materialized (
    select o.campaign_id, o.caller_number, o.started_at, o.attestation, o.caller_region, o.lasted_s, o.talked, abs(o.lasted_s - p_call.duration_s) as off_s,
      o.started_at > (select p_call.started_at - interval '1 hour') as in_hour, o.started_at > (select p_call.started_at - interval '1 day') as in_day,
      row_number() over (order by o.started_at desc, o.id desc) as nth
    from (select o.*, coalesce((o.late_facts ->> 'durationS')::int, o.duration_s) as lasted_s, coalesce((o.late_facts ->> 'answered')::boolean, o.answered) as talked
      from public.calls o
      where o.supplier_id = p_call.supplier_id and (o.supplier_id, o.started_at, o.id) < (p_call.supplier_id, p_call.started_at, p_call.id)
        and (o.supplier_id, o.started_at) > (p_call.supplier_id, p_call.started_at - interval '7 days')
      order by o.started_at desc, o.id desc limit 200) o
  ), k as materialized (
    select d.campaign_id, k.regions, t.min_duration_s from (select distinct campaign_id from o) d
      join public.campaigns k on k.id = d.campaign_id
      left join lateral (select min_duration_s from public.campaign_terms
        where campaign_id = k.id and valid_from <= p_call.started_at order by valid_from desc limit 1) t on true
  ), paid as materialized (
    select o.*, k.regions, o.lasted_s - k.min_duration_s as above, o.talked and o.lasted_s >= k.min_duration_s as pays, o.campaign_id = p_call.campaign_id as own
    from o left join k using (campaign_id)
  )
  select jsonb_build_object(
    'calls', count(*),
    'spanS', coalesce(extract(epoch from p_call.started_at - min(o.started_at))::int, 0),
    'hour', count(*) filter (where o.in_hour),
    'day', count(*) filter (where o.in_day),
    'evenS', coalesce((select least(q[2] - q[1], q[3] - q[2]) from (select percentile_disc(array[0.25, 0.5, 0.75]) within group (order by extract(epoch from o.started_at)::int)
      filter (where o.in_day) as q) quarters), 0),
    'again', count(o.caller_number) - count(distinct o.caller_number collate "C"),
    'answered', count(*) filter (where o.talked),
    'hangups', count(*) filter (where o.talked and o.lasted_s < 10),
    'signed', count(o.attestation),
    'vouchedLess', count(*) filter (where o.attestation <> 'A'),
    'sameDuration', count(*) filter (where o.talked and o.off_s <= 1),
    'nearDuration', count(*) filter (where o.talked and o.off_s <= 15),
    'within3', count(*) filter (where o.talked and o.off_s <= 3),
    'within8', count(*) filter (where o.talked and o.off_s <= 8),
    'within45', count(*) filter (where o.talked and o.off_s <= 45),
    'numbers', count(distinct o.caller_number collate "C"),
    'thousands', count(distinct app.block_of(o.caller_number) collate "C"),
    'sameLength', count(*) filter (where o.pays and width_bucket(o.above, array[5, 15, 30, 60, 120, 240]) = (select width_bucket(p_call.duration_s - p_minimum_s, array[5, 15, 30, 60, 120, 240]))),
    'sameVouching', count(*) filter (where o.pays and (o.attestation = 'A') is not distinct from (select p_call.attestation = 'A')),
    'regionKnown', count(*) filter (where o.pays and o.caller_region is not null and o.regions is not null),
    'outside', count(*) filter (where o.pays and o.caller_region <> all (o.regions)),
    'campaign', jsonb_build_object(
      'calls', count(*) filter (where o.own),
      'payable', count(*) filter (where o.own and o.pays),
      'within5', count(*) filter (where o.own and o.pays and o.above < 5),
      'within15', count(*) filter (where o.own and o.pays and o.above < 15),
      'within30', count(*) filter (where o.own and o.pays and o.above < 30),
      'within60', count(*) filter (where o.own and o.pays and o.above < 60),
      'within120', count(*) filter (where o.own and o.pays and o.above < 120),
      'within240', count(*) filter (where o.own and o.pays and o.above < 240)),
    'campaigns', (select coalesce(jsonb_agg(jsonb_build_object('window', jsonb_build_object('calls', w.calls, 'payable', w.payable),
        'day', jsonb_build_object('calls', w.day_calls, 'payable', w.day_payable), 'last', jsonb_build_object('calls', w.last_calls, 'payable', w.last_payable),
        'all', l.lengths) order by w.campaign_id), '[]')
      from (select p.campaign_id, count(*) as calls, count(*) filter (where p.pays) as payable,
          count(*) filter (where p.in_day) as day_calls,
          count(*) filter (where p.pays and p.in_day) as day_payable,
          count(*) filter (where p.nth <= 30) as last_calls, count(*) filter (where p.pays and p.nth <= 30) as last_payable
        from paid p group by p.campaign_id) w
        cross join lateral (select jsonb_build_object('calls', coalesce(sum(d.calls), 0), 'payable', coalesce(sum(d.payable), 0), 'within5', coalesce(sum(d.within_5), 0),
            'within15', coalesce(sum(d.within_15), 0), 'within30', coalesce(sum(d.within_30), 0), 'within60', coalesce(sum(d.within_60), 0),
            'within120', coalesce(sum(d.within_120), 0), 'within240', coalesce(sum(d.within_240), 0)) as lengths
          from public.campaign_days d where d.campaign_id = w.campaign_id and d.day > p_profile - 28 and d.day <= p_profile) l))
  from paid o
$$;

-- The last 200 calls from its thousand of numbers within 30 days: how many other numbers they came from.
create function app.block_window(p_call public.calls) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'numbers', count(distinct o.caller_number),
    'numbersOfSupplier', count(distinct o.caller_number) filter (where o.supplier_id = p_call.supplier_id),
    'hundred', count(distinct o.caller_number) filter (where left(o.caller_number, -2) = left(p_call.caller_number, -2)),
    'hundredOfSupplier', count(distinct o.caller_number) filter (where left(o.caller_number, -2) = left(p_call.caller_number, -2) and o.supplier_id = p_call.supplier_id))
  from (
    select * from public.calls o
    where app.block_of(o.caller_number) = app.block_of(p_call.caller_number) and (o.started_at, o.id) < (p_call.started_at, p_call.id)
      and o.started_at > p_call.started_at - interval '30 days'
    order by o.started_at desc, o.id desc limit 200) o
  where o.caller_number <> p_call.caller_number
$$;

-- Terms as src/jobs/fraud/rate.ts reads them.
create function app.terms_json(t public.campaign_terms) returns jsonb language sql immutable as $$
  select jsonb_build_object('termsId', t.id, 'currency', t.currency,
    'priceMinor', t.price_minor, 'incrementS', t.increment_s, 'minimumS', t.minimum_s, 'revenueBps', t.revenue_bps,
    'supplierShareBps', t.supplier_share_bps, 'supplierShareMinor', t.supplier_share_minor,
    'supplierShareTiers', t.supplier_share_tiers, 'minDurationS', t.min_duration_s,
    'duplicateWindowS', t.duplicate_window_s)
$$;

-- All that scoring needs to know about a batch of calls, in one read: facts, terms in force at the start, the windows before it, the
-- profile of its supplier, and what people said; with p_late as it would be with the facts that came after rating. No bitmaps: what is
-- usual for a supplier decides whether the week of one is read whole and sorted, and for a busy one that is many times the calls of its
-- window, which its index has in their order.
create function public.scoring_context(p_call_ids jsonb, p_late boolean default false)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp
  set enable_bitmapscan = off as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'callId', c.id, 'factsVersion', c.facts_version, 'factsKey', app.facts_key(stored), 'status', c.status, 'routed', c.campaign_id is not null,
    'campaignId', c.campaign_id, 'supplierId', c.supplier_id,
    'callerNumber', c.caller_number, 'durationS', c.duration_s, 'answered', c.answered, 'startedAtMs', app.ms(c.started_at),
    'regions', k.regions, 'callerRegion', c.caller_region, 'attestation', c.attestation, 'lineType', c.line_type, 'lookups', (select l.lookups from call_lookups l where l.call_id = c.id and l.number = coalesce(c.caller_number, '')),
    'revenue', (select coalesce(case when p_late then r.late end, jsonb_build_object('amountMinor', r.amount_minor, 'currency', r.currency))
      from call_revenues r where r.call_id = c.id),
    'terms', case when t.id is not null then app.terms_json(t) end,
    'decided', c.decided,
    'inHours', app.is_open(t.hours, c.started_at, k.timezone),
    'ownNumber', exists (select 1 from tracking_numbers n where n.number = c.caller_number),
    'standing', app.standing_at(c.supplier_id, c.started_at),
    'snoozed', (select coalesce(jsonb_agg(distinct z.signal), '[]') from snoozes z
      where z.subject = any (array[c.supplier_id::text, c.caller_number, c.campaign_id::text]) and z.until_at > c.started_at and z.from_at <= c.started_at),
    'caller', app.caller_window(c, t.min_duration_s),
    'supplier', w.supplier,
    'block', app.block_window(c),
    'profileDate', p.day,
    'profile', (select s.profile from supplier_profiles s where s.supplier_id = c.supplier_id and s.day = p.day),
    'network', (select n.profile from network_profiles n where n.day = p.day),
    'campaign', app.campaign_lengths(c.campaign_id, p.day),
    'ruleSet', first.rule_set,
    'isInvoiced', exists (select 1 from earnings e where e.call_id = c.id and e.state <> 'clawed_back' and e.invoice_id is not null),
    'scored', (select jsonb_build_object('score', s.score, 'verdict', s.verdict, 'signals', s.signals)
      from call_scores s where s.call_id = c.id and s.facts_version = stored.facts_version))), '[]')
  from calls stored cross join lateral app.facts_of(stored, p_late) c
    left join campaigns k on k.id = c.campaign_id
    left join lateral app.terms_at(c.campaign_id, c.started_at) t on true
    left join lateral (select s.rule_set from call_scores s where s.call_id = c.id and s.verdict is not null order by s.facts_version limit 1) first on true
    -- Not of the date before: that is closed in the course of the call's own, and who is reported early would have another one. Who is
    -- scored before an older date was closed, late, is scored by it when its own is.
    cross join lateral (select max(n.day) as day from network_profiles n where n.day < c.business_date - 1) p
    cross join lateral app.supplier_window(c, t.min_duration_s, p.day) w (supplier)
  -- An array, not another table to join: of so many, the planner would join this one last, when it has read the windows of all calls.
  where stored.id = any (array(select value::uuid from jsonb_array_elements_text(app.json_arg(p_call_ids))))
$$;

create function app.terms_of(x jsonb, p_made timestamptz default null) returns public.campaign_terms language sql immutable as $$
  select row((x ->> 'id')::uuid, (x ->> 'campaignId')::uuid, app.at((x ->> 'validFromMs')::bigint), x ->> 'currency',
    (x ->> 'priceMinor')::bigint, (x ->> 'incrementS')::int, (x ->> 'minimumS')::int, (x ->> 'revenueBps')::int,
    (x ->> 'supplierShareBps')::int, (x ->> 'supplierShareMinor')::bigint, nullif(x -> 'supplierShareTiers', 'null'),
    (x ->> 'minDurationS')::int, (x ->> 'duplicateWindowS')::int, nullif(x -> 'hours', 'null'),
    (x ->> 'dailyCap')::int, (x ->> 'monthlyCap')::int, (x ->> 'concurrencyCap')::int, p_made)::public.campaign_terms
$$;

-- What is wrong with terms by themselves; null when nothing is. A supplier never earns more than the buyer owes: where
-- the shortest call that is paid for shows it, the terms are refused; where only the revenue of a call can show it, that
-- call is held when it is rated.
create function app.fault_of_terms(t public.campaign_terms) returns text language sql stable as $$
  select case
    when num_nonnulls(t.price_minor, t.revenue_bps) <> 1 or num_nonnulls(t.increment_s, t.minimum_s) = 1
      or t.increment_s is not null and t.price_minor is null
      then 'need one price: priceMinor, or priceMinor with incrementS and minimumS, or revenueBps'
    when num_nonnulls(t.supplier_share_bps, t.supplier_share_minor, t.supplier_share_tiers) <> 1
      then 'need one share: supplierShareBps, supplierShareMinor or supplierShareTiers'
    when c.code is null then 'are in a currency that is not settled here'
    when t.price_minor % c.multiple_of_minor <> 0 then 'have a price that Stripe cannot charge in this currency'
    when t.supplier_share_minor % c.multiple_of_minor <> 0 then 'have a share that Stripe cannot transfer in this currency'
    when t.price_minor::numeric * ceil(greatest(t.minimum_s, 604800)::numeric / t.increment_s) > 9007199254740991
      then 'could make a long call owe more than an amount can hold'
    when t.supplier_share_minor
      > t.price_minor * coalesce(ceil(greatest(t.minimum_s, t.min_duration_s, 1)::numeric / t.increment_s), 1)
      then 'pay the supplier more than the buyer owes for the shortest call'
  end from (select 1) one left join public.currencies c on c.code = t.currency
$$;

-- What an import may not say: a zone in which no day ends, or other terms and another buyer under an id that calls were
-- rated by. Taken silently, the first would stop every close, and the others would do nothing.
create function app.refuse_parties(p jsonb) returns void language plpgsql as $$
declare v_fault text;
begin
  select fault into v_fault from (
    select format('buyer %s has a timezone that does not exist', x ->> 'id') as fault from jsonb_array_elements(p -> 'buyers') x
      where x ->> 'timezone' is not null and not exists (select 1 from pg_timezone_names where name = x ->> 'timezone')
    union all
    select format('campaign %s has a timezone that does not exist', x ->> 'id') from jsonb_array_elements(p -> 'campaigns') x
      where x ->> 'timezone' is not null and not exists (select 1 from pg_timezone_names where name = x ->> 'timezone')
    union all
    select format('buyer %s has a limit in a currency that is not settled here', x ->> 'id')
      from jsonb_array_elements(p -> 'buyers') x, jsonb_object_keys(nullif(x -> 'creditLimits', 'null')) currency
      where not exists (select 1 from public.currencies where code = currency)
    union all
    select format('buyer %s has a wallet that cannot be: the currency is not settled here, or not so much can be charged', x ->> 'id')
      from jsonb_array_elements(p -> 'buyers') x, jsonb_each(nullif(x -> 'prepaid', 'null')) w
      where not exists (select 1 from public.currencies c where c.code = w.key
        and (w.value ->> 'rechargeMinor')::bigint >= c.minimum_charge_minor and (w.value ->> 'rechargeMinor')::bigint % c.multiple_of_minor = 0)
    union all
    select format('buyer %s has a wallet: no tax is computed on what is paid into it, so that automaticTax cannot be with prepaid', x ->> 'id')
      from jsonb_array_elements(p -> 'buyers') x left join public.buyers o on o.id = (x ->> 'id')::uuid
      where case when x ? 'automaticTax' then (x ->> 'automaticTax')::boolean else o.automatic_tax end
        and coalesce(nullif(case when x ? 'prepaid' then x -> 'prepaid' else o.prepaid end, 'null'), '{}') <> '{}'
    union all
    select format('supplier %s has a minimum in a currency that is not settled here', x ->> 'id')
      from jsonb_array_elements(p -> 'suppliers') x, jsonb_object_keys(x -> 'payoutMinimums') currency
      where not exists (select 1 from public.currencies where code = currency)
    union all
    select format('terms %s %s', x ->> 'id', app.fault_of_terms(app.terms_of(x))) from jsonb_array_elements(p -> 'terms') x
      where app.fault_of_terms(app.terms_of(x)) is not null
    union all
    select format('campaign %s has calls that were counted in its timezone', k.id)
      from jsonb_array_elements(p -> 'campaigns') x join public.campaigns k on k.id = (x ->> 'id')::uuid
      where k.timezone <> x ->> 'timezone' and exists (select 1 from public.calls c where c.campaign_id = k.id)
    union all
    select format('campaign %s belongs to another buyer', k.id)
      from jsonb_array_elements(p -> 'campaigns') x join public.campaigns k on k.id = (x ->> 'id')::uuid
      where k.buyer_id <> (x ->> 'buyerId')::uuid
    union all
    select format('terms %s begin before calls that others rated: what was in force stays in force', x ->> 'id')
      from jsonb_array_elements(p -> 'terms') x
      where not exists (select 1 from public.campaign_terms t where t.id = (x ->> 'id')::uuid)
        and exists (select 1 from public.earnings e join public.campaign_terms t on t.id = e.terms_id
          where e.campaign_id = (x ->> 'campaignId')::uuid and e.started_at >= app.at((x ->> 'validFromMs')::bigint)
            and t.valid_from < app.at((x ->> 'validFromMs')::bigint))
    union all
    select format('terms %s stand with other content: new terms need a new id', t.id)
      from jsonb_array_elements(p -> 'terms') x join public.campaign_terms t on t.id = (x ->> 'id')::uuid
      where t is distinct from app.terms_of(x, t.made_at)
  ) faults limit 1;
  if v_fault is not null then perform app.fail('PARTIES_REFUSED', v_fault, '{}', 'PT422'); end if;
end $$;

-- Makes or updates parties by id; terms are only added, because what was in force stays in force. Calls that waited for
-- a tracking number or for terms that are known now are scored. Safe to run twice: everything has its id.
create function public.import_parties(p_parties jsonb, p_by text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v jsonb := app.json_arg(p_parties); v_routed int;
begin
  -- No call is rated between the look at what was rated and the terms that are added.
  perform app.lock_ledger();
  perform app.refuse_parties(v);
  insert into suppliers as s (id, name, auth_user_id, stripe_account_id, payout_schedule, payout_weekday, payout_net_days, payout_minimums,
    reserve_bps, reserve_days)
  select (x ->> 'id')::uuid, x ->> 'name', (x ->> 'authUserId')::uuid, x ->> 'stripeAccountId', coalesce(x ->> 'payoutSchedule', 'daily'),
    coalesce((x ->> 'payoutWeekday')::int, 1), coalesce((x ->> 'payoutNetDays')::int, 0), coalesce(nullif(x -> 'payoutMinimums', 'null'), '{}'),
    coalesce((x ->> 'reserveBps')::int, 0), coalesce((x ->> 'reserveDays')::int, 0)
  -- A field that is absent keeps what stands; null clears it.
  from (select jsonb_build_object('authUserId', o.auth_user_id, 'stripeAccountId', o.stripe_account_id,
      'payoutSchedule', o.payout_schedule, 'payoutWeekday', o.payout_weekday, 'payoutNetDays', o.payout_net_days,
      'payoutMinimums', o.payout_minimums, 'reserveBps', o.reserve_bps, 'reserveDays', o.reserve_days) || given as x
    from jsonb_array_elements(v -> 'suppliers') given left join suppliers o on o.id = (given ->> 'id')::uuid) whole
  on conflict (id) do update set name = excluded.name, auth_user_id = excluded.auth_user_id, stripe_account_id = excluded.stripe_account_id,
    payout_schedule = excluded.payout_schedule, payout_weekday = excluded.payout_weekday,
    payout_net_days = excluded.payout_net_days, payout_minimums = excluded.payout_minimums,
    reserve_bps = excluded.reserve_bps, reserve_days = excluded.reserve_days;
  insert into buyers as b (id, name, email, auth_user_id, stripe_customer_id, timezone, billing_cycle, billing_day,
    payment_terms_days, credit_limits, prepaid, automatic_tax)
  select (x ->> 'id')::uuid, x ->> 'name', x ->> 'email', (x ->> 'authUserId')::uuid, x ->> 'stripeCustomerId',
    coalesce(x ->> 'timezone', 'UTC'), coalesce(x -> 'billing' ->> 'cycle', 'daily'), (x -> 'billing' ->> 'day')::int,
    (x ->> 'paymentTermsDays')::int, coalesce(nullif(x -> 'creditLimits', 'null'), '{}'), coalesce(nullif(x -> 'prepaid', 'null'), '{}'),
    coalesce((x ->> 'automaticTax')::boolean, false)
  from (select jsonb_build_object('email', o.email, 'authUserId', o.auth_user_id, 'stripeCustomerId', o.stripe_customer_id,
      'timezone', o.timezone, 'billing', jsonb_build_object('cycle', o.billing_cycle, 'day', o.billing_day),
      'paymentTermsDays', o.payment_terms_days, 'creditLimits', o.credit_limits, 'prepaid', o.prepaid, 'automaticTax', o.automatic_tax) || given as x
    from jsonb_array_elements(v -> 'buyers') given left join buyers o on o.id = (given ->> 'id')::uuid) whole
  on conflict (id) do update set name = excluded.name, email = excluded.email, auth_user_id = excluded.auth_user_id,
    stripe_customer_id = excluded.stripe_customer_id, timezone = excluded.timezone, billing_cycle = excluded.billing_cycle,
    billing_day = excluded.billing_day, payment_terms_days = excluded.payment_terms_days, credit_limits = excluded.credit_limits,
    prepaid = excluded.prepaid, automatic_tax = excluded.automatic_tax;
  insert into campaigns (id, buyer_id, name, timezone, regions, offer_provider, offer_id)
  select (x ->> 'id')::uuid, (x ->> 'buyerId')::uuid, x ->> 'name', coalesce(x ->> 'timezone', k.timezone, 'UTC'),
    case when not x ? 'regions' then k.regions when x -> 'regions' <> 'null' then (select array_agg(r) from jsonb_array_elements_text(x -> 'regions') r) end,
    case when x ? 'offer' then x -> 'offer' ->> 'provider' else k.offer_provider end, case when x ? 'offer' then x -> 'offer' ->> 'id' else k.offer_id end
  from jsonb_array_elements(v -> 'campaigns') x left join campaigns k on k.id = (x ->> 'id')::uuid
  on conflict (id) do update set name = excluded.name, timezone = excluded.timezone, regions = excluded.regions,
    offer_provider = excluded.offer_provider, offer_id = excluded.offer_id,
    offer_currency = case when (campaigns.offer_provider, campaigns.offer_id) = (excluded.offer_provider, excluded.offer_id) then campaigns.offer_currency end;
  update term_proposals p set state = 'withdrawn', ended_at = app.at(p_now_ms) from campaigns k
  where k.id = p.campaign_id and p.state = 'open' and (p.provider, p.offer_id) is distinct from (k.offer_provider, k.offer_id);
  insert into campaign_terms select (app.terms_of(x, app.at(p_now_ms))).* from jsonb_array_elements(v -> 'terms') x on conflict (id) do nothing;
  insert into tracking_numbers (number, campaign_id, supplier_id)
  select x ->> 'number', (x ->> 'campaignId')::uuid, (x ->> 'supplierId')::uuid from jsonb_array_elements(v -> 'trackingNumbers') x
  on conflict (number) do update set campaign_id = excluded.campaign_id, supplier_id = excluded.supplier_id;

  with routed as (
    update calls c set campaign_id = coalesce(c.campaign_id, t.campaign_id), supplier_id = coalesce(c.supplier_id, t.supplier_id),
      buyer_id = coalesce(c.buyer_id, k.buyer_id), status = 'stored', facts_version = facts_version + 1, changed_at = app.at(p_now_ms)
    from tracking_numbers t join campaigns k on k.id = t.campaign_id
    where c.tracking_number = t.number and (c.campaign_id is null and c.status in ('held', 'stored')
      or c.status = 'held' and (app.terms_at(c.campaign_id, c.started_at)).id is not null
        and exists (select 1 from call_scores s where s.call_id = c.id and s.facts_version = c.facts_version
          and s.reasons @> '[{"signal": "no-terms"}]'))
    returning c.id, c.trace
  )
  select count(app.make_work('fraud.score-call', r.id::text, jsonb_build_object('callId', r.id), r.trace, app.at(p_now_ms),
    null, null, true)) into v_routed from routed r;
  perform app.log_action(app.at(p_now_ms), p_by, 'parties.import', 'parties', jsonb_build_object('routedCalls', v_routed));
  return jsonb_build_object('routedCalls', v_routed);
end $$;

-- The exchange's timezone decides business dates, so it may not change once there are calls.
create function public.ensure_timezone(p_timezone text)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  if not exists (select 1 from pg_timezone_names where name = p_timezone) then
    perform app.fail('CONFIG_INVALID', 'the database does not know this timezone', '{}', 'PT422');
  end if;
  if exists (select 1 from settings where timezone = p_timezone) then return 'true'; end if;
  if exists (select 1 from calls) then
    perform app.fail('CONFIG_INVALID', 'EXCHANGE_TIMEZONE differs from the one that the business dates were made with', '{}', 'PT422');
  end if;
  update settings set timezone = p_timezone where true;
  return 'true';
end $$;

-- Proof of progress through the real queue: each job that a schedule makes beats here whenever it runs.
create table public.heartbeats (
  name text primary key,
  at timestamptz not null
);

create function public.beat(p_name text)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  insert into heartbeats as h (name, at) values (p_name, clock_timestamp()) on conflict (name) do update set at = excluded.at;
  return 'true';
end $$;

-- What health and metrics say of the database's side: its clock, the last beat of each schedule, due work by job, and the calls that wait
-- for a person.
create function public.health(p_now_ms bigint)
returns jsonb language sql volatile security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object(
    'databaseTimeMs', app.ms(clock_timestamp()),
    'beats', (select coalesce(jsonb_object_agg(name, app.ms(at)), '{}') from heartbeats),
    'due', (select coalesce(jsonb_agg(jsonb_build_object('job', d.job, 'count', d.count, 'ageMs', greatest(0, p_now_ms - app.ms(d.oldest)))), '[]')
      from (select job, count(*) as count, min(due_at) as oldest from work where state = 'due' group by job) d),
    'dead', (select count(*) from work where state = 'dead'),
    'review', (select jsonb_build_object('calls', count(*), 'ageMs', greatest(0, p_now_ms - coalesce(app.ms(min(c.started_at)), p_now_ms)))
      from calls c join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version where c.status = 'held' and app.is_for_review(s)))
$$;

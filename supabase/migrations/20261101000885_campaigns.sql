-- Campaigns that are offers of another platform: what the platform says that they cost and pay is compared with the terms, and what
-- the books say of their calls is told to the platform.

-- What other terms an offer would make. Terms change when a person applies it, and not before.
create table public.term_proposals (
  -- Of the terms that it becomes too.
  id uuid primary key default gen_random_uuid(),
  campaign_id uuid not null references public.campaigns,
  provider text not null,
  offer_id text not null,
  -- The newest terms that the offer was compared with; null where the campaign has none.
  terms_id uuid references public.campaign_terms,
  -- {"priceMinor": {"from": 1800, "to": 2100}}, in the names of an import of terms.
  changes jsonb not null,
  -- Why it cannot become terms.
  fault text,
  -- withdrawn: the offer says something else since.
  state text not null default 'open' check (state in ('open', 'applied', 'dismissed', 'withdrawn')),
  found_at timestamptz not null,
  ended_at timestamptz,
  ended_by text,
  reason text,
  check ((state = 'open') = (ended_at is null)),
  check (changes <> '{}' or fault is not null)
);
create unique index term_proposals_open on public.term_proposals (campaign_id) where state = 'open';
create index term_proposals_campaign on public.term_proposals (campaign_id, found_at);
create index term_proposals_terms on public.term_proposals (terms_id);

-- The newest terms of a campaign, also those that are to come.
create function app.newest_terms(p_campaign uuid) returns public.campaign_terms language sql stable as $$
  select * from public.campaign_terms where campaign_id = p_campaign order by valid_from desc limit 1
$$;

-- Terms as an import takes them.
create function app.import_of_terms(t public.campaign_terms) returns jsonb language sql stable as $$
  select app.terms_json(t) - 'termsId' || jsonb_build_object('id', t.id, 'campaignId', t.campaign_id, 'validFromMs', app.ms(t.valid_from),
    'hours', t.hours, 'dailyCap', t.daily_cap, 'monthlyCap', t.monthly_cap, 'concurrencyCap', t.concurrency_cap)
$$;

-- The campaigns, with their newest terms, that are one of the next so many offers of a platform which the night's work has not compared.
create function public.linked_campaigns(p_provider text, p_due_ms bigint, p_limit int)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  with waiting as (
    select id, offer_id, dense_rank() over (order by offer_id) as nth from campaigns
    where offer_provider = p_provider and status = 'active' and (offer_compared_due < app.at(p_due_ms)) is not false
  )
  select coalesce(jsonb_agg(jsonb_build_object('campaignId', k.id, 'offerId', k.offer_id,
    'terms', case when t.id is not null then app.import_of_terms(t) end) order by k.nth, k.id), '[]')
  from waiting k left join lateral app.newest_terms(k.id) t on true where k.nth <= p_limit
$$;

-- Keeps what an offer would change of the terms that it was compared with. Answers same (nothing), open (known), dismissed (a person
-- said no to the very same), new, or stale: the campaign has other terms or another offer since, and the next night compares anew.
-- An answer that could not be read (isUnread) says nothing of what stands open, and a fault in between nothing of what was dismissed.
-- Safe to run twice: one proposal of a campaign is open, and the same is not opened again.
create function public.record_offer(p_found jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v jsonb := app.json_arg(p_found); v_campaign campaigns; v_known term_proposals; v_terms uuid := (v ->> 'termsId')::uuid; v_stale boolean;
begin
  select * into v_campaign from campaigns where id = (v ->> 'campaignId')::uuid for update;
  v_stale := (v_campaign.offer_provider, v_campaign.offer_id) is distinct from (v ->> 'provider', v ->> 'offerId')
    or (app.newest_terms(v_campaign.id)).id is distinct from v_terms;
  update campaigns set offer_compared_due = app.at((v ->> 'dueMs')::bigint),
    offer_currency = case when v_stale then offer_currency else coalesce(v ->> 'currency', offer_currency) end where id = v_campaign.id;
  if v_stale then return to_jsonb('stale'::text); end if;
  select * into v_known from term_proposals where campaign_id = v_campaign.id order by (state = 'open') desc, found_at desc, id limit 1;
  if v_known.state in ('open', 'dismissed') and (v_known.terms_id, v_known.changes, v_known.fault, v_known.offer_id)
    is not distinct from (v_terms, v -> 'changes', v ->> 'fault', v ->> 'offerId') then return to_jsonb(v_known.state); end if;
  if (v ->> 'isUnread')::boolean and v_known.state = 'open' and v_known.fault is null then return to_jsonb('open'::text); end if;
  update term_proposals set state = 'withdrawn', ended_at = app.at(p_now_ms) where campaign_id = v_campaign.id and state = 'open';
  if v -> 'changes' = '{}' and v ->> 'fault' is null then return to_jsonb('same'::text); end if;
  select * into v_known from term_proposals where campaign_id = v_campaign.id and fault is null order by found_at desc, id limit 1;
  if v_known.state = 'dismissed' and v ->> 'fault' is null and (v_known.terms_id, v_known.changes, v_known.offer_id)
    is not distinct from (v_terms, v -> 'changes', v ->> 'offerId') then return to_jsonb('dismissed'::text); end if;
  insert into term_proposals (campaign_id, provider, offer_id, terms_id, changes, fault, found_at)
  values (v_campaign.id, v ->> 'provider', v ->> 'offerId', v_terms, v -> 'changes', v ->> 'fault', app.at(p_now_ms));
  return to_jsonb('new'::text);
end $$;

create function public.list_proposals()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'campaignId', k.id, 'campaign', k.name, 'provider', p.provider, 'offerId', p.offer_id,
    'currency', t.currency, 'changes', p.changes, 'fault', p.fault, 'foundMs', app.ms(p.found_at)) order by p.found_at, p.id), '[]')
  from term_proposals p join campaigns k on k.id = p.campaign_id left join campaign_terms t on t.id = p.terms_id
  where p.state = 'open'
$$;

-- Makes an open proposal the newest terms of its campaign, by the import that makes all terms: from the given instant on, or from the
-- campaign's next midnight. Safe to run twice: the terms have the proposal's id, and it is applied once.
create function public.apply_proposal(p_id uuid, p_from_ms bigint, p_by text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_proposal term_proposals; v_terms campaign_terms; v_new jsonb; v_from bigint;
begin
  perform app.lock_ledger();
  select * into v_proposal from term_proposals where id = p_id for update;
  if v_proposal.id is null then perform app.fail('PROPOSAL_UNKNOWN', 'no such proposal', '{}', 'PT404'); end if;
  if v_proposal.state = 'applied' then
    return jsonb_build_object('applied', false, 'termsId', p_id, 'validFromMs', (select app.ms(valid_from) from campaign_terms where id = p_id));
  end if;
  v_terms := app.newest_terms(v_proposal.campaign_id);
  v_from := coalesce(p_from_ms, (select app.ms((((app.at(p_now_ms) at time zone timezone)::date + 1)::timestamp) at time zone timezone)
    from campaigns where id = v_proposal.campaign_id));
  perform app.fail('PROPOSAL_REFUSED', why, '{}', 'PT422') from (select case
    when v_proposal.state <> 'open' then 'it is ' || v_proposal.state
    when v_proposal.fault is not null then v_proposal.fault
    when not exists (select 1 from campaigns where id = v_proposal.campaign_id and offer_provider = v_proposal.provider and offer_id = v_proposal.offer_id)
      then 'the campaign is another offer since'
    when v_terms.id is distinct from v_proposal.terms_id then 'the campaign has other terms since: the next reading of the offer compares anew'
    when app.at(v_from) <= v_terms.valid_from then 'it would begin before the terms that it follows' end as why) refusal
  where why is not null;
  select app.import_of_terms(v_terms) || jsonb_object_agg(key, value -> 'to') || jsonb_build_object('id', p_id, 'validFromMs', v_from)
    into v_new from jsonb_each(v_proposal.changes);
  perform public.import_parties(jsonb_build_object('terms', jsonb_build_array(v_new)), p_by, p_now_ms);
  update term_proposals set state = 'applied', ended_at = app.at(p_now_ms), ended_by = p_by where id = p_id;
  perform app.log_action(app.at(p_now_ms), p_by, 'campaigns.apply', p_id::text, v_proposal.changes);
  return jsonb_build_object('applied', true, 'termsId', p_id, 'validFromMs', v_from);
end $$;

-- A person says that the terms stay. The same is not proposed again while the terms are these.
create function public.dismiss_proposal(p_id uuid, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  update term_proposals set state = 'dismissed', ended_at = app.at(p_now_ms), ended_by = p_by, reason = p_reason where id = p_id and state = 'open';
  if found then
    perform app.log_action(app.at(p_now_ms), p_by, 'campaigns.dismiss', p_id::text, jsonb_build_object('reason', p_reason));
    return 'true';
  end if;
  if not exists (select 1 from term_proposals where id = p_id) then perform app.fail('PROPOSAL_UNKNOWN', 'no such proposal', '{}', 'PT404'); end if;
  return 'false';
end $$;

-- What was told a platform of a call, or is to be: what its buyer owes and what its supplier earns by it. The first of a call is its
-- conversion, others adjust that; one that was taken back owes and earns nothing.
create table public.conversion_pushes (
  id uuid primary key default gen_random_uuid(),
  call_id uuid not null references public.calls,
  seq int not null check (seq > 0),
  provider text not null,
  offer_id text not null,
  -- What the platform calls the call, or the click that led to it.
  reference text not null,
  currency text not null,
  price_minor app.amount_minor not null check (price_minor >= 0),
  share_minor app.amount_minor not null check (share_minor between 0 and price_minor),
  -- due: not sent yet, or nobody knows. superseded: the books said something else before it was sent.
  state text not null default 'due' check (state in ('due', 'sent', 'refused', 'superseded')),
  -- Of the run that has it; a late one changes nothing.
  token int not null default 0,
  sends int not null default 0,
  sent_at timestamptz,
  -- The platform had a conversion of the call when it was sent.
  shown boolean not null default false,
  -- The platform's own code of a refusal.
  code text,
  made_at timestamptz not null,
  ended_at timestamptz,
  unique (call_id, seq),
  check ((state = 'due') = (ended_at is null))
);
create unique index conversion_pushes_due on public.conversion_pushes (call_id) where state = 'due';
create index conversion_pushes_reference on public.conversion_pushes (provider, reference);

-- What the books say of a call of an offer changed: whether the platform is to be told is looked at by a job. What a platform was told
-- before is adjusted though the campaign is no offer any more. What was discarded is made once more, as by app.look_again.
create function app.want_push(p_call_id uuid, p_now timestamptz) returns void language plpgsql as $$
declare v_trace text;
begin
  select c.trace into v_trace from calls c left join campaigns k on k.id = c.campaign_id where c.id = p_call_id
    and (k.offer_provider in ('ringba', 'everflow') or exists (select 1 from conversion_pushes where call_id = c.id));
  if not found then return; end if;
  update work set state = 'done' where job = 'campaigns.push-conversion' and key = p_call_id::text and state = 'discarded';
  perform app.make_work('campaigns.push-conversion', p_call_id::text, jsonb_build_object('callId', p_call_id), v_trace, p_now, null, null, true);
end $$;

-- Takes a call's push under a new token: the one that may have been sent, else a new one of what the books say now. Answers the push,
-- or {"nothing": reason}. A call that its platform reported itself has the platform's own id. One that was sent a moment ago is not
-- taken over: its request may be under way still, and would come after a newer one (being_sent). What a platform has of one reference
-- is of one call: another call with the same is refused by us, so that it is seen (reference_taken). Of the call's earlier pushes it
-- answers whether the platform took one of them (sentBefore), so that it must have a conversion, and when the last was sent of those
-- that may come to it still: one sent twice was shown once, and one that was never shown may be (looseMs).
create function public.claim_push(p_call_id uuid, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_call calls; v_campaign campaigns; v_push conversion_pushes; v_told conversion_pushes; v_earning earnings; v_known record;
  v_provider text; v_reference text; v_nothing text; v_taken boolean := false;
begin
  perform pg_advisory_xact_lock(hashtextextended('push:' || p_call_id, 0));
  select * into v_call from calls where id = p_call_id;
  if v_call.id is null then perform app.fail('CALL_UNKNOWN', 'no such call', '{}', 'PT404'); end if;
  select * into v_campaign from campaigns where id = v_call.campaign_id;
  select * into v_earning from earnings where call_id = p_call_id and state <> 'clawed_back';
  select * into v_push from conversion_pushes where call_id = p_call_id and state = 'due';
  select * into v_told from conversion_pushes where call_id = p_call_id and state in ('sent', 'refused') order by seq desc limit 1;
  if v_push.sent_at > app.at(p_now_ms) - interval '60 seconds' then return '{"nothing": "being_sent"}'; end if;
  -- One that may have arrived is ended first, whatever the books say since.
  if v_push.id is not null and v_push.sends = 0 and (v_push.price_minor, v_push.share_minor)
    is distinct from (coalesce(v_earning.price_minor, 0), coalesce(v_earning.share_minor, 0)) then
    update conversion_pushes set state = 'superseded', ended_at = app.at(p_now_ms) where id = v_push.id;
    v_push := null;
  end if;
  if v_push.id is null then
    v_provider := coalesce(v_told.provider, v_campaign.offer_provider);
    v_reference := coalesce(v_told.reference, case when v_campaign.offer_provider = v_call.source then v_call.external_id end, v_call.click_id);
    v_nothing := case
      when (v_told.price_minor, v_told.share_minor) = (coalesce(v_earning.price_minor, 0), coalesce(v_earning.share_minor, 0)) then 'told_before'
      when v_told.id is null and v_earning.id is null then 'no_conversion'
      when v_told.id is null and v_campaign.offer_provider is null then 'no_offer'
      when v_told.id is null and v_campaign.offer_currency <> v_earning.currency then 'other_currency'
      -- Everflow names the currency of an offer, in which it takes every amount.
      when v_told.id is null and v_provider = 'everflow' and v_campaign.offer_currency is null then 'offer_not_read'
      when v_reference is null then 'no_reference' end;
    if v_nothing is not null then return jsonb_build_object('nothing', v_nothing); end if;
    perform pg_advisory_xact_lock(hashtextextended(format('push of %s %s', v_provider, v_reference), 0));
    v_taken := exists (select 1 from conversion_pushes where provider = v_provider and reference = v_reference and call_id <> p_call_id
      and state <> 'superseded' and code is distinct from 'reference_taken');
    insert into conversion_pushes (call_id, seq, provider, offer_id, reference, currency, price_minor, share_minor, made_at, state, code, ended_at)
    values (p_call_id, 1 + coalesce((select max(seq) from conversion_pushes where call_id = p_call_id), 0),
      v_provider, coalesce(v_told.offer_id, v_campaign.offer_id), v_reference,
      coalesce(v_earning.currency, v_told.currency), coalesce(v_earning.price_minor, 0), coalesce(v_earning.share_minor, 0), app.at(p_now_ms),
      case when v_taken then 'refused' else 'due' end, case when v_taken then 'reference_taken' end, case when v_taken then app.at(p_now_ms) end)
    returning * into v_push;
    if v_taken then return '{"nothing": "reference_taken"}'; end if;
  end if;
  update conversion_pushes set token = token + 1 where id = v_push.id returning * into v_push;
  -- Whoever made it: what the platform had is never made again.
  select bool_or(shown or state = 'sent' or code in ('never_shown', 'vanished', 'rejected_there', 'made_twice')) as had,
    max(sent_at) filter (where id <> v_push.id and (sends > 1 or (sends > 0 and code = 'never_shown'))) as loose into v_known
  from conversion_pushes where call_id = p_call_id;
  return jsonb_build_object('id', v_push.id, 'token', v_push.token, 'provider', v_push.provider, 'offerId', v_push.offer_id,
    'reference', v_push.reference, 'currency', v_push.currency, 'priceMinor', v_push.price_minor, 'shareMinor', v_push.share_minor,
    'sends', v_push.sends, 'sentAtMs', app.ms(v_push.sent_at), 'madeMs', app.ms(v_push.made_at),
    'hadBefore', coalesce(v_known.had, false), 'looseMs', app.ms(v_known.loose));
end $$;

-- Written before a push is sent (p_end null; p_shown: the platform has a conversion of the call), and when it has come to its end: sent or
-- refused. Only the newest token may.
create function public.note_push(p_id uuid, p_token int, p_end text, p_code text, p_shown boolean, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  update conversion_pushes set state = coalesce(p_end, state), code = p_code, shown = shown or p_shown,
    sends = sends + case when p_end is null then 1 else 0 end, sent_at = case when p_end is null then app.at(p_now_ms) else sent_at end,
    ended_at = case when p_end is not null then app.at(p_now_ms) end
  where id = p_id and token = p_token and state = 'due';
  if not found then perform app.fail('TOKEN_STALE', 'another run has taken this push over', '{}', 'PT409'); end if;
  return 'true';
end $$;

-- Takes back that a push was sent, of which nothing left the house: what was noted of it before is given.
create function public.unsend_push(p_id uuid, p_token int, p_sends int, p_sent_at_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  update conversion_pushes set sends = p_sends, sent_at = app.at(p_sent_at_ms) where id = p_id and token = p_token and state = 'due';
  if not found then perform app.fail('TOKEN_STALE', 'another run has taken this push over', '{}', 'PT409'); end if;
  return 'true';
end $$;

-- How many pushes of each platform stand how, and those that a platform refused or that nobody knows the end of, the newest first.
create function public.list_pushes()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object(
    'counts', (select coalesce(jsonb_agg(jsonb_build_object('provider', n.provider, 'state', n.state, 'count', n.count) order by n.provider, n.state), '[]')
      from (select provider, state, count(*) as count from conversion_pushes group by 1, 2) n),
    'troubles', (select coalesce(jsonb_agg(jsonb_build_object('callId', p.call_id, 'provider', p.provider, 'state', p.state, 'code', p.code,
        'currency', p.currency, 'priceMinor', p.price_minor, 'shareMinor', p.share_minor, 'sends', p.sends, 'madeMs', app.ms(p.made_at))
        order by p.made_at desc, p.id), '[]')
      from (select * from conversion_pushes where state = 'refused' or state = 'due' order by made_at desc, id limit 100) p))
$$;

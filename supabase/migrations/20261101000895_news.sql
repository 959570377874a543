-- What `callclear watch` tells people while they look: what happened of late, and how much stands open.

-- Whom a piece of work is about, where its key names something of the books.
create function app.whom_of(p_job text, p_key text) returns jsonb language sql stable as $$
  select jsonb_build_object('campaignId', w.campaign_id, 'buyer', (select name from public.buyers where id = w.buyer_id),
    'supplier', (select name from public.suppliers where id = w.supplier_id))
  from (
    select null::uuid as campaign_id, null::uuid as buyer_id, supplier_id from public.payouts
      where p_job = 'payouts.pay-supplier' and id = app.uuid_or_null(p_key)
    union all select null, buyer_id, null from public.invoices where p_job = 'billing.bill-buyer' and id = app.uuid_or_null(p_key)
    union all select null, buyer_id, null from public.topups where p_job = 'billing.recharge-wallet' and id = app.uuid_or_null(p_key)
    union all select campaign_id, buyer_id, supplier_id from public.calls
      where p_job in ('fraud.score-call', 'fraud.adjust-call', 'campaigns.push-conversion') and id = app.uuid_or_null(p_key)) w
$$;

-- Of one table, what became news at an instant or later: breaks that opened or changed, calls that are held for a person, dead letters,
-- proposals of terms, terms. The newest 500 of them, the oldest first. Of terms at null: those that were in force a month ago, and
-- all since. Campaigns are all, because a name that changes has no instant.
create function public.read_news(p_table text, p_since_ms bigint, p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(case p_table
    when 'campaigns' then (select jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'buyer', k.buyer))
      from (select k.id, k.name, b.name as buyer from campaigns k join buyers b on b.id = k.buyer_id order by k.made_at desc, k.id limit 10000) k)
    when 'campaign_terms' then (select jsonb_agg(app.terms_json(n.t) || app.import_of_terms(n.t) || jsonb_build_object('madeMs', app.ms(n.made_at))
        order by n.made_at, n.valid_from, n.id)
      from (select t, t.made_at, t.valid_from, t.id from campaign_terms t
        where case when p_since_ms is null then t.valid_from >= coalesce(
            (app.terms_at(t.campaign_id, app.at(p_now_ms) - interval '1 month')).valid_from, t.valid_from) else t.made_at >= app.at(p_since_ms) end
        order by t.made_at desc, t.id limit case when p_since_ms is null then 10000 else 500 end) n)
    when 'reconciliation_breaks' then (select jsonb_agg(app.describe_break(n.b, app.at(p_now_ms)) || jsonb_build_object('newsMs', app.ms(n.at)) order by n.at, (n.b).id)
      from (select b, e.at from reconciliation_breaks b cross join lateral (
          select greatest(max(e.at), case when b.kind = 'expected' then b.due_at end) as at from break_events e
          where e.break_id = b.id and e.event in ('found', 'open', 'changed')) e
        where b.state = 'open' and app.kind_at(b, app.at(p_now_ms)) <> 'expected' and e.at >= app.at(p_since_ms) order by e.at desc, b.id limit 500) n)
    when 'calls' then (select jsonb_agg(jsonb_build_object('callId', n.id, 'campaignId', n.campaign_id, 'supplier', n.supplier, 'startedAtMs', app.ms(n.started_at),
        'durationS', n.duration_s, 'score', n.score, 'reasons', n.reasons, 'revenue', n.revenue, 'heldMs', app.ms(n.changed_at)) order by n.changed_at, n.id)
      from (select c.*, s.name as supplier, o.score, o.reasons,
          (select jsonb_build_object('amountMinor', r.amount_minor, 'currency', r.currency) from call_revenues r where r.call_id = c.id) as revenue
        from calls c join call_scores o on o.call_id = c.id and o.facts_version = c.facts_version join suppliers s on s.id = c.supplier_id
        where c.changed_at >= app.at(p_since_ms) and c.status = 'held' and app.is_for_review(o) order by c.changed_at desc, c.id limit 500) n)
    when 'dead_letters' then (select jsonb_agg(n.letter || jsonb_build_object('whom', app.whom_of(n.job, n.letter ->> 'key')) order by n.failed_at, n.id)
      from (select * from app.open_letters(jsonb_build_object('fromMs', p_since_ms)) order by failed_at desc, id limit 500) n)
    when 'term_proposals' then (select jsonb_agg(n.p order by n.found_ms, n.p ->> 'id') from (
        select p, (p ->> 'foundMs')::bigint as found_ms from jsonb_array_elements(public.list_proposals()) p
        where (p ->> 'foundMs')::bigint >= p_since_ms order by found_ms desc, p ->> 'id' limit 500) n)
    end, '[]')
$$;

-- How much stands open of each.
create function public.count_open(p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object(
    'breaks', (select count(*) from reconciliation_breaks b where b.state = 'open' and app.kind_at(b, app.at(p_now_ms)) <> 'expected'),
    'calls', (select count(*) from calls c join call_scores o on o.call_id = c.id and o.facts_version = c.facts_version
      where c.status = 'held' and app.is_for_review(o)),
    'letters', (select count(*) from work where state = 'dead'),
    'proposals', (select count(*) from term_proposals where state = 'open'))
$$;

-- Hosted Supabase streams the tables of this publication: whoever waits for them sees each change as it is made. Nobody but the service's
-- role reads them.
do $$
begin
  if exists (select from pg_publication where pubname = 'supabase_realtime') then
    alter publication supabase_realtime add table public.reconciliation_breaks, public.campaigns, public.campaign_terms, public.term_proposals,
      public.dead_letters;
  end if;
end $$;

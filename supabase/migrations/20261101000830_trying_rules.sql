-- What is read to try rules before they decide: calls as they were scored, what people said of them since, and what the set in
-- shadow said. Nothing is written here.

-- What people said of a call: an approved dispute or a rejection by a person says that it was bad, a denied dispute or an approval that
-- it was good. A call that nobody looked at has no label, also when it was rejected and nobody contested that.
create function app.label_of(p_call_id uuid) returns text language sql stable as $$
  select coalesce(
    (select case state when 'approved' then 'bad' else 'good' end from public.call_disputes where call_id = p_call_id and state <> 'open'),
    (select case action when 'call.reject' then 'bad' else 'good' end from public.audit_log
      where subject = 'call:' || p_call_id and action in ('call.qualify', 'call.reject') order by id desc limit 1))
$$;

-- Whether a call was taken out of the books by a person's word, whatever rules said of it.
create function app.was_taken_back(p_call_id uuid) returns boolean language sql stable as $$
  select exists (select 1 from public.earnings e join public.adjustments a on a.earning_id = e.id
    where e.call_id = p_call_id and e.state = 'clawed_back' and a.state = 'posted' and a.cause in ('dispute', 'operator'))
$$;

create function app.outcome_of(p_status text) returns text language sql immutable as $$
  select case p_status when 'qualified' then 'approved' when 'stored' then null else p_status end
$$;

-- Calls of business dates as they are scored, in the order of (date, start, id) from after one on. One that waits for its score has no
-- outcome, one that no rules were asked about no verdict. Snoozed is what was when the call was scored.
create function public.read_scored_calls(p_from date, p_to date, p_after_date date, p_after_ms bigint, p_after_id uuid, p_limit int)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'callId', c.id, 'date', c.business_date, 'startedAtMs', app.ms(c.started_at), 'campaignId', c.campaign_id,
    'supplierId', c.supplier_id, 'supplier', (select name from suppliers where id = c.supplier_id), 'durationS', c.duration_s,
    'outcome', app.outcome_of(c.status), 'verdict', s.verdict, 'ruleSet', s.rule_set,
    'isDecided', c.decided is not null, 'isTakenBack', app.was_taken_back(c.id),
    'isRefused', coalesce(s.decision = 'reject' and coalesce(c.decided, s.verdict) <> 'reject', false),
    'label', app.label_of(c.id), 'reasons', coalesce(s.reasons, '[]'), 'signals', coalesce(s.signals, '[]'),
    'snoozed', (select coalesce(jsonb_agg(distinct z.signal), '[]') from snoozes z
      where z.subject = any (array[c.supplier_id::text, c.caller_number, c.campaign_id::text]) and z.until_at > c.started_at
        and z.from_at <= c.started_at and z.made_at <= s.scored_at),
    'revenue', (select jsonb_build_object('amountMinor', r.amount_minor, 'currency', r.currency) from call_revenues r where r.call_id = c.id),
    'terms', case when t.id is not null then app.terms_json(t) end,
    -- Who called the campaign, in a word that is no number; and whether the terms paid for its caller before.
    'caller', case when c.caller_number is not null and t.id is not null then jsonb_build_object('key', md5(c.campaign_id || c.caller_number),
      'windowS', t.duplicate_window_s, 'isPaid', c.status = 'rejected' and app.paid_before((select o from calls o where o.id = c.id), t.duplicate_window_s)) end,
    'earning', (select jsonb_build_object('currency', e.currency, 'priceMinor', e.price_minor, 'shareMinor', e.share_minor)
      from earnings e where e.call_id = c.id and e.state <> 'clawed_back'))
    order by c.business_date, c.started_at, c.id), '[]')
  from (
    select * from calls c
    where c.business_date <= p_to and (c.business_date, c.started_at, c.id) > (coalesce(p_after_date, p_from),
      coalesce(app.at(p_after_ms), '-infinity'), coalesce(p_after_id, '00000000-0000-0000-0000-000000000000'))
    order by c.business_date, c.started_at, c.id limit p_limit) c
    left join lateral (select * from call_scores s where s.call_id = c.id order by s.facts_version desc limit 1) s on true
    left join lateral app.terms_at(c.campaign_id, c.started_at) t on true
$$;

-- What the set in shadow said of the calls of business dates, beside what was said and has become of them, summed over calls that are
-- alike in that: prices and shares as they are earned, and as they would be.
create function public.read_shadow(p_from date, p_to date)
returns jsonb language plpgsql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_version int := (select version from rule_sets where state = 'shadow');
begin
  if v_version is null then perform app.fail('RULES_UNKNOWN', 'no set of rules is in shadow', '{}', 'PT404'); end if;
  return jsonb_build_object('version', v_version, 'groups', (
    with compared as (
      select app.outcome_of(c.status) as "outcome", s.verdict, h.verdict as "shadowVerdict", c.decided is not null as "isDecided",
        app.was_taken_back(c.id) as "isTakenBack", s.decision = 'reject' and coalesce(c.decided, s.verdict) <> 'reject' as "isRefused",
        coalesce(e.currency, t.currency) as currency, count(*) as calls,
        coalesce(sum(e.price_minor), 0)::bigint as "priceMinor", coalesce(sum(e.share_minor), 0)::bigint as "shareMinor",
        coalesce(sum(h.price_minor), 0)::bigint as "shadowPriceMinor", coalesce(sum(h.share_minor), 0)::bigint as "shadowShareMinor"
      from calls c join shadow_scores h on h.call_id = c.id and h.rule_set = v_version
        cross join lateral (select * from call_scores s where s.call_id = c.id order by s.facts_version desc limit 1) s
        left join earnings e on e.call_id = c.id and e.state <> 'clawed_back'
        left join lateral app.terms_at(c.campaign_id, c.started_at) t on true
      where c.business_date between p_from and p_to and c.status <> 'stored' and s.verdict is not null
      group by 1, 2, 3, 4, 5, 6, 7
    )
    select coalesce(jsonb_agg(to_jsonb(compared)), '[]') from compared));
end $$;

-- Buyers who owe too much: their calls wait until they have paid.

-- What of a buyer's invoices should have been paid by an instant, by currency.
create function app.overdue(p_at timestamptz) returns table (buyer_id uuid, currency text, amount_minor bigint)
language sql stable as $$
  select i.buyer_id, i.currency, sum(app.left_of(i))::bigint
  from public.invoices i where i.state = 'open' and i.due_at <= p_at group by 1, 2
$$;

-- Whether a call is held for what is said by the score of its newest facts.
create function app.is_held_for(p_call public.calls, p_signal text) returns boolean language sql stable as $$
  select exists (select 1 from public.call_scores s where s.call_id = p_call.id and s.facts_version = p_call.facts_version
    and s.reasons @> jsonb_build_array(jsonb_build_object('signal', p_signal)))
$$;

-- Has a buyer's calls that were held for one reason scored again, by the terms of their starts.
create function app.release_held(p_buyer_id uuid, p_signal text, p_at timestamptz) returns void language plpgsql as $$
declare v_call calls;
begin
  for v_call in
    update calls c set status = 'stored', facts_version = facts_version + 1, changed_at = p_at
    where c.buyer_id = p_buyer_id and c.status = 'held' and app.is_held_for(c, p_signal) returning c.*
  loop
    perform app.make_work('fraud.score-call', v_call.id::text, jsonb_build_object('callId', v_call.id), v_call.trace, p_at, null, null, true);
  end loop;
end $$;

-- Pauses buyers of whom more is overdue than their limit allows, and lets the others go on: calls that were held for it are
-- scored again. All of them, or one. Safe to run twice: a status is entered once.
create function app.watch_credit(p_at timestamptz, p_buyer_id uuid default null) returns void language plpgsql as $$
declare v_buyer record;
begin
  for v_buyer in
    update buyers b set status = w.status from (
      select k.id, case when count(o.currency) > 0 then 'paused' else 'active' end as status
      from buyers k left join app.overdue(p_at) o on o.buyer_id = k.id and o.amount_minor > (k.credit_limits ->> o.currency)::bigint
      where p_buyer_id is null or k.id = p_buyer_id group by k.id) w
    where b.id = w.id and b.status <> w.status returning b.id, b.status
  loop
    perform app.log_action(p_at, 'billing', 'buyer.' || v_buyer.status, 'buyer:' || v_buyer.id,
      (select coalesce(jsonb_object_agg(currency, amount_minor), '{}') from app.overdue(p_at) where buyer_id = v_buyer.id));
    if v_buyer.status = 'active' then perform app.release_held(v_buyer.id, 'buyer-paused', p_at); end if;
  end loop;
end $$;

-- Buyers of whom something is overdue, with their limits and whether they are paused for it.
create function public.overdue_buyers(p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('buyerId', b.id, 'buyer', b.name, 'currency', o.currency, 'overdueMinor', o.amount_minor,
    'limitMinor', (b.credit_limits ->> o.currency)::bigint, 'status', b.status,
    'heldCalls', (select count(*) from calls c where c.buyer_id = b.id and c.status = 'held')) order by b.name, o.currency), '[]')
  from app.overdue(app.at(p_now_ms)) o join buyers b on b.id = o.buyer_id
$$;

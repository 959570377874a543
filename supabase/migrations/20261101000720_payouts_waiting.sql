-- Payouts that Stripe did not take: for the platform's lack of money, or for the supplier; and the switch that stops all of them.

-- Stripe refused it because the platform's balance was too small, and it was not sent since.
create function app.waits_for_money(p_payout public.payouts) returns boolean language sql immutable as $$
  select p_payout.state = 'sending' and coalesce(p_payout.problem = 'balance_insufficient', false)
$$;

-- Money has become available at Stripe: payouts that waited for it go, the oldest first, and those behind them. Safe to run
-- twice: a payout that was sent is not sent again.
create function public.wake_payouts(p_trace text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_woken int;
begin
  select count(app.make_work('payouts.pay-supplier', w.id::text, jsonb_build_object('payoutId', w.id), p_trace, app.at(p_now_ms), null, null, true))
  into v_woken from (
    select p.id from payouts p where (p.state = 'planned' or app.waits_for_money(p))
      and exists (select 1 from payouts o where o.currency = p.currency and app.waits_for_money(o)) order by p.business_date, p.id) w;
  return to_jsonb(v_woken);
end $$;

-- Why a supplier is held by what Stripe says of its account; the supplier reads it.
create function app.account_reason(p_state text) returns text language sql immutable as $$
  select case p_state when 'not_ready' then 'the account at Stripe may not receive transfers yet'
    when 'disconnected' then 'the account at Stripe was disconnected from the exchange' end
$$;

-- Stripe says of a connected account that it is `ready` for transfers, `not_ready`, or `disconnected`: its supplier is held,
-- or released when it was held for that. Answers held, released, unchanged, or foreign. Safe to run twice: what stands stays.
create function public.note_account(p_account text, p_state text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_supplier suppliers; v_by text := 'stripe.apply-event';
begin
  perform app.lock_ledger();
  select * into v_supplier from suppliers where stripe_account_id = p_account for update;
  if v_supplier.id is null then return '"foreign"'; end if;
  if p_state <> 'ready' and v_supplier.status = 'active' then
    perform public.hold_supplier(v_supplier.id, true, v_by, app.account_reason(p_state), p_now_ms);
    return '"held"';
  elsif p_state = 'ready' and v_supplier.held_reason = app.account_reason('not_ready') then
    perform public.hold_supplier(v_supplier.id, false, v_by, 'the account at Stripe may receive transfers', p_now_ms);
    return '"released"';
  end if;
  return '"unchanged"';
end $$;

-- Three payouts in a row that Stripe refused for the same reason: the fourth would be too. Somebody mends it, and releases.
-- An account that may not receive transfers is told at once, and goes on by itself (note_account).
create function app.hold_after_refusals(p_payout public.payouts, p_reason text, p_now_ms bigint) returns void language plpgsql as $$
declare v_refusals int;
begin
  if p_reason = 'capability_not_active' then
    -- Who is held already, for whatever a person should see, is not released when the account is ready.
    if (select status from suppliers where id = p_payout.supplier_id) = 'held' then return; end if;
    perform public.hold_supplier(p_payout.supplier_id, true, 'payouts.pay-supplier', app.account_reason('not_ready'), p_now_ms);
    return;
  end if;
  select count(*) into v_refusals from (
    select state, problem from payouts where supplier_id = p_payout.supplier_id and currency = p_payout.currency and state in ('sent', 'refused')
      and ended_at > coalesce((select max(at) from audit_log where subject = 'supplier:' || p_payout.supplier_id and action = 'supplier.release'), '-infinity')
    order by ended_at desc, id limit 3) newest
  where state = 'refused' and problem = left(p_reason, 200);
  if v_refusals = 3 then
    perform public.hold_supplier(p_payout.supplier_id, true, 'payouts.pay-supplier', 'Stripe refused three payouts in a row: ' || p_reason, p_now_ms);
  end if;
end $$;

-- The kill switch: read before every send, so that new sends end within one item.
create function public.stop_payouts(p_stopped boolean, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  update settings set payouts_stopped = p_stopped where true;
  perform app.log_action(app.at(p_now_ms), p_by, case when p_stopped then 'payouts.stop' else 'payouts.start' end, 'payouts',
    jsonb_build_object('reason', p_reason));
  return to_jsonb(p_stopped);
end $$;

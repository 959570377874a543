-- Transfers that somebody took back at Stripe: how they are read and booked.

-- Reversals that moved and are not booked, by their movement; at most 500.
create function public.reversals_to_read()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(id order by id), '[]') from (
    select m.id from stripe_movements m where m.reporting_category = 'transfer_reversal'
      and not exists (select 1 from transfer_reversals r where r.balance_transaction_id = m.id)
    order by exists (select 1 from break_resolutions b where b.balance_transaction_id = m.id and b.state = 'booked'), m.id limit 500) found
$$;

-- Books a reversal, `p_fact`: {id, movementId, transferId} as Stripe says: its money is on the platform again and payable
-- again. Its supplier is held, because whoever took money back does not want it to go out again by itself. Answers `booked`,
-- or why not: `foreign` (of no payout of ours), `unmoved` (its movement is not what it must be). Safe to run twice: a
-- reversal has one row, and its journal the key of its id.
create function public.record_reversal(p_fact jsonb, p_date date, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare
  v_fact jsonb := app.json_arg(p_fact); v_now timestamptz := app.at(p_now_ms); v_movement stripe_movements; v_payout payouts;
  v_date date := app.unclosed_date(p_date); v_before bigint;
begin
  perform app.lock_ledger();
  if exists (select 1 from transfer_reversals where id = v_fact ->> 'id') then return '"booked"'; end if;
  select * into v_payout from payouts where transfer_id = v_fact ->> 'transferId';
  if v_payout.id is null then return '"foreign"'; end if;
  select * into v_movement from stripe_movements where id = v_fact ->> 'movementId' and source_id = v_fact ->> 'id';
  select coalesce(sum(amount_minor), 0) into v_before from transfer_reversals where of_payout_id = v_payout.id;
  if v_movement.id is null or v_movement.currency <> v_payout.currency or v_movement.amount_minor <= 0 or v_movement.fee_minor <> 0
    or v_before + v_movement.amount_minor > v_payout.amount_minor
  then
    return '"unmoved"';
  end if;
  insert into transfer_reversals (id, of_payout_id, supplier_id, currency, amount_minor, balance_transaction_id, business_date, first_seen_at)
  values (v_fact ->> 'id', v_payout.id, v_payout.supplier_id, v_payout.currency, v_movement.amount_minor, v_movement.id, v_date, v_now);
  perform app.post_journal('transfer_reversal', 'transfer_reversal:' || (v_fact ->> 'id'), v_date, v_payout.currency,
    jsonb_build_object('amount', v_movement.amount_minor), app.payout_owners(v_payout),
    jsonb_build_object('payoutId', v_payout.id, 'reversalId', v_fact -> 'id', 'balanceTransactionId', v_movement.id), v_now);
  -- Also one that is held until its account is ready: it would be released by itself.
  if (select status = 'active' or held_reason = app.account_reason('not_ready') from suppliers where id = v_payout.supplier_id) then
    perform public.hold_supplier(v_payout.supplier_id, true, 'reconciliation.reconcile-money',
      'a transfer to it was reversed at Stripe', p_now_ms);
  end if;
  return '"booked"';
end $$;

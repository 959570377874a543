-- The last day of a schedule of which the payout is due at or before the date: every day, the given weekday, the 1st and
-- the 16th, or the 1st; the payout follows it by net days and pays what was earned before it.
create function app.payout_day(p_schedule text, p_weekday int, p_net_days int, p_date date) returns date
language sql immutable as $$
  select case p_schedule
    when 'daily' then d
    when 'weekly' then d - (extract(isodow from d)::int - p_weekday + 7) % 7
    when 'twice_monthly' then date_trunc('month', d)::date + case when extract(day from d) >= 16 then 15 else 0 end
    when 'monthly' then date_trunc('month', d)::date end
  from (select p_date - p_net_days as d) day
$$;

-- Who is paid by the close of a business date, which runs on the day after it, and what the others wait for, by supplier and currency; one place for plan and preview.
-- A supplier has one payout per day of its schedule: on the date it falls due or, when something stood in the way (a hold,
-- a missed night, the minimum), on the first date after it. `waits_for` is null when it is paid.
-- What it owes is kept of what is due, of new earnings first; of the rest of these its reserve, rounded down to what Stripe
-- can transfer.
create function app.payouts_due(p_date date)
returns table (supplier_id uuid, currency text, amount bigint, recovered bigint, reserve bigint, stripe_account_id text, earned_before date, waits_for text)
language sql stable as $$
  select t.id, t.currency, case when t.due > 0 then t.due - least(t.due, o.debt) - r.reserve else t.cleared end, least(t.due, o.debt), r.reserve,
    s.stripe_account_id, t.day,
    case when (select payouts_stopped from public.settings) then 'payouts_stopped'
      when s.status <> 'active' then 'supplier_held'
      when s.stripe_account_id is null then 'supplier_has_no_account'
      when exists (select 1 from public.payouts p where p.supplier_id = t.id and p.currency = t.currency
        and (p.business_date = p_date or p.business_date + 1 >= t.day + s.payout_net_days and p.state not in ('refused', 'withheld')))
        then 'paid_for_this_day'
      when t.cleared <= 0 then 'nothing_owed'
      when t.due <= 0 then 'not_due'
      when t.due <= o.debt then 'owes_more'
      when t.due - o.debt - r.reserve < coalesce((s.payout_minimums ->> t.currency)::bigint, 0) then 'below_minimum'
      when (t.due - o.debt) % c.multiple_of_minor <> 0 then 'amount_not_sendable' end
  from (
    select o.supplier_id as id, o.currency, d.day, sum(o.amount)::bigint as cleared,
      coalesce(sum(o.amount) filter (where o.business_date < d.day), 0)::bigint as due,
      coalesce(sum(o.amount) filter (where o.business_date < d.day and o.is_new), 0)::bigint as earned
    from app.owed(p_date) o join public.suppliers s on s.id = o.supplier_id
      cross join lateral app.payout_day(s.payout_schedule, s.payout_weekday, s.payout_net_days, p_date + 1) as d (day)
    group by 1, 2, 3) t
    join public.suppliers s on s.id = t.id join public.currencies c on c.code = t.currency
    -- What it owes and no other payout keeps for it.
    cross join lateral (select greatest(coalesce((select balance_minor from public.ledger_accounts a
        where a.kind = 'supplier_debt' and a.owner_id = t.id and a.currency = t.currency), 0)
      - coalesce((select sum(p.recovered_minor) from public.payouts p
        where p.supplier_id = t.id and p.currency = t.currency and p.state in ('planned', 'waiting_approval')), 0), 0)::bigint as debt) o
    cross join lateral (select c.multiple_of_minor * floor(greatest(t.earned - o.debt, 0)::numeric * s.reserve_bps / 10000
      / c.multiple_of_minor)::bigint as reserve) r
$$;

-- Who would be paid on a date and who would not, with what each waits for; writes nothing. What the comparison of the
-- date's cash says stands beside each (`gate`), because before the close of the date it has not happened yet. Earnings whose
-- money settled in another currency are no part of what may be paid: they stand in a row of their own.
create function public.preview_payouts(p_date date, p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('supplierId', d.supplier_id, 'name', s.name, 'currency', d.currency,
      'amountMinor', d.amount, 'recoveredMinor', d.recovered, 'reserveMinor', d.reserve,
      'pays', d.waits_for is null, 'waitsFor', d.waits_for, 'heldReason', s.held_reason,
      'bankProblem', app.bank_problem(d.supplier_id, d.currency),
      'needsApproval', d.amount > (select approval_limit_minor from settings),
      'gate', app.payout_gate(p_date, d.currency, app.at(p_now_ms))) order by d.currency, s.name, s.id), '[]')
  from (
    select supplier_id, currency, amount, recovered, reserve, waits_for from app.payouts_due(p_date)
    union all select supplier_id, currency, sum(share)::bigint, 0, 0, waits_for from app.settled_elsewhere() group by 1, 2, 6) d
    join suppliers s on s.id = d.supplier_id
$$;

-- One payout as it stands, with its attempts and what Stripe paid on to the supplier's bank since, oldest first; null when there is none.
create function public.show_payout(p_payout_id uuid)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object('id', p.id, 'supplierId', p.supplier_id, 'currency', p.currency, 'amountMinor', p.amount_minor,
    'reserveMinor', p.reserve_minor, 'reserveReleasedOn', (select r.release_on from supplier_reserves r where r.of_payout_id = p.id),
    'date', p.business_date, 'destination', p.destination, 'state', p.state, 'problem', p.problem, 'transferId', p.transfer_id,
    'attempts', (select coalesce(jsonb_agg(jsonb_build_object('startedAt', a.started_at, 'sentAt', a.sent_at, 'outcome', a.outcome,
      'detail', a.detail) order by a.started_at), '[]') from attempts a where a.subject_kind = 'payout' and a.subject_id = p.id),
    'bankPayouts', case when p.state = 'sent' then app.bank_payouts_of(p.supplier_id, p.currency, p.ended_at) else '[]' end)
  from payouts p where p.id = p_payout_id
$$;

-- Holds a supplier: no payout of it is planned or sent until it is released. A payout that may be at Stripe is only looked
-- up. Safe to run twice: what stands already is changed, and logged, only when the reason is another.
create function public.hold_supplier(p_supplier_id uuid, p_held boolean, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_supplier suppliers; v_status text := case when p_held then 'held' else 'active' end;
begin
  perform app.lock_ledger();
  select * into v_supplier from suppliers where id = p_supplier_id for update;
  if v_supplier.id is null then perform app.fail('SUPPLIER_UNKNOWN', 'no such supplier', '{}', 'PT404'); end if;
  if v_supplier.status = v_status and (not p_held or v_supplier.held_reason = p_reason) then
    return jsonb_build_object('changed', false, 'status', v_status);
  end if;
  update suppliers set status = v_status, held_reason = case when p_held then left(p_reason, 200) end where id = p_supplier_id;
  perform app.log_action(app.at(p_now_ms), p_by, case when p_held then 'supplier.hold' else 'supplier.release' end,
    'supplier:' || p_supplier_id, jsonb_build_object('reason', p_reason));
  return jsonb_build_object('changed', true, 'status', v_status);
end $$;

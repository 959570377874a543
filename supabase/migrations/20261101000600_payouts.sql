-- A run is what one close wants to pay in one currency; its hash is of its content.
create table public.payout_runs (
  id uuid primary key default gen_random_uuid(),
  business_date date not null,
  currency text not null references public.currencies,
  content_hash text not null,
  amount_minor app.amount_minor not null,
  -- The close plans by the schedule, whoever started it; the planner approves nothing of its own.
  planned_by text not null default 'schedule',
  planned_at timestamptz not null,
  unique (business_date, currency)
);

-- One payout: one supplier, one currency, one business date; amount, destination and body hash frozen when planned.
create table public.payouts (
  id uuid primary key default gen_random_uuid(),
  run_id uuid not null references public.payout_runs,
  supplier_id uuid not null references public.suppliers,
  currency text not null references public.currencies,
  business_date date not null,
  amount_minor app.amount_minor not null check (amount_minor > 0),
  -- What it holds more than the amount: kept for what the supplier owes, and held back by its terms (supplier_reserves).
  recovered_minor app.amount_minor not null default 0 check (recovered_minor >= 0),
  reserve_minor app.amount_minor not null default 0 check (reserve_minor >= 0),
  destination text not null,
  body_hash text not null,
  -- planned → sending → sent; unknown: an outcome that only a look-up ends; refused and withheld gave the earnings back.
  state text not null default 'planned' check (state in
    ('waiting_approval', 'planned', 'sending', 'unknown', 'sent', 'refused', 'withheld')),
  generation int not null default 1,
  -- When the key of this generation was made; Stripe forgets a key after 24 hours.
  key_made_at timestamptz not null,
  attempt_token uuid,
  -- Requests under this key that may have been executed.
  sends int not null default 0,
  -- A request of this generation may have reached Stripe and its outcome is not recorded.
  in_doubt boolean not null default false,
  last_sent_at timestamptz,
  transfer_id text unique,
  balance_transaction_id text unique,
  problem text,
  planned_at timestamptz not null,
  ended_at timestamptz,
  unique (supplier_id, currency, business_date)
);
create index payouts_live on public.payouts (state) where state in ('waiting_approval', 'planned', 'sending', 'unknown');
alter table public.earnings add foreign key (payout_id) references public.payouts;

create table public.approvals (
  id bigint generated always as identity primary key,
  subject_kind text not null check (subject_kind in ('payout', 'invoice', 'adjustment', 'break')),
  subject_id uuid not null,
  content_hash text not null,
  approved_by text not null,
  reason text not null,
  approved_at timestamptz not null,
  unique (subject_kind, subject_id, content_hash)
);

create function app.payout_hash(p_supplier uuid, p_currency text, p_amount bigint, p_destination text) returns text
language sql immutable as $$
  select encode(sha256(convert_to(format('%s|%s|%s|%s', p_supplier, p_currency, p_amount, p_destination), 'UTF8')), 'hex')
$$;

-- Freezes one payout per supplier and currency that is due (app.payouts_due) from cleared earnings, behind the gate of the day's cash comparison, and
-- makes the work of paying each, also of those that an earlier date planned and nobody sent. Answers what was planned
-- and what was not, with reasons. Releases the reserves whose date has come before. Safe to run twice: an earning is in one
-- live payout, a supplier has one payout per currency and date, and a reserve is released once.
create function public.plan_payouts(p_date date, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare
  v_settings settings; v_due record; v_gate text; v_run_id uuid; v_payout_id uuid; v_planned int := 0; v_amount bigint := 0;
  v_skipped jsonb := '[]';
begin
  perform app.lock_ledger();
  perform app.release_reserves(p_date, app.at(p_now_ms));
  select * into v_settings from settings;
  for v_due in
    select * from app.payouts_due(p_date) order by currency, supplier_id
  loop
    v_gate := coalesce(v_due.waits_for, app.payout_gate(p_date, v_due.currency, app.at(p_now_ms)));
    if v_gate <> 'open' then
      v_skipped := v_skipped || jsonb_build_object('supplierId', v_due.supplier_id, 'currency', v_due.currency,
        'amountMinor', v_due.amount, 'reason', v_gate);
      continue;
    end if;
    insert into payout_runs as r (business_date, currency, content_hash, amount_minor, planned_at)
    values (p_date, v_due.currency, '', 0, app.at(p_now_ms))
    on conflict (business_date, currency) do update set amount_minor = r.amount_minor returning id into v_run_id;
    insert into payouts (id, run_id, supplier_id, currency, business_date, amount_minor, recovered_minor, reserve_minor, destination, body_hash, state, key_made_at, planned_at)
    values (app.uuid_of(format('payout|%s|%s|%s', v_due.supplier_id, v_due.currency, p_date)), v_run_id, v_due.supplier_id, v_due.currency, p_date, v_due.amount, v_due.recovered, v_due.reserve, v_due.stripe_account_id,
      app.payout_hash(v_due.supplier_id, v_due.currency, v_due.amount, v_due.stripe_account_id),
      case when v_due.amount > v_settings.approval_limit_minor then 'waiting_approval' else 'planned' end,
      app.at(p_now_ms), app.at(p_now_ms))
    on conflict (supplier_id, currency, business_date) do nothing returning id into v_payout_id;
    continue when v_payout_id is null;
    perform app.hold_for_payout(v_payout_id, v_due.earned_before);
    v_planned := v_planned + 1;
    v_amount := v_amount + v_due.amount;
  end loop;
  update payout_runs r set amount_minor = t.amount, content_hash = t.hash
  from (select run_id, sum(amount_minor)::bigint as amount,
      encode(sha256(convert_to(string_agg(body_hash, ',' order by body_hash), 'UTF8')), 'hex') as hash
    from payouts where business_date = p_date group by run_id) t where r.id = t.run_id;
  perform app.make_work('payouts.pay-supplier', p.id::text, jsonb_build_object('payoutId', p.id), 'close-' || p_date,
    app.at(p_now_ms), p_date, 'payouts', true)
  from payouts p where (p.state = 'planned' or app.waits_for_money(p)) and app.payout_gate(p_date, p.currency, app.at(p_now_ms)) = 'open'
  order by p.business_date, p.id;
  return jsonb_build_object('planned', v_planned, 'amountMinor', v_amount, 'skipped', v_skipped);
end $$;

create function app.payout_of_token(p_payout_id uuid, p_token uuid) returns public.payouts language plpgsql as $$
declare v_payout payouts;
begin
  select * into v_payout from payouts where id = p_payout_id for update;
  if v_payout.id is null then perform app.fail('PAYOUT_UNKNOWN', 'no such payout', '{}', 'PT404'); end if;
  if v_payout.attempt_token is distinct from p_token then
    perform app.fail('TOKEN_STALE', 'another run has taken this payout over', jsonb_build_object('payoutId', p_payout_id));
  end if;
  return v_payout;
end $$;

create function app.payout_owners(p_payout public.payouts) returns jsonb language sql immutable as $$
  select jsonb_build_object('supplier', p_payout.supplier_id)
$$;

create function app.reserved_amounts(p_payout public.payouts) returns jsonb language sql immutable as $$
  select jsonb_build_object('earned', p_payout.amount_minor + p_payout.recovered_minor + p_payout.reserve_minor,
    'amount', p_payout.amount_minor, 'recovered', p_payout.recovered_minor, 'reserve', p_payout.reserve_minor)
$$;

-- Gives back what a payout holds: reserved money returns to payable, and the next plan pays it anew; but for calls whose buyer's
-- money was taken back while the payout was under way.
create function app.return_payout(p_payout public.payouts, p_state text, p_problem text, p_at timestamptz) returns void
language plpgsql as $$
declare v_reserved uuid[] := array(select id from earnings where payout_id = p_payout.id and state = 'reserved');
begin
  if p_payout.state in ('sending', 'unknown') then
    perform app.post_journal('payout_release', 'payout_release:' || p_payout.id, app.unclosed_date(p_payout.business_date),
      p_payout.currency, app.reserved_amounts(p_payout), app.payout_owners(p_payout),
      jsonb_build_object('payoutId', p_payout.id), p_at);
  end if;
  perform app.free_from_payout(p_payout.id);
  update payouts set state = p_state, problem = left(p_problem, 200), in_doubt = false, attempt_token = null, ended_at = p_at
  where id = p_payout.id;
  perform app.unclear_returned(v_reserved, p_payout, p_at);
end $$;

create function app.claimed_payout(p_payout public.payouts) returns jsonb language sql stable as $$
  select jsonb_build_object('kind', 'claimed', 'token', p_payout.attempt_token, 'inDoubt', p_payout.in_doubt,
    'sends', p_payout.sends, 'lastSentAtMs', app.ms(p_payout.last_sent_at), 'keyMadeAtMs', app.ms(p_payout.key_made_at),
    'transfer', jsonb_build_object('payoutId', p_payout.id, 'generation', p_payout.generation, 'amountMinor', p_payout.amount_minor,
      'currency', p_payout.currency, 'destination', p_payout.destination,
      'description', 'Payout ' || p_payout.business_date))
$$;

-- Takes a payout over and, the first time, reserves its money: payable → in transit, earnings → reserved. From here on
-- only the holder of the returned token may record anything about it. Safe to run twice: money is reserved once, and an
-- earlier holder's token is worthless afterwards.
create function public.claim_payout(p_payout_id uuid, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_payout payouts; v_supplier suppliers;
begin
  perform app.lock_ledger();
  select * into v_payout from payouts where id = p_payout_id for update;
  if v_payout.id is null then perform app.fail('PAYOUT_UNKNOWN', 'no such payout', '{}', 'PT404'); end if;
  if v_payout.state in ('sent', 'refused', 'withheld', 'waiting_approval') then
    return jsonb_build_object('kind', 'settled', 'reason', v_payout.state);
  end if;
  if v_payout.state = 'planned' then
    if (select payouts_stopped from settings) then return jsonb_build_object('kind', 'settled', 'reason', 'payouts_stopped'); end if;
    -- What is there goes to the oldest first, so that a large one is not passed by small ones for ever.
    if exists (select 1 from payouts o where o.currency = v_payout.currency and app.waits_for_money(o)
      and (o.business_date, o.id) < (v_payout.business_date, v_payout.id))
    then
      return jsonb_build_object('kind', 'settled', 'reason', 'older_waits_for_money');
    end if;
    select * into v_supplier from suppliers where id = v_payout.supplier_id;
    if v_supplier.status <> 'active' or v_supplier.stripe_account_id is distinct from v_payout.destination
      or app.held_by_payout(p_payout_id) <> v_payout.amount_minor + v_payout.recovered_minor + v_payout.reserve_minor
    then
      perform app.return_payout(v_payout, 'withheld', 'supplier, destination or earnings changed since the plan', app.at(p_now_ms));
      return jsonb_build_object('kind', 'settled', 'reason', 'withheld');
    end if;
    perform app.post_journal('payout_reserve', 'payout_reserve:' || p_payout_id, app.unclosed_date(v_payout.business_date),
      v_payout.currency, app.reserved_amounts(v_payout), app.payout_owners(v_payout),
      jsonb_build_object('payoutId', p_payout_id), app.at(p_now_ms));
    update earnings set state = 'reserved' where payout_id = p_payout_id and state = 'cleared';
    perform app.hold_reserve(v_payout, v_supplier.reserve_days);
  end if;
  update payouts set attempt_token = gen_random_uuid(), state = case when state = 'planned' then 'sending' else state end
  where id = p_payout_id returning * into v_payout;
  insert into attempts (subject_kind, subject_id, generation, token, started_at)
  values ('payout', p_payout_id, v_payout.generation, v_payout.attempt_token, app.at(p_now_ms));
  return app.claimed_payout(v_payout);
end $$;

-- Written before each request to Stripe, so that no request is without its row. The stop switch and the supplier's hold
-- are read here once more; what was never sent is then withheld, what may have been sent is only looked up (`stopped`).
create function public.note_payout_send(p_payout_id uuid, p_token uuid, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_payout payouts; v_reason text;
begin
  perform app.lock_ledger();
  v_payout := app.payout_of_token(p_payout_id, p_token);
  if v_payout.state not in ('sending', 'unknown') then return jsonb_build_object('kind', 'settled', 'reason', v_payout.state); end if;
  v_reason := case when (select payouts_stopped from settings) then 'payouts_stopped'
    when (select status from suppliers where id = v_payout.supplier_id) <> 'active' then 'supplier_held' end;
  if v_reason is not null and v_payout.in_doubt then return jsonb_build_object('kind', 'stopped', 'reason', v_reason); end if;
  if v_reason is not null then
    perform app.return_payout(v_payout, 'withheld', v_reason, app.at(p_now_ms));
    return jsonb_build_object('kind', 'settled', 'reason', v_reason);
  end if;
  update payouts set in_doubt = true, sends = sends + 1, last_sent_at = app.at(p_now_ms), state = 'sending' where id = p_payout_id;
  update attempts set sent_at = app.at(p_now_ms) where token = p_token;
  return jsonb_build_object('kind', 'noted');
end $$;

-- Records how a send or a look-up ended. `p_result.kind`:
--   sent          the transfer exists: in transit → gone from Stripe's available, earnings paid
--   refused       Stripe refused this very body: money back to payable, the next plan tries anew; the third time in a row
--                 for the same reason the supplier is held
--   no_funds      refused, because the platform's balance is too small: it stays reserved, and goes under a new key
--   not_executed  the request did not run (429, key in use): in doubt only if it was before
--   unknown       it may have happened
--   absent        a full listing, made ten minutes or more after the last send, lacks it: a new generation, a new key
-- Safe to run twice: only the present token may write, the journal's key is the payout.
create function public.settle_payout(p_payout_id uuid, p_token uuid, p_result jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_payout payouts; v_result jsonb := app.json_arg(p_result); v_kind text; v_now timestamptz := app.at(p_now_ms);
begin
  perform app.lock_ledger();
  v_payout := app.payout_of_token(p_payout_id, p_token);
  v_kind := v_result ->> 'kind';
  update attempts set ended_at = v_now, outcome = v_kind, detail = left(coalesce(v_result ->> 'transferId', v_result ->> 'reason'), 200)
  where token = p_token;
  if v_payout.state not in ('sending', 'unknown') then return app.claimed_payout(v_payout); end if;
  if v_kind = 'sent' then
    if (v_result ->> 'amountMinor')::bigint <> v_payout.amount_minor or v_result ->> 'currency' <> v_payout.currency
      or v_result ->> 'destination' <> v_payout.destination
    then
      perform app.fail('STRIPE_KEY_MISMATCH', 'the transfer is not the one that was frozen', jsonb_build_object('payoutId', p_payout_id), 'PT422');
    end if;
    perform app.post_journal('payout_send', 'payout_send:' || p_payout_id, app.unclosed_date(v_payout.business_date), v_payout.currency,
      jsonb_build_object('amount', v_payout.amount_minor), app.payout_owners(v_payout),
      jsonb_build_object('payoutId', p_payout_id, 'transferId', v_result -> 'transferId',
        'balanceTransactionId', v_result -> 'balanceTransactionId'), v_now);
    update earnings set state = 'paid' where payout_id = p_payout_id and state = 'reserved';
    update payouts set state = 'sent', transfer_id = v_result ->> 'transferId', problem = null, in_doubt = false,
      balance_transaction_id = v_result ->> 'balanceTransactionId', ended_at = v_now
    where id = p_payout_id returning * into v_payout;
    perform app.log_action(v_now, 'payouts.pay-supplier', 'payout.sent', 'payout:' || p_payout_id,
      jsonb_build_object('transferId', v_result -> 'transferId', 'bodyHash', v_payout.body_hash, 'token', p_token));
  elsif v_kind = 'refused' then
    perform app.return_payout(v_payout, 'refused', v_result ->> 'reason', v_now);
    perform app.log_action(v_now, 'payouts.pay-supplier', 'payout.refused', 'payout:' || p_payout_id,
      jsonb_build_object('reason', v_result -> 'reason', 'bodyHash', v_payout.body_hash, 'token', p_token));
    perform app.hold_after_refusals(v_payout, v_result ->> 'reason', p_now_ms);
  elsif v_kind = 'no_funds' then
    if v_payout.state = 'unknown' then
      perform app.fail('STRIPE_OUTCOME_UNKNOWN', 'an earlier send may have happened: it is looked up first', '{}', 'PT422');
    end if;
    update payouts set generation = generation + 1, key_made_at = v_now, in_doubt = false, sends = 0, problem = 'balance_insufficient'
    where id = p_payout_id;
  elsif v_kind = 'not_executed' then
    update payouts set in_doubt = (v_result ->> 'wasInDoubt')::boolean, sends = greatest(sends - 1, 0),
      problem = left(v_result ->> 'reason', 200) where id = p_payout_id;
  elsif v_kind = 'unknown' then
    update payouts set state = 'unknown', problem = left(v_result ->> 'reason', 200) where id = p_payout_id;
  elsif v_kind = 'absent' then
    if v_payout.last_sent_at is not null and v_now < v_payout.last_sent_at + interval '10 minutes' then
      perform app.fail('STRIPE_OUTCOME_UNKNOWN', 'absence does not count within ten minutes of a send', '{}', 'PT422');
    end if;
    update payouts set state = 'sending', generation = generation + 1, key_made_at = v_now, in_doubt = false, sends = 0
    where id = p_payout_id;
  else
    perform app.fail('DATABASE_REFUSED', format('no such result %s', v_kind), '{}', 'PT422');
  end if;
  select * into v_payout from payouts where id = p_payout_id;
  return app.claimed_payout(v_payout);
end $$;

-- A second person lets a payout above the limit go. The approval binds to the content: any change voids it.
create function public.approve_payout(p_payout_id uuid, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_payout payouts;
begin
  select * into v_payout from payouts where id = p_payout_id for update;
  if v_payout.id is null then perform app.fail('PAYOUT_UNKNOWN', 'no such payout', '{}', 'PT404'); end if;
  if v_payout.state <> 'waiting_approval' then return jsonb_build_object('approved', false, 'state', v_payout.state); end if;
  if p_by = (select planned_by from payout_runs where id = v_payout.run_id) then
    perform app.fail('APPROVAL_REFUSED', 'another person than the one who planned this must approve it', '{}', 'PT403');
  end if;
  insert into approvals (subject_kind, subject_id, content_hash, approved_by, reason, approved_at)
  values ('payout', p_payout_id, v_payout.body_hash, p_by, p_reason, app.at(p_now_ms));
  -- Its key stays as old as its plan: after a restore the payout may have been sent, and is then looked up first.
  update payouts set state = 'planned' where id = p_payout_id;
  perform app.log_action(app.at(p_now_ms), p_by, 'payout.approve', 'payout:' || p_payout_id,
    jsonb_build_object('reason', p_reason, 'bodyHash', v_payout.body_hash));
  perform app.make_work('payouts.pay-supplier', p_payout_id::text, jsonb_build_object('payoutId', p_payout_id), 'approval', app.at(p_now_ms));
  return jsonb_build_object('approved', true, 'state', 'planned');
end $$;

-- What Stripe pays on from a supplier's connected account to the supplier's bank: one row per payout, and each try is a
-- payout of its own. The money is the supplier's since the transfer, so that nothing here is posted, whatever a bank does.
create table public.bank_payouts (
  id text primary key,
  supplier_id uuid not null references public.suppliers,
  account text not null,
  -- Of the supplier's account, which may settle in one that the exchange does not.
  currency text not null,
  amount_minor app.amount_minor not null,
  -- Stripe's word: pending, in_transit, paid, failed, canceled, or one that is new.
  status text not null,
  failure_code text,
  failure_message text,
  arrives_at timestamptz not null,
  created_at timestamptz not null,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  -- When it was first seen in this state.
  changed_at timestamptz not null
);
create index bank_payouts_supplier on public.bank_payouts (supplier_id, currency, created_at);

-- How late in the life of a payout a state is: what was paid may fail, and what failed stays so.
create function app.bank_payout_age(p_status text) returns int language sql immutable as $$
  select case p_status when 'pending' then 1 when 'in_transit' then 2 when 'paid' then 3 when 'failed' then 4 when 'canceled' then 4 else 0 end
$$;

-- Three payouts in a row that the supplier's bank gave back for the same reason: more transfers would only pile up at
-- Stripe. As with refusals, somebody mends it and releases; one who is held already stays held for the other reason.
create function app.hold_after_bank_failures(p_payout public.bank_payouts, p_now_ms bigint) returns void language plpgsql as $$
declare v_failures int;
begin
  select count(*) into v_failures from (
    select status, failure_code from bank_payouts
    where supplier_id = p_payout.supplier_id and currency = p_payout.currency and status in ('paid', 'failed')
      and changed_at > coalesce((select max(at) from audit_log where subject = 'supplier:' || p_payout.supplier_id and action = 'supplier.release'), '-infinity')
    order by created_at desc, id limit 3) newest
  where status = 'failed' and failure_code is not distinct from p_payout.failure_code;
  if v_failures = 3 and (select status from suppliers where id = p_payout.supplier_id) = 'active' then
    perform public.hold_supplier(p_payout.supplier_id, true, 'stripe',
      'its bank gave three payouts in a row back: ' || coalesce(p_payout.failure_code, 'no reason'), p_now_ms);
  end if;
end $$;

-- Records payouts of a connected account as Stripe says they stand; an earlier state of one never replaces a later one.
-- Answers whose account it is (null for nobody's of ours, of which nothing is recorded) and which of them it sees failed
-- for the first time. Safe to run twice: a payout has one row, and fails once.
create function public.record_bank_payouts(p_account text, p_payouts jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_supplier uuid; v_fact jsonb; v_old text; v_row bank_payouts; v_now timestamptz := app.at(p_now_ms); v_failed jsonb := '[]';
begin
  perform app.lock_ledger();
  select id into v_supplier from suppliers where stripe_account_id = p_account;
  if v_supplier is null then return jsonb_build_object('supplierId', null, 'failed', v_failed); end if;
  for v_fact in select x from jsonb_array_elements(app.json_arg(p_payouts)) x order by (x ->> 'createdMs')::bigint, x ->> 'id' loop
    select status into v_old from bank_payouts where id = v_fact ->> 'id';
    insert into bank_payouts as b (id, supplier_id, account, currency, amount_minor, status, failure_code, failure_message,
      arrives_at, created_at, first_seen_at, last_seen_at, changed_at)
    values (v_fact ->> 'id', v_supplier, p_account, v_fact ->> 'currency', (v_fact ->> 'amountMinor')::bigint, v_fact ->> 'status',
      v_fact ->> 'failureCode', left(v_fact ->> 'failureMessage', 500), app.at((v_fact ->> 'arrivesAtMs')::bigint),
      app.at((v_fact ->> 'createdMs')::bigint), v_now, v_now, v_now)
    on conflict (id) do update set status = excluded.status, failure_code = excluded.failure_code, failure_message = excluded.failure_message,
      arrives_at = excluded.arrives_at, last_seen_at = v_now, changed_at = case when b.status = excluded.status then b.changed_at else v_now end
      where app.bank_payout_age(excluded.status) >= app.bank_payout_age(b.status)
    returning * into v_row;
    continue when v_row.id is null or v_row.status <> 'failed' or v_old is not distinct from 'failed';
    v_failed := v_failed || jsonb_build_object('id', v_row.id, 'failureCode', v_row.failure_code);
    perform app.log_action(v_now, 'stripe', 'supplier.bank_failed', 'supplier:' || v_supplier,
      jsonb_build_object('bankPayoutId', v_row.id, 'reason', v_row.failure_code, 'amountMinor', v_row.amount_minor, 'currency', v_row.currency));
    perform app.hold_after_bank_failures(v_row, p_now_ms);
  end loop;
  return jsonb_build_object('supplierId', v_supplier, 'failed', v_failed);
end $$;

-- What Stripe did with a supplier's money in a currency since an instant, oldest first.
create function app.bank_payouts_of(p_supplier_id uuid, p_currency text, p_since timestamptz) returns jsonb language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'amountMinor', amount_minor, 'status', status, 'failureCode', failure_code,
    'failureMessage', failure_message, 'arrivesAt', arrives_at) order by created_at, id), '[]')
  from public.bank_payouts where supplier_id = p_supplier_id and currency = p_currency and created_at >= p_since
$$;

-- Why the supplier's bank gave its newest payout in a currency back; null when it did not.
create function app.bank_problem(p_supplier_id uuid, p_currency text) returns text language sql stable as $$
  select case when status = 'failed' then coalesce(failure_code, 'failed') end from public.bank_payouts
  where supplier_id = p_supplier_id and currency = p_currency and status in ('paid', 'failed') order by created_at desc, id limit 1
$$;

-- Accounts whose bank may have something to tell since an instant: a transfer went to them, or a payout that is not
-- failed was made. A hundred at most, after a given one, by name.
create function public.bank_accounts_to_read(p_after text, p_since_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(account order by account), '[]') from (
    select s.stripe_account_id as account from suppliers s
    where s.stripe_account_id > p_after
      and (exists (select 1 from payouts p where p.supplier_id = s.id and p.state = 'sent' and p.ended_at >= app.at(p_since_ms))
        or exists (select 1 from bank_payouts b where b.supplier_id = s.id and b.status not in ('failed', 'canceled') and b.created_at >= app.at(p_since_ms)))
    order by 1 limit 100) found
$$;

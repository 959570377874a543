-- How Stripe's payouts and the bank's statements come to the books, and how they are shown.

-- When the newest payout was made that is known; listing goes on from some days before it. Null before the first.
create function public.platform_payouts_watermark()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select to_jsonb(app.ms(max(created_at))) from platform_payouts
$$;

-- Stores payouts as Stripe says they stand, oldest first so that the watermark passes none; an earlier state of one never replaces a
-- later one. Answers which are seen failed for the first time. Safe to run twice: a payout has one row, and fails once.
create function public.record_platform_payouts(p_payouts jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_failed jsonb; v_now timestamptz := app.at(p_now_ms);
begin
  perform app.lock_ledger();
  with fact as (
    select x ->> 'id' as id, x ->> 'status' as status, x from jsonb_array_elements(app.json_arg(p_payouts)) x
  ), before as (select id, status from platform_payouts where id in (select id from fact)
  ), stored as (
    insert into platform_payouts as p (id, currency, amount_minor, automatic, status, destination, reconciliation_status, trace_id, failure_code,
      arrives_at, created_at, first_seen_at, last_seen_at)
    select id, x ->> 'currency', (x ->> 'amountMinor')::bigint, (x ->> 'automatic')::boolean, status, x ->> 'destination',
      x ->> 'reconciliationStatus', x ->> 'traceId', x ->> 'failureCode', app.at((x ->> 'arrivesAtMs')::bigint), app.at((x ->> 'createdMs')::bigint), v_now, v_now
    from fact order by (x ->> 'createdMs')::bigint, id
    on conflict (id) do update set status = excluded.status, amount_minor = excluded.amount_minor, currency = excluded.currency,
      destination = excluded.destination, reconciliation_status = excluded.reconciliation_status, trace_id = coalesce(excluded.trace_id, p.trace_id), failure_code = excluded.failure_code,
      arrives_at = excluded.arrives_at, last_seen_at = v_now
      where app.bank_payout_age(excluded.status) >= app.bank_payout_age(p.status)
    returning id, status
  )
  select coalesce(jsonb_agg(s.id order by s.id), '[]') into v_failed from stored s left join before b on b.id = s.id
  where s.status = 'failed' and b.status is distinct from 'failed';
  return v_failed;
end $$;

-- Automatic payouts whose items Stripe has ready and that are not read to their end; at most 100.
create function public.platform_payouts_to_itemise()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(id), '[]') from (select id from platform_payouts
    where automatic and reconciliation_status = 'completed' and itemised_at is null order by created_at, id limit 100) p
$$;

-- Stores a page of what a payout is made of. Safe to run twice: an item is in it once.
create function public.store_payout_items(p_payout_id text, p_items jsonb)
returns jsonb language sql security definer set search_path = pg_catalog, public, app, pg_temp as $$
  with added as (
    insert into platform_payout_items (payout_id, balance_transaction_id, net_minor)
    select p_payout_id, i ->> 'id', (i ->> 'netMinor')::bigint from jsonb_array_elements(app.json_arg(p_items)) i on conflict do nothing returning 1)
  select to_jsonb(count(*)) from added
$$;

-- Its items were read to the end: sums them. Safe to run twice: the sum is that of its rows.
create function public.settle_payout_items(p_payout_id text, p_now_ms bigint)
returns jsonb language sql security definer set search_path = pg_catalog, public, app, pg_temp as $$
  update platform_payouts set itemised_at = app.at(p_now_ms), items = (select count(*) from platform_payout_items where payout_id = p_payout_id),
    items_net_minor = (select coalesce(sum(net_minor), 0) from platform_payout_items where payout_id = p_payout_id)
  where id = p_payout_id returning '{}'::jsonb
$$;

-- Stripe's balances right after its newest movement, which was stored before. Safe to run twice: one row for each movement that was the newest.
create function public.record_stripe_balances(p_newest_id text, p_until_ms bigint, p_balances jsonb, p_now_ms bigint)
returns jsonb language sql security definer set search_path = pg_catalog, public, app, pg_temp as $$
  with stored as (
    insert into stripe_balances (currency, newest_movement_id, moved_until, balance_minor, read_at)
    select c.code, p_newest_id, app.at(p_until_ms), coalesce((select (b ->> 'availableMinor')::bigint + (b ->> 'pendingMinor')::bigint
      from jsonb_array_elements(app.json_arg(p_balances)) b where b ->> 'currency' = c.code), 0), app.at(p_now_ms)
    from currencies c
    on conflict (currency, newest_movement_id) do update set balance_minor = excluded.balance_minor, read_at = excluded.read_at returning 1)
  select to_jsonb(count(*)) from stored
$$;

create function public.reconcile_deposits(p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform app.lock_ledger();
  return app.compare_deposits(app.at(p_now_ms));
end $$;

create function app.refuse_bank(p_code text, p_message text) returns void language sql as $$
  select app.fail(p_code, p_message, '{}', 'PT422')
$$;

-- One statement of an account; how many of its lines are new. Safe to run twice: a statement and a line have one row each, by the
-- bank's reference; the same reference with other content is refused.
create function app.import_statement(p_account public.bank_accounts, p_fact jsonb, p_by text, p_now timestamptz) returns int language plpgsql as $$
declare v_statement bank_statements; v_total bigint; v_conflict text; v_added int;
begin
  select coalesce(sum((l ->> 'amountMinor')::bigint), 0) into v_total from jsonb_array_elements(p_fact -> 'lines') l;
  if (p_fact ->> 'openingMinor')::bigint + v_total <> (p_fact ->> 'closingMinor')::bigint then
    perform app.refuse_bank('BANK_STATEMENT_UNBALANCED', 'opening and entries are not the closing balance');
  end if;
  insert into bank_statements (account_id, reference, from_date, to_date, opening_minor, closing_minor, imported_by, imported_at)
  values (p_account.id, p_fact ->> 'reference', (p_fact ->> 'fromDate')::date, (p_fact ->> 'toDate')::date, (p_fact ->> 'openingMinor')::bigint,
    (p_fact ->> 'closingMinor')::bigint, p_by, p_now) on conflict do nothing;
  select * into v_statement from bank_statements where account_id = p_account.id and reference = p_fact ->> 'reference';
  if (v_statement.from_date, v_statement.to_date, v_statement.opening_minor, v_statement.closing_minor) is distinct from
    ((p_fact ->> 'fromDate')::date, (p_fact ->> 'toDate')::date, (p_fact ->> 'openingMinor')::bigint, (p_fact ->> 'closingMinor')::bigint)
  then
    perform app.refuse_bank('BANK_STATEMENT_CONFLICT', 'another statement of this account has this reference');
  end if;
  select min(l ->> 'identity') into v_conflict from jsonb_array_elements(p_fact -> 'lines') l join bank_lines b on b.account_id = p_account.id and b.identity = l ->> 'identity'
  where (b.booked_on, b.amount_minor) is distinct from ((l ->> 'bookedOn')::date, (l ->> 'amountMinor')::bigint);
  if v_conflict is not null then
    perform app.refuse_bank('BANK_STATEMENT_CONFLICT', format('entry %s was imported before with another amount or day', left(v_conflict, 80)));
  end if;
  insert into bank_lines (account_id, statement_id, identity, booked_on, amount_minor, currency, details)
  select p_account.id, v_statement.id, l ->> 'identity', (l ->> 'bookedOn')::date, (l ->> 'amountMinor')::bigint, p_account.currency, l ->> 'details'
  from jsonb_array_elements(p_fact -> 'lines') with ordinality as entry (l, n) order by n
  on conflict (account_id, identity) do nothing;
  get diagnostics v_added = row_count;
  return v_added;
end $$;

-- Imports statements of one account, `p_file`: {currency, numberHash, statements: [{reference, fromDate, toDate, openingMinor, closingMinor,
-- lines: [{identity, bookedOn, amountMinor, details}]}]}, all or none, and compares at once. With p_dry nothing stays.
-- Safe to run twice: see app.import_statement.
create function public.import_bank_file(p_account text, p_file jsonb, p_marker text, p_by text, p_dry boolean, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_file jsonb := app.json_arg(p_file); v_account bank_accounts; v_added int := 0; v_lines int; v_result jsonb; v_fact jsonb; v_now timestamptz := app.at(p_now_ms);
begin
  perform app.lock_ledger();
  if not exists (select 1 from currencies where code = v_file ->> 'currency') then
    perform app.refuse_bank('CURRENCY_UNKNOWN', 'the exchange does not settle in the currency of this account');
  end if;
  begin
    insert into bank_accounts (name, currency, number_hash, marker, created_at)
    values (p_account, v_file ->> 'currency', v_file ->> 'numberHash', coalesce(p_marker, 'stripe'), v_now) on conflict (name) do nothing;
    update bank_accounts set marker = coalesce(p_marker, marker), number_hash = coalesce(number_hash, v_file ->> 'numberHash') where name = p_account returning * into v_account;
    if v_account.currency <> v_file ->> 'currency' or v_account.number_hash <> v_file ->> 'numberHash' then
      perform app.refuse_bank('BANK_STATEMENT_CONFLICT', 'these statements are of another account');
    end if;
    for v_fact in select s from jsonb_array_elements(v_file -> 'statements') s loop
      v_added := v_added + app.import_statement(v_account, v_fact, p_by, v_now);
    end loop;
    select count(*) into v_lines from jsonb_array_elements(v_file -> 'statements') s, jsonb_array_elements(s -> 'lines');
    v_result := app.compare_deposits(v_now) || jsonb_build_object('statements', jsonb_array_length(v_file -> 'statements'), 'lines', v_lines, 'added', v_added);
    perform app.log_action(v_now, p_by, 'bank.import', 'bank:' || p_account, v_result);
    if p_dry then raise exception 'nothing stays' using errcode = 'CCDRY'; end if;
  exception when sqlstate 'CCDRY' then null;
  end;
  return v_result;
end $$;

-- A person says which payout a line is that does not name it: in its currency and amount, and without another line. Above the limit of
-- payouts another person must say the same. Answers `matched` or `waiting_approval`. Safe to run twice: a line has one payout.
create function public.match_bank_line(p_line_id bigint, p_payout_id text, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_line bank_lines; v_payout platform_payouts; v_now timestamptz := app.at(p_now_ms); v_is_asked boolean;
begin
  perform app.lock_ledger();
  select * into v_line from bank_lines where id = p_line_id for update;
  select * into v_payout from platform_payouts where id = p_payout_id;
  if v_line.id is null or v_payout.id is null then perform app.fail('BANK_LINE_UNKNOWN', 'no such line, or no such payout', '{}', 'PT404'); end if;
  if v_line.payout_id = p_payout_id then return '{"state": "matched"}'; end if;
  if v_line.payout_id is not null or (v_line.currency, abs(v_line.amount_minor::bigint)) is distinct from (v_payout.currency, v_payout.amount_minor::bigint)
    or exists (select 1 from bank_lines l where l.payout_id = p_payout_id and (l.amount_minor > 0) = (v_line.amount_minor > 0))
  then
    perform app.refuse_bank('BANK_LINE_DIFFERS', 'the line is not this payout: another amount, or one of the two is matched already');
  end if;
  v_is_asked := v_line.asked_payout_id is not distinct from p_payout_id;
  if v_payout.amount_minor > (select approval_limit_minor from settings) and (not v_is_asked or v_line.asked_by = p_by) then
    if not v_is_asked then
      update bank_lines set asked_payout_id = p_payout_id, asked_by = p_by where id = p_line_id;
      perform app.log_action(v_now, p_by, 'bank.match', 'bank_line:' || p_line_id, jsonb_build_object('payoutId', p_payout_id, 'reason', p_reason));
    end if;
    return '{"state": "waiting_approval"}';
  end if;
  update bank_lines set payout_id = p_payout_id, matched_at = v_now, matched_by = p_by, asked_payout_id = p_payout_id,
    asked_by = case when v_is_asked then asked_by else p_by end where id = p_line_id;
  perform app.log_action(v_now, p_by, 'bank.match', 'bank_line:' || p_line_id, jsonb_build_object('payoutId', p_payout_id, 'reason', p_reason));
  perform app.compare_deposits(v_now);
  return '{"state": "matched"}';
end $$;

-- Payouts of the platform, the newest first, each with how it is proved and what of it is at the bank; and the lines from Stripe that are no
-- payout. At most 200 of each.
create function public.list_deposits()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  with shown as materialized (
    select * from platform_payouts order by created_at desc, id limit 200
  ), balances as materialized (
    -- Once for all of them, from before the oldest on: each reading sums all that moved since the one before it.
    select * from app.running_balances((select min(created_at) - interval '1 day' from shown where not automatic)) where opening + moved = closing
  ), proved as materialized (
    select distinct v.payout_id from shown p join platform_payout_moves v on v.payout_id = p.id and not v.returned
      join stripe_movements m on m.id = v.balance_transaction_id
      join balances b on b.currency = m.currency and m.created_at > b.moved_after and m.created_at <= b.moved_until
    where not p.automatic
  )
  select jsonb_build_object(
    'payouts', (select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'currency', p.currency, 'amountMinor', p.amount_minor, 'automatic', p.automatic,
        'status', p.status, 'destination', p.destination, 'isOwnBank', app.is_own_bank(p.destination), 'traceId', p.trace_id, 'failureCode', p.failure_code, 'createdMs', app.ms(p.created_at), 'arrivesMs', app.ms(p.arrives_at),
        'provedBy', case when p.itemised_at is not null and p.items_net_minor = p.amount_minor then 'items'
          when p.id in (select payout_id from proved) then 'running_balance' end,
        'depositedBy', d.evidence, 'returnedMs', app.ms(d.returned_at), 'lineId', l.id, 'bookedOn', l.booked_on, 'account', a.name) order by p.created_at desc, p.id), '[]')
      from shown p left join platform_deposits d on d.payout_id = p.id
        left join bank_lines l on l.payout_id = p.id and l.amount_minor > 0 left join bank_accounts a on a.id = l.account_id),
    'lines', (select coalesce(jsonb_agg(jsonb_build_object('id', l.id, 'account', l.name, 'bookedOn', l.booked_on, 'currency', l.currency,
        'amountMinor', l.amount_minor, 'details', l.details) order by l.booked_on desc, l.id), '[]')
      from (select l.*, a.name from bank_lines l join bank_accounts a on a.id = l.account_id
        where l.payout_id is null and position(lower(a.marker) in lower(l.details)) > 0 order by l.booked_on desc, l.id limit 200) l))
$$;

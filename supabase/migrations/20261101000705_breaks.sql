-- Breaks that a person resolves: a movement at Stripe that is none of ours, and that somebody can account for elsewhere (another
-- system on the same account, a payout to the bank). Its money is booked against `suspense`, so that the cash of the books is
-- that at Stripe again. Every other break is a fault, which is mended and not resolved.

create table public.break_resolutions (
  id uuid primary key default gen_random_uuid(),
  break_id bigint not null references public.reconciliation_breaks,
  -- Of the movement that no row of ours explains.
  balance_transaction_id text not null references public.stripe_movements,
  currency text not null references public.currencies,
  -- What it brought to the balance; less than nothing when it left.
  amount_minor app.amount_minor not null,
  reason text not null,
  asked_by text not null,
  asked_at timestamptz not null,
  -- reversed: what it is came to the books after all; dropped: that came before a second person had approved.
  state text not null check (state in ('waiting_approval', 'booked', 'reversed', 'dropped')),
  ended_at timestamptz
);
create unique index break_resolutions_standing on public.break_resolutions (break_id) where state in ('waiting_approval', 'booked');
create index break_resolutions_movement on public.break_resolutions (balance_transaction_id);

create function app.resolution_hash(p_resolution public.break_resolutions) returns text language sql immutable as $$
  select encode(sha256(convert_to(format('%s|%s|%s', p_resolution.balance_transaction_id, p_resolution.currency, p_resolution.amount_minor), 'UTF8')), 'hex')
$$;

-- Posts a resolution, or posts it back. Safe to run twice: each journal has its key.
create function app.post_resolution(p_resolution public.break_resolutions, p_template text, p_now timestamptz) returns void language sql as $$
  select app.post_journal(p_template, p_template || ':' || p_resolution.id, app.unclosed_date(app.business_date(p_now)), p_resolution.currency,
    jsonb_build_object('came', greatest(p_resolution.amount_minor, 0), 'left', greatest(-p_resolution.amount_minor, 0)), '{}',
    jsonb_build_object('resolutionId', p_resolution.id, 'balanceTransactionId', p_resolution.balance_transaction_id), p_now)
$$;

-- Books a resolution, and closes its break: later comparisons leave it closed. Safe to run twice, as above.
create function app.book_resolution(p_resolution public.break_resolutions, p_now timestamptz) returns void language plpgsql as $$
begin
  perform app.post_resolution(p_resolution, 'break_resolved', p_now);
  update break_resolutions set state = 'booked', ended_at = p_now where id = p_resolution.id;
  update reconciliation_breaks set state = 'resolved', closed_at = p_now, changed_by = p_resolution.asked_by, reason = p_resolution.reason
  where id = p_resolution.break_id;
end $$;

-- Takes back what was resolved of a movement that a row of ours explains by now: its own journal has booked it. One that nobody
-- has approved yet is dropped. Safe to run twice: a resolution leaves each state once.
create function app.reverse_resolutions(p_now timestamptz) returns void language plpgsql as $$
declare v_resolution break_resolutions;
begin
  for v_resolution in
    select r.* from break_resolutions r where r.state in ('waiting_approval', 'booked')
      and exists (select 1 from app.expected_movements() e where e.id = r.balance_transaction_id) order by r.asked_at, r.id
  loop
    if v_resolution.state = 'booked' then
      perform app.post_resolution(v_resolution, 'break_resolved_reversed', p_now);
      update reconciliation_breaks set state = 'closed', closed_at = p_now, changed_by = 'reconciliation.reconcile-money', reason = 'the books know it'
      where id = v_resolution.break_id;
    end if;
    update break_resolutions set state = case v_resolution.state when 'booked' then 'reversed' else 'dropped' end, ended_at = p_now
    where id = v_resolution.id;
  end loop;
end $$;

-- The supplier that a break names: of the payout, or the reversed transfer, that it is about. Null when it names none.
create function app.supplier_of_break(p_subject text) returns uuid language sql stable as $$
  select coalesce((select supplier_id from public.payouts where 'payout:' || id = p_subject),
    (select supplier_id from public.transfer_reversals where 'transfer_reversal:' || id = p_subject))
$$;

-- What a break is now: one that was expected is missing from the moment it was due.
create function app.kind_at(p_break public.reconciliation_breaks, p_now timestamptz) returns text language sql immutable as $$
  select case when p_break.kind = 'expected' and p_break.due_at <= p_now then 'missing_in_stripe' else p_break.kind end
$$;

create function app.describe_break(p_break public.reconciliation_breaks, p_now timestamptz) returns jsonb language sql stable as $$
  select jsonb_build_object('identity', p_break.identity, 'kind', app.kind_at(p_break, p_now), 'state', p_break.state, 'currency', p_break.currency,
    'amountMinor', p_break.amount_minor, 'day', p_break.day, 'category', p_break.evidence ->> 'category', 'movementId', p_break.evidence ->> 'movement',
    'sourceId', p_break.evidence ->> 'source', 'subject', p_break.evidence ->> 'subject', 'supplierId', s.id, 'supplier', s.name,
    'stopsPayouts', p_break.gates and p_break.state = 'open' and coalesce(p_break.due_at <= p_now, true), 'dueMs', app.ms(p_break.due_at),
    'rule', p_break.rule, 'reason', p_break.reason, 'firstSeenMs', app.ms(p_break.first_seen_at), 'lastSeenMs', app.ms(p_break.last_seen_at),
    'resolutionId', r.id, 'askedBy', r.asked_by, 'waitsFor', case when r.id is not null then 'approval' end)
  from (select) one left join public.break_resolutions r on r.break_id = p_break.id and r.state = 'waiting_approval'
    left join public.suppliers s on s.id = app.supplier_of_break(p_break.evidence ->> 'subject')
$$;

-- Breaks that are open, the oldest first, with what a person who resolved one waits for; one of them when it is named; at most 200.
create function public.list_breaks(p_identity text, p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(app.describe_break(b, app.at(p_now_ms)) order by b.first_seen_at, b.id), '[]')
  from (select * from reconciliation_breaks where state = 'open' and (p_identity is null or identity = p_identity) order by first_seen_at, id limit 200) b
$$;

-- One break in whatever state, with both sides of it and what became of it; null when there is none.
create function public.show_break(p_identity text, p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select app.describe_break(b, app.at(p_now_ms)) || jsonb_build_object('evidence', b.evidence, 'history', (select jsonb_agg(jsonb_build_object(
      'atMs', app.ms(e.at), 'actor', e.actor, 'event', e.event, 'kind', e.kind, 'amountMinor', e.amount_minor, 'reason', e.reason) order by e.id)
    from break_events e where e.break_id = b.id))
  from reconciliation_breaks b where b.identity = p_identity
$$;

-- A person says why nobody need act on a break. It stops nothing more, but the difference of the totals does, as long as there is
-- one. Not above the limit of approvals: such a one is mended, or resolved. Safe to run twice: it is ignored once.
create function public.ignore_break(p_identity text, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_break reconciliation_breaks;
begin
  select * into v_break from reconciliation_breaks where identity = p_identity for update;
  if v_break.id is null then perform app.fail('BREAK_UNKNOWN', 'no such break', '{}', 'PT404'); end if;
  if v_break.state <> 'open' then return jsonb_build_object('ignored', false, 'state', v_break.state); end if;
  if abs(v_break.amount_minor) > (select approval_limit_minor from settings)
    or exists (select 1 from break_resolutions where break_id = v_break.id and state = 'waiting_approval') then
    perform app.fail('BREAK_NOT_IGNORABLE', 'this break is above the limit of approvals, or its resolution waits: it is mended, or resolved',
      jsonb_build_object('identity', p_identity), 'PT422');
  end if;
  update reconciliation_breaks set state = 'ignored', closed_at = app.at(p_now_ms), changed_by = p_by, reason = p_reason where id = v_break.id;
  perform app.log_action(app.at(p_now_ms), p_by, 'break.ignore', 'break:' || v_break.identity, jsonb_build_object('reason', p_reason));
  return jsonb_build_object('ignored', true, 'state', 'ignored');
end $$;

-- Open breaks that people are to be told of, each once a date: of more than an amount, or older than so many days. Whoever asks
-- tells them; nobody else is told of them on this date.
create function public.take_breaks_to_tell(p_now_ms bigint)
returns jsonb language sql security definer set search_path = pg_catalog, public, app, pg_temp as $$
  with told as (
    update reconciliation_breaks b set told_on = app.business_date(app.at(p_now_ms)) from settings s
    where b.state = 'open' and coalesce(b.due_at <= app.at(p_now_ms), true) and b.told_on is distinct from app.business_date(app.at(p_now_ms))
      and (abs(b.amount_minor) > s.break_alert_minor or b.first_seen_at < app.at(p_now_ms) - make_interval(days => s.break_alert_days))
    returning b as one
  )
  select coalesce(jsonb_agg(app.describe_break(one, app.at(p_now_ms)) order by (one).id), '[]') from told
$$;

-- Why a break cannot be resolved by hand; null when it can. `p_payout_id` is the payout that a transfer names at Stripe,
-- `p_charge_id` the charge of which a refund or a dispute is there.
create function app.unresolvable(p_break public.reconciliation_breaks, p_movement public.stripe_movements, p_payout_id text, p_charge_id text, p_now timestamptz)
returns text language sql stable as $$
  select case
    when p_break.identity not like 'movement:%' or p_movement.id is null then 'only a movement at Stripe that the books do not know can be'
    when not exists (select 1 from public.currencies where code = p_movement.currency) then 'the books have no such currency'
    when p_movement.available_at > p_now then 'its money is not available at Stripe yet'
    when exists (select 1 from app.expected_movements() e where e.id = p_movement.id) then 'the books know its movement by now'
    when p_payout_id is not null then 'it is a payout of ours: its supplier would be paid again'
    -- A charge that failed after it was paid has no refund: the charge itself is the movement's object.
    when exists (select 1 from public.charges where charge_id in (p_charge_id, p_movement.source_id))
      or exists (select 1 from public.withdrawals where id = p_movement.source_id) then 'it is of a charge of ours: suppliers would be paid for its calls' end
$$;

-- A person accounts for a break: a movement at Stripe that is none of ours. `p_payout_id` and `p_charge_id` are what a transfer,
-- or a refund or dispute, says at Stripe of whose it is, null for any other movement. Above the limit of payouts it waits for another person.
-- Safe to run twice: a break has one resolution that stands.
create function public.resolve_break(p_identity text, p_payout_id text, p_charge_id text, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_break reconciliation_breaks; v_movement stripe_movements; v_resolution break_resolutions; v_why text; v_now timestamptz := app.at(p_now_ms);
begin
  perform app.lock_ledger();
  select * into v_break from reconciliation_breaks where identity = p_identity for update;
  if v_break.id is null then perform app.fail('BREAK_UNKNOWN', 'no such break', '{}', 'PT404'); end if;
  select * into v_resolution from break_resolutions where break_id = v_break.id and state in ('waiting_approval', 'booked');
  if v_resolution.id is not null or v_break.state <> 'open' then
    return jsonb_build_object('id', v_resolution.id, 'asked', false, 'state', coalesce(v_resolution.state, v_break.state));
  end if;
  select * into v_movement from stripe_movements where id = v_break.evidence ->> 'movement';
  v_why := app.unresolvable(v_break, v_movement, p_payout_id, p_charge_id, v_now);
  if v_why is not null then
    perform app.fail('BREAK_NOT_RESOLVABLE', 'this break cannot be resolved by hand: ' || v_why, jsonb_build_object('identity', p_identity), 'PT422');
  end if;
  insert into break_resolutions (break_id, balance_transaction_id, currency, amount_minor, reason, asked_by, asked_at, state)
  values (v_break.id, v_movement.id, v_movement.currency, v_movement.net_minor, p_reason, p_by, v_now, 'waiting_approval') returning * into v_resolution;
  perform app.log_action(v_now, p_by, 'break.resolve', 'break:' || v_resolution.id,
    jsonb_build_object('reason', p_reason, 'identity', p_identity, 'amountMinor', v_movement.net_minor, 'currency', v_movement.currency));
  insert into break_events (break_id, at, actor, event, kind, amount_minor, reason)
  values (v_break.id, v_now, p_by, 'resolution_asked', v_break.kind, v_break.amount_minor, p_reason);
  if abs(v_movement.net_minor) <= (select approval_limit_minor from settings) then perform app.book_resolution(v_resolution, v_now); end if;
  return (select jsonb_build_object('id', id, 'asked', true, 'state', state) from break_resolutions where id = v_resolution.id);
end $$;

-- A second person lets a resolution above the limit go. Safe to run twice: it leaves `waiting_approval` once.
create function public.approve_resolution(p_id uuid, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_resolution break_resolutions;
begin
  perform app.lock_ledger();
  perform app.reverse_resolutions(app.at(p_now_ms));
  select * into v_resolution from break_resolutions where id = p_id for update;
  if v_resolution.id is null then perform app.fail('RESOLUTION_UNKNOWN', 'no such resolution', '{}', 'PT404'); end if;
  if v_resolution.state <> 'waiting_approval' then return jsonb_build_object('approved', false, 'state', v_resolution.state); end if;
  if v_resolution.asked_by = p_by then
    perform app.fail('APPROVAL_REFUSED', 'another person than the one who asked for this must approve it', '{}', 'PT403');
  end if;
  insert into approvals (subject_kind, subject_id, content_hash, approved_by, reason, approved_at)
  values ('break', p_id, app.resolution_hash(v_resolution), p_by, p_reason, app.at(p_now_ms));
  perform app.log_action(app.at(p_now_ms), p_by, 'break.approve', 'break:' || p_id, jsonb_build_object('reason', p_reason));
  insert into break_events (break_id, at, actor, event, kind, amount_minor, reason)
  select id, app.at(p_now_ms), p_by, 'resolution_approved', kind, amount_minor, p_reason from reconciliation_breaks where id = v_resolution.break_id;
  perform app.book_resolution(v_resolution, app.at(p_now_ms));
  return jsonb_build_object('approved', true, 'state', 'booked');
end $$;

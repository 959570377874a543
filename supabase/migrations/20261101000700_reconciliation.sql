-- One cash comparison per business date and currency.
create table public.reconciliation_runs (
  business_date date not null,
  currency text not null references public.currencies,
  state text not null check (state in ('finished')),
  as_of timestamptz not null,
  stripe_available_minor bigint not null,
  stripe_pending_minor bigint not null,
  ledger_available_minor bigint not null,
  ledger_pending_minor bigint not null,
  -- Stripe's total less the ledger's, without what is on its way from the one to the other.
  difference_minor bigint not null,
  matched int not null,
  finished_at timestamptz not null,
  -- When the listing began whose movements were compared: what moved since is in none of this.
  listed_at timestamptz not null,
  primary key (business_date, currency)
);

create table public.reconciliation_breaks (
  id bigint generated always as identity primary key,
  -- The same difference found again is the same row.
  identity text not null unique,
  -- expected: the other side is not due yet; from `due_at` on it is missing_in_stripe, whoever looks.
  kind text not null check (kind in ('missing_in_ledger', 'missing_in_stripe', 'amount', 'fee', 'currency', 'duplicate', 'expected',
    'orphan_transfer', 'wrong_day', 'unknown_category',
    -- Between Stripe's payouts and the platform's bank; see 730_deposits.sql.
    'missing_at_bank', 'unknown_deposit', 'deposit_amount', 'payout_failed', 'payout_items', 'running_balance')),
  currency text not null,
  amount_minor bigint not null,
  -- Both sides of it, as far as there are two.
  evidence jsonb not null,
  -- UTC, of the movement, or of when its line was posted.
  day date not null,
  -- Whether it stops the payouts of its currency.
  gates boolean not null,
  due_at timestamptz,
  -- explained: by a rule of app.explained_by, which `rule` names. resolved: a person accounted for it, and it is booked against suspense
  -- (see break_resolutions). ignored: a person said why nobody need act on it. closed: it is gone.
  state text not null default 'open' check (state in ('open', 'explained', 'resolved', 'ignored', 'closed')),
  rule text check ((state = 'explained') <= (rule is not null)),
  -- Who brought it to its state, and why.
  changed_by text not null,
  reason text,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  closed_at timestamptz,
  -- The last date on which somebody was told of it.
  told_on date
);
create index reconciliation_breaks_open on public.reconciliation_breaks (currency) where state = 'open';
create index reconciliation_breaks_day on public.reconciliation_breaks (day);

-- What became of a break, and by whom: written by the trigger below, so that nothing is left out.
create table public.break_events (
  id bigint generated always as identity primary key,
  break_id bigint not null references public.reconciliation_breaks,
  at timestamptz not null,
  actor text not null,
  -- found, changed, or the state that it came to.
  event text not null,
  kind text not null,
  amount_minor bigint not null,
  reason text
);
create index break_events_break on public.break_events (break_id, id);
create trigger break_events_append_only before update or delete on public.break_events for each row execute function app.refuse_change();
create trigger break_events_no_truncate before truncate on public.break_events for each statement execute function app.refuse_change();

create function app.note_break_event() returns trigger language plpgsql as $$
begin
  insert into break_events (break_id, at, actor, event, kind, amount_minor, reason)
  values (new.id, coalesce(new.closed_at, new.last_seen_at), new.changed_by, case when tg_op = 'INSERT' then 'found' when old.state <> new.state then new.state
    else 'changed' end, new.kind, new.amount_minor, coalesce(new.reason, new.rule));
  return null;
end $$;
create trigger reconciliation_breaks_found after insert on public.reconciliation_breaks for each row execute function app.note_break_event();
create trigger reconciliation_breaks_changed after update on public.reconciliation_breaks for each row
  when ((old.state, old.kind, old.amount_minor) is distinct from (new.state, new.kind, new.amount_minor)) execute function app.note_break_event();

-- Whether payouts of a currency may be planned for a date: its cash comparison finished just now and left nothing
-- unexplained. An older one may be that of a backup, made before money left that these books do not know.
create function app.payout_gate(p_date date, p_currency text, p_now timestamptz) returns text language sql stable as $$
  select case
    when r.state is distinct from 'finished' then 'reconciliation_unfinished'
    when r.finished_at < p_now - interval '30 minutes' then 'reconciliation_outdated'
    when abs(r.difference_minor) > s.difference_threshold_minor then 'difference_unexplained'
    when exists (select 1 from public.reconciliation_breaks b where b.currency = p_currency and b.state = 'open' and b.gates
        and coalesce(b.due_at <= p_now, true))
      then 'break_open'
    else 'open' end
  from public.settings s left join public.reconciliation_runs r on r.business_date = p_date and r.currency = p_currency
$$;

-- Money that became available by the due instant of the date: pending → available, and the earnings clear that the
-- available charges of their invoice cover (those of wallets clear with all charges, see reconcile_money). So many charges at most; how many they were.
create function app.clear_available(p_date date, p_due_at timestamptz, p_now timestamptz, p_limit int default null) returns int language plpgsql as $$
declare v_charge charges; v_cleared int := 0;
begin
  for v_charge in
    select c.* from charges c join stripe_movements m on m.id = c.balance_transaction_id
    where c.cleared_at is null and m.available_at <= p_due_at
      and m.net_minor = c.net_minor and m.currency = c.currency
    order by c.charge_id limit p_limit for update of c
  loop
    perform app.post_journal('available', 'available:' || v_charge.balance_transaction_id, app.unclosed_date(p_date), v_charge.currency,
      jsonb_build_object('net', v_charge.net_minor), '{}', app.refs_of_charge(v_charge)
        || jsonb_build_object('chargeId', v_charge.charge_id, 'balanceTransactionId', v_charge.balance_transaction_id), p_now);
    update charges set cleared_at = p_now where charge_id = v_charge.charge_id;
    perform app.clear_invoice(v_charge.invoice_id, v_charge.charge_id, p_date, p_now);
    v_cleared := v_cleared + 1;
  end loop;
  return v_cleared;
end $$;

-- Clears ten charges whose money is available by the due instant of the date, and answers how many they were: a night has
-- more of them, each with a journal for each supplier, than one request may take. Safe to run twice: a charge clears once.
create function public.clear_charges(p_date date, p_due_ms bigint, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform app.lock_ledger();
  return to_jsonb(app.clear_available(p_date, app.at(p_due_ms), app.at(p_now_ms), 10));
end $$;

-- The movements that the ledger names.
create function app.expected_movements() returns table (id text) language sql stable as $$
  select l.movement_id from app.cash_lines l
$$;

-- What a line is about, as a word and an id of ours.
create function app.subject_of(p_template text, p_refs jsonb) returns text language sql immutable as $$
  select case when p_template like 'charge%' then coalesce('invoice:' || (p_refs ->> 'invoiceId'), 'topup:' || (p_refs ->> 'topupId'))
    when p_template = 'payout_send' then 'payout:' || (p_refs ->> 'payoutId')
    when p_template like 'platform_payout%' then 'platform_payout:' || (p_refs ->> 'platformPayoutId')
    when p_template = 'transfer_reversal' then 'transfer_reversal:' || (p_refs ->> 'reversalId')
    else p_template || ':' || (p_refs ->> 'withdrawalId') end
$$;

create function app.facts_of(p_movement public.stripe_movements) returns jsonb language sql stable as $$
  select jsonb_build_object('id', p_movement.id, 'grossMinor', p_movement.amount_minor, 'feeMinor', p_movement.fee_minor, 'netMinor', p_movement.net_minor,
    'currency', p_movement.currency, 'exchangeRate', p_movement.exchange_rate, 'availableMs', app.ms(p_movement.available_at), 'createdMs', app.ms(p_movement.created_at))
$$;

create function app.facts_of(p_line app.cash_lines) returns jsonb language sql stable as $$
  select jsonb_build_object('journal', p_line.journal_id, 'template', p_line.template, 'grossMinor', p_line.gross_minor,
    'feeMinor', p_line.gross_minor - p_line.net_minor, 'netMinor', p_line.net_minor, 'currency', p_line.currency, 'exchangeRate', p_line.exchange_rate,
    'availableMs', app.ms(p_line.available_at), 'postedMs', app.ms(p_line.posted_at))
$$;

-- How long Stripe may take to show what a line says: by the rail of the charge, which its id tells (`py_` is no card). Everything
-- else moves at once.
create function app.settles_after(p_line app.cash_lines) returns interval language sql stable as $$
  select case when p_line.category <> 'charge' then interval '0' when p_line.source_id like 'py\_%' then bank_debit_settles_after else card_settles_after end
  from public.settings
$$;

-- Whether a movement is there twice: another one of the same object and category is matched, or came before; or it is a transfer
-- for a payout that went by another one.
create function app.is_twice(p_movement public.stripe_movements) returns boolean language sql stable as $$
  select exists (select 1 from public.stripe_movements o where o.source_id = p_movement.source_id
      and o.reporting_category = p_movement.reporting_category and o.id <> p_movement.id
      and (exists (select 1 from public.cash_matches c where c.movement_seq = o.seq) or (o.created_at, o.id) < (p_movement.created_at, p_movement.id)))
    or exists (select 1 from public.movement_claims c join public.payouts p on p.id::text = c.payout_id
      where c.movement_id = p_movement.id and p.state = 'sent' and p.transfer_id <> p_movement.source_id)
$$;

-- Whether a line is there twice: its movement, or that of its object, is another line's.
create function app.is_twice(p_line app.cash_lines) returns boolean language sql stable as $$
  select exists (select 1 from public.stripe_movements o join public.cash_matches c on c.movement_seq = o.seq
      where o.id = p_line.movement_id and c.journal_id <> p_line.journal_id)
    or exists (select 1 from public.stripe_movements o join public.cash_matches c on c.movement_seq = o.seq
      where o.source_id = p_line.source_id and o.reporting_category = p_line.category and c.journal_id <> p_line.journal_id)
    or exists (select 1 from public.unmatched_lines u join app.cash_lines l on l.journal_id = u.journal_id
      where l.movement_id = p_line.movement_id and l.journal_id < p_line.journal_id)
$$;

-- The rules that explain a break without anybody, each by its name; null when none does.
create function app.explained_by(p_kind text, p_movement public.stripe_movements, p_line app.cash_lines) returns text language sql stable as $$
  select case
    -- Stripe took back what it did for one object, and the books know of neither, nor did a person account for one of them.
    when p_kind in ('missing_in_ledger', 'unknown_category') and exists (select 1 from public.stripe_movements o where o.source_id = p_movement.source_id
      having count(*) > 1 and count(distinct o.currency) = 1 and sum(o.net_minor) = 0 and bool_and(o.seq in (select seq from public.unmatched_movements)
        and not exists (select 1 from public.reconciliation_breaks b where b.identity = 'movement:' || o.id and b.state = 'resolved'))) then 'undone'
    -- Stripe makes the money available later than it first said; it clears when Stripe says so.
    when p_kind = 'wrong_day' and p_movement.available_at > p_line.available_at then 'available_later' end
$$;

-- Every difference between the movements, listed at p_listed_at, and the lines of the ledger. What was recorded after the listing
-- cannot be in it, and a movement younger than the longest job may still be on its way to its row.
create function app.find_breaks(p_listed_at timestamptz, p_now timestamptz) returns table (
  identity text, kind text, currency text, amount_minor bigint, evidence jsonb, day date, gates boolean, due_at timestamptz, rule text)
language sql stable as $$
  with movements as (
    select movement, case when app.is_twice(movement) then 'duplicate'
      when (movement).reporting_category in ('transfer', 'transfer_reversal') then 'orphan_transfer'
      when exists (select 1 from public.cash_templates t where t.category = (movement).reporting_category) then 'missing_in_ledger'
      else 'unknown_category' end as kind
    from app.movements_alone where (movement).created_at < p_listed_at - interval '2 minutes'
      -- What a person accounted for stays so, until the books know it: see app.reverse_resolutions.
      and not exists (select 1 from public.reconciliation_breaks b where b.identity = 'movement:' || (movement).id and b.state = 'resolved')
  ), lines as (
    select line, app.is_twice(line) as is_twice, (line).posted_at + app.settles_after(line) as due_at
    from app.lines_alone where (line).posted_at < p_listed_at
  ), pairs as (
    select movement, line, app.difference_of(movement, line) as kind from app.matches_differing
  ), sides as (
    select 'movement:' || (movement).id as name, true as is_movement, (movement).currency, (movement).net_minor, ((movement).created_at at time zone 'UTC')::date as day from movements
    union all select 'journal:' || (line).journal_id, false, (line).currency, (line).net_minor, ((line).posted_at at time zone 'UTC')::date from lines
  ), alike as materialized (
    -- What a break might be: of its amount and currency, two days at most apart; it never makes a match. By the day, so that each side is
    -- read once, however many are alike.
    select s.name, min(f.name) as suggestion from sides s cross join generate_series(-2, 2) as near (days)
      join (select is_movement, currency, net_minor, day, min(name) as name from sides group by 1, 2, 3, 4) f
        on (f.is_movement, f.currency, f.net_minor, f.day) = (not s.is_movement, s.currency, s.net_minor, s.day + near.days) group by s.name
  )
  select 'movement:' || (movement).id, kind, (movement).currency, (movement).net_minor::bigint,
    jsonb_build_object('movement', (movement).id, 'source', (movement).source_id, 'category', (movement).reporting_category, 'stripe', app.facts_of(movement),
      -- Of a payout of the platform the bank that it went to.
      'destination', (select destination from public.platform_payouts where id = (movement).source_id),
      'suggestion', a.suggestion),
    ((movement).created_at at time zone 'UTC')::date, true, null::timestamptz, app.explained_by(kind, movement, null)
  from movements left join alike a on a.name = 'movement:' || (movement).id
  union all
  select case when is_twice then 'line:' || (line).journal_id else 'missing:' || (line).movement_id end,
    case when is_twice then 'duplicate' when p_now < due_at then 'expected' else 'missing_in_stripe' end, (line).currency, (line).net_minor,
    jsonb_build_object('movement', (line).movement_id, 'subject', app.subject_of((line).template, (line).refs), 'ledger', app.facts_of(line),
      'suggestion', a.suggestion),
    ((line).posted_at at time zone 'UTC')::date, true, case when not is_twice then due_at end, null
  from lines left join alike a on a.name = 'journal:' || (line).journal_id
  union all
  -- In the line's currency nothing came where the movement is in another one.
  select 'amount:' || (movement).id, kind, (line).currency,
    case when (movement).currency = (line).currency then (movement).net_minor else 0 end - (line).net_minor,
    jsonb_build_object('movement', (movement).id, 'subject', app.subject_of((line).template, (line).refs), 'expectedMinor', (line).net_minor,
      'stripe', app.facts_of(movement), 'ledger', app.facts_of(line)),
    ((movement).created_at at time zone 'UTC')::date, kind <> 'wrong_day', null, app.explained_by(kind, movement, line)
  from pairs where kind is not null
$$;

-- Compares Stripe's movements with the ledger as of the due instant of a date, clears what became available, and keeps
-- one row per difference. The movements must have been stored before. Safe to run twice: journals have the movement's
-- key, a break its identity; a second run of the day updates the same rows. p_listed_ms is when their listing began.
create function public.reconcile_money(p_date date, p_due_ms bigint, p_listed_ms bigint, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare
  v_due timestamptz := app.at(p_due_ms); v_listed timestamptz := app.at(p_listed_ms); v_now timestamptz := app.at(p_now_ms);
  v_runs jsonb; v_by text := 'reconciliation.reconcile-money';
begin
  perform app.lock_ledger();
  perform app.clear_available(p_date, v_due, v_now);
  perform app.clear_wallets(p_date, v_now);
  perform app.book_platform_payouts(p_date, v_now);
  perform app.reverse_resolutions(v_now);
  while app.match_cash(null, v_now) loop null; end loop;
  drop table if exists pg_temp.found_breaks;
  create temp table found_breaks on commit drop as select * from app.find_breaks(v_listed, v_now) order by identity;
  insert into reconciliation_breaks as b (identity, kind, currency, amount_minor, evidence, day, gates, due_at, rule, state, changed_by, first_seen_at, last_seen_at)
  select f.identity, f.kind, f.currency, f.amount_minor, f.evidence, f.day, f.gates, f.due_at, f.rule, case when f.rule is null then 'open' else 'explained' end,
    v_by, v_now, v_now from found_breaks f
  -- One that a person resolved stays so; and one that a person ignored, as long as it is the same difference.
  on conflict (identity) do update set state = case when b.state = 'resolved' then b.state
      when b.state = 'ignored' and (b.kind, b.amount_minor) = (excluded.kind, excluded.amount_minor) then b.state else excluded.state end,
    changed_by = case when b.state in ('resolved', 'ignored') then b.changed_by else excluded.changed_by end,
    reason = case when b.state in ('resolved', 'ignored') then b.reason end,
    closed_at = case b.state when 'resolved' then b.closed_at end, last_seen_at = v_now, kind = excluded.kind, day = excluded.day, due_at = excluded.due_at,
    amount_minor = excluded.amount_minor, evidence = excluded.evidence, rule = excluded.rule, gates = excluded.gates;
  update reconciliation_breaks set state = 'closed', closed_at = v_now, changed_by = v_by, reason = null
  where state in ('open', 'explained', 'ignored') and identity not like 'bank:%' and identity not in (select f.identity from found_breaks f);

  insert into reconciliation_runs as r (business_date, currency, state, as_of, stripe_available_minor, stripe_pending_minor,
    ledger_available_minor, ledger_pending_minor, difference_minor, matched, finished_at, listed_at)
  select p_date, c.code, 'finished', v_due, s.available, s.pending, l.available, l.pending,
    s.available + s.pending - coalesce(young.net, 0) - (l.available + l.pending - coalesce(unlisted.net, 0)), coalesce(t.matched, 0), v_now, v_listed
  from currencies c left join cash_totals t on t.currency = c.code
    -- A transfer leaves the available balance when it is made; a charge is pending until its own date.
    left join (select currency, sum(net_minor)::bigint as net from stripe_movements where available_at > v_due and net_minor >= 0 group by currency) p
      on p.currency = c.code
    cross join lateral (select coalesce(t.net_minor, 0) - coalesce(p.net, 0) as available, coalesce(p.net, 0) as pending) s
    cross join lateral (
      select coalesce(sum(balance_minor) filter (where kind = 'stripe_available'), 0)::bigint as available,
        coalesce(sum(balance_minor) filter (where kind = 'stripe_pending'), 0)::bigint as pending
      from ledger_accounts a where a.currency = c.code) l
    left join (
      select (movement).currency, sum((movement).net_minor)::bigint as net from app.movements_alone
      where (movement).created_at >= v_listed - interval '2 minutes' group by 1) young on young.currency = c.code
    -- What Stripe does not show yet, and need not.
    left join (
      select (line).currency, sum((line).net_minor)::bigint as net from app.lines_alone
      where (line).posted_at >= v_listed or (line).posted_at + app.settles_after(line) > v_now and not app.is_twice(line)
      group by 1) unlisted on unlisted.currency = c.code
  on conflict (business_date, currency) do update set as_of = excluded.as_of,
    stripe_available_minor = excluded.stripe_available_minor, stripe_pending_minor = excluded.stripe_pending_minor,
    ledger_available_minor = excluded.ledger_available_minor, ledger_pending_minor = excluded.ledger_pending_minor,
    difference_minor = excluded.difference_minor, matched = excluded.matched, finished_at = excluded.finished_at,
    listed_at = excluded.listed_at;

  select jsonb_agg(jsonb_build_object('currency', currency, 'differenceMinor', difference_minor, 'matched', matched,
    'availableAgrees', stripe_available_minor = ledger_available_minor) order by currency) into v_runs
  from reconciliation_runs where business_date = p_date and (matched > 0 or difference_minor <> 0);
  return jsonb_build_object('runs', coalesce(v_runs, '[]'),
    'openBreaks', (select count(*) from reconciliation_breaks where state = 'open'));
end $$;

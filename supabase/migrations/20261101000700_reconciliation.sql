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
  primary key (business_date, currency)
);

create table public.reconciliation_breaks (
  id bigint generated always as identity primary key,
  -- The same difference found again is the same row.
  identity text not null unique,
  kind text not null check (kind in
    ('missing_in_ledger', 'missing_in_stripe', 'amount', 'currency', 'orphan_transfer', 'unknown_category')),
  currency text not null,
  amount_minor bigint not null,
  evidence jsonb not null,
  -- Whether it stops the payouts of its currency.
  gates boolean not null,
  -- resolved: a person accounted for it, and it is booked against suspense (see break_resolutions).
  state text not null default 'open' check (state in ('open', 'closed', 'resolved')),
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  closed_at timestamptz
);
create index reconciliation_breaks_open on public.reconciliation_breaks (currency) where state = 'open';

-- Whether payouts of a currency may be planned for a date: its cash comparison finished just now and left nothing
-- unexplained. An older one may be that of a backup, made before money left that these books do not know.
create function app.payout_gate(p_date date, p_currency text, p_now timestamptz) returns text language sql stable as $$
  select case
    when r.state is distinct from 'finished' then 'reconciliation_unfinished'
    when r.finished_at < p_now - interval '30 minutes' then 'reconciliation_outdated'
    when abs(r.difference_minor) > s.difference_threshold_minor then 'difference_unexplained'
    when exists (select 1 from public.reconciliation_breaks b where b.currency = p_currency and b.state = 'open' and b.gates)
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

-- The movements that our rows expect, each with when its journal was posted.
create function app.expected_movements() returns table (
  id text, currency text, net_minor bigint, subject text, posted_at timestamptz) language sql stable as $$
  select c.balance_transaction_id, c.currency, c.net_minor, coalesce('invoice:' || c.invoice_id, 'topup:' || c.topup_id), j.posted_at
  from public.charges c join public.journals j
    on j.key = case when c.exchange_rate is null then 'charge:' else 'charge_settled:' end || c.charge_id
  union all
  select p.balance_transaction_id, p.currency, -p.amount_minor, 'payout:' || p.id, j.posted_at
  from public.payouts p join public.journals j on j.key = 'payout_send:' || p.id
  union all
  select j.refs ->> 'balanceTransactionId', j.currency,
    (j.amounts ->> 'total')::bigint * case when j.template like 'dispute\_won%' then 1 else -1 end, j.template || ':' || (j.refs ->> 'withdrawalId'), j.posted_at
  from public.journals j where j.template in ('refund', 'dispute', 'dispute_won', 'refund_settled', 'dispute_settled', 'dispute_won_settled')
  union all
  select r.balance_transaction_id, r.currency, r.amount_minor, 'transfer_reversal:' || r.id, j.posted_at
  from public.transfer_reversals r join public.journals j on j.key = 'transfer_reversal:' || r.id
$$;

-- Movements that no row of ours explains. One that is younger than the longest job may still be on its way to its row.
create function app.unexplained_movements(p_listed_at timestamptz) returns setof public.stripe_movements language sql stable as $$
  select m.* from public.stripe_movements m
  where m.created_at < p_listed_at - interval '2 minutes'
    and not exists (select 1 from public.charges c where c.balance_transaction_id = m.id and m.reporting_category = 'charge')
    and not exists (select 1 from public.payouts p where p.balance_transaction_id = m.id and m.reporting_category = 'transfer')
    and not exists (select 1 from public.withdrawals w where w.balance_transaction_id = m.id or w.reinstated_by = m.id)
    and not exists (select 1 from public.transfer_reversals r where r.balance_transaction_id = m.id)
$$;

-- Every difference between movements, listed at p_listed_at, and the rows that explain them. What was recorded after
-- the listing cannot be in it.
create function app.find_breaks(p_listed_at timestamptz) returns table (
  identity text, kind text, currency text, amount_minor bigint, evidence jsonb, gates boolean) language sql stable as $$
  select 'movement:' || m.id,
    case when m.reporting_category = 'charge' then 'missing_in_ledger'
         when m.reporting_category in ('transfer', 'transfer_reversal') then 'orphan_transfer' else 'unknown_category' end,
    m.currency, m.net_minor, jsonb_build_object('movement', m.id, 'source', m.source_id, 'category', m.reporting_category), true
  from app.unexplained_movements(p_listed_at) m
  union all
  select 'amount:' || m.id, case when m.currency <> e.currency then 'currency' else 'amount' end, e.currency,
    m.net_minor - e.net_minor, jsonb_build_object('movement', m.id, 'subject', e.subject, 'expectedMinor', e.net_minor), true
  from app.expected_movements() e join public.stripe_movements m on m.id = e.id
  where m.net_minor <> e.net_minor or m.currency <> e.currency
  union all
  select 'missing:' || e.id, 'missing_in_stripe', e.currency, e.net_minor,
    jsonb_build_object('movement', e.id, 'subject', e.subject), true
  from app.expected_movements() e
  where e.posted_at < p_listed_at and not exists (select 1 from public.stripe_movements m where m.id = e.id)
$$;

-- Compares Stripe's movements with the ledger as of the due instant of a date, clears what became available, and keeps
-- one row per difference. The movements must have been stored before. Safe to run twice: journals have the movement's
-- key, a break its identity; a second run of the day updates the same rows. p_listed_ms is when their listing began.
create function public.reconcile_money(p_date date, p_due_ms bigint, p_listed_ms bigint, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare
  v_due timestamptz := app.at(p_due_ms); v_listed timestamptz := app.at(p_listed_ms); v_now timestamptz := app.at(p_now_ms);
  v_runs jsonb;
begin
  perform app.lock_ledger();
  perform app.clear_available(p_date, v_due, v_now);
  perform app.clear_wallets(p_date, v_now);
  perform app.reverse_resolutions(v_now);
  insert into reconciliation_breaks as b (identity, kind, currency, amount_minor, evidence, gates, first_seen_at, last_seen_at)
  select f.identity, f.kind, f.currency, f.amount_minor, f.evidence, f.gates, v_now, v_now from app.find_breaks(v_listed) f
  -- One that a person resolved stays so.
  on conflict (identity) do update set state = case b.state when 'resolved' then b.state else 'open' end,
    closed_at = case b.state when 'resolved' then b.closed_at end, last_seen_at = v_now, kind = excluded.kind,
    amount_minor = excluded.amount_minor, evidence = excluded.evidence;
  update reconciliation_breaks set state = 'closed', closed_at = v_now
  where state = 'open' and identity not in (select f.identity from app.find_breaks(v_listed) f);

  insert into reconciliation_runs as r (business_date, currency, state, as_of, stripe_available_minor, stripe_pending_minor,
    ledger_available_minor, ledger_pending_minor, difference_minor, matched, finished_at)
  select p_date, c.code, 'finished', v_due, s.available, s.pending, l.available, l.pending,
    s.available + s.pending - young.net - (l.available + l.pending - unlisted.net), s.matched, v_now
  from currencies c
    cross join lateral (
      -- A transfer leaves the available balance when it is made; a charge is pending until its own date.
      select coalesce(sum(net_minor) filter (where available_at <= v_due or net_minor < 0), 0)::bigint as available,
        coalesce(sum(net_minor) filter (where available_at > v_due and net_minor >= 0), 0)::bigint as pending,
        count(*) filter (where exists (select 1 from charges c where c.balance_transaction_id = m.id)
          or exists (select 1 from payouts p where p.balance_transaction_id = m.id)
          or exists (select 1 from withdrawals w where w.balance_transaction_id = m.id or w.reinstated_by = m.id)
          or exists (select 1 from transfer_reversals r where r.balance_transaction_id = m.id)) as matched
      from stripe_movements m where m.currency = c.code) s
    cross join lateral (
      select coalesce(sum(balance_minor) filter (where kind = 'stripe_available'), 0)::bigint as available,
        coalesce(sum(balance_minor) filter (where kind = 'stripe_pending'), 0)::bigint as pending
      from ledger_accounts a where a.currency = c.code) l
    cross join lateral (
      select coalesce(sum(m.net_minor), 0)::bigint as net from stripe_movements m
      where m.currency = c.code and m.created_at >= v_listed - interval '2 minutes'
        and m.id not in (select e.id from app.expected_movements() e)) young
    cross join lateral (
      select coalesce(sum(e.net_minor), 0)::bigint as net from app.expected_movements() e
      where e.currency = c.code and e.posted_at >= v_listed
        and not exists (select 1 from stripe_movements m where m.id = e.id)) unlisted
  on conflict (business_date, currency) do update set as_of = excluded.as_of,
    stripe_available_minor = excluded.stripe_available_minor, stripe_pending_minor = excluded.stripe_pending_minor,
    ledger_available_minor = excluded.ledger_available_minor, ledger_pending_minor = excluded.ledger_pending_minor,
    difference_minor = excluded.difference_minor, matched = excluded.matched, finished_at = excluded.finished_at;

  select jsonb_agg(jsonb_build_object('currency', currency, 'differenceMinor', difference_minor, 'matched', matched,
    'availableAgrees', stripe_available_minor = ledger_available_minor) order by currency) into v_runs
  from reconciliation_runs where business_date = p_date and (matched > 0 or difference_minor <> 0);
  return jsonb_build_object('runs', coalesce(v_runs, '[]'),
    'openBreaks', (select count(*) from reconciliation_breaks where state = 'open'));
end $$;

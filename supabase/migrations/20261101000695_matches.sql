-- Which movement of Stripe's balance is which line of the ledger. A line is a journal that moves the cash at Stripe; the two are one
-- when they are of the same object at Stripe (a charge, a transfer, a refund …). Amount, currency and day never make a match.

-- The journals that move the cash at Stripe: as which of its reporting categories, which way, and by which of their amounts.
create table public.cash_templates (
  template text primary key,
  category text not null,
  sign int not null check (sign in (-1, 1)),
  gross text not null,
  net text not null
);
insert into public.cash_templates values
  ('charge', 'charge', 1, 'gross', 'net'), ('charge_settled', 'charge', 1, 'gross', 'net'),
  ('refund', 'refund', -1, 'amount', 'total'), ('refund_settled', 'refund', -1, 'amount', 'total'),
  ('dispute', 'dispute', -1, 'amount', 'total'), ('dispute_settled', 'dispute', -1, 'amount', 'total'),
  ('dispute_won', 'dispute_reversal', 1, 'amount', 'total'), ('dispute_won_settled', 'dispute_reversal', 1, 'amount', 'total'),
  ('payout_send', 'transfer', -1, 'amount', 'amount'),
  ('transfer_reversal', 'transfer_reversal', 1, 'amount', 'amount'),
  ('platform_payout', 'payout', -1, 'amount', 'total'), ('platform_payout_returned', 'payout_reversal', 1, 'amount', 'total');

-- Lines by their order and by the movement that they name.
create index journals_moved on public.journals (id) where (refs ->> 'balanceTransactionId') is not null;
create index journals_movement on public.journals ((refs ->> 'balanceTransactionId')) where (refs ->> 'balanceTransactionId') is not null;

-- The lines as Stripe would tell them: what left the balance is negative, and the fee is what gross has more than net.
create view app.cash_lines as
select j.id as journal_id, j.template, t.category, j.refs ->> 'balanceTransactionId' as movement_id,
  coalesce(j.refs ->> 'chargeId', j.refs ->> 'transferId', j.refs ->> 'withdrawalId', j.refs ->> 'reversalId', j.refs ->> 'platformPayoutId') as source_id,
  j.currency, t.sign * (j.amounts ->> t.gross)::bigint as gross_minor, t.sign * (j.amounts ->> t.net)::bigint as net_minor,
  j.refs ->> 'exchangeRate' as exchange_rate, to_timestamp((j.refs ->> 'availableMs')::bigint / 1000.0) as available_at, j.posted_at, j.refs
from public.journals j join public.cash_templates t on t.template = j.template
where (j.refs ->> 'balanceTransactionId') is not null;

-- One for each movement that is a line of ours, by its number, which takes less than Stripe's id; only ever added. No foreign keys:
-- both sides are only added too.
create table public.cash_matches (
  movement_seq bigint primary key,
  journal_id bigint not null,
  -- By the object at Stripe that both name, or by the payout that a transfer's metadata names.
  matched_by text not null check (matched_by in ('source', 'metadata')),
  -- In gross, fee, net, currency, exchange rate and the days.
  agrees boolean not null,
  matched_at timestamptz not null
);
create index cash_matches_differing on public.cash_matches (movement_seq) where not agrees;
create trigger cash_matches_append_only before update or delete on public.cash_matches for each row execute function app.refuse_change();
create trigger cash_matches_no_truncate before truncate on public.cash_matches for each statement execute function app.refuse_change();

-- What was read and has no counterpart yet.
create table public.unmatched_movements (seq bigint primary key);
create table public.unmatched_lines (journal_id bigint primary key);

-- Both with what they are of, and the matches that differ, each read by its number: the planner does not know that they are few, and would
-- read all that ever moved.
create view app.movements_alone as
select m.movement from public.unmatched_movements u
  cross join lateral (select s as movement from public.stripe_movements s where s.seq = u.seq offset 0) m;
create view app.lines_alone as
select l.line from public.unmatched_lines u
  cross join lateral (select c as line from app.cash_lines c where c.journal_id = u.journal_id offset 0) l;
create view app.matches_differing as
select m.movement, l.line from public.cash_matches d
  cross join lateral (select s as movement from public.stripe_movements s where s.seq = d.movement_seq offset 0) m
  cross join lateral (select c as line from app.cash_lines c where c.journal_id = d.journal_id offset 0) l
where not d.agrees;

-- The payout that the transfer of a movement names in its metadata, as it was read at Stripe; null when it names none.
create table public.movement_claims (movement_id text primary key, payout_id text);

-- All movements that were read, by currency.
create table public.cash_totals (
  currency text primary key,
  movements bigint not null,
  net_minor bigint not null,
  matched bigint not null
);

-- How far both sides have been read. Of movements the newest stored are read first, because Stripe lists the newest first: so both
-- sides come in the order of time. Between two parts of that, `movement_left` is what is left up to `movement_top`.
create table public.cash_matching (
  singleton boolean primary key default true check (singleton),
  movement_seq bigint not null default 0,
  movement_top bigint,
  movement_left bigint,
  journal_id bigint not null default 0,
  -- Days up to this one are frozen.
  frozen_through date
);
insert into public.cash_matching default values;

-- A day (UTC) of one currency as it was when its close reported, `revision` 0; what came for it later is a row of its own with
-- the next revision, a correction, which opens where the one before closed. Only ever added.
create table public.cash_days (
  day date not null,
  currency text not null,
  revision int not null,
  opening_minor bigint not null,
  movements_minor bigint not null,
  closing_minor bigint not null check (closing_minor = opening_minor + movements_minor),
  movements bigint not null,
  matched bigint not null,
  -- [{category, movements, grossMinor, feeMinor, netMinor, matched}]
  categories jsonb not null,
  at timestamptz not null,
  primary key (day, currency, revision)
);
create trigger cash_days_append_only before update or delete on public.cash_days for each row execute function app.refuse_change();
create trigger cash_days_no_truncate before truncate on public.cash_days for each statement execute function app.refuse_change();

-- How a movement differs from its line; null when it does not. The first of: another currency or rate, gross, fee, day. A
-- day is wrong when the money is available on another one, or was booked on a day before it moved.
create function app.difference_of(p_movement public.stripe_movements, p_line app.cash_lines) returns text language sql immutable as $$
  select case
    when p_movement.currency <> p_line.currency or p_movement.exchange_rate is distinct from p_line.exchange_rate then 'currency'
    when p_movement.amount_minor <> p_line.gross_minor then 'amount'
    when p_movement.net_minor <> p_line.net_minor or p_movement.fee_minor <> p_line.gross_minor - p_line.net_minor then 'fee'
    when (p_movement.available_at at time zone 'UTC')::date <> (p_line.available_at at time zone 'UTC')::date
      or (p_movement.created_at at time zone 'UTC')::date > ((p_line.posted_at + interval '1 minute') at time zone 'UTC')::date then 'wrong_day' end
$$;

-- Of what names no line or movement of the same id: those of one object at Stripe, and transfers whose metadata names the payout.
-- What matches is added to the pairs of app.match_cash.
create function app.match_rest(p_now timestamptz) returns void language plpgsql as $$
begin
  with movements as (
    select movement, c.payout_id from app.movements_alone left join movement_claims c on c.movement_id = (movement).id
  ), alike as (
    select movement, line, 'source' as matched_by from movements join app.lines_alone
      on (movement).source_id = (line).source_id and (movement).reporting_category = (line).category
    union all
    select movement, line, 'metadata' from movements join app.lines_alone
      on payout_id = (line).refs ->> 'payoutId' and (movement).reporting_category = (line).category and (line).template = 'payout_send'
  ), candidates as (
    select distinct on ((line).journal_id) movement, line, matched_by from alike
    order by (line).journal_id, matched_by <> 'source', (movement).created_at, (movement).id
  ), matched as (
    insert into cash_matches
    select distinct on ((movement).seq) (movement).seq, (line).journal_id, matched_by, app.difference_of(movement, line) is null, p_now
    from candidates order by (movement).seq, (line).journal_id
    returning *
  ), gone as (
    delete from unmatched_movements where seq in (select movement_seq from matched)
  ), done as (
    delete from unmatched_lines where journal_id in (select journal_id from matched)
  )
  insert into cash_pairs
  select m.seq, d.journal_id, (m.created_at at time zone 'UTC')::date, m.currency, m.net_minor, false, false, d.agrees
  from matched d join stripe_movements m on m.seq = d.movement_seq;
end $$;

-- Adds what was paired to the totals, and to the days of it that are frozen as corrections.
create function app.count_pairs(p_now timestamptz) returns void language plpgsql as $$
begin
  insert into cash_totals as t
  select currency, count(*) filter (where is_new), coalesce(sum(net_minor) filter (where is_new), 0), count(journal_id)
  from cash_pairs where seq is not null and (is_new or journal_id is not null) group by currency
  on conflict (currency) do update set movements = t.movements + excluded.movements, net_minor = t.net_minor + excluded.net_minor,
    matched = t.matched + excluded.matched;

  with late as (
    select p.day, p.currency, m.reporting_category as category, count(*) filter (where is_new) as movements, count(journal_id) as matched,
      coalesce(sum(m.amount_minor) filter (where is_new), 0) as gross, coalesce(sum(m.fee_minor) filter (where is_new), 0) as fee,
      coalesce(sum(m.net_minor) filter (where is_new), 0) as net
    from cash_pairs p join stripe_movements m using (seq)
    where p.day <= (select frozen_through from cash_matching) and (is_new or journal_id is not null) group by 1, 2, 3
  ), days as (
    select day, currency, sum(net)::bigint as net, sum(movements)::bigint as movements, sum(matched)::bigint as matched, jsonb_agg(jsonb_build_object(
      'category', category, 'movements', movements, 'grossMinor', gross, 'feeMinor', fee, 'netMinor', net, 'matched', matched) order by category) as categories
    from late group by 1, 2
  )
  insert into cash_days
  select d.day, d.currency, coalesce(last.revision, 0) + 1, before.closing, d.net, before.closing + d.net, d.movements, d.matched, d.categories, p_now
  from days d
    left join lateral (select revision, closing_minor from cash_days where day = d.day and currency = d.currency order by revision desc limit 1) last on true
    -- Of a currency that had no day yet there is none to open from.
    cross join lateral (select coalesce(last.closing_minor, (select sum(movements_minor) from cash_days
      where currency = d.currency and day < d.day), 0)::bigint as closing) before;
end $$;

-- Reads what is new on both sides, at most so much of each (all of it when p_limit is null), and pairs it with itself and with
-- what had no counterpart: set by set, nothing that was matched is read again. True while there is more. The locks make it see all
-- that was stored and posted up to the highest number, so that nothing is passed over. Safe to run twice: each side is read once.
create function app.match_cash(p_limit int, p_now timestamptz) returns boolean language plpgsql
set jit = off set enable_mergejoin = off set work_mem = '64MB' as $$
declare v cash_matching; v_from bigint; v_journals bigint;
begin
  -- The ledger first, as whoever compares holds it already.
  perform app.lock_ledger(), app.lock_movements(true);
  select * into v from cash_matching for update;
  if v.movement_left is null then
    v.movement_top := (select coalesce(max(seq), 0) from stripe_movements);
    v.movement_left := v.movement_top;
  end if;
  v_from := greatest(v.movement_seq, v.movement_left - p_limit);
  select coalesce(max(id), v.journal_id) into v_journals from (select id from journals
    where id > v.journal_id and (refs ->> 'balanceTransactionId') is not null order by id limit p_limit) next;

  drop table if exists pg_temp.cash_pairs;
  create temp table cash_pairs on commit drop as
  select m.seq, l.journal_id, (m.created_at at time zone 'UTC')::date as day, m.currency, m.net_minor::bigint as net_minor, m.is_new, l.is_new as is_new_line,
    -- As in app.difference_of, which says what it is that does not.
    m.currency = l.currency and m.exchange_rate is not distinct from l.exchange_rate and m.amount_minor = l.gross_minor
      and m.net_minor = l.net_minor and m.fee_minor = l.gross_minor - l.net_minor
      and (l.available_at is null or m.available_at = l.available_at or (m.available_at at time zone 'UTC')::date = (l.available_at at time zone 'UTC')::date)
      and (m.created_at <= l.posted_at
        or (m.created_at at time zone 'UTC')::date <= ((l.posted_at + interval '1 minute') at time zone 'UTC')::date) as agrees
  from (select s.*, true as is_new from stripe_movements s where seq > v_from and seq <= v.movement_left
      union all select (movement).*, false from app.movements_alone) m
    full join (select c.*, true as is_new from app.cash_lines c where journal_id > v.journal_id and journal_id <= v_journals
      union all select (line).*, false from app.lines_alone) l
      on l.movement_id = m.id and l.source_id = m.source_id and l.category = m.reporting_category;

  -- Of two lines that name one movement the first is its match; the other has none.
  update cash_pairs p set seq = null
  from (select seq, min(journal_id) as first from cash_pairs where seq is not null group by seq having count(*) > 1) twice
  where p.seq = twice.seq and p.journal_id <> twice.first;
  insert into cash_matches select seq, journal_id, 'source', agrees, p_now from cash_pairs where seq is not null and journal_id is not null;
  delete from unmatched_movements u using cash_pairs p where p.seq = u.seq and not p.is_new and p.journal_id is not null;
  delete from unmatched_lines u using cash_pairs p where p.journal_id = u.journal_id and not p.is_new_line and p.seq is not null;
  insert into unmatched_movements select seq from cash_pairs where journal_id is null and is_new;
  insert into unmatched_lines select journal_id from cash_pairs where seq is null and is_new_line;

  update cash_matching set journal_id = v_journals, movement_top = v.movement_top, movement_left = v_from;
  if v_from = v.movement_seq then update cash_matching set movement_seq = v.movement_top, movement_top = null, movement_left = null; end if;
  -- By the highest numbers, which an index has; whether one exists that is higher may be looked for among all.
  if v_from > v.movement_seq or (select max(seq) from stripe_movements) > v.movement_top
    or (select max(id) from journals where (refs ->> 'balanceTransactionId') is not null) > v_journals
  then
    perform app.count_pairs(p_now);
    return true;
  end if;
  perform app.match_rest(p_now), app.count_pairs(p_now);
  return false;
end $$;

-- Matches 50,000 of what is new on each side, which takes a second or less; true while there is more. Safe to run twice, as above.
create function public.match_movements(p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  return to_jsonb(app.match_cash(50000, app.at(p_now_ms)));
end $$;

-- Transfers that no line explains and whose payout was not asked for, older than the longest job; at most 500.
create function public.transfers_to_identify(p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('movementId', id, 'transferId', source_id)), '[]') from (
    select m.id, m.source_id from (select (movement).* from app.movements_alone) m
    where m.reporting_category = 'transfer' and m.source_id is not null and m.created_at < app.at(p_now_ms) - interval '2 minutes'
      and not exists (select 1 from movement_claims c where c.movement_id = m.id) order by m.id limit 500) found
$$;

-- Notes which payout a transfer names at Stripe. Safe to run twice: a movement has one.
create function public.note_claim(p_movement_id text, p_payout_id text)
returns jsonb language sql security definer set search_path = pg_catalog, public, app, pg_temp as $$
  insert into movement_claims values (p_movement_id, p_payout_id) on conflict do nothing;
  select '{}'::jsonb
$$;

-- Freezes the days (UTC) that were over when the listing began that was compared last, up to a date: what moved
-- later that day is not listed yet. Safe to run twice: a day is frozen once.
create function app.freeze_days(p_date date) returns void language plpgsql
set jit = off set work_mem = '64MB' as $$
declare v cash_matching; v_first date; v_last date; v_at timestamptz;
begin
  perform app.lock_movements(true);
  select * into v from cash_matching for update;
  select max(finished_at), least(p_date, max(business_date), (max(listed_at) at time zone 'UTC')::date - 1) into v_at, v_last from reconciliation_runs;
  v_first := coalesce(v.frozen_through + 1, (select (min(created_at) at time zone 'UTC')::date from stripe_movements));
  if v_at is null or v_first is null or v_first > v_last or v.movement_left is not null then return; end if;
  with moved as (
    select (m.created_at at time zone 'UTC')::date as day, m.currency, m.reporting_category as category, count(*) as movements,
      sum(m.amount_minor) as gross, sum(m.fee_minor) as fee, sum(m.net_minor) as net, count(c.movement_seq) as matched
    from stripe_movements m left join cash_matches c on c.movement_seq = m.seq
    where m.created_at >= v_first::timestamp at time zone 'UTC' and m.created_at < (v_last + 1)::timestamp at time zone 'UTC' and m.seq <= v.movement_seq
    group by 1, 2, 3
  ), days as (
    select day, currency, sum(net)::bigint as net, sum(movements)::bigint as movements, sum(matched)::bigint as matched, jsonb_agg(jsonb_build_object(
      'category', category, 'movements', movements, 'grossMinor', gross, 'feeMinor', fee, 'netMinor', net, 'matched', matched) order by category) as categories
    from moved group by 1, 2
  ), grid as (
    select g.day::date as day, t.currency, coalesce(d.net, 0) as net, coalesce(d.movements, 0) as movements, coalesce(d.matched, 0) as matched,
      coalesce(d.categories, '[]') as categories,
      (coalesce((select sum(movements_minor) from cash_days where currency = t.currency), 0)
        + sum(coalesce(d.net, 0)) over (partition by t.currency order by g.day))::bigint as closing
    from generate_series(v_first, v_last, interval '1 day') g(day) cross join cash_totals t
      left join days d on d.day = g.day::date and d.currency = t.currency
  )
  insert into cash_days
  select day, currency, 0, closing - net, net, closing, movements, matched, categories, v_at from grid;
  update cash_matching set frozen_through = v_last;
end $$;

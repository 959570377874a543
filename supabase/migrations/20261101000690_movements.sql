-- How Stripe's movements get here: page by page, so that no process holds a day of them.

-- What Stripe says moved, as it said it. Rows are only added: Stripe's balance transactions do not change.
create table public.stripe_movements (
  id text primary key,
  source_id text,
  reporting_category text not null,
  amount_minor app.amount_minor not null,
  fee_minor app.amount_minor not null,
  net_minor app.amount_minor not null,
  currency text not null,
  available_at timestamptz not null,
  created_at timestamptz not null,
  seen_at timestamptz not null,
  -- As Stripe wrote it, where it exchanged; no amount is made with it.
  exchange_rate text check (exchange_rate::numeric > 0),
  -- In the order in which they were stored; see app.match_cash.
  seq bigint generated always as identity unique
);
create index stripe_movements_source on public.stripe_movements (source_id);
-- They are stored as they moved, or the other way round, so that those of a time stand together.
create index stripe_movements_times on public.stripe_movements using brin (created_at, available_at) with (autosummarize = on);
-- What each night looks for among all movements, however many years of charges and transfers lie between: see app.book_platform_payouts,
-- withdrawals_to_read and reversals_to_read.
create index stripe_movements_payouts on public.stripe_movements (id) where reporting_category in ('payout', 'payout_reversal');
create index stripe_movements_taken_back on public.stripe_movements (reporting_category, source_id, id)
  where reporting_category in ('refund', 'dispute', 'transfer_reversal');

-- A listing of Stripe's movements, which Stripe gives newest first: it is whole when its last page is stored. One that failed goes
-- on after its cursor; the next begins an hour before the newest movement of the last that was whole, because Stripe counts
-- by the second and the end of a listing may still grow.
create table public.stripe_listings (
  id bigint generated always as identity primary key,
  created_from timestamptz not null,
  created_before timestamptz not null,
  -- The movement after which the next page starts; null before the first page.
  cursor text,
  state text not null default 'open' check (state in ('open', 'whole', 'given_up')),
  -- Of its movements and of those of the listings before.
  newest_at timestamptz,
  started_at timestamptz not null,
  ended_at timestamptz
);
create unique index stripe_listings_open on public.stripe_listings (state) where state = 'open';

-- Whoever stores pages shares this lock, and the matching takes it alone: what it does not see then is stored later, with higher numbers.
create function app.lock_movements(p_alone boolean) returns void language plpgsql as $$
begin
  if p_alone then perform pg_advisory_xact_lock(741070); else perform pg_advisory_xact_lock_shared(741070); end if;
end $$;

-- The listing to read: the open one, from where it stopped, or a new one. One that stands open for a day is given up, in case
-- Stripe no longer knows its cursor. Safe to run twice: one is open at a time.
create function public.open_listing(p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_listing stripe_listings; v_now timestamptz := app.at(p_now_ms); v_newest timestamptz;
begin
  perform pg_advisory_xact_lock(741071);
  update stripe_listings set state = 'given_up', ended_at = v_now where state = 'open' and started_at < v_now - interval '1 day';
  select * into v_listing from stripe_listings where state = 'open';
  if v_listing.id is null then
    select newest_at into v_newest from stripe_listings where state = 'whole' order by id desc limit 1;
    -- Stripe's clock may be ahead of ours by a minute.
    insert into stripe_listings (created_from, created_before, newest_at, started_at)
    values (greatest(coalesce(v_newest - interval '1 hour', to_timestamp(0)), to_timestamp(0)), v_now + interval '1 minute', v_newest, v_now)
    returning * into v_listing;
  end if;
  return jsonb_build_object('id', v_listing.id, 'createdFromMs', app.ms(v_listing.created_from),
    'createdBeforeMs', app.ms(v_listing.created_before), 'cursor', v_listing.cursor, 'startedMs', app.ms(v_listing.started_at));
end $$;

-- Movements as rows. They come as columns: [ids, sources, categories, amounts, fees, nets, currencies, available, created, exchange
-- rates], each a text with U+007F between its values, instants in milliseconds, nothing for null. As a list for each movement they took
-- six times as long to read.
create function app.movements_of(p_columns text[], p_now timestamptz) returns table (id text, source_id text, reporting_category text,
  amount_minor bigint, fee_minor bigint, net_minor bigint, currency text, available_at timestamptz, created_at timestamptz, seen_at timestamptz, exchange_rate text)
language sql immutable as $$
  select m.id, m.source, m.category, m.amount, m.fee, m.net, m.currency, app.at(m.available), app.at(m.created), p_now, m.rate
  from unnest(string_to_array(p_columns[1], E'\x7f'), string_to_array(p_columns[2], E'\x7f', ''), string_to_array(p_columns[3], E'\x7f'),
    string_to_array(p_columns[4], E'\x7f')::bigint[], string_to_array(p_columns[5], E'\x7f')::bigint[], string_to_array(p_columns[6], E'\x7f')::bigint[],
    string_to_array(p_columns[7], E'\x7f'), string_to_array(p_columns[8], E'\x7f')::bigint[], string_to_array(p_columns[9], E'\x7f')::bigint[],
    string_to_array(p_columns[10], E'\x7f', '')) m (id, source, category, amount, fee, net, currency, available, created, rate)
$$;

-- Stores some pages of a listing, those after p_after; p_next is after which the next one starts, null behind the last. The movements are
-- the columns of app.movements_of, a line each. Answers how many were new. Safe to run twice: a movement has
-- one id; of two workers the one that is behind does not move the cursor.
create function public.store_pages(p_listing_id bigint, p_after text, p_movements text, p_next text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_columns text[] := string_to_array(p_movements, E'\n'); v_now timestamptz := app.at(p_now_ms); v_added bigint; v_newest timestamptz;
begin
  perform app.lock_movements(false);
  begin
    insert into stripe_movements select * from app.movements_of(v_columns, v_now);
  exception when unique_violation then
    -- Some are here: the end of the listing before, a page that moved, or another worker. To look for them each time takes longer.
    insert into stripe_movements select * from app.movements_of(v_columns, v_now) on conflict (id) do nothing;
  end;
  get diagnostics v_added = row_count;
  select app.at(max(created)) into v_newest from unnest(string_to_array(v_columns[9], E'\x7f')::bigint[]) created;
  update stripe_listings set newest_at = greatest(newest_at, v_newest),
    cursor = case when cursor is not distinct from p_after then coalesce(p_next, cursor) else cursor end,
    state = case when p_next is null then 'whole' else state end, ended_at = case when p_next is null then v_now end
  where id = p_listing_id and state = 'open';
  return to_jsonb(v_added);
end $$;

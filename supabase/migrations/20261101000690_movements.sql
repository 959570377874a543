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
create index stripe_movements_created on public.stripe_movements (created_at);
create index stripe_movements_source on public.stripe_movements (source_id);
create index stripe_movements_pending on public.stripe_movements (available_at);
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

-- Stores some pages of a listing, those after p_after; p_next is after which the next one starts, null behind the last. Answers how
-- many movements were new. Safe to run twice: a movement has one id; of two workers the one that is behind does not move the cursor.
create function public.store_page(p_listing_id bigint, p_after text, p_movements jsonb, p_next text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_added bigint; v_newest timestamptz;
begin
  perform app.lock_movements(false);
  with page as (
    select * from jsonb_to_recordset(app.json_arg(p_movements)) as m(id text, "sourceId" text, "reportingCategory" text, "amountMinor" bigint,
      "feeMinor" bigint, "netMinor" bigint, currency text, "availableOnMs" bigint, "createdMs" bigint, "exchangeRate" text)
  ), added as (
    insert into stripe_movements (id, source_id, reporting_category, amount_minor, fee_minor, net_minor, currency, available_at,
      created_at, seen_at, exchange_rate)
    select id, "sourceId", "reportingCategory", "amountMinor", "feeMinor", "netMinor", currency, app.at("availableOnMs"),
      app.at("createdMs"), app.at(p_now_ms), "exchangeRate" from page
    on conflict (id) do nothing returning 1
  )
  select (select count(*) from added), (select app.at(max("createdMs")) from page) into v_added, v_newest;
  update stripe_listings set newest_at = greatest(newest_at, v_newest),
    cursor = case when cursor is not distinct from p_after then coalesce(p_next, cursor) else cursor end,
    state = case when p_next is null then 'whole' else state end, ended_at = case when p_next is null then app.at(p_now_ms) end
  where id = p_listing_id and state = 'open';
  return to_jsonb(v_added);
end $$;

-- One day (UTC) of Stripe's balance against the ledger, in one query: {date, state, currencies, corrections, balances, breaks}.
--
-- `state`: frozen (as it was when its close reported), or open (as it is now). Each of `currencies` is {currency, openingMinor,
-- movementsMinor, closingMinor, movements, matched, categories: [{category, movements, grossMinor, feeMinor, netMinor, matched}]}, where
-- opening + movements = closing. `corrections` are what came for a frozen day later: the same with revision and atMs, each opening
-- where the one before closed. `balances`, {currency, amountMinor}, are what all movements up to the end of the day come to, with the
-- corrections of the days before it too, which came after it was frozen. `breaks` are those of the day in whatever state, as list_breaks has them.
create function public.cash_day(p_date date, p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  with moved as (
    select m.currency, m.reporting_category as category, count(*) as movements, sum(m.amount_minor) as gross, sum(m.fee_minor) as fee,
      sum(m.net_minor) as net, count(c.movement_seq) as matched
    from stripe_movements m left join cash_matches c on c.movement_seq = m.seq
    where m.created_at >= p_date::timestamp at time zone 'UTC' and m.created_at < (p_date + 1)::timestamp at time zone 'UTC' group by 1, 2
  ), live as (
    select t.currency, coalesce(sum(m.net), 0)::bigint as net, coalesce(sum(m.movements), 0)::bigint as movements, coalesce(sum(m.matched), 0)::bigint as matched,
      coalesce(jsonb_agg(jsonb_build_object('category', m.category, 'movements', m.movements, 'grossMinor', m.gross, 'feeMinor', m.fee,
        'netMinor', m.net, 'matched', m.matched) order by m.category) filter (where m.category is not null), '[]') as categories,
      (coalesce((select sum(movements_minor) from cash_days d where d.currency = t.currency), 0)
        + coalesce((select sum(net_minor) from stripe_movements b where b.currency = t.currency and b.created_at < p_date::timestamp at time zone 'UTC'
          and b.created_at >= coalesce((f.frozen_through + 1)::timestamp at time zone 'UTC', '-infinity')), 0))::bigint as opening
    from (select currency from cash_totals union select currency from moved) t cross join cash_matching f left join moved m on m.currency = t.currency
    group by t.currency, f.frozen_through
  ), days as (
    select d.currency, d.revision, d.opening_minor as opening, d.movements_minor as net, d.movements, d.matched, d.categories, d.at
    from cash_days d where d.day = p_date
    union all
    select currency, 0, opening, net, movements, matched, categories, null from live
    where not exists (select 1 from cash_matching where p_date <= frozen_through)
  ), balances as (
    select currency, sum(movements_minor)::bigint as amount from cash_days
    where day <= p_date and exists (select 1 from cash_matching where p_date <= frozen_through) group by currency
    union all
    select currency, opening + net from days where at is null
  ), told as (
    select currency, revision, jsonb_build_object('currency', currency, 'openingMinor', opening, 'movementsMinor', net, 'closingMinor', opening + net,
      'movements', movements, 'matched', matched, 'categories', categories) as facts, at from days
  )
  select jsonb_build_object('date', p_date,
    'state', case when exists (select 1 from cash_matching where p_date <= frozen_through) then 'frozen' else 'open' end,
    'currencies', (select coalesce(jsonb_agg(facts order by currency), '[]') from told where revision = 0),
    'corrections', (select coalesce(jsonb_agg(facts || jsonb_build_object('revision', revision, 'atMs', app.ms(at)) order by currency, revision), '[]')
      from told where revision > 0),
    'balances', (select coalesce(jsonb_agg(jsonb_build_object('currency', currency, 'amountMinor', amount) order by currency), '[]') from balances),
    'breaks', (select coalesce(jsonb_agg(app.describe_break(b, app.at(p_now_ms)) order by b.first_seen_at, b.id), '[]')
      from (select * from reconciliation_breaks where day = p_date order by first_seen_at, id limit 500) b))
$$;

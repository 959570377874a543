-- Payouts of the platform and the deposits of its bank: how they are booked, matched and compared.

-- Whether a bank is the platform's: as its operators have said, and not because Stripe was told to pay to it.
create function app.is_own_bank(p_destination text) returns boolean language sql stable as $$
  select coalesce(p_destination = any (payout_destinations), false) from public.settings
$$;

-- Books each payout of the platform that left Stripe's balance for a bank of its own, and each that came back to it. What is not the whole
-- of a payout in a currency of the books, or went to another bank, stays unexplained. Where its deposit was booked, that is taken back with it.
-- Safe to run twice: a movement is booked once, a payout leaves once and comes back once, a journal has the movement's key.
create function app.book_platform_payouts(p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v_move record; v_date date := app.unclosed_date(p_date);
begin
  for v_move in
    select m.id, m.source_id, m.currency, abs(m.amount_minor) as amount, abs(m.fee_minor) as fee, m.reporting_category = 'payout_reversal' as returned
    from stripe_movements m join currencies c on c.code = m.currency
    where m.reporting_category in ('payout', 'payout_reversal') and m.source_id is not null
      and case m.reporting_category when 'payout' then m.amount_minor < 0 and m.fee_minor >= 0 else m.amount_minor > 0 and m.fee_minor <= 0 end
      and not exists (select 1 from platform_payout_moves p where p.balance_transaction_id = m.id)
    order by returned, m.created_at, m.id
  loop
    continue when not exists (select 1 from platform_payouts p where not v_move.returned and p.id = v_move.source_id and app.is_own_bank(p.destination)
      union all select 1 from platform_payout_moves p where v_move.returned and p.payout_id = v_move.source_id and not p.returned
        and (p.currency, p.amount_minor) = (v_move.currency, v_move.amount) and p.fee_minor >= v_move.fee);
    insert into platform_payout_moves values (v_move.id, v_move.source_id, v_move.returned, v_move.currency, v_move.amount, v_move.fee, v_date, p_now)
    on conflict do nothing;
    continue when not found;
    perform app.post_journal(case when v_move.returned then 'platform_payout_returned' else 'platform_payout' end, 'platform_payout:' || v_move.id,
      v_date, v_move.currency, jsonb_build_object('amount', v_move.amount, 'fee', v_move.fee, 'total', v_move.amount + v_move.fee), '{}',
      jsonb_build_object('platformPayoutId', v_move.source_id, 'balanceTransactionId', v_move.id), p_now);
    if v_move.returned then perform app.return_deposit(v_move.source_id, v_date, p_now); end if;
  end loop;
end $$;

-- Takes a deposit out of the bank again whose money is back at Stripe. Safe to run twice: it is returned once.
create function app.return_deposit(p_payout_id text, p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v_deposit platform_deposits;
begin
  update platform_deposits set returned_at = p_now where payout_id = p_payout_id and returned_at is null returning * into v_deposit;
  if v_deposit.payout_id is null then return; end if;
  perform app.post_journal('bank_deposit_returned', 'bank_deposit_returned:' || p_payout_id, app.unclosed_date(p_date), v_deposit.currency,
    jsonb_build_object('amount', v_deposit.amount_minor), '{}', jsonb_build_object('platformPayoutId', p_payout_id), p_now);
end $$;

-- When the statements of a currency begin: what arrived before is on none. Null where none was ever imported.
create function app.statements_begin(p_currency text) returns date language sql stable as $$
  select min(t.from_date) from public.bank_statements t join public.bank_accounts a on a.id = t.account_id where a.currency = p_currency
$$;

-- Evidence that a payout is at the bank: a line of a statement or, where no statement of its day was ever imported, Stripe's
-- word. Books it, if what left Stripe's balance is that payout. Safe to run twice: a payout has one deposit.
create function app.book_deposits(p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v_found record; v_date date := app.unclosed_date(p_date);
begin
  for v_found in
    select p.id, p.currency, p.amount_minor, l.id is not null as by_bank, back.payout_id is not null as is_back
    from platform_payouts p
      join platform_payout_moves m on m.payout_id = p.id and not m.returned and (m.currency, m.amount_minor) = (p.currency, p.amount_minor)
      left join platform_payout_moves back on back.payout_id = p.id and back.returned
      left join bank_lines l on l.payout_id = p.id and l.amount_minor > 0
    where not exists (select 1 from platform_deposits d where d.payout_id = p.id)
      and (l.id is not null or p.status = 'paid' and coalesce((p.arrives_at at time zone 'UTC')::date < app.statements_begin(p.currency), true))
    order by p.created_at, p.id
  loop
    insert into platform_deposits values (v_found.id, v_found.currency, v_found.amount_minor,
      case when v_found.by_bank then 'bank' else 'stripe' end, v_date, p_now);
    perform app.post_journal('bank_deposit', 'bank_deposit:' || v_found.id, v_date, v_found.currency,
      jsonb_build_object('amount', v_found.amount_minor), '{}', jsonb_build_object('platformPayoutId', v_found.id), p_now);
    if v_found.is_back then perform app.return_deposit(v_found.id, p_date, p_now); end if;
  end loop;
  update platform_deposits d set evidence = 'bank' where evidence = 'stripe'
    and exists (select 1 from bank_lines l where l.payout_id = d.payout_id and l.amount_minor > 0);
end $$;

-- The lines that are no payout: of the last 120 days, and older ones whose break nobody has ended.
create function app.lines_to_match(p_now timestamptz) returns setof public.bank_lines language sql stable as $$
  select * from public.bank_lines where payout_id is null and booked_on >= (p_now - interval '120 days')::date
  union all
  select l.* from public.reconciliation_breaks b join public.bank_lines l on l.id = (b.evidence ->> 'line')::bigint
  where b.kind in ('unknown_deposit', 'deposit_amount') and b.state in ('open', 'ignored')
    and l.payout_id is null and l.booked_on < (p_now - interval '120 days')::date
$$;

-- The payouts that a line names, by Stripe's id or by the trace id: never by amount or day. Lines and payouts meet by their first word, as
-- sets: thousands of lines are not each held against each payout.
create function app.payouts_named(p_now timestamptz) returns table (line_id bigint, payout_ids text[]) language sql stable as $$
  select l.id, array_agg(distinct n.id)
  from app.lines_to_match(p_now) l cross join lateral unnest(string_to_array(trim(l.words), ' ')) as w (word)
    join (select p.id, p.created_at, ' ' || lower(p.id) || ' ' as words, lower(p.id) as word from public.platform_payouts p
      union all select p.id, p.created_at, p.trace_words, split_part(trim(p.trace_words), ' ', 1) from public.platform_payouts p) n on n.word = w.word
  where n.created_at between l.booked_on - interval '45 days' and l.booked_on + interval '3 days' and position(n.words in l.words) > 0
  group by l.id
$$;

-- Gives each line its payout: the only one that it names, in its currency and amount, of which no other line came (or, of what
-- left, went back). Safe to run twice: a line has one payout, and a payout one line for each way.
create function app.match_lines(p_now timestamptz) returns int language plpgsql as $$
declare v_named record; v_matched int := 0;
begin
  for v_named in
    select l.id, l.amount_minor > 0 as came, p.id as payout_id
    from app.payouts_named(p_now) n join bank_lines l on l.id = n.line_id
      join platform_payouts p on n.payout_ids = array[p.id] and (p.currency, p.amount_minor) = (l.currency, abs(l.amount_minor))
    order by l.booked_on, l.id
  loop
    continue when exists (select 1 from bank_lines o where o.payout_id = v_named.payout_id and (o.amount_minor > 0) = v_named.came);
    update bank_lines set payout_id = v_named.payout_id, matched_at = p_now where id = v_named.id;
    v_matched := v_matched + 1;
  end loop;
  return v_matched;
end $$;

-- Whether a break has been found and nobody has ended it: what it is of is looked at again, however old that is, because its age is no answer.
create function app.has_break(p_identity text) returns boolean language sql stable as $$
  select exists (select 1 from public.reconciliation_breaks where identity = p_identity and state in ('open', 'ignored'))
$$;

-- From each reading of Stripe's balance to the next: what it was, what moved by the rows that are stored, and what it is. Of the readings
-- since an instant, and of those before it that have a break.
create function app.running_balances(p_since timestamptz)
returns table (currency text, newest_movement_id text, opening bigint, moved bigint, closing bigint, moved_after timestamptz, moved_until timestamptz) language sql stable as $$
  select b.currency, b.newest_movement_id, b.opening, coalesce((select sum(m.net_minor) from public.stripe_movements m
      where m.currency = b.currency and m.created_at > b.moved_after and m.created_at <= b.moved_until), 0)::bigint,
    b.balance_minor, b.moved_after, b.moved_until
  from (select *, coalesce(lag(r.balance_minor) over w, 0) as opening, coalesce(lag(r.moved_until) over w, '-infinity') as moved_after
      from public.stripe_balances r window w as (partition by r.currency order by r.moved_until, r.read_at)) b
  where b.read_at >= p_since or app.has_break('bank:balance:' || b.currency || ':' || b.newest_movement_id)
$$;

-- Every difference between what Stripe paid out and what it says of it, and between that and the bank. None of it stops a payout to a
-- supplier: what differs in cash is a break of the comparison with Stripe's balance.
create function app.find_deposit_breaks(p_now timestamptz) returns table (
  identity text, kind text, currency text, amount_minor bigint, evidence jsonb) language sql stable as $$
  with line as (
    select l.*, a.name as account, position(lower(a.marker) in lower(l.details)) > 0 as is_stripes, n.payout_ids as named
    from app.lines_to_match(p_now) l join public.bank_accounts a on a.id = l.account_id left join app.payouts_named(p_now) n on n.line_id = l.id
  ), payout as (
    select p.*, o.balance_transaction_id as left_by, o.amount_minor as left_minor, o.currency as left_currency, back.payout_id is not null as is_back,
      came.id as came_by, went.id as went_by, (p_now at time zone 'UTC')::date - (p.arrives_at at time zone 'UTC')::date > s.deposit_days as is_late
    from public.platform_payouts p cross join public.settings s
      left join public.platform_payout_moves o on o.payout_id = p.id and not o.returned
      left join public.platform_payout_moves back on back.payout_id = p.id and back.returned
      left join public.bank_lines came on came.payout_id = p.id and came.amount_minor > 0
      left join public.bank_lines went on went.payout_id = p.id and went.amount_minor < 0
    -- What went to another bank is a break as it moved, and nobody waits for it at this one.
    where app.is_own_bank(p.destination) or o.payout_id is not null
  ), alike as materialized (
    select l.id as line_id, p.id as payout_id, l.amount_minor > 0 as is_in
    from line l join payout p on p.currency = l.currency and p.amount_minor = abs(l.amount_minor)
    where abs(l.booked_on - (p.arrives_at at time zone 'UTC')::date) <= 7
  )
  select 'bank:missing:' || p.id, 'missing_at_bank', p.currency, p.amount_minor, jsonb_build_object('payout', p.id, 'status', p.status,
      'traceId', p.trace_id, 'arrivesMs', app.ms(p.arrives_at), 'suggested', (select jsonb_agg(a.line_id order by a.line_id) from alike a where a.payout_id = p.id and a.is_in))
  from payout p
  where p.status not in ('failed', 'canceled') and p.is_late and p.came_by is null
    and (p.status <> 'paid' or (p.arrives_at at time zone 'UTC')::date >= app.statements_begin(p.currency))
  union all
  select 'bank:line:' || l.id, 'unknown_deposit', l.currency, l.amount_minor, jsonb_build_object('line', l.id, 'account', l.account, 'bookedOn', l.booked_on,
      'named', l.named, 'suggested', (select jsonb_agg(a.payout_id order by a.payout_id) from alike a where a.line_id = l.id))
  from line l
  where (l.is_stripes or l.named is not null) and not exists (select 1 from payout p where l.named = array[p.id] and (p.currency, p.amount_minor) is distinct from (l.currency, abs(l.amount_minor)))
  union all
  select 'bank:line:' || l.id, 'deposit_amount', l.currency, l.amount_minor - sign(l.amount_minor)::int * p.amount_minor,
    jsonb_build_object('line', l.id, 'account', l.account, 'bookedOn', l.booked_on, 'payout', p.id, 'payoutMinor', p.amount_minor, 'payoutCurrency', p.currency)
  from line l join payout p on l.named = array[p.id] and (p.currency, p.amount_minor) is distinct from (l.currency, abs(l.amount_minor))
  union all
  -- Until its money is back at Stripe, and has left the bank again where it was there.
  select 'bank:failed:' || p.id, 'payout_failed', p.currency, p.amount_minor, jsonb_build_object('payout', p.id, 'status', p.status, 'failureCode', p.failure_code,
    'isBackAtStripe', p.is_back, 'line', p.came_by, 'lineBack', p.went_by)
  from payout p where (p.status in ('failed', 'canceled') or p.is_back)
    and (p.left_by is not null and not p.is_back or (p.came_by is null) <> (p.went_by is null) or p.status not in ('failed', 'canceled'))
  union all
  select 'bank:items:' || p.id, 'payout_items', p.currency, p.amount_minor - p.items_net_minor, jsonb_build_object('payout', p.id, 'items', p.items,
    'itemsMinor', p.items_net_minor, 'differing', d.ids)
  from payout p cross join lateral (select array_agg(i.balance_transaction_id order by i.balance_transaction_id) as ids
    from public.platform_payout_items i left join public.stripe_movements m on m.id = i.balance_transaction_id
    where i.payout_id = p.id and (m.net_minor, m.currency) is distinct from (i.net_minor, p.currency)) d
  where (p.itemised_at > p_now - interval '14 days' or p.itemised_at is not null and app.has_break('bank:items:' || p.id))
    and (p.items_net_minor <> p.amount_minor or d.ids is not null)
  union all
  select 'bank:balance:' || b.currency || ':' || b.newest_movement_id, 'running_balance', b.currency, b.closing - b.opening - b.moved,
    jsonb_build_object('openingMinor', b.opening, 'movedMinor', b.moved, 'closingMinor', b.closing, 'afterMs', app.ms(nullif(b.moved_after, '-infinity')), 'untilMs', app.ms(b.moved_until))
  from app.running_balances(p_now - interval '30 days') b where b.opening + b.moved <> b.closing
  union all
  select 'bank:moved:' || p.id, case when p.left_by is null then 'missing_in_ledger' when p.left_currency <> p.currency then 'currency' else 'amount' end, p.currency,
    p.amount_minor - case when p.left_currency = p.currency then p.left_minor else 0 end, jsonb_build_object('payout', p.id, 'movement', p.left_by, 'movedMinor', p.left_minor)
  from payout p where (p.left_minor, p.left_currency) is distinct from (p.amount_minor, p.currency) and p.created_at < p_now - interval '1 day'
    and not (p.left_by is null and p.status = 'canceled')
$$;

-- Compares Stripe's payouts with the bank: books what left, came back and arrived, and keeps one row per difference.
-- Safe to run twice: each journal has its key, a line one payout, a break its identity.
create function app.compare_deposits(p_now timestamptz) returns jsonb language plpgsql as $$
declare v_date date := app.business_date(p_now); v_matched int; v_by text := 'reconciliation.reconcile-deposits';
begin
  perform app.book_platform_payouts(v_date, p_now);
  perform app.reverse_resolutions(p_now);
  v_matched := app.match_lines(p_now);
  perform app.book_deposits(v_date, p_now);
  drop table if exists pg_temp.found_deposit_breaks;
  create temp table found_deposit_breaks on commit drop as select * from app.find_deposit_breaks(p_now);
  insert into reconciliation_breaks as b (identity, kind, currency, amount_minor, evidence, day, gates, changed_by, first_seen_at, last_seen_at)
  select f.identity, f.kind, f.currency, f.amount_minor, f.evidence, (p_now at time zone 'UTC')::date, false, v_by, p_now, p_now from found_deposit_breaks f
  -- One that a person ignored stays so, as long as it is the same difference.
  on conflict (identity) do update set state = case when b.state = 'ignored' and (b.kind, b.amount_minor) = (excluded.kind, excluded.amount_minor) then b.state else 'open' end,
    changed_by = case b.state when 'ignored' then b.changed_by else v_by end, reason = case b.state when 'ignored' then b.reason end, closed_at = null,
    last_seen_at = p_now, kind = excluded.kind, amount_minor = excluded.amount_minor, evidence = excluded.evidence;
  update reconciliation_breaks set state = 'closed', closed_at = p_now, changed_by = v_by, reason = null
  where state in ('open', 'ignored') and identity like 'bank:%' and identity not in (select f.identity from found_deposit_breaks f);
  return jsonb_build_object('matched', v_matched,
    'openBreaks', (select count(*) from reconciliation_breaks where state = 'open' and identity like 'bank:%'));
end $$;

-- What suppliers are owed and what payouts hold: earnings that cleared, transfers that came back, and released reserves.

-- A transfer that was taken back at Stripe, whole or in part: what came back is owed to the supplier again.
create table public.transfer_reversals (
  id text primary key,
  -- The payout whose transfer it took back.
  of_payout_id uuid not null references public.payouts,
  supplier_id uuid not null references public.suppliers,
  currency text not null references public.currencies,
  amount_minor app.amount_minor not null check (amount_minor > 0),
  balance_transaction_id text not null unique,
  -- Of the close that booked it: a schedule pays it as it pays what was earned on that date.
  business_date date not null,
  -- The payout that pays it again; null while none does.
  payout_id uuid references public.payouts,
  first_seen_at timestamptz not null
);
create index transfer_reversals_of_payout on public.transfer_reversals (of_payout_id);
create index transfer_reversals_payout on public.transfer_reversals (payout_id);

-- What a payout that was reserved holds back by the terms of its supplier; one that gives its money back has none.
create table public.supplier_reserves (
  of_payout_id uuid primary key references public.payouts,
  supplier_id uuid not null references public.suppliers,
  currency text not null references public.currencies,
  amount_minor app.amount_minor not null check (amount_minor > 0),
  -- The close of this date releases it, or the first one after its payout was sent: a schedule pays it as it pays what was
  -- earned on that date.
  release_on date not null,
  released_at timestamptz,
  -- The payout that pays it; null while none does.
  payout_id uuid references public.payouts
);
create index supplier_reserves_supplier on public.supplier_reserves (supplier_id);
create index supplier_reserves_payout on public.supplier_reserves (payout_id);
create index supplier_reserves_held on public.supplier_reserves (release_on) where released_at is null;

-- The days are those of the terms when the money is reserved: what is held keeps its date.
create function app.hold_reserve(p_payout public.payouts, p_days int) returns void language sql as $$
  insert into public.supplier_reserves (of_payout_id, supplier_id, currency, amount_minor, release_on)
  select p_payout.id, p_payout.supplier_id, p_payout.currency, p_payout.reserve_minor, p_payout.business_date + p_days
  where p_payout.reserve_minor > 0
$$;

-- Makes the reserves payable whose date has come; that of a payout in flight waits until it was sent, because it may yet be
-- given back. Safe to run twice: a reserve is released once, and its journal has the key of its payout.
create function app.release_reserves(p_date date, p_at timestamptz) returns void language plpgsql as $$
declare v_reserve supplier_reserves;
begin
  for v_reserve in
    select r.* from supplier_reserves r join payouts p on p.id = r.of_payout_id
    where r.released_at is null and r.release_on <= p_date and p.state = 'sent' order by r.release_on, r.of_payout_id
  loop
    perform app.post_journal('reserve_release', 'reserve_release:' || v_reserve.of_payout_id, app.unclosed_date(p_date),
      v_reserve.currency, jsonb_build_object('amount', v_reserve.amount_minor),
      jsonb_build_object('supplier', v_reserve.supplier_id), jsonb_build_object('payoutId', v_reserve.of_payout_id), p_at);
    update supplier_reserves set released_at = p_at where of_payout_id = v_reserve.of_payout_id;
  end loop;
end $$;

-- What suppliers may be paid on a date and no payout holds: what has cleared, what came back, and what was held back until
-- that date. A reserve is taken of the first alone (`is_new`).
create function app.owed(p_date date)
returns table (supplier_id uuid, currency text, business_date date, amount bigint, is_new boolean) language sql stable as $$
  select supplier_id, currency, business_date, share_minor::bigint, true from public.earnings
  where state = 'cleared' and payout_id is null and not frozen
  union all
  select supplier_id, currency, business_date, amount_minor::bigint, false from public.transfer_reversals where payout_id is null
  union all
  select r.supplier_id, r.currency, r.release_on, r.amount_minor::bigint, false
  from public.supplier_reserves r join public.payouts p on p.id = r.of_payout_id
  where r.payout_id is null and r.release_on <= p_date and p.state = 'sent'
$$;

-- Has a new payout hold what its supplier is owed from before a date.
create function app.hold_for_payout(p_payout_id uuid, p_before date) returns void language sql as $$
  update public.earnings e set payout_id = p.id from public.payouts p
  where p.id = p_payout_id and e.supplier_id = p.supplier_id and e.currency = p.currency and e.state = 'cleared'
    and e.payout_id is null and not e.frozen and e.business_date < p_before;
  update public.transfer_reversals r set payout_id = p.id from public.payouts p
  where p.id = p_payout_id and r.supplier_id = p.supplier_id and r.currency = p.currency and r.payout_id is null
    and r.business_date < p_before;
  update public.supplier_reserves r set payout_id = p.id from public.payouts p
  where p.id = p_payout_id and r.supplier_id = p.supplier_id and r.currency = p.currency and r.payout_id is null
    and r.released_at is not null and r.release_on < p_before;
$$;

-- What a payout that was not sent holds and may still pay.
create function app.held_by_payout(p_payout_id uuid) returns bigint language sql stable as $$
  select (coalesce((select sum(share_minor) from public.earnings where payout_id = p_payout_id and state = 'cleared' and not frozen), 0)
    + coalesce((select sum(amount_minor) from public.transfer_reversals where payout_id = p_payout_id), 0)
    + coalesce((select sum(amount_minor) from public.supplier_reserves where payout_id = p_payout_id), 0))::bigint
$$;

-- Has a payout that pays nothing hold nothing, and hold nothing back.
create function app.free_from_payout(p_payout_id uuid) returns void language sql as $$
  update public.earnings set state = 'cleared', payout_id = null where payout_id = p_payout_id and state in ('reserved', 'cleared');
  update public.transfer_reversals set payout_id = null where payout_id = p_payout_id;
  update public.supplier_reserves set payout_id = null where payout_id = p_payout_id;
  delete from public.supplier_reserves where of_payout_id = p_payout_id;
$$;

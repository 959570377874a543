-- What suppliers are owed and what payouts hold: earnings that cleared, and transfers that came back.

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

-- What suppliers may be paid and no payout holds: what has cleared, and what came back.
create function app.owed() returns table (supplier_id uuid, currency text, business_date date, amount bigint) language sql stable as $$
  select supplier_id, currency, business_date, share_minor::bigint from public.earnings
  where state = 'cleared' and payout_id is null and not frozen
  union all
  select supplier_id, currency, business_date, amount_minor::bigint from public.transfer_reversals where payout_id is null
$$;

-- Has a new payout hold what its supplier is owed from before a date.
create function app.hold_for_payout(p_payout_id uuid, p_before date) returns void language sql as $$
  update public.earnings e set payout_id = p.id from public.payouts p
  where p.id = p_payout_id and e.supplier_id = p.supplier_id and e.currency = p.currency and e.state = 'cleared'
    and e.payout_id is null and not e.frozen and e.business_date < p_before;
  update public.transfer_reversals r set payout_id = p.id from public.payouts p
  where p.id = p_payout_id and r.supplier_id = p.supplier_id and r.currency = p.currency and r.payout_id is null
    and r.business_date < p_before;
$$;

-- What a payout that was not sent holds and may still pay.
create function app.held_by_payout(p_payout_id uuid) returns bigint language sql stable as $$
  select (coalesce((select sum(share_minor) from public.earnings where payout_id = p_payout_id and state = 'cleared' and not frozen), 0)
    + coalesce((select sum(amount_minor) from public.transfer_reversals where payout_id = p_payout_id), 0))::bigint
$$;

create function app.free_from_payout(p_payout_id uuid) returns void language sql as $$
  update public.earnings set state = 'cleared', payout_id = null where payout_id = p_payout_id and state in ('reserved', 'cleared');
  update public.transfer_reversals set payout_id = null where payout_id = p_payout_id;
$$;

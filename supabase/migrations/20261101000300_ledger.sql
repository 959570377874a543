-- The double-entry ledger. Debits are positive, credits negative; a journal sums to zero in its currency.
create table public.account_kinds (
  kind text primary key,
  owner text not null check (owner in ('exchange', 'buyer', 'supplier')),
  normal_side text not null check (normal_side in ('debit', 'credit')),
  meaning text not null
);
insert into public.account_kinds (kind, owner, normal_side, meaning) values
  ('stripe_pending', 'exchange', 'debit', 'charged, and not yet available at Stripe'),
  ('stripe_available', 'exchange', 'debit', 'available at Stripe, for transfers'),
  ('bank', 'exchange', 'debit', 'the platform''s bank account'),
  ('bank_in_transit', 'exchange', 'debit', 'paid out by Stripe, and not at the platform''s bank yet'),
  ('buyer_unbilled', 'buyer', 'debit', 'qualified calls that no invoice holds yet'),
  ('buyer_receivable', 'buyer', 'debit', 'invoiced and not yet paid'),
  ('buyer_wallet', 'buyer', 'credit', 'prepaid by the buyer'),
  ('supplier_pending', 'supplier', 'credit', 'earned, and not covered by available money yet'),
  ('supplier_payable', 'supplier', 'credit', 'earned and cleared: may be paid out'),
  ('supplier_reserve', 'supplier', 'credit', 'held back by the terms'),
  ('supplier_debt', 'supplier', 'debit', 'clawed back beyond the balance'),
  ('payouts_in_transit', 'supplier', 'credit', 'reserved for a payout that is not settled yet'),
  ('exchange_margin', 'exchange', 'credit', 'what the exchange keeps'),
  ('stripe_fees', 'exchange', 'debit', 'what Stripe keeps'),
  ('tax_payable', 'exchange', 'credit', 'tax that was invoiced, for the tax office'),
  ('dispute_receivable', 'exchange', 'debit', 'withdrawn by a chargeback, perhaps reinstated'),
  ('bad_debt', 'exchange', 'debit', 'given up'),
  ('fx_clearing', 'exchange', 'debit', 'between two currencies'),
  ('suspense', 'exchange', 'debit', 'not understood yet');

-- One template per event: its legs are all that post_journal may post.
create table public.journal_templates (
  template text not null,
  leg int not null,
  account_kind text not null references public.account_kinds,
  side text not null check (side in ('debit', 'credit')),
  -- Name of the amount this leg takes.
  amount text not null,
  primary key (template, leg)
);
insert into public.journal_templates (template, leg, account_kind, side, amount) values
  ('call', 1, 'buyer_unbilled', 'debit', 'postpaid'),
  ('call', 2, 'buyer_wallet', 'debit', 'prepaid'),
  ('call', 3, 'supplier_pending', 'credit', 'share'),
  ('call', 4, 'exchange_margin', 'credit', 'margin'),
  ('invoice', 1, 'buyer_receivable', 'debit', 'total'),
  ('invoice', 2, 'buyer_unbilled', 'credit', 'total'),
  ('invoice', 3, 'buyer_receivable', 'debit', 'tax'),
  ('invoice', 4, 'tax_payable', 'credit', 'tax'),
  ('tax_reversed', 1, 'tax_payable', 'debit', 'tax'),
  ('tax_reversed', 2, 'buyer_receivable', 'credit', 'owed'),
  ('tax_reversed', 3, 'bad_debt', 'credit', 'lost'),
  ('charge', 1, 'stripe_pending', 'debit', 'net'),
  ('charge', 2, 'stripe_fees', 'debit', 'fee'),
  ('charge', 3, 'buyer_receivable', 'credit', 'postpaid'),
  ('charge', 4, 'buyer_wallet', 'credit', 'prepaid'),
  ('charge_exchanged', 1, 'fx_clearing', 'debit', 'gross'),
  ('charge_exchanged', 2, 'buyer_receivable', 'credit', 'postpaid'),
  ('charge_exchanged', 3, 'buyer_wallet', 'credit', 'prepaid'),
  ('charge_settled', 1, 'stripe_pending', 'debit', 'net'),
  ('charge_settled', 2, 'stripe_fees', 'debit', 'fee'),
  ('charge_settled', 3, 'fx_clearing', 'credit', 'gross'),
  ('available', 1, 'stripe_available', 'debit', 'net'),
  ('available', 2, 'stripe_pending', 'credit', 'net'),
  ('clear', 1, 'supplier_pending', 'debit', 'share'),
  ('clear', 2, 'supplier_payable', 'credit', 'share'),
  ('unclear', 1, 'supplier_payable', 'debit', 'share'),
  ('unclear', 2, 'supplier_pending', 'credit', 'share'),
  ('write_off', 1, 'supplier_pending', 'debit', 'share'),
  ('write_off', 2, 'exchange_margin', 'debit', 'margin'),
  ('write_off', 3, 'bad_debt', 'debit', 'lost'),
  ('write_off', 4, 'exchange_margin', 'debit', 'returned'),
  ('write_off', 5, 'exchange_margin', 'credit', 'kept'),
  ('write_off', 6, 'buyer_receivable', 'credit', 'owed'),
  ('write_off_reversed', 1, 'supplier_pending', 'credit', 'share'),
  ('write_off_reversed', 2, 'exchange_margin', 'credit', 'margin'),
  ('write_off_reversed', 3, 'bad_debt', 'credit', 'lost'),
  ('write_off_reversed', 4, 'exchange_margin', 'credit', 'returned'),
  ('write_off_reversed', 5, 'exchange_margin', 'debit', 'kept'),
  ('write_off_reversed', 6, 'buyer_receivable', 'debit', 'owed'),
  ('refund', 1, 'buyer_receivable', 'debit', 'postpaid'),
  ('refund', 2, 'buyer_wallet', 'debit', 'prepaid'),
  ('refund', 3, 'stripe_fees', 'debit', 'fee'),
  ('refund', 4, 'stripe_available', 'credit', 'total'),
  ('refund_exchanged', 1, 'buyer_receivable', 'debit', 'postpaid'),
  ('refund_exchanged', 2, 'buyer_wallet', 'debit', 'prepaid'),
  ('refund_exchanged', 3, 'fx_clearing', 'credit', 'amount'),
  ('refund_settled', 1, 'fx_clearing', 'debit', 'amount'),
  ('refund_settled', 2, 'stripe_fees', 'debit', 'fee'),
  ('refund_settled', 3, 'stripe_available', 'credit', 'total'),
  ('dispute', 1, 'dispute_receivable', 'debit', 'amount'),
  ('dispute', 2, 'stripe_fees', 'debit', 'fee'),
  ('dispute', 3, 'stripe_available', 'credit', 'total'),
  ('dispute_exchanged', 1, 'dispute_receivable', 'debit', 'amount'),
  ('dispute_exchanged', 2, 'fx_clearing', 'credit', 'amount'),
  ('dispute_settled', 1, 'fx_clearing', 'debit', 'amount'),
  ('dispute_settled', 2, 'stripe_fees', 'debit', 'fee'),
  ('dispute_settled', 3, 'stripe_available', 'credit', 'total'),
  ('dispute_won', 1, 'stripe_available', 'debit', 'total'),
  ('dispute_won', 2, 'stripe_fees', 'credit', 'fee'),
  ('dispute_won', 3, 'dispute_receivable', 'credit', 'amount'),
  ('dispute_won_exchanged', 1, 'fx_clearing', 'debit', 'amount'),
  ('dispute_won_exchanged', 2, 'dispute_receivable', 'credit', 'amount'),
  ('dispute_won_settled', 1, 'stripe_available', 'debit', 'total'),
  ('dispute_won_settled', 2, 'stripe_fees', 'credit', 'fee'),
  ('dispute_won_settled', 3, 'fx_clearing', 'credit', 'amount'),
  ('dispute_lost', 1, 'buyer_receivable', 'debit', 'postpaid'),
  ('dispute_lost', 2, 'buyer_wallet', 'debit', 'prepaid'),
  ('dispute_lost', 3, 'dispute_receivable', 'credit', 'amount'),
  ('adjustment', 1, 'supplier_pending', 'debit', 'pending'),
  ('adjustment', 2, 'supplier_payable', 'debit', 'payable'),
  ('adjustment', 3, 'supplier_debt', 'debit', 'debt'),
  ('adjustment', 4, 'exchange_margin', 'debit', 'margin'),
  ('adjustment', 5, 'buyer_unbilled', 'credit', 'postpaid'),
  ('adjustment', 6, 'buyer_wallet', 'credit', 'prepaid'),
  ('adjustment', 7, 'buyer_receivable', 'credit', 'noted'),
  ('payout_reserve', 1, 'supplier_payable', 'debit', 'earned'),
  ('payout_reserve', 2, 'payouts_in_transit', 'credit', 'amount'),
  ('payout_reserve', 3, 'supplier_debt', 'credit', 'recovered'),
  ('payout_reserve', 4, 'supplier_reserve', 'credit', 'reserve'),
  ('payout_send', 1, 'payouts_in_transit', 'debit', 'amount'),
  ('payout_send', 2, 'stripe_available', 'credit', 'amount'),
  ('payout_release', 1, 'payouts_in_transit', 'debit', 'amount'),
  ('payout_release', 2, 'supplier_debt', 'debit', 'recovered'),
  ('payout_release', 3, 'supplier_payable', 'credit', 'earned'),
  ('payout_release', 4, 'supplier_reserve', 'debit', 'reserve'),
  ('reserve_release', 1, 'supplier_reserve', 'debit', 'amount'),
  ('reserve_release', 2, 'supplier_payable', 'credit', 'amount'),
  ('transfer_reversal', 1, 'stripe_available', 'debit', 'amount'),
  ('transfer_reversal', 2, 'supplier_payable', 'credit', 'amount'),
  ('platform_payout', 1, 'bank_in_transit', 'debit', 'amount'),
  ('platform_payout', 2, 'stripe_fees', 'debit', 'fee'),
  ('platform_payout', 3, 'stripe_available', 'credit', 'total'),
  ('platform_payout_returned', 1, 'stripe_available', 'debit', 'total'),
  ('platform_payout_returned', 2, 'stripe_fees', 'credit', 'fee'),
  ('platform_payout_returned', 3, 'bank_in_transit', 'credit', 'amount'),
  ('bank_deposit', 1, 'bank', 'debit', 'amount'),
  ('bank_deposit', 2, 'bank_in_transit', 'credit', 'amount'),
  ('bank_deposit_returned', 1, 'bank_in_transit', 'debit', 'amount'),
  ('bank_deposit_returned', 2, 'bank', 'credit', 'amount'),
  ('break_resolved', 1, 'stripe_available', 'debit', 'came'),
  ('break_resolved', 2, 'suspense', 'credit', 'came'),
  ('break_resolved', 3, 'suspense', 'debit', 'left'),
  ('break_resolved', 4, 'stripe_available', 'credit', 'left'),
  ('break_resolved_reversed', 1, 'stripe_available', 'credit', 'came'),
  ('break_resolved_reversed', 2, 'suspense', 'debit', 'came'),
  ('break_resolved_reversed', 3, 'suspense', 'credit', 'left'),
  ('break_resolved_reversed', 4, 'stripe_available', 'debit', 'left');

create table public.ledger_accounts (
  id bigint generated always as identity primary key,
  kind text not null references public.account_kinds,
  owner_id uuid,
  currency text not null references public.currencies,
  -- Kept by post_journal and by nothing else; always the sum of the postings.
  balance_minor app.amount_minor not null default 0,
  unique nulls not distinct (kind, owner_id, currency)
);

create table public.journals (
  id bigint generated always as identity primary key,
  template text not null,
  -- What makes two of it the same event.
  key text not null unique,
  business_date date not null,
  currency text not null references public.currencies,
  amounts jsonb not null,
  owners jsonb not null,
  refs jsonb not null,
  posted_at timestamptz not null
);
create index journals_template on public.journals (template, business_date);
-- What happened for an id, as operators ask for it.
create index journals_refs on public.journals using gin (refs jsonb_path_ops) with (fastupdate = off);

create table public.postings (
  id bigint generated always as identity primary key,
  journal_id bigint not null references public.journals,
  account_id bigint not null references public.ledger_accounts,
  amount_minor app.amount_minor not null check (amount_minor <> 0),
  currency text not null references public.currencies
);
create index postings_journal on public.postings (journal_id);
create index postings_account on public.postings (account_id);

create trigger journals_append_only before update or delete on public.journals for each row execute function app.refuse_change();
create trigger journals_no_truncate before truncate on public.journals for each statement execute function app.refuse_change();
create trigger postings_append_only before update or delete on public.postings for each row execute function app.refuse_change();
create trigger postings_no_truncate before truncate on public.postings for each statement execute function app.refuse_change();

create function app.check_balanced() returns trigger language plpgsql as $$
begin
  if exists (select 1 from public.postings where journal_id = new.journal_id group by currency having sum(amount_minor) <> 0)
  then
    perform app.fail('JOURNAL_UNBALANCED', 'a journal must sum to zero', jsonb_build_object('journalId', new.journal_id), 'PT422');
  end if;
  return null;
end $$;
create constraint trigger postings_balanced after insert on public.postings
  deferrable initially deferred for each row execute function app.check_balanced();

-- A posting is in the currency of its journal and of its account.
create function app.check_posting() returns trigger language plpgsql as $$
begin
  if new.currency <> (select currency from public.journals where id = new.journal_id)
    or new.currency <> (select currency from public.ledger_accounts where id = new.account_id)
  then
    perform app.fail('JOURNAL_UNBALANCED', 'a posting has another currency than its journal or account', '{}', 'PT422');
  end if;
  return new;
end $$;
create trigger postings_currency before insert on public.postings for each row execute function app.check_posting();

-- Writers of money go one after another. Every function that posts takes this lock first, before any row, so that no
-- two of them wait for each other in a ring.
create function app.lock_ledger() returns void language sql as $$
  select pg_advisory_xact_lock(741063)
$$;

create function app.account_id(p_kind text, p_owners jsonb, p_currency text) returns bigint language plpgsql as $$
declare v_owner text; v_owner_id uuid; v_id bigint;
begin
  select owner into strict v_owner from public.account_kinds where kind = p_kind;
  v_owner_id := case when v_owner <> 'exchange' then (p_owners ->> v_owner)::uuid end;
  if v_owner <> 'exchange' and v_owner_id is null then
    perform app.fail('JOURNAL_UNBALANCED', format('account %s needs its %s', p_kind, v_owner), '{}', 'PT422');
  end if;
  select id into v_id from public.ledger_accounts
    where kind = p_kind and owner_id is not distinct from v_owner_id and currency = p_currency;
  if v_id is null then
    insert into public.ledger_accounts (kind, owner_id, currency) values (p_kind, v_owner_id, p_currency) returning id into v_id;
  end if;
  return v_id;
end $$;

-- What a buyer owes or paid, as the amounts of the two legs that it may stand on: it is invoiced, or has a wallet.
create function app.by_wallet(p_amount bigint, p_prepaid boolean) returns jsonb language sql immutable as $$
  select jsonb_build_object('postpaid', case when p_prepaid then 0 else p_amount end, 'prepaid', case when p_prepaid then p_amount else 0 end)
$$;

-- Posts one journal by its template. Running it twice with the same key posts once; the same key with other amounts or
-- owners is refused, because then two different events claim to be one.
create function app.post_journal(
  p_template text, p_key text, p_business_date date, p_currency text,
  p_amounts jsonb, p_owners jsonb, p_refs jsonb, p_at timestamptz)
returns bigint language plpgsql as $$
declare v_id bigint; v_same boolean; v_leg record; v_amount bigint; v_account bigint; v_legs int := 0;
begin
  perform app.lock_ledger();
  select id, template = p_template and currency = p_currency and amounts = p_amounts and owners = p_owners
    into v_id, v_same from public.journals where key = p_key;
  if v_id is not null then
    if not v_same then
      perform app.fail('JOURNAL_CONFLICT', 'a journal with this key has other content', jsonb_build_object('key', p_key));
    end if;
    return v_id;
  end if;
  insert into public.journals (template, key, business_date, currency, amounts, owners, refs, posted_at)
    values (p_template, p_key, p_business_date, p_currency, p_amounts, p_owners, p_refs, p_at) returning id into v_id;
  for v_leg in select * from public.journal_templates where template = p_template order by leg loop
    v_amount := (p_amounts ->> v_leg.amount)::bigint;
    v_legs := v_legs + 1;
    if v_amount is null or v_amount < 0 then
      perform app.fail('AMOUNT_INVALID', format('journal %s lacks amount %s', p_template, v_leg.amount), '{}', 'PT422');
    end if;
    continue when v_amount = 0;
    v_account := app.account_id(v_leg.account_kind, p_owners, p_currency);
    v_amount := case v_leg.side when 'debit' then v_amount else -v_amount end;
    insert into public.postings (journal_id, account_id, amount_minor, currency) values (v_id, v_account, v_amount, p_currency);
    update public.ledger_accounts set balance_minor = balance_minor + v_amount where id = v_account;
  end loop;
  if v_legs = 0 then
    perform app.fail('JOURNAL_UNBALANCED', format('no journal template %s', p_template), '{}', 'PT422');
  end if;
  return v_id;
end $$;

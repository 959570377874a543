-- What leaves Stripe for the platform's own bank, and what that bank says of it. (Payouts to the banks of suppliers are `bank_payouts`.)

-- The words of a text, between spaces.
create function app.words_of(p_text text) returns text language sql immutable as $$
  select ' ' || trim(regexp_replace(lower(p_text), '[^a-z0-9_]+', ' ', 'g')) || ' '
$$;

-- A payout of the platform that left Stripe's balance, or that came back because the bank refused it: as it moved there, and is booked.
create table public.platform_payout_moves (
  balance_transaction_id text primary key,
  payout_id text not null,
  returned boolean not null,
  currency text not null references public.currencies,
  amount_minor app.amount_minor not null check (amount_minor > 0),
  -- Stripe's, for a payout that is there at once.
  fee_minor app.amount_minor not null check (fee_minor >= 0),
  business_date date not null,
  booked_at timestamptz not null,
  unique (payout_id, returned)
);

-- The same payouts as Stripe tells of them. Rows are read independently of what moved: the two are compared.
create table public.platform_payouts (
  id text primary key,
  currency text not null,
  amount_minor app.amount_minor not null,
  -- Stripe made it by its schedule, and says what it is made of.
  automatic boolean not null,
  -- Stripe's word: pending, in_transit, paid, failed, canceled, or one that is new.
  status text not null,
  -- The bank or card that it goes to.
  destination text,
  reconciliation_status text not null,
  -- By which the bank may name it, once Stripe knows that.
  trace_id text,
  -- The same, as it is looked for in the words of a line; null where it is too short to name anything.
  trace_words text generated always as (case when length(trace_id) >= 6 then app.words_of(trace_id) end) stored,
  failure_code text,
  arrives_at timestamptz not null,
  created_at timestamptz not null,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  -- Of its items, when they were read to the end.
  items int,
  items_net_minor bigint,
  itemised_at timestamptz
);
create index platform_payouts_created on public.platform_payouts (created_at);

-- The balance transactions that an automatic payout is made of, without its own.
create table public.platform_payout_items (
  payout_id text not null references public.platform_payouts,
  balance_transaction_id text not null,
  net_minor app.amount_minor not null,
  primary key (payout_id, balance_transaction_id)
);
create index platform_payout_items_transaction on public.platform_payout_items (balance_transaction_id);

-- Stripe's balance in one currency right after its newest movement: opening + movements = closing from one to the next.
create table public.stripe_balances (
  currency text not null references public.currencies,
  newest_movement_id text not null,
  moved_until timestamptz not null,
  balance_minor bigint not null,
  read_at timestamptz not null,
  primary key (currency, newest_movement_id)
);

create table public.bank_accounts (
  id bigint generated always as identity primary key,
  name text not null unique,
  currency text not null references public.currencies,
  -- SHA-256 of the account's number, where its statements carry one: those of another account are refused.
  number_hash text,
  -- A line that holds this word is from Stripe, and must be a payout. Every line holds the empty one.
  marker text not null check (length(trim(marker)) >= 3),
  created_at timestamptz not null
);

create table public.bank_statements (
  id bigint generated always as identity primary key,
  account_id bigint not null references public.bank_accounts,
  reference text not null,
  from_date date not null,
  to_date date not null,
  opening_minor bigint not null,
  closing_minor bigint not null,
  imported_by text not null,
  imported_at timestamptz not null,
  unique (account_id, reference)
);

create table public.bank_lines (
  id bigint generated always as identity primary key,
  account_id bigint not null references public.bank_accounts,
  statement_id bigint not null references public.bank_statements,
  -- The bank's own reference of the entry, or else what it says and the how manieth of its day it is.
  identity text not null,
  booked_on date not null,
  -- What came; less than nothing when it left.
  amount_minor app.amount_minor not null check (amount_minor <> 0),
  currency text not null references public.currencies,
  details text not null,
  words text not null generated always as (app.words_of(details)) stored,
  payout_id text references public.platform_payouts,
  matched_at timestamptz,
  -- Who said so of a line that names no payout; above the limit another person than the one who asked.
  asked_payout_id text references public.platform_payouts,
  asked_by text,
  matched_by text,
  check (matched_by is null or payout_id = asked_payout_id),
  unique (account_id, identity)
);
-- A payout comes once, and goes back once.
create unique index bank_lines_payout on public.bank_lines (payout_id, (amount_minor > 0)) where payout_id is not null;
create index bank_lines_unmatched on public.bank_lines (booked_on) where payout_id is null;

-- Payouts that are at the bank: by a line of a statement or, where no statement of its day was ever imported, by Stripe's word.
create table public.platform_deposits (
  payout_id text primary key references public.platform_payouts,
  currency text not null references public.currencies,
  amount_minor app.amount_minor not null check (amount_minor > 0),
  evidence text not null check (evidence in ('bank', 'stripe')),
  business_date date not null,
  booked_at timestamptz not null,
  -- The money is at Stripe again: the bank gave it back after all.
  returned_at timestamptz
);

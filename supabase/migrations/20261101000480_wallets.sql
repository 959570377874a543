-- What buyers who pay before their calls pay into their wallets. The balance of a wallet is that of its account
-- `buyer_wallet`, of a buyer and a currency.
create table public.topups (
  id uuid primary key default gen_random_uuid(),
  buyer_id uuid not null references public.buyers,
  currency text not null references public.currencies,
  amount_minor app.amount_minor not null check (amount_minor > 0),
  -- The exchange's date on which it was asked for.
  business_date date not null,
  -- planned: not charged, or nobody knows yet; processing: the buyer's bank takes its time, and nothing is credited.
  state text not null default 'planned' check (state in ('planned', 'processing', 'paid', 'failed')),
  -- Null when it was made because the wallet ran low.
  asked_by text,
  made_at timestamptz not null,
  attempt_token uuid,
  -- A payment intent is paid once, whoever confirms it and however often.
  payment_intent_id text unique,
  last_problem text,
  ended_at timestamptz
);
create unique index topups_under_way on public.topups (buyer_id, currency) where state in ('planned', 'processing');
create index topups_of_wallet on public.topups (buyer_id, currency, made_at);

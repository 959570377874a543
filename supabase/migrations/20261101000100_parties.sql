-- Who sends calls, who pays for them, and under which terms.
create table public.suppliers (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  auth_user_id uuid unique,
  -- `acct_…` of Stripe Connect; without one the supplier's earnings wait.
  stripe_account_id text unique,
  -- A held supplier is paid nothing until it is released; it may read why.
  status text not null default 'active' check (status in ('active', 'held')),
  held_reason text,
  -- When it is paid; app.payout_day says what each schedule means.
  payout_schedule text not null default 'daily' check (payout_schedule in ('daily', 'weekly', 'twice_monthly', 'monthly')),
  -- Of a weekly schedule: 1 is Monday, 7 is Sunday.
  payout_weekday int not null default 1 check (payout_weekday between 1 and 7),
  payout_net_days int not null default 0 check (payout_net_days between 0 and 90),
  -- Currency → the least amount that is paid; a currency that is not named has none.
  payout_minimums jsonb not null default '{}',
  -- This part of what a payout pays of new earnings is held back, and released so many days after the payout's date. Of a
  -- payout something is always sent: what all is held of would never go.
  reserve_bps int not null default 0 check (reserve_bps between 0 and 9999),
  reserve_days int not null default 0 check (reserve_days between 0 and 365),
  made_at timestamptz not null default now()
);

create table public.buyers (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  email text,
  auth_user_id uuid unique,
  -- `cus_…`; without one the buyer's invoices wait.
  stripe_customer_id text unique,
  -- A day of this buyer ends at midnight here.
  timezone text not null default 'UTC',
  -- How often it is billed, and on which day of the week (1 is Monday) or of the month; null when it is every day.
  billing_cycle text not null default 'daily' check (billing_cycle in ('daily', 'weekly', 'monthly')),
  billing_day int check (case billing_cycle when 'weekly' then billing_day between 1 and 7
    when 'monthly' then billing_day between 1 and 28 else billing_day is null end),
  -- Its invoices are sent to it and due after so many days; null when they are charged to its payment method at once.
  payment_terms_days int check (payment_terms_days between 1 and 90),
  -- Currency → the most that may be overdue before it is paused; a currency that is not named has no limit.
  credit_limits jsonb not null default '{}',
  -- Currency → {"lowWaterMinor", "rechargeMinor", "mostPerDay"}: calls in it are paid from the buyer's wallet, which is charged
  -- so much when less than its low water is left; a currency that is not named is invoiced.
  prepaid jsonb not null default '{}',
  -- Stripe computes tax on its invoices, which comes on top of what its calls cost; there is none on what fills a wallet.
  automatic_tax boolean not null default false,
  -- Calls of a paused buyer are held until it has paid.
  status text not null default 'active' check (status in ('active', 'paused')),
  made_at timestamptz not null default now(),
  check (not automatic_tax or prepaid = '{}')
);

create table public.campaigns (
  id uuid primary key default gen_random_uuid(),
  buyer_id uuid not null references public.buyers,
  name text not null check (length(name) between 1 and 200),
  -- The hours, days and months of its terms are those of this zone; it may not change once the campaign has calls.
  timezone text not null default 'UTC',
  -- Where its callers are (ISO 3166-2, `US-TX`); null is anywhere.
  regions text[] check (cardinality(regions) > 0),
  -- The offer of another platform that it is, and the currency that the platform says it is in.
  offer_provider text check (offer_provider in ('ringba', 'everflow', 'tune')),
  offer_id text check (length(offer_id) between 1 and 64),
  offer_currency text,
  -- When that night was due whose work compared the offer with the terms last: a run of it goes on behind those that were.
  offer_compared_due timestamptz,
  status text not null default 'active' check (status in ('active', 'ended')),
  made_at timestamptz not null default now(),
  check (num_nonnulls(offer_provider, offer_id) <> 1)
);
create index campaigns_buyer on public.campaigns (buyer_id);

-- The terms in force at a call's start are those with the latest valid_from at or before it.
create table public.campaign_terms (
  id uuid primary key default gen_random_uuid(),
  campaign_id uuid not null references public.campaigns,
  valid_from timestamptz not null,
  currency text not null references public.currencies,
  -- What the buyer owes for a qualified call: price_minor; or price_minor for each begun increment_s, of minimum_s seconds
  -- at least; or revenue_bps of the revenue that the buyer reports.
  price_minor app.amount_minor check (price_minor > 0),
  increment_s int check (increment_s > 0),
  minimum_s int check (minimum_s >= 0),
  revenue_bps int check (revenue_bps between 1 and 10000),
  -- What the supplier earns of it: basis points of the price; or an amount; or basis points that depend on the
  -- how-manieth paid call of the supplier in the month this one is, [{"fromCall": 1, "bps": 6000}, …]. The rest is the
  -- exchange's margin.
  supplier_share_bps int check (supplier_share_bps between 0 and 10000),
  supplier_share_minor app.amount_minor check (supplier_share_minor >= 0),
  supplier_share_tiers jsonb,
  min_duration_s int not null check (min_duration_s >= 0),
  -- A caller is paid for once per campaign in this window.
  duplicate_window_s int not null check (duplicate_window_s >= 0),
  -- When a call may start, by the clocks of the campaign's timezone: [{"days": [1, 2], "from": "09:00", "to": "17:00"}, …],
  -- 1 is Monday, `to` is not in it. Null is always.
  hours jsonb,
  -- How many calls the buyer pays for at most: in a day, in a month, and of those that are in progress at one time.
  daily_cap int check (daily_cap > 0),
  monthly_cap int check (monthly_cap > 0),
  concurrency_cap int check (concurrency_cap > 0),
  -- When they became known here.
  made_at timestamptz not null default now(),
  unique (campaign_id, valid_from),
  check (num_nonnulls(price_minor, revenue_bps) = 1),
  check (num_nonnulls(increment_s, minimum_s) <> 1 and (increment_s is null or price_minor is not null)),
  check (num_nonnulls(supplier_share_bps, supplier_share_minor, supplier_share_tiers) = 1)
);

-- A tracking number belongs to one supplier's placement of one campaign.
create table public.tracking_numbers (
  number text primary key check (number like '+%' and length(number) between 5 and 20),
  campaign_id uuid not null references public.campaigns,
  supplier_id uuid not null references public.suppliers
);
create index tracking_numbers_campaign on public.tracking_numbers (campaign_id);
create index tracking_numbers_supplier on public.tracking_numbers (supplier_id);

create function app.terms_at(p_campaign uuid, p_at timestamptz) returns public.campaign_terms
language sql stable as $$
  select * from public.campaign_terms
  where campaign_id = p_campaign and valid_from <= p_at
  order by valid_from desc limit 1
$$;

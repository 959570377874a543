-- Schema `app` holds what functions share; the API exposes `public` only.
create schema app;

alter default privileges in schema public revoke all on tables from public;
alter default privileges in schema public revoke execute on functions from public;
alter default privileges in schema app revoke execute on functions from public;

-- PostgREST passes `PTnnn` through as the HTTP status and keeps hint and detail: hint carries our error code.
create function app.fail(p_code text, p_message text, p_detail jsonb default '{}', p_state text default 'PT409')
returns void language plpgsql as $$
begin
  raise exception using errcode = p_state, message = p_message, hint = p_code, detail = p_detail::text;
end $$;

-- A JSON argument may arrive as a JSON string that holds the JSON (PostgREST passes it whole).
create function app.json_arg(p jsonb) returns jsonb language sql immutable as $$
  select case when jsonb_typeof(p) = 'string' then (p #>> '{}')::jsonb else p end
$$;

-- Exact to the microsecond for longer than a century. Of nothing that asks for the time zone, so that it is no call where it is used.
create function app.at(p_ms bigint) returns timestamptz language sql immutable as $$
  select to_timestamp(p_ms / 1000.0::float8)
$$;

-- An id that is the same whenever the same thing is planned, also after the database was set back to a backup: keys and
-- look-ups at Stripe are made of it, so that what was done before is found again and not done twice. UUID version 8.
create function app.uuid_of(p_name text) returns uuid language sql immutable as $$
  select overlay(overlay(encode(substring(sha256(convert_to(p_name, 'UTF8')) from 1 for 16), 'hex') placing '8' from 13) placing '8' from 17)::uuid
$$;

create function app.ms(p_at timestamptz) returns bigint language sql immutable as $$
  select round(extract(epoch from p_at at time zone 'UTC') * 1000)::bigint
$$;

-- The currencies the exchange settles in, as in src/money.ts (a test compares them).
create table public.currencies (
  code text primary key check (code = lower(code) and length(code) = 3),
  exponent int not null check (exponent between 0 and 3),
  minimum_charge_minor bigint not null check (minimum_charge_minor > 0),
  multiple_of_minor int not null default 1
);
insert into public.currencies (code, exponent, minimum_charge_minor, multiple_of_minor) values
  ('usd', 2, 50, 1), ('eur', 2, 50, 1), ('gbp', 2, 30, 1), ('cad', 2, 50, 1), ('aud', 2, 50, 1),
  ('huf', 2, 17500, 1), ('jpy', 0, 50, 1), ('kwd', 3, 500, 10), ('ugx', 2, 200000, 100);

-- An amount of money: whole minor units that a JavaScript number holds exactly.
create domain app.amount_minor as bigint check (value between -9007199254740991 and 9007199254740991);

create table public.settings (
  singleton boolean primary key default true check (singleton),
  timezone text not null default 'UTC',
  payouts_stopped boolean not null default false,
  -- A payout, or an adjustment of a call, above this waits for a second person.
  approval_limit_minor app.amount_minor not null default 1000000 check (approval_limit_minor > 0),
  -- An unexplained difference between Stripe and the ledger above this stops the payouts of its currency.
  difference_threshold_minor app.amount_minor not null default 0 check (difference_threshold_minor >= 0),
  -- How long after the end of a buyer's day late calls still count to it.
  billing_grace interval not null default '0',
  -- An invoice that is so many times more, or less, than the buyer's last one waits for a person, where either exceeds the floor.
  invoice_change_factor int not null default 5 check (invoice_change_factor >= 2),
  invoice_change_floor_minor app.amount_minor not null default 100000 check (invoice_change_floor_minor >= 0),
  -- For so many days from its start a buyer may dispute a call.
  dispute_days int not null default 30 check (dispute_days >= 0),
  -- For so many days from its start a call waits for money in its buyer's wallet; then it is rejected.
  cover_hold_days int not null default 7 check (cover_hold_days >= 0),
  -- So long Stripe may take to show a charge that the books have, before it is missing: one by card, and one by bank debit.
  card_settles_after interval not null default '2 days' check (card_settles_after >= '0'),
  bank_debit_settles_after interval not null default '4 days' check (bank_debit_settles_after >= '0'),
  -- People are told, once a day, of each open break of more than this amount, and of each that is older than so many days.
  break_alert_minor app.amount_minor not null default 100000 check (break_alert_minor >= 0),
  break_alert_days int not null default 3 check (break_alert_days >= 0),
  -- So many days after its arrival date a payout of the platform must be on the bank's statement.
  deposit_days int not null default 4 check (deposit_days >= 0),
  -- The platform's own banks and cards as Stripe calls them (`ba_…`, `card_…`): a payout to any other is a break, and not booked.
  payout_destinations text[] not null default '{}'
);
insert into public.settings default values;

create table public.audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  subject text not null,
  detail jsonb not null default '{}'
);
create index audit_log_subject on public.audit_log (subject, id);

create function app.log_action(p_at timestamptz, p_actor text, p_action text, p_subject text, p_detail jsonb default '{}')
returns void language sql as $$
  insert into public.audit_log (at, actor, action, subject, detail) values (p_at, p_actor, p_action, p_subject, p_detail)
$$;

create function app.refuse_change() returns trigger language plpgsql as $$
begin
  perform app.fail('DATABASE_REFUSED', format('%I is append-only', tg_table_name), '{}', 'PT403');
  return null;
end $$;

create trigger audit_log_append_only before update or delete on public.audit_log
  for each row execute function app.refuse_change();
create trigger audit_log_no_truncate before truncate on public.audit_log
  for each statement execute function app.refuse_change();

-- One invoice per buyer, currency and period, frozen when it is planned.
create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  buyer_id uuid not null references public.buyers,
  currency text not null references public.currencies,
  -- Calls that started before this instant and were on no earlier invoice.
  period_end timestamptz not null,
  business_date date not null,
  -- Of its calls less its credits, without tax. Nothing where credits pay for all of them: Stripe never has such a one.
  amount_minor app.amount_minor not null check (amount_minor >= 0),
  -- Of the buyer when it was planned: Stripe computes tax on it.
  automatic_tax boolean not null default false,
  -- What Stripe computed, when it was issued.
  tax_minor app.amount_minor not null default 0 check (tax_minor >= 0 and (automatic_tax or tax_minor = 0)),
  -- waiting_approval: for a person; planned: not at Stripe yet; open: finalised there, not paid.
  state text not null default 'planned' check (state in ('waiting_approval', 'planned', 'open', 'paid', 'uncollectible', 'void')),
  -- It changed too much when it was planned.
  needs_approval boolean not null default false,
  generation int not null default 1,
  planned_at timestamptz not null,
  -- The business date whose close last asked for the money; Stripe is asked once per date.
  collect_on date not null,
  attempt_token uuid,
  stripe_invoice_id text unique,
  -- Of the buyer when it was planned.
  payment_terms_days int,
  -- When it should be paid: so many days after it was issued, or then.
  due_at timestamptz,
  last_problem text,
  -- Where the buyer pays it, or confirms a payment.
  pay_url text,
  unique (buyer_id, currency, period_end),
  check (amount_minor > 0 or state in ('planned', 'paid') and stripe_invoice_id is null)
);
create index invoices_unsettled on public.invoices (business_date) where state in ('planned', 'open');
alter table public.earnings add foreign key (invoice_id) references public.invoices;

create table public.invoice_lines (
  invoice_id uuid not null references public.invoices,
  campaign_id uuid not null references public.campaigns,
  calls int not null check (calls > 0),
  seconds bigint not null,
  amount_minor app.amount_minor not null check (amount_minor > 0),
  primary key (invoice_id, campaign_id)
);

-- What Stripe charged for an invoice, where a partial payment is one of several, or for a top-up.
create table public.charges (
  charge_id text primary key,
  invoice_id uuid references public.invoices,
  topup_id uuid unique references public.topups,
  balance_transaction_id text not null unique,
  -- What the buyer paid, in the currency of the invoice or the top-up.
  paid_minor app.amount_minor not null check (paid_minor > 0),
  paid_currency text not null references public.currencies,
  -- What Stripe made of it, as its balance transaction says: these may be in another currency.
  currency text not null references public.currencies,
  gross_minor app.amount_minor not null check (gross_minor > 0),
  -- As Stripe wrote it, where it exchanged; no amount is made with it.
  exchange_rate text check (exchange_rate::numeric > 0),
  fee_minor app.amount_minor not null,
  net_minor app.amount_minor not null check (net_minor = gross_minor - fee_minor),
  -- When Stripe said that the money will be available.
  available_at timestamptz not null,
  -- Set when it was: the journals `available` and `clear` are posted then.
  cleared_at timestamptz,
  check (num_nonnulls(invoice_id, topup_id) = 1),
  check ((currency = paid_currency) = (exchange_rate is null) and (exchange_rate is not null or gross_minor = paid_minor))
);
create index charges_invoice on public.charges (invoice_id);
create index charges_uncleared on public.charges (available_at) where cleared_at is null;

-- What a charge was for, as the refs of a journal.
create function app.refs_of_charge(p_charge public.charges) returns jsonb language sql immutable as $$
  select case when p_charge.topup_id is null then jsonb_build_object('invoiceId', p_charge.invoice_id)
    else jsonb_build_object('topupId', p_charge.topup_id) end
$$;

create function app.buyer_of_charge(p_charge public.charges) returns uuid language sql stable as $$
  select coalesce((select buyer_id from public.invoices where id = p_charge.invoice_id), (select buyer_id from public.topups where id = p_charge.topup_id))
$$;

-- What is owed to a buyer for a call that it had paid for and that was adjusted: taken off its next invoice, whole, or the part
-- of it that pays for all of the calls there; the rest is a row of its own.
create table public.credits (
  earning_id uuid not null references public.earnings,
  buyer_id uuid not null references public.buyers,
  currency text not null references public.currencies,
  amount_minor app.amount_minor not null check (amount_minor > 0),
  -- The invoice that it is taken off; null while there is none.
  invoice_id uuid references public.invoices,
  unique nulls not distinct (earning_id, invoice_id)
);
create index credits_open on public.credits (buyer_id, currency) where invoice_id is null;
create index credits_invoice on public.credits (invoice_id) where invoice_id is not null;

-- What corrects an open invoice by a call that was adjusted: one for each adjustment. planned: Stripe may have it or not;
-- issued: it stands at Stripe, and the call is posted back; failed: Stripe refused it, or the invoice was settled before.
create table public.credit_notes (
  id uuid primary key default gen_random_uuid(),
  adjustment_id uuid not null unique,
  earning_id uuid not null references public.earnings,
  invoice_id uuid not null references public.invoices,
  -- The price of its call; and the tax on it, which Stripe computed when it was made.
  amount_minor app.amount_minor not null check (amount_minor > 0),
  tax_minor app.amount_minor not null default 0 check (tax_minor >= 0 and (state = 'issued' or tax_minor = 0)),
  state text not null default 'planned' check (state in ('planned', 'issued', 'failed')),
  stripe_credit_note_id text unique,
  problem text,
  planned_at timestamptz not null,
  ended_at timestamptz,
  check ((state = 'issued') = (stripe_credit_note_id is not null))
);
create unique index credit_notes_standing on public.credit_notes (earning_id) where state <> 'failed';
create index credit_notes_invoice on public.credit_notes (invoice_id);

-- What Stripe takes back of a charge. A refund is final when it is made. A dispute takes the money at once and is decided
-- later: won, the money comes back; lost, it stays away. Until then the calls that it no longer covers are not payable.
create table public.withdrawals (
  -- Of the refund or the dispute at Stripe.
  id text primary key,
  kind text not null check (kind in ('refund', 'dispute')),
  charge_id text not null references public.charges,
  -- That the charge paid; null when it filled a wallet.
  invoice_id uuid references public.invoices,
  -- What it takes of what the buyer paid, in the currency of the invoice or the top-up.
  paid_minor app.amount_minor not null check (paid_minor > 0),
  paid_currency text not null references public.currencies,
  -- What left Stripe's balance, in the currency that the charge settled in; and what came back of it when a dispute was won,
  -- at the rate of that day.
  currency text not null references public.currencies,
  amount_minor app.amount_minor not null check (amount_minor > 0),
  returned_minor app.amount_minor not null default 0,
  -- What Stripe takes for the dispute, and gives back of it when it is won; in the currency of its balance.
  fee_minor app.amount_minor not null check (fee_minor >= 0),
  returned_fee_minor app.amount_minor not null default 0,
  state text not null check (state in ('open', 'won', 'final')),
  balance_transaction_id text not null unique,
  reinstated_by text unique,
  first_seen_at timestamptz not null,
  ended_at timestamptz,
  check (currency <> paid_currency or amount_minor = paid_minor and returned_minor in (0, paid_minor))
);
create index withdrawals_invoice on public.withdrawals (invoice_id);
create index withdrawals_charge on public.withdrawals (charge_id);
create index withdrawals_open on public.withdrawals (id) where state = 'open';

-- Every try of something that moves money, written before it is made.
create table public.attempts (
  id bigint generated always as identity primary key,
  subject_kind text not null check (subject_kind in ('invoice', 'topup', 'payout')),
  subject_id uuid not null,
  generation int not null,
  token uuid not null,
  started_at timestamptz not null,
  sent_at timestamptz,
  ended_at timestamptz,
  outcome text,
  detail text
);
create index attempts_subject on public.attempts (subject_kind, subject_id, id);
create index attempts_token on public.attempts (token);

create function app.invoice_of_token(p_invoice_id uuid, p_token uuid) returns public.invoices language plpgsql as $$
declare v_invoice invoices;
begin
  select * into v_invoice from invoices where id = p_invoice_id for update;
  if v_invoice.id is null then perform app.fail('INVOICE_UNKNOWN', 'no such invoice', '{}', 'PT404'); end if;
  if v_invoice.attempt_token is distinct from p_token then
    perform app.fail('TOKEN_STALE', 'another run has taken this invoice over', jsonb_build_object('invoiceId', p_invoice_id));
  end if;
  return v_invoice;
end $$;

-- An invoice whose credits pay for all of its calls: nothing is owed, and what paid for the credits pays for them. Safe to run
-- twice: an invoice leaves `planned` once, and the journals have its key.
create function app.settle_by_credit(p_invoice public.invoices, p_now timestamptz) returns void language plpgsql as $$
begin
  update invoices set state = 'paid' where id = p_invoice.id;
  update earnings set state = 'billed' where invoice_id = p_invoice.id and state = 'accrued';
  perform app.clear_invoice(p_invoice.id, p_invoice.id::text, p_invoice.business_date, p_now);
end $$;

-- Takes an invoice over: from here on only the holder of the returned token may record anything about it. One that credits pay for
-- is settled at once, and never asked of Stripe.
create function public.claim_invoice(p_invoice_id uuid, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_invoice invoices; v_customer text; v_token uuid := gen_random_uuid();
begin
  if (select amount_minor from invoices where id = p_invoice_id) = 0 then perform app.lock_ledger(); end if;
  select * into v_invoice from invoices where id = p_invoice_id for update;
  if v_invoice.id is null then perform app.fail('INVOICE_UNKNOWN', 'no such invoice', '{}', 'PT404'); end if;
  if v_invoice.state not in ('planned', 'open', 'uncollectible') then
    return jsonb_build_object('kind', 'settled', 'reason', v_invoice.state);
  end if;
  if v_invoice.amount_minor = 0 then
    perform app.settle_by_credit(v_invoice, app.at(p_now_ms));
    return jsonb_build_object('kind', 'settled', 'reason', 'paid_by_credit');
  end if;
  select stripe_customer_id into v_customer from buyers where id = v_invoice.buyer_id;
  if v_customer is null then return jsonb_build_object('kind', 'settled', 'reason', 'buyer_has_no_customer'); end if;
  update invoices set attempt_token = v_token where id = v_invoice.id;
  insert into attempts (subject_kind, subject_id, generation, token, started_at)
  values ('invoice', v_invoice.id, v_invoice.generation, v_token, app.at(p_now_ms));
  return jsonb_build_object('kind', 'claimed', 'token', v_token, 'state', v_invoice.state,
    'stripeInvoiceId', v_invoice.stripe_invoice_id, 'collectOn', v_invoice.collect_on,
    'creditNotes', (select coalesce(jsonb_agg(jsonb_build_object('creditNoteId', n.id, 'amountMinor', n.amount_minor,
        'taxedCampaignId', case when v_invoice.automatic_tax then e.campaign_id end) order by n.planned_at, n.id), '[]')
      from credit_notes n join earnings e on e.id = n.earning_id where n.invoice_id = v_invoice.id and n.state = 'planned'),
    'invoice', jsonb_build_object('invoiceId', v_invoice.id, 'generation', v_invoice.generation, 'customer', v_customer,
      'currency', v_invoice.currency, 'amountMinor', v_invoice.amount_minor, 'plannedAtMs', app.ms(v_invoice.planned_at),
      'paymentTermsDays', v_invoice.payment_terms_days, 'automaticTax', v_invoice.automatic_tax, 'lines', app.lines_of(v_invoice)));
end $$;

-- The invoice stands finalised at Stripe: the receivable is posted, and the tax that Stripe computed. Safe to run twice: the journal's key is the invoice.
create function public.record_invoice_issued(p_invoice_id uuid, p_token uuid, p_stripe_invoice_id text, p_tax_minor bigint, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_invoice invoices;
begin
  perform app.lock_ledger();
  v_invoice := app.invoice_of_token(p_invoice_id, p_token);
  if v_invoice.state <> 'planned' then return '{}'; end if;
  update invoices set state = 'open', stripe_invoice_id = p_stripe_invoice_id, tax_minor = p_tax_minor,
    due_at = app.at(p_now_ms) + make_interval(days => coalesce(payment_terms_days, 0)) where id = p_invoice_id;
  update earnings set state = 'billed' where invoice_id = p_invoice_id and state = 'accrued';
  perform app.post_journal('invoice', format('invoice:%s:%s', p_invoice_id, v_invoice.generation),
    app.unclosed_date(v_invoice.business_date), v_invoice.currency, jsonb_build_object('total', v_invoice.amount_minor, 'tax', p_tax_minor),
    jsonb_build_object('buyer', v_invoice.buyer_id), jsonb_build_object('invoiceId', p_invoice_id, 'stripeInvoiceId', p_stripe_invoice_id), app.at(p_now_ms));
  -- What a credit pays for is paid for by money that is here already.
  perform app.clear_invoice(p_invoice_id, p_invoice_id::text, v_invoice.business_date, app.at(p_now_ms));
  return '{}';
end $$;

-- One charge: cash in pending, the fee, the receivable gone. Safe to run twice: the row and the journal have the charge's id.
create function app.record_charge(p_invoice public.invoices, p_charge jsonb, p_now timestamptz) returns void language plpgsql as $$
declare v_charge charges := app.note_charge(p_charge, p_invoice.id, null);
begin
  if v_charge.charge_id is null or v_charge.paid_currency <> p_invoice.currency then
    perform app.fail('INVOICE_MISMATCH', 'the charge is not what the invoice says', jsonb_build_object('invoiceId', p_invoice.id), 'PT422');
  end if;
  perform app.post_charge(v_charge, p_invoice.buyer_id, p_invoice.business_date, p_now);
end $$;

-- An invoice that was given up is paid after all: what was written off is owed and earned again. Safe to run twice: the
-- journals have the invoice's key.
create function app.reverse_write_off(p_invoice public.invoices, p_now timestamptz) returns void language plpgsql as $$
declare v_journal journals;
begin
  for v_journal in select * from journals where template = 'write_off' and refs ->> 'event' = p_invoice.id::text order by id loop
    perform app.post_journal('write_off_reversed', replace(v_journal.key, 'write_off:', 'write_off_reversed:'),
      app.unclosed_date(p_invoice.business_date), v_journal.currency, v_journal.amounts, v_journal.owners, v_journal.refs, p_now);
  end loop;
  update earnings set state = 'billed' where invoice_id = p_invoice.id and state = 'written_off';
  -- Their places were theirs as long as their money was lost.
  perform app.note_order(d.call, true) from (select distinct on (c.campaign_id, app.campaign_day(c)) c as call
    from calls c join earnings e on e.call_id = c.id where e.invoice_id = p_invoice.id and e.state = 'billed') d;
  perform app.note_caller(c) from calls c join earnings e on e.call_id = c.id where e.invoice_id = p_invoice.id and e.state = 'billed';
end $$;

-- Records what Stripe says of an issued invoice, `p_state`: {status, charges, problem, payUrl}. New charges are booked; the
-- receivable ends when they and its credit notes sum to the invoice, or is written off when Stripe gave it up or it was voided.
-- An invoice that was given up may still be paid; a paid or a void one changes no more.
-- Safe to run twice: a charge is booked once by its id, and a state is entered once.
create function public.record_invoice_state(p_invoice_id uuid, p_token uuid, p_state jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare
  v_invoice invoices; v_state jsonb := app.json_arg(p_state); v_status text := app.json_arg(p_state) ->> 'status';
  v_before bigint; v_left bigint; v_ended bigint := 0; v_now timestamptz := app.at(p_now_ms);
begin
  perform app.lock_ledger();
  v_invoice := app.invoice_of_token(p_invoice_id, p_token);
  v_before := app.left_of(v_invoice);
  update attempts set ended_at = v_now, outcome = v_status, detail = left(v_state ->> 'problem', 200) where token = p_token;
  if v_invoice.state in ('paid', 'void') and v_invoice.state = v_status then return '{}'; end if;
  if v_invoice.state = 'uncollectible' and v_status = 'paid' then perform app.reverse_write_off(v_invoice, v_now); end if;
  perform app.record_charge(v_invoice, charge, v_now) from jsonb_array_elements(v_state -> 'charges') charge;
  v_left := app.left_of(v_invoice);
  if v_invoice.state not in ('open', 'uncollectible') or v_left < 0
    or (v_status = 'paid') <> (v_left = 0) or v_invoice.state = 'uncollectible' and v_status <> 'paid' and (v_status = 'open' or v_left < v_before)
    -- Which calls a refund ended and which the giving up is not known any more.
    or v_invoice.state = 'uncollectible' and v_status = 'paid' and exists (select 1 from withdrawals where invoice_id = p_invoice_id and state = 'final')
  then
    perform app.fail('INVOICE_MISMATCH', 'what Stripe says of the invoice is not what it can be',
      jsonb_build_object('invoiceId', p_invoice_id, 'state', v_invoice.state, 'status', v_status, 'leftMinor', v_left), 'PT422');
  end if;
  -- One that the holder of this token was not told of was never sent, by nobody.
  if v_status <> 'open' then
    update credit_notes set state = 'failed', problem = 'invoice_' || v_status, ended_at = v_now where invoice_id = p_invoice_id and state = 'planned';
  end if;
  if v_status in ('uncollectible', 'void') and v_status <> v_invoice.state then v_ended := app.give_up(v_invoice, v_status, v_now); end if;
  update invoices set state = v_status, last_problem = left(v_state ->> 'problem', 200), pay_url = v_state ->> 'payUrl' where id = p_invoice_id;
  if v_status <> 'open' then perform app.end_uncovered(v_invoice, p_invoice_id::text, v_now); end if;
  perform app.book_loss(p_invoice_id, p_invoice_id::text, v_ended, v_now);
  perform app.watch_credit(v_now, v_invoice.buyer_id);
  return '{}';
end $$;

-- A hint of Stripe about one of our invoices: the present state is read by the job that bills it.
create function public.poke_invoice(p_invoice_id uuid, p_trace text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  if not exists (select 1 from invoices where id = p_invoice_id and state in ('planned', 'open', 'uncollectible')) then return 'false'; end if;
  perform app.make_work('billing.bill-buyer', p_invoice_id::text, jsonb_build_object('invoiceId', p_invoice_id), p_trace,
    app.at(p_now_ms), null, null, true);
  return 'true';
end $$;

-- The draft at Stripe was not the frozen invoice, or could not be finalised (`p_problem`), and is gone: the next try builds it
-- anew, under keys of its own.
create function public.renew_invoice(p_invoice_id uuid, p_token uuid, p_problem text)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  perform app.invoice_of_token(p_invoice_id, p_token);
  update invoices set generation = generation + 1, last_problem = left(p_problem, 200) where id = p_invoice_id and state = 'planned';
  return '{}';
end $$;

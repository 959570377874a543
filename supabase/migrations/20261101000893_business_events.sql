-- What others are told of the business: for each sink that is configured, an event is a row of `work`, written in the
-- transaction of what happened. An event is told once, however often what it tells of is undone and done again.
create table public.event_sinks (
  -- `posthog`, or `webhook-<name>`.
  name text primary key,
  -- One that answered 410 is told again when it has another address.
  address_hash text not null,
  -- When a worker last had it.
  seen_at timestamptz not null,
  gone_at timestamptz
);

-- An event holds ids, amounts, dates and words of ours: never what a caller, a party or a provider wrote.
create function app.tell_sinks(p_kind text, p_subject text, p_at timestamptz, p_data jsonb, p_trace text) returns void language sql as $$
  select app.make_work(case s.name when 'posthog' then 'analytics.capture-event' else 'analytics.deliver-event' end, s.name || '/' || e.id,
    jsonb_build_object('sink', s.name, 'event', jsonb_build_object('id', e.id, 'kind', p_kind, 'atMs', app.ms(p_at), 'data', p_data)), p_trace, p_at)
  from public.event_sinks s, (select app.uuid_of('event:' || p_kind || ':' || p_subject) as id) e where s.gone_at is null order by s.name
$$;

-- A call qualifies by getting an earning; one that is adjusted gets another.
create function app.tell_of_earning() returns trigger language plpgsql as $$
begin
  -- Each rated call comes by here, and most exchanges tell nobody.
  if not exists (select from public.event_sinks where gone_at is null) then return null; end if;
  perform app.tell_sinks('call.qualified', new.call_id::text, c.changed_at, jsonb_build_object('callId', new.call_id, 'campaignId', new.campaign_id,
    'buyerId', new.buyer_id, 'supplierId', new.supplier_id, 'currency', new.currency, 'priceMinor', new.price_minor, 'shareMinor', new.share_minor,
    'durationS', new.duration_s, 'businessDate', new.business_date), c.trace) from public.calls c where c.id = new.call_id;
  return null;
end $$;
create trigger earnings_tell after insert on public.earnings for each row execute function app.tell_of_earning();

-- What paid the invoice was booked in this transaction, at the instant of its journal.
create function app.tell_of_invoice() returns trigger language plpgsql as $$
begin
  perform app.tell_sinks('invoice.paid', new.id::text, (select posted_at from public.journals order by id desc limit 1), jsonb_build_object('invoiceId', new.id,
    'buyerId', new.buyer_id, 'currency', new.currency, 'amountMinor', new.amount_minor, 'taxMinor', new.tax_minor, 'businessDate', new.business_date),
    'invoice-' || new.id);
  return null;
end $$;
create trigger invoices_tell after update on public.invoices for each row
  when (new.state = 'paid' and old.state <> 'paid') execute function app.tell_of_invoice();

create function app.tell_of_payout() returns trigger language plpgsql as $$
begin
  perform app.tell_sinks('payout.sent', new.id::text, new.ended_at, jsonb_build_object('payoutId', new.id, 'supplierId', new.supplier_id,
    'currency', new.currency, 'amountMinor', new.amount_minor, 'businessDate', new.business_date), 'payout-' || new.id);
  return null;
end $$;
create trigger payouts_tell after update on public.payouts for each row
  when (new.state = 'sent' and old.state <> 'sent') execute function app.tell_of_payout();

-- A break that is found again after it was closed is told again: it opened once more.
create function app.tell_of_break() returns trigger language plpgsql as $$
begin
  perform app.tell_sinks('break.opened', new.id || ':' || app.ms(new.last_seen_at), new.last_seen_at, jsonb_build_object('breakId', new.id, 'kind', new.kind,
    'currency', new.currency, 'amountMinor', new.amount_minor, 'day', new.day, 'stopsPayouts', new.gates), 'break-' || new.id);
  return null;
end $$;
create trigger reconciliation_breaks_tell_new after insert on public.reconciliation_breaks for each row
  when (new.state = 'open' and new.kind <> 'expected') execute function app.tell_of_break();
create trigger reconciliation_breaks_tell_again after update on public.reconciliation_breaks for each row
  when (new.state = 'open' and new.kind <> 'expected' and (old.state <> 'open' or old.kind = 'expected')) execute function app.tell_of_break();

-- The sinks that a worker has, [{name, addressHash}], which it says when it starts and again every few minutes. One that it does not
-- have another worker may have: only one that nobody had for six hours is told nothing more. Safe to run twice: it says what is.
create function public.ensure_event_sinks(p_sinks jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  insert into event_sinks as s (name, address_hash, seen_at)
  select x ->> 'name', x ->> 'addressHash', app.at(p_now_ms) from jsonb_array_elements(app.json_arg(p_sinks)) x order by 1
  on conflict (name) do update set address_hash = excluded.address_hash, seen_at = excluded.seen_at,
    gone_at = case when s.address_hash = excluded.address_hash then s.gone_at end;
  delete from event_sinks where seen_at < app.at(p_now_ms) - interval '6 hours';
  return '{}';
end $$;

create function public.event_sink_wanted(p_name text)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select to_jsonb(exists (select from event_sinks where name = p_name and gone_at is null))
$$;

-- A sink wants nothing more at this address: what an older one answers late is not of the one that came after it. Safe to run twice: it
-- is given up once.
create function public.give_up_event_sink(p_name text, p_address_hash text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin
  update event_sinks set gone_at = app.at(p_now_ms) where name = p_name and address_hash = p_address_hash and gone_at is null;
  return to_jsonb(found);
end $$;

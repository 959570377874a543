-- Wallets: what they cover, how they are filled again, and which of their calls their suppliers may be paid for.

create function app.is_prepaid(p_buyer_id uuid, p_currency text) returns boolean language sql stable as $$
  select prepaid ? p_currency from public.buyers where id = p_buyer_id
$$;

-- What a wallet has for further calls: its balance, less what its buyer's bank disputes.
create function app.wallet_cover(p_buyer_id uuid, p_currency text) returns bigint language sql stable as $$
  select (coalesce((select -balance_minor from public.ledger_accounts
      where kind = 'buyer_wallet' and owner_id = p_buyer_id and currency = p_currency), 0)
    - coalesce((select sum(w.paid_minor) from public.withdrawals w join public.charges c on c.charge_id = w.charge_id
        join public.topups t on t.id = c.topup_id
      where w.state = 'open' and t.buyer_id = p_buyer_id and t.currency = p_currency), 0))::bigint
$$;

-- What was paid into a wallet, is available at Stripe in its currency and was not taken back; and no more than is left of all
-- that was paid in. What was taken back of a charge that settled in another currency took nothing of this one.
create function app.wallet_available(p_buyer_id uuid, p_currency text) returns bigint language sql stable as $$
  select least(coalesce(sum(case when c.cleared_at is null then 0 else c.paid_minor end - w.taken) filter (where c.currency = c.paid_currency), 0),
    coalesce(sum(c.paid_minor - w.taken), 0))::bigint
  from public.topups t join public.charges c on c.topup_id = t.id
    cross join lateral (select coalesce(sum(paid_minor), 0) as taken from public.withdrawals where charge_id = c.charge_id and state <> 'won') w
  where t.buyer_id = p_buyer_id and t.currency = p_currency
$$;

-- A name for what happens to a wallet that no charge names: under the ledger's lock the next journal has no other event.
create function app.wallet_event() returns text language sql stable as $$
  select 'wallet:' || coalesce(max(id), 0) from public.journals
$$;

-- Clears the calls of a wallet that its available money pays for, whole ones, the oldest first, of dates that the close
-- comes to. Safe to run twice: an earning leaves `billed` once.
create function app.clear_wallet(p_buyer_id uuid, p_currency text, p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v_earnings uuid[]; v_left bigint;
begin
  select app.wallet_available(p_buyer_id, p_currency) - coalesce(sum(price_minor), 0) into v_left from earnings
  where prepaid and buyer_id = p_buyer_id and currency = p_currency and state in ('cleared', 'reserved', 'paid');
  select array_agg(id) into v_earnings from (
    select id, sum(price_minor) over (order by started_at, call_id) as run from earnings
    where prepaid and buyer_id = p_buyer_id and currency = p_currency and state = 'billed' and business_date <= p_date) e
  where run <= v_left;
  perform app.post_shares('clear', v_earnings, app.wallet_event(), p_date, p_now);
  update earnings set state = 'cleared' where id = any (v_earnings);
end $$;

-- Every wallet with calls that have not cleared.
create function app.clear_wallets(p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v record;
begin
  for v in select distinct buyer_id, currency from earnings where prepaid and state = 'billed' order by 1, 2 loop
    perform app.clear_wallet(v.buyer_id, v.currency, p_date, p_now);
  end loop;
end $$;

-- Takes back what was cleared and is covered no more, the newest calls first; a payout that holds any of it and was never sent
-- is withheld. What is reserved or paid stays: the exchange bears it until the buyer pays into the wallet again.
create function app.unclear_wallet(p_buyer_id uuid, p_currency text, p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v_earnings uuid[]; v_missing bigint;
begin
  select coalesce(sum(price_minor), 0) - app.wallet_available(p_buyer_id, p_currency) into v_missing from earnings
  where prepaid and buyer_id = p_buyer_id and currency = p_currency and state in ('cleared', 'reserved', 'paid');
  select array_agg(id) into v_earnings from (
    select id, price_minor, sum(price_minor) over (order by started_at desc, call_id desc) as run from earnings
    where prepaid and buyer_id = p_buyer_id and currency = p_currency and state = 'cleared') e
  where run - price_minor < v_missing;
  perform app.return_payout(p, 'withheld', 'the money of a call was taken back', p_now) from payouts p
  where p.id in (select payout_id from earnings where id = any (v_earnings)) and p.state in ('planned', 'waiting_approval');
  perform app.post_shares('unclear', v_earnings, app.wallet_event(), p_date, p_now);
  update earnings set state = 'billed' where id = any (v_earnings);
end $$;

-- Makes a top-up and the work of charging it, unless one is under way; its id, or null. The id says which of its date it is, so
-- that books that were set back to a backup come to the same payment intent again, as long as Stripe knows its key.
create function app.make_topup(p_buyer_id uuid, p_currency text, p_by text, p_now timestamptz) returns uuid language plpgsql as $$
declare v_id uuid; v_date date := app.business_date(p_now); v_before bigint;
begin
  select count(*) into v_before from topups where buyer_id = p_buyer_id and currency = p_currency and business_date = v_date;
  insert into topups (id, buyer_id, currency, amount_minor, business_date, asked_by, made_at)
  select app.uuid_of(format('topup|%s|%s|%s|%s', id, p_currency, v_date, v_before)), id, p_currency,
    (prepaid -> p_currency ->> 'rechargeMinor')::bigint, v_date, p_by, p_now from buyers where id = p_buyer_id
  on conflict do nothing returning id into v_id;
  if v_id is not null then
    perform app.make_work('billing.recharge-wallet', v_id::text, jsonb_build_object('topupId', v_id), 'topup-' || v_id, p_now);
  end if;
  return v_id;
end $$;

-- Why a wallet is not charged again by itself; null when it is. One that failed is tried again on the next date; three in
-- a row end it until a person asks for one that is paid.
create function app.recharge_stopped_by(p_buyer_id uuid, p_currency text, p_today date) returns text language sql stable as $$
  select case
    when b.stripe_customer_id is null then 'no_customer'
    when exists (select 1 from public.topups t where t.buyer_id = b.id and t.currency = p_currency and t.state in ('planned', 'processing')) then 'under_way'
    when (select count(*) filter (where state = 'failed') = 3 from (select state from public.topups t
      where t.buyer_id = b.id and t.currency = p_currency order by made_at desc, id limit 3) last) then 'declined_three_times'
    when exists (select 1 from public.topups t where t.buyer_id = b.id and t.currency = p_currency and t.business_date = p_today and t.state = 'failed')
      then 'declined_today'
    when (select count(*) from public.topups t where t.buyer_id = b.id and t.currency = p_currency and t.business_date = p_today)
      >= (b.prepaid -> p_currency ->> 'mostPerDay')::int then 'most_per_day' end
  from public.buyers b where b.id = p_buyer_id
$$;

-- How many calls wait for money in a wallet.
create function app.calls_without_cover(p_buyer_id uuid, p_currency text) returns bigint language sql stable as $$
  select count(*) from public.calls c where c.buyer_id = p_buyer_id and c.status = 'held' and app.is_held_for(c, 'wallet-empty')
    and (app.terms_at(c.campaign_id, c.started_at)).currency = p_currency
$$;

-- Charges the buyer's wallets that are below their low water, or that calls wait for.
create function app.recharge_low(p_buyer_id uuid, p_now timestamptz) returns void language sql as $$
  select app.make_topup(b.id, w.key, null, p_now) from public.buyers b, jsonb_each(b.prepaid) w
  where b.id = p_buyer_id and (app.wallet_cover(b.id, w.key) < (w.value ->> 'lowWaterMinor')::bigint or app.calls_without_cover(b.id, w.key) > 0)
    and app.recharge_stopped_by(b.id, w.key, app.business_date(p_now)) is null order by w.key
$$;

-- Each night: calls that waited too long for money are rejected; the others are looked at again, because money may have come
-- back to their wallet or its buyer pays afterwards now; wallets that are low are charged.
create function app.watch_wallets(p_now timestamptz) returns void language plpgsql as $$
declare v_call calls;
begin
  for v_call in
    update calls c set status = 'rejected', facts_version = facts_version + 1, changed_at = p_now
    where c.status = 'held' and app.is_held_for(c, 'wallet-empty')
      and c.started_at < p_now - make_interval(days => (select cover_hold_days from settings)) returning c.*
  loop
    insert into call_scores (call_id, facts_version, score, decision, reasons, scored_at)
    values (v_call.id, v_call.facts_version, 100, 'reject',
      '[{"signal": "wallet-stayed-empty", "version": 1, "points": 100, "text": "the buyer''s wallet did not cover the call in time"}]', p_now);
  end loop;
  perform app.release_held(b.id, 'wallet-empty', p_now) from buyers b order by b.id;
  perform app.recharge_low(b.id, p_now) from buyers b where b.prepaid <> '{}' order by b.id;
end $$;

create function app.topup_of_token(p_topup_id uuid, p_token uuid) returns public.topups language plpgsql as $$
declare v_topup topups;
begin
  select * into v_topup from topups where id = p_topup_id for update;
  if v_topup.id is null then perform app.fail('TOPUP_UNKNOWN', 'no such top-up', '{}', 'PT404'); end if;
  if v_topup.attempt_token is distinct from p_token then
    perform app.fail('TOKEN_STALE', 'another run has taken this top-up over', jsonb_build_object('topupId', p_topup_id));
  end if;
  return v_topup;
end $$;

-- Takes a top-up over: from here on only the holder of the returned token may record anything about it.
create function public.claim_topup(p_topup_id uuid, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_topup topups; v_customer text; v_token uuid := gen_random_uuid();
begin
  select * into v_topup from topups where id = p_topup_id for update;
  if v_topup.id is null then perform app.fail('TOPUP_UNKNOWN', 'no such top-up', '{}', 'PT404'); end if;
  if v_topup.state in ('paid', 'failed') then return jsonb_build_object('kind', 'settled', 'reason', v_topup.state); end if;
  select stripe_customer_id into v_customer from buyers where id = v_topup.buyer_id;
  if v_customer is null then return jsonb_build_object('kind', 'settled', 'reason', 'buyer_has_no_customer'); end if;
  update topups set attempt_token = v_token where id = p_topup_id;
  insert into attempts (subject_kind, subject_id, generation, token, started_at) values ('topup', p_topup_id, 1, v_token, app.at(p_now_ms));
  return jsonb_build_object('kind', 'claimed', 'token', v_token, 'topup', jsonb_build_object('topupId', v_topup.id,
    'customer', v_customer, 'currency', v_topup.currency, 'amountMinor', v_topup.amount_minor, 'paymentIntentId', v_topup.payment_intent_id));
end $$;

-- Notes the payment intent that a top-up is charged by, before it is confirmed; answers the one that was noted first.
create function public.note_topup_intent(p_topup_id uuid, p_token uuid, p_intent_id text)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_topup topups := app.topup_of_token(p_topup_id, p_token);
begin
  update topups set payment_intent_id = coalesce(payment_intent_id, p_intent_id) where id = p_topup_id returning * into v_topup;
  return to_jsonb(v_topup.payment_intent_id);
end $$;

-- Records what became of a top-up, `p_end`: {status: paid, processing or failed, charge, problem}. Money that was paid is in
-- the wallet at once, and calls that were held for it are scored again; their suppliers are paid when it is available.
-- Safe to run twice: a top-up leaves each state once, and its journal has the charge's key.
create function public.record_topup(p_topup_id uuid, p_token uuid, p_end jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_topup topups; v_end jsonb := app.json_arg(p_end); v_status text := app.json_arg(p_end) ->> 'status';
  v_charge jsonb := app.json_arg(p_end) -> 'charge'; v_now timestamptz := app.at(p_now_ms);
begin
  perform app.lock_ledger();
  v_topup := app.topup_of_token(p_topup_id, p_token);
  update attempts set ended_at = v_now, outcome = v_status, detail = left(v_end ->> 'problem', 200) where token = p_token;
  if v_topup.state in ('paid', 'failed') then return '{}'; end if;
  if v_status = 'paid' then perform app.book_topup(v_topup, v_charge, v_now); end if;
  update topups set state = v_status, last_problem = left(v_end ->> 'problem', 200),
    ended_at = case when v_status <> 'processing' then v_now end where id = p_topup_id;
  if v_status = 'paid' then perform app.release_held(v_topup.buyer_id, 'wallet-empty', v_now); end if;
  perform app.recharge_low(v_topup.buyer_id, v_now);
  return '{}';
end $$;

create function app.book_topup(p_topup public.topups, p_charge jsonb, p_now timestamptz) returns void language plpgsql as $$
declare v_charge charges := app.note_charge(p_charge, null, p_topup.id);
begin
  if (v_charge.paid_minor, v_charge.paid_currency) is distinct from (p_topup.amount_minor, p_topup.currency) then
    perform app.fail('TOPUP_MISMATCH', 'the charge is not what the top-up says', jsonb_build_object('topupId', p_topup.id), 'PT422');
  end if;
  perform app.post_charge(v_charge, p_topup.buyer_id, app.business_date(p_now), p_now);
end $$;

-- A hint of Stripe about a payment intent of ours: the job that charges it reads its present state.
create function public.poke_topup(p_intent_id text, p_trace text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_id uuid;
begin
  select id into v_id from topups where payment_intent_id = p_intent_id and state in ('planned', 'processing');
  if v_id is null then return 'false'; end if;
  perform app.make_work('billing.recharge-wallet', v_id::text, jsonb_build_object('topupId', v_id), p_trace, app.at(p_now_ms), null, null, true);
  return 'true';
end $$;

-- A person has a wallet charged now, also one that stopped by itself. Safe to run twice: one top-up is under way at a time.
create function public.ask_recharge(p_buyer_id uuid, p_currency text, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_id uuid;
begin
  if not coalesce(app.is_prepaid(p_buyer_id, p_currency), false) then
    perform app.fail('WALLET_UNKNOWN', 'no buyer with a wallet in this currency', '{}', 'PT404');
  end if;
  v_id := app.make_topup(p_buyer_id, p_currency, p_by, app.at(p_now_ms));
  if v_id is not null then
    perform app.log_action(app.at(p_now_ms), p_by, 'wallet.recharge', 'buyer:' || p_buyer_id, jsonb_build_object('reason', p_reason, 'topup', v_id));
  end if;
  return (select jsonb_build_object('topupId', id, 'asked', v_id is not null, 'amountMinor', amount_minor, 'state', state) from topups
    where buyer_id = p_buyer_id and currency = p_currency and (id = v_id or v_id is null and state in ('planned', 'processing')));
end $$;

-- Wallets with what is in them, what of it further calls may use, and why one is not charged again by itself.
create function public.list_wallets(p_now_ms bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('buyerId', b.id, 'buyer', b.name, 'currency', w.key,
    'coverMinor', app.wallet_cover(b.id, w.key), 'availableMinor', app.wallet_available(b.id, w.key),
    'lowWaterMinor', w.value -> 'lowWaterMinor', 'stoppedBy', app.recharge_stopped_by(b.id, w.key, app.business_date(app.at(p_now_ms))),
    'heldCalls', app.calls_without_cover(b.id, w.key),
    'lastProblem', (select t.last_problem from topups t where t.buyer_id = b.id and t.currency = w.key order by t.made_at desc, t.id limit 1))
    order by b.name, w.key), '[]')
  from buyers b, jsonb_each(b.prepaid) w
$$;

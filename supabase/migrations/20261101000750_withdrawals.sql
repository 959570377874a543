-- Refunds and disputes: what they take of an invoice's cover, and how they end.

-- What pays for the calls of an invoice: what was charged and has not been taken back, and credits that were taken off it;
-- less what its own calls gave the buyer credit for. Of all charges, or of those whose money is available in the invoice's
-- currency: what settled in another one pays no supplier of this one, and what is taken back of that takes nothing of this one, as
-- long as no more is taken back in all than was paid. Without the tax in it; `p_more` is as if it were paid too.
create function app.paid_for(p_invoice_id uuid, p_available_only boolean, p_more bigint default 0) returns bigint language sql stable as $$
  select (app.net_paid(p_invoice_id, ((select least(coalesce(sum(c.paid_minor - w.taken), 0),
        case when p_available_only then coalesce(sum(case when c.cleared_at is null then 0 else c.paid_minor end - w.taken)
          filter (where c.currency = c.paid_currency), 0) end)
      from public.charges c cross join lateral (select coalesce(sum(paid_minor), 0) as taken from public.withdrawals
        where charge_id = c.charge_id and state <> 'won') w where c.invoice_id = p_invoice_id) + p_more)::bigint)
    + coalesce((select sum(amount_minor) from public.credits where invoice_id = p_invoice_id), 0)
    - coalesce((select sum(c.amount_minor) from public.credits c join public.earnings e on e.id = c.earning_id
      where e.invoice_id = p_invoice_id), 0))::bigint
$$;

-- What may ever pay for the calls of an invoice to which nothing more is paid: its open disputes may still be won.
create function app.cover_at_most(p_invoice_id uuid) returns bigint language sql stable as $$
  select app.paid_for(p_invoice_id, false,
    (select coalesce(sum(paid_minor), 0)::bigint from public.withdrawals where invoice_id = p_invoice_id and state = 'open'))
$$;

-- The earnings of an invoice that an amount pays for: whole ones, the oldest call first, without those that ended.
create function app.covered_earnings(p_invoice_id uuid, p_amount bigint) returns setof uuid language sql stable as $$
  select id from (
    select id, sum(price_minor) over (order by started_at, call_id) as run from public.earnings
    where invoice_id = p_invoice_id and state not in ('written_off', 'clawed_back')) e
  where run <= p_amount
$$;

-- Moves the shares of earnings of one invoice between pending and payable: a journal for each supplier, by the event's key.
create function app.post_shares(p_template text, p_earnings uuid[], p_event text, p_date date, p_now timestamptz) returns void language sql as $$
  select app.post_journal(p_template, format('%s:%s:%s', p_template, p_event, supplier_id), app.unclosed_date(p_date), currency,
    jsonb_build_object('share', sum(share_minor)), jsonb_build_object('supplier', supplier_id),
    jsonb_build_object('invoiceId', invoice_id, 'event', p_event), p_now)
  from public.earnings where id = any (p_earnings) group by supplier_id, currency, invoice_id order by supplier_id
$$;

-- Clears what is billed and covered by money that is available. `p_event` is the charge, or what came back of a dispute.
-- Safe to run twice: an earning leaves `billed` once, and the journals have the event's key.
create function app.clear_invoice(p_invoice_id uuid, p_event text, p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v_earnings uuid[];
begin
  select array_agg(e.id) into v_earnings from earnings e where e.invoice_id = p_invoice_id and e.state = 'billed'
    and e.id in (select app.covered_earnings(p_invoice_id, app.paid_for(p_invoice_id, true)));
  perform app.post_shares('clear', v_earnings, p_event, p_date, p_now);
  update earnings set state = 'cleared' where id = any (v_earnings);
end $$;

-- Takes back what was cleared and is covered no more; a payout that holds any of it and was never sent is withheld, and
-- the next plan pays the rest. What is reserved or paid stays: the exchange bears it.
create function app.unclear_invoice(p_invoice_id uuid, p_event text, p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v_earnings uuid[];
begin
  select array_agg(e.id) into v_earnings from earnings e where e.invoice_id = p_invoice_id and e.state = 'cleared'
    and e.id not in (select app.covered_earnings(p_invoice_id, app.paid_for(p_invoice_id, true)));
  perform app.return_payout(p, 'withheld', 'the money of a call was taken back', p_now) from payouts p
  where p.id in (select payout_id from earnings where id = any (v_earnings)) and p.state in ('planned', 'waiting_approval');
  perform app.post_shares('unclear', v_earnings, p_event, p_date, p_now);
  update earnings set state = 'billed' where id = any (v_earnings);
end $$;

-- The earnings of an invoice whose price lies between two amounts paid, by the order of coverage; `reached` is what had to
-- be paid for one to be covered. A call whose credit note is under way is given back to the buyer by that.
create function app.earnings_between(p_invoice_id uuid, p_paid bigint, p_before bigint)
returns table (id uuid, supplier_id uuid, price bigint, share bigint, reached bigint, is_paid boolean) language sql stable as $$
  select * from (
    select id, supplier_id, price_minor, share_minor, sum(price_minor) over (order by started_at, call_id)::bigint as reached,
      state in ('reserved', 'paid')
    from public.earnings g where invoice_id = p_invoice_id and state not in ('written_off', 'clawed_back')
      and not exists (select 1 from public.credit_notes n where n.earning_id = g.id and n.state = 'planned')) e
  where reached > p_paid and reached <= p_before
$$;

-- Ends the calls between two amounts of a receivable of which nobody will pay the difference, p_before - p_paid: they are owed by
-- nobody and earned by nobody (a supplier is paid when the buyer paid). What was paid towards a call that is not covered whole stays
-- with the exchange until that is taken back as well. Answers how much of the receivable ended with them; the rest, that of
-- calls whose supplier has been paid among it, is booked by app.book_loss.
-- Safe to run twice: the caller does it once for an event, whose key the journals have.
create function app.write_off(p_invoice public.invoices, p_event text, p_before bigint, p_paid bigint, p_now timestamptz)
returns bigint language plpgsql as $$
declare v_part record; v_owed bigint := 0;
begin
  for v_part in
    select supplier_id, sum(price)::bigint as price, sum(share)::bigint as share,
      coalesce(sum(p_paid - (reached - price)) filter (where reached - price < p_paid), 0)::bigint as kept
    from app.earnings_between(p_invoice.id, p_paid, p_before) where not is_paid group by supplier_id order by supplier_id
  loop
    v_owed := v_owed + v_part.price - v_part.kept;
    perform app.post_journal('write_off', format('write_off:%s:%s', p_event, v_part.supplier_id), app.unclosed_date(p_invoice.business_date),
      p_invoice.currency, jsonb_build_object('share', v_part.share, 'margin', v_part.price - v_part.share, 'lost', 0, 'returned', 0,
        'kept', v_part.kept, 'owed', v_part.price - v_part.kept),
      jsonb_build_object('buyer', p_invoice.buyer_id, 'supplier', v_part.supplier_id),
      jsonb_build_object('invoiceId', p_invoice.id, 'event', p_event), p_now);
  end loop;
  update earnings set state = 'written_off'
  where id in (select g.id from app.earnings_between(p_invoice.id, p_paid, p_before) g where not g.is_paid);
  return v_owed;
end $$;

-- What the exchange loses by an invoice as it stands: the calls whose suppliers were paid, or are being paid, and that nothing can
-- pay for; and the tax that stays payable and that the buyer does not pay, or was given back.
create function app.loss_of(p_invoice public.invoices) returns bigint language sql stable as $$
  select (coalesce((select sum(price_minor) from public.earnings where invoice_id = p_invoice.id and state in ('reserved', 'paid')
      and id not in (select app.covered_earnings(p_invoice.id, app.cover_at_most(p_invoice.id)))), 0)
    + greatest(0, case p_invoice.state when 'uncollectible' then p_invoice.tax_minor
          - (select coalesce(sum(tax_minor), 0) from public.credit_notes where invoice_id = p_invoice.id and state = 'issued')
        else m.paid - app.net_paid(p_invoice.id, m.paid) end
      - (m.paid - m.gone - app.net_paid(p_invoice.id, m.paid - m.gone))))::bigint
  from (select coalesce((select sum(paid_minor) from public.charges where invoice_id = p_invoice.id), 0)::bigint as paid,
    coalesce((select sum(paid_minor) from public.withdrawals where invoice_id = p_invoice.id and state = 'final'), 0)::bigint as gone) m
$$;

-- Books the loss of an invoice up, or back, to what it is now, and what else of the receivable ended with the event (`p_owed`): that
-- was the exchange's own, which it returned, or keeps for a call that is not covered whole. Safe to run twice: what is booked is
-- what is missing, and the caller ends a receivable once for an event, whose key the journals have.
create function app.book_loss(p_invoice_id uuid, p_event text, p_owed bigint, p_now timestamptz) returns void language plpgsql as $$
declare v_invoice invoices; v_lost bigint; v_key text := p_event; v_refs jsonb; v_none jsonb := '{"share": 0, "margin": 0, "returned": 0, "owed": 0}';
begin
  select * into v_invoice from invoices where id = p_invoice_id;
  select app.loss_of(v_invoice) - coalesce(sum((amounts ->> 'lost')::bigint * case template when 'write_off' then 1 else -1 end), 0) into v_lost
  from journals where refs @> jsonb_build_object('invoiceId', p_invoice_id) and template in ('write_off', 'write_off_reversed', 'tax_reversed');
  v_refs := jsonb_build_object('invoiceId', p_invoice_id, 'event', p_event);
  -- Of an event that ended no receivable there may be several: under the ledger's lock the next journal has no other number.
  if p_owed = 0 or v_lost < 0 then v_key := p_event || ':loss:' || (select max(id) from journals); end if;
  if v_lost < 0 then
    perform app.post_journal('write_off_reversed', 'write_off_reversed:' || v_key, app.unclosed_date(v_invoice.business_date), v_invoice.currency,
      v_none || jsonb_build_object('lost', -v_lost, 'kept', -v_lost), jsonb_build_object('buyer', v_invoice.buyer_id), v_refs, p_now);
    v_lost := 0;
  end if;
  if v_lost = 0 and p_owed = 0 then return; end if;
  perform app.post_journal('write_off', 'write_off:' || case p_owed when 0 then v_key else p_event end, app.unclosed_date(v_invoice.business_date),
    v_invoice.currency, v_none || jsonb_build_object('lost', v_lost, 'returned', greatest(p_owed - v_lost, 0),
      'kept', greatest(v_lost - p_owed, 0), 'owed', p_owed),
    jsonb_build_object('buyer', v_invoice.buyer_id), v_refs, p_now);
end $$;

-- Ends the calls that nothing can pay for any more, of an invoice to which nothing more is paid: while it was open a part of it
-- was refunded, which ended no call as long as the buyer still owed one. What the exchange gave back then, or has been paid
-- towards such a call, it keeps instead of the call's price (`kept`). Safe to run twice: an earning leaves `billed` once.
create function app.end_uncovered(p_invoice public.invoices, p_event text, p_now timestamptz) returns void language plpgsql as $$
declare v_earnings uuid[];
begin
  select array_agg(e.id) into v_earnings from earnings e where e.invoice_id = p_invoice.id and e.state = 'billed'
    and e.id not in (select app.covered_earnings(p_invoice.id, app.cover_at_most(p_invoice.id)));
  perform app.post_journal('write_off', format('write_off:%s:uncovered:%s', p_event, supplier_id), app.unclosed_date(p_invoice.business_date), currency,
    jsonb_build_object('share', sum(share_minor), 'margin', sum(price_minor - share_minor), 'lost', 0, 'returned', 0, 'kept', sum(price_minor), 'owed', 0),
    jsonb_build_object('buyer', p_invoice.buyer_id, 'supplier', supplier_id), jsonb_build_object('invoiceId', p_invoice.id, 'event', p_event), p_now)
  from earnings where id = any (v_earnings) group by supplier_id, currency order by supplier_id;
  update earnings set state = 'written_off' where id = any (v_earnings);
end $$;

-- Of calls that a payout held and gave back, those that are not covered any more are payable no more: their money was taken back
-- while the payout was under way, and they were booked as the exchange's loss, which is booked back. Where nothing can pay for
-- one ever it ends. Safe to run twice: a payout returns once.
create function app.unclear_returned(p_earnings uuid[], p_payout public.payouts, p_now timestamptz) returns void language plpgsql as $$
declare v_invoice invoices; v_event text;
begin
  for v_invoice in
    select * from invoices where id in (select invoice_id from earnings where id = any (p_earnings) and not prepaid) order by id
  loop
    v_event := format('%s:%s', p_payout.id, v_invoice.id);
    perform app.unclear_invoice(v_invoice.id, v_event, v_invoice.business_date, p_now);
    if v_invoice.state <> 'open' then perform app.end_uncovered(v_invoice, v_event, p_now); end if;
    perform app.book_loss(v_invoice.id, v_event, 0, p_now);
  end loop;
  perform app.unclear_wallet(w.buyer_id, p_payout.currency, p_payout.business_date, p_now)
  from (select distinct buyer_id from earnings where id = any (p_earnings) and prepaid) w;
end $$;

-- Posts what a refund or a dispute took, or what came back of a dispute that was won, as its movement says. Where Stripe exchanged
-- there are two journals, each in its own currency: what was taken of the invoice goes back over `fx_clearing`, and so does what left
-- the balance, at the rate of its day. What Stripe gained or lost by the rates stays there. Safe to run twice: each journal has the
-- key of the refund or dispute.
create function app.post_withdrawal(p_template text, p_withdrawal public.withdrawals, p_charge public.charges, p_movement public.stripe_movements,
  p_date date, p_now timestamptz) returns void language plpgsql as $$
declare v_date date := app.unclosed_date(p_date); v_buyer jsonb := jsonb_build_object('buyer', app.buyer_of_charge(p_charge));
  v_paid jsonb := jsonb_build_object('amount', p_withdrawal.paid_minor) || app.by_wallet(p_withdrawal.paid_minor, p_charge.topup_id is not null);
  v_settled jsonb := jsonb_build_object('amount', abs(p_movement.amount_minor), 'fee', abs(p_movement.fee_minor), 'total', abs(p_movement.net_minor));
  v_refs jsonb := app.refs_of_charge(p_charge) || jsonb_build_object('withdrawalId', p_withdrawal.id, 'balanceTransactionId', p_movement.id);
begin
  if p_withdrawal.currency = p_withdrawal.paid_currency then
    perform app.post_journal(p_template, p_template || ':' || p_withdrawal.id, v_date, p_withdrawal.currency, v_paid || v_settled, v_buyer, v_refs, p_now);
    return;
  end if;
  v_refs := v_refs || jsonb_build_object('exchangeRate', p_movement.exchange_rate);
  perform app.post_journal(p_template || '_exchanged', format('%s_exchanged:%s', p_template, p_withdrawal.id), v_date,
    p_withdrawal.paid_currency, v_paid, v_buyer, v_refs, p_now);
  perform app.post_journal(p_template || '_settled', format('%s_settled:%s', p_template, p_withdrawal.id), v_date,
    p_withdrawal.currency, v_settled, '{}', v_refs, p_now);
end $$;

-- The first time that a refund or a dispute is seen: its money leaves the books as it left Stripe, and what the invoice's
-- other money does not cover is payable no more. Null when its movement is not known, or the two are not what they must be: in the
-- currencies of their charge, with a rate where these differ, and the same amount where they do not.
create function app.open_withdrawal(p_fact jsonb, p_charge public.charges, p_date date, p_now timestamptz)
returns public.withdrawals language plpgsql as $$
declare v_movement stripe_movements; v_withdrawal withdrawals; v_paid bigint := (p_fact ->> 'amountMinor')::bigint;
begin
  select * into v_movement from stripe_movements where source_id = p_fact ->> 'id' and reporting_category = p_fact ->> 'kind';
  if v_movement.id is null or v_movement.currency <> p_charge.currency or v_movement.amount_minor >= 0 or v_movement.fee_minor < 0
    or coalesce(v_paid, 0) <= 0 or p_fact ->> 'currency' is distinct from p_charge.paid_currency
    or (p_charge.exchange_rate is null) <> (v_movement.exchange_rate is null)
    or p_charge.exchange_rate is null and v_paid <> -v_movement.amount_minor
  then
    return null;
  end if;
  insert into withdrawals (id, kind, charge_id, invoice_id, paid_minor, paid_currency, currency, amount_minor, fee_minor, state,
    balance_transaction_id, first_seen_at)
  values (p_fact ->> 'id', p_fact ->> 'kind', p_charge.charge_id, p_charge.invoice_id, v_paid, p_charge.paid_currency, p_charge.currency,
    -v_movement.amount_minor, v_movement.fee_minor, 'open', v_movement.id, p_now) returning * into v_withdrawal;
  perform app.post_withdrawal(v_withdrawal.kind, v_withdrawal, p_charge, v_movement, p_date, p_now);
  if p_charge.topup_id is null then
    perform app.unclear_invoice(p_charge.invoice_id, v_withdrawal.id, p_date, p_now);
  else
    perform app.unclear_wallet(app.buyer_of_charge(p_charge), p_charge.paid_currency, p_date, p_now);
  end if;
  return v_withdrawal;
end $$;

-- A refund, or a dispute that was lost: nobody will pay what was taken back of an invoice; a wallet may go below nothing, and
-- what is paid into it next makes up for that first.
create function app.finish_withdrawal(p_withdrawal public.withdrawals, p_charge public.charges, p_date date, p_now timestamptz) returns void
language plpgsql as $$
declare v_invoice invoices; v_paid bigint := app.paid_for(p_withdrawal.invoice_id, false); v_before bigint; v_owed bigint;
begin
  if p_withdrawal.kind = 'dispute' then
    perform app.post_journal('dispute_lost', 'dispute_lost:' || p_withdrawal.id, app.unclosed_date(p_date), p_withdrawal.paid_currency,
      jsonb_build_object('amount', p_withdrawal.paid_minor) || app.by_wallet(p_withdrawal.paid_minor, p_charge.topup_id is not null),
      jsonb_build_object('buyer', app.buyer_of_charge(p_charge)),
      app.refs_of_charge(p_charge) || jsonb_build_object('withdrawalId', p_withdrawal.id), p_now);
  end if;
  select * into v_invoice from invoices where id = p_withdrawal.invoice_id;
  if v_invoice.id is not null then
    -- Never more than was taken: what the roundings of credit notes' tax add when all is paid was never paid for calls.
    v_before := least(app.paid_for(v_invoice.id, false, p_withdrawal.paid_minor), v_paid + p_withdrawal.paid_minor);
    v_owed := p_withdrawal.paid_minor - app.write_off(v_invoice, p_withdrawal.id, v_before, v_paid, p_now);
  end if;
  update withdrawals set state = 'final', ended_at = p_now where id = p_withdrawal.id;
  if v_invoice.state <> 'open' then perform app.end_uncovered(v_invoice, p_withdrawal.id, p_now); end if;
  if v_invoice.id is not null then perform app.book_loss(v_invoice.id, p_withdrawal.id, v_owed, p_now); end if;
end $$;

-- A dispute that was won: the money is back, and so are the calls that it covers.
create function app.reinstate_withdrawal(p_withdrawal public.withdrawals, p_charge public.charges, p_movement public.stripe_movements,
  p_date date, p_now timestamptz)
returns void language plpgsql as $$
begin
  update withdrawals set state = 'won', ended_at = p_now, reinstated_by = p_movement.id, returned_minor = p_movement.amount_minor,
    returned_fee_minor = -p_movement.fee_minor where id = p_withdrawal.id;
  perform app.post_withdrawal('dispute_won', p_withdrawal, p_charge, p_movement, p_date, p_now);
  perform app.clear_invoice(p_withdrawal.invoice_id, p_movement.id, p_date, p_now);
end $$;

-- Refunds and disputes whose present state must be read at Stripe: moved and not booked, or not decided; at most 500. Those that
-- a person took for another system's come last: they are read for ever, and must not keep ours from being read.
create function public.withdrawals_to_read()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'kind', kind) order by id), '[]') from (
    select m.source_id as id, m.reporting_category as kind,
      exists (select 1 from break_resolutions r where r.balance_transaction_id = m.id and r.state = 'booked') as is_resolved
    from stripe_movements m where m.reporting_category in ('refund', 'dispute') and m.source_id is not null
      and not exists (select 1 from withdrawals w where w.id = m.source_id)
    union select id, kind, false from withdrawals where state = 'open' order by is_resolved, id limit 500) found
$$;

-- Books what became of a refund or dispute, `p_fact`: {id, kind, chargeId, amountMinor, currency, status} as Stripe says, the amount
-- in the currency that the buyer paid in. Answers `booked`, or why not: `foreign` (of no charge of ours), `unmoved` (its movement
-- of the balance is not known, or is not what it must be). What is not booked is a break.
-- Safe to run twice: each step has a row or a journal with the id of the refund or dispute, and a state is left once.
create function public.record_withdrawal(p_fact jsonb, p_date date, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare
  v_fact jsonb := app.json_arg(p_fact); v_now timestamptz := app.at(p_now_ms); v_charge charges; v_withdrawal withdrawals;
  v_movement stripe_movements;
begin
  perform app.lock_ledger();
  select * into v_charge from charges where charge_id = v_fact ->> 'chargeId';
  if v_charge.charge_id is null then return '"foreign"'; end if;
  select * into v_withdrawal from withdrawals where id = v_fact ->> 'id';
  if v_withdrawal.id is null then v_withdrawal := app.open_withdrawal(v_fact, v_charge, p_date, v_now); end if;
  if v_withdrawal.id is null then return '"unmoved"'; end if;
  if v_withdrawal.state <> 'open' then return '"booked"'; end if;
  if v_withdrawal.kind = 'refund' or v_fact ->> 'status' = 'lost' then
    perform app.finish_withdrawal(v_withdrawal, v_charge, p_date, v_now);
  elsif v_fact ->> 'status' = 'won' then
    select * into v_movement from stripe_movements
    where source_id = v_withdrawal.id and reporting_category = 'dispute_reversal' and currency = v_withdrawal.currency and fee_minor <= 0
      and amount_minor > 0 and (exchange_rate is null) = (v_charge.exchange_rate is null)
      and (exchange_rate is not null or amount_minor = v_withdrawal.amount_minor);
    if v_movement.id is not null then perform app.reinstate_withdrawal(v_withdrawal, v_charge, v_movement, p_date, v_now); end if;
  end if;
  return '"booked"';
end $$;

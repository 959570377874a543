-- The trace of a cent: from any id of the chain call → score → journal → invoice → charge → balance transaction → transfer →
-- payout to all that it is joined to, each link with its state. Reads only.

-- A link. `place` is its stage in the chain; `facts` says what its kind alone has.
create type app.trace_link as (place int, link text, id text, state text, amount_minor bigint, currency text, at timestamptz, facts jsonb);

-- Whose an id is. A balance transaction is that of the row which expects it; one of nobody is known by its movement alone.
create function app.trace_subject(p_id text, p_uuid uuid)
returns table (kind text, call_id uuid, invoice_id uuid, topup_id uuid, payout_id uuid, bank_payout_id text) language sql stable as $$
  select 'call', id, null::uuid, null::uuid, null::uuid, null from public.calls where id = p_uuid
  union all select 'earning', e.call_id, null, null, null, null from public.earnings e where id = p_uuid
  union all select 'adjustment', a.call_id, null, null, null, null from public.adjustments a where id = p_uuid
  union all select 'credit_note', e.call_id, null, null, null, null from public.credit_notes n join public.earnings e on e.id = n.earning_id
    where n.id = p_uuid or n.stripe_credit_note_id = p_id
  union all select 'invoice', null, id, null, null, null from public.invoices where id = p_uuid or stripe_invoice_id = p_id
  union all select case p_id when c.charge_id then 'charge' else 'balance_transaction' end, null, c.invoice_id, c.topup_id, null, null
    from public.charges c where c.charge_id = p_id or c.balance_transaction_id = p_id
  union all select case p_id when w.id then w.kind else 'balance_transaction' end, null, c.invoice_id, c.topup_id, null, null
    from public.withdrawals w join public.charges c on c.charge_id = w.charge_id
    where w.id = p_id or w.balance_transaction_id = p_id or w.reinstated_by = p_id
  union all select 'topup', null, null, id, null, null from public.topups where id = p_uuid or payment_intent_id = p_id
  union all select case p_id when transfer_id then 'transfer' when balance_transaction_id then 'balance_transaction' else 'payout' end,
    null, null, null, id, null from public.payouts where id = p_uuid or transfer_id = p_id or balance_transaction_id = p_id
  union all select case p_id when id then 'transfer_reversal' else 'balance_transaction' end, null, null, null, of_payout_id, null
    from public.transfer_reversals where id = p_id or balance_transaction_id = p_id
  union all select 'bank_payout', null, null, null, null, id from public.bank_payouts where id = p_id
  union all select 'platform_payout', null, null, null, null, null from public.platform_payout_moves where payout_id = p_id
  union all select 'platform_payout', null, null, null, null, null from public.platform_payouts where id = p_id
  union all select 'balance_transaction', null, null, null, null, null from public.stripe_movements where id = p_id
  limit 1
$$;

-- A call with its scores, its disputes, what it owes and earns, and what was adjusted of that.
create function app.trace_call(p_call_id uuid) returns setof app.trace_link language sql stable as $$
  select 1, 'call', c.id::text, c.status, null::bigint, null, c.started_at, jsonb_build_object('source', c.source, 'externalId', c.external_id,
    'durationS', c.duration_s, 'businessDate', c.business_date, 'campaign', k.name, 'buyer', b.name, 'supplier', s.name)
  from public.calls c left join public.campaigns k on k.id = c.campaign_id left join public.buyers b on b.id = c.buyer_id
    left join public.suppliers s on s.id = c.supplier_id where c.id = p_call_id
  union all
  (select 2, 'score', null, s.decision, null, null, s.scored_at, jsonb_build_object('score', s.score, 'factsVersion', s.facts_version,
    'reasons', (select coalesce(jsonb_agg(r ->> 'signal'), '[]') from jsonb_array_elements(s.reasons) r))
  from public.call_scores s where s.call_id = p_call_id order by s.facts_version desc limit 20)
  union all
  select 2, 'score', null, 'waiting', null, null, null, '{}' from public.calls where id = p_call_id and status = 'stored'
  union all
  select 2, 'dispute_of_call', id::text, state, null, null, opened_at, jsonb_build_object('reason', reason, 'decision', decision_reason)
  from public.call_disputes where call_id = p_call_id
  union all
  select 3, 'earning', e.id::text, e.state, e.price_minor, e.currency, e.started_at, jsonb_build_object('shareMinor', e.share_minor,
    'businessDate', e.business_date, 'frozen', e.frozen, 'prepaid', e.prepaid, 'replaced', e.replaced)
  from public.earnings e where e.call_id = p_call_id
  union all
  select 5, 'wallet', e.buyer_id::text, case e.state when 'clawed_back' then 'given_back' else 'drawn' end, e.price_minor, e.currency, null, '{}'
  from public.earnings e where e.call_id = p_call_id and e.prepaid
  union all
  select 3, 'adjustment', a.id::text, a.state, e.price_minor, e.currency, a.asked_at,
    jsonb_build_object('cause', a.cause, 'reason', a.reason, 'askedBy', a.asked_by, 'waitsFor', a.waits_for)
  from public.earnings e join public.adjustments a on a.earning_id = e.id where e.call_id = p_call_id
$$;

-- Many calls: how many of them stand in which state with what they owe and earn, and the first of them. What lies beyond the
-- bound is said to be, and not counted.
create function app.trace_calls(p_earnings public.earnings[], p_bound int) returns setof app.trace_link language sql stable as $$
  with e as materialized (select * from unnest(p_earnings[:p_bound]))
  select 1, 'calls', null::text, e.state, sum(e.price_minor)::bigint, e.currency, null::timestamptz,
    jsonb_build_object('calls', count(*), 'shareMinor', sum(e.share_minor))
  from e group by e.state, e.currency
  union all
  select 1, 'calls', null, 'not_counted', null, null, null, jsonb_build_object('beyond', p_bound) where cardinality(p_earnings) > p_bound
  union all
  (select 2, 'call', e.call_id::text, e.state, e.price_minor, e.currency, e.started_at, jsonb_build_object('shareMinor', e.share_minor)
  from e order by e.started_at, e.call_id limit 20)
$$;

-- Invoices with their lines, credits and credit notes; of one call, when it is given, only what is of that.
create function app.trace_invoices(p_invoices uuid[], p_call_id uuid) returns setof app.trace_link language sql stable as $$
  select 5, 'invoice', i.id::text, i.state, (i.amount_minor + i.tax_minor)::bigint, i.currency, i.planned_at, jsonb_build_object(
    'stripeInvoiceId', i.stripe_invoice_id, 'buyer', b.name, 'businessDate', i.business_date, 'taxMinor', i.tax_minor,
    'leftMinor', app.left_of(i), 'dueAt', i.due_at, 'problem', i.last_problem)
  from public.invoices i join public.buyers b on b.id = i.buyer_id where i.id = any (p_invoices)
  union all
  (select 5, 'invoice_line', l.invoice_id::text, i.state, l.amount_minor, i.currency, i.planned_at,
    jsonb_build_object('campaign', k.name, 'calls', l.calls)
  from public.invoice_lines l join public.invoices i on i.id = l.invoice_id join public.campaigns k on k.id = l.campaign_id
  where l.invoice_id = any (p_invoices) and (p_call_id is null or l.campaign_id = (select campaign_id from public.calls where id = p_call_id))
  order by l.amount_minor desc, k.id limit 20)
  union all
  (select 5, 'credit_note', coalesce(n.stripe_credit_note_id, n.id::text), n.state, (n.amount_minor + n.tax_minor)::bigint, e.currency, n.planned_at,
    jsonb_build_object('callId', e.call_id, 'problem', n.problem)
  from public.credit_notes n join public.earnings e on e.id = n.earning_id
  where n.invoice_id = any (p_invoices) and (p_call_id is null or e.call_id = p_call_id) order by n.planned_at, n.id limit 20)
  union all
  select 5, 'credit', c.invoice_id::text, case when c.invoice_id is null then 'open' else 'taken_off' end, c.amount_minor, c.currency, null,
    jsonb_build_object('callId', e.call_id)
  from public.earnings e join public.credits c on c.earning_id = e.id where e.call_id = p_call_id
  union all
  select 5, 'credit', c.invoice_id::text, 'taken_off', sum(c.amount_minor)::bigint, c.currency, null, jsonb_build_object('calls', count(*))
  from public.credits c where p_call_id is null and c.invoice_id = any (p_invoices) group by c.invoice_id, c.currency
$$;

-- What was paid for invoices and into wallets, and what was taken back of it.
create function app.trace_charges(p_charges text[]) returns setof app.trace_link language sql stable as $$
  select 6, 'charge', c.charge_id, case when c.cleared_at is null then 'pending' else 'available' end, c.paid_minor, c.paid_currency,
    c.available_at, jsonb_build_object('balanceTransactionId', c.balance_transaction_id, 'settledIn', c.currency, 'grossMinor', c.gross_minor,
      'feeMinor', c.fee_minor, 'netMinor', c.net_minor, 'exchangeRate', c.exchange_rate)
  from public.charges c where c.charge_id = any (p_charges)
  union all
  select 6, w.kind, w.id, w.state, w.paid_minor, w.paid_currency, w.first_seen_at,
    jsonb_build_object('chargeId', w.charge_id, 'feeMinor', w.fee_minor, 'balanceTransactionId', w.balance_transaction_id, 'reinstatedBy', w.reinstated_by)
  from public.withdrawals w where w.charge_id = any (p_charges)
  union all
  select 6, 'topup', t.id::text, t.state, t.amount_minor, t.currency, t.made_at, jsonb_build_object('paymentIntentId', t.payment_intent_id, 'problem', t.last_problem)
  from public.charges c join public.topups t on t.id = c.topup_id where c.charge_id = any (p_charges)
$$;

-- Payouts with their transfers, what came back of these, what is held back, and what Stripe paid on to the supplier's bank since.
create function app.trace_payouts(p_payouts uuid[], p_bank_payout_id text) returns setof app.trace_link language sql stable as $$
  select 8, 'payout', p.id::text, p.state, p.amount_minor, p.currency, p.planned_at, jsonb_build_object('supplier', s.name,
    'businessDate', p.business_date, 'recoveredMinor', p.recovered_minor, 'reserveMinor', p.reserve_minor, 'problem', p.problem)
  from public.payouts p join public.suppliers s on s.id = p.supplier_id where p.id = any (p_payouts)
  union all
  select 8, 'reserve', r.of_payout_id::text, case when r.released_at is null then 'held' else 'released' end, r.amount_minor, r.currency,
    r.released_at, jsonb_build_object('releaseOn', r.release_on, 'paidBy', r.payout_id)
  from public.supplier_reserves r where r.of_payout_id = any (p_payouts)
  union all
  select 9, 'transfer', p.transfer_id, case p.state when 'sent' then case when r.back = 0 then 'sent' when r.back < p.amount_minor then 'partly_reversed'
    else 'reversed' end when 'refused' then 'not_sent' when 'withheld' then 'not_sent' when 'unknown' then 'unknown' else 'waiting' end, p.amount_minor, p.currency, p.ended_at,
    jsonb_build_object('payoutId', p.id, 'destination', p.destination, 'balanceTransactionId', p.balance_transaction_id)
  from public.payouts p cross join lateral (select coalesce(sum(amount_minor), 0) as back from public.transfer_reversals where of_payout_id = p.id) r
  where p.id = any (p_payouts)
  union all
  select 9, 'transfer_reversal', r.id, case when r.payout_id is null then 'owed_again' else 'paid_again' end, r.amount_minor, r.currency,
    r.first_seen_at, jsonb_build_object('payoutId', r.of_payout_id, 'paidBy', r.payout_id, 'balanceTransactionId', r.balance_transaction_id)
  from public.transfer_reversals r where r.of_payout_id = any (p_payouts)
  union all
  select 10, 'bank_payout', b.id, b.status, b.amount_minor, b.currency, b.created_at,
    jsonb_build_object('account', b.account, 'arrivesAt', b.arrives_at, 'failure', b.failure_code)
  from (
    select p_bank_payout_id as id
    union select next.id from public.payouts p cross join lateral (select o.id from public.bank_payouts o where o.supplier_id = p.supplier_id
      and o.currency = p.currency and o.created_at >= p.ended_at order by o.created_at, o.id limit 3) next
    where p_bank_payout_id is null and p.id = any (p_payouts) and p.state = 'sent') wanted join public.bank_payouts b on b.id = wanted.id
$$;

-- A payout of the platform to its own bank, by its id, and what its bank has of it.
create function app.trace_platform_payout(p_id text) returns setof app.trace_link language sql stable as $$
  select 8, 'platform_payout', p.id, p.status, p.amount_minor::bigint, p.currency, p.created_at, jsonb_build_object('traceId', p.trace_id,
    'arrivesAt', p.arrives_at, 'failure', p.failure_code, 'items', p.items)
  from public.platform_payouts p where p.id = p_id
  union all
  select 10, 'bank_line', l.id::text, case when l.amount_minor > 0 then 'came' else 'went_back' end, l.amount_minor::bigint, l.currency, l.matched_at,
    jsonb_build_object('account', a.name, 'bookedOn', l.booked_on)
  from public.bank_lines l join public.bank_accounts a on a.id = l.account_id where l.payout_id = p_id
$$;

-- What Stripe's balance shows of charges, of what was taken back of them, and of payouts; and whether it is what the books expect.
create function app.trace_movements(p_charges text[], p_payouts uuid[], p_id text) returns setof app.trace_link language sql stable as $$
  with expected (id, net_minor, currency, is_ours) as (
    select balance_transaction_id, net_minor::bigint, currency, true from public.charges where charge_id = any (p_charges)
    union all select balance_transaction_id, (-amount_minor - fee_minor)::bigint, currency, true from public.withdrawals where charge_id = any (p_charges)
    union all select reinstated_by, (returned_minor + returned_fee_minor)::bigint, currency, true from public.withdrawals where charge_id = any (p_charges) and reinstated_by is not null
    union all select balance_transaction_id, (-amount_minor)::bigint, currency, true from public.payouts where id = any (p_payouts) and state = 'sent'
    union all select balance_transaction_id, amount_minor::bigint, currency, true from public.transfer_reversals where of_payout_id = any (p_payouts)
    -- Of a movement, or of a payout of the platform, as its line in the ledger says, where it has one.
    union all select m.id, coalesce(l.net_minor, m.net_minor::bigint), coalesce(l.currency, m.currency), c.movement_seq is not null
      from public.stripe_movements m left join public.cash_matches c on c.movement_seq = m.seq left join app.cash_lines l on l.journal_id = c.journal_id
      where m.id in (select p_id union all select balance_transaction_id from public.platform_payout_moves where payout_id = p_id)
        and cardinality(p_charges) + cardinality(p_payouts) = 0
  )
  select 7, 'balance_transaction', e.id, case when not e.is_ours then 'not_in_the_books' when m.id is null then 'not_listed'
      when (m.net_minor, m.currency) = (e.net_minor, e.currency) then 'matched' else 'differs' end,
    coalesce(m.net_minor, e.net_minor)::bigint, coalesce(m.currency, e.currency), m.created_at,
    jsonb_build_object('category', m.reporting_category, 'feeMinor', m.fee_minor, 'availableAt', m.available_at, 'sourceId', m.source_id,
      'break', (select b.state || ': ' || b.kind from public.reconciliation_breaks b
        where b.identity in ('movement:' || e.id, 'amount:' || e.id, 'missing:' || e.id) order by b.id desc limit 1))
  from expected e left join public.stripe_movements m on m.id = e.id
$$;

-- What has not come yet: of calls that are owed and on no invoice, of invoices that are not paid, of earnings that no payout holds.
create function app.trace_waiting(p_earnings public.earnings[], p_bound int, p_invoices uuid[]) returns setof app.trace_link language sql stable as $$
  select 5, 'invoice', null::text, 'waiting', sum(e.price_minor)::bigint, e.currency, null::timestamptz, jsonb_build_object('calls', count(*))
  from unnest(p_earnings[:p_bound]) e where e.state = 'accrued' and e.invoice_id is null group by e.currency
  union all
  select 6, 'charge', null, 'waiting', app.left_of(i), i.currency, i.due_at, jsonb_build_object('invoiceId', i.id, 'problem', i.last_problem)
  from public.invoices i where i.id = any (p_invoices) and i.state in ('waiting_approval', 'planned', 'open') and app.left_of(i) > 0
  union all
  select 8, 'payout', null, 'waiting', sum(e.share_minor)::bigint, e.currency, null, jsonb_build_object('for', f.waits_for, 'calls', count(*))
  from unnest(p_earnings[:p_bound]) e cross join lateral (select case when e.frozen then 'adjustment_or_dispute' when e.state = 'accrued' then 'invoice'
    when e.state = 'billed' then 'available_money' else 'payout_day' end as waits_for) f
  where e.payout_id is null and e.state in ('accrued', 'billed', 'cleared') group by f.waits_for, e.currency
$$;

-- The journals of all that: their amount is what they move. Of an invoice of many suppliers those of one call's supplier alone.
create function app.trace_journals(p_call_id uuid, p_invoices uuid[], p_topup_id uuid, p_payouts uuid[], p_id text) returns setof app.trace_link
language sql stable as $$
  with refs (ref) as (
    select jsonb_build_object('callId', p_call_id) where p_call_id is not null
    union all select jsonb_build_object('topupId', p_topup_id) where p_topup_id is not null
    union all select jsonb_build_object('invoiceId', i) from unnest(p_invoices) i
    union all select jsonb_build_object('payoutId', p) from unnest(p_payouts) p
    -- Of a movement that is nobody's: what a person booked of it; of a payout of the platform its way to the bank.
    union all select jsonb_build_object(word, p_id) from unnest('{balanceTransactionId,platformPayoutId}'::text[]) word
      where p_call_id is null and p_topup_id is null and cardinality(p_invoices) + cardinality(p_payouts) = 0
  ), found as materialized (
    select j.* from refs cross join lateral (
      -- By what they name, and by their ids only then: the newest of ten million would else be walked for the first of one.
      with named as materialized (select * from public.journals n where n.refs @> refs.ref)
      select * from named n where p_call_id is null or n.owners ->> 'supplier' is null
        or n.owners ->> 'supplier' = (select supplier_id::text from public.calls where id = p_call_id)
      order by n.id limit 20) j
  )
  select distinct 4, 'journal', j.key, 'posted', (select sum(p.amount_minor) from public.postings p where p.journal_id = j.id and p.amount_minor > 0)::bigint,
    j.currency, j.posted_at, jsonb_build_object('template', j.template, 'businessDate', j.business_date, 'id', j.id)
  from found j
$$;

-- The trace of an id of ours or of Stripe: {kind, links}. Of an invoice or a payout of many calls the first five hundred are
-- counted by state, and at most twenty of a kind of link are shown. Its plan is made once for a connection, and without JIT: to make it takes longer than to read what it asks for.
create function public.trace(p_id text)
returns jsonb language plpgsql stable security definer set search_path = pg_catalog, public, app, pg_temp
set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  c_bound constant int := 500; v_uuid uuid; v_subject record; v_earnings earnings[]; v_invoices uuid[]; v_payouts uuid[]; v_charges text[];
begin
  begin v_uuid := p_id::uuid; exception when invalid_text_representation then null; end;
  select * into v_subject from app.trace_subject(p_id, v_uuid);
  if v_subject.kind is null then
    perform app.fail('TRACE_UNKNOWN', 'nothing in the books has this id', jsonb_build_object('id', p_id), 'PT404');
  end if;
  v_earnings := case when v_subject.call_id is not null then array(select e from earnings e where call_id = v_subject.call_id)
    when v_subject.invoice_id is not null then array(select e from earnings e where invoice_id = v_subject.invoice_id order by started_at, call_id limit c_bound + 1)
    when v_subject.payout_id is not null then array(select e from earnings e where payout_id = v_subject.payout_id order by started_at, call_id limit c_bound + 1)
    else '{}' end;
  v_invoices := case when v_subject.invoice_id is not null then array[v_subject.invoice_id] else array(select id from (
    select invoice_id as id from unnest(v_earnings)
    union select c.invoice_id from unnest(v_earnings) e join credits c on c.earning_id = e.id where v_subject.call_id is not null) i
    where id is not null order by id limit 20) end;
  v_payouts := case when v_subject.payout_id is not null then array[v_subject.payout_id]
    -- Which transfers Stripe paid on by it nobody says: those that went to the account since the one before it.
    when v_subject.bank_payout_id is not null then array(select p.id from bank_payouts b join payouts p
      on p.supplier_id = b.supplier_id and p.currency = b.currency and p.state = 'sent' and p.ended_at <= b.created_at
      where b.id = v_subject.bank_payout_id and p.ended_at > coalesce((select max(o.created_at) from bank_payouts o
        where o.supplier_id = b.supplier_id and o.currency = b.currency and o.created_at < b.created_at), '-infinity')
      order by p.ended_at desc limit 20)
    else array(select payout_id from unnest(v_earnings) where payout_id is not null group by 1 order by sum(share_minor) desc, 1 limit 20) end;
  v_charges := array(select charge_id from charges where invoice_id = any (v_invoices)
    union all select charge_id from charges where topup_id = v_subject.topup_id order by 1 limit 20);
  return jsonb_build_object('kind', v_subject.kind, 'links', (
    select coalesce(jsonb_agg(jsonb_build_object('link', l.link, 'id', l.id, 'state', l.state, 'amountMinor', l.amount_minor, 'currency', l.currency,
      'atMs', app.ms(l.at), 'facts', jsonb_strip_nulls(l.facts)) order by l.place, l.at, l.link, l.id, l.state), '[]')
    from (
      select * from app.trace_call(v_subject.call_id) where v_subject.call_id is not null
      union all select * from app.trace_calls(v_earnings, c_bound) where v_subject.call_id is null and cardinality(v_earnings) > 0
      union all select * from app.trace_journals(v_subject.call_id, v_invoices, v_subject.topup_id, v_payouts, p_id)
      union all select * from app.trace_invoices(v_invoices, v_subject.call_id)
      union all select * from app.trace_charges(v_charges)
      union all select * from app.trace_movements(v_charges, v_payouts, p_id)
      union all select * from app.trace_payouts(v_payouts, v_subject.bank_payout_id)
      union all select * from app.trace_platform_payout(p_id)
      union all select * from app.trace_waiting(v_earnings, c_bound, v_invoices)) l));
end $$;

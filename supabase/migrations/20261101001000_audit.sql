-- A second reading of the books: it is written from the tables alone and calls none of the functions that the jobs call,
-- so that what a job does wrongly is not read wrongly in the same way. Nothing here changes a row.

-- One promise: its plain name, its number in the list of invariants, and the ids that break it (the first 20 of them).
create function app.audit_check(p_check text, p_invariant text, p_offenders text[]) returns jsonb language sql immutable as $$
  select jsonb_build_object('check', p_check, 'invariant', p_invariant, 'ok', cardinality(p_offenders) = 0,
    'count', cardinality(p_offenders), 'offenders', to_jsonb(p_offenders[1:20]))
$$;

-- What people should see and what is no fault: never red.
create function app.audit_listing(p_name text, p_ids text[]) returns jsonb language sql immutable as $$
  select app.audit_check('listed: ' || p_name, null, p_ids) || '{"ok": true}'
$$;

-- What of an amount paid for an invoice is for its calls and not its tax, less what credit notes took off: the calls' part rounded
-- down, and the whole when it is paid in full.
create function app.audit_net(p_paid numeric, p_net numeric, p_tax numeric, p_noted_net numeric, p_noted numeric) returns numeric language sql immutable as $$
  select case when p_tax = 0 then p_paid when p_paid + p_noted >= p_net + p_tax then p_net - p_noted_net
    else least(p_net - p_noted_net, floor(p_paid * p_net / (p_net + p_tax))) end
$$;

-- What each event posts, written down a second time: a template of the ledger that is changed alone turns the audit red.
create view app.audit_legs as
  select * from (values
    ('call', 'buyer_unbilled', 'buyer', 'postpaid', 1), ('call', 'buyer_wallet', 'buyer', 'prepaid', 1),
    ('call', 'supplier_pending', 'supplier', 'share', -1),
    ('call', 'exchange_margin', null, 'margin', -1),
    ('invoice', 'buyer_receivable', 'buyer', 'total', 1),
    ('invoice', 'buyer_unbilled', 'buyer', 'total', -1),
    ('invoice', 'buyer_receivable', 'buyer', 'tax', 1), ('invoice', 'tax_payable', null, 'tax', -1),
    ('tax_reversed', 'tax_payable', null, 'tax', 1), ('tax_reversed', 'buyer_receivable', 'buyer', 'owed', -1), ('tax_reversed', 'bad_debt', null, 'lost', -1),
    ('charge', 'stripe_pending', null, 'net', 1),
    ('charge', 'stripe_fees', null, 'fee', 1),
    ('charge', 'buyer_receivable', 'buyer', 'postpaid', -1), ('charge', 'buyer_wallet', 'buyer', 'prepaid', -1),
    ('charge_exchanged', 'fx_clearing', null, 'gross', 1),
    ('charge_exchanged', 'buyer_receivable', 'buyer', 'postpaid', -1), ('charge_exchanged', 'buyer_wallet', 'buyer', 'prepaid', -1),
    ('charge_settled', 'stripe_pending', null, 'net', 1), ('charge_settled', 'stripe_fees', null, 'fee', 1), ('charge_settled', 'fx_clearing', null, 'gross', -1),
    ('available', 'stripe_available', null, 'net', 1),
    ('available', 'stripe_pending', null, 'net', -1),
    ('clear', 'supplier_pending', 'supplier', 'share', 1),
    ('clear', 'supplier_payable', 'supplier', 'share', -1),
    ('unclear', 'supplier_payable', 'supplier', 'share', 1), ('unclear', 'supplier_pending', 'supplier', 'share', -1),
    ('write_off', 'supplier_pending', 'supplier', 'share', 1), ('write_off', 'exchange_margin', null, 'margin', 1),
    ('write_off', 'bad_debt', null, 'lost', 1), ('write_off', 'exchange_margin', null, 'returned', 1),
    ('write_off', 'exchange_margin', null, 'kept', -1), ('write_off', 'buyer_receivable', 'buyer', 'owed', -1),
    ('write_off_reversed', 'supplier_pending', 'supplier', 'share', -1), ('write_off_reversed', 'exchange_margin', null, 'margin', -1),
    ('write_off_reversed', 'bad_debt', null, 'lost', -1), ('write_off_reversed', 'exchange_margin', null, 'returned', -1),
    ('write_off_reversed', 'exchange_margin', null, 'kept', 1), ('write_off_reversed', 'buyer_receivable', 'buyer', 'owed', 1),
    ('refund', 'buyer_receivable', 'buyer', 'postpaid', 1), ('refund', 'buyer_wallet', 'buyer', 'prepaid', 1), ('refund', 'stripe_fees', null, 'fee', 1), ('refund', 'stripe_available', null, 'total', -1),
    ('dispute', 'dispute_receivable', null, 'amount', 1), ('dispute', 'stripe_fees', null, 'fee', 1), ('dispute', 'stripe_available', null, 'total', -1),
    ('refund_exchanged', 'buyer_receivable', 'buyer', 'postpaid', 1), ('refund_exchanged', 'buyer_wallet', 'buyer', 'prepaid', 1), ('refund_exchanged', 'fx_clearing', null, 'amount', -1),
    ('refund_settled', 'fx_clearing', null, 'amount', 1), ('refund_settled', 'stripe_fees', null, 'fee', 1), ('refund_settled', 'stripe_available', null, 'total', -1),
    ('dispute_exchanged', 'dispute_receivable', null, 'amount', 1), ('dispute_exchanged', 'fx_clearing', null, 'amount', -1),
    ('dispute_settled', 'fx_clearing', null, 'amount', 1), ('dispute_settled', 'stripe_fees', null, 'fee', 1), ('dispute_settled', 'stripe_available', null, 'total', -1),
    ('dispute_won_exchanged', 'fx_clearing', null, 'amount', 1), ('dispute_won_exchanged', 'dispute_receivable', null, 'amount', -1),
    ('dispute_won_settled', 'stripe_available', null, 'total', 1), ('dispute_won_settled', 'stripe_fees', null, 'fee', -1), ('dispute_won_settled', 'fx_clearing', null, 'amount', -1),
    ('dispute_won', 'stripe_available', null, 'total', 1), ('dispute_won', 'stripe_fees', null, 'fee', -1), ('dispute_won', 'dispute_receivable', null, 'amount', -1),
    ('dispute_lost', 'buyer_receivable', 'buyer', 'postpaid', 1), ('dispute_lost', 'buyer_wallet', 'buyer', 'prepaid', 1), ('dispute_lost', 'dispute_receivable', null, 'amount', -1),
    ('adjustment', 'supplier_pending', 'supplier', 'pending', 1), ('adjustment', 'supplier_payable', 'supplier', 'payable', 1),
    ('adjustment', 'supplier_debt', 'supplier', 'debt', 1), ('adjustment', 'exchange_margin', null, 'margin', 1),
    ('adjustment', 'buyer_unbilled', 'buyer', 'postpaid', -1), ('adjustment', 'buyer_wallet', 'buyer', 'prepaid', -1),
    ('adjustment', 'buyer_receivable', 'buyer', 'noted', -1),
    ('payout_reserve', 'supplier_payable', 'supplier', 'earned', 1),
    ('payout_reserve', 'payouts_in_transit', 'supplier', 'amount', -1), ('payout_reserve', 'supplier_debt', 'supplier', 'recovered', -1),
    ('payout_reserve', 'supplier_reserve', 'supplier', 'reserve', -1), ('payout_release', 'supplier_reserve', 'supplier', 'reserve', 1),
    ('reserve_release', 'supplier_reserve', 'supplier', 'amount', 1), ('reserve_release', 'supplier_payable', 'supplier', 'amount', -1),
    ('payout_send', 'payouts_in_transit', 'supplier', 'amount', 1),
    ('payout_send', 'stripe_available', null, 'amount', -1),
    ('payout_release', 'payouts_in_transit', 'supplier', 'amount', 1),
    ('payout_release', 'supplier_debt', 'supplier', 'recovered', 1), ('payout_release', 'supplier_payable', 'supplier', 'earned', -1),
    ('transfer_reversal', 'stripe_available', null, 'amount', 1), ('transfer_reversal', 'supplier_payable', 'supplier', 'amount', -1),
    ('platform_payout', 'bank_in_transit', null, 'amount', 1), ('platform_payout', 'stripe_fees', null, 'fee', 1), ('platform_payout', 'stripe_available', null, 'total', -1),
    ('platform_payout_returned', 'stripe_available', null, 'total', 1), ('platform_payout_returned', 'stripe_fees', null, 'fee', -1), ('platform_payout_returned', 'bank_in_transit', null, 'amount', -1),
    ('bank_deposit', 'bank', null, 'amount', 1), ('bank_deposit', 'bank_in_transit', null, 'amount', -1),
    ('bank_deposit_returned', 'bank_in_transit', null, 'amount', 1), ('bank_deposit_returned', 'bank', null, 'amount', -1),
    ('break_resolved', 'stripe_available', null, 'came', 1), ('break_resolved', 'suspense', null, 'came', -1),
    ('break_resolved', 'suspense', null, 'left', 1), ('break_resolved', 'stripe_available', null, 'left', -1),
    ('break_resolved_reversed', 'stripe_available', null, 'came', -1), ('break_resolved_reversed', 'suspense', null, 'came', 1),
    ('break_resolved_reversed', 'suspense', null, 'left', -1), ('break_resolved_reversed', 'stripe_available', null, 'left', 1)
  ) as leg (template, kind, owner, amount, sign);

create function app.audit_ledger(p_now timestamptz) returns jsonb language sql stable as $$
  with posted as materialized (
    select p.id, p.journal_id, p.account_id, p.amount_minor, p.currency, a.kind, a.owner_id, a.currency as account_currency
    from public.postings p join public.ledger_accounts a on a.id = p.account_id
  ), expected as materialized (
    select j.id as journal_id, l.kind, (j.owners ->> l.owner)::uuid as owner_id, l.sign * (j.amounts ->> l.amount)::bigint as amount_minor
    from public.journals j left join app.audit_legs l on l.template = j.template
    where (j.amounts ->> l.amount)::bigint is distinct from 0
  ), differing as (
    (select * from expected except all select journal_id, kind, owner_id, amount_minor from posted)
    union all (select journal_id, kind, owner_id, amount_minor from posted except all select * from expected)
  ), begun as (
    -- For each date with journals: when the first close of it or of a later date began to bill, and when one had ended.
    select d.business_date, min(c.billing_at) as billing_at, min(c.ended_at) filter (where c.state = 'done') as ended_at
    from (select distinct business_date from public.journals) d join public.closes c on c.business_date >= d.business_date
    group by d.business_date
  )
  select jsonb_build_array(
    app.audit_check('every journal sums to zero in each currency', 'INV-1', array(
      select distinct journal_id::text from posted group by journal_id, currency having sum(amount_minor) <> 0)),
    app.audit_check('the books sum to zero in each currency', 'INV-1', array(
      select currency from public.ledger_accounts group by currency having sum(balance_minor) <> 0)),
    app.audit_check('every balance is the sum of its postings', 'INV-5', array(
      select a.id::text from public.ledger_accounts a left join (select account_id, sum(amount_minor) as total from posted group by 1) p
        on p.account_id = a.id where a.balance_minor <> coalesce(p.total, 0))),
    app.audit_check('every journal posts the legs of its event and no other', 'INV-7', array(
      select distinct journal_id::text from differing)),
    app.audit_check('every posting is in the currency of its journal and of its account', 'INV-6', array(
      select p.id::text from posted p join public.journals j on j.id = p.journal_id
      where p.currency <> j.currency or p.currency <> p.account_currency)),
    app.audit_check('every account belongs to a party that exists', 'INV-6', array(
      select a.id::text from public.ledger_accounts a join public.account_kinds k on k.kind = a.kind
      where case k.owner when 'exchange' then a.owner_id is not null
        when 'buyer' then not exists (select 1 from public.buyers b where b.id = a.owner_id)
        else not exists (select 1 from public.suppliers s where s.id = a.owner_id) end)),
    app.audit_check('no balance stands on its wrong side', 'INV-8', array(
      select a.id::text from public.ledger_accounts a
      -- Stripe's own balance may go below zero, by a chargeback after a payout.
      -- A buyer's unbilled calls may be less than its credits. The margin may be a loss: where a buyer has credit for a call and is
      -- refunded for it too, and while a part of an open invoice is refunded.
      where a.kind in ('buyer_receivable', 'supplier_debt', 'stripe_pending', 'stripe_fees', 'dispute_receivable', 'bad_debt', 'bank', 'bank_in_transit') and a.balance_minor < 0
        or a.kind in ('supplier_pending', 'supplier_payable', 'supplier_reserve', 'payouts_in_transit') and a.balance_minor > 0)),
    app.audit_check('no call is booked on a date whose close had begun to bill', null, array(
      select j.id::text from public.journals j join begun b on b.business_date = j.business_date
      where j.template = 'call' and b.billing_at < j.posted_at - interval '5 minutes')),
    app.audit_check('no movement of money is booked on a date that was closed', null, array(
      select j.id::text from public.journals j join begun b on b.business_date = j.business_date
      where j.template not in ('call', 'invoice') and b.ended_at < j.posted_at - interval '5 minutes')),
    app.audit_check('nothing is booked in the future', null, array(
      select id::text from public.journals where posted_at > p_now + interval '5 minutes')))
$$;

create function app.audit_billing() returns jsonb language sql stable as $$
  with booked as materialized (
    select refs ->> 'invoiceId' as invoice_id, refs ->> 'chargeId' as charge_id, template, count(*) as journals, min(currency) as currency,
      sum((amounts ->> 'total')::bigint) as total, sum((amounts ->> 'gross')::bigint) as gross, sum((amounts ->> 'fee')::bigint) as fee,
      sum((amounts ->> 'net')::bigint) as net, min(owners ->> 'buyer') as buyer
    from public.journals where template in ('invoice', 'charge', 'available') and refs ->> 'topupId' is null group by 1, 2, 3
  ), paid as materialized (
    -- Of what settled in another currency nothing is available in the invoice's.
    select invoice_id, sum(paid_minor) as charged, coalesce(sum(paid_minor) filter (where cleared_at is not null and currency = paid_currency), 0) as available
    from public.charges group by 1
  ), noted as materialized (
    -- What credit notes took off an invoice, with and without tax.
    select invoice_id, sum(amount_minor + tax_minor) as total, sum(amount_minor) as net from public.credit_notes where state = 'issued' group by 1
  ), taken as materialized (
    -- In the invoice's currency; of charges that settled in it (own), and of all.
    select invoice_id, sum(paid_minor) filter (where state <> 'won') as taken, sum(paid_minor) filter (where state = 'final') as gone,
      sum(paid_minor) filter (where state <> 'won' and currency = paid_currency) as own_taken
    from public.withdrawals group by 1
  ), credited as materialized (
    -- What credits were taken off an invoice, less those that its own calls gave.
    select invoice_id, sum(amount) filter (where amount > 0) as taken_off, sum(amount) as net from (
      select invoice_id, amount_minor as amount from public.credits where invoice_id is not null
      union all select e.invoice_id, -c.amount_minor from public.credits c join public.earnings e on e.id = c.earning_id) part group by 1
  ), standing as materialized (
    -- Each earning of an issued invoice with what must have been paid, and not taken back, for it to be covered.
    select e.id, e.state, i.state as invoice_state,
      app.audit_net(least(coalesce(p.available, 0) - coalesce(t.own_taken, 0), coalesce(p.charged, 0) - coalesce(t.taken, 0)), i.amount_minor, i.tax_minor, coalesce(o.net, 0), coalesce(o.total, 0)) + coalesce(n.net, 0) as available,
      -- Where nothing more is paid: what may pay for it if its open disputes are won.
      app.audit_net(coalesce(p.charged, 0) - coalesce(t.gone, 0), i.amount_minor, i.tax_minor, coalesce(o.net, 0), coalesce(o.total, 0)) + coalesce(n.net, 0) as at_most,
      coalesce(t.taken, 0) as taken, t.gone is not null as some_gone,
      sum(e.price_minor) filter (where e.state not in ('written_off', 'clawed_back')) over (partition by e.invoice_id order by e.started_at, e.call_id) as needs
    from public.earnings e join public.invoices i on i.id = e.invoice_id and i.state in ('open', 'paid', 'uncollectible', 'void')
      left join paid p on p.invoice_id = i.id left join taken t on t.invoice_id = i.id left join credited n on n.invoice_id = i.id
      left join noted o on o.invoice_id = i.id
  ), held as materialized (
    select invoice_id, count(*) as calls, sum(price_minor) as total from public.earnings where invoice_id is not null and not replaced group by 1
  ), lines as materialized (
    select invoice_id, sum(calls) as calls, sum(amount_minor) as total from public.invoice_lines group by 1
  ), line_differs as (
    select coalesce(l.invoice_id, e.invoice_id) as invoice_id from public.invoice_lines l
      full join (select invoice_id, campaign_id, count(*) as calls, sum(duration_s) as seconds, sum(price_minor) as total
        from public.earnings where invoice_id is not null and not replaced group by 1, 2) e
      on e.invoice_id = l.invoice_id and e.campaign_id = l.campaign_id
    where (l.calls, l.seconds, l.amount_minor) is distinct from (e.calls, e.seconds, e.total)
  )
  select jsonb_build_array(
    app.audit_check('an invoice is the sum of its lines and of its calls, less its credits', 'INV-7', array(
      select i.id::text from public.invoices i left join held h on h.invoice_id = i.id left join lines l on l.invoice_id = i.id
        left join credited n on n.invoice_id = i.id
      where i.amount_minor + coalesce(n.taken_off, 0) is distinct from h.total or l.total is distinct from h.total
      union select invoice_id::text from line_differs)),
    app.audit_check('an invoice holds calls of its own buyer, currency and period', 'INV-16', array(
      select e.id::text from public.earnings e join public.invoices i on i.id = e.invoice_id
      where e.buyer_id <> i.buyer_id or e.currency <> i.currency or e.started_at >= i.period_end)),
    app.audit_check('an earning stands where its invoice stands', 'INV-11', array(
      select e.id::text from public.earnings e left join public.invoices i on i.id = e.invoice_id
      where e.state <> 'clawed_back' and not e.prepaid and (e.state = 'accrued') <> (coalesce(i.state, 'planned') not in ('open', 'paid', 'uncollectible', 'void'))
      union all select id::text from standing where state is distinct from case
        when state = 'clawed_back' or state = 'written_off' and (some_gone or invoice_state in ('uncollectible', 'void')) then state
        when state in ('reserved', 'paid') and (taken > 0 or needs <= available) then state
        when needs > at_most and invoice_state in ('paid', 'uncollectible', 'void') then 'written_off'
        when needs > available then 'billed' else 'cleared' end)),
    app.audit_check('a period of a buyer ends at midnight of its timezone', null, array(
      select i.id::text from public.invoices i join public.buyers b on b.id = i.buyer_id
      -- Midnight does not exist where the clocks go forward then.
      where ((i.period_end - interval '1 second') at time zone b.timezone)::date = (i.period_end at time zone b.timezone)::date)),
    app.audit_check('no invoice that needs an approval is issued without that of its content', 'INV-29', array(
      select i.id::text from public.invoices i where i.needs_approval and i.state <> 'waiting_approval'
        and not exists (select 1 from public.approvals a where a.subject_kind = 'invoice' and a.subject_id = i.id
          and a.content_hash = encode(sha256(convert_to(i.buyer_id || '|' || i.currency || '|'
            || floor(extract(epoch from i.period_end) * 1000)::bigint || '|' || i.amount_minor, 'UTF8')), 'hex'))
      union all select i.id::text from public.invoices i where i.state = 'waiting_approval' and not i.needs_approval)),
    app.audit_check('an invoice is booked once when it is issued, and not before', 'INV-7', array(
      select coalesce(i.id::text, b.invoice_id, 'no invoice') from public.invoices i
        full join (select * from booked where template = 'invoice') b on b.invoice_id = i.id::text
      -- One that credits pay for is nothing to book, and not at Stripe.
      where i.id is null or coalesce(b.journals, 0) <> case when i.state in ('waiting_approval', 'planned') or i.amount_minor = 0 then 0 else 1 end
        or (i.state in ('waiting_approval', 'planned') or i.amount_minor = 0) <> (i.stripe_invoice_id is null)
        or b.total <> i.amount_minor or b.currency <> i.currency or b.buyer <> i.buyer_id::text)),
    app.audit_check('a charge is booked once, with its fee, and an invoice is paid when nothing is left to be paid', 'INV-7', array(
      select coalesce(c.charge_id, b.charge_id, 'no charge') from (
          select c.*, i.buyer_id, i.currency as invoice_currency from public.charges c join public.invoices i on i.id = c.invoice_id where c.exchange_rate is null) c
        full join (select * from booked where template = 'charge') b on b.charge_id = c.charge_id
      where c.charge_id is null or b.journals is distinct from 1 or b.invoice_id <> c.invoice_id::text
        or b.gross <> c.gross_minor or b.fee <> c.fee_minor or b.net <> c.net_minor or b.gross <> b.fee + b.net
        or b.currency <> c.currency or c.currency <> c.invoice_currency or b.buyer <> c.buyer_id::text
      union all select i.id::text from public.invoices i left join paid p on p.invoice_id = i.id left join noted n on n.invoice_id = i.id
      where (i.state = 'paid') <> (coalesce(p.charged, 0) + coalesce(n.total, 0) = i.amount_minor + i.tax_minor) and (i.amount_minor > 0 or i.state <> 'planned')
        or coalesce(p.charged, 0) + coalesce(n.total, 0) > i.amount_minor + i.tax_minor)),
    app.audit_check('money becomes available once, and not before Stripe says so', 'INV-11', array(
      select coalesce(c.charge_id, b.charge_id, 'no charge') from public.charges c
        full join (select refs ->> 'chargeId' as charge_id, count(*) as journals, sum((amounts ->> 'net')::bigint) as net
          from public.journals where template = 'available' group by 1) b on b.charge_id = c.charge_id
        left join public.stripe_movements m on m.id = c.balance_transaction_id
      where c.charge_id is null or coalesce(b.journals, 0) <> case when c.cleared_at is null then 0 else 1 end or b.net <> c.net_minor
        or c.cleared_at is not null and (m.available_at is null or m.available_at > c.cleared_at))),
    app.audit_check('what clears is booked for each supplier of an invoice', 'INV-7', array(
      select coalesce(e.invoice_id::text, j.invoice_id, 'no invoice')
      from (select invoice_id, supplier_id, sum(share_minor) as share from public.earnings
          where not prepaid and state in ('cleared', 'reserved', 'paid') or id in (select earning_id from public.credits)
            or replaced and payout_id is not null group by 1, 2) e
        full join (select refs ->> 'invoiceId' as invoice_id, owners ->> 'supplier' as supplier_id,
            sum((amounts ->> 'share')::bigint * case template when 'clear' then 1 else -1 end) as share
          from public.journals where template in ('clear', 'unclear') and refs ->> 'invoiceId' is not null group by 1, 2) j
        on j.invoice_id = e.invoice_id::text and j.supplier_id = e.supplier_id::text
      where coalesce(e.share, 0) <> coalesce(j.share, 0))),
    app.audit_check('what is written off is what nobody paid, and no margin', 'INV-7', array(
      select coalesce(w.invoice_id, j.invoice_id) from (
          select i.id::text as invoice_id, coalesce(min(e.price), 0) as price, coalesce(min(e.share), 0) as share,
            case when min(i.state) in ('uncollectible', 'void') then min(i.amount_minor + i.tax_minor) - coalesce(min(p.charged), 0) - coalesce(min(n.total), 0) else 0 end
              + coalesce(min(t.gone), 0) as owed
          from public.invoices i left join paid p on p.invoice_id = i.id left join taken t on t.invoice_id = i.id left join noted n on n.invoice_id = i.id
            left join (select invoice_id, sum(price_minor) as price, sum(share_minor) as share from public.earnings
              where state = 'written_off' group by 1) e on e.invoice_id = i.id
          group by 1) w
        full join (select refs ->> 'invoiceId' as invoice_id, sum(sign * (amounts ->> 'share')::bigint) as share,
            sum(sign * (amounts ->> 'margin')::bigint) as margin, sum(sign * (amounts ->> 'owed')::bigint) as owed
          -- Of one that is void the tax that was owed is no loss, but not payable.
          from (select *, case template when 'write_off_reversed' then -1 else 1 end as sign from public.journals
            where template in ('write_off', 'write_off_reversed') or template = 'tax_reversed' and refs ->> 'event' = refs ->> 'invoiceId') signed group by 1) j on j.invoice_id = w.invoice_id
      where (coalesce(w.share, 0), coalesce(w.price - w.share, 0), coalesce(w.owed, 0))
        is distinct from (coalesce(j.share, 0), coalesce(j.margin, 0), coalesce(j.owed, 0)))),
    app.audit_check('a refund or a dispute is booked once as it began and once as it ended', 'INV-7', array(
      -- Where Stripe exchanged, see audit_exchange.
      select coalesce(w.id, j.id) from (select * from public.withdrawals where currency = paid_currency) w
        full join (select refs ->> 'withdrawalId' as id, sum((amounts ->> 'amount')::bigint) filter (where template in ('refund', 'dispute')) as amount,
            sum((amounts ->> 'fee')::bigint) filter (where template in ('refund', 'dispute')) as fee,
            array_agg(template order by template) as templates, bool_and(refs ->> 'balanceTransactionId' is not null or template = 'dispute_lost') as moved
          from public.journals where template in ('refund', 'dispute', 'dispute_won', 'dispute_lost')
            and refs ->> 'withdrawalId' not in (select id from public.withdrawals where currency <> paid_currency) group by 1) j on j.id = w.id
      where (w.amount_minor, w.fee_minor, true) is distinct from (j.amount, j.fee, j.moved)
        or j.templates is distinct from case when w.kind = 'refund' then array['refund'] when w.state = 'open' then array['dispute']
          when w.state = 'won' then array['dispute', 'dispute_won'] else array['dispute', 'dispute_lost'] end)),
    app.audit_check('what is disputed is with Stripe until it is decided', 'INV-8', array(
      select currency from (
        select paid_currency as currency, paid_minor as amount from public.withdrawals where kind = 'dispute' and state = 'open'
        union all select currency, -balance_minor from public.ledger_accounts where kind = 'dispute_receivable') part
      group by currency having sum(amount) <> 0)),
    app.audit_check('the calls of a buyer are invoiced or unbilled to the last unit', 'INV-7', array(
      select buyer_id::text from (
        select buyer_id, currency, price_minor as amount from public.earnings where not prepaid and (state <> 'clawed_back' or invoice_id is not null and not replaced)
        union all select buyer_id, currency, -amount_minor from public.credits
        union all select buyer_id, currency, -amount_minor from public.invoices where state not in ('waiting_approval', 'planned')
        union all select owner_id, currency, -balance_minor from public.ledger_accounts where kind = 'buyer_unbilled') part
      group by buyer_id, currency having sum(amount) <> 0)),
    app.audit_check('what a buyer owes is issued and not paid', 'INV-8', array(
      select buyer_id::text from (
        select i.buyer_id, i.currency, i.amount_minor + i.tax_minor - coalesce(p.charged, 0) - coalesce(n.total, 0) as amount
        from public.invoices i left join paid p on p.invoice_id = i.id left join noted n on n.invoice_id = i.id where i.state = 'open'
        union all select owner_id, currency, -balance_minor from public.ledger_accounts where kind = 'buyer_receivable') part
      group by buyer_id, currency having sum(amount) <> 0)),
    app.audit_check('every invoice that is not settled has its row of work', 'INV-19', array(
      select i.id::text from public.invoices i where i.state in ('planned', 'open')
        and not exists (select 1 from public.work w where w.job = 'billing.bill-buyer' and w.key = i.id::text))))
$$;

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

-- What each event posts, written down a second time: a template of the ledger that is changed alone turns the audit red.
create view app.audit_legs as
  select * from (values
    ('call', 'buyer_unbilled', 'buyer', 'price', 1),
    ('call', 'supplier_pending', 'supplier', 'share', -1),
    ('call', 'exchange_margin', null, 'margin', -1),
    ('invoice', 'buyer_receivable', 'buyer', 'total', 1),
    ('invoice', 'buyer_unbilled', 'buyer', 'total', -1),
    ('charge', 'stripe_pending', null, 'net', 1),
    ('charge', 'stripe_fees', null, 'fee', 1),
    ('charge', 'buyer_receivable', 'buyer', 'gross', -1),
    ('available', 'stripe_available', null, 'net', 1),
    ('available', 'stripe_pending', null, 'net', -1),
    ('clear', 'supplier_pending', 'supplier', 'share', 1),
    ('clear', 'supplier_payable', 'supplier', 'share', -1),
    ('payout_reserve', 'supplier_payable', 'supplier', 'amount', 1),
    ('payout_reserve', 'payouts_in_transit', 'supplier', 'amount', -1),
    ('payout_send', 'payouts_in_transit', 'supplier', 'amount', 1),
    ('payout_send', 'stripe_available', null, 'amount', -1),
    ('payout_release', 'payouts_in_transit', 'supplier', 'amount', 1),
    ('payout_release', 'supplier_payable', 'supplier', 'amount', -1)
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
      where a.kind in ('buyer_unbilled', 'buyer_receivable', 'stripe_pending', 'stripe_available', 'stripe_fees') and a.balance_minor < 0
        or a.kind in ('supplier_pending', 'supplier_payable', 'payouts_in_transit', 'exchange_margin') and a.balance_minor > 0)),
    app.audit_check('no call is booked on a date whose close had begun to bill', null, array(
      select j.id::text from public.journals j join begun b on b.business_date = j.business_date
      where j.template = 'call' and b.billing_at < j.posted_at - interval '5 minutes')),
    app.audit_check('no movement of money is booked on a date that was closed', null, array(
      select j.id::text from public.journals j join begun b on b.business_date = j.business_date
      where j.template not in ('call', 'invoice') and b.ended_at < j.posted_at - interval '5 minutes')),
    app.audit_check('nothing is booked in the future', null, array(
      select id::text from public.journals where posted_at > p_now + interval '5 minutes')))
$$;

create function app.audit_calls(p_now timestamptz) returns jsonb language sql stable as $$
  with booked as materialized (
    select refs ->> 'callId' as call_id, count(*) as journals, min(id) as journal_id, min(refs ->> 'termsId') as terms_id
    from public.journals where template = 'call' group by 1
  ), earned as materialized (
    select call_id, count(*) as earnings from public.earnings group by 1
  ), placed as materialized (
    -- The place of each call among the paid calls of its day and month, in the order in which their journals stand; where
    -- terms of its campaign ask for it.
    select e.id,
      row_number() over (partition by e.campaign_id, (e.started_at at time zone k.timezone)::date order by b.journal_id) as of_day,
      row_number() over (partition by e.campaign_id, date_trunc('month', e.started_at at time zone k.timezone) order by b.journal_id) as of_month,
      row_number() over (
        partition by e.campaign_id, e.supplier_id, date_trunc('month', e.started_at at time zone k.timezone) order by b.journal_id) as place
    from public.earnings e join public.campaigns k on k.id = e.campaign_id join booked b on b.call_id = e.call_id::text
    where e.campaign_id in (select campaign_id from public.campaign_terms
      where supplier_share_tiers is not null or daily_cap is not null or monthly_cap is not null)
  ), crowd as (
    -- How many paid calls of the campaign are in progress when one begins; one that ends as it begins is none of them.
    select id, step, sum(step) over (partition by campaign_id order by at, step rows unbounded preceding) as at_once from (
      select e.id, e.campaign_id, edge.step, edge.at
      from public.earnings e, lateral (values (1, e.started_at), (-1, e.started_at + make_interval(secs => e.duration_s))) edge (step, at)
      where e.campaign_id in (select campaign_id from public.campaign_terms where concurrency_cap is not null)) edges
  ), owed as materialized (
    -- What the call owes and earns by its terms, worked out from the tables a second time; null where nothing can be said.
    select e.id, case
        when t.revenue_bps is not null then case when r.currency = t.currency then
          div(r.amount_minor::numeric * t.revenue_bps, 10000 * m.multiple_of_minor) * m.multiple_of_minor end
        else t.price_minor * case when t.increment_s is null then 1
          else div(greatest(c.duration_s, t.minimum_s) + t.increment_s - 1, t.increment_s) end end as price_minor,
      coalesce(t.supplier_share_minor, div(e.price_minor::numeric * coalesce(t.supplier_share_bps,
          (select (tier ->> 'bps')::int from jsonb_array_elements(t.supplier_share_tiers) tier
           where (tier ->> 'fromCall')::bigint <= p.place order by (tier ->> 'fromCall')::bigint desc limit 1)),
        10000 * m.multiple_of_minor) * m.multiple_of_minor) as share_minor
    from public.earnings e left join placed p on p.id = e.id join public.calls c on c.id = e.call_id join public.campaign_terms t on t.id = e.terms_id
      join public.currencies m on m.code = t.currency left join public.call_revenues r on r.call_id = e.call_id
  )
  select jsonb_build_array(
    app.audit_check('a call has one earning and one journal when it is qualified, and none when it is not', 'INV-16', array(
      select coalesce(c.id::text, b.call_id, 'no call') from public.calls c full join booked b on b.call_id = c.id::text
        left join earned e on e.call_id = c.id
      where c.id is null or coalesce(b.journals, 0) <> case c.status when 'qualified' then 1 else 0 end
        or coalesce(e.earnings, 0) <> case c.status when 'qualified' then 1 else 0 end)),
    app.audit_check('the journal of a call says what its earning says', 'INV-7', array(
      select e.id::text from public.earnings e join public.journals j on j.template = 'call' and j.refs ->> 'callId' = e.call_id::text
      where (j.amounts ->> 'price')::bigint <> e.price_minor or (j.amounts ->> 'share')::bigint <> e.share_minor
        or (j.amounts ->> 'margin')::bigint <> e.price_minor - e.share_minor or j.currency <> e.currency
        or j.owners ->> 'buyer' <> e.buyer_id::text or j.owners ->> 'supplier' <> e.supplier_id::text
        or j.business_date <> e.business_date)),
    app.audit_check('an earning is its call under the terms that it was rated by', 'INV-7', array(
      select e.id::text from public.earnings e join public.calls c on c.id = e.call_id join public.campaign_terms t on t.id = e.terms_id
      where e.campaign_id is distinct from c.campaign_id or e.buyer_id is distinct from c.buyer_id
        or e.supplier_id is distinct from c.supplier_id or e.started_at <> c.started_at or e.duration_s <> c.duration_s
        or e.business_date < c.business_date or t.campaign_id <> e.campaign_id or t.valid_from > c.started_at
        or t.currency <> e.currency)),
    app.audit_check('a call owes and earns what its terms say', 'INV-7', array(
      select e.id::text from public.earnings e join owed o on o.id = e.id
      where (e.price_minor, e.share_minor) is distinct from (o.price_minor, o.share_minor))),
    app.audit_check('a call is rated by the terms that were in force at its start', 'INV-7', array(
      select e.id::text from public.earnings e join public.campaign_terms t on t.id = e.terms_id
        join booked b on b.call_id = e.call_id::text
      where b.terms_id is distinct from e.terms_id::text or exists (select 1 from public.campaign_terms later
        where later.campaign_id = t.campaign_id and later.valid_from > t.valid_from and later.valid_from <= e.started_at))),
    app.audit_check('no call is paid for outside the hours of its terms', null, array(
      select e.id::text from public.earnings e join public.calls c on c.id = e.call_id join public.campaigns k on k.id = e.campaign_id
        join public.campaign_terms t on t.id = e.terms_id
      where t.hours is not null and c.decided is null and not exists (
        select 1 from jsonb_array_elements(t.hours) h, jsonb_array_elements_text(h -> 'days') d,
          (select to_char(e.started_at at time zone k.timezone, 'ID HH24:MI') collate "C" as shown) clock
        where shown >= d || ' ' || (h ->> 'from') and shown < d || ' ' || (h ->> 'to')))),
    app.audit_check('no call is paid for above the caps of its terms', null, array(
      select e.id::text from public.earnings e join public.campaign_terms t on t.id = e.terms_id
        left join placed p on p.id = e.id left join crowd w on w.id = e.id and w.step = 1
      where p.of_day > t.daily_cap or p.of_month > t.monthly_cap
        -- In the first week of new terms calls of the old ones, with another cap, may still be in progress.
        or w.at_once > t.concurrency_cap and not exists (select 1 from public.campaign_terms before
          where before.campaign_id = t.campaign_id and before.valid_from < t.valid_from
            and t.valid_from > e.started_at - interval '7 days'))),
    app.audit_check('a call is in the state that the score of its newest facts decided', null, array(
      select c.id::text from public.calls c
        left join public.call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
      where s.decision is distinct from case c.status when 'qualified' then 'qualify' when 'rejected' then 'reject'
        when 'held' then 'hold' end)),
    app.audit_check('a call is on the business date of its start', null, array(
      select c.id::text from public.calls c, public.settings s where c.business_date <> (c.started_at at time zone s.timezone)::date)),
    app.audit_check('no call is stored twice', 'INV-16', array(
      select source || '/' || external_id from public.calls group by source, external_id having count(*) > 1)),
    app.audit_check('no event is stored twice', 'INV-17', array(
      select source || '/' || event_id from public.webhook_events group by source, event_id having count(*) > 1)),
    app.audit_check('every call has the event that brought it, and every such event its call', 'INV-17', array(
      select coalesce(c.id::text, e.source || '/' || e.event_id) from public.calls c
        full join (select source, event_id, trace from public.webhook_events where result = 'stored') e
        on e.source = c.source and e.trace = c.trace
      where c.id is null or e.event_id is null)),
    app.audit_check('no caller is paid for twice in the window of one campaign', 'INV-16', array(
      select b.id::text from public.earnings ea join public.calls a on a.id = ea.call_id
        join public.calls b on b.caller_number = a.caller_number and b.campaign_id = a.campaign_id and b.id <> a.id
        join public.earnings eb on eb.call_id = b.id and eb.terms_id = ea.terms_id
        join public.campaign_terms t on t.id = ea.terms_id
      where (a.started_at, a.id) < (b.started_at, b.id)
        and b.started_at <= a.started_at + make_interval(secs => t.duplicate_window_s))),
    app.audit_check('every call has its row of work, and one that is not scored has it still', 'INV-19', array(
      select c.id::text from public.calls c left join public.work w on w.job = 'fraud.score-call' and w.key = c.id::text
      where w.id is null or c.status = 'stored' and w.state = 'done')),
    app.audit_check('no work stays due for more than two days', 'INV-30', array(
      select id::text from public.work
      where state = 'due' and close_date is null and replays = 0 and due_at < p_now - interval '2 days')))
$$;

create function app.audit_billing() returns jsonb language sql stable as $$
  with booked as materialized (
    select refs ->> 'invoiceId' as invoice_id, template, count(*) as journals, min(currency) as currency,
      sum((amounts ->> 'total')::bigint) as total, sum((amounts ->> 'gross')::bigint) as gross, sum((amounts ->> 'fee')::bigint) as fee,
      sum((amounts ->> 'net')::bigint) as net, min(owners ->> 'buyer') as buyer, min(refs ->> 'chargeId') as charge_id
    from public.journals where template in ('invoice', 'charge', 'available') group by 1, 2
  ), held as materialized (
    select invoice_id, count(*) as calls, sum(price_minor) as total from public.earnings where invoice_id is not null group by 1
  ), lines as materialized (
    select invoice_id, sum(calls) as calls, sum(amount_minor) as total from public.invoice_lines group by 1
  ), line_differs as (
    select coalesce(l.invoice_id, e.invoice_id) as invoice_id from public.invoice_lines l
      full join (select invoice_id, campaign_id, count(*) as calls, sum(duration_s) as seconds, sum(price_minor) as total
        from public.earnings where invoice_id is not null group by 1, 2) e
      on e.invoice_id = l.invoice_id and e.campaign_id = l.campaign_id
    where (l.calls, l.seconds, l.amount_minor) is distinct from (e.calls, e.seconds, e.total)
  )
  select jsonb_build_array(
    app.audit_check('an invoice is the sum of its lines and of its calls', 'INV-7', array(
      select i.id::text from public.invoices i left join held h on h.invoice_id = i.id left join lines l on l.invoice_id = i.id
      where i.amount_minor is distinct from h.total or i.amount_minor is distinct from l.total
      union select invoice_id::text from line_differs)),
    app.audit_check('an invoice holds calls of its own buyer, currency and period', 'INV-16', array(
      select e.id::text from public.earnings e join public.invoices i on i.id = e.invoice_id
      where e.buyer_id <> i.buyer_id or e.currency <> i.currency or e.started_at >= i.period_end)),
    app.audit_check('an earning stands where its invoice stands', 'INV-11', array(
      select e.id::text from public.earnings e left join public.invoices i on i.id = e.invoice_id
      where case e.state when 'accrued' then i.id is not null and i.state <> 'planned'
        when 'billed' then i.id is null or i.state = 'planned' or i.cleared_at is not null
        when 'frozen' then false when 'clawed_back' then false when 'written_off' then false
        else i.id is null or i.state <> 'paid' or i.cleared_at is null end)),
    app.audit_check('an invoice is booked once when it is issued, and not before', 'INV-7', array(
      select coalesce(i.id::text, b.invoice_id, 'no invoice') from public.invoices i
        full join (select * from booked where template = 'invoice') b on b.invoice_id = i.id::text
      where i.id is null or coalesce(b.journals, 0) <> case i.state when 'planned' then 0 else 1 end
        or (i.state = 'planned') <> (i.stripe_invoice_id is null)
        or b.total <> i.amount_minor or b.currency <> i.currency or b.buyer <> i.buyer_id::text)),
    app.audit_check('a charge is booked once when its invoice is paid, with its fee', 'INV-7', array(
      select coalesce(i.id::text, b.invoice_id, 'no invoice') from public.invoices i
        full join (select * from booked where template = 'charge') b on b.invoice_id = i.id::text
      where i.id is null or coalesce(b.journals, 0) <> case i.state when 'paid' then 1 else 0 end
        or (i.state = 'paid') <> (i.charge_id is not null and i.balance_transaction_id is not null)
        or b.gross <> i.amount_minor or b.fee <> i.fee_minor or b.net <> i.net_minor or b.gross <> b.fee + b.net
        or b.currency <> i.currency or b.buyer <> i.buyer_id::text or b.charge_id <> i.charge_id)),
    app.audit_check('money becomes available once, and not before Stripe says so', 'INV-11', array(
      select coalesce(i.id::text, b.invoice_id, 'no invoice') from public.invoices i
        full join (select * from booked where template = 'available') b on b.invoice_id = i.id::text
        left join public.stripe_movements m on m.id = i.balance_transaction_id
      where i.id is null or coalesce(b.journals, 0) <> case when i.cleared_at is null then 0 else 1 end or b.net <> i.net_minor
        or i.cleared_at is not null and (i.state <> 'paid' or m.available_at is null or m.available_at > i.cleared_at))),
    app.audit_check('what clears is booked once for each supplier of an invoice', 'INV-7', array(
      select coalesce(e.invoice_id::text, j.invoice_id, 'no invoice')
      from (select invoice_id, supplier_id, sum(share_minor) as share from public.earnings
          where state in ('cleared', 'reserved', 'paid') group by 1, 2) e
        full join (select refs ->> 'invoiceId' as invoice_id, owners ->> 'supplier' as supplier_id, count(*) as journals,
            sum((amounts ->> 'share')::bigint) as share from public.journals where template = 'clear' group by 1, 2) j
        on j.invoice_id = e.invoice_id::text and j.supplier_id = e.supplier_id::text
      where e.share is distinct from j.share or j.journals <> 1)),
    app.audit_check('the calls of a buyer are invoiced or unbilled to the last unit', 'INV-7', array(
      select buyer_id::text from (
        select buyer_id, currency, price_minor as amount from public.earnings
        union all select buyer_id, currency, -amount_minor from public.invoices where state <> 'planned'
        union all select owner_id, currency, -balance_minor from public.ledger_accounts where kind = 'buyer_unbilled') part
      group by buyer_id, currency having sum(amount) <> 0)),
    app.audit_check('what a buyer owes is issued and not paid', 'INV-8', array(
      select buyer_id::text from (
        select buyer_id, currency, amount_minor as amount from public.invoices where state in ('open', 'uncollectible')
        union all select owner_id, currency, -balance_minor from public.ledger_accounts where kind = 'buyer_receivable') part
      group by buyer_id, currency having sum(amount) <> 0)),
    app.audit_check('every invoice that is not settled has its row of work', 'INV-19', array(
      select i.id::text from public.invoices i where i.state in ('planned', 'open')
        and not exists (select 1 from public.work w where w.job = 'billing.bill-buyer' and w.key = i.id::text))))
$$;

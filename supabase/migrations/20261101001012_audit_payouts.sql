-- The second half of the audit: payouts, closes, and the guards of the database itself; then the functions that are called.
create function app.audit_payouts() returns jsonb language sql stable as $$
  with booked as materialized (
    select refs ->> 'payoutId' as payout_id, count(*) filter (where template = 'payout_reserve') as reserves,
      count(*) filter (where template = 'payout_send') as sends, count(*) filter (where template = 'payout_release') as releases,
      min((amounts ->> 'amount')::bigint) as least, max((amounts ->> 'amount')::bigint) as most, min(currency) as currency,
      min(owners ->> 'supplier') as supplier, min(refs ->> 'transferId') as transfer_id
    from public.journals where template like 'payout\_%' group by 1
  ), held as materialized (
    select payout_id, sum(amount) as total from (
      select payout_id, share_minor as amount from public.earnings union all select payout_id, amount_minor from public.transfer_reversals
      union all select payout_id, amount_minor from public.supplier_reserves) part
    where payout_id is not null group by 1
  ), newest as materialized (
    select distinct on (subject_id) * from public.attempts where subject_kind = 'payout' order by subject_id, id desc
  ), touched as materialized (
    -- The newest try of each payout that reached Stripe or its listing.
    select distinct on (subject_id) * from public.attempts
    where subject_kind = 'payout' and (sent_at is not null or outcome is not null) order by subject_id, id desc
  )
  select jsonb_build_array(
    app.audit_check('a payout is reserved, sent and given back in the books as its state says', 'INV-2', array(
      select coalesce(p.id::text, b.payout_id, 'no payout') from public.payouts p full join booked b on b.payout_id = p.id::text
      where p.id is null or b.least <> p.amount_minor or b.most <> p.amount_minor or b.currency <> p.currency
        or b.supplier <> p.supplier_id::text or b.transfer_id is distinct from p.transfer_id
        or (coalesce(b.reserves, 0), coalesce(b.sends, 0), coalesce(b.releases, 0)) not in (
          select reserves, sends, releases from (values ('sent', 1, 1, 0), ('sending', 1, 0, 0), ('unknown', 1, 0, 0), ('planned', 0, 0, 0),
            ('waiting_approval', 0, 0, 0), ('refused', 1, 0, 1), ('withheld', 1, 0, 1), ('withheld', 0, 0, 0)
          ) as allowed (state, reserves, sends, releases) where allowed.state = p.state))),
    app.audit_check('a payout is the sum of its earnings, and a returned one holds none', 'INV-7', array(
      select p.id::text from public.payouts p left join held h on h.payout_id = p.id
      where coalesce(h.total, 0) <> case when p.state in ('refused', 'withheld') then 0
        else p.amount_minor + p.recovered_minor + p.reserve_minor end)),
    app.audit_check('an earning is in one live payout of its own supplier and currency', 'INV-10', array(
      select e.id::text from public.earnings e left join public.payouts p on p.id = e.payout_id
      where p.supplier_id <> e.supplier_id or p.currency <> e.currency
        or case e.state when 'paid' then p.state is distinct from 'sent' when 'clawed_back' then p.state <> 'sent'
          when 'reserved' then p.state is null or p.state not in ('sending', 'unknown')
          when 'cleared' then p.state not in ('planned', 'waiting_approval') else p.id is not null end)),
    app.audit_check('payouts never exceed what has cleared', 'INV-9', array(
      select supplier_id::text from (
        select supplier_id, currency, amount_minor + recovered_minor + reserve_minor as amount from public.payouts where state not in ('refused', 'withheld')
        union all select supplier_id, currency, -amount_minor from public.transfer_reversals
        union all select supplier_id, currency, -amount_minor from public.supplier_reserves where released_at is not null
        union all select supplier_id, currency, -share_minor from public.earnings
        where state in ('cleared', 'reserved', 'paid') or state = 'clawed_back' and payout_id is not null) part
      group by supplier_id, currency having sum(amount) > 0)),
    app.audit_check('what a supplier is owed is its earnings by state', 'INV-7', array(
      select supplier_id || ' ' || kind from (
        select supplier_id, currency, share_minor as amount, case state when 'cleared' then 'supplier_payable'
          when 'reserved' then 'payouts_in_transit' else 'supplier_pending' end as kind
        from public.earnings where state in ('accrued', 'billed', 'cleared', 'reserved')
        union all select r.supplier_id, r.currency, r.amount_minor,
          case when p.state in ('sending', 'unknown') then 'payouts_in_transit' else 'supplier_payable' end
        from public.transfer_reversals r left join public.payouts p on p.id = r.payout_id where p.state is distinct from 'sent'
        union all select r.supplier_id, r.currency, r.amount_minor,
          case when p.state in ('sending', 'unknown') then 'payouts_in_transit' else 'supplier_payable' end
        from public.supplier_reserves r left join public.payouts p on p.id = r.payout_id
        where r.released_at is not null and p.state is distinct from 'sent'
        union all select supplier_id, currency, -recovered_minor - reserve_minor, 'payouts_in_transit' from public.payouts where state in ('sending', 'unknown')
        union all select supplier_id, currency, -share_minor, 'supplier_debt' from public.earnings
        where state = 'clawed_back' and payout_id is not null
        union all select supplier_id, currency, recovered_minor, 'supplier_debt' from public.payouts where state in ('sending', 'unknown', 'sent')
        union all select owner_id, currency, balance_minor, kind from public.ledger_accounts
        where kind in ('supplier_pending', 'supplier_payable', 'supplier_debt', 'payouts_in_transit')) part
      group by supplier_id, currency, kind having sum(amount) <> 0)),
    app.audit_check('the cash of the books is what was charged less what was sent', 'INV-24', array(
      select currency || ' ' || kind from (
        select currency, net_minor as amount, case when cleared_at is null then 'stripe_pending' else 'stripe_available' end as kind
        from public.charges
        union all select currency, fee_minor, 'stripe_fees' from public.charges
        union all select currency, returned_minor + returned_fee_minor - amount_minor - fee_minor, 'stripe_available' from public.withdrawals
        union all select currency, fee_minor - returned_fee_minor, 'stripe_fees' from public.withdrawals
        union all select currency, -amount_minor, 'stripe_available' from public.payouts where state = 'sent'
        union all select currency, amount_minor, 'stripe_available' from public.transfer_reversals
        union all select currency, amount_minor, 'stripe_available' from public.break_resolutions where state = 'booked'
        union all select currency, case when returned then 1 else -1 end * (amount_minor + fee_minor), 'stripe_available' from public.platform_payout_moves
        union all select currency, case when returned then -fee_minor else fee_minor end, 'stripe_fees' from public.platform_payout_moves
        union all select currency, -balance_minor, kind from public.ledger_accounts
        where kind in ('stripe_pending', 'stripe_available', 'stripe_fees')) part
      group by currency, kind having sum(amount) <> 0)),
    app.audit_check('a transfer that came back is booked once, and its supplier is owed it again', 'INV-7', array(
      select coalesce(r.id, j.key) from public.transfer_reversals r full join (select * from public.journals where template = 'transfer_reversal') j
          on j.key = 'transfer_reversal:' || r.id
        left join public.payouts p on p.id = r.of_payout_id left join public.payouts again on again.id = r.payout_id
      where r.id is null or j.id is null or (j.amounts ->> 'amount')::bigint <> r.amount_minor or j.currency <> r.currency
        or j.owners ->> 'supplier' <> r.supplier_id::text or p.state <> 'sent' or (p.supplier_id, p.currency) <> (r.supplier_id, r.currency)
        or (again.supplier_id, again.currency) <> (r.supplier_id, r.currency) or again.state in ('refused', 'withheld')
        or p.amount_minor < (select sum(amount_minor) from public.transfer_reversals o where o.of_payout_id = r.of_payout_id))),
    app.audit_check('the body of a payout is the one that was frozen', 'INV-15', array(
      select id::text from public.payouts where body_hash <> encode(sha256(convert_to(
        supplier_id || '|' || currency || '|' || amount_minor || '|' || destination, 'UTF8')), 'hex'))),
    app.audit_check('no payout above the limit goes without the approval of its body', 'INV-29', array(
      select p.id::text from public.payouts p, public.settings s
      where p.amount_minor > s.approval_limit_minor and p.state in ('planned', 'sending', 'unknown', 'sent')
        and not exists (select 1 from public.approvals a join public.payout_runs r on r.id = p.run_id
          where a.subject_id = p.id and a.content_hash = p.body_hash and a.approved_by <> r.planned_by))),
    app.audit_check('a run of payouts is the sum of its payouts', 'INV-12', array(
      select r.id::text from public.payout_runs r left join public.payouts p on p.run_id = r.id
      group by r.id having r.amount_minor is distinct from sum(p.amount_minor)
        or bool_or(p.business_date <> r.business_date or p.currency <> r.currency)
        or r.content_hash is distinct from encode(sha256(convert_to(string_agg(p.body_hash, ',' order by p.body_hash), 'UTF8')), 'hex'))),
    app.audit_check('no payout is planned before the cash of its date is compared', 'INV-25', array(
      select p.id::text from public.payouts p where not exists (select 1 from public.reconciliation_runs r
        where r.business_date = p.business_date and r.currency = p.currency and r.state = 'finished'))),
    app.audit_check('nothing was asked of Stripe without a row of the attempt', 'INV-13', array(
      select p.id::text from public.payouts p where (p.sends > 0 or p.last_sent_at is not null or p.transfer_id is not null)
        and not exists (select 1 from public.attempts a where a.subject_kind = 'payout' and a.subject_id = p.id and a.sent_at is not null)
      union all select i.id::text from public.invoices i where i.stripe_invoice_id is not null
        and not exists (select 1 from public.attempts a where a.subject_kind = 'invoice' and a.subject_id = i.id))),
    app.audit_check('the token of a payout is the one of its newest attempt', 'INV-27', array(
      select p.id::text from public.payouts p left join newest n on n.subject_id = p.id
      where p.attempt_token is not null and (p.attempt_token is distinct from n.token or n.generation > p.generation)
      union all select token::text from public.attempts group by token having count(*) > 1)),
    app.audit_check('no payout whose outcome is unknown gave its money back', 'INV-14', array(
      select p.id::text from public.payouts p join touched t on t.subject_id = p.id
      where p.state in ('refused', 'withheld') and (t.outcome is null or t.outcome = 'unknown')
      union all select p.id::text from public.payouts p where p.in_doubt and p.state not in ('sending', 'unknown'))),
    app.audit_check('every payout that ended and every approval has its line in the log', 'INV-29', array(
      select id::text from public.payouts where state in ('sent', 'refused') and 1 <> (select count(*) from public.audit_log l
        where l.subject = 'payout:' || payouts.id and l.action = 'payout.' || payouts.state)
      union all select subject_id::text from public.approvals where not exists (select 1 from public.audit_log l
        where l.subject = approvals.subject_kind || ':' || approvals.subject_id and l.action = approvals.subject_kind || '.approve'))),
    app.audit_check('every payout that may go has its row of work, and an open one has it still', 'INV-19', array(
      select p.id::text from public.payouts p left join public.work w on w.job = 'payouts.pay-supplier' and w.key = p.id::text
      where p.state in ('planned', 'sending', 'unknown') and w.id is null or p.state in ('sending', 'unknown') and w.state = 'done'
        and (p.problem is distinct from 'balance_insufficient' or p.in_doubt))),
    app.audit_check('a held supplier has the line of who held it and why', 'INV-29', array(
      select s.id::text from public.suppliers s left join lateral (select action, detail from public.audit_log
        where subject = 'supplier:' || s.id order by id desc limit 1) l on true
      where (s.status = 'held') <> (coalesce(l.action, '') = 'supplier.hold')
        or s.status = 'held' and s.held_reason is distinct from left(l.detail ->> 'reason', 200))),
    app.audit_check('a payout holds only what was earned by its date', null, array(
      select p.id::text from public.payouts p join (select payout_id, business_date from public.earnings
        union all select payout_id, business_date from public.transfer_reversals
        union all select payout_id, release_on from public.supplier_reserves) held on held.payout_id = p.id
      where held.business_date > p.business_date and p.state not in ('refused', 'withheld'))),
    app.audit_listing('payouts in flight', array(select id::text from public.payouts where state in ('sending', 'unknown'))),
    app.audit_listing('payouts that wait for an approval', array(select id::text from public.payouts where state = 'waiting_approval')),
    app.audit_listing('invoices that wait for an approval', array(select id::text from public.invoices where state = 'waiting_approval')),
    app.audit_listing('suppliers whose bank gave their last payout back', array(
      select supplier_id || ' ' || currency from (select distinct on (supplier_id, currency) supplier_id, currency, status
        from public.bank_payouts where status in ('paid', 'failed') order by supplier_id, currency, created_at desc, id) newest
      where status = 'failed')),
    app.audit_listing('work that is dead, for people to replay or discard', array(
      select job || ' ' || key from public.work where state = 'dead' order by id)))
$$;

create function app.audit_closes() returns jsonb language sql stable as $$
  select jsonb_build_array(
    app.audit_check('business dates are planned without a gap', 'INV-26', array(
      select period::text from (select period, lag(period) over (order by period) as before from public.schedule_runs
        where pipeline = 'nightly-close') run where period <> before + 1)),
    app.audit_check('every date that was started has one close, which ended with it', 'INV-26', array(
      select coalesce(r.period, c.business_date)::text from (select * from public.schedule_runs where pipeline = 'nightly-close') r
        full join public.closes c on c.business_date = r.period
      where (r.state is null or r.state not in ('running', 'done')) <> (c.state is null)
        or (r.state = 'done') <> (c.state = 'done') or r.due_at <> c.due_at)),
    app.audit_check('one close follows the other in the order of their dates', 'INV-26', array(
      select c.business_date::text from public.closes c
      where c.state = 'open' and exists (select 1 from public.closes later where later.business_date > c.business_date))),
    app.audit_check('a run that began stands where its work stands', 'INV-26', array(
      select r.pipeline || ' ' || r.period from public.schedule_runs r join public.pipelines p on p.name = r.pipeline
        left join public.work w on w.job = p.job and w.key = r.period::text
      where p.job is not null and (w.id is null and r.state in ('running', 'done', 'failed', 'discarded')
        or w.id is not null and r.state in ('missed', 'skipped') or r.state in ('done', 'discarded') and w.state <> r.state))),
    app.audit_check('a close that is done has its report and left nothing due', 'INV-12', array(
      select c.business_date::text from public.closes c where (c.state = 'done') <> (c.stage = 'done')
        or c.state = 'done' and (c.ended_at is null or c.report is null or exists (select 1 from public.work w
          where w.close_date = c.business_date and w.state = 'due' and w.replays = 0)))),
    app.audit_check('every close past its money has compared the cash of each currency', 'INV-25', array(
      select c.business_date || ' ' || k.code from public.closes c cross join public.currencies k
      where c.stage in ('plan', 'payouts', 'report', 'done') and not exists (select 1 from public.reconciliation_runs r
        where r.business_date = c.business_date and r.currency = k.code and r.state = 'finished'))),
    app.audit_check('every movement at Stripe is explained, or is an open break', 'INV-20', array(
      select m.id from public.stripe_movements m
      where m.seen_at <= (select max(finished_at) from public.reconciliation_runs)
        and not exists (select 1 from public.charges c where c.balance_transaction_id = m.id and c.net_minor = m.net_minor and c.currency = m.currency)
        and not exists (select 1 from public.withdrawals w where w.currency = m.currency and (w.balance_transaction_id = m.id
          and w.amount_minor + w.fee_minor = -m.net_minor or w.reinstated_by = m.id and w.returned_minor + w.returned_fee_minor = m.net_minor))
        and not exists (select 1 from public.payouts p where p.balance_transaction_id = m.id and p.amount_minor = -m.net_minor and p.currency = m.currency)
        and not exists (select 1 from public.transfer_reversals r where r.balance_transaction_id = m.id and r.amount_minor = m.net_minor and r.currency = m.currency)
        and not exists (select 1 from public.platform_payout_moves p where p.balance_transaction_id = m.id and p.currency = m.currency
          and case when p.returned then 1 else -1 end * (p.amount_minor + p.fee_minor) = m.net_minor)
        and not exists (select 1 from public.break_resolutions r where r.balance_transaction_id = m.id and r.amount_minor = m.net_minor and r.currency = m.currency and r.state = 'booked')
        and not exists (select 1 from public.reconciliation_breaks b where b.evidence ->> 'movement' = m.id and b.state in ('open', 'explained', 'ignored')))),
    app.audit_listing('breaks that are open', array(select identity from public.reconciliation_breaks where state = 'open' order by id)),
    app.audit_listing('cash comparisons that left a difference', array(
      select business_date || ' ' || currency from public.reconciliation_runs where difference_minor <> 0 order by 1)))
$$;

create function app.audit_database() returns jsonb language sql stable as $$
  select jsonb_build_array(
    app.audit_check('every amount is one that a number holds exactly', 'INV-6', array(
      select 'balance ' || id from public.ledger_accounts where abs(balance_minor::bigint::numeric) >= 9007199254740992
      union all select 'posting ' || id from public.postings where abs(amount_minor::bigint::numeric) >= 9007199254740992 or amount_minor = 0
      union all select 'earning ' || id from public.earnings
        where price_minor not between 1 and 9007199254740991 or share_minor not between 0 and price_minor
      union all select 'invoice ' || id from public.invoices where amount_minor not between 0 and 9007199254740991
      union all select 'payout ' || id from public.payouts where amount_minor not between 1 and 9007199254740991
      union all select 'movement ' || id from public.stripe_movements where net_minor <> amount_minor - fee_minor
        or abs(net_minor::bigint::numeric) >= 9007199254740992)),
    app.audit_check('the books that are only added to refuse every other change', 'INV-4', array(
      select needed.name || ' on ' || needed.relation from (values
        ('journals_append_only', 'journals', 27), ('journals_no_truncate', 'journals', 34),
        ('postings_append_only', 'postings', 27), ('postings_no_truncate', 'postings', 34),
        ('cash_matches_append_only', 'cash_matches', 27), ('cash_matches_no_truncate', 'cash_matches', 34),
        ('cash_days_append_only', 'cash_days', 27), ('cash_days_no_truncate', 'cash_days', 34),
        ('break_events_append_only', 'break_events', 27), ('break_events_no_truncate', 'break_events', 34),
        ('audit_log_append_only', 'audit_log', 27), ('audit_log_no_truncate', 'audit_log', 34),
        ('postings_balanced', 'postings', 5), ('postings_currency', 'postings', 7)) as needed (name, relation, kind)
      where not exists (select 1 from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
        where c.relnamespace = 'public'::regnamespace and c.relname = needed.relation and t.tgname = needed.name
          and t.tgtype = needed.kind and t.tgenabled in ('O', 'A')))),
    app.audit_check('every table has row level security', null, array(
      select relname::text from pg_catalog.pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity)),
    app.audit_check('no role of the API may change a table', 'INV-4', array(
      select r.rolname || ' on ' || c.relname from pg_catalog.pg_class c, pg_catalog.pg_roles r
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and r.rolname in ('anon', 'authenticated', 'service_role')
        and has_table_privilege(r.oid, c.oid, 'insert, update, delete, truncate'))),
    app.audit_check('there is one row of settings, and it is sane', null, array(
      select 'settings' where 1 <> (select count(*) from public.settings s where s.approval_limit_minor > 0
        and s.difference_threshold_minor between 0 and s.approval_limit_minor
        and s.billing_grace between interval '0' and interval '2 days'
        and exists (select 1 from pg_catalog.pg_timezone_names z where z.name = s.timezone)))))
$$;

-- Reads the books, or one area of them: ledger, calls, billing, payouts, closes, database. Each area is one snapshot; by
-- areas, each within the API's limit for one statement. Answers a list of {check, invariant, ok, count, offenders}, at
-- most 20 offenders each; entries that begin with "listed:" name what people should see and are always ok.
create function public.audit_books(p_now_ms bigint, p_area text default null)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp
  -- The larger limit counts where PostgREST takes it over from the function (hosted Supabase does).
  set work_mem = '64MB' set statement_timeout = '5min' as $$
  select coalesce(case when coalesce(p_area, 'ledger') = 'ledger' then app.audit_ledger(to_timestamp(p_now_ms / 1000.0)) end, '[]')
    || coalesce(case when coalesce(p_area, 'calls') = 'calls' then app.audit_calls(to_timestamp(p_now_ms / 1000.0)) end, '[]')
    || coalesce(case when coalesce(p_area, 'billing') = 'billing' then app.audit_billing() || app.audit_adjustments() || app.audit_wallets() || app.audit_exchange() || app.audit_taxes() || app.audit_losses() end, '[]')
    || coalesce(case when coalesce(p_area, 'payouts') = 'payouts' then app.audit_payouts() || app.audit_reserves() end, '[]')
    || coalesce(case when coalesce(p_area, 'closes') = 'closes' then app.audit_closes() || app.audit_breaks() || app.audit_deposits() end, '[]')
    || coalesce(case when coalesce(p_area, 'database') = 'database' then app.audit_database() end, '[]')
$$;

-- The ledger's side of a comparison with Stripe, as compact rows in one answer: no API cuts it. An array per row:
--   cash      journal, template, currency, pending, available, fee, its invoice or payout, charge or transfer, movement, posted at (ms)
--   payouts   id, supplier, currency, amount, destination, state
--   invoices  id, currency, amount, state, its id at Stripe, whether its work is due, what its credit notes took off it, tax
--   cleared   supplier, currency, what has ever cleared
--   compared  currency, the instant the last cash comparison stands for (ms), when it finished (ms)
create function public.audit_money()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select jsonb_build_object(
    'cash', (select coalesce(jsonb_agg(jsonb_build_array(j.id::text, j.template, j.currency, p.pending, p.available, p.fee,
        coalesce(j.refs ->> 'invoiceId', j.refs ->> 'topupId', j.refs ->> 'payoutId'), coalesce(j.refs ->> 'chargeId', j.refs ->> 'transferId'),
        j.refs ->> 'balanceTransactionId', floor(extract(epoch from j.posted_at) * 1000)::bigint) order by j.id), '[]')
      from journals j join (
        select p.journal_id, coalesce(sum(p.amount_minor) filter (where a.kind = 'stripe_pending'), 0)::bigint as pending,
          coalesce(sum(p.amount_minor) filter (where a.kind = 'stripe_available'), 0)::bigint as available,
          coalesce(sum(p.amount_minor) filter (where a.kind = 'stripe_fees'), 0)::bigint as fee
        from postings p join ledger_accounts a on a.id = p.account_id
        where a.kind in ('stripe_pending', 'stripe_available', 'stripe_fees') group by p.journal_id) p on p.journal_id = j.id),
    'payouts', (select coalesce(jsonb_agg(jsonb_build_array(id, supplier_id, currency, amount_minor, destination, state) order by id), '[]')
      from payouts),
    'invoices', (select coalesce(jsonb_agg(jsonb_build_array(id, currency, amount_minor, state, stripe_invoice_id,
        exists (select 1 from work w where w.job in ('billing.bill-buyer', 'billing.recharge-wallet') and w.key = i.id::text and w.state = 'due'),
        (select coalesce(sum(n.amount_minor + n.tax_minor), 0)::bigint from credit_notes n where n.invoice_id = i.id and n.state = 'issued'), tax_minor)
        order by id), '[]')
      -- A top-up is a charge that may be under way, and no invoice at Stripe.
      from (select id, currency, amount_minor, state, stripe_invoice_id, tax_minor from invoices
        union all select id, currency, amount_minor, state, null, 0 from topups) i),
    'cleared', (select coalesce(jsonb_agg(jsonb_build_array(supplier_id, currency, total)), '[]')
      from (select supplier_id, currency, sum(share_minor)::bigint as total from earnings
        where state in ('cleared', 'reserved', 'paid') or state = 'clawed_back' and payout_id is not null group by 1, 2) c),
    'compared', (select coalesce(jsonb_agg(jsonb_build_array(currency, floor(extract(epoch from as_of) * 1000)::bigint,
        floor(extract(epoch from finished_at) * 1000)::bigint)), '[]')
      from (select distinct on (currency) * from reconciliation_runs order by currency, business_date desc) r))
$$;

-- Of calls that were sent ([{source, externalId}], at most 500), those that are not stored exactly once.
create function public.audit_sent(p_calls jsonb)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('source', source, 'externalId', external_id, 'stored', stored)), '[]')
  from (select s ->> 'source' as source, s ->> 'externalId' as external_id, count(distinct c.id) as stored
    from jsonb_array_elements(case jsonb_typeof(p_calls) when 'string' then (p_calls #>> '{}')::jsonb else p_calls end) s
      left join calls c on c.source = s ->> 'source' and c.external_id = s ->> 'externalId'
    group by 1, 2) sent where stored <> 1
$$;

revoke execute on all functions in schema app from public, anon, authenticated, service_role;
revoke all on app.audit_legs from public, anon, authenticated, service_role;
revoke execute on function public.audit_books(bigint, text), public.audit_money(), public.audit_sent(jsonb) from public, anon, authenticated;
grant execute on function public.audit_books(bigint, text), public.audit_money(), public.audit_sent(jsonb) to service_role;

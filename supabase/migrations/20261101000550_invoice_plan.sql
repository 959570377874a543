-- Which invoices a close makes, what a preview shows of them, and the person who lets one of them go.

-- The instant at which a buyer's latest period ended, grace included: a midnight of its timezone, of every day, or of one
-- day of the week or the month.
create function app.period_end(p_buyer public.buyers, p_at timestamptz) returns timestamptz language sql stable as $$
  select (case p_buyer.billing_cycle
      when 'daily' then today
      when 'weekly' then today - (extract(isodow from today)::int - p_buyer.billing_day + 7) % 7
      else (date_trunc('month', today) - case when extract(day from today) < p_buyer.billing_day then interval '1 month' else '0' end)::date
        + p_buyer.billing_day - 1 end)::timestamp at time zone p_buyer.timezone
  from (select ((p_at - billing_grace) at time zone p_buyer.timezone)::date as today from public.settings) local
$$;

-- Credits that may pay for calls: not taken off an invoice yet, and none while a dispute at Stripe of the invoice that the call was
-- paid with is not decided, since the buyer has that money as well meanwhile.
create function app.free_credits() returns setof public.credits language sql stable as $$
  select c.* from public.credits c join public.earnings e on e.id = c.earning_id
  where c.invoice_id is null and not exists (select 1 from public.withdrawals w where w.invoice_id = e.invoice_id and w.state = 'open')
$$;

-- What each buyer owes for its ended period and no invoice holds yet, beside its last invoice. `reason` says why it is not
-- billed (below_minimum: it rolls to the next period; period_billed: a late call, on the next period's invoice) or waits
-- (changed_too_much). Where credits leave less than Stripe's least charge to be paid, they pay for the calls that they cover, whole
-- ones, the oldest first: these are an invoice of nothing, and what is left of calls and credits rolls. The close and the preview both read this, so that they cannot differ.
create function app.due_invoices(p_due_at timestamptz)
returns table (buyer_id uuid, currency text, period_end timestamptz, amount_minor bigint, earning_ids uuid[], credit_minor bigint, last_minor bigint, reason text)
language sql stable as $$
  with unbilled as (
    select e.buyer_id, e.currency, app.period_end(b, p_due_at) as period_end, e.price_minor, e.id,
      sum(e.price_minor) over (partition by e.buyer_id, e.currency order by e.started_at, e.call_id) as reached
    from public.earnings e join public.buyers b on b.id = e.buyer_id
    where e.invoice_id is null and e.state = 'accrued' and not e.frozen and e.started_at < app.period_end(b, p_due_at)
  ), credited as (
    select buyer_id, currency, sum(amount_minor)::bigint as credit_minor from app.free_credits() group by 1, 2
  ), called as (
    select u.buyer_id, u.currency, u.period_end, sum(u.price_minor)::bigint as amount_minor, array_agg(u.id) as earning_ids,
      coalesce(c.credit_minor, 0) as credit_minor, coalesce(sum(u.price_minor) filter (where u.reached <= c.credit_minor), 0)::bigint as covered_minor,
      array_agg(u.id) filter (where u.reached <= c.credit_minor) as covered_ids
    from unbilled u left join credited c on c.buyer_id = u.buyer_id and c.currency = u.currency
    group by u.buyer_id, u.currency, u.period_end, c.credit_minor
  ), due as (
    select c.buyer_id, c.currency, c.period_end, d.*
    from called c join public.currencies m on m.code = c.currency
      cross join lateral (select c.amount_minor - c.credit_minor as amount_minor, c.earning_ids, c.credit_minor
          where c.covered_ids is null or c.amount_minor - c.credit_minor >= m.minimum_charge_minor
        union all select 0, c.covered_ids, c.covered_minor
          where c.covered_ids is not null and c.amount_minor - c.credit_minor < m.minimum_charge_minor) d
  )
  select d.buyer_id, d.currency, d.period_end, d.amount_minor, d.earning_ids, d.credit_minor, l.amount_minor,
    case when d.amount_minor < c.minimum_charge_minor and d.amount_minor <> 0 then 'below_minimum'
      when exists (select 1 from public.invoices i where i.buyer_id = d.buyer_id and i.currency = d.currency
        and i.period_end = d.period_end) then 'period_billed'
      when d.amount_minor > 0 and greatest(d.amount_minor, l.amount_minor) > s.invoice_change_floor_minor
        and (d.amount_minor > l.amount_minor * s.invoice_change_factor or l.amount_minor > d.amount_minor * s.invoice_change_factor)
        then 'changed_too_much' end
  from due d cross join public.settings s join public.currencies c on c.code = d.currency
    -- One that nobody let go yet, that was voided, or that credits paid for, is no measure for the next.
    left join lateral (select i.amount_minor::bigint as amount_minor from public.invoices i
      where i.buyer_id = d.buyer_id and i.currency = d.currency and i.state not in ('waiting_approval', 'void') and i.amount_minor > 0
      order by i.period_end desc limit 1) l on true
  order by d.buyer_id, d.currency
$$;

create function app.invoice_hash(p_invoice public.invoices) returns text language sql immutable as $$
  select encode(sha256(convert_to(format('%s|%s|%s|%s', p_invoice.buyer_id, p_invoice.currency, app.ms(p_invoice.period_end),
    p_invoice.amount_minor), 'UTF8')), 'hex')
$$;

-- Takes credits of a buyer off an invoice, the oldest call's first; of the last one the part that is wanted.
create function app.take_credits(p_invoice public.invoices, p_amount bigint) returns void language plpgsql as $$
declare v_credit credits; v_left bigint := p_amount; v_rest bigint;
begin
  for v_credit in
    select c.* from app.free_credits() c join earnings e on e.id = c.earning_id
    where c.buyer_id = p_invoice.buyer_id and c.currency = p_invoice.currency order by e.started_at, e.id
  loop
    exit when v_left <= 0;
    v_rest := greatest(v_credit.amount_minor - v_left, 0);
    v_left := v_left - (v_credit.amount_minor - v_rest);
    update credits set invoice_id = p_invoice.id, amount_minor = v_credit.amount_minor - v_rest
    where earning_id = v_credit.earning_id and invoice_id is null;
    insert into credits (earning_id, buyer_id, currency, amount_minor)
    select v_credit.earning_id, v_credit.buyer_id, v_credit.currency, v_rest where v_rest > 0;
  end loop;
end $$;

-- Freezes what is due, and makes the work of billing it; one that changed too much waits for a person first.
-- Safe to run twice: an earning is put on one invoice, and a buyer has one per currency and period.
create function app.plan_invoices(p_date date, p_due_at timestamptz) returns void language plpgsql as $$
declare v_due record; v_invoice_id uuid;
begin
  for v_due in select * from app.due_invoices(p_due_at) where reason is null or reason = 'changed_too_much' loop
    insert into invoices (id, buyer_id, currency, period_end, business_date, amount_minor, planned_at, collect_on, state, needs_approval, payment_terms_days,
      automatic_tax)
    values (app.uuid_of(format('invoice|%s|%s|%s', v_due.buyer_id, v_due.currency, app.ms(v_due.period_end))), v_due.buyer_id,
      v_due.currency, v_due.period_end, p_date, v_due.amount_minor, p_due_at, p_date,
      case when v_due.reason is null then 'planned' else 'waiting_approval' end, v_due.reason is not null,
      (select payment_terms_days from buyers where id = v_due.buyer_id), (select automatic_tax from buyers where id = v_due.buyer_id))
    on conflict (buyer_id, currency, period_end) do nothing returning id into v_invoice_id;
    continue when v_invoice_id is null;
    -- A call that is rated while this runs is on the next invoice: what is summed here is what is put on this one.
    update earnings set invoice_id = v_invoice_id where id = any (v_due.earning_ids) and state = 'accrued' and not frozen;
    perform app.take_credits(i, v_due.credit_minor) from invoices i where i.id = v_invoice_id;
    -- One that was adjusted meanwhile is on it no more: the caller comes again, and finds it as it is then.
    if v_due.amount_minor <> (select sum(price_minor) from earnings where invoice_id = v_invoice_id)
      - (select coalesce(sum(amount_minor), 0) from credits where invoice_id = v_invoice_id)
    then
      raise exception 'calls were adjusted while their invoice was planned' using errcode = 'serialization_failure';
    end if;
    insert into invoice_lines (invoice_id, campaign_id, calls, seconds, amount_minor)
    select v_invoice_id, campaign_id, count(*), sum(duration_s), sum(price_minor) from earnings
    where invoice_id = v_invoice_id group by campaign_id;
    v_invoice_id := null;
  end loop;
  -- Those just planned, and every earlier one that is not settled yet.
  update invoices set collect_on = p_date where state in ('waiting_approval', 'planned', 'open');
  perform app.make_work('billing.bill-buyer', i.id::text, jsonb_build_object('invoiceId', i.id), 'close-' || p_date, p_due_at,
    p_date, 'billing', true)
  from invoices i where i.state in ('planned', 'open') order by i.id;
  perform app.make_work('billing.recharge-wallet', t.id::text, jsonb_build_object('topupId', t.id), 'close-' || p_date, p_due_at,
    p_date, 'billing', true)
  from topups t where t.state in ('planned', 'processing') order by t.id;
end $$;

-- What the close of a date would invoice, were its calls those that are rated now. Writes nothing.
create function public.preview_invoices(p_date date)
returns jsonb language plpgsql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
begin return (
  select coalesce(jsonb_agg(jsonb_build_object('buyerId', d.buyer_id, 'buyer', b.name, 'currency', d.currency,
    'periodEndMs', app.ms(d.period_end), 'calls', cardinality(d.earning_ids), 'creditMinor', d.credit_minor, 'amountMinor', d.amount_minor,
    'lastMinor', d.last_minor, 'automaticTax', b.automatic_tax, 'reason', d.reason) order by b.name, d.currency), '[]')
  from app.due_invoices(app.close_due_at(p_date)) d join buyers b on b.id = d.buyer_id);
end $$;

-- A person lets an invoice go that changed too much; the approval binds to its content. Safe to run twice: it leaves
-- `waiting_approval` once.
create function public.approve_invoice(p_invoice_id uuid, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_invoice invoices;
begin
  select * into v_invoice from invoices where id = p_invoice_id for update;
  if v_invoice.id is null then perform app.fail('INVOICE_UNKNOWN', 'no such invoice', '{}', 'PT404'); end if;
  if v_invoice.state <> 'waiting_approval' then return jsonb_build_object('approved', false, 'state', v_invoice.state); end if;
  insert into approvals (subject_kind, subject_id, content_hash, approved_by, reason, approved_at)
  values ('invoice', p_invoice_id, app.invoice_hash(v_invoice), p_by, p_reason, app.at(p_now_ms));
  update invoices set state = 'planned' where id = p_invoice_id;
  perform app.log_action(app.at(p_now_ms), p_by, 'invoice.approve', 'invoice:' || p_invoice_id, jsonb_build_object('reason', p_reason));
  perform app.make_work('billing.bill-buyer', p_invoice_id::text, jsonb_build_object('invoiceId', p_invoice_id), 'approval', app.at(p_now_ms));
  return jsonb_build_object('approved', true, 'state', 'planned');
end $$;

-- Invoices, the newest first; of a state or of a buyer, when they are given; at most 200. Their tax is null until it is known; one of nothing has none.
create function public.list_invoices(p_state text, p_buyer_id uuid)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'buyer', name, 'currency', currency, 'businessDate', business_date,
    'amountMinor', amount_minor, 'taxMinor', tax, 'totalMinor', amount_minor + tax, 'automaticTax', automatic_tax, 'paidMinor', paid, 'state', state, 'dueAt', due_at, 'problem', last_problem) order by planned_at desc, id), '[]')
  from (select i.*, b.name, (select coalesce(sum(paid_minor), 0) from charges c where c.invoice_id = i.id) as paid,
      case when not i.automatic_tax or i.stripe_invoice_id is not null or i.amount_minor = 0 then i.tax_minor end as tax
    from invoices i join buyers b on b.id = i.buyer_id
    where (p_state is null or i.state = p_state) and (p_buyer_id is null or i.buyer_id = p_buyer_id)
    order by i.planned_at desc, i.id limit 200) newest
$$;

-- All that is known of one invoice; null when there is none.
create function public.show_invoice(p_invoice_id uuid)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select to_jsonb(i) - 'attempt_token' || jsonb_build_object('buyer', b.name, 'total_minor', i.amount_minor + i.tax_minor,
    'waitsFor', (select min(w.waits_for) from app.settled_elsewhere() w where w.invoice_id = i.id),
    'lines', (select jsonb_agg(jsonb_build_object('campaign', k.name, 'calls', l.calls, 'seconds', l.seconds, 'amountMinor', l.amount_minor)
      order by k.name) from invoice_lines l join campaigns k on k.id = l.campaign_id where l.invoice_id = i.id),
    'charges', (select coalesce(jsonb_agg(to_jsonb(c) order by c.charge_id), '[]') from charges c where c.invoice_id = i.id),
    'withdrawals', (select coalesce(jsonb_agg(to_jsonb(w) order by w.id), '[]') from withdrawals w where w.invoice_id = i.id),
    'credits', (select coalesce(jsonb_agg(jsonb_build_object('callId', e.call_id, 'amountMinor', c.amount_minor) order by e.started_at), '[]')
      from credits c join earnings e on e.id = c.earning_id where c.invoice_id = i.id),
    'creditNotes', (select coalesce(jsonb_agg(to_jsonb(n) order by n.planned_at, n.id), '[]') from credit_notes n where n.invoice_id = i.id),
    'journals', (select coalesce(jsonb_agg(jsonb_build_object('journal', j.template, 'businessDate', j.business_date, 'amounts', j.amounts)
      order by j.id), '[]') from journals j where j.refs ->> 'invoiceId' = i.id::text),
    'attempts', (select coalesce(jsonb_agg(jsonb_build_object('startedAt', a.started_at, 'outcome', a.outcome, 'detail', a.detail)
      order by a.id), '[]') from attempts a where a.subject_kind = 'invoice' and a.subject_id = i.id))
  from invoices i join buyers b on b.id = i.buyer_id where i.id = p_invoice_id
$$;

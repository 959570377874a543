-- What happens to a call that was rated and should not have been, or not by these facts: late facts, a buyer's dispute, an
-- operator's word. Nothing that was posted is edited. The earning ends, its amounts are posted back in one journal for both
-- sides, and the call is scored and rated anew by what is known now.

-- One per try; a call has one at a time. `waits_for` says why it cannot be posted yet: the nightly close tries again.
create table public.adjustments (
  id uuid primary key default gen_random_uuid(),
  call_id uuid not null references public.calls,
  earning_id uuid not null references public.earnings,
  -- context: calls that started before it came after it, and change its score (see rescore.sql).
  -- order: the call has another place in the order of the starts than the one that it was rated for.
  cause text not null check (cause in ('facts', 'context', 'order', 'dispute', 'operator')),
  reason text not null,
  asked_by text not null,
  asked_at timestamptz not null,
  -- dropped: newer facts are those that the call was rated by.
  state text not null check (state in ('waiting_approval', 'waiting', 'posted', 'dropped')),
  waits_for text,
  ended_at timestamptz,
  -- Of `order`: what the supplier earns at the call's place, or the cap or window that it is beyond.
  placed_share_minor app.amount_minor,
  refusal text check (refusal in ('duplicate-caller', 'over-daily-cap', 'over-monthly-cap')),
  check (case cause when 'order' then num_nonnulls(placed_share_minor, refusal) = 1 else num_nonnulls(placed_share_minor, refusal) = 0 end)
);
create unique index adjustments_open on public.adjustments (call_id) where state in ('waiting_approval', 'waiting');
create index adjustments_earning on public.adjustments (earning_id);
alter table public.credit_notes add foreign key (adjustment_id) references public.adjustments;

-- Keeps an earning off invoices and out of payouts; a payout that holds it and was never sent is withheld, and the next plan
-- pays the rest.
create function app.freeze_earning(p_earning public.earnings, p_problem text, p_now timestamptz) returns void language plpgsql as $$
begin
  update earnings set frozen = true where id = p_earning.id;
  perform app.return_payout(p, 'withheld', p_problem, p_now) from payouts p
  where p.id = p_earning.payout_id and p.state in ('planned', 'waiting_approval');
end $$;

-- Why an earning cannot be reversed now; null when it can. What is on an invoice that was not issued is issued first, and
-- what is on one that was not paid is paid first, unless a credit note corrects it (app.plan_credit_note): then the buyer has
-- something to be given back. `p_share_alone`: the buyer is given back nothing (app.is_share_alone), and its invoice need not be paid.
-- While money of that is taken back no share is booked anew either: nothing would pay for it, and the old one is what was lost.
create function app.adjustment_waits_for(p_earning public.earnings, p_share_alone boolean) returns text language sql stable as $$
  select case
    when p_earning.state = 'accrued' and p_earning.invoice_id is not null then 'invoice_not_issued'
    when p_earning.state = 'billed' and not p_earning.prepaid and not p_share_alone then 'invoice_not_paid'
    when p_earning.state = 'reserved' then 'payout_in_flight'
    when p_earning.state = 'written_off' then 'written_off'
    when exists (select 1 from public.withdrawals w where w.invoice_id = p_earning.invoice_id and w.state <> 'won')
      then 'money_taken_back' end
$$;

create function app.adjustment_hash(p_earning public.earnings, p_cause text) returns text language sql immutable as $$
  select encode(sha256(convert_to(format('%s|%s|%s|%s|%s', p_earning.id, p_earning.price_minor, p_earning.share_minor,
    p_earning.currency, p_cause), 'UTF8')), 'hex')
$$;

-- Posts an earning back: the buyer owes its price no more (`p_noted`: by a credit note on its open invoice), or has credit for it
-- when it was paid, or has it in its wallet again; the supplier earns its share no more, or owes it when that was paid out; the
-- exchange gives its margin back.
-- Safe to run twice: the journal has the adjustment's id, and an earning ends once.
create function app.reverse_earning(p_earning public.earnings, p_adjustment public.adjustments, p_noted boolean, p_now timestamptz) returns void
language plpgsql as $$
declare v_share bigint := p_earning.share_minor; v_price bigint := p_earning.price_minor;
begin
  perform app.post_journal('adjustment', 'adjustment:' || p_adjustment.id, app.unclosed_date(p_earning.business_date), p_earning.currency,
    jsonb_build_object('price', v_price, 'margin', v_price - v_share, 'noted', case when p_noted then v_price else 0 end,
      'pending', case when p_earning.state in ('accrued', 'billed') then v_share else 0 end,
      'payable', case p_earning.state when 'cleared' then v_share else 0 end,
      'debt', case p_earning.state when 'paid' then v_share else 0 end) || app.by_wallet(case when p_noted then 0 else v_price end, p_earning.prepaid),
    jsonb_build_object('buyer', p_earning.buyer_id, 'supplier', p_earning.supplier_id),
    jsonb_build_object('callId', p_earning.call_id, 'earningId', p_earning.id, 'adjustmentId', p_adjustment.id), p_now);
  if p_earning.state <> 'accrued' and not p_earning.prepaid and not p_noted and not p_earning.replaced then
    insert into credits (earning_id, buyer_id, currency, amount_minor)
    values (p_earning.id, p_earning.buyer_id, p_earning.currency, v_price);
  end if;
  update earnings set state = 'clawed_back', frozen = false, replaced = p_earning.replaced where id = p_earning.id;
  delete from paid_counts n using calls c
  where c.id = p_earning.call_id and n.campaign_id = c.campaign_id and n.day = app.campaign_day(c)
    and n.supplier_id = c.supplier_id and n.calls = 1;
  if not found then
    update paid_counts n set calls = n.calls - 1 from calls c
    where c.id = p_earning.call_id and n.campaign_id = c.campaign_id and n.day = app.campaign_day(c) and n.supplier_id = c.supplier_id;
  end if;
  perform app.note_order(c, true) from calls c where c.id = p_earning.call_id;
  update adjustments set state = 'posted', waits_for = null, ended_at = p_now where id = p_adjustment.id;
  perform app.want_push(p_earning.call_id, p_now);
end $$;

-- Takes the facts that came after rating for those of the call, and has it scored by them.
create function app.score_again(p_call public.calls, p_decided text, p_now timestamptz) returns void language plpgsql as $$
begin
  update call_revenues set late = null, amount_minor = coalesce((late ->> 'amountMinor')::bigint, amount_minor),
    currency = coalesce(late ->> 'currency', currency) where call_id = p_call.id;
  update calls c set duration_s = f.duration_s, answered = f.answered, caller_number = f.caller_number, started_at = f.started_at,
    business_date = f.business_date, late_facts = null, status = 'stored', decided = coalesce(p_decided, c.decided),
    facts_version = c.facts_version + 1, changed_at = p_now
  from app.facts_of(p_call, true) f where c.id = p_call.id;
  -- It leaves the windows that it was in; those that it comes into are marked when it is scored.
  perform app.mark_windows(p_call) from calls c where c.id = p_call.id and (c.caller_number, c.started_at) is distinct from (p_call.caller_number, p_call.started_at);
  perform app.make_work('fraud.score-call', p_call.id::text, jsonb_build_object('callId', p_call.id), p_call.trace, p_now, null, null, true);
end $$;

-- Makes the adjustment of an earning; above the limit of payouts it waits for another person than the one who asked.
create function app.open_adjustment(p_earning public.earnings, p_cause text, p_by text, p_reason text, p_now timestamptz,
  p_share_minor bigint default null, p_refusal text default null)
returns public.adjustments language plpgsql as $$
declare v_adjustment adjustments;
begin
  insert into adjustments (call_id, earning_id, cause, reason, asked_by, asked_at, placed_share_minor, refusal, state)
  values (p_earning.call_id, p_earning.id, p_cause, p_reason, p_by, p_now, p_share_minor, p_refusal,
    case when p_cause in ('dispute', 'operator') and p_earning.price_minor > (select approval_limit_minor from settings) then 'waiting_approval' else 'waiting' end)
  returning * into v_adjustment;
  perform app.freeze_earning(p_earning, 'a call of it is being adjusted', p_now);
  return v_adjustment;
end $$;

-- Ends an adjustment that nothing is left of: the call stays as it was rated.
create function app.drop_adjustment(p_adjustment public.adjustments, p_now timestamptz) returns void language sql as $$
  update public.adjustments set state = 'dropped', waits_for = null, ended_at = p_now where id = p_adjustment.id;
  update public.earnings set frozen = app.is_disputed(p_adjustment.call_id) where id = p_adjustment.earning_id
$$;

-- What becomes of a call whose earning was posted back: it is scored anew or, when only its place changed, decided as it was.
create function app.decide_anew(p_call public.calls, p_earning public.earnings, p_adjustment public.adjustments, p_now timestamptz)
returns void language plpgsql as $$
begin
  if p_adjustment.cause = 'order' then perform app.rebook(p_call, p_earning, p_adjustment, p_now);
  else perform app.score_again(p_call, case when p_adjustment.cause not in ('facts', 'context') then 'reject' end, p_now); end if;
end $$;

-- Whether another share than an earning's is all that changes, and its buyer was billed: that is between supplier and exchange.
create function app.is_share_alone(p_earning public.earnings, p_adjustment public.adjustments) returns boolean language sql immutable as $$
  select p_adjustment.placed_share_minor is not null and not p_earning.prepaid and p_earning.state in ('billed', 'cleared', 'paid')
$$;

-- Books an earning anew with another share, in its place on its invoice: what its buyer owes, paid and sees stays. A share that was
-- paid out is the supplier's debt, and the new one is owed at once where the call is paid for. Safe to run twice: an earning ends once.
create function app.replace_earning(p_call public.calls, p_earning public.earnings, p_adjustment public.adjustments, p_now timestamptz)
returns void language plpgsql as $$
declare v_old earnings := p_earning; v_date date := (select business_date from invoices where id = p_earning.invoice_id);
begin
  if v_old.state = 'cleared' then
    perform app.post_shares('unclear', array[v_old.id], p_adjustment.id::text, v_date, p_now);
    v_old.state := 'billed';
  end if;
  v_old.replaced := true;
  perform app.reverse_earning(v_old, p_adjustment, false, p_now);
  perform app.rebook(p_call, v_old, p_adjustment, p_now);
  update earnings set invoice_id = v_old.invoice_id, state = 'billed' where call_id = p_call.id and state = 'accrued';
  perform app.clear_invoice(v_old.invoice_id, p_adjustment.id::text, v_date, p_now);
end $$;

-- Posts an adjustment, and has its call decided anew. Answers posted, or why it waits.
create function app.end_adjustment(p_call public.calls, p_earning public.earnings, p_adjustment public.adjustments, p_now timestamptz)
returns text language plpgsql as $$
declare v_waits text; v_share_alone boolean := app.is_share_alone(p_earning, p_adjustment);
  v_noting boolean := p_adjustment.state = 'waiting' and not v_share_alone and app.plan_credit_note(p_earning, p_adjustment, p_call.trace, p_now);
begin
  v_waits := case when v_noting then 'credit_note' when p_adjustment.state = 'waiting_approval' then 'approval'
    else app.adjustment_waits_for(p_earning, v_share_alone) end;
  if v_waits is not null then
    update adjustments set waits_for = v_waits where id = p_adjustment.id;
    return v_waits;
  end if;
  if v_share_alone then
    perform app.replace_earning(p_call, p_earning, p_adjustment, p_now);
  else
    perform app.reverse_earning(p_earning, p_adjustment, false, p_now);
    perform app.decide_anew(p_call, p_earning, p_adjustment, p_now);
  end if;
  return 'posted';
end $$;

-- Ends the adjustment of a call, or makes it when facts came that change what it owes. `p_seen` is what the caller read:
-- {factsKey, decision, termsId, priceMinor}. Answers unchanged, scored_again, posted, dropped, stale (read anew), or why it
-- waits. Safe to run twice: a call has one adjustment at a time, and its earning ends once.
create function public.adjust_call(p_call_id uuid, p_seen jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare
  v_call calls; v_earning earnings; v_adjustment adjustments; v_seen jsonb := app.json_arg(p_seen); v_now timestamptz := app.at(p_now_ms);
  v_same boolean; v_news boolean; v_moved boolean; v_open boolean; v_stands calls;
begin
  perform app.lock_ledger();
  select * into v_call from calls where id = p_call_id for update;
  if v_call.id is null then perform app.fail('CALL_UNKNOWN', 'no such call', '{}', 'PT404'); end if;
  if v_call.status not in ('qualified', 'rejected') then return '"unchanged"'; end if;
  if app.facts_key(v_call) <> v_seen ->> 'factsKey' then return '"stale"'; end if;
  select * into v_earning from earnings where call_id = p_call_id and state <> 'clawed_back' for update;
  select * into v_adjustment from adjustments where call_id = p_call_id and state in ('waiting_approval', 'waiting') for update;
  v_news := v_call.late_facts is not null or exists (select 1 from call_revenues where call_id = p_call_id and late is not null);
  if v_earning.id is null then
    if not v_news then return '"unchanged"'; end if;
    perform app.score_again(v_call, null, v_now);
    return '"scored_again"';
  end if;
  -- It is of another caller or time, and other calls are judged by that.
  v_moved := exists (select 1 from app.facts_of(v_call, true) f where (f.caller_number, f.started_at) is distinct from (v_call.caller_number, v_call.started_at));
  -- Where nothing was billed or cleared yet it is rated as that; else it stays where it would owe the same, and has the other caller.
  v_open := v_earning.invoice_id is null and v_earning.state = (case when v_earning.prepaid then 'billed' else 'accrued' end);
  v_stands := v_call;
  if v_moved then v_stands.caller_number := v_call.late_facts ->> 'callerNumber'; end if;
  v_same := not (v_moved and v_open) and v_seen ->> 'decision' = 'qualify' and (v_seen ->> 'priceMinor')::bigint = v_earning.price_minor
    and (v_seen ->> 'termsId')::uuid = v_earning.terms_id
    -- By them it may be another caller's.
    and not exists (select 1 from (select f.* from app.facts_of(v_call, true) f union all select (v_stands).*) f
      cross join lateral app.terms_at(f.campaign_id, f.started_at) t where app.paid_in_window(f, t.duplicate_window_s));
  if v_same and v_stands.caller_number is distinct from v_call.caller_number then
    perform app.mark_windows(v_call), app.note_caller(v_call), app.mark_windows(v_stands);
    update calls set caller_number = v_stands.caller_number where id = v_call.id returning * into v_call;
  end if;
  if v_adjustment.id is null then
    if not v_news or v_same then return '"unchanged"'; end if;
    v_adjustment := app.open_adjustment(v_earning, 'facts', v_call.source, 'the call was reported with other facts', v_now);
    select * into v_earning from earnings where id = v_earning.id;
  elsif v_adjustment.cause = 'facts' and v_same and not app.is_noting(v_earning.id) then
    perform app.drop_adjustment(v_adjustment, v_now);
    perform app.note_order(v_call, true);
    return '"dropped"';
  elsif v_adjustment.cause = 'order' and v_news and not v_same and not app.is_noting(v_earning.id) then
    -- By its newer facts it is another call: its place is looked for when it is rated by them.
    update adjustments set cause = 'facts', placed_share_minor = null, refusal = null where id = v_adjustment.id returning * into v_adjustment;
  end if;
  return to_jsonb(app.end_adjustment(v_call, v_earning, v_adjustment, v_now));
end $$;

-- Adjustments that wait and disputes that are open, the oldest first; at most 200.
create function public.list_adjustments()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'callId', call_id, 'cause', cause, 'priceMinor', price_minor, 'shareMinor', share_minor,
    'currency', currency, 'reason', reason, 'askedBy', asked_by, 'askedAt', asked_at, 'state', state, 'waitsFor', waits_for) order by asked_at, id), '[]')
  from (select a.*, e.price_minor, e.share_minor, e.currency from adjustments a join earnings e on e.id = a.earning_id
    where a.state in ('waiting_approval', 'waiting') order by a.asked_at, a.id limit 200) open
$$;

-- An operator takes a rated call out of the books: fraud that was found later, or a mistake. Safe to run twice: a call has
-- one adjustment at a time.
create function public.ask_adjustment(p_call_id uuid, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_call calls; v_earning earnings; v_adjustment adjustments;
begin
  perform app.lock_ledger();
  select * into v_call from calls where id = p_call_id for update;
  if v_call.id is null then perform app.fail('CALL_UNKNOWN', 'no such call', '{}', 'PT404'); end if;
  select * into v_adjustment from adjustments where call_id = p_call_id and state in ('waiting_approval', 'waiting');
  -- What a person asks for goes before the place of the call.
  if v_adjustment.cause = 'order' and not app.is_noting(v_adjustment.earning_id) then perform app.drop_adjustment(v_adjustment, app.at(p_now_ms));
  elsif v_adjustment.id is not null then return jsonb_build_object('id', v_adjustment.id, 'asked', false, 'state', v_adjustment.state); end if;
  select * into v_earning from earnings where call_id = p_call_id and state <> 'clawed_back' for update;
  if v_earning.id is null then perform app.fail('CALL_NOT_RATED', 'the call owes and earns nothing'); end if;
  v_adjustment := app.open_adjustment(v_earning, 'operator', p_by, p_reason, app.at(p_now_ms));
  perform app.log_action(app.at(p_now_ms), p_by, 'adjustment.ask', 'call:' || p_call_id, jsonb_build_object('reason', p_reason, 'adjustment', v_adjustment.id));
  perform app.look_again(v_call, app.at(p_now_ms));
  return jsonb_build_object('id', v_adjustment.id, 'asked', true, 'state', v_adjustment.state);
end $$;

-- A second person lets an adjustment above the limit go. Safe to run twice: it leaves `waiting_approval` once.
create function public.approve_adjustment(p_id uuid, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_adjustment adjustments; v_earning earnings; v_call calls;
begin
  perform app.lock_ledger();
  select * into v_adjustment from adjustments where id = p_id for update;
  if v_adjustment.id is null then perform app.fail('ADJUSTMENT_UNKNOWN', 'no such adjustment', '{}', 'PT404'); end if;
  if v_adjustment.state <> 'waiting_approval' then return jsonb_build_object('approved', false, 'state', v_adjustment.state); end if;
  if v_adjustment.asked_by = p_by then
    perform app.fail('APPROVAL_REFUSED', 'another person than the one who asked for this must approve it', '{}', 'PT403');
  end if;
  select * into v_earning from earnings where id = v_adjustment.earning_id;
  select * into v_call from calls where id = v_adjustment.call_id;
  insert into approvals (subject_kind, subject_id, content_hash, approved_by, reason, approved_at)
  values ('adjustment', p_id, app.adjustment_hash(v_earning, v_adjustment.cause), p_by, p_reason, app.at(p_now_ms));
  update adjustments set state = 'waiting', waits_for = null where id = p_id;
  perform app.log_action(app.at(p_now_ms), p_by, 'adjustment.approve', 'adjustment:' || p_id, jsonb_build_object('reason', p_reason));
  perform app.look_again(v_call, app.at(p_now_ms));
  return jsonb_build_object('approved', true, 'state', 'waiting');
end $$;

-- A buyer disputes calls, each within the days that the settings give from its start. Answers for each what became of it:
-- opened, disputed (it was before), not_rated, or too_late. Safe to run twice: a call is disputed once.
create function public.dispute_calls(p_call_ids jsonb, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_id uuid; v_results jsonb := '[]'; v_earning earnings; v_result text; v_now timestamptz := app.at(p_now_ms);
begin
  perform app.lock_ledger();
  for v_id in select value::uuid from jsonb_array_elements_text(app.json_arg(p_call_ids)) loop
    if not exists (select 1 from calls where id = v_id) then
      perform app.fail('CALL_UNKNOWN', 'no such call', jsonb_build_object('callId', v_id), 'PT404');
    end if;
    select * into v_earning from earnings where call_id = v_id and state <> 'clawed_back' for update;
    v_result := case when exists (select 1 from call_disputes where call_id = v_id) then 'disputed'
      when v_earning.id is null then 'not_rated'
      when v_earning.started_at + make_interval(days => (select dispute_days from settings)) < v_now then 'too_late' else 'opened' end;
    if v_result = 'opened' then
      insert into call_disputes (call_id, reason, opened_by, opened_at) values (v_id, p_reason, p_by, v_now);
      perform app.freeze_earning(v_earning, 'a call of it is disputed', v_now);
      perform app.log_action(v_now, p_by, 'call.dispute', 'call:' || v_id, jsonb_build_object('reason', p_reason));
    end if;
    v_results := v_results || jsonb_build_object('callId', v_id, 'result', v_result);
  end loop;
  return v_results;
end $$;

-- An operator decides disputes, call by call: approved, the call is reversed for both sides; denied, it stays for both.
-- Answers for each approved, denied, not_open, or being_rated (to be decided when that has ended, as is a credit note by other facts). Safe to run twice: a dispute leaves `open` once.
create function public.decide_disputes(p_call_ids jsonb, p_approve boolean, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_id uuid; v_results jsonb := '[]'; v_result text; v_earning earnings; v_call calls; v_adjustment adjustments;
  v_now timestamptz := app.at(p_now_ms); v_state text := case when p_approve then 'approved' else 'denied' end;
begin
  perform app.lock_ledger();
  for v_id in select value::uuid from jsonb_array_elements_text(app.json_arg(p_call_ids)) loop
    select * into v_call from calls where id = v_id for update;
    v_result := case when not app.is_disputed(v_id) then 'not_open' when v_call.status in ('stored', 'held')
      or exists (select 1 from adjustments a join credit_notes n on n.adjustment_id = a.id and n.state = 'planned'
        where a.call_id = v_id and a.cause in ('facts', 'order')) then 'being_rated' else v_state end;
    v_results := v_results || jsonb_build_object('callId', v_id, 'result', v_result);
    continue when v_result <> v_state;
    update call_disputes set state = v_state, decided_by = p_by, decided_at = v_now, decision_reason = p_reason where call_id = v_id;
    select * into v_earning from earnings where call_id = v_id and state <> 'clawed_back' for update;
    select * into v_adjustment from adjustments where call_id = v_id and state in ('waiting_approval', 'waiting');
    if p_approve and v_earning.id is not null then
      -- Whatever newer facts or its place would change, the call is owed no more.
      update adjustments set state = 'dropped', waits_for = null, ended_at = v_now where id = v_adjustment.id and cause in ('facts', 'order');
      if found or v_adjustment.id is null then perform app.open_adjustment(v_earning, 'dispute', p_by, p_reason, v_now); end if;
      perform app.look_again(v_call, v_now);
    elsif p_approve then
      -- Nothing that is reported of it later has it owed again.
      update calls set decided = 'reject' where id = v_id;
    elsif v_adjustment.id is null then
      update earnings set frozen = false where id = v_earning.id;
    elsif not p_approve and v_adjustment.cause = 'order' then
      perform app.drop_adjustment(v_adjustment, v_now), app.note_order(v_call, true);
    end if;
    perform app.log_action(v_now, p_by, 'dispute.' || v_state, 'call:' || v_id, jsonb_build_object('reason', p_reason));
  end loop;
  return v_results;
end $$;

-- Disputes of calls, the newest first; of a state when it is given; at most 200.
create function public.list_disputes(p_state text)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(to_jsonb(d) order by d.opened_at desc, d.id), '[]')
  from (select * from call_disputes where p_state is null or state = p_state order by opened_at desc, id limit 200) d
$$;

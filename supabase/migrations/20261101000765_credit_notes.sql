-- A call on an invoice that is issued and not paid is given back to the buyer by a credit note on that invoice. The note is asked
-- for by the job that bills the invoice, before it asks for money, and the call is posted back when the note stands at Stripe: the
-- books never say that the buyer owes less than Stripe asks.

-- Whether the credit note of an earning is under way.
create function app.is_noting(p_earning_id uuid) returns boolean language sql stable as $$
  select exists (select 1 from public.credit_notes where earning_id = p_earning_id and state = 'planned')
$$;

-- Plans the credit note of an adjustment where one can correct the invoice: the call is not covered by what was paid, nothing that
-- was paid is taken back, and what the note leaves to be paid is nothing, or not less than Stripe's least charge; with tax, whose
-- part of a note is rounded, nothing is left for sure by one of the whole invoice alone. Whether one is under way. Safe to run twice: an adjustment has one credit note, and where that failed it goes on as on a paid invoice.
create function app.plan_credit_note(p_earning public.earnings, p_adjustment public.adjustments, p_trace text, p_now timestamptz)
returns boolean language plpgsql as $$
begin
  insert into credit_notes (adjustment_id, earning_id, invoice_id, amount_minor, planned_at)
  select p_adjustment.id, p_earning.id, i.id, p_earning.price_minor, p_now
  from invoices i join currencies c on c.code = i.currency
    cross join lateral (select app.left_of(i) - app.gross_of(i, p_earning.price_minor) - (select coalesce(sum(app.gross_of(i, amount_minor)), 0) from credit_notes
      where invoice_id = i.id and state = 'planned') as amount_minor) rest
  where i.id = p_earning.invoice_id and i.state = 'open' and p_earning.state = 'billed'
    and (rest.amount_minor = 0 and (i.tax_minor = 0 or i.amount_minor = p_earning.price_minor) or rest.amount_minor >= c.minimum_charge_minor)
    and not exists (select 1 from withdrawals w where w.invoice_id = i.id and w.state <> 'won')
  on conflict (adjustment_id) do nothing;
  if found then
    perform app.make_work('billing.bill-buyer', p_earning.invoice_id::text, jsonb_build_object('invoiceId', p_earning.invoice_id), p_trace,
      p_now, null, null, true);
  end if;
  return app.is_noting(p_earning.id);
end $$;

-- Records what became of a planned credit note, `p_end`: {stripeCreditNoteId, taxMinor}, or {problem} when it does not stand at Stripe and
-- never will. One that stands is posted with its adjustment, for both sides; what was paid covers the calls that are left, and an
-- invoice of which nothing is left is paid. Safe to run twice: a credit note leaves `planned` once.
create function public.record_credit_note(p_credit_note_id uuid, p_token uuid, p_end jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare
  v_note credit_notes; v_invoice invoices; v_earning earnings; v_adjustment adjustments; v_call calls; v_end jsonb := app.json_arg(p_end);
  v_now timestamptz := app.at(p_now_ms); v_issued boolean := app.json_arg(p_end) ->> 'stripeCreditNoteId' is not null;
begin
  perform app.lock_ledger();
  v_invoice := app.invoice_of_token((select invoice_id from credit_notes where id = p_credit_note_id), p_token);
  select * into v_note from credit_notes where id = p_credit_note_id for update;
  if v_note.state <> 'planned' then return '{}'; end if;
  update credit_notes set state = case when v_issued then 'issued' else 'failed' end, ended_at = v_now,
    stripe_credit_note_id = v_end ->> 'stripeCreditNoteId', tax_minor = coalesce((v_end ->> 'taxMinor')::bigint, 0), problem = left(v_end ->> 'problem', 200) where id = p_credit_note_id;
  if not v_issued then return '{}'; end if;
  perform app.reverse_tax(v_invoice, p_credit_note_id::text, coalesce((v_end ->> 'taxMinor')::bigint, 0), 0, v_now);
  select * into v_adjustment from adjustments where id = v_note.adjustment_id for update;
  select * into v_call from calls where id = v_adjustment.call_id for update;
  -- A part of the invoice may have been paid since it was planned, and have covered this call: it covers others instead.
  if (select state from earnings where id = v_note.earning_id) = 'cleared' then
    perform app.post_shares('unclear', array[v_note.earning_id], v_note.id::text, v_invoice.business_date, v_now);
    update earnings set state = 'billed' where id = v_note.earning_id;
  end if;
  select * into v_earning from earnings where id = v_note.earning_id for update;
  perform app.reverse_earning(v_earning, v_adjustment, true, v_now);
  if v_invoice.state = 'open' and app.left_of(v_invoice) = 0 then
    update invoices set state = 'paid', last_problem = null where id = v_invoice.id;
    -- Stripe cannot have another one beside it: nothing would be left to take it off.
    update credit_notes set state = 'failed', problem = 'invoice_paid', ended_at = v_now where invoice_id = v_invoice.id and state = 'planned';
  end if;
  perform app.clear_invoice(v_invoice.id, v_note.id::text, v_invoice.business_date, v_now);
  if v_invoice.state = 'open' and app.left_of(v_invoice) = 0 then perform app.end_uncovered(v_invoice, v_note.id::text, v_now); end if;
  perform app.book_loss(v_invoice.id, v_note.id::text, 0, v_now);
  perform app.decide_anew(v_call, v_earning, v_adjustment, v_now);
  perform app.watch_credit(v_now, v_invoice.buyer_id);
  return '{}';
end $$;

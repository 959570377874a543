-- Who may read what. Nobody writes a table through the API: every write is a function of service_role.
do $$
declare v_table text;
begin
  for v_table in select tablename from pg_tables where schemaname = 'public' loop
    execute format('alter table public.%I enable row level security', v_table);
    execute format('alter table public.%I force row level security', v_table);
    execute format('revoke all on public.%I from public, anon, authenticated, service_role', v_table);
    execute format('grant select on public.%I to service_role', v_table);
    -- The functions run as the owner of the tables, whom forced row security binds where he is no superuser.
    execute format('create policy owner_all on public.%I to %I using (true) with check (true)', v_table, current_user);
  end loop;
end $$;
revoke all on all sequences in schema public from public, anon, authenticated, service_role;
revoke execute on all functions in schema public from public, anon, authenticated;
revoke all on schema app from public, anon, authenticated, service_role;
revoke execute on all functions in schema app from public, anon, authenticated, service_role;
grant usage on schema public to anon, authenticated, service_role;
grant execute on all functions in schema public to service_role;

-- A supplier sees itself, its calls, its payouts, what is held back of them and what became of them at its bank; a buyer itself, its
-- calls, its invoices with their credit notes, and its top-ups; both sides see how a dispute of a call stands. What the other side
-- pays or earns (earnings, journals, scores) is on no table that they can read. Of a call they see what it was and what became of it,
-- and nothing that it is scored by: whoever knows what is said of callers' lines sends others.
grant select (id, source, external_id, tracking_number, campaign_id, supplier_id, buyer_id, caller_number, started_at, duration_s, answered, status,
  business_date, made_at, changed_at) on public.calls to authenticated;
grant select on public.suppliers, public.buyers, public.call_disputes, public.payouts, public.bank_payouts, public.supplier_reserves,
  public.invoices, public.invoice_lines, public.credit_notes, public.topups to authenticated;
create policy supplier_self on public.suppliers for select to authenticated using (auth_user_id = (select auth.uid()));
create policy buyer_self on public.buyers for select to authenticated using (auth_user_id = (select auth.uid()));
create policy supplier_calls on public.calls for select to authenticated
  using (supplier_id in (select id from public.suppliers where auth_user_id = (select auth.uid())));
create policy buyer_calls on public.calls for select to authenticated
  using (buyer_id in (select id from public.buyers where auth_user_id = (select auth.uid())));
create policy supplier_payouts on public.payouts for select to authenticated
  using (supplier_id in (select id from public.suppliers where auth_user_id = (select auth.uid())));
create policy supplier_bank_payouts on public.bank_payouts for select to authenticated
  using (supplier_id in (select id from public.suppliers where auth_user_id = (select auth.uid())));
create policy supplier_own_reserves on public.supplier_reserves for select to authenticated
  using (supplier_id in (select id from public.suppliers where auth_user_id = (select auth.uid())));
create policy buyer_invoices on public.invoices for select to authenticated
  using (buyer_id in (select id from public.buyers where auth_user_id = (select auth.uid())));
create policy buyer_topups on public.topups for select to authenticated
  using (buyer_id in (select id from public.buyers where auth_user_id = (select auth.uid())));
create policy buyer_invoice_lines on public.invoice_lines for select to authenticated
  using (invoice_id in (select i.id from public.invoices i join public.buyers b on b.id = i.buyer_id
    where b.auth_user_id = (select auth.uid())));
create policy buyer_credit_notes on public.credit_notes for select to authenticated
  using (invoice_id in (select i.id from public.invoices i join public.buyers b on b.id = i.buyer_id
    where b.auth_user_id = (select auth.uid())));
create policy call_disputes_of_calls on public.call_disputes for select to authenticated
  using (call_id in (select id from public.calls));

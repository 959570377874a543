-- What the command line shows of the books. Reads only.

-- Accounts that are not zero; with an owner, of that buyer or supplier.
create function public.ledger_balances(p_owner uuid)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('account', a.kind, 'owner', coalesce(b.name, s.name), 'ownerId', a.owner_id,
    'currency', a.currency, 'balanceMinor', a.balance_minor) order by a.kind, coalesce(b.name, s.name), a.currency), '[]')
  from ledger_accounts a left join buyers b on b.id = a.owner_id left join suppliers s on s.id = a.owner_id
  where a.balance_minor <> 0 and (p_owner is null or a.owner_id = p_owner)
$$;

-- The journals that name an id, ours or Stripe's, or have it as their key, with their postings, the oldest first; at most 200.
create function public.ledger_journals(p_id text)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('key', j.key, 'template', j.template, 'businessDate', j.business_date, 'currency', j.currency,
      'postedAt', j.posted_at, 'refs', j.refs, 'postings', (
        select jsonb_agg(jsonb_build_object('account', a.kind, 'ownerId', a.owner_id, 'amountMinor', p.amount_minor) order by p.id)
        from postings p join ledger_accounts a on a.id = p.account_id where p.journal_id = j.id)) order by j.id), '[]')
  from (select * from journals where key = p_id or exists (select 1 from jsonb_each_text(refs) ref where ref.value = p_id)
    order by id limit 200) j
$$;

import { createAudit } from '../../src/audit/audit.ts';
import type { TestDatabase } from './database.ts';

type Sql = TestDatabase['sql'];

/** Every posting, oldest first, as `template account amount`. */
export async function postingsOf(sql: Sql): Promise<string[]> {
  const rows = await sql<{ template: string; kind: string; amount: number }>(
    `select j.template, a.kind, p.amount_minor as amount from postings p join journals j on j.id = p.journal_id
     join ledger_accounts a on a.id = p.account_id order by p.id`,
  );
  return rows.map(({ template, kind, amount }) => `${template} ${kind} ${amount}`);
}

/** Balance by kind of account, without those that are zero. */
export async function balancesOf(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql<{ kind: string; balance: number }>(
    `select kind, sum(balance_minor)::bigint as balance from ledger_accounts group by kind having sum(balance_minor) <> 0
     order by kind`,
  );
  return Object.fromEntries(rows.map(({ kind, balance }) => [kind, balance]));
}

/** What does not add up in the books, in words; empty when everything does. */
export async function wrongIn(sql: Sql): Promise<string[]> {
  const rows = await sql<{ problem: string }>(`
    select 'journal ' || key || ' does not balance' as problem from journals j
      where (select coalesce(sum(amount_minor), 0) from postings where journal_id = j.id) <> 0
    union all select 'account ' || a.kind || ' is not the sum of its postings' from ledger_accounts a
      where balance_minor <> (select coalesce(sum(amount_minor), 0) from postings where account_id = a.id)
    union all select 'account ' || a.kind || ' is on its wrong side' from ledger_accounts a
      where kind in ('supplier_pending', 'supplier_payable', 'supplier_reserve', 'payouts_in_transit') and balance_minor > 0
    union all select 'account buyer_receivable is on its wrong side' from ledger_accounts
      where kind = 'buyer_receivable' and balance_minor < 0
    union all select 'invoice ' || i.id || ' is not the sum of its earnings' from invoices i
      where amount_minor <> (select sum(price_minor) from earnings where invoice_id = i.id)
        - (select coalesce(sum(amount_minor), 0) from credits where invoice_id = i.id)
    union all select 'invoice ' || i.id || ' is not the sum of its lines' from invoices i
      where amount_minor <> (select sum(amount_minor) from invoice_lines where invoice_id = i.id)
        - (select coalesce(sum(amount_minor), 0) from credits where invoice_id = i.id)
    union all select 'payout ' || p.id || ' is not the sum of its earnings' from payouts p
      where state not in ('refused', 'withheld')
        and amount_minor + recovered_minor + reserve_minor <> (select coalesce(sum(share_minor), 0) from earnings where payout_id = p.id)
          + (select coalesce(sum(amount_minor), 0) from transfer_reversals where payout_id = p.id)
          + (select coalesce(sum(amount_minor), 0) from supplier_reserves where payout_id = p.id)
    union all select 'supplier accounts differ from the earnings in ' || x.state from (
      select e.state, sum(e.share_minor) as owed from (
        select case when state in ('accrued', 'billed') then 'supplier_pending' when state = 'cleared' then 'supplier_payable'
          when state = 'reserved' then 'payouts_in_transit' end as state, share_minor from earnings
        union all select case when p.state in ('sending', 'unknown') then 'payouts_in_transit' else 'supplier_payable' end, r.amount_minor
          from transfer_reversals r left join payouts p on p.id = r.payout_id where p.state is distinct from 'sent'
        union all select case when r.released_at is null then 'supplier_reserve' when p.state in ('sending', 'unknown') then 'payouts_in_transit'
            else 'supplier_payable' end, r.amount_minor
          from supplier_reserves r left join payouts p on p.id = r.payout_id where p.state is distinct from 'sent'
        union all select 'payouts_in_transit', -recovered_minor - reserve_minor from payouts where state in ('sending', 'unknown')) e
      where e.state is not null group by 1) x
      where x.owed <> (select coalesce(-sum(balance_minor), 0) from ledger_accounts where kind = x.state)`);
  return rows.map(({ problem }) => problem);
}

/** The promises that the audit finds broken in books whose money has not reached Stripe yet. */
export async function brokenIn({ database }: TestDatabase, nowMs: number): Promise<string[]> {
  const stripe = {
    read: async () => ({ transfers: [], invoices: [], movements: [], customers: [], totals: new Map() }),
  };
  return (await createAudit({ rpc: database.rpc, stripe }).run({ nowMs })).failures.slice();
}

/** Changes journals by hand, which nothing but a superuser who turns the triggers off can do. */
export async function changeJournals(
  sql: TestDatabase['sql'],
  { set, where }: { set: string; where: string },
): Promise<void> {
  await sql(`do $do$ begin
    set local session_replication_role = replica;
    update journals set ${set} where ${where};
  end $do$`);
}

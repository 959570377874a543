import type { House } from './house.ts';

/** Everything that became of one buyer and one supplier: journals, rows, and what Stripe holds of theirs. */
export async function storyOf(
  { sql, simulator }: House,
  {
    buyer,
    supplier,
  }: { buyer: { id: string; customer: string | null }; supplier: { id: string; account: string | null } },
) {
  const owners = [buyer.id, supplier.id];
  const journals = await sql<{ line: string }>(
    `select distinct j.template || ' ' || j.amounts::text as line from journals j
       join postings p on p.journal_id = j.id join ledger_accounts a on a.id = p.account_id
     where a.owner_id = any ($1::uuid[]) or (j.refs ->> 'invoiceId')::uuid in (select id from invoices where buyer_id = $2)
     order by 1`,
    [owners, buyer.id],
  );
  const counts = await sql<{ template: string; n: number }>(
    `select template, count(*) as n from journals
     where owners ->> 'buyer' = $1 or owners ->> 'supplier' = $2 group by 1 order by 1`,
    [buyer.id, supplier.id],
  );
  const accounts = await sql(
    'select kind, balance_minor from ledger_accounts where owner_id = any ($1::uuid[]) order by 1, 2',
    [owners],
  );
  const earnings = await sql(
    'select state, price_minor, share_minor from earnings where supplier_id = $1 order by 1',
    [supplier.id],
  );
  const invoices = await sql(
    `select state, amount_minor, last_problem,
      (select array_agg(array[gross_minor, fee_minor] order by gross_minor) from charges c where c.invoice_id = i.id) as charges
    from invoices i where buyer_id = $1`,
    [buyer.id],
  );
  const payouts = await sql(
    'select state, amount_minor, problem, in_doubt from payouts where supplier_id = $1',
    [supplier.id],
  );
  const { all } = simulator.journal;
  return {
    journals: journals.map(({ line }) => line),
    ...{ counts, accounts, earnings, invoices, payouts },
    stripe: {
      invoices: all('invoice')
        .filter(({ customer }) => customer === buyer.customer)
        .map(({ status, total }) => [status, total]),
      lines: all('invoiceitem')
        .filter(({ customer }) => customer === buyer.customer)
        .map(({ amount }) => amount),
      charges: all('charge')
        .filter(({ customer }) => customer === buyer.customer)
        .map(({ paid, amount }) => [paid, amount]),
      transfers: all('transfer')
        .filter(({ destination }) => destination === supplier.account)
        .map(({ amount }) => amount),
    },
  };
}

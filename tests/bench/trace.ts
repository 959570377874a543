import { loadavg } from 'node:os';
import { createTraceStore } from '../../src/integrations/supabase/trace.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { fillTables } from './fill.ts';

type Sql = TestDatabase['sql'];

const BUYERS = 200;
const CALLS_PER_DAY = 50_000;
const TRACES_PER_KIND = 200;
/** The tables whose indexes are built when they are full. */
const LARGE = ['calls', 'call_scores', 'earnings', 'journals', 'postings'];

interface TraceBenchOptions {
  readonly calls: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface TraceBenchResult {
  readonly name: 'trace';
  readonly calls: number;
  readonly journals: number;
  readonly gigabytes: number;
  /** Of the machine, over the last minute, when the traces ended. */
  readonly load: number;
  /** Of all traces, each kind of id as often; from the request to the parsed answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** `kind: p50/p99/max`. */
  readonly kinds: readonly string[];
}

/**
 * Traces ids of each kind in books of so many calls: 200 buyers with ten suppliers each, an invoice for each day (of one of
 * them a single one of all its calls), and a payout for each supplier and day. All that has a key, a reference or a sum is as
 * the functions would have made it; the rows are made by `generate_series`, because rating ten million calls takes a day.
 */
export async function benchTrace({ calls, seed, say }: TraceBenchOptions): Promise<TraceBenchResult> {
  const db = await createTestDatabase();
  try {
    await db.sql("alter system set work_mem = '256MB'");
    await fillTables(db.sql, LARGE, statements(calls, seed), say);
    return await measure(db, calls, seed, say);
  } finally {
    await db.close();
  }
}

const uuid = (kind: number, number: string) =>
  `('0000000${kind}-0000-4000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;
const CALL = uuid(1, 'n');
const SUPPLIER = uuid(3, 'supplier');
const BUYER = uuid(4, 'buyer');
const CAMPAIGN = uuid(5, 'buyer');
const TERMS = uuid(6, 'buyer');
const INVOICE = uuid(7, 'invoice');
const PAYOUT = uuid(8, 'payout');
const AT = "timestamptz '2026-01-01T00:00:00Z' + day * interval '1 day' + (n % 50000) * interval '1 second'";

/** No row is written a second time to a log: it would take as much of the disk again, and nothing here survives a crash anyway. */
const UNLOGGED = `do $$ declare v_table regclass; begin
    loop
      -- None that a table with a log refers to.
      select min(t.oid) into v_table from pg_class t where t.relkind = 'r' and t.relpersistence = 'p' and t.relnamespace = 'public'::regnamespace
        and not exists (select 1 from pg_constraint k join pg_class f on f.oid = k.conrelid
          where k.contype = 'f' and k.confrelid = t.oid and f.oid <> t.oid and f.relpersistence = 'p');
      exit when v_table is null;
      execute format('alter table %s set unlogged', v_table);
    end loop;
  end $$`;

/** What is made, in this order; `facts` are the numbers of each call, which everything else is summed from. */
function statements(calls: number, seed: number): Record<string, string> {
  return {
    'no log': UNLOGGED,
    'what calls are made of': `create unlogged table facts as select n, (n / ${CALLS_PER_DAY})::int as day, (n % ${BUYERS})::int as buyer,
        (n % ${BUYERS} * 10 + n / ${BUYERS} % 10)::int as supplier, 3000 + (n * 7919 + ${seed}) % 4000 as price,
        -- The first buyer has one invoice of all its calls.
        case when n % ${BUYERS} = 0 then 0 else n / ${CALLS_PER_DAY} * ${BUYERS} + n % ${BUYERS} end as invoice,
        n / ${CALLS_PER_DAY} * ${BUYERS * 10} + n % ${BUYERS} * 10 + n / ${BUYERS} % 10 as payout
      from generate_series(0::bigint, ${calls - 1}) n;
      alter table facts add column share bigint generated always as (price * 7 / 10) stored`,
    parties: `insert into suppliers (id, name, stripe_account_id) select ${SUPPLIER}, 'Supplier ' || supplier, 'acct_' || supplier
        from generate_series(0, ${BUYERS * 10 - 1}) supplier;
      insert into buyers (id, name) select ${BUYER}, 'Buyer ' || buyer from generate_series(0, ${BUYERS - 1}) buyer;
      insert into campaigns (id, buyer_id, name) select ${CAMPAIGN}, ${BUYER}, 'Campaign ' || buyer from generate_series(0, ${BUYERS - 1}) buyer`,
    calls: `insert into calls (id, source, external_id, tracking_number, campaign_id, supplier_id, buyer_id, caller_number, started_at, duration_s,
        answered, facts_at, status, business_date, trace, made_at, changed_at)
      select ${CALL}, 'bench', lpad(n::text, 10, '0'), '+1800' || lpad(supplier::text, 7, '0'), ${CAMPAIGN}, ${SUPPLIER}, ${BUYER},
        '+1303' || lpad((n * 31 % 9000000)::text, 7, '0'), ${AT}, 90, true, ${AT}, 'qualified', date '2026-01-01' + day, 't', ${AT}, ${AT} from facts`,
    scores: `insert into call_scores select ${CALL}, 1, 0, 'qualify', '[]', ${AT} from facts`,
    earnings: `insert into earnings (id, call_id, campaign_id, terms_id, buyer_id, supplier_id, currency, price_minor, share_minor, state, started_at,
        duration_s, business_date, invoice_id, payout_id)
      select ${uuid(2, 'n')}, ${CALL}, ${CAMPAIGN}, ${TERMS}, ${BUYER}, ${SUPPLIER}, 'usd', price, share, 'paid', ${AT}, 90,
        date '2026-01-01' + day, ${INVOICE}, ${PAYOUT} from facts`,
    invoices: `insert into invoices (id, buyer_id, currency, period_end, business_date, amount_minor, state, planned_at, collect_on, stripe_invoice_id)
      select ${INVOICE}, ${BUYER}, 'usd', at, at::date, amount, 'paid', at, at::date, 'in_' || invoice
        from (select invoice, buyer, sum(price) as amount, timestamptz '2026-01-02' + max(day) * interval '1 day' as at from facts group by 1, 2) i;
      insert into invoice_lines select ${INVOICE}, ${CAMPAIGN}, count(*), 90 * count(*), sum(price) from facts group by invoice, buyer;
      insert into charges select 'ch_' || invoice, ${INVOICE}, null, 'txn_ch_' || invoice, sum(price), 'usd', 'usd', sum(price), null, 100,
        sum(price) - 100, timestamptz '2026-01-04' + max(day) * interval '1 day', now() from facts group by invoice`,
    payouts: `insert into payouts (id, run_id, supplier_id, currency, business_date, amount_minor, destination, body_hash, state, key_made_at,
        transfer_id, balance_transaction_id, planned_at, ended_at)
      select ${PAYOUT}, ${uuid(9, 'day')}, ${SUPPLIER}, 'usd', date '2026-01-04' + day, sum(share), 'acct_' || supplier, 'h', 'sent',
        min(${AT}), 'tr_' || payout, 'txn_tr_' || payout, min(${AT}), min(${AT}) from facts group by payout, supplier, day;
      insert into bank_payouts select 'po_' || transfer_id, supplier_id, destination, 'usd', amount_minor, 'paid', null, null, ended_at, ended_at,
        ended_at, ended_at, ended_at from payouts;
      insert into stripe_movements (id, source_id, reporting_category, amount_minor, fee_minor, net_minor, currency, available_at, created_at, seen_at)
      select balance_transaction_id, charge_id, 'charge', gross_minor, 100, net_minor, 'usd', available_at, available_at, available_at from charges
      union all select balance_transaction_id, transfer_id, 'transfer', -amount_minor, 0, -amount_minor, 'usd', ended_at, ended_at, ended_at from payouts`,
    accounts: `insert into ledger_accounts (kind, owner_id, currency)
        select k.kind, b.id, 'usd' from account_kinds k join buyers b on k.owner = 'buyer'
        union all select k.kind, s.id, 'usd' from account_kinds k join suppliers s on k.owner = 'supplier'
        union all select kind, null, 'usd' from account_kinds where owner = 'exchange';
      analyze`,
    'journals of calls': `insert into journals (template, key, business_date, currency, amounts, owners, refs, posted_at)
      select 'call', 'call:' || ${CALL}, date '2026-01-01' + day, 'usd', jsonb_build_object('price', price, 'share', share, 'margin', price - share,
        'postpaid', price, 'prepaid', 0), jsonb_build_object('buyer', ${BUYER}, 'supplier', ${SUPPLIER}),
        jsonb_build_object('callId', ${CALL}, 'termsId', ${TERMS}, 'earningId', ${uuid(2, 'n')}), ${AT} from facts`,
    'other journals': `insert into journals (template, key, business_date, currency, amounts, owners, refs, posted_at)
      select t, t || ':' || id, business_date, 'usd', jsonb_build_object('total', amount_minor, 'tax', 0, 'gross', amount_minor, 'postpaid', amount_minor,
          'prepaid', 0, 'net', amount_minor - 100, 'fee', 100), jsonb_build_object('buyer', buyer_id),
          jsonb_build_object('invoiceId', id, 'stripeInvoiceId', stripe_invoice_id), planned_at
        from invoices cross join unnest(array['invoice', 'charge', 'available']) t
      union all select 'clear', 'clear:' || ${INVOICE} || ':' || ${SUPPLIER}, date '2026-01-03' + min(day), 'usd', jsonb_build_object('share', sum(share)),
        jsonb_build_object('supplier', ${SUPPLIER}), jsonb_build_object('invoiceId', ${INVOICE}, 'event', 'ch_' || invoice), now()
        from facts group by invoice, supplier
      union all select t, t || ':' || id, business_date, 'usd', jsonb_build_object('earned', amount_minor, 'amount', amount_minor, 'recovered', 0, 'reserve', 0),
        jsonb_build_object('supplier', supplier_id), jsonb_build_object('payoutId', id, 'transferId', transfer_id), ended_at
        from payouts cross join unnest(array['payout_reserve', 'payout_send']) t;
      analyze`,
    postings: `insert into postings (journal_id, account_id, amount_minor, currency)
      select j.id, a.id, case l.side when 'debit' then 1 else -1 end * (j.amounts ->> l.amount)::bigint, 'usd'
      from journals j join journal_templates l on l.template = j.template join account_kinds k on k.kind = l.account_kind
        join ledger_accounts a on a.kind = l.account_kind
          and coalesce(a.owner_id, '00000000-0000-4000-8000-000000000000') = coalesce((j.owners ->> k.owner)::uuid, '00000000-0000-4000-8000-000000000000')
      where (j.amounts ->> l.amount)::bigint <> 0`,
    'nothing of that': 'drop table facts',
  };
}

async function measure(
  { database, sql }: TestDatabase,
  calls: number,
  seed: number,
  say: (line: string) => void,
) {
  const { trace } = createTraceStore(database.rpc);
  const [made] = await sql<{ journals: number; bytes: number }>(
    'select count(*) as journals, pg_database_size(current_database()) as bytes from journals',
  );
  const ids = await idsOf(sql, calls, seed);
  const taken = new Map<string, number[]>();
  // In turns, so that one kind does not find in memory what another has just read.
  for (let nth = 0; nth < TRACES_PER_KIND; nth += 1) {
    for (const [kind, of] of Object.entries(ids)) {
      const id = of[nth % of.length] ?? '';
      const startedMs = performance.now();
      const found = await trace(id).then(
        ({ links }) => links.length,
        () => 0,
      );
      const tookMs = performance.now() - startedMs;
      if (found > 0 !== (kind !== 'unknown'))
        throw new Error(`the trace of ${kind} ${id} has ${found} links`);
      taken.set(kind, [...(taken.get(kind) ?? []), tookMs]);
    }
    if (nth % 50 === 49) say(`${nth + 1} traces of each kind`);
  }
  const all = [...taken.values()].flat();
  const kinds = [...taken].map(
    ([kind, ms]) => `${kind}: ${[0.5, 0.99, 1].map((part) => at(ms, part)).join('/')}`,
  );
  return {
    name: 'trace' as const,
    ...{
      calls,
      journals: made?.journals ?? 0,
      load: Number((loadavg()[0] ?? 0).toFixed(1)),
      gigabytes: Math.round((made?.bytes ?? 0) / 1e9),
      p50Ms: at(all, 0.5),
      p99Ms: at(all, 0.99),
      maxMs: at(all, 1),
      kinds,
    },
  };
}

/** So many ids of each kind, anywhere in the books. */
async function idsOf(sql: Sql, calls: number, seed: number): Promise<Record<string, readonly string[]>> {
  const some = async (table: string, column: string) =>
    (
      await sql<{ id: string }>(
        `select ${column}::text as id from ${table} order by md5(${column}::text || '${seed}') limit ${TRACES_PER_KIND}`,
      )
    ).map(({ id }) => id);
  const numbers = Array.from({ length: TRACES_PER_KIND }, (_, nth) =>
    Math.floor((((nth + 1) * 0.618_033_988_749_895 + seed * 0.1) % 1) * calls),
  );
  const ours = (kind: number) =>
    numbers.map((n) => `0000000${kind}-0000-4000-8000-${n.toString(16).padStart(12, '0')}`);
  return {
    call: ours(1),
    earning: ours(2),
    invoice: await some('invoices', 'id'),
    'largest invoice': ['00000007-0000-4000-8000-000000000000'],
    'invoice of Stripe': await some('invoices', 'stripe_invoice_id'),
    charge: await some('charges', 'charge_id'),
    'balance transaction': await some('stripe_movements', 'id'),
    payout: await some('payouts', 'id'),
    transfer: await some('payouts', 'transfer_id'),
    'payout to a bank': await some('bank_payouts', 'id'),
    unknown: ['00000000-0000-4000-8000-000000000000', 'tr_nothing'],
  };
}

function at(ms: readonly number[], part: number): number {
  const sorted = ms.toSorted((a, b) => a - b);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1));
}

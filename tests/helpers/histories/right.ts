import { wrongIn } from '../books.ts';
import type { World } from './world.ts';

/** Everything that does not hold at the end of all histories, in words: by the audit, by Stripe itself, and by counting. */
export async function wrongWith(world: World): Promise<string[]> {
  const { house } = world;
  const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  return [
    ...failures,
    ...house.simulator.journal.check(),
    ...(await wrongIn(house.sql)),
    ...(await wrongTransfers(world)),
    ...(await wrongInvoices(world)),
    ...(await wrongCash(world)),
    ...(await wrongTaxes(world)),
    ...(await wrongCallers(world)),
    ...(await unfinished(world)),
  ];
}

const repeated = (all: readonly (string | undefined)[]) => [
  ...new Set(all.filter((one, index) => one !== undefined && all.indexOf(one) !== index)),
];

async function wrongTransfers({ house: { sql, simulator } }: World): Promise<string[]> {
  const transfers = simulator.journal.all('transfer');
  const sent = await sql<{ id: string; transfer: string; destination: string; amount: number }>(
    "select id, transfer_id as transfer, destination, amount_minor as amount from payouts where state = 'sent'",
  );
  const payoutOf = new Map(transfers.map(({ id, metadata }) => [id, metadata.payout_id]));
  const owed = await sql<{ account: string; currency: string; amount: number }>(
    `select s.stripe_account_id as account, j.currency, -sum(p.amount_minor)::bigint as amount
     from postings p join journals j on j.id = p.journal_id join ledger_accounts a on a.id = p.account_id
       join suppliers s on s.id = a.owner_id
     where a.kind = 'supplier_payable' and j.template in ('clear', 'unclear') group by 1, 2`,
  );
  const cleared = new Map(owed.map(({ account, currency, amount }) => [`${account} ${currency}`, amount]));
  for (const { destination, currency, amount, amount_reversed: reversed } of transfers) {
    const key = `${destination} ${currency}`;
    cleared.set(key, (cleared.get(key) ?? 0) - amount + reversed);
  }
  return [
    ...repeated(transfers.map(({ metadata }) => metadata.payout_id)).map(
      (id) => `payout ${id} has two transfers`,
    ),
    ...sent
      .filter(({ id, transfer }) => payoutOf.get(transfer) !== id)
      .map(({ id }) => `payout ${id} has no transfer`),
    ...(transfers.length === sent.length
      ? []
      : [`${transfers.length} transfers, ${sent.length} payouts sent`]),
    ...[...cleared].filter(([, left]) => left < 0).map(([key]) => `${key} was paid more than has cleared`),
  ];
}

async function wrongInvoices({ house: { sql, simulator } }: World): Promise<string[]> {
  const issued = simulator.journal.all('invoice').filter(({ status }) => status !== 'draft');
  const twice = await sql<{ buyer: string }>(
    'select buyer_id as buyer from invoices group by buyer_id, currency, period_end having count(*) > 1',
  );
  return [
    ...repeated(issued.map(({ metadata }) => metadata.callclear_invoice_id)).map(
      (id) => `invoice ${id} was issued twice`,
    ),
    ...twice.map(({ buyer }) => `buyer ${buyer} has two invoices of one period`),
  ];
}

/**
 * Stripe's balance, pending and available together, is the ledger's; but for disputes of what a wallet was charged in the
 * last night, after its comparison.
 */
async function wrongCash({ house: { sql, simulator } }: World): Promise<string[]> {
  const rows = await sql<{ currency: string; cash: number }>(
    `select currency, sum(balance_minor)::bigint as cash from ledger_accounts
     where kind in ('stripe_pending', 'stripe_available') group by 1`,
  );
  const left = new Map(rows.map(({ currency, cash }) => [currency, cash]));
  const listed = new Set((await sql<{ id: string }>('select id from stripe_movements')).map(({ id }) => id));
  for (const { id, type, currency, net } of simulator.journal.all('balance_transaction')) {
    const isNews = type === 'adjustment' && net < 0 && !listed.has(id);
    if (!isNews) left.set(currency, (left.get(currency) ?? 0) - net);
  }
  return [...left]
    .filter(([, rest]) => rest !== 0)
    .map(([currency, rest]) => `the cash differs by ${rest} ${currency}`);
}

/**
 * What is payable is the tax of the invoices that Stripe has issued, less that of their credit notes; of a void one what was
 * paid of it.
 */
async function wrongTaxes({ house: { sql, simulator } }: World): Promise<string[]> {
  const rows = await sql<{ currency: string; tax: number }>(
    `select currency, -balance_minor as tax from ledger_accounts where kind = 'tax_payable'`,
  );
  const left = new Map(rows.map(({ currency, tax }) => [currency, tax]));
  const owe = (currency: string, tax: number) => left.set(currency, (left.get(currency) ?? 0) - tax);
  for (const { id, currency, status, total, total_excluding_tax: net, ...invoice } of simulator.journal.all(
    'invoice',
  )) {
    if (status === 'draft') continue;
    const notes = simulator.journal.all('credit_note').filter((note) => note.invoice === id);
    const noted = notes.reduce((sum, note) => sum + note.total_excluding_tax, 0);
    for (const note of notes) if (status !== 'void') owe(currency, note.total_excluding_tax - note.total);
    const paidNet = Math.min(net - noted, Math.floor((invoice.amount_paid * net) / total));
    owe(currency, status === 'void' ? invoice.amount_paid - paidNet : total - net);
  }
  return [...left]
    .filter(([, rest]) => rest !== 0)
    .map(([currency, rest]) => `the tax that is payable differs by ${rest} ${currency}`);
}

/**
 * Of a caller's calls, going by their starts, each is paid for that has no paid one within its window before it; but for those
 * before one that cannot be taken back, and where it is known that the order is not reached.
 */
async function wrongCallers({ house: { sql } }: World): Promise<string[]> {
  const calls = await sql<{
    id: string;
    campaign: string;
    caller: string;
    startedAtMs: number;
    windowMs: number;
    paid: boolean;
    stays: boolean;
  }>(
    `select c.id, c.campaign_id as campaign, c.caller_number as caller, app.ms(c.started_at) as "startedAtMs",
       t.duplicate_window_s * 1000 as "windowMs", e.id is not null as paid, e.state = 'written_off' or e.state = 'billed' and not e.prepaid
         or e.call_id in (select call_id from call_disputes where state = 'denied')
         or e.invoice_id in (select invoice_id from withdrawals where state <> 'won') as stays
     from calls c join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
       join campaign_terms t on t.campaign_id = c.campaign_id and t.daily_cap is null
       left join earnings e on e.call_id = c.id and e.state <> 'clawed_back'
     where (e.id is not null or s.reasons -> -1 ->> 'signal' = 'duplicate-caller')
       and c.campaign_id not in (select campaign_id from unordered_periods) order by c.started_at, c.id`,
  );
  return calls.flatMap((call, index) => {
    const other = calls.find(
      ({ campaign, caller, startedAtMs, paid, stays }, at) =>
        at !== index &&
        campaign === call.campaign &&
        caller === call.caller &&
        paid &&
        (at < index || stays) &&
        Math.abs(startedAtMs - call.startedAtMs) <= call.windowMs,
    );
    if (call.paid === (other === undefined)) return [];
    return [`call ${call.id} is ${call.paid ? 'paid beside' : 'refused without'} another of its caller`];
  });
}

/** What was begun is at its end, and whoever earned money that is there has it. */
async function unfinished({ house: { sql, simulator } }: World): Promise<string[]> {
  const rows = await sql<{ what: string }>(
    `select format('%s %s is %s: %s', job, key, state, code) as what from work
       where state <> 'done'
     union all select format('break %s', identity) from reconciliation_breaks where state = 'open'
     union all select format('close %s is %s', business_date, state) from closes where state <> 'done'`,
  );
  const balances = new Map<string, number>();
  for (const { currency, net, status } of simulator.journal.all('balance_transaction')) {
    if (status === 'available') balances.set(currency, (balances.get(currency) ?? 0) + net);
  }
  // Refunds and disputes may have taken what Stripe would need; what waits for it, the oldest first, is at its end for now.
  const live = await sql<{
    id: string;
    state: string;
    currency: string;
    problem: string | null;
    waits: boolean;
  }>(
    `select id, state, currency, problem, app.waits_for_money(p) as waits from payouts p
     where state in ('planned', 'sending', 'unknown')`,
  );
  const short = new Set(live.filter(({ waits }) => waits).map(({ currency }) => currency));
  const begun = live.filter(
    ({ state, waits, currency }) => !waits && !(short.has(currency) && state === 'planned'),
  );
  // A reserve is released by the plan after its payout was sent; that none is late the audit tells.
  const unpaid = await sql<{ supplier: string; currency: string; amount: number }>(
    `select supplier_id as supplier, currency, (sum(o.amount) - coalesce((select balance_minor from ledger_accounts a
       where kind = 'supplier_debt' and owner_id = o.supplier_id and a.currency = o.currency), 0))::bigint as amount
     from (select supplier_id, currency, amount from app.owed('-infinity') union all select supplier_id, currency, amount_minor
       from supplier_reserves where released_at is not null and payout_id is null) o where supplier_id in (select id from suppliers where status = 'active') group by 1, 2`,
  );
  const payable = unpaid.filter(
    ({ currency, amount }) => !short.has(currency) && amount > 0 && amount <= (balances.get(currency) ?? 0),
  );
  return [
    ...rows.map(({ what }) => what),
    ...begun.map(({ id, state, problem }) => `payout ${id} is ${state}: ${problem}`),
    ...payable.map(({ supplier, currency, amount }) => `${supplier} was not paid ${amount} ${currency}`),
  ];
}

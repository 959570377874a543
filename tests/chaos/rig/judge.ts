import { z } from 'zod';
import { untilTaken } from './killer.ts';
import type { Scene } from './scene.ts';

/** A call as its sender knows it. */
export interface SentCall {
  readonly source: string;
  readonly externalId: string;
}

/** What the rig counts by paths of its own: ids, so that a history can be told of each. */
export interface Verdict {
  readonly stored: number;
  /** `source/external id` of calls that more than one row holds. */
  readonly storedTwice: readonly string[];
  /** `source/external id` of accepted calls that no row holds. */
  readonly lost: readonly string[];
  /** Ids of calls and of our invoices. */
  readonly billedTwice: readonly string[];
  /** Ids of our payouts, or of suppliers' accounts that got more than they earned. */
  readonly paidTwice: readonly string[];
  /** Attempts that were still written when a newer one of the same invoice or payout had been claimed. */
  readonly staleWrites: readonly string[];
  /** Journals, accounts and currencies that do not sum up. */
  readonly unbalanced: readonly string[];
  /** Transfers that no payout knows, and payouts whose transfer Stripe does not know. */
  readonly orphanTransfers: readonly string[];
  readonly transfers: number;
  /** Calls that are worth money. */
  readonly qualified: number;
}

const metadata = z.record(z.string(), z.string());
const page = <T>(item: z.ZodType<T>) => z.object({ data: z.array(item) });
const transferPage = page(
  z.object({
    id: z.string(),
    amount: z.int(),
    amount_reversed: z.int(),
    currency: z.string(),
    destination: z.string(),
    metadata,
  }),
);
const invoicePage = page(z.object({ id: z.string(), status: z.string(), total: z.int(), metadata }));
const paymentPage = page(
  z.object({ invoice: z.string(), payment: z.object({ payment_intent: z.string() }) }),
);
const chargePage = page(z.object({ payment_intent: z.string(), amount: z.int(), paid: z.boolean() }));

type Transfer = z.infer<typeof transferPage>['data'][number];

/** Reads database and simulator without a function or a client of the product. For quiet points. */
export async function judge(scene: Scene, accepted: readonly SentCall[]): Promise<Verdict> {
  const { sql } = scene;
  const ids = async (text: string) => (await sql<{ id: string }>(text)).map(({ id }) => id);
  const calls = await ids(`select source || '/' || external_id as id from calls`);
  const stored = new Set(calls);
  const transfers = (await readKind(scene, 'transfer', transferPage)).data;
  return {
    stored: stored.size,
    storedTwice: doubled(calls),
    lost: accepted
      .map(({ source, externalId }) => `${source}/${externalId}`)
      .filter((call) => !stored.has(call)),
    billedTwice: [...(await ids(BILLED_TWICE)), ...(await findDoubleInvoices(scene))],
    paidTwice: [...(await ids(PAID_TWICE)), ...(await findDoubleTransfers(scene, transfers))],
    staleWrites: await ids(STALE_WRITES),
    unbalanced: await ids(UNBALANCED),
    orphanTransfers: await findOrphans(scene, transfers),
    transfers: transfers.length,
    qualified: (await ids(`select call_id as id from earnings where state <> 'clawed_back'`)).length,
  };
}

async function readKind<T>({ house }: Scene, kind: string, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(await untilTaken(() => house.control('GET', `/_sim/state?kind=${kind}`)));
}

function doubled(keys: readonly string[]): string[] {
  const seen = new Set<string>();
  return [...new Set(keys.filter((key) => seen.size === seen.add(key).size))];
}

/** Invoices and top-ups of ours that Stripe asked money for twice, or charged for another amount than they are worth. */
async function findDoubleInvoices(scene: Scene): Promise<string[]> {
  const invoices = (await readKind(scene, 'invoice', invoicePage)).data.filter(({ status }) =>
    ['open', 'paid'].includes(status),
  );
  const payments = (await readKind(scene, 'invoice_payment', paymentPage)).data;
  const charges = (await readKind(scene, 'charge', chargePage)).data.filter(({ paid }) => paid);
  const ours = new Map(invoices.map(({ id, metadata: facts }) => [id, facts.callclear_invoice_id ?? id]));
  const charged = new Map<string, number[]>();
  for (const { payment_intent: intent, amount } of charges) {
    const invoice = payments.find(({ payment }) => payment.payment_intent === intent)?.invoice ?? intent;
    const key = ours.get(invoice) ?? invoice;
    charged.set(key, [...(charged.get(key) ?? []), amount]);
  }
  const worth = await scene.sql<{ id: string; worth: number }>(
    `select invoice_id::text as id, sum(price_minor)::bigint as worth from earnings where invoice_id is not null group by 1
     union all select payment_intent_id, amount_minor from topups where state = 'paid'`,
  );
  const worthOf = new Map(worth.map((row) => [row.id, row.worth]));
  const wrong = [...charged].filter(([id, amounts]) => amounts.length > 1 || amounts[0] !== worthOf.get(id));
  return [...doubled([...ours.values()]), ...wrong.map(([id]) => id)];
}

async function findDoubleTransfers({ sql }: Scene, transfers: readonly Transfer[]): Promise<string[]> {
  const paid = await sql<{ account: string; earned: number }>(
    `select s.stripe_account_id || ' ' || e.currency as account, sum(e.share_minor)::bigint as earned
     from earnings e join suppliers s on s.id = e.supplier_id where e.state = 'paid' group by 1`,
  );
  const earnedBy = new Map(paid.map(({ account, earned }) => [account, earned]));
  const sentTo = new Map<string, number>();
  for (const { destination, currency, amount, amount_reversed: reversed } of transfers) {
    const account = `${destination} ${currency}`;
    sentTo.set(account, (sentTo.get(account) ?? 0) + amount - reversed);
  }
  const standing = transfers.filter(({ amount_reversed: reversed }) => reversed === 0);
  return [
    ...doubled(standing.map(({ metadata: facts }) => facts.payout_id ?? '')),
    ...[...sentTo]
      .filter(([account, sent]) => sent > (earnedBy.get(account) ?? 0))
      .map(([account]) => account),
  ];
}

async function findOrphans({ sql }: Scene, transfers: readonly Transfer[]): Promise<string[]> {
  const sent = await sql<{ id: string; transfer: string; amount: number }>(
    `select id::text as id, transfer_id as transfer, amount_minor::bigint as amount from payouts where state = 'sent'`,
  );
  const key = (transfer: string, payout: string, amount: number) => `${transfer} ${payout} ${amount}`;
  const inBooks = new Set(sent.map(({ id, transfer, amount }) => key(transfer, id, amount)));
  const atStripe = new Set(transfers.map((one) => key(one.id, one.metadata.payout_id ?? '', one.amount)));
  return [...inBooks.symmetricDifference(atStripe)];
}

const BILLED_TWICE = `
  select c.source || '/' || c.external_id as id from earnings e join calls c on c.id = e.call_id where e.state <> 'clawed_back'
    group by 1 having count(*) > 1
  union select refs ->> 'callId' as id from journals where template = 'call' group by 1 having count(*) > 1
  union select i.id::text from invoices i where i.amount_minor <>
    (select coalesce(sum(price_minor), 0) from earnings e where e.invoice_id = i.id)`;

const PAID_TWICE = `
  select refs ->> 'payoutId' as id from journals where template = 'payout_send' group by 1 having count(*) > 1
  union select p.id::text from payouts p where p.state = 'sent' and p.amount_minor <>
    (select coalesce(sum(share_minor), 0) from earnings e where e.payout_id = p.id)`;

/**
 * By the transactions that wrote the rows last: the writers of one subject wait for each other before they get a number,
 * so an older attempt with a higher one was written by a run that had lost its claim.
 */
const STALE_WRITES = `
  select a.subject_id::text as id from attempts a join attempts b on b.subject_id = a.subject_id and b.id > a.id
  where a.xmin::text::bigint > b.xmin::text::bigint`;

const UNBALANCED = `
  select 'journal ' || journal_id as id from postings group by journal_id, currency having sum(amount_minor) <> 0
  union select 'journal ' || j.id from journals j where not exists (select from postings p where p.journal_id = j.id)
  union select 'currency ' || currency from postings group by currency having sum(amount_minor) <> 0
  union select 'account ' || a.id from ledger_accounts a where a.balance_minor <>
    (select coalesce(sum(amount_minor), 0) from postings p where p.account_id = a.id)`;

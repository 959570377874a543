import type { StripeBooks } from '../../src/audit/stripe-reader.ts';
import type { TestDatabase } from './database.ts';
import { adjustHandMade, leaveCallsDisputed, scoreHandMade, takeCallsBack } from './hand-made-calls.ts';
import { createStripeAnswers, type Frozen, type StripeAnswers } from './hand-made-stripe.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** 2026-03-02 00:00 UTC. */
const FIRST_DAY_MS = Date.UTC(2026, 2, 2);

const id = (group: number, number: number) =>
  `00000000-0000-4000-8000-${String(group).padStart(4, '0')}${String(number).padStart(8, '0')}`;
/** Suppliers 1 to 3 send calls in usd, 4 and 5 in eur, 6 to a buyer who is no customer at Stripe. */
export const supplierId = (number: number): string => id(1, number);
const buyerId = (number: number) => id(2, number);
const campaignId = (number: number) => id(3, number);
const numberOf = (supplier: number) => `+1555000000${supplier}`;
const campaignOf = (supplier: number) => (supplier <= 3 ? 1 : supplier <= 5 ? 2 : 3);

type Call = <T>(name: string, ...args: unknown[]) => Promise<T>;
interface Work {
  readonly job: string;
  readonly key: string;
  readonly generation: number;
  readonly payload: { readonly date?: string; readonly dueAtMs?: number };
}
type Claim = Record<string, unknown> & { kind: string; token: string; transfer: Frozen; invoice: Frozen };

/** What happens to a payout of a supplier on a date, where it is not simply sent. */
const FATES: Record<string, 'refused' | 'unknown' | 'withheld'> = {
  [`${supplierId(2)} 2026-03-04`]: 'refused',
  [`${supplierId(3)} 2026-03-04`]: 'withheld',
  [`${supplierId(4)} 2026-03-06`]: 'unknown',
};
const LAST_DATE = '2026-03-06';
const DECLINED_FROM = '2026-03-05';

export interface HandMadeBooks {
  readonly nowMs: number;
  readonly stripe: StripeBooks;
  readonly sent: readonly { source: string; externalId: string }[];
}

/**
 * Five nights of a small exchange, made by the SQL functions that the jobs call and by answers of Stripe written here.
 *
 * At the end there is one of everything: payouts sent, refused, withheld, unknown, approved and waiting; invoices paid
 * and available, paid and pending, refunded, disputed, open, given up, and planned for a buyer without a customer; calls of each state, disputed and taken back; a dead letter.
 */
export async function makeBooks(db: TestDatabase): Promise<HandMadeBooks> {
  const call: Call = async (name, ...args) => {
    const values = args.map((arg) => (typeof arg === 'object' ? JSON.stringify(arg) : arg));
    const places = args.map((_, index) => `$${index + 1}`).join(', ');
    const rows = await db.sql(`select public.${name}(${places}) as answer`, values);
    return rows[0]?.answer as never;
  };
  const stripe = createStripeAnswers();
  const sent: { source: string; externalId: string }[] = [];
  await db.sql('update settings set approval_limit_minor = 3000');
  await call('import_parties', parties(), 'tests', FIRST_DAY_MS);

  const counts = [
    [2, 1, 1, 1, 6, 1],
    [5, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1],
    [1, 1, 0, 1, 1, 0],
    [1, 1, 0, 1, 0, 0],
  ];
  for (const [day, perSupplier] of counts.entries()) {
    const dayMs = FIRST_DAY_MS + day * DAY_MS;
    if (day === 4) await takeCallsBack(db, call, dayMs);
    sent.push(...(await sendCalls(call, dayMs, perSupplier)));
    await drain(db, call, stripe, dayMs + 20 * HOUR_MS);
    const nightMs = dayMs + 33 * HOUR_MS + 300_000;
    await call('plan_closes', nightMs, nightMs);
    await drain(db, call, stripe, nightMs);
    if (day === 3) await approveOne(db, call, nightMs + 60_000);
    await drain(db, call, stripe, nightMs + 120_000);
  }

  // The sixth day has begun: some calls are scored, some are not, one webhook is dead.
  const lastDayMs = FIRST_DAY_MS + 5 * DAY_MS;
  sent.push(...(await sendCalls(call, lastDayMs, [4, 1])));
  await drain(db, call, stripe, lastDayMs + 20 * HOUR_MS);
  sent.push(...(await sendCalls(call, lastDayMs + HOUR_MS, [1])));
  const dead = {
    job: 'calls.ingest-call',
    key: 'hooks/dead',
    generation: 1,
    payload: {},
    trace: 'hooks/dead',
  };
  const facts = { dueAtMs: lastDayMs, code: 'BODY_MALFORMED', message: 'no report', attempts: 1 };
  await call('fail_work', { ...dead, ...facts }, lastDayMs);
  await leaveCallsDisputed(db, call, lastDayMs + 21 * HOUR_MS);
  return { nowMs: lastDayMs + 21 * HOUR_MS, stripe: stripe.books(), sent };
}

function parties() {
  const each = <T>(count: number, make: (number: number) => T) =>
    Array.from({ length: count }, (_, index) => make(index + 1));
  return {
    suppliers: each(6, (n) => ({ id: supplierId(n), name: `Supplier ${n}`, stripeAccountId: `acct_${n}` })),
    buyers: each(3, (n) => ({
      id: buyerId(n),
      name: `Buyer ${n}`,
      timezone: 'UTC',
      stripeCustomerId: n === 3 ? null : `cus_${n}`,
    })),
    campaigns: each(3, (n) => ({ id: campaignId(n), buyerId: buyerId(n), name: `Campaign ${n}` })),
    terms: [
      terms(1, 1, -1, { priceMinor: 1500, supplierShareBps: 7000 }),
      terms(2, 2, -1, { currency: 'eur', priceMinor: 999, supplierShareBps: 6666 }),
      terms(3, 3, -1, { priceMinor: 1500, supplierShareBps: 7000 }),
      // From the second day on the third campaign has a price per second and tiers, from the third day on one of revenue.
      terms(4, 3, 1, { priceMinor: 25, incrementS: 7, minimumS: 30, supplierShareTiers: TIERS }),
      terms(5, 3, 2, { revenueBps: 1111, supplierShareMinor: 500 }),
    ],
    trackingNumbers: each(6, (n) => ({
      number: numberOf(n),
      campaignId: campaignId(campaignOf(n)),
      supplierId: supplierId(n),
    })),
  };
}

const TIERS = [6000, 6543].map((bps, at) => ({ fromCall: at + 1, bps }));

function terms(number: number, campaign: number, day: number, rules: object) {
  const facts = {
    id: id(4, number),
    campaignId: campaignId(campaign),
    validFromMs: FIRST_DAY_MS + day * DAY_MS,
  };
  return { ...facts, currency: 'usd', minDurationS: 60, duplicateWindowS: 3600, ...rules };
}

/** Good calls for each supplier, one too short, one to an unknown number, and a repeated webhook. */
async function sendCalls(call: Call, dayMs: number, perSupplier: readonly number[]) {
  const events = perSupplier.flatMap((count, index) =>
    Array.from({ length: count }, (_, n) => event(dayMs, { number: numberOf(index + 1), n, durationS: 90 })),
  );
  events.push(event(dayMs, { number: numberOf(1), n: 90, durationS: 10 }));
  events.push(event(dayMs, { number: '+15559999999', n: 91, durationS: 90 }));
  const [first] = events;
  await call('ingest_calls', [...events, first], dayMs + 19 * HOUR_MS);
  return events.map(({ source, report: { externalId } }) => ({ source, externalId }));
}

function event(dayMs: number, { number, n, durationS }: { number: string; n: number; durationS: number }) {
  const externalId = `call-${dayMs / HOUR_MS}-${number}-${n}`;
  return {
    source: 'hooks',
    kind: 'call',
    eventId: externalId,
    receivedAtMs: dayMs,
    bodySealed: 'sealed',
    trace: `hooks/${externalId}`,
    report: {
      externalId,
      trackingNumber: number,
      callerNumber: `+1444${dayMs / HOUR_MS}${number.slice(-1)}${n}`,
      startedAtMs: dayMs + HOUR_MS + n * 60_000,
      durationS,
      answered: true,
      revenue: number === numberOf(6) ? { amountMinor: 12_345, currency: 'usd' } : undefined,
      factsAtMs: dayMs + 2 * HOUR_MS,
    },
  };
}

/** Does what is due until nothing new is. */
async function drain(db: TestDatabase, call: Call, stripe: StripeAnswers, nowMs: number): Promise<void> {
  for (;;) {
    const items = await call<Work[]>('take_due_work', nowMs, 0, 500);
    if (items.length === 0) return;
    for (const item of items) {
      if (!(await perform(db, call, stripe, item, nowMs))) continue;
      await call('finish_work', [{ ...item, result: 'done' }], nowMs);
    }
  }
}

/** False when the work is not done yet. */
async function perform(
  db: TestDatabase,
  call: Call,
  stripe: StripeAnswers,
  item: Work,
  nowMs: number,
): Promise<boolean> {
  const { date = '', dueAtMs = 0 } = item.payload;
  switch (item.job) {
    case 'fraud.score-call':
      await scoreHandMade(call, item.key, nowMs);
      return true;
    case 'fraud.adjust-call':
      await adjustHandMade(call, item.key, nowMs);
      return true;
    case 'billing.bill-buyer':
      await bill(call, stripe, item.key, nowMs);
      return true;
    case 'reconciliation.reconcile-money':
      await takeBack(call, stripe, date, nowMs);
      await call('reconcile_money', date, dueAtMs, nowMs, nowMs);
      return true;
    case 'payouts.plan-payouts':
      await call('plan_payouts', date, nowMs);
      return true;
    case 'payouts.pay-supplier':
      return pay(db, call, stripe, item.key, nowMs);
    case 'operations.report-close':
      await call('report_close', date);
      return true;
    case 'operations.audit-books':
      return true;
    default:
      await call('roll_up_day', date);
      return true;
  }
}

/**
 * On the last night Stripe tells of a refund of the first charge, whose calls are paid out, of a dispute of the last, and of
 * a transfer that came back, whose supplier somebody releases at once.
 */
async function takeBack(call: Call, stripe: StripeAnswers, date: string, nowMs: number): Promise<void> {
  const reversal = date === LAST_DATE ? stripe.reverse(300, nowMs) : null;
  if (date === LAST_DATE) {
    stripe.takeBack('refund', 0, 1_500, nowMs);
    stripe.takeBack('dispute', -1, 1_500, nowMs);
  }
  await call('store_movements', stripe.movementsForLedger(), nowMs);
  for (const { id, kind } of await call<{ id: string; kind: string }[]>('withdrawals_to_read')) {
    const fact = { id, kind, chargeId: stripe.chargeOf(id), status: 'needs_response' };
    await call('record_withdrawal', fact, date, nowMs);
  }
  if (reversal === null) return;
  await call('record_reversal', reversal, date, nowMs);
  for (let nth = 1; nth <= 6; nth += 1)
    await call('hold_supplier', supplierId(nth), false, 'ops', 'looked at', nowMs);
}

async function bill(call: Call, stripe: StripeAnswers, invoiceId: string, nowMs: number): Promise<void> {
  const claim = await call<Claim>('claim_invoice', invoiceId, nowMs);
  if (claim.kind !== 'claimed') return;
  const { invoice, token } = claim;
  const stripeInvoiceId = stripe.issue(invoice);
  await call('record_invoice_issued', invoiceId, token, stripeInvoiceId, nowMs);
  const state = collect(stripe, invoice, String(claim.collectOn), stripeInvoiceId, nowMs);
  await call('record_invoice_state', invoiceId, token, state, nowMs);
}

/** An invoice in eur is declined from a date on, and the one of that date is given up the night after. */
function collect(
  stripe: StripeAnswers,
  { currency }: Frozen,
  date: string,
  stripeInvoiceId: string,
  nowMs: number,
) {
  if (currency !== 'eur' || date < DECLINED_FROM) {
    return { status: 'paid', charges: [stripe.charge(stripeInvoiceId, nowMs)], problem: null };
  }
  const isGivenUp = date > DECLINED_FROM && stripe.isGivenUp(stripeInvoiceId);
  return { status: isGivenUp ? 'uncollectible' : 'open', charges: [], problem: 'card_declined' };
}

async function pay(db: TestDatabase, call: Call, stripe: StripeAnswers, payoutId: string, nowMs: number) {
  const [row] = await db.sql<{ fate: string; supplier_id: string }>(
    `select supplier_id || ' ' || to_char(business_date, 'YYYY-MM-DD') as fate, supplier_id from payouts where id = $1`,
    [payoutId],
  );
  const fate = FATES[row?.fate ?? ''];
  const hold = (status: string) =>
    db.sql('update suppliers set status = $1 where id = $2', [status, row?.supplier_id]);
  if (fate === 'withheld') await hold('held');
  const claim = await call<Claim>('claim_payout', payoutId, nowMs);
  if (fate === 'withheld') await hold('active');
  if (claim.kind !== 'claimed') return true;
  await call('note_payout_send', payoutId, claim.token, nowMs);
  const settle = (result: object) => call('settle_payout', payoutId, claim.token, result, nowMs);
  if (fate === 'refused') await settle({ kind: 'refused', reason: 'account_invalid' });
  else if (fate === 'unknown') await settle({ kind: 'unknown', reason: 'no answer' });
  else await settle({ kind: 'sent', ...stripe.transfer(claim.transfer, nowMs) });
  return fate !== 'unknown';
}

async function approveOne(db: TestDatabase, call: Call, nowMs: number): Promise<void> {
  const [payout] = await db.sql<{ id: string }>(
    `select id from payouts where state = 'waiting_approval' and supplier_id = $1`,
    [supplierId(1)],
  );
  await call('approve_payout', payout?.id, 'a second person', 'looked at', nowMs);
}

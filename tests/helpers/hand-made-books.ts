import type { StripeBooks } from '../../src/audit/stripe-reader.ts';
import { pipelines } from '../../src/jobs/pipelines.ts';
import { joinColumns, toColumns } from '../../src/movement-columns.ts';
import type { TestDatabase } from './database.ts';
import { payPlatformOut, resolveBreaks } from './hand-made-bank.ts';
import {
  adjustHandMade,
  creditOpenCalls,
  leaveCallsDisputed,
  scoreHandMade,
  takeCallsBack,
} from './hand-made-calls.ts';
import { DAY_MS, FIRST_DAY_MS, HOUR_MS, numberOf, parties, supplierId } from './hand-made-parties.ts';
import { createStripeAnswers, type Frozen, type StripeAnswers, type Topup } from './hand-made-stripe.ts';

type Call = <T>(name: string, ...args: unknown[]) => Promise<T>;
interface Work {
  readonly job: string;
  readonly key: string;
  readonly generation: number;
  readonly payload: { readonly date?: string; readonly dueAtMs?: number };
}
type Claim = Record<string, unknown> & {
  kind: string;
  token: string;
  transfer: Frozen;
  invoice: Frozen;
  topup: Topup;
  creditNotes: { creditNoteId: string; amountMinor: number }[];
};

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
 * At the end there is one of everything: payouts sent, refused, withheld, unknown, approved and waiting; invoices (in eur with tax) paid
 * and available, paid and pending, refunded, disputed, open with a credit note, given up, and planned for a buyer without a customer; a wallet with calls that are
 * paid out and others that are not; a break that people resolved; payouts to the platform's bank; charges that settled in another currency; calls of each state, disputed and taken back; a dead letter.
 */
export async function makeBooks(db: TestDatabase): Promise<HandMadeBooks> {
  const call: Call = async (name, ...args) => {
    const values = args.map((arg) => (typeof arg === 'object' && arg !== null ? JSON.stringify(arg) : arg));
    const places = args.map((_, index) => `$${index + 1}`).join(', ');
    const rows = await db.sql(`select public.${name}(${places}) as answer`, values);
    return rows[0]?.answer as never;
  };
  const stripe = createStripeAnswers();
  const sent: { source: string; externalId: string }[] = [];
  await db.sql("update settings set approval_limit_minor = 3000, payout_destinations = '{ba_platform}'");
  await call('ensure_pipelines', pipelines);
  await call('import_parties', parties(), 'tests', FIRST_DAY_MS);

  const counts = [
    [2, 1, 1, 1, 6, 1, 2, 2],
    [5, 1, 1, 1, 1, 1, 1, 0],
    [1, 1, 1, 1, 1, 1, 1],
    [1, 1, 0, 1, 1, 0, 1, 1],
    [1, 1, 0, 3, 0, 0],
  ];
  for (const [day, perSupplier] of counts.entries()) {
    const dayMs = FIRST_DAY_MS + day * DAY_MS;
    if (day === 4) await takeCallsBack(db, call, dayMs);
    sent.push(...(await sendCalls(call, dayMs, perSupplier)));
    await drain(db, call, stripe, dayMs + 20 * HOUR_MS);
    const nightMs = dayMs + 33 * HOUR_MS + 300_000;
    await call('plan_runs', nightMs, nightMs);
    await drain(db, call, stripe, nightMs);
    if (day === 3) await approveOne(db, call, nightMs + 60_000);
    await drain(db, call, stripe, nightMs + 120_000);
  }

  // The sixth day has begun: some calls are scored, some are not, one webhook is dead.
  const lastDayMs = FIRST_DAY_MS + 5 * DAY_MS;
  sent.push(...(await sendCalls(call, lastDayMs, [4, 1, 0, 0, 0, 0, 1])));
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
  await call('fail_work', { ...dead, ...facts, tries: [], payloadVersion: 1 }, lastDayMs);
  const endsMs = lastDayMs + 21 * HOUR_MS;
  await resolveBreaks(call, endsMs);
  await payPlatformOut(call, stripe, endsMs);
  await leaveCallsDisputed(db, call, endsMs);
  await creditOpenCalls(db, call, endsMs, (invoiceId) => bill(call, stripe, invoiceId, endsMs));
  return { nowMs: endsMs, stripe: stripe.books(), sent };
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
    case 'billing.recharge-wallet':
      await topUp(call, stripe, item.key, nowMs);
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
 * On the last night Stripe tells of a refund of the first charge, whose calls are paid out, of a dispute of the last, of both of
 * charges in gbp, whose money is in aud, and of a transfer that came back, whose supplier somebody releases at once.
 */
async function takeBack(call: Call, stripe: StripeAnswers, date: string, nowMs: number): Promise<void> {
  const reversal = date === LAST_DATE ? stripe.reverse(300, nowMs) : null;
  if (date === LAST_DATE) {
    stripe.bring(4_000, 'aud', nowMs - HOUR_MS);
    for (const price of [
      { currency: 'usd', amountMinor: 1_500 },
      { currency: 'gbp', amountMinor: 1_100 },
    ]) {
      stripe.takeBack('refund', { which: 0, ...price }, nowMs);
      stripe.takeBack('dispute', { which: -1, ...price }, nowMs);
    }
  }
  const listing = await call<{ id: number }>('open_listing', nowMs);
  const columns = joinColumns([toColumns(stripe.movementsForLedger())]);
  await call('store_pages', listing.id, null, columns, null, nowMs);
  for (const { id, kind } of await call<{ id: string; kind: string }[]>('withdrawals_to_read')) {
    const fact = { id, kind, ...stripe.factOf(id), status: 'needs_response' };
    await call('record_withdrawal', fact, date, nowMs);
  }
  if (reversal === null) return;
  await call('record_reversal', reversal, date, nowMs);
  for (let nth = 1; nth <= 7; nth += 1)
    await call('hold_supplier', supplierId(nth), false, 'ops', 'looked at', nowMs);
}

async function bill(call: Call, stripe: StripeAnswers, invoiceId: string, nowMs: number): Promise<void> {
  const claim = await call<Claim>('claim_invoice', invoiceId, nowMs);
  if (claim.kind !== 'claimed') return;
  const { invoice, token } = claim;
  const stripeInvoiceId = stripe.issue(invoice);
  await call(
    'record_invoice_issued',
    invoiceId,
    token,
    stripeInvoiceId,
    stripe.taxOf(stripeInvoiceId),
    nowMs,
  );
  for (const { creditNoteId, amountMinor } of claim.creditNotes) {
    const end = stripe.credit(stripeInvoiceId, amountMinor);
    await call('record_credit_note', creditNoteId, token, end, nowMs);
  }
  const state = collect(stripe, invoice, String(claim.collectOn), stripeInvoiceId, nowMs);
  await call('record_invoice_state', invoiceId, token, state, nowMs);
}

async function topUp(call: Call, stripe: StripeAnswers, topupId: string, nowMs: number): Promise<void> {
  const claim = await call<Claim>('claim_topup', topupId, nowMs);
  if (claim.kind !== 'claimed') return;
  await call('note_topup_intent', topupId, claim.token, `pi_${topupId}`);
  const charge = stripe.topUp(claim.topup, nowMs);
  await call('record_topup', topupId, claim.token, { status: 'paid', charge, problem: null }, nowMs);
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

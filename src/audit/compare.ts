import { type CashRow, findResolved, type InFlight, isCharge, type LedgerSide } from './ledger-side.ts';
import { type StripeBooks, type StripeMovement, type StripeTransfer, sumMovements } from './stripe-reader.ts';
import { findChargesUnderWay, findWithdrawalsUnderWay } from './under-way.ts';

/** One promise, whether it holds, and the ids that break it (at most 20 of `count`). */
export interface AuditCheck {
  readonly check: string;
  readonly invariant: string | null;
  readonly ok: boolean;
  readonly count: number;
  readonly offenders: readonly string[];
}

export function auditCheck(
  check: string,
  invariant: string | null,
  offenders: readonly string[],
): AuditCheck {
  return {
    check,
    invariant,
    ok: offenders.length === 0,
    count: offenders.length,
    offenders: offenders.slice(0, 20),
  };
}

interface Sides {
  readonly stripe: StripeBooks;
  readonly ledger: LedgerSide;
  readonly inFlight: InFlight;
}

/**
 * Joins what stands at Stripe with what stands in the ledger. What is in flight is left out where the two may differ
 * for a moment, and listed; everything else is compared to the last unit.
 */
export function compareWithStripe(sides: Sides): AuditCheck[] {
  const { payouts, invoices } = sides.inFlight;
  const listed = auditCheck('listed: in flight while Stripe was read', null, [...payouts, ...invoices]);
  return [
    ...compareTransfers(sides),
    ...compareInvoices(sides),
    ...compareCash(sides),
    { ...listed, ok: true },
  ];
}

function payoutOf({ metadata, transfer_group: group }: StripeTransfer): string | null {
  const prefix = 'payout-';
  return metadata?.payout_id ?? (group?.startsWith(prefix) ? group.slice(prefix.length) : null);
}

function compareTransfers({ stripe, ledger, inFlight }: Sides): AuditCheck[] {
  const sends = ledger.cash.filter(({ template }) => template === 'payout_send');
  const sendsByTransfer = Map.groupBy(sends, ({ stripeId }) => stripeId);
  const transfersById = new Map(stripe.transfers.map((transfer) => [transfer.id, transfer]));
  const payouts = new Map(ledger.payouts.map((payout) => [payout.id, payout]));
  const isInFlight = (payoutId: string | null) => payoutId !== null && inFlight.payouts.has(payoutId);
  const standing = stripe.transfers.filter(({ reversed }) => !reversed);
  const resolved = findResolved(ledger);
  const resolvedSources = new Set(
    stripe.movements.filter(({ id }) => resolved.has(id)).map(({ source }) => source),
  );

  const unbooked = stripe.transfers.filter((transfer) => {
    const payoutId = payoutOf(transfer);
    // Of another system, and accounted for; one that names a payout never is.
    if (payoutId === null && resolvedSources.has(transfer.id)) return false;
    const booked = sendsByTransfer.get(transfer.id) ?? [];
    return (booked.length !== 1 || booked[0]?.subjectId !== payoutId) && !isInFlight(payoutId);
  });
  const unsent = sends.filter(
    ({ stripeId, subjectId }) => !transfersById.has(stripeId ?? '') && !isInFlight(subjectId),
  );
  const differing = stripe.transfers.filter((transfer) => {
    const payout = payouts.get(payoutOf(transfer) ?? '');
    if (payout === undefined) return false;
    const { amount, currency, destination } = transfer;
    return (
      amount !== payout.amountMinor || currency !== payout.currency || destination !== payout.destination
    );
  });
  return [
    auditCheck('every transfer at Stripe is booked once, under its payout', 'INV-2', ids(unbooked)),
    auditCheck(
      'every payout that is booked as sent is one transfer at Stripe',
      'INV-2',
      unsent.map(({ journalId }) => journalId),
    ),
    auditCheck(
      'no payout has two transfers that stand',
      'INV-3',
      repeated(standing.map(payoutOf).filter((id) => id !== null)),
    ),
    auditCheck('a transfer is the payout that was frozen', 'INV-15', ids(differing)),
    auditCheck('no supplier was sent more than has cleared', 'INV-9', findOverpaid(stripe, ledger)),
  ];
}

function findOverpaid({ transfers }: StripeBooks, { payouts, cleared }: LedgerSide): string[] {
  const suppliers = new Map(payouts.map(({ id, supplierId }) => [id, supplierId]));
  const left = new Map(
    cleared.map(({ supplierId, currency, amountMinor }) => [`${supplierId} ${currency}`, amountMinor]),
  );
  for (const transfer of transfers) {
    const supplierId = suppliers.get(payoutOf(transfer) ?? '');
    if (supplierId === undefined) continue;
    const key = `${supplierId} ${transfer.currency}`;
    left.set(key, (left.get(key) ?? 0) - transfer.amount + transfer.amount_reversed);
  }
  return [...left].filter(([, amountMinor]) => amountMinor < 0).map(([key]) => key);
}

const ISSUED: readonly (string | null)[] = ['open', 'paid', 'uncollectible', 'void'];

function compareInvoices({ stripe, ledger, inFlight }: Sides): AuditCheck[] {
  const ours = new Map(ledger.invoices.map((invoice) => [invoice.id, invoice]));
  // A draft asks nobody for money; one that a killed run left behind is no fault of the books.
  const issued = stripe.invoices.flatMap((invoice) => {
    const invoiceId = invoice.metadata?.callclear_invoice_id;
    return invoiceId !== undefined && ISSUED.includes(invoice.status) ? [{ ...invoice, invoiceId }] : [];
  });
  const differing = issued.filter(({ id, invoiceId, currency, total, total_excluding_tax: net }) => {
    const invoice = ours.get(invoiceId);
    if (invoice === undefined || invoice.currency !== currency) return true;
    if (invoice.amountMinor !== (net ?? total)) return true;
    return invoice.stripeInvoiceId !== id && !inFlight.invoices.has(invoiceId);
  });
  const byStripeId = new Map(issued.map((invoice) => [invoice.id, invoice]));
  const missing = ledger.invoices.filter(
    ({ id, stripeInvoiceId }) =>
      stripeInvoiceId !== null && !byStripeId.has(stripeInvoiceId) && !inFlight.invoices.has(id),
  );
  const otherwise = ledger.invoices.filter(({ id, stripeInvoiceId, state, creditedMinor }) => {
    const there = byStripeId.get(stripeInvoiceId ?? '');
    if (there === undefined || inFlight.invoices.has(id)) return false;
    return there.status !== state || there.pre_payment_credit_notes_amount !== creditedMinor;
  });
  const taxed = ledger.invoices.filter(({ id, stripeInvoiceId, taxMinor }) => {
    const there = byStripeId.get(stripeInvoiceId ?? '');
    if (there === undefined || inFlight.invoices.has(id)) return false;
    return there.total - (there.total_excluding_tax ?? there.total) !== taxMinor;
  });
  return [
    auditCheck(
      'no invoice of ours was issued twice at Stripe',
      'INV-16',
      repeated(issued.filter(({ status }) => status !== 'void').map(({ invoiceId }) => invoiceId)),
    ),
    auditCheck('an invoice at Stripe is the one that was frozen', 'INV-16', [
      ...ids(differing),
      ...ids(missing),
    ]),
    auditCheck('an invoice is here what it is at Stripe', 'INV-18', ids(otherwise)),
    auditCheck('the tax of an invoice is what Stripe computed', 'INV-7', ids(taxed)),
  ];
}

/** The tax of each invoice of ours at Stripe, by our id. */
function taxesOf({ invoices }: StripeBooks): Map<string, number> {
  const issued = invoices.filter(({ status }) => status !== 'draft');
  return new Map(
    issued.map(({ metadata, total, total_excluding_tax: net }) => [
      metadata?.callclear_invoice_id ?? '',
      total - (net ?? total),
    ]),
  );
}

function compareCash({ stripe, ledger, inFlight }: Sides): AuditCheck[] {
  const charges = ledger.cash.filter(isCharge);
  const chargeRows = new Map(charges.map((row) => [row.stripeId, row]));
  const resolved = findResolved(ledger);
  const unresolved = stripe.movements.filter(({ id }) => !resolved.has(id));
  const underWay = new Set([
    ...findChargesUnderWay(unresolved, chargeRows, { ledger, inFlight, taxes: taxesOf(stripe) }),
    ...findWithdrawalsUnderWay(stripe.movements, ledger),
  ]);
  const chargeMovements = unresolved.filter(
    ({ reporting_category, id }) => reporting_category === 'charge' && !underWay.has(id),
  );
  const sources = new Set(chargeMovements.map(({ source }) => source));
  const rowsBySource = Map.groupBy(charges, ({ stripeId }) => stripeId);
  const unbooked = chargeMovements.filter((movement) => {
    const rows = rowsBySource.get(movement.source) ?? [];
    return rows.length !== 1 || rows.some((row) => !isSameCharge(row, movement));
  });
  const unknown = charges.filter(
    ({ stripeId, subjectId }) => !sources.has(stripeId) && !inFlight.invoices.has(subjectId ?? ''),
  );

  const payoutOfTransfer = new Map(stripe.transfers.map((transfer) => [transfer.id, payoutOf(transfer)]));
  const movements = stripe.movements.filter(
    ({ id, source }) => !underWay.has(id) && !inFlight.payouts.has(payoutOfTransfer.get(source ?? '') ?? ''),
  );
  const cash = ledger.cash.filter((row) => {
    if (row.template === 'payout_send') return !inFlight.payouts.has(row.subjectId ?? '');
    return !isCharge(row) || sources.has(row.stripeId) || !inFlight.invoices.has(row.subjectId ?? '');
  });
  return [
    auditCheck('every charge is booked once, with its fee', 'INV-7', [
      ...ids(unbooked),
      ...unknown.map(({ journalId }) => journalId),
    ]),
    auditCheck('the cash at Stripe is the cash of the books', 'INV-24', compareTotals(movements, cash)),
    auditCheck(
      'what is available at Stripe is available in the books',
      'INV-24',
      compareAvailable(movements, cash, ledger),
    ),
    auditCheck(
      "Stripe's balance is the sum of its movements",
      'INV-24',
      differences(stripe.totals, sumMovements(stripe.movements)),
    ),
    auditCheck(
      'no customer has a balance at Stripe',
      'INV-24',
      stripe.customers.filter(({ balance }) => balance !== 0).map(({ id, balance }) => `${id} ${balance}`),
    ),
  ];
}

function isSameCharge(row: CashRow, movement: StripeMovement): boolean {
  return (
    row.movementId === movement.id &&
    row.currency === movement.currency &&
    row.feeMinor === movement.fee &&
    row.pendingMinor === movement.net
  );
}

function compareTotals(movements: readonly StripeMovement[], cash: readonly CashRow[]): string[] {
  const total = new Map<string, number>();
  for (const { currency, pendingMinor, availableMinor } of cash) {
    total.set(currency, (total.get(currency) ?? 0) + pendingMinor + availableMinor);
  }
  return differences(sumMovements(movements), total);
}

/**
 * The ledger moves money from pending to available only when a close compares the cash, so Stripe's side is what was
 * available at the instant that the last comparison stands for, of the charges that were booked by then.
 */
function compareAvailable(
  movements: readonly StripeMovement[],
  cash: readonly CashRow[],
  ledger: LedgerSide,
): string[] {
  const last = new Map(ledger.compared.map((run) => [run.currency, run]));
  const postedAtMs = new Map(cash.filter(isCharge).map((row) => [row.stripeId, row.postedAtMs]));
  const resolved = findResolved(ledger);
  const isAvailable = ({
    id,
    source,
    currency,
    reporting_category,
    available_on,
  }: StripeMovement): boolean => {
    if (reporting_category !== 'charge' || resolved.has(id)) return true;
    const run = last.get(currency);
    const posted = postedAtMs.get(source);
    if (run === undefined || posted === undefined) return false;
    return available_on * 1_000 <= run.asOfMs && posted <= run.finishedAtMs;
  };
  const available = new Map<string, number>();
  for (const { currency, template, availableMinor, postedAtMs: atMs } of cash) {
    // A close clears some charges at a time, before its comparison: until that has finished it stands for none of them.
    if (template === 'available' && atMs > (last.get(currency)?.finishedAtMs ?? Number.NEGATIVE_INFINITY))
      continue;
    available.set(currency, (available.get(currency) ?? 0) + availableMinor);
  }
  return differences(sumMovements(movements.filter(isAvailable)), available);
}

function differences(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): string[] {
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((currency) => {
    const difference = (left.get(currency) ?? 0) - (right.get(currency) ?? 0);
    return difference === 0 ? [] : [`${currency} ${difference}`];
  });
}

function repeated(values: readonly string[]): string[] {
  return [...Map.groupBy(values, (value) => value)]
    .filter(([, same]) => same.length > 1)
    .map(([value]) => value);
}

function ids(rows: readonly { readonly id: string }[]): string[] {
  return rows.map(({ id }) => id);
}

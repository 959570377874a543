import type { CashRow, InFlight, LedgerSide } from './ledger-side.ts';
import type { StripeMovement } from './stripe-reader.ts';

/**
 * Charges that no journal names yet and that may belong to an invoice in flight. A movement does not say which invoice
 * it pays, so each such invoice accounts for charges up to what is left of its amount: each charge, the largest first, is
 * taken for that of the invoice with the least left that is enough. One that settled in another currency than was paid is
 * compared by Stripe's rate with what is left: that decides what is left out, and no amount. `taxes` are those at Stripe, by our
 * id of the invoice: it may not be booked as issued yet.
 */
export function findChargesUnderWay(
  movements: readonly StripeMovement[],
  booked: ReadonlyMap<string | null, CashRow>,
  {
    ledger,
    inFlight,
    taxes,
  }: {
    readonly ledger: LedgerSide;
    readonly inFlight: InFlight;
    readonly taxes: ReadonlyMap<string, number>;
  },
): Set<string> {
  const left = new Map(
    ledger.invoices.map(({ id, amountMinor }) => [id, amountMinor + (taxes.get(id) ?? 0)]),
  );
  const rates = new Map(movements.map(({ id, exchange_rate: rate }) => [id, rate ?? null]));
  for (const { subjectId, movementId, pendingMinor, feeMinor } of booked.values()) {
    const paid = (pendingMinor + feeMinor) / (rates.get(movementId ?? '') ?? 1);
    left.set(subjectId ?? '', (left.get(subjectId ?? '') ?? 0) - paid);
  }
  const open = ledger.invoices.filter(({ id }) => inFlight.invoices.has(id));
  const found = new Set<string>();
  const leftOf = ({ id }: { id: string }) => left.get(id) ?? 0;
  // Stripe rounds what it exchanges to a unit.
  const fits = (
    one: { id: string; currency: string },
    { amount, currency, exchange_rate }: StripeMovement,
  ) =>
    exchange_rate == null
      ? one.currency === currency && leftOf(one) >= amount
      : one.currency !== currency && leftOf(one) * exchange_rate + 1 >= amount;
  const unbooked = movements.filter(
    ({ source, reporting_category }) => reporting_category === 'charge' && !booked.has(source),
  );
  for (const movement of unbooked.toSorted((a, b) => b.amount - a.amount)) {
    const [invoice] = open.filter((one) => fits(one, movement)).toSorted((a, b) => leftOf(a) - leftOf(b));
    if (invoice === undefined) continue;
    left.set(invoice.id, leftOf(invoice) - movement.amount / (movement.exchange_rate ?? 1));
    found.add(movement.id);
  }
  return found;
}

const TAKEN_BACK = [
  'refund',
  'dispute',
  'dispute_reversal',
  'transfer_reversal',
  'payout',
  'payout_reversal',
];
/** What moved so shortly before a comparison ended may have missed its listing. */
const LISTING_MS = 10 * 60_000;

/** Refunds, disputes, reversals and payouts of the platform that no comparison has seen yet: they are booked by the next. */
export function findWithdrawalsUnderWay(
  movements: readonly StripeMovement[],
  { cash, compared }: LedgerSide,
): string[] {
  const booked = new Set(cash.map(({ movementId }) => movementId));
  const seenMs = new Map(compared.map(({ currency, finishedAtMs }) => [currency, finishedAtMs - LISTING_MS]));
  return movements
    .filter(
      ({ id, reporting_category: category, currency, created }) =>
        TAKEN_BACK.includes(category) &&
        !booked.has(id) &&
        created * 1_000 >= (seenMs.get(currency) ?? Number.NEGATIVE_INFINITY),
    )
    .map(({ id }) => id);
}

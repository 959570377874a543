import { z } from 'zod';

const minorUnits = z.int();
const instantMs = z.int();

/** The ledger's side of the comparison with Stripe, as `audit_money` answers it: rows as arrays, to be small. */
export const ledgerSideSchema = z.object({
  cash: z.array(
    z
      .tuple([
        z.string(),
        z.string(),
        z.string(),
        minorUnits,
        minorUnits,
        minorUnits,
        z.string().nullable(),
        z.string().nullable(),
        z.string().nullable(),
        instantMs,
      ])
      .transform(
        ([
          journalId,
          template,
          currency,
          pendingMinor,
          availableMinor,
          feeMinor,
          subjectId,
          stripeId,
          movementId,
          postedAtMs,
        ]) => ({
          journalId,
          template,
          currency,
          pendingMinor,
          availableMinor,
          feeMinor,
          /** Of the invoice or the payout. */
          subjectId,
          /** Of the charge or the transfer. */
          stripeId,
          movementId,
          postedAtMs,
        }),
      ),
  ),
  payouts: z.array(
    z
      .tuple([z.string(), z.string(), z.string(), minorUnits, z.string(), z.string()])
      .transform(([id, supplierId, currency, amountMinor, destination, state]) => ({
        id,
        supplierId,
        currency,
        amountMinor,
        destination,
        state,
      })),
  ),
  invoices: z.array(
    z
      .tuple([
        z.string(),
        z.string(),
        minorUnits,
        z.string(),
        z.string().nullable(),
        z.boolean(),
        minorUnits,
        minorUnits,
      ])
      .transform(([id, currency, amountMinor, state, stripeInvoiceId, isDue, creditedMinor, taxMinor]) => ({
        id,
        currency,
        amountMinor,
        state,
        stripeInvoiceId,
        /** Its work is not done: what it did at Stripe may not be recorded yet. */
        isDue,
        /** What its credit notes took off it, with tax. */
        creditedMinor,
        /** On top of its amount. */
        taxMinor,
      })),
  ),
  cleared: z.array(
    z
      .tuple([z.string(), z.string(), minorUnits])
      .transform(([supplierId, currency, amountMinor]) => ({ supplierId, currency, amountMinor })),
  ),
  compared: z.array(
    z
      .tuple([z.string(), instantMs, instantMs])
      .transform(([currency, asOfMs, finishedAtMs]) => ({ currency, asOfMs, finishedAtMs })),
  ),
});

export type LedgerSide = z.output<typeof ledgerSideSchema>;
export type CashRow = LedgerSide['cash'][number];

/** Whether a row is what a charge brought: of one that settled in another currency than was paid, the half that is cash. */
export const isCharge = ({ template }: CashRow): boolean =>
  template === 'charge' || template === 'charge_settled';

/** Ids of movements that a person accounted for, and that are booked against suspense: they are of no charge or payout of ours. */
export function findResolved({ cash }: LedgerSide): ReadonlySet<string | null> {
  const back = new Set(
    cash.filter(({ template }) => template === 'break_resolved_reversed').map(({ movementId }) => movementId),
  );
  const resolved = cash.filter(
    ({ template, movementId }) => template === 'break_resolved' && !back.has(movementId),
  );
  return new Set(resolved.map(({ movementId }) => movementId));
}

/** Ids of payouts and invoices of which Stripe may know more, or less, than the ledger. */
export interface InFlight {
  readonly payouts: ReadonlySet<string>;
  readonly invoices: ReadonlySet<string>;
}

/**
 * What was under way while Stripe was read, from the ledger before and after it: still open in either reading, or
 * settled between them.
 */
export function findInFlight(before: LedgerSide, after: LedgerSide): InFlight {
  const payoutsOpen = (side: LedgerSide) =>
    side.payouts.filter(({ state }) => state === 'sending' || state === 'unknown').map(({ id }) => id);
  const invoicesOpen = (side: LedgerSide) =>
    side.invoices
      .filter(({ state, isDue }) => isDue && state !== 'paid' && state !== 'void')
      .map(({ id }) => id);
  const changed = <Row extends { id: string; state: string }>(
    left: readonly Row[],
    right: readonly Row[],
  ) => {
    const states = new Map(left.map(({ id, state }) => [id, state]));
    return right.filter(({ id, state }) => states.get(id) !== state).map(({ id }) => id);
  };
  return {
    payouts: new Set([
      ...payoutsOpen(before),
      ...payoutsOpen(after),
      ...changed(before.payouts, after.payouts),
    ]),
    invoices: new Set([
      ...invoicesOpen(before),
      ...invoicesOpen(after),
      ...changed(before.invoices, after.invoices),
    ]),
  };
}

import type {
  StripeBooks,
  StripeInvoice,
  StripeMovement,
  StripeTransfer,
} from '../../src/audit/stripe-reader.ts';

const DAY_MS = 86_400_000;

/** What the books freeze before Stripe is asked: an invoice or a transfer. */
export interface Frozen {
  readonly payoutId: string;
  readonly invoiceId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly destination: string;
}

export type StripeAnswers = ReturnType<typeof createStripeAnswers>;

/** What Stripe would have answered, kept as the audit reads it. */
export function createStripeAnswers() {
  const transfers: StripeTransfer[] = [];
  const invoices: StripeInvoice[] = [];
  const movements: StripeMovement[] = [];
  /** The charge of each refund and dispute. */
  const withdrawals = new Map<string, string>();
  function move(category: string, source: string, amount: number, currency: string, nowMs: number) {
    const isCharge = category === 'charge';
    const fee = isCharge ? Math.floor((amount * 29) / 1_000) + 30 : 0;
    const created = Math.floor(nowMs / 1_000);
    const available_on = isCharge ? Math.floor(nowMs / DAY_MS + 2) * (DAY_MS / 1_000) : created;
    const facts = { amount, fee, net: amount - fee, currency, source, created, available_on };
    const movement = { id: `txn_${movements.length + 1}`, reporting_category: category, ...facts };
    movements.push(movement);
    return movement;
  }
  return {
    issue({ invoiceId, amountMinor, currency }: Frozen): string {
      const known = invoices.find(({ metadata }) => metadata?.callclear_invoice_id === invoiceId);
      if (known !== undefined) return known.id;
      const metadata = { callclear_invoice_id: invoiceId };
      const made = {
        id: `in_${invoices.length + 1}`,
        status: 'open',
        currency,
        total: amountMinor,
        metadata,
      };
      invoices.push(made);
      return made.id;
    },
    /** The first that is asked about is given up, and no other. */
    isGivenUp(stripeInvoiceId: string): boolean {
      const invoice =
        invoices.find(({ status }) => status === 'uncollectible') ??
        invoices.find(({ id }) => id === stripeInvoiceId);
      if (invoice?.id === stripeInvoiceId) invoice.status = 'uncollectible';
      return invoice?.id === stripeInvoiceId;
    },
    charge(stripeInvoiceId: string, nowMs: number) {
      const invoice = invoices.find((one) => one.id === stripeInvoiceId);
      if (invoice === undefined) throw new Error('no such invoice');
      invoice.status = 'paid';
      const chargeId = `ch_${stripeInvoiceId}`;
      const {
        id: balanceTransactionId,
        fee,
        net,
        ...movement
      } = move('charge', chargeId, invoice.total, invoice.currency, nowMs);
      return {
        chargeId,
        balanceTransactionId,
        grossMinor: invoice.total,
        feeMinor: fee,
        netMinor: net,
        currency: invoice.currency,
        availableOnMs: movement.available_on * 1_000,
      };
    },
    /** A refund or a dispute of the first or the last charge in usd; of a part of it. */
    takeBack(kind: 'refund' | 'dispute', which: 0 | -1, amountMinor: number, nowMs: number) {
      const charge = movements
        .filter(({ reporting_category, currency }) => reporting_category === 'charge' && currency === 'usd')
        .at(which);
      withdrawals.set(`${kind}_1`, charge?.source ?? '');
      move(kind, `${kind}_1`, -amountMinor, 'usd', nowMs);
    },
    /** A part of the first transfer that is in usd comes back; answers what Stripe says of it. */
    reverse(amountMinor: number, nowMs: number) {
      const transfer = transfers.find(({ currency }) => currency === 'usd');
      if (transfer === undefined) throw new Error('there is no transfer');
      Object.assign(transfer, { amount_reversed: amountMinor });
      const movement = move('transfer_reversal', 'trr_1', amountMinor, 'usd', nowMs);
      return { id: 'trr_1', movementId: movement.id, transferId: transfer.id };
    },
    chargeOf: (withdrawalId: string) => withdrawals.get(withdrawalId),
    transfer({ payoutId, amountMinor, currency, destination }: Frozen, nowMs: number) {
      const transferId = `tr_${transfers.length + 1}`;
      const { id: balanceTransactionId } = move('transfer', transferId, -amountMinor, currency, nowMs);
      const group = { transfer_group: `payout-${payoutId}`, metadata: { payout_id: payoutId } };
      const facts = { amount: amountMinor, amount_reversed: 0, reversed: false, currency, destination };
      transfers.push({ id: transferId, ...facts, ...group });
      return { transferId, balanceTransactionId, amountMinor, currency, destination };
    },
    movementsForLedger: () =>
      movements.map((movement) => ({
        id: movement.id,
        sourceId: movement.source,
        reportingCategory: movement.reporting_category,
        amountMinor: movement.amount,
        feeMinor: movement.fee,
        netMinor: movement.net,
        currency: movement.currency,
        availableOnMs: movement.available_on * 1_000,
        createdMs: movement.created * 1_000,
      })),
    books(): StripeBooks {
      const totals = new Map<string, number>();
      for (const { currency, net } of movements) totals.set(currency, (totals.get(currency) ?? 0) + net);
      return { transfers, invoices, movements, customers: [], totals };
    },
  };
}

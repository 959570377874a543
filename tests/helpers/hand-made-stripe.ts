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
  readonly automaticTax: boolean;
}

export interface Topup {
  readonly topupId: string;
  readonly amountMinor: number;
  readonly currency: string;
}

/** Charges in a currency that settle in another one, at which rate, and at which their money is taken back later. */
const SETTLED_IN: Record<string, { currency: string; rate: number; rateBack: number }> = {
  gbp: { currency: 'aud', rate: 1.875, rateBack: 1.9 },
};

/** Of what is sold to a buyer who is taxed. */
const taxOn = (net: number) => Math.round(net * 0.21);

export type StripeAnswers = ReturnType<typeof createStripeAnswers>;

/** What Stripe would have answered, kept as the audit reads it. */
export function createStripeAnswers() {
  const transfers: StripeTransfer[] = [];
  const invoices: StripeInvoice[] = [];
  const movements: StripeMovement[] = [];
  /** What Stripe says of each refund and dispute. */
  const withdrawals = new Map<string, { chargeId: string; amountMinor: number; currency: string }>();
  function move(category: string, source: string, amount: number, currency: string, nowMs: number) {
    const isCharge = category === 'charge';
    const fee = isCharge ? Math.floor((amount * 29) / 1_000) + 30 : 0;
    const created = Math.floor(nowMs / 1_000);
    const available_on = isCharge ? Math.floor(nowMs / DAY_MS + 2) * (DAY_MS / 1_000) : created;
    const facts = { amount, fee, net: amount - fee, currency, source, created, available_on };
    const id = `txn_${movements.length + 1}`;
    const movement: StripeMovement = { id, reporting_category: category, ...facts };
    movements.push(movement);
    return movement;
  }
  function chargeOf(chargeId: string, paidMinor: number, paidCurrency: string, nowMs: number) {
    const { currency, rate } = SETTLED_IN[paidCurrency] ?? { currency: paidCurrency, rate: null };
    const grossMinor = Math.round(paidMinor * (rate ?? 1));
    const movement = move('charge', chargeId, grossMinor, currency, nowMs);
    movement.exchange_rate = rate;
    const { id, fee, net, available_on } = movement;
    const paid = { paidMinor, paidCurrency, exchangeRate: rate === null ? null : String(rate) };
    const money = { grossMinor, feeMinor: fee, netMinor: net, currency };
    return { chargeId, balanceTransactionId: id, ...paid, ...money, availableOnMs: available_on * 1_000 };
  }
  return {
    issue({ invoiceId, amountMinor, currency, automaticTax }: Frozen): string {
      const known = invoices.find(({ metadata }) => metadata?.callclear_invoice_id === invoiceId);
      if (known !== undefined) return known.id;
      const metadata = { callclear_invoice_id: invoiceId };
      const made = {
        id: `in_${invoices.length + 1}`,
        status: 'open',
        currency,
        total: amountMinor + (automaticTax ? taxOn(amountMinor) : 0),
        total_excluding_tax: amountMinor,
        pre_payment_credit_notes_amount: 0,
        metadata,
      };
      invoices.push(made);
      return made.id;
    },
    taxOf(stripeInvoiceId: string): number {
      const invoice = invoices.find(({ id }) => id === stripeInvoiceId);
      return (invoice?.total ?? 0) - (invoice?.total_excluding_tax ?? 0);
    },
    credit(stripeInvoiceId: string, amountMinor: number) {
      const taxMinor = this.taxOf(stripeInvoiceId) > 0 ? taxOn(amountMinor) : 0;
      const invoice = invoices.find(({ id }) => id === stripeInvoiceId);
      if (invoice !== undefined) invoice.pre_payment_credit_notes_amount += amountMinor + taxMinor;
      return { stripeCreditNoteId: `cn_${stripeInvoiceId}`, taxMinor };
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
      return chargeOf(`ch_${stripeInvoiceId}`, invoice.total, invoice.currency, nowMs);
    },
    /** The charge of a top-up. */
    topUp({ topupId, amountMinor, currency }: Topup, nowMs: number) {
      return chargeOf(`ch_topup_${topupId}`, amountMinor, currency, nowMs);
    },
    /** A refund or a dispute of the first or the last charge in a currency; of a part of it. */
    takeBack(
      kind: 'refund' | 'dispute',
      { which, amountMinor, currency }: { which: 0 | -1; amountMinor: number; currency: string },
      nowMs: number,
    ) {
      const settled = SETTLED_IN[currency] ?? { currency, rateBack: null };
      const charge = movements
        .filter((one) => one.reporting_category === 'charge' && one.currency === settled.currency)
        .at(which);
      const id = `${kind}_in_${currency}`;
      withdrawals.set(id, { chargeId: charge?.source ?? '', amountMinor, currency });
      const left = Math.round(amountMinor * (settled.rateBack ?? 1));
      move(kind, id, -left, settled.currency, nowMs).exchange_rate = settled.rateBack;
    },
    /** What another system on the same account brought to the balance; its movement. */
    bring: (amountMinor: number, currency: string, nowMs: number) =>
      move('other_adjustment', 'adj_1', amountMinor, currency, nowMs).id,
    /** What leaves for the platform's bank, and where it gives that back. */
    payOut: (payoutId: string, amountMinor: number, nowMs: number) =>
      move(amountMinor < 0 ? 'payout' : 'payout_reversal', payoutId, amountMinor, 'usd', nowMs),
    /** A part of the first transfer that is in usd comes back; answers what Stripe says of it. */
    reverse(amountMinor: number, nowMs: number) {
      const transfer = transfers.find(({ currency }) => currency === 'usd');
      if (transfer === undefined) throw new Error('there is no transfer');
      Object.assign(transfer, { amount_reversed: amountMinor });
      const movement = move('transfer_reversal', 'trr_1', amountMinor, 'usd', nowMs);
      return { id: 'trr_1', movementId: movement.id, transferId: transfer.id };
    },
    factOf: (withdrawalId: string) => withdrawals.get(withdrawalId),
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
        exchangeRate: movement.exchange_rate == null ? null : String(movement.exchange_rate),
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

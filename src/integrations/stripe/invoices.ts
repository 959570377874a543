import type { Currency } from '../../money.ts';

export interface FrozenInvoiceLine {
  readonly campaignId: string;
  readonly description: string;
  readonly calls: number;
  readonly amountMinor: number;
}

/** What the planner froze: one buyer, one currency, one period. */
export interface FrozenInvoice {
  readonly invoiceId: string;
  readonly generation: number;
  /** `cus_…` */
  readonly customer: string;
  readonly currency: Currency;
  readonly amountMinor: number;
  readonly lines: readonly FrozenInvoiceLine[];
  /** When the row was made: keys older than 23 h are not trusted, the object is looked up first. */
  readonly plannedAtMs: number;
}

export type InvoiceStatus = 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';

export interface IssuedInvoice {
  readonly stripeInvoiceId: string;
  readonly status: InvoiceStatus;
}

/** The charge that paid an invoice, as its balance transaction states it. */
export interface InvoicePayment {
  readonly chargeId: string;
  readonly balanceTransactionId: string;
  readonly grossMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: string;
  /** When the money becomes available to the platform. */
  readonly availableOnMs: number;
  readonly createdMs: number;
}

export type InvoiceState =
  | { readonly status: 'paid'; readonly payment: InvoicePayment }
  | { readonly status: Exclude<InvoiceStatus, 'paid'>; readonly lastPaymentError: string | null };

export interface StripeInvoices {
  /**
   * Draft (auto_advance false, pending items excluded), one item per line, compare with the frozen lines, finalise.
   * Each POST carries the key `invoice-<id>-<generation>-<step>`; running it twice finds what the first run made.
   * Throws PermanentError INVOICE_MISMATCH when the lines at Stripe are not ours, OutageError when Stripe is away.
   */
  issue(invoice: FrozenInvoice, options: { signal: AbortSignal; nowMs: number }): Promise<IssuedInvoice>;
  /** Charges the customer's default payment method. A decline is an answer (`open`), not an error. `attemptKey` makes two tries of one night one try. */
  pay(stripeInvoiceId: string, attemptKey: string, options: { signal: AbortSignal }): Promise<InvoiceState>;
  /** The present state, with the payment when there is one. */
  read(
    stripeInvoiceId: string,
    options: { signal: AbortSignal },
  ): Promise<InvoiceState & { readonly invoiceId: string | null }>;
}

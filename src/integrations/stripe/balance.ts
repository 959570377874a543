/** One movement of the platform's Stripe balance, as reconciliation reads it. */
export interface BalanceTransaction {
  readonly id: string;
  readonly amountMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: string;
  readonly exchangeRate: string | null;
  readonly availableOnMs: number;
  readonly createdMs: number;
  /** Free text at Stripe: an unknown one is parked as a break, it never crashes. */
  readonly reportingCategory: string;
  readonly type: string;
  /** Id of the object behind it (`ch_…`, `tr_…`, `po_…`), or null. */
  readonly sourceId: string | null;
}

export interface StripeBalance {
  /** All transactions created in [createdFromMs, createdBeforeMs), oldest last, page by page to the end. */
  listTransactions(window: {
    createdFromMs: number;
    createdBeforeMs: number;
    signal: AbortSignal;
  }): Promise<BalanceTransaction[]>;
  /** Pending and available per currency, now. */
  read(options: {
    signal: AbortSignal;
  }): Promise<{ currency: string; availableMinor: number; pendingMinor: number }[]>;
}

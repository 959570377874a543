import type { Currency } from '../../money.ts';

/** What the planner froze; the same body is sent under the same key however often it is tried. */
export interface FrozenTransfer {
  readonly payoutId: string;
  readonly generation: number;
  readonly amountMinor: number;
  readonly currency: Currency;
  /** `acct_…` of the supplier. */
  readonly destination: string;
  readonly description: string;
}

export interface Transfer {
  readonly id: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly destination: string;
  readonly balanceTransactionId: string;
  readonly createdMs: number;
}

/**
 * How one send ended.
 *
 * - `sent`: Stripe answered with the transfer (first answer or a replay of it).
 * - `refused`: a definite refusal of this very body (no funds, account cannot take transfers, …); nothing moved.
 * - `unknown`: it may have happened (no answer, 5xx, unreadable answer). Only a look-up ends this.
 * - `wait`: not executed and not stored under the key (429, lock_timeout, 401, or the key is in use): the same key may be sent again.
 * - `mismatch`: the key was used with another body: nothing may be sent before a person has looked.
 */
export type SendResult =
  | { readonly kind: 'sent'; readonly transfer: Transfer }
  | { readonly kind: 'refused'; readonly providerCode: string; readonly message: string }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'wait'; readonly reason: string; readonly delayMs: number }
  | { readonly kind: 'mismatch'; readonly message: string };

export interface StripeTransfers {
  /** Sends under the key `payout-<payoutId>-<generation>`, transfer_group `payout-<payoutId>`, metadata.payout_id. Never throws for an answer of Stripe or the lack of one. */
  send(transfer: FrozenTransfer, options: { signal: AbortSignal }): Promise<SendResult>;
  /**
   * Reads the full listing of the transfer group (never Search, which is eventually consistent) and returns the
   * transfer that carries our payout id, or null when no page has it. Throws OutageError when a page cannot be read.
   */
  findByPayout(payoutId: string, options: { signal: AbortSignal }): Promise<Transfer | null>;
}

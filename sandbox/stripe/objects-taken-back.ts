/** What takes money of a charge back, or of what an invoice asks for, in Stripe's shapes. */
import type { BalanceTransaction, Metadata } from './objects.ts';
import type { CreditNoteLine, Taxed } from './objects-of-taxes.ts';

/** Of an open invoice: all of it is taken off what is left to be paid. */
export interface CreditNote extends Taxed {
  id: string;
  object: 'credit_note';
  amount: number;
  created: number;
  currency: string;
  customer: string;
  invoice: string;
  /** Of an invoice with tax; one by its amount alone has none here. */
  lines: { object: 'list'; data: CreditNoteLine[]; has_more: false; url: string };
  livemode: false;
  memo: string | null;
  metadata: Metadata;
  number: string;
  post_payment_amount: 0;
  pre_payment_amount: number;
  reason: null;
  refunds: [];
  status: 'issued';
  type: 'pre_payment';
}

export interface Refund {
  id: string;
  object: 'refund';
  amount: number;
  balance_transaction: string;
  charge: string;
  created: number;
  currency: string;
  metadata: Metadata;
  payment_intent: string;
  reason: null;
  status: 'succeeded';
}

export interface Dispute {
  id: string;
  object: 'dispute';
  amount: number;
  balance_transactions: BalanceTransaction[];
  charge: string;
  created: number;
  currency: string;
  is_charge_refundable: false;
  livemode: false;
  metadata: Metadata;
  payment_intent: string;
  reason: 'fraudulent';
  status: 'needs_response' | 'won' | 'lost';
}

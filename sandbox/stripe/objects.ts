// The objects that the simulator keeps, in the shapes of this API version (the fields that are read).
import type { BankPayout } from './objects-of-accounts.ts';
import type { Address, Tax, TaxedInvoice } from './objects-of-taxes.ts';
import type { CreditNote, Dispute, Refund } from './objects-taken-back.ts';

export const API_VERSION = '2026-10-28.endive';

export type Metadata = Record<string, string>;

interface Customer {
  id: string;
  object: 'customer';
  address: Address | null;
  balance: number;
  created: number;
  currency: string | null;
  description: string | null;
  email: string | null;
  invoice_settings: { default_payment_method: string | null };
  livemode: false;
  metadata: Metadata;
  name: string | null;
}

export interface PaymentMethod {
  id: string;
  object: 'payment_method';
  card: { brand: 'visa'; last4: string };
  created: number;
  customer: string | null;
  livemode: false;
  metadata: Metadata;
  type: 'card';
}

export interface InvoiceItem {
  id: string;
  object: 'invoiceitem';
  amount: number;
  currency: string;
  customer: string;
  date: number;
  description: string | null;
  invoice: string | null;
  livemode: false;
  metadata: Metadata;
  quantity: 1;
}

interface LineItem {
  id: string;
  object: 'line_item';
  amount: number;
  currency: string;
  description: string | null;
  invoice: string;
  livemode: false;
  metadata: Metadata;
  parent: { type: 'invoice_item_details'; invoice_item_details: { invoice_item: string } };
  quantity: 1;
  subtotal: number;
  taxes: Tax[];
}

export interface Invoice extends TaxedInvoice {
  id: string;
  object: 'invoice';
  amount_due: number;
  amount_paid: number;
  amount_remaining: number;
  attempt_count: number;
  attempted: boolean;
  auto_advance: boolean;
  collection_method: 'charge_automatically' | 'send_invoice';
  created: number;
  currency: string;
  customer: string;
  days_until_due: number | null;
  default_payment_method: string | null;
  description: string | null;
  due_date: number | null;
  /** Where its buyer pays it, from when it is finalised. */
  hosted_invoice_url: string | null;
  livemode: false;
  metadata: Metadata;
  number: string | null;
  post_payment_credit_notes_amount: 0;
  pre_payment_credit_notes_amount: number;
  /** Of the customer, as long as it is a draft. */
  starting_balance: number;
  status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';
}

export interface InvoicePayment {
  id: string;
  object: 'invoice_payment';
  amount_paid: number | null;
  amount_requested: number;
  created: number;
  currency: string;
  invoice: string;
  is_default: boolean;
  livemode: false;
  payment: { type: 'payment_intent'; payment_intent: string };
  status: 'open' | 'paid' | 'canceled';
}

export interface PaymentIntent {
  id: string;
  object: 'payment_intent';
  amount: number;
  amount_received: number;
  created: number;
  currency: string;
  customer: string | null;
  description: string | null;
  last_payment_error: Record<string, unknown> | null;
  latest_charge: string | null;
  livemode: false;
  metadata: Metadata;
  payment_method: string | null;
  payment_method_types: ['card'];
  status: 'requires_payment_method' | 'requires_confirmation' | 'processing' | 'succeeded' | 'canceled';
}

export interface Charge {
  id: string;
  object: 'charge';
  amount: number;
  amount_captured: number;
  amount_refunded: number;
  balance_transaction: string | null;
  captured: boolean;
  created: number;
  currency: string;
  customer: string | null;
  failure_code: string | null;
  failure_message: string | null;
  livemode: false;
  metadata: Metadata;
  paid: boolean;
  payment_intent: string;
  payment_method: string;
  refunded: boolean;
  status: 'succeeded' | 'failed';
}

export interface BalanceTransaction {
  id: string;
  object: 'balance_transaction';
  amount: number;
  available_on: number;
  balance_type: 'payments';
  created: number;
  currency: string;
  description: string | null;
  exchange_rate: number | null;
  fee: number;
  fee_details: {
    amount: number;
    application: null;
    currency: string;
    description: string;
    type: 'stripe_fee';
  }[];
  net: number;
  reporting_category: string;
  source: string;
  status: 'available' | 'pending';
  type: 'adjustment' | 'charge' | 'payout' | 'payout_failure' | 'refund' | 'transfer' | 'transfer_refund';
}

interface Account {
  id: string;
  object: 'account';
  capabilities: Record<string, 'active' | 'inactive'>;
  charges_enabled: boolean;
  country: string;
  created: number;
  default_currency: string;
  details_submitted: true;
  email: string | null;
  metadata: Metadata;
  payouts_enabled: boolean;
  type: string;
}

export interface Transfer {
  id: string;
  object: 'transfer';
  amount: number;
  amount_reversed: number;
  balance_transaction: string;
  created: number;
  currency: string;
  description: string | null;
  destination: string;
  destination_payment: string;
  livemode: false;
  metadata: Metadata;
  reversed: boolean;
  source_transaction: null;
  source_type: 'card';
  transfer_group: string | null;
}

export interface TransferReversal {
  id: string;
  object: 'transfer_reversal';
  amount: number;
  balance_transaction: string;
  created: number;
  currency: string;
  metadata: Metadata;
  transfer: string;
}

/** Of the platform, to its own bank. */
export interface Payout {
  id: string;
  object: 'payout';
  amount: number;
  arrival_date: number;
  automatic: boolean;
  balance_transaction: string;
  created: number;
  currency: string;
  description: string | null;
  destination: string;
  failure_balance_transaction: string | null;
  failure_code: string | null;
  livemode: false;
  metadata: Metadata;
  method: 'standard';
  reconciliation_status: 'not_applicable' | 'in_progress' | 'completed';
  status: 'in_transit' | 'paid' | 'failed';
  trace_id: { status: 'pending' | 'supported'; value: string | null };
  type: 'bank_account';
}

export interface StripeEvent {
  id: string;
  object: 'event';
  account?: string;
  api_version: string;
  created: number;
  data: { object: unknown };
  livemode: false;
  pending_webhooks: number;
  request: { id: string | null; idempotency_key: string | null };
  type: string;
}

/** Each kind of object with its type; the names are the `object` fields, but for payouts of connected accounts. */
export interface Kinds {
  account: Account;
  account_payout: BankPayout;
  balance_transaction: BalanceTransaction;
  charge: Charge;
  credit_note: CreditNote;
  customer: Customer;
  dispute: Dispute;
  event: StripeEvent;
  invoice: Invoice;
  invoice_payment: InvoicePayment;
  invoiceitem: InvoiceItem;
  line_item: LineItem;
  payment_intent: PaymentIntent;
  payment_method: PaymentMethod;
  payout: Payout;
  refund: Refund;
  transfer: Transfer;
  transfer_reversal: TransferReversal;
}
export type Kind = keyof Kinds;

/** The kind that an id's prefix tells, or null. */
export function kindOf(id: string): Kind | null {
  return PREFIXES.find(([prefix]) => id.startsWith(`${prefix}_`))?.[1] ?? null;
}

const PREFIXES: readonly [string, Kind][] = [
  ['acct', 'account'],
  ['txn', 'balance_transaction'],
  ['ch', 'charge'],
  ['cn', 'credit_note'],
  ['cus', 'customer'],
  ['du', 'dispute'],
  ['evt', 'event'],
  ['in', 'invoice'],
  ['inpay', 'invoice_payment'],
  ['ii', 'invoiceitem'],
  ['il', 'line_item'],
  ['pi', 'payment_intent'],
  ['pm', 'payment_method'],
  ['po', 'payout'],
  ['re', 'refund'],
  ['tr', 'transfer'],
  ['trr', 'transfer_reversal'],
];

/** What happens on a connected account, in Stripe's shapes. */
import type { Metadata } from './objects.ts';

/** What Stripe pays by itself to the bank of a connected account, out of what transfers brought it. */
export interface BankPayout {
  id: string;
  object: 'payout';
  amount: number;
  arrival_date: number;
  automatic: true;
  /** Of the account's own balance, which is not kept as transactions here. */
  balance_transaction: string;
  created: number;
  currency: string;
  description: string;
  destination: string;
  failure_balance_transaction: string | null;
  failure_code: string | null;
  failure_message: string | null;
  livemode: false;
  metadata: Metadata;
  method: 'standard';
  reconciliation_status: 'in_progress' | 'completed';
  source_type: 'card';
  status: 'pending' | 'paid' | 'failed';
  type: 'bank_account';
}

import type { Logger } from 'pino';
import type { CallReport } from './integrations/call-tracking/report.ts';
import type { StripeBalance } from './integrations/stripe/balance.ts';
import type { StripeInvoices } from './integrations/stripe/invoices.ts';
import type { StripeTransfers } from './integrations/stripe/transfers.ts';
import type { BillingStore } from './integrations/supabase/billing.ts';
import type { CallsStore } from './integrations/supabase/calls.ts';
import type { OperationsStore } from './integrations/supabase/operations.ts';
import type { PayoutsStore } from './integrations/supabase/payouts.ts';
import type { ReconciliationStore } from './integrations/supabase/reconciliation.ts';
import type { WorkStore } from './integrations/supabase/work.ts';

/** Where instants come from; the demo and the tests move it. */
export interface Clock {
  nowMs(): number;
}

/** What jobs may use; each says which in its `uses`. */
export interface JobServices {
  readonly log: Logger;
  readonly clock: Clock;
  readonly work: WorkStore;
  readonly calls: CallsStore;
  readonly billing: BillingStore;
  readonly payouts: PayoutsStore;
  readonly reconciliation: ReconciliationStore;
  readonly operations: OperationsStore;
  readonly stripeInvoices: StripeInvoices;
  readonly stripeTransfers: StripeTransfers;
  readonly stripeBalance: StripeBalance;
  readonly callReports: { parse(source: string, body: Buffer): CallReport };
  readonly bodies: { seal(plain: string): string };
  /** Makes rows, queue and dead letters agree. */
  readonly queueSweep: { sweep(): Promise<Record<string, number>> };
}

import type { Logger } from 'pino';
import type { StripeBalance } from './integrations/stripe/balance.ts';
import type { StripeInvoices } from './integrations/stripe/invoices.ts';
import type { StripeTransfers } from './integrations/stripe/transfers.ts';
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
  readonly stripeInvoices: StripeInvoices;
  readonly stripeTransfers: StripeTransfers;
  readonly stripeBalance: StripeBalance;
}

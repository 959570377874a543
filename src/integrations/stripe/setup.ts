import { z } from 'zod';
import { type StripeCall, type StripeClient, valueOrThrow } from './client.ts';

const idSchema = z.object({ id: z.string() });

export interface StripeSetup {
  /** Makes the customer of a buyer with a default payment method (a test token such as `pm_card_visa`); returns `cus_…`. */
  ensureCustomer(buyer: {
    buyerId: string;
    name: string;
    email: string;
    paymentMethod: string;
  }): Promise<string>;
  /** Makes the connected account of a supplier, which may receive transfers; returns `acct_…`. */
  ensureAccount(supplier: { supplierId: string; name: string }): Promise<string>;
}

/**
 * Seeds a sandbox or a test-mode account. Keys come from our ids: within a day the same call gives the same object,
 * so the caller stores the id that it gets.
 */
export function createStripeSetup(client: StripeClient): StripeSetup {
  async function make(operation: string, run: StripeCall<unknown>['run']): Promise<string> {
    const signal = new AbortController().signal;
    const answer = await client.post({ operation, signal, schema: idSchema, run });
    return valueOrThrow(operation, answer).id;
  }
  return {
    async ensureCustomer({ buyerId, name, email, paymentMethod }) {
      const key = (step: string) => ({ idempotencyKey: `buyer-${buyerId}-${step}` });
      const metadata = { buyer_id: buyerId };
      const customer = await make('customers.create', (sdk) =>
        sdk.customers.create({ name, email, metadata }, key('create')),
      );
      const method = await make('paymentMethods.attach', (sdk) =>
        sdk.paymentMethods.attach(paymentMethod, { customer }, key('attach')),
      );
      const settings = { invoice_settings: { default_payment_method: method } };
      await make('customers.update', (sdk) => sdk.customers.update(customer, settings, key('default')));
      return customer;
    },
    ensureAccount: ({ supplierId, name }) =>
      make('accounts.create', (sdk) =>
        sdk.accounts.create(
          {
            type: 'custom',
            country: 'US',
            capabilities: { transfers: { requested: true } },
            business_profile: { name },
            metadata: { supplier_id: supplierId },
          },
          { idempotencyKey: `supplier-${supplierId}-create` },
        ),
      ),
  };
}

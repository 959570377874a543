import { z } from 'zod';
import { endpoint, listOf } from '../context.ts';
import type { PaymentMethod } from '../objects.ts';
import type { Address } from '../objects-of-taxes.ts';
import { integer, metadata, page, text } from '../params.ts';
import { invalidRequest, missing } from '../refusal.ts';
import { newId } from '../store.ts';

const NOWHERE: Address = {
  ...{ city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
};

/** Test tokens: each attach makes a payment method of its own, which behaves by its last four digits. */
const TOKENS: Record<string, string> = {
  pm_card_visa: '4242',
  /** Attaches, and is declined at every charge (Stripe's 4000 0000 0000 0341). */
  pm_card_chargeCustomerFail: '0341',
  pm_card_chargeDeclined: '0341',
  /** Decline with a code of their own; see DECLINES. */
  pm_card_chargeDeclinedInsufficientFunds: '9995',
  pm_card_chargeDeclinedExpiredCard: '0069',
  pm_card_chargeDeclinedFraudulent: '0019',
  pm_card_chargeDeclinedProcessingError: '0119',
  /** Is declined off session, and charged when its holder is there (Stripe's 4000 0027 6000 3184). */
  pm_card_authenticationRequired: '3184',
  /** Its money is available at once (Stripe's 4000 0000 0000 0077). */
  pm_card_bypassPending: '0077',
  /** Is charged, and the charge is disputed at once (Stripe's 4000 0000 0000 0259). */
  pm_card_createDispute: '0259',
  /** Debits of a bank account, which are `processing` for two days and then paid, or not; kept as cards here. */
  pm_usBankAccount_success: '6789',
  pm_usBankAccount_insufficientFunds: '2222',
};

const place = z.string().max(100);
const fields = {
  address: z
    .strictObject({
      ...{ city: place.optional(), country: place.optional(), line1: place.optional() },
      ...{ postal_code: place.optional(), state: place.optional() },
    })
    .transform((given) => ({ ...NOWHERE, ...given }) as Address)
    .optional(),
  balance: integer.optional(),
  name: text.optional(),
  email: text.optional(),
  description: text.optional(),
  metadata: metadata.optional(),
  invoice_settings: z.strictObject({ default_payment_method: text.optional() }).optional(),
};

export const customerEndpoints = [
  endpoint({
    method: 'POST',
    path: '/v1/customers',
    answers: 'customer',
    params: z.strictObject(fields),
    run({ store, nowS, emit }, params) {
      const id = newId('cus');
      const customer = store.insert(
        'customer',
        {
          id,
          object: 'customer',
          address: params.address ?? null,
          balance: params.balance ?? 0,
          created: nowS,
          currency: null,
          description: params.description ?? null,
          email: params.email ?? null,
          invoice_settings: {
            default_payment_method: params.invoice_settings?.default_payment_method ?? null,
          },
          livemode: false,
          metadata: params.metadata ?? {},
          name: params.name ?? null,
        },
        nowS,
      );
      emit('customer.created', customer);
      return customer;
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/customers',
    answers: 'list:customer',
    params: z.strictObject(page),
    run: ({ store }, query) => listOf(store.list('customer', query), '/v1/customers'),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/customers/:id',
    answers: 'customer',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('customer', id),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/customers/:id',
    answers: 'customer',
    params: z.strictObject(fields),
    run({ store, emit }, { invoice_settings: settings, ...params }, id) {
      const customer = store.get('customer', id);
      const method = settings?.default_payment_method ?? customer.invoice_settings.default_payment_method;
      if (method !== null) {
        const owner = store.get(
          'payment_method',
          method,
          'invoice_settings[default_payment_method]',
          400,
        ).customer;
        if (owner !== id)
          throw invalidRequest('The customer does not have this payment method.', {
            code: 'resource_missing',
          });
      }
      const changed = store.update('customer', {
        ...customer,
        address: params.address ?? customer.address,
        balance: params.balance ?? customer.balance,
        name: params.name ?? customer.name,
        email: params.email ?? customer.email,
        description: params.description ?? customer.description,
        metadata: { ...customer.metadata, ...params.metadata },
        invoice_settings: { default_payment_method: method },
      });
      for (const invoice of store.all('invoice', 'customer', id)) {
        if (invoice.status === 'draft')
          store.update('invoice', { ...invoice, starting_balance: changed.balance });
      }
      emit('customer.updated', changed);
      return changed;
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/payment_methods/:id',
    answers: 'payment_method',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('payment_method', id),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/payment_methods/:id/attach',
    answers: 'payment_method',
    params: z.strictObject({ customer: text }),
    run({ store, nowS, emit }, { customer }, id) {
      store.get('customer', customer, 'customer', 400);
      const last4 = Object.hasOwn(TOKENS, id) ? TOKENS[id] : undefined;
      if (last4 === undefined) {
        const known = store.find('payment_method', id);
        if (known === null) throw missing('PaymentMethod', id, 'payment_method');
        if (known.customer === customer) return known;
        throw invalidRequest('The payment method is attached to another customer.', {
          code: 'payment_method_invalid',
        });
      }
      const method: PaymentMethod = {
        id: newId('pm'),
        object: 'payment_method',
        card: { brand: 'visa', last4 },
        created: nowS,
        customer,
        livemode: false,
        metadata: {},
        type: 'card',
      };
      emit('payment_method.attached', method);
      return store.insert('payment_method', method, nowS);
    },
  }),
];

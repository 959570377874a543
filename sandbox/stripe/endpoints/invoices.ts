import { z } from 'zod';
import { endpoint, listOf } from '../context.ts';
import type { Invoice } from '../objects.ts';
import { currency, flag, integer, metadata, page, range, text } from '../params.ts';
import { invalidRequest } from '../refusal.ts';
import { newId } from '../store.ts';
import { TAXED, UNTAXED, withTotals } from '../taxes.ts';
import { addToInvoice } from './invoice-items.ts';
import { attachPayment, finalizeInvoice, giveUpInvoice, payInvoice, voidInvoice } from './invoice-steps.ts';

const createParams = z.strictObject({
  customer: text,
  currency: currency.optional(),
  auto_advance: flag.optional(),
  automatic_tax: z.strictObject({ enabled: flag }).optional(),
  collection_method: z.enum(['charge_automatically', 'send_invoice']).default('charge_automatically'),
  days_until_due: integer.optional(),
  default_payment_method: text.optional(),
  description: text.optional(),
  metadata: metadata.optional(),
  pending_invoice_items_behavior: z.enum(['exclude', 'include']).default('exclude'),
});

function draft(params: z.output<typeof createParams>, balance: number, nowS: number): Invoice {
  return {
    id: newId('in'),
    object: 'invoice',
    amount_due: 0,
    amount_paid: 0,
    amount_remaining: 0,
    attempt_count: 0,
    attempted: false,
    auto_advance: params.auto_advance ?? false,
    automatic_tax: params.automatic_tax?.enabled === true ? TAXED : UNTAXED,
    collection_method: params.collection_method,
    created: nowS,
    currency: params.currency ?? 'usd',
    customer: params.customer,
    days_until_due: params.days_until_due ?? null,
    default_payment_method: params.default_payment_method ?? null,
    description: params.description ?? null,
    due_date: null,
    hosted_invoice_url: null,
    livemode: false,
    metadata: params.metadata ?? {},
    number: null,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    starting_balance: balance,
    status: 'draft',
    subtotal: 0,
    total: 0,
    total_excluding_tax: 0,
    total_taxes: [],
  };
}

export const invoiceEndpoints = [
  endpoint({
    method: 'POST',
    path: '/v1/invoices',
    answers: 'invoice',
    params: createParams,
    run({ store, nowS, emit }, params) {
      const { balance } = store.get('customer', params.customer, 'customer', 400);
      if (params.collection_method === 'send_invoice' && params.days_until_due === undefined) {
        throw invalidRequest('An invoice that is sent needs days_until_due.', {
          code: 'parameter_missing',
          param: 'days_until_due',
        });
      }
      const invoice = store.insert('invoice', draft(params, balance, nowS), nowS);
      if (params.pending_invoice_items_behavior === 'include') {
        for (const item of store.all('invoiceitem', 'customer', params.customer)) {
          if (item.invoice === null && item.currency === invoice.currency)
            addToInvoice(store, item, invoice.id, nowS);
        }
      }
      const made = withTotals(store, store.get('invoice', invoice.id));
      emit('invoice.created', made);
      return made;
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/invoices',
    answers: 'list:invoice',
    params: z.strictObject({
      ...page,
      customer: text.optional(),
      status: z.enum(['draft', 'open', 'paid', 'uncollectible', 'void']).optional(),
      created: range.optional(),
    }),
    run: ({ store }, { customer, status, ...query }) =>
      listOf(store.list('invoice', { ...query, equals: { customer, status } }), '/v1/invoices'),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/invoices/:id',
    answers: 'invoice',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('invoice', id),
  }),
  endpoint({
    method: 'DELETE',
    path: '/v1/invoices/:id',
    answers: 'invoice',
    params: z.strictObject({}),
    run({ store, emit }, _, id) {
      const invoice = store.get('invoice', id);
      if (invoice.status !== 'draft')
        throw invalidRequest('Only drafts can be deleted.', { code: 'invoice_not_editable' });
      for (const line of store.all('line_item', 'invoice', id)) {
        store.remove('line_item', line.id);
        store.remove('invoiceitem', line.parent.invoice_item_details.invoice_item);
      }
      store.remove('invoice', id);
      emit('invoice.deleted', invoice);
      return { id, object: 'invoice', deleted: true };
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/invoices/:id/lines',
    answers: 'list:line_item',
    params: z.strictObject(page),
    run({ store }, query, id) {
      store.get('invoice', id);
      return listOf(
        store.list('line_item', { ...query, equals: { invoice: id } }),
        `/v1/invoices/${id}/lines`,
      );
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/invoices/:id/finalize',
    answers: 'invoice',
    params: z.strictObject({ auto_advance: flag.optional() }),
    run: (context, { auto_advance: advance }, id) =>
      finalizeInvoice(context, context.store.get('invoice', id), advance),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/invoices/:id/send',
    answers: 'invoice',
    params: z.strictObject({}),
    run({ store, emit }, _, id) {
      const invoice = store.get('invoice', id);
      if (invoice.status !== 'open' || invoice.collection_method !== 'send_invoice')
        throw invalidRequest('Only an open invoice that is to be sent can be sent.', {
          code: 'invoice_not_editable',
        });
      emit('invoice.sent', invoice);
      return invoice;
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/invoices/:id/pay',
    answers: 'invoice',
    params: z.strictObject({ off_session: flag.optional(), payment_method: text.optional() }),
    run: (context, { payment_method: chosen, off_session: offSession }, id) =>
      payInvoice(context, context.store.get('invoice', id), { chosen, offSession: offSession === true }),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/invoices/:id/attach_payment',
    answers: 'invoice',
    params: z.strictObject({ payment_intent: text }),
    run: (context, { payment_intent: intent }, id) =>
      attachPayment(context, context.store.get('invoice', id), context.store.get('payment_intent', intent)),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/invoices/:id/mark_uncollectible',
    answers: 'invoice',
    params: z.strictObject({}),
    run: (context, _, id) => giveUpInvoice(context, context.store.get('invoice', id)),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/invoices/:id/void',
    answers: 'invoice',
    params: z.strictObject({}),
    run: (context, _, id) => voidInvoice(context, context.store.get('invoice', id)),
  }),
];

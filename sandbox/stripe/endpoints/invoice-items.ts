import { z } from 'zod';
import { endpoint } from '../context.ts';
import type { InvoiceItem } from '../objects.ts';
import { checkAmount, currency, integer, metadata, text } from '../params.ts';
import { invalidRequest } from '../refusal.ts';
import { newId, type Store } from '../store.ts';
import { withTotals } from '../taxes.ts';

const MOST_ITEMS = 250;

/** Puts the item on the draft as its next line, and the draft's totals right. */
export function addToInvoice(
  store: Store,
  item: InvoiceItem,
  invoiceId: string,
  nowS: number,
  isExclusive = false,
): InvoiceItem {
  const invoice = store.get('invoice', invoiceId, 'invoice', 400);
  if (invoice.status !== 'draft') {
    throw invalidRequest('This invoice is no longer editable.', {
      code: 'invoice_not_editable',
      param: 'invoice',
    });
  }
  if (invoice.customer !== item.customer || invoice.currency !== item.currency) {
    throw invalidRequest('The invoice is of another customer or in another currency.', { param: 'invoice' });
  }
  if (invoice.automatic_tax.enabled && (!isExclusive || item.amount < 0)) {
    const message =
      'An invoice with automatic tax takes no negative item, and none without its tax behavior.';
    throw invalidRequest(message, { param: 'invoice' });
  }
  if (store.all('line_item', 'invoice', invoiceId).length >= MOST_ITEMS) {
    throw invalidRequest(`An invoice has at most ${MOST_ITEMS} items.`, { param: 'invoice' });
  }
  const added = store.update('invoiceitem', { ...item, invoice: invoiceId });
  store.insert(
    'line_item',
    {
      id: newId('il'),
      object: 'line_item',
      amount: item.amount,
      currency: item.currency,
      description: item.description,
      invoice: invoiceId,
      livemode: false,
      metadata: item.metadata,
      parent: { type: 'invoice_item_details', invoice_item_details: { invoice_item: item.id } },
      quantity: 1,
      subtotal: item.amount,
      taxes: [],
    },
    nowS,
  );
  withTotals(store, invoice);
  return added;
}

export const invoiceItemEndpoints = [
  endpoint({
    method: 'POST',
    path: '/v1/invoiceitems',
    answers: 'invoiceitem',
    params: z.strictObject({
      customer: text,
      amount: integer,
      currency,
      invoice: text.optional(),
      description: text.optional(),
      metadata: metadata.optional(),
      tax_behavior: z.literal('exclusive').optional(),
    }),
    run({ store, nowS, emit }, params) {
      store.get('customer', params.customer, 'customer', 400);
      checkAmount(params.amount, params.currency);
      const loose = store.insert(
        'invoiceitem',
        {
          id: newId('ii'),
          object: 'invoiceitem',
          amount: params.amount,
          currency: params.currency,
          customer: params.customer,
          date: nowS,
          description: params.description ?? null,
          invoice: null,
          livemode: false,
          metadata: params.metadata ?? {},
          quantity: 1,
        },
        nowS,
      );
      const isExclusive = params.tax_behavior === 'exclusive';
      const item =
        params.invoice === undefined ? loose : addToInvoice(store, loose, params.invoice, nowS, isExclusive);
      emit('invoiceitem.created', item);
      return item;
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/invoiceitems/:id',
    answers: 'invoiceitem',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('invoiceitem', id),
  }),
];

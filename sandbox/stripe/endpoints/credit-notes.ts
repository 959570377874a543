import { z } from 'zod';
import { type Context, endpoint, listOf } from '../context.ts';
import type { Invoice } from '../objects.ts';
import type { CreditNoteLine } from '../objects-of-taxes.ts';
import type { CreditNote } from '../objects-taken-back.ts';
import { checkAmount, metadata, page, positive, text } from '../params.ts';
import { invalidRequest } from '../refusal.ts';
import { newId } from '../store.ts';
import { taxOf } from '../taxes.ts';
import { reduceInvoice } from './invoice-steps.ts';

interface Facts {
  readonly amount: number | undefined;
  readonly lines: readonly { readonly invoice_line_item: string; readonly amount: number }[] | undefined;
  readonly memo: string | undefined;
  readonly metadata: Record<string, string> | undefined;
}

/** What it takes off lines of the invoice, each with its part of the line's tax, to the unit where it is the whole line. */
function linesOf({ store }: Context, invoice: Invoice, lines: Facts['lines'] = []): CreditNoteLine[] {
  const taken = store.all('credit_note', 'invoice', invoice.id).flatMap((note) => note.lines.data);
  return lines.map(({ invoice_line_item: id, amount }) => {
    const line = store.get('line_item', id, 'lines', 400);
    const before = taken.filter((one) => one.invoice_line_item === id);
    const left = before.reduce((sum, one) => sum - one.amount, line.amount);
    if (line.invoice !== invoice.id || amount > left)
      throw invalidRequest('The line item has not so much left.', { param: 'lines' });
    const taxes = line.taxes.map((tax) =>
      taxOf(Math.round((tax.amount * amount) / line.amount), amount, tax.taxable_amount > 0),
    );
    return {
      ...{ id: newId('cnli'), object: 'credit_note_line_item', amount, description: line.description },
      ...{ invoice_line_item: id, livemode: false, quantity: null, taxes, type: 'invoice_line_item' },
    };
  });
}

/** Takes the amount off what is left to be paid. Stripe would give back what is more, in ways that are not built here. */
function credit(context: Context, invoice: Invoice, given: Facts): CreditNote {
  const { store, nowS, emit } = context;
  const { memo, metadata: facts } = given;
  // By an amount alone Stripe would have to tell how much of it is tax, which is not built here.
  if ((given.amount === undefined) !== invoice.automatic_tax.enabled)
    throw invalidRequest('One of amount and, with automatic tax, lines must be provided.');
  if (invoice.status !== 'open' && invoice.status !== 'paid') {
    throw invalidRequest('Credit notes can only be created for open or paid invoices.', { param: 'invoice' });
  }
  const lines = linesOf(context, invoice, given.lines);
  const net = lines.reduce((sum, line) => sum + line.amount, given.amount ?? 0);
  const tax = lines.flatMap(({ taxes }) => taxes).reduce((sum, one) => sum + one.amount, 0);
  const amount = net + tax;
  checkAmount(net, invoice.currency);
  const more = Math.max(0, amount - invoice.amount_remaining);
  if (more > 0) {
    const message = `The sum of credit amount, refund amount and out of band amount (0) must equal the post payment amount (${more}).`;
    throw invalidRequest(message, {});
  }
  const made: CreditNote = {
    id: newId('cn'),
    object: 'credit_note',
    amount,
    created: nowS,
    currency: invoice.currency,
    customer: invoice.customer,
    invoice: invoice.id,
    lines: { object: 'list', data: lines, has_more: false, url: '/v1/credit_notes/lines' },
    livemode: false,
    memo: memo ?? null,
    metadata: facts ?? {},
    number: `${invoice.number}-CN-${store.all('credit_note', 'invoice', invoice.id).length + 1}`,
    post_payment_amount: 0,
    pre_payment_amount: amount,
    reason: null,
    refunds: [],
    status: 'issued',
    subtotal: net,
    total: amount,
    total_excluding_tax: net,
    total_taxes: lines.length === 0 ? [] : [taxOf(tax, net, tax > 0)],
    type: 'pre_payment',
  };
  store.insert('credit_note', made, nowS);
  emit('credit_note.created', made);
  reduceInvoice(context, invoice, amount);
  return made;
}

export const creditNoteEndpoints = [
  endpoint({
    method: 'POST',
    path: '/v1/credit_notes',
    answers: 'credit_note',
    params: z.strictObject({
      invoice: text,
      amount: positive.optional(),
      lines: z
        .array(
          z.strictObject({
            ...{ type: z.literal('invoice_line_item'), invoice_line_item: text, amount: positive },
          }),
        )
        .optional(),
      memo: text.optional(),
      metadata: metadata.optional(),
    }),
    run: (context, { invoice, ...facts }) =>
      credit(context, context.store.get('invoice', invoice, 'invoice', 400), {
        amount: undefined,
        lines: undefined,
        memo: undefined,
        metadata: undefined,
        ...facts,
      }),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/credit_notes',
    answers: 'list:credit_note',
    params: z.strictObject({ ...page, customer: text.optional(), invoice: text.optional() }),
    run: ({ store }, { customer, invoice, ...query }) =>
      listOf(store.list('credit_note', { ...query, equals: { customer, invoice } }), '/v1/credit_notes'),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/credit_notes/:id',
    answers: 'credit_note',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('credit_note', id),
  }),
];

import type { Context } from '../context.ts';
import type { Invoice, InvoicePayment, PaymentIntent } from '../objects.ts';
import { checkCharge } from '../params.ts';
import { invalidRequest } from '../refusal.ts';
import { newId } from '../store.ts';
import { taxForGood } from '../taxes.ts';
import { confirmIntent, decline, makeIntent } from './payment-intents.ts';

const DAY_S = 86_400;

/**
 * Draft → open, with the payment intent that will pay it; nothing to pay → paid.
 *
 * A total below the minimum charge is refused here. Stripe would carry it over on the customer's credit balance,
 * which no balance transaction shows: a caller must not come that far.
 */
export function finalizeInvoice(context: Context, draft: Invoice, autoAdvance: boolean | undefined): Invoice {
  const { store, nowS, emit } = context;
  if (draft.status !== 'draft') {
    throw invalidRequest('This invoice is already finalized.', { code: 'invoice_not_editable' });
  }
  const invoice = taxForGood(store, draft);
  if (invoice.total > 0) checkCharge(invoice.total, invoice.currency);
  const paid = invoice.total <= 0;
  const open = store.update('invoice', {
    ...invoice,
    auto_advance: autoAdvance ?? invoice.auto_advance,
    due_date: invoice.days_until_due === null ? null : nowS + invoice.days_until_due * DAY_S,
    hosted_invoice_url: `https://invoice.example/${invoice.id}`,
    number: `SIM-${invoice.id.slice(-8).toUpperCase()}`,
    status: paid ? 'paid' : 'open',
  });
  emit('invoice.finalized', open);
  if (paid) {
    emit('invoice.paid', open);
    return open;
  }
  const intent = makeIntent(context, {
    amount: open.amount_due,
    currency: open.currency,
    customer: open.customer,
    description: open.description ?? `Payment for Invoice ${open.number}`,
    metadata: {},
    payment_method: null,
  });
  addPayment(context, open, intent, true);
  return open;
}

function addPayment(
  { store, nowS }: Context,
  invoice: Invoice,
  intent: PaymentIntent,
  isDefault: boolean,
): InvoicePayment {
  return store.insert(
    'invoice_payment',
    {
      id: newId('inpay'),
      object: 'invoice_payment',
      amount_paid: isDefault ? null : intent.amount,
      amount_requested: intent.amount,
      created: nowS,
      currency: invoice.currency,
      invoice: invoice.id,
      is_default: isDefault,
      livemode: false,
      payment: { type: 'payment_intent', payment_intent: intent.id },
      status: isDefault ? 'open' : 'paid',
    },
    nowS,
  );
}

/** Puts a payment that was made elsewhere to an invoice, which may pay a part of it; the rest is still to be paid. */
export function attachPayment(context: Context, invoice: Invoice, intent: PaymentIntent): Invoice {
  const { store, emit } = context;
  const { amount_paid: paid, amount_remaining: left, customer, currency } = invoice;
  if (invoice.status !== 'open' || intent.status !== 'succeeded' || intent.customer !== customer) {
    throw invalidRequest('Only succeeded payments of the customer can be attached to an open invoice.');
  }
  if (intent.amount > left || intent.currency !== currency) {
    throw invalidRequest('The payment does not fit the invoice.', { param: 'payment_intent' });
  }
  addPayment(context, invoice, intent, false);
  const rest = left - intent.amount;
  askForRest(context, invoice, rest);
  const changed = store.update('invoice', {
    ...invoice,
    amount_paid: paid + intent.amount,
    amount_remaining: rest,
    status: rest === 0 ? 'paid' : 'open',
  });
  emit('invoice_payment.paid', changed);
  if (rest === 0) emit('invoice.paid', changed);
  return changed;
}

/** The payment intent that will pay the invoice is for what is left of it, or for nothing any more. */
function askForRest({ store }: Context, invoice: Invoice, rest: number): void {
  const [own] = store.all('invoice_payment', 'invoice', invoice.id);
  if (own === undefined) return;
  const status = rest === 0 ? 'canceled' : own.status;
  store.update('invoice_payment', { ...own, amount_requested: rest, status });
  const waiting = store.get('payment_intent', own.payment.payment_intent);
  const changed = rest === 0 ? { status: 'canceled' as const } : { amount: rest };
  store.update('payment_intent', { ...waiting, ...changed });
}

/** What a credit note takes off an open invoice is asked for no more; one of which nothing is left is paid. */
export function reduceInvoice(context: Context, invoice: Invoice, amount: number): void {
  const rest = invoice.amount_remaining - amount;
  askForRest(context, invoice, rest);
  const changed = context.store.update('invoice', {
    ...invoice,
    amount_due: invoice.amount_due - amount,
    amount_remaining: rest,
    pre_payment_credit_notes_amount: invoice.pre_payment_credit_notes_amount + amount,
    status: rest === 0 ? 'paid' : 'open',
  });
  context.emit('invoice.updated', changed);
  if (rest === 0) context.emit('invoice.paid', changed);
}

export function giveUpInvoice({ store, emit }: Context, invoice: Invoice): Invoice {
  if (invoice.status !== 'open') {
    throw invalidRequest('Only open invoices can be marked uncollectible.', { code: 'invoice_not_editable' });
  }
  const given = store.update('invoice', { ...invoice, status: 'uncollectible' });
  emit('invoice.marked_uncollectible', given);
  return given;
}

export function payInvoice(
  context: Context,
  found: Invoice,
  { chosen, offSession }: { readonly chosen: string | undefined; readonly offSession: boolean },
): Invoice {
  const { store, emit } = context;
  if (found.status === 'paid')
    throw invalidRequest('Invoice is already paid', { code: 'invoice_already_paid' });
  const invoice = found.status === 'draft' ? finalizeInvoice(context, found, undefined) : found;
  if (invoice.status === 'paid') return invoice;
  if (invoice.status !== 'open' && invoice.status !== 'uncollectible')
    throw invalidRequest('Only open invoices can be paid.', { code: 'invoice_not_editable' });
  const customer = store.get('customer', invoice.customer);
  const method = chosen ?? invoice.default_payment_method ?? customer.invoice_settings.default_payment_method;
  if (method === null) {
    throw invalidRequest('There is no `default_payment_method` set on this Customer or Invoice.', {
      code: 'resource_missing',
    });
  }
  const payment = store.all('invoice_payment', 'invoice', invoice.id)[0];
  if (payment === undefined) throw new Error(`${invoice.id} is open and has no payment.`);
  const intent = confirmIntent(
    context,
    store.get('payment_intent', payment.payment.payment_intent),
    method,
    offSession,
  );
  const tried = { ...invoice, attempt_count: invoice.attempt_count + 1, attempted: true };
  if (intent.status !== 'succeeded') {
    emit('invoice.payment_failed', store.update('invoice', tried));
    throw decline(intent);
  }
  store.update('invoice_payment', { ...payment, amount_paid: payment.amount_requested, status: 'paid' });
  const paid = store.update('invoice', {
    ...tried,
    amount_paid: tried.amount_due,
    amount_remaining: 0,
    status: 'paid',
  });
  emit('invoice.paid', paid);
  emit('invoice.payment_succeeded', paid);
  return paid;
}

export function voidInvoice({ store, emit }: Context, invoice: Invoice): Invoice {
  if (invoice.status !== 'open' && invoice.status !== 'uncollectible') {
    throw invalidRequest('Only open invoices can be voided.', { code: 'invoice_not_editable' });
  }
  for (const payment of store.all('invoice_payment', 'invoice', invoice.id)) {
    if (payment.status === 'paid') continue;
    store.update('invoice_payment', { ...payment, status: 'canceled' });
    store.update('payment_intent', {
      ...store.get('payment_intent', payment.payment.payment_intent),
      status: 'canceled',
    });
  }
  const voided = store.update('invoice', { ...invoice, status: 'void' });
  emit('invoice.voided', voided);
  return voided;
}

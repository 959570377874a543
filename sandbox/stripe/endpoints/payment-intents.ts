import { z } from 'zod';
import { availableOn, feeOf } from '../books.ts';
import { type Context, endpoint, listOf } from '../context.ts';
import type { Charge, PaymentIntent } from '../objects.ts';
import { checkCharge, currency, flag, metadata, page, positive, range, text } from '../params.ts';
import { invalidRequest, Refusal } from '../refusal.ts';
import { exchange } from '../settlement.ts';
import { newId } from '../store.ts';
import { openDispute } from './disputes.ts';

export function makeIntent(
  { store, nowS, emit }: Context,
  facts: Pick<
    PaymentIntent,
    'amount' | 'currency' | 'customer' | 'description' | 'metadata' | 'payment_method'
  >,
): PaymentIntent {
  const intent: PaymentIntent = {
    ...facts,
    id: newId('pi'),
    object: 'payment_intent',
    amount_received: 0,
    created: nowS,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    payment_method_types: ['card'],
    status: facts.payment_method === null ? 'requires_payment_method' : 'requires_confirmation',
  };
  emit('payment_intent.created', intent);
  return store.insert('payment_intent', intent, nowS);
}

/** What a card answers instead of money, by its last four digits. */
const DECLINES: Record<string, { readonly code: string; readonly decline_code: string }> = {
  '0341': { code: 'card_declined', decline_code: 'generic_decline' },
  '9995': { code: 'card_declined', decline_code: 'insufficient_funds' },
  '0019': { code: 'card_declined', decline_code: 'fraudulent' },
  '0069': { code: 'expired_card', decline_code: 'expired_card' },
  '0119': { code: 'processing_error', decline_code: 'processing_error' },
};
const UNAUTHENTICATED = { code: 'authentication_required', decline_code: 'authentication_required' };

/** Charges the card: `succeeded`, or the intent with its `last_payment_error`. Both are recorded. */
export function confirmIntent(
  context: Context,
  intent: PaymentIntent,
  methodId: string,
  offSession: boolean,
): PaymentIntent {
  const { store, emit } = context;
  const method = store.get('payment_method', methodId, 'payment_method', 400);
  if (method.customer !== intent.customer) {
    throw invalidRequest('The payment method does not belong to the customer.', {
      code: 'payment_method_invalid',
    });
  }
  const isAbsent = offSession && method.card.last4 === '3184';
  const refusal = isAbsent ? UNAUTHENTICATED : DECLINES[method.card.last4];
  const declined = refusal !== undefined;
  const charge = makeCharge(context, intent, methodId, declined, method.card.last4 === '0077');
  const message = 'Your card was declined.';
  const error = { type: 'card_error', ...refusal, charge: charge.id, message };
  const changed = store.update('payment_intent', {
    ...intent,
    amount_received: declined ? 0 : intent.amount,
    last_payment_error: declined ? error : null,
    latest_charge: charge.id,
    payment_method: declined ? null : methodId,
    status: declined ? 'requires_payment_method' : 'succeeded',
  });
  emit(declined ? 'charge.failed' : 'charge.succeeded', charge);
  emit(declined ? 'payment_intent.payment_failed' : 'payment_intent.succeeded', changed);
  if (method.card.last4 === '0259') openDispute(context, charge);
  return changed;
}

function makeCharge(
  { store, books, nowS }: Context,
  intent: PaymentIntent,
  method: string,
  declined: boolean,
  atOnce: boolean,
): Charge {
  const id = newId('ch');
  const { amount, currency } = intent;
  const settled = exchange(store, amount, currency);
  const transaction = declined
    ? null
    : books.record(
        {
          type: 'charge',
          category: 'charge',
          ...settled,
          fee: feeOf(settled.amount),
          source: id,
          availableOn: atOnce ? nowS : availableOn(nowS),
          description: intent.description,
        },
        nowS,
      );
  const charge: Charge = {
    id,
    object: 'charge',
    amount,
    amount_captured: declined ? 0 : amount,
    amount_refunded: 0,
    balance_transaction: transaction?.id ?? null,
    captured: !declined,
    created: nowS,
    currency,
    customer: intent.customer,
    failure_code: declined ? 'card_declined' : null,
    failure_message: declined ? 'Your card was declined.' : null,
    livemode: false,
    metadata: intent.metadata,
    paid: !declined,
    payment_intent: intent.id,
    payment_method: method,
    refunded: false,
    status: declined ? 'failed' : 'succeeded',
  };
  return store.insert('charge', charge, nowS);
}

/** What a bank account answers two days after it was debited, by its last four digits; null is money. */
const DEBITS: Record<string, string | null> = { '6789': null, '2222': 'insufficient_funds' };

/** Starts a debit: `processing`, and nothing moves before the bank has answered. */
function startDebit({ store, nowS, emit }: Context, intent: PaymentIntent, methodId: string): PaymentIntent {
  const changed = store.update('payment_intent', {
    ...intent,
    status: 'processing',
    payment_method: methodId,
  });
  store.run('INSERT INTO debits VALUES (?, ?)', intent.id, availableOn(nowS));
  emit('payment_intent.processing', changed);
  return changed;
}

/** Debits whose bank has answered by now. */
export function finishDebits(context: Context): void {
  const { store, nowS, emit } = context;
  for (const { intent: id } of store.rows('SELECT intent FROM debits WHERE answers_on <= ?', nowS)) {
    store.run('DELETE FROM debits WHERE intent = ?', String(id));
    const intent = store.get('payment_intent', String(id));
    const method = store.get('payment_method', intent.payment_method ?? '');
    const code = DEBITS[method.card.last4] ?? null;
    const charge = makeCharge(context, intent, method.id, code !== null, false);
    const error = { type: 'card_error', code, charge: charge.id, message: 'The bank refused the debit.' };
    const changed = store.update('payment_intent', {
      ...intent,
      amount_received: code === null ? intent.amount : 0,
      last_payment_error: code === null ? null : error,
      latest_charge: charge.id,
      payment_method: code === null ? method.id : null,
      status: code === null ? 'succeeded' : 'requires_payment_method',
    });
    emit(code === null ? 'payment_intent.succeeded' : 'payment_intent.payment_failed', changed);
  }
}

/** The 402 of a decline: told after it is recorded. */
export function decline(intent: PaymentIntent): Refusal {
  const { code, decline_code } = {
    ...DECLINES['0341'],
    ...intent.last_payment_error,
  } as (typeof DECLINES)[string];
  const body = { type: 'card_error', code, decline_code, message: 'Your card was declined.' } as const;
  return new Refusal(402, { ...body, payment_intent: intent }, true);
}

export const paymentIntentEndpoints = [
  endpoint({
    method: 'POST',
    path: '/v1/payment_intents',
    answers: 'payment_intent',
    params: z.strictObject({
      amount: positive,
      currency,
      customer: text.optional(),
      payment_method: text.optional(),
      description: text.optional(),
      metadata: metadata.optional(),
      confirm: flag.optional(),
      off_session: flag.optional(),
    }),
    run(context, params) {
      checkCharge(params.amount, params.currency);
      if (params.customer !== undefined) context.store.get('customer', params.customer, 'customer', 400);
      const intent = makeIntent(context, {
        amount: params.amount,
        currency: params.currency,
        customer: params.customer ?? null,
        description: params.description ?? null,
        metadata: params.metadata ?? {},
        payment_method: params.payment_method ?? null,
      });
      if (params.confirm !== true) return intent;
      return confirmed(context, intent, params.payment_method, params.off_session === true);
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/payment_intents/:id/confirm',
    answers: 'payment_intent',
    params: z.strictObject({ payment_method: text.optional(), off_session: flag.optional() }),
    run: (context, { payment_method: method, off_session: offSession }, id) => {
      const intent = context.store.get('payment_intent', id);
      return confirmed(context, intent, method ?? intent.payment_method ?? undefined, offSession === true);
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/payment_intents/:id/cancel',
    answers: 'payment_intent',
    params: z.strictObject({}),
    run({ store, emit }, _, id) {
      const intent = store.get('payment_intent', id);
      if (intent.status === 'processing' || intent.status === 'succeeded' || intent.status === 'canceled') {
        throw invalidRequest(`A PaymentIntent that is ${intent.status} cannot be canceled.`, {
          code: 'payment_intent_unexpected_state',
        });
      }
      const canceled = store.update('payment_intent', { ...intent, status: 'canceled' });
      emit('payment_intent.canceled', canceled);
      return canceled;
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/payment_intents',
    answers: 'list:payment_intent',
    params: z.strictObject({ ...page, customer: text.optional(), created: range.optional() }),
    run: ({ store }, { customer, ...query }) =>
      listOf(store.list('payment_intent', { ...query, equals: { customer } }), '/v1/payment_intents'),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/payment_intents/:id',
    answers: 'payment_intent',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('payment_intent', id),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/charges/:id',
    answers: 'charge',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('charge', id),
  }),
];

function confirmed(
  context: Context,
  intent: PaymentIntent,
  method: string | undefined,
  offSession: boolean,
): PaymentIntent {
  if (intent.status === 'processing' || intent.status === 'succeeded' || intent.status === 'canceled') {
    throw invalidRequest(`A PaymentIntent that is ${intent.status} cannot be confirmed.`, {
      code: 'payment_intent_unexpected_state',
    });
  }
  if (method === undefined) {
    throw invalidRequest('You cannot confirm this PaymentIntent: it has no payment method.', {
      code: 'payment_intent_unexpected_state',
    });
  }
  const known = context.store.get('payment_method', method, 'payment_method', 400);
  if (known.card.last4 in DEBITS && known.customer === intent.customer)
    return startDebit(context, intent, method);
  const changed = confirmIntent(context, intent, method, offSession);
  if (changed.status !== 'succeeded') throw decline(changed);
  return changed;
}

import { z } from 'zod';
import { type Context, endpoint, listOf } from '../context.ts';
import type { Charge } from '../objects.ts';
import type { Refund } from '../objects-taken-back.ts';
import { metadata, page, positive, text } from '../params.ts';
import { invalidRequest } from '../refusal.ts';
import { exchangedAs } from '../settlement.ts';
import { newId } from '../store.ts';

function refund(
  { store, books, nowS, emit }: Context,
  charge: Charge,
  asked: number | undefined,
  facts: Record<string, string>,
): Refund {
  const left = charge.amount_captured - charge.amount_refunded;
  const amount = asked ?? left;
  if (left === 0) {
    throw invalidRequest(`Charge ${charge.id} has already been refunded.`, {
      code: 'charge_already_refunded',
    });
  }
  if (amount > left) {
    throw invalidRequest(`Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`, {
      code: 'amount_too_large',
      param: 'amount',
    });
  }
  const settled = exchangedAs(store, charge, amount);
  books.needAvailable(settled.amount, settled.currency);
  const id = newId('re');
  const movement = {
    type: 'refund',
    category: 'refund',
    ...settled,
    fee: 0,
    source: id,
  } as const;
  const transaction = books.record(
    { ...movement, amount: -settled.amount, availableOn: nowS, description: 'REFUND FOR CHARGE' },
    nowS,
  );
  const made: Refund = {
    id,
    object: 'refund',
    amount,
    balance_transaction: transaction.id,
    charge: charge.id,
    created: nowS,
    currency: charge.currency,
    metadata: facts,
    payment_intent: charge.payment_intent,
    reason: null,
    status: 'succeeded',
  };
  const changed = store.update('charge', {
    ...charge,
    amount_refunded: charge.amount_refunded + amount,
    refunded: amount === left,
  });
  store.insert('refund', made, nowS);
  emit('refund.created', made);
  emit('charge.refunded', changed);
  return made;
}

export const refundEndpoints = [
  endpoint({
    method: 'POST',
    path: '/v1/refunds',
    answers: 'refund',
    params: z.strictObject({
      charge: text.optional(),
      payment_intent: text.optional(),
      amount: positive.optional(),
      metadata: metadata.optional(),
    }),
    run(context, { charge, payment_intent: intent, amount, metadata: facts }) {
      const id =
        charge ?? (intent === undefined ? null : context.store.get('payment_intent', intent).latest_charge);
      if (id === null)
        throw invalidRequest('One of charge and payment_intent is needed.', { code: 'parameter_missing' });
      return refund(context, context.store.get('charge', id, 'charge', 400), amount, facts ?? {});
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/refunds',
    answers: 'list:refund',
    params: z.strictObject({ ...page, charge: text.optional(), payment_intent: text.optional() }),
    run: ({ store }, { charge, payment_intent, ...query }) =>
      listOf(store.list('refund', { ...query, equals: { charge, payment_intent } }), '/v1/refunds'),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/refunds/:id',
    answers: 'refund',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('refund', id),
  }),
];

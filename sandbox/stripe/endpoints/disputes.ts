import { z } from 'zod';
import { type Context, endpoint, listOf } from '../context.ts';
import type { Charge } from '../objects.ts';
import type { Dispute } from '../objects-taken-back.ts';
import { flag, page, text } from '../params.ts';
import { invalidRequest } from '../refusal.ts';
import { exchangedAs } from '../settlement.ts';
import { newId } from '../store.ts';

/** What Stripe takes for a dispute, and gives back when it is won, whatever the currency. */
const DISPUTE_FEE = 1_500;

/** The cardholder's bank takes a charge back: the money and a fee leave at once, also below zero. */
export function openDispute({ store, books, nowS, emit }: Context, charge: Charge): Dispute {
  const id = newId('du');
  const settled = exchangedAs(store, charge, charge.amount);
  const transaction = books.record(
    {
      ...{ ...settled, type: 'adjustment', category: 'dispute', amount: -settled.amount, fee: DISPUTE_FEE },
      ...{ source: id, availableOn: nowS, description: 'Chargeback withdrawal' },
    },
    nowS,
  );
  const dispute: Dispute = {
    id,
    object: 'dispute',
    amount: charge.amount,
    balance_transactions: [transaction],
    charge: charge.id,
    created: nowS,
    currency: charge.currency,
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: 'fraudulent',
    status: 'needs_response',
  };
  store.insert('dispute', dispute, nowS);
  emit('charge.dispute.created', dispute);
  emit('charge.dispute.funds_withdrawn', dispute);
  return dispute;
}

function close({ store, books, nowS, emit }: Context, dispute: Dispute, status: 'won' | 'lost'): Dispute {
  if (dispute.status !== 'needs_response') {
    throw invalidRequest('This dispute is already closed.', { code: 'dispute_not_open' });
  }
  const back =
    status === 'lost'
      ? []
      : [
          books.record(
            {
              ...exchangedAs(store, store.get('charge', dispute.charge), dispute.amount),
              ...{ type: 'adjustment', category: 'dispute_reversal', fee: -DISPUTE_FEE },
              ...{ source: dispute.id, availableOn: nowS },
              description: 'Chargeback reversal',
            },
            nowS,
          ),
        ];
  const changed = store.update('dispute', {
    ...dispute,
    balance_transactions: [...dispute.balance_transactions, ...back],
    status,
  });
  if (status === 'won') emit('charge.dispute.funds_reinstated', changed);
  emit('charge.dispute.closed', changed);
  return changed;
}

export const disputeEndpoints = [
  endpoint({
    method: 'GET',
    path: '/v1/disputes',
    answers: 'list:dispute',
    params: z.strictObject({ ...page, charge: text.optional(), payment_intent: text.optional() }),
    run: ({ store }, { charge, payment_intent, ...query }) =>
      listOf(store.list('dispute', { ...query, equals: { charge, payment_intent } }), '/v1/disputes'),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/disputes/:id',
    answers: 'dispute',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('dispute', id),
  }),
  /** As in Stripe's test mode, this evidence decides: `winning_evidence` or `losing_evidence`. */
  endpoint({
    method: 'POST',
    path: '/v1/disputes/:id',
    answers: 'dispute',
    params: z.strictObject({
      evidence: z.strictObject({ uncategorized_text: text }).optional(),
      submit: flag.optional(),
    }),
    run(context, { evidence }, id) {
      const dispute = context.store.get('dispute', id);
      switch (evidence?.uncategorized_text) {
        case 'winning_evidence':
          return close(context, dispute, 'won');
        case 'losing_evidence':
          return close(context, dispute, 'lost');
        default:
          return dispute;
      }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/disputes/:id/close',
    answers: 'dispute',
    params: z.strictObject({}),
    run: (context, _, id) => close(context, context.store.get('dispute', id), 'lost'),
  }),
];

import { z } from 'zod';
import { bring } from '../banks.ts';
import { type Context, endpoint, listOf } from '../context.ts';
import type { Transfer, TransferReversal } from '../objects.ts';
import { checkAmount, currency, metadata, page, positive, range, text } from '../params.ts';
import { invalidRequest } from '../refusal.ts';
import { newId } from '../store.ts';

const createParams = z.strictObject({
  amount: positive,
  currency,
  destination: text,
  description: text.optional(),
  transfer_group: text.optional(),
  metadata: metadata.optional(),
});

function makeTransfer(
  { store, books, nowS, emit }: Context,
  params: z.output<typeof createParams>,
): Transfer {
  const { amount, destination } = params;
  const known = checkAmount(amount, params.currency);
  const account = store.get('account', destination, 'destination', 400);
  if (account.capabilities.transfers !== 'active') {
    throw invalidRequest('The destination account does not have the transfers capability enabled.', {
      code: 'capability_not_active',
      param: 'destination',
    });
  }
  books.needAvailable(amount, known);
  const id = newId('tr');
  const transaction = books.record(
    {
      type: 'transfer',
      category: 'transfer',
      amount: -amount,
      fee: 0,
      currency: known,
      source: id,
      availableOn: nowS,
      description: params.description ?? null,
    },
    nowS,
  );
  const transfer: Transfer = {
    id,
    object: 'transfer',
    amount,
    amount_reversed: 0,
    balance_transaction: transaction.id,
    created: nowS,
    currency: known,
    description: params.description ?? null,
    destination,
    destination_payment: newId('py'),
    livemode: false,
    metadata: params.metadata ?? {},
    reversed: false,
    source_transaction: null,
    source_type: 'card',
    transfer_group: params.transfer_group ?? null,
  };
  bring(store, destination, known, amount, nowS);
  emit('transfer.created', transfer);
  return store.insert('transfer', transfer, nowS);
}

function reverse(
  { store, books, nowS, emit }: Context,
  transfer: Transfer,
  wish: number | undefined,
): TransferReversal {
  const left = transfer.amount - transfer.amount_reversed;
  const amount = wish ?? left;
  if (left === 0)
    throw invalidRequest(`Transfer ${transfer.id} is already fully reversed.`, {
      code: 'transfer_already_reversed',
    });
  if (amount > left)
    throw invalidRequest('The reversal is greater than what is left of the transfer.', { param: 'amount' });
  const id = newId('trr');
  const { currency } = transfer;
  const transaction = books.record(
    {
      type: 'transfer_refund',
      category: 'transfer_reversal',
      amount,
      fee: 0,
      currency,
      source: id,
      availableOn: nowS,
      description: null,
    },
    nowS,
  );
  const changed = store.update('transfer', {
    ...transfer,
    amount_reversed: transfer.amount_reversed + amount,
    reversed: amount === left,
  });
  bring(store, transfer.destination, currency, -amount, nowS);
  emit('transfer.reversed', changed);
  const reversal: TransferReversal = {
    id,
    object: 'transfer_reversal',
    amount,
    balance_transaction: transaction.id,
    created: nowS,
    currency,
    metadata: {},
    transfer: transfer.id,
  };
  return store.insert('transfer_reversal', reversal, nowS);
}

export const transferEndpoints = [
  endpoint({
    method: 'POST',
    path: '/v1/transfers',
    answers: 'transfer',
    params: createParams,
    run: makeTransfer,
  }),
  endpoint({
    method: 'GET',
    path: '/v1/transfers',
    answers: 'list:transfer',
    params: z.strictObject({
      ...page,
      transfer_group: text.optional(),
      destination: text.optional(),
      created: range.optional(),
    }),
    run: ({ store }, { transfer_group, destination, ...query }) =>
      listOf(store.list('transfer', { ...query, equals: { transfer_group, destination } }), '/v1/transfers'),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/transfers/:id',
    answers: 'transfer',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('transfer', id),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/transfers/:id/reversals',
    answers: 'transfer_reversal',
    params: z.strictObject({ amount: positive.optional() }),
    run: (context, { amount }, id) => reverse(context, context.store.get('transfer', id), amount),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/transfers/:id/reversals',
    answers: 'list:transfer_reversal',
    params: z.strictObject(page),
    run({ store }, query, id) {
      store.get('transfer', id);
      return listOf(
        store.list('transfer_reversal', { ...query, equals: { transfer: id } }),
        `/v1/transfers/${id}/reversals`,
      );
    },
  }),
];

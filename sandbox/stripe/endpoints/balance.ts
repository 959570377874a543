import { z } from 'zod';
import { bankOf, holderOf } from '../banks.ts';
import { availableOn } from '../books.ts';
import { endpoint, listOf } from '../context.ts';
import { checkAmount, currency, metadata, page, positive, range, text } from '../params.ts';
import { invalidRequest, missing } from '../refusal.ts';
import { newId } from '../store.ts';

export const balanceEndpoints = [
  endpoint({
    method: 'GET',
    path: '/v1/balance',
    answers: 'balance',
    params: z.strictObject({}),
    run: ({ books }) => books.balance(),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/balance_transactions',
    answers: 'list:balance_transaction',
    params: z.strictObject({
      ...page,
      created: range.optional(),
      currency: currency.optional(),
      payout: text.optional(),
      source: text.optional(),
      type: text.optional(),
    }),
    run({ store }, { payout, currency, source, type, ...query }) {
      if (payout !== undefined) {
        store.get('payout', payout, 'payout', 400);
        throw invalidRequest(
          'Balance transaction history can only be filtered on automatic payouts, not manual ones.',
        );
      }
      const found = store.list('balance_transaction', { ...query, equals: { currency, source, type } });
      return listOf(found, '/v1/balance_transactions');
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/balance_transactions/:id',
    answers: 'balance_transaction',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('balance_transaction', id),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/payouts',
    answers: 'payout',
    params: z.strictObject({
      amount: positive,
      currency,
      description: text.optional(),
      metadata: metadata.optional(),
    }),
    run({ store, books, nowS, emit }, { amount, description, ...params }) {
      const known = checkAmount(amount, params.currency);
      books.needAvailable(amount, known);
      const id = newId('po');
      const movement = { type: 'payout', category: 'payout', fee: 0, currency: known, source: id } as const;
      const transaction = books.record(
        { ...movement, amount: -amount, availableOn: nowS, description: 'STRIPE PAYOUT' },
        nowS,
      );
      const payout = store.insert(
        'payout',
        {
          id,
          object: 'payout',
          amount,
          arrival_date: availableOn(nowS),
          automatic: false,
          balance_transaction: transaction.id,
          created: nowS,
          currency: known,
          description: description ?? null,
          livemode: false,
          metadata: params.metadata ?? {},
          method: 'standard',
          reconciliation_status: 'not_applicable',
          status: 'in_transit',
          type: 'bank_account',
        },
        nowS,
      );
      emit('payout.created', payout);
      return payout;
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/payouts',
    answers: 'list:payout',
    params: z.strictObject({ ...page, created: range.optional(), status: text.optional() }),
    ofAccounts: true,
    run: ({ store, account }, { status, ...query }) =>
      listOf(
        account === null
          ? store.list('payout', { ...query, equals: { status } })
          : store.list('account_payout', { ...query, equals: { destination: bankOf(account), status } }),
        '/v1/payouts',
      ),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/payouts/:id',
    answers: 'payout',
    params: z.strictObject({}),
    ofAccounts: true,
    run({ store, account }, _, id) {
      if (account === null) return store.get('payout', id);
      const payout = store.find('account_payout', id);
      if (payout === null || holderOf(payout) !== account) throw missing('payout', id, 'id');
      return payout;
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/events',
    answers: 'list:event',
    params: z.strictObject({
      ...page,
      created: range.optional(),
      type: text.optional(),
      types: z.array(text).min(1).max(20).optional(),
    }),
    run({ store }, { type, types, ...query }) {
      const anyOf = types === undefined ? undefined : { field: 'type', values: types };
      return listOf(store.list('event', { ...query, equals: { type }, anyOf }), '/v1/events');
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/events/:id',
    answers: 'event',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('event', id),
  }),
];

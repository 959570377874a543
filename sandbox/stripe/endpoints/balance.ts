import { z } from 'zod';
import { bankOf, holderOf } from '../banks.ts';
import { endpoint, listOf } from '../context.ts';
import { checkAmount, currency, metadata, page, positive, range, text } from '../params.ts';
import { listItems, PLATFORM_BANK, payOut } from '../payouts.ts';
import { missing } from '../refusal.ts';

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
      if (payout !== undefined) return listOf(listItems(store, payout, query), '/v1/balance_transactions');
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
      destination: text.default(PLATFORM_BANK),
      metadata: metadata.optional(),
    }),
    run(context, { amount, description, destination, ...params }) {
      const known = checkAmount(amount, params.currency);
      context.books.needAvailable(amount, known);
      return payOut(context, {
        ...{ amount, currency: known, automatic: false, destination },
        ...{ description: description ?? null, metadata: params.metadata ?? {} },
      });
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

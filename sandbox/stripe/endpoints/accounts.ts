import { z } from 'zod';
import { endpoint } from '../context.ts';
import { currency, flag, metadata, text } from '../params.ts';
import { newId } from '../store.ts';

const capabilities = z.record(z.string(), z.strictObject({ requested: flag }));

export const accountEndpoints = [
  endpoint({
    method: 'POST',
    path: '/v1/accounts',
    answers: 'account',
    params: z.strictObject({
      type: z.enum(['custom', 'express', 'standard']).default('custom'),
      country: text.default('US'),
      email: text.optional(),
      default_currency: currency.default('usd'),
      capabilities: capabilities.optional(),
      business_profile: z.strictObject({ name: text.optional() }).optional(),
      metadata: metadata.optional(),
    }),
    run({ store, nowS, emit }, params) {
      const account = store.insert(
        'account',
        {
          id: newId('acct'),
          object: 'account',
          capabilities: states(params.capabilities),
          charges_enabled: false,
          country: params.country,
          created: nowS,
          default_currency: params.default_currency,
          details_submitted: true,
          email: params.email ?? null,
          metadata: params.metadata ?? {},
          payouts_enabled: true,
          type: params.type,
        },
        nowS,
      );
      emit('account.updated', account, account.id);
      return account;
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/accounts/:id',
    answers: 'account',
    params: z.strictObject({}),
    run: ({ store }, _, id) => store.get('account', id),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/accounts/:id',
    answers: 'account',
    params: z.strictObject({
      email: text.optional(),
      capabilities: capabilities.optional(),
      metadata: metadata.optional(),
    }),
    run({ store, emit }, params, id) {
      const account = store.get('account', id);
      const changed = store.update('account', {
        ...account,
        email: params.email ?? account.email,
        capabilities: { ...account.capabilities, ...states(params.capabilities) },
        metadata: { ...account.metadata, ...params.metadata },
      });
      emit('account.updated', changed, id);
      return changed;
    },
  }),
];

/** A capability is active as soon as it is requested: nobody is onboarded here. */
function states(requested: z.output<typeof capabilities> = {}): Record<string, 'active' | 'inactive'> {
  return Object.fromEntries(
    Object.entries(requested).map(([name, wish]) => [name, wish.requested ? 'active' : 'inactive'] as const),
  );
}

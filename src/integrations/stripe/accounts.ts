import { z } from 'zod';
import type { StripeClient } from './client.ts';

export interface StripeAccounts {
  /** Whether a connected account may receive transfers now; its name for it is the capability `transfers`. */
  mayReceive(account: string, options: { signal: AbortSignal }): Promise<boolean>;
}

const accountSchema = z.object({
  id: z.string(),
  capabilities: z.object({ transfers: z.string().optional() }).nullish(),
});

/** Connected accounts, as Stripe says they stand. */
export function createStripeAccounts(client: StripeClient): StripeAccounts {
  return {
    async mayReceive(account, { signal }) {
      const { capabilities } = await client.read({
        operation: 'accounts.retrieve',
        signal,
        schema: accountSchema,
        run: (sdk) => sdk.accounts.retrieve(account),
      });
      return capabilities?.transfers === 'active';
    },
  };
}

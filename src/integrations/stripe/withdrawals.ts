import { z } from 'zod';
import type { StripeClient } from './client.ts';

/** A refund or a dispute, as Stripe says it stands. */
export interface WithdrawalFact {
  /** `re_…` or `du_…` */
  readonly id: string;
  readonly kind: 'refund' | 'dispute';
  readonly chargeId: string | null;
  /** Stripe's word: `won` and `lost` end a dispute. An unknown one is waited out. */
  readonly status: string;
}

export interface StripeWithdrawals {
  read(
    withdrawal: { readonly id: string; readonly kind: WithdrawalFact['kind'] },
    options: { signal: AbortSignal },
  ): Promise<WithdrawalFact>;
}

const factSchema = z.object({ id: z.string(), charge: z.string().nullable(), status: z.string().nullable() });

/** Reads what took money back of a charge; its movement of the balance says how much, this says of which and whether for good. */
export function createStripeWithdrawals(client: StripeClient): StripeWithdrawals {
  return {
    async read({ id, kind }, { signal }) {
      const found = await client.read({
        operation: kind === 'refund' ? 'refunds.retrieve' : 'disputes.retrieve',
        signal,
        schema: factSchema,
        run: (sdk): Promise<unknown> =>
          kind === 'refund' ? sdk.refunds.retrieve(id) : sdk.disputes.retrieve(id),
      });
      return { id: found.id, kind, chargeId: found.charge, status: found.status ?? 'unknown' };
    },
  };
}

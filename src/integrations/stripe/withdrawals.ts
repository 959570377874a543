import { z } from 'zod';
import type { StripeClient } from './client.ts';
import { minorUnits } from './schemas.ts';

/** A refund or a dispute, as Stripe says it stands. */
export interface WithdrawalFact {
  /** `re_…` or `du_…` */
  readonly id: string;
  readonly kind: 'refund' | 'dispute';
  readonly chargeId: string | null;
  /** In the currency that the buyer paid in, whatever the charge settled in. */
  readonly amountMinor: number;
  readonly currency: string;
  /** Stripe's word: `won` and `lost` end a dispute. An unknown one is waited out. */
  readonly status: string;
}

export interface StripeWithdrawals {
  read(
    withdrawal: { readonly id: string; readonly kind: WithdrawalFact['kind'] },
    options: { signal: AbortSignal },
  ): Promise<WithdrawalFact>;
}

const factSchema = z.object({
  id: z.string(),
  amount: minorUnits,
  charge: z.string().nullable(),
  currency: z.string(),
  status: z.string().nullable(),
});

/** Reads what took money back of a charge: how much of what the buyer paid, and whether for good; its movement of the balance says what that was there. */
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
      const { id: foundId, amount: amountMinor, charge: chargeId, currency, status } = found;
      return { id: foundId, kind, chargeId, amountMinor, currency, status: status ?? 'unknown' };
    },
  };
}

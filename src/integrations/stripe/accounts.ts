import { z } from 'zod';
import { ApiError } from '../../errors.ts';
import type { StripeClient } from './client.ts';
import { epochMs, listSchema, minorUnits, readAllPages } from './schemas.ts';

/** One try of Stripe's to pay a connected account to its own bank; a next try is another payout. */
export interface BankPayout {
  /** `po_…` */
  readonly id: string;
  readonly amountMinor: number;
  /** Of the account, so that it may be one that the exchange does not settle in. */
  readonly currency: string;
  /** Stripe's word: pending, in_transit, paid, failed, canceled. What was paid may still fail for some days. */
  readonly status: string;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  readonly arrivesAtMs: number;
  readonly createdMs: number;
}

export interface StripeAccounts {
  /** Whether a connected account may receive transfers now; its name for it is the capability `transfers`. */
  mayReceive(account: string, options: { signal: AbortSignal }): Promise<boolean>;
  /** Null where Stripe knows no such payout of it, or shows us the account no more. */
  readBankPayout(account: string, id: string, options: { signal: AbortSignal }): Promise<BankPayout | null>;
  /** Those made at or after an instant; none where Stripe shows us the account no more. */
  listBankPayouts(
    account: string,
    madeFromMs: number,
    options: { signal: AbortSignal },
  ): Promise<BankPayout[]>;
}

const accountSchema = z.object({
  id: z.string(),
  capabilities: z.object({ transfers: z.string().optional() }).nullish(),
});

const payoutSchema = z
  .object({
    id: z.string(),
    amount: minorUnits,
    currency: z.string(),
    status: z.string(),
    failure_code: z.string().nullish(),
    failure_message: z.string().nullish(),
    arrival_date: epochMs,
    created: epochMs,
  })
  .transform(
    (found): BankPayout => ({
      id: found.id,
      amountMinor: found.amount,
      currency: found.currency,
      status: found.status,
      failureCode: found.failure_code ?? null,
      failureMessage: found.failure_message ?? null,
      arrivesAtMs: found.arrival_date,
      createdMs: found.created,
    }),
  );

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
    readBankPayout: (account, id, { signal }) =>
      unlessGone(null, () =>
        client.read({
          operation: 'payouts.retrieve',
          signal,
          schema: payoutSchema,
          run: (sdk) => sdk.payouts.retrieve(id, {}, { stripeAccount: account }),
        }),
      ),
    listBankPayouts: (account, madeFromMs, { signal }) =>
      unlessGone([], () =>
        readAllPages((after) =>
          client.read({
            operation: 'payouts.list',
            signal,
            schema: listSchema(payoutSchema),
            run: (sdk) =>
              sdk.payouts.list(
                {
                  created: { gte: Math.floor(madeFromMs / 1_000) },
                  limit: 100,
                  ...(after === undefined ? {} : { starting_after: after }),
                },
                { stripeAccount: account },
              ),
          }),
        ),
      ),
  };
}

/** An account that was disconnected, or none of ours, is refused by its name (`account_invalid`). */
async function unlessGone<T>(gone: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ApiError && (error.statusCode === 404 || error.providerCode === 'account_invalid'))
      return gone;
    throw error;
  }
}

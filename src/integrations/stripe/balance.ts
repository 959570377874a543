import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import type { Movement } from '../../movement-columns.ts';
import type { StripeClient } from './client.ts';
import { epochMs, listSchema, minorUnits } from './schemas.ts';

/** One movement of the platform's Stripe balance, as reconciliation reads it. */
export interface BalanceTransaction extends Movement {
  readonly type: string;
}

export interface BalancePage {
  readonly movements: readonly BalanceTransaction[];
  /** After which the next page starts; null when this is the last one. */
  readonly next: string | null;
}

export interface StripeBalance {
  /**
   * One page of the transactions created in [createdFromMs, createdBeforeMs), the newest first: the next at most 100 after
   * `after`, or the first of all. Throws PermanentError ANSWER_INVALID for a page that leads nowhere.
   */
  listPage(window: {
    createdFromMs: number;
    createdBeforeMs: number;
    after: string | null;
    signal: AbortSignal;
  }): Promise<BalancePage>;
  /** Pending and available per currency, now. */
  read(options: {
    signal: AbortSignal;
  }): Promise<{ currency: string; availableMinor: number; pendingMinor: number }[]>;
}

const transactionSchema = z
  .object({
    id: z.string(),
    amount: minorUnits,
    fee: minorUnits,
    net: minorUnits,
    currency: z.string(),
    exchange_rate: z.number().nullable(),
    available_on: epochMs,
    created: epochMs,
    reporting_category: z.string(),
    type: z.string(),
    source: z.string().nullable(),
  })
  .transform(
    (found): BalanceTransaction => ({
      id: found.id,
      amountMinor: found.amount,
      feeMinor: found.fee,
      netMinor: found.net,
      currency: found.currency,
      exchangeRate: found.exchange_rate === null ? null : String(found.exchange_rate),
      availableOnMs: found.available_on,
      createdMs: found.created,
      reportingCategory: found.reporting_category,
      type: found.type,
      sourceId: found.source,
    }),
  );

const partSchema = z.array(z.object({ amount: minorUnits, currency: z.string() }));
const balanceSchema = z.object({ available: partSchema, pending: partSchema });

export function createStripeBalance(client: StripeClient): StripeBalance {
  return {
    async listPage({ createdFromMs, createdBeforeMs, after, signal }) {
      // Stripe counts whole seconds: the first second inside the window, and the first one after it.
      const created = { gte: Math.ceil(createdFromMs / 1_000), lt: Math.ceil(createdBeforeMs / 1_000) };
      const page = await client.read({
        operation: 'balanceTransactions.list',
        signal,
        schema: listSchema(transactionSchema),
        run: (sdk) =>
          sdk.balanceTransactions.list({
            created,
            limit: 100,
            ...(after === null ? {} : { starting_after: after }),
          }),
      });
      const last = page.data.at(-1)?.id ?? null;
      if (page.has_more && (last === null || last === after)) {
        const message = 'A page of balance transactions names no next one.';
        throw new PermanentError('ANSWER_INVALID', message, { detail: { after } });
      }
      return { movements: page.data, next: page.has_more ? last : null };
    },
    async read({ signal }) {
      const balance = await client.read({
        operation: 'balance.retrieve',
        signal,
        schema: balanceSchema,
        run: (sdk) => sdk.balance.retrieve(),
      });
      const currencies = new Set([...balance.available, ...balance.pending].map(({ currency }) => currency));
      const sum = (part: z.output<typeof partSchema>, currency: string) =>
        part.reduce((total, entry) => (entry.currency === currency ? total + entry.amount : total), 0);
      return [...currencies].map((currency) => ({
        currency,
        availableMinor: sum(balance.available, currency),
        pendingMinor: sum(balance.pending, currency),
      }));
    },
  };
}

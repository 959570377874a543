import { z } from 'zod';
import { PermanentError } from '../../errors.ts';

/** What we read of Stripe's objects; anything else they carry is let through unread. */
export const minorUnits = z.int();
export const epochMs = z.int().transform((seconds) => seconds * 1_000);
export const invoiceStatus = z.enum(['draft', 'open', 'paid', 'uncollectible', 'void']);

/** A charge: what the buyer paid, and what its balance transaction states, which may be in another currency. */
export interface Charge {
  readonly chargeId: string;
  readonly balanceTransactionId: string;
  readonly paidMinor: number;
  readonly paidCurrency: string;
  /** Of what was paid in what Stripe made of it, as it wrote it; null where the currencies are one. No amount is made with it. */
  readonly exchangeRate: string | null;
  readonly grossMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: string;
  /** When the money becomes available to the platform. */
  readonly availableOnMs: number;
}

/** Read with `balance_transaction` expanded. */
export const readCharge = z.object({
  id: z.string(),
  amount: minorUnits,
  currency: z.string(),
  balance_transaction: z
    .object({
      id: z.string(),
      amount: minorUnits,
      fee: minorUnits,
      net: minorUnits,
      currency: z.string(),
      exchange_rate: z.number().nullable(),
      available_on: epochMs,
    })
    .nullable(),
});

/** Throws PermanentError ANSWER_INVALID for a payment (of an invoice or a top-up) without its money. */
export function settledCharge(paymentOf: string, charge: z.output<typeof readCharge> | null): Charge {
  const transaction = charge?.balance_transaction ?? null;
  if (charge === null || transaction === null) {
    const message = 'A payment has no charge with its balance transaction.';
    throw new PermanentError('ANSWER_INVALID', message, { detail: { paymentOf } });
  }
  return {
    chargeId: charge.id,
    balanceTransactionId: transaction.id,
    paidMinor: charge.amount,
    paidCurrency: charge.currency,
    exchangeRate: transaction.exchange_rate === null ? null : String(transaction.exchange_rate),
    grossMinor: transaction.amount,
    feeMinor: transaction.fee,
    netMinor: transaction.net,
    currency: transaction.currency,
    availableOnMs: transaction.available_on,
  };
}

export function listSchema<T>(item: z.ZodType<T>) {
  return z.object({ data: z.array(item), has_more: z.boolean() });
}

interface Page<T> {
  readonly data: T[];
  readonly has_more: boolean;
}

/** Reads page after page to the end; `load` gets the id after which the next page starts. */
export async function readAllPages<T extends { id: string }>(
  load: (startingAfter: string | undefined) => Promise<Page<T>>,
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const page = await load(all.at(-1)?.id);
    all.push(...page.data);
    if (!page.has_more || page.data.length === 0) return all;
  }
}

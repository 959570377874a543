import { z } from 'zod';
import type { StripeClient } from './client.ts';
import { epochMs, listSchema, minorUnits, readAllPages } from './schemas.ts';

/** A payout of the platform to its own bank, as Stripe says it stands. */
export interface PlatformPayout {
  /** `po_…` */
  readonly id: string;
  readonly amountMinor: number;
  readonly currency: string;
  /** Made by the platform's schedule, so that Stripe tells what it is made of. */
  readonly automatic: boolean;
  /** Stripe's word: pending, in_transit, paid, failed, canceled. What was paid may fail for five business days. */
  readonly status: string;
  /** The bank or card that it goes to, `ba_…` or `card_…`. */
  readonly destination: string | null;
  /** completed, in_progress, not_applicable. */
  readonly reconciliationStatus: string;
  /** By which the bank may name it; null as long as Stripe does not know it, or where the bank has none. */
  readonly traceId: string | null;
  readonly failureCode: string | null;
  readonly arrivesAtMs: number;
  readonly createdMs: number;
}

/** A balance transaction of which an automatic payout is made. */
export interface PayoutItem {
  readonly id: string;
  readonly netMinor: number;
}

export interface StripePayouts {
  /** Those made at or after an instant, oldest first. */
  list(madeFromMs: number, options: { signal: AbortSignal }): Promise<PlatformPayout[]>;
  /**
   * What an automatic payout is made of, a page at a time and without the payout's own transaction. Stripe has it when
   * its reconciliation status is `completed`.
   */
  readItems(
    payoutId: string,
    onPage: (items: PayoutItem[]) => Promise<unknown>,
    options: { signal: AbortSignal },
  ): Promise<void>;
  /** The newest movement of the platform's balance; null before the first. */
  newestMovement(options: { signal: AbortSignal }): Promise<{ id: string; createdMs: number } | null>;
}

const payoutSchema = z
  .object({
    id: z.string(),
    amount: minorUnits,
    currency: z.string(),
    automatic: z.boolean(),
    status: z.string(),
    destination: z.string().nullish(),
    reconciliation_status: z.string().nullish(),
    trace_id: z.object({ value: z.string().nullish() }).nullish(),
    failure_code: z.string().nullish(),
    arrival_date: epochMs,
    created: epochMs,
  })
  .transform(
    (found): PlatformPayout => ({
      id: found.id,
      amountMinor: found.amount,
      currency: found.currency,
      automatic: found.automatic,
      status: found.status,
      destination: found.destination ?? null,
      reconciliationStatus: found.reconciliation_status ?? 'not_applicable',
      traceId: found.trace_id?.value ?? null,
      failureCode: found.failure_code ?? null,
      arrivesAtMs: found.arrival_date,
      createdMs: found.created,
    }),
  );
const itemSchema = z.object({ id: z.string(), net: minorUnits, source: z.string().nullable() });
const newestSchema = z.object({ id: z.string(), created: epochMs });

/** The platform's own payouts; those of connected accounts are in accounts.ts. */
export function createStripePayouts(client: StripeClient): StripePayouts {
  return {
    async list(madeFromMs, { signal }) {
      const created = { gte: Math.floor(madeFromMs / 1_000) };
      const found = await readAllPages((after) =>
        client.read({
          operation: 'payouts.list',
          signal,
          schema: listSchema(payoutSchema),
          run: (sdk) => sdk.payouts.list({ created, limit: 100, ...startingAfter(after) }),
        }),
      );
      return found.reverse();
    },
    async readItems(payout, onPage, { signal }) {
      for (let after: string | undefined; ; ) {
        const page = await client.read({
          operation: 'balanceTransactions.list',
          signal,
          schema: listSchema(itemSchema),
          run: (sdk) => sdk.balanceTransactions.list({ payout, limit: 100, ...startingAfter(after) }),
        });
        const items = page.data.filter(({ source }) => source !== payout);
        await onPage(items.map(({ id, net }) => ({ id, netMinor: net })));
        after = page.data.at(-1)?.id;
        if (!page.has_more || after === undefined) return;
      }
    },
    async newestMovement({ signal }) {
      const { data } = await client.read({
        operation: 'balanceTransactions.list',
        signal,
        schema: listSchema(newestSchema),
        run: (sdk) => sdk.balanceTransactions.list({ limit: 1 }),
      });
      const [newest] = data;
      return newest === undefined ? null : { id: newest.id, createdMs: newest.created };
    },
  };
}

const startingAfter = (id: string | undefined) => (id === undefined ? {} : { starting_after: id });

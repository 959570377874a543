import { z } from 'zod';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

/** A movement of Stripe's balance as it is stored; see integrations/stripe/balance.ts. */
interface Movement {
  readonly id: string;
  readonly sourceId: string | null;
  readonly reportingCategory: string;
  readonly amountMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: string;
  readonly availableOnMs: number;
  readonly createdMs: number;
}

const result = z.object({
  runs: z.array(
    z.object({
      currency: z.string(),
      differenceMinor: amountMinor,
      matched: z.int(),
      availableAgrees: z.boolean(),
    }),
  ),
  openBreaks: z.int(),
});

export type ReconciliationStore = ReturnType<typeof createReconciliationStore>;

export function createReconciliationStore(rpc: Rpc) {
  return {
    /** When the newest known movement was made; null before the first. */
    watermark: () => rpc('movements_watermark', {}, instantMs.nullable()),
    /** Stores movements, at most 500 at once; how many were new. */
    store: (movements: readonly Movement[], nowMs: number) =>
      rpc('store_movements', { p_movements: movements, p_now_ms: nowMs }, z.int()),
    /**
     * Compares, clears what became available by the due instant, keeps one row per difference. What was recorded since
     * the listing of the movements began (`listedMs`) is no difference.
     */
    reconcile: (date: string, { dueMs, listedMs }: { dueMs: number; listedMs: number }, nowMs: number) =>
      rpc(
        'reconcile_money',
        { p_date: date, p_due_ms: dueMs, p_listed_ms: listedMs, p_now_ms: nowMs },
        result,
      ),
  };
}

import type { BalanceTransaction, StripeBalance } from '../../src/integrations/stripe/balance.ts';
import type { ReconciliationStore } from '../../src/integrations/supabase/reconciliation.ts';
import { type Movement, toColumns } from '../../src/movement-columns.ts';

/** All movements of a window, the newest first. */
export async function listAllMovements(
  balance: StripeBalance,
  window: { createdFromMs: number; createdBeforeMs: number; signal: AbortSignal },
): Promise<BalanceTransaction[]> {
  const all: BalanceTransaction[] = [];
  let after: string | null = null;
  do {
    const page = await balance.listPage({ ...window, after });
    all.push(...page.movements);
    after = page.next;
  } while (after !== null);
  return all;
}

/** Stores movements as a listing of one page. */
export async function storeMovements(
  reconciliation: ReconciliationStore,
  movements: readonly Movement[],
  nowMs: number,
): Promise<void> {
  const { id } = await reconciliation.openListing(nowMs);
  const pages = [toColumns(movements)];
  await reconciliation.storePages(id, { after: null, pages, next: null }, nowMs);
}

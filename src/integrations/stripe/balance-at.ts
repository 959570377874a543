import type { StripeBalance } from './balance.ts';

/** Movements may be made between two readings that must agree: while a close pays, many. */
const READINGS = 10;
/** A report of long ago would else read all that Stripe has. */
const MOST_PAGES = 500;

/**
 * Stripe's balance, pending and available together, as it was at an instant, by currency. Stripe keeps no history of it: so it is the
 * present one less what moved since. The movements are listed to the newest, the balance is read, and they are listed again: only
 * where the newest is still the same do the two belong together. Null when that never was, or when more moved since than is read.
 */
export async function readBalanceAt(
  { listPage, read }: StripeBalance,
  atMs: number,
  { nowMs, signal }: { nowMs: number; signal: AbortSignal },
): Promise<ReadonlyMap<string, number> | null> {
  // To an hour from now, because clocks differ.
  const window = { createdFromMs: atMs, createdBeforeMs: Math.max(nowMs, atMs) + 3_600_000, signal };
  for (let reading = 0; reading < READINGS; reading += 1) {
    const totals = new Map<string, number>();
    const add = (currency: string, amountMinor: number) =>
      totals.set(currency, (totals.get(currency) ?? 0) + amountMinor);
    let newest: string | undefined;
    let after: string | null = null;
    for (let pages = 0; pages === 0 || after !== null; pages += 1) {
      if (pages === MOST_PAGES) return null;
      const page: Awaited<ReturnType<typeof listPage>> = await listPage({ ...window, after });
      newest ??= page.movements[0]?.id;
      for (const { currency, netMinor } of page.movements) add(currency, -netMinor);
      after = page.next;
    }
    for (const { currency, availableMinor, pendingMinor } of await read({ signal }))
      add(currency, availableMinor + pendingMinor);
    const { movements } = await listPage({ ...window, after: null });
    if (movements[0]?.id === newest) return totals;
  }
  return null;
}

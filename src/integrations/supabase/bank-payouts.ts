import { z } from 'zod';
import type { Rpc } from './rpc.ts';

/** One try to pay a supplier's bank; see integrations/stripe/accounts.ts. */
interface BankPayout {
  readonly id: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status: string;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  readonly arrivesAtMs: number;
  readonly createdMs: number;
}

const recorded = z.object({
  supplierId: z.uuid().nullable(),
  failed: z.array(z.object({ id: z.string(), failureCode: z.string().nullable() })),
});

export type BankPayoutsStore = ReturnType<typeof createBankPayoutsStore>;

/** What Stripe paid on to the banks of suppliers. */
export function createBankPayoutsStore(rpc: Rpc) {
  return {
    /** Payouts of one connected account; whose it is (null: nobody's of ours), and which are seen failed for the first time. */
    record: (account: string, found: readonly BankPayout[], nowMs: number) =>
      rpc('record_bank_payouts', { p_account: account, p_payouts: found, p_now_ms: nowMs }, recorded),
    /** Accounts whose bank may have something to tell since an instant; the next hundred after one, by name. */
    accountsToRead: (after: string, sinceMs: number) =>
      rpc('bank_accounts_to_read', { p_after: after, p_since_ms: sinceMs }, z.array(z.string())),
  };
}

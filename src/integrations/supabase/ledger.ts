import { z } from 'zod';
import { amountMinor, type Rpc } from './rpc.ts';

const balance = z.object({
  account: z.string(),
  /** Name of the buyer or supplier; null for an account of the exchange. */
  owner: z.string().nullable(),
  ownerId: z.uuid().nullable(),
  currency: z.string(),
  /** Debits are positive. */
  balanceMinor: amountMinor,
});
const journal = z.object({
  key: z.string(),
  template: z.string(),
  businessDate: z.string(),
  currency: z.string(),
  postedAt: z.string(),
  refs: z.record(z.string(), z.unknown()),
  postings: z.array(z.object({ account: z.string(), ownerId: z.uuid().nullable(), amountMinor })).nullable(),
});

export type LedgerStore = ReturnType<typeof createLedgerStore>;

/** The books, to look at. */
export function createLedgerStore(rpc: Rpc) {
  return {
    /** Accounts that are not zero; with an owner, of that buyer or supplier. */
    balances: (ownerId: string | null) => rpc('ledger_balances', { p_owner: ownerId }, z.array(balance)),
    /** Journals that name an id, ours or Stripe's, or have it as their key; at most 200. */
    journals: (id: string) => rpc('ledger_journals', { p_id: id }, z.array(journal)),
  };
}

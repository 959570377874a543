import { z } from 'zod';
import { amountMinor, type Rpc } from './rpc.ts';

/** Amounts are signed as the party reads them: what a supplier is owed, or a buyer owes, is positive. */
const line = z.object({
  date: z.iso.date(),
  /** The template of its journals, which docs/ledger.md explains. */
  template: z.string(),
  campaign: z.string().nullable(),
  /** Of the transfer, charge, invoice or refund that it is about. */
  reference: z.string().nullable(),
  journals: z.int(),
  amountMinor,
  /** What it changes in each of the party's accounts. */
  accounts: z.record(z.string(), amountMinor),
});
const statement = z.object({
  kind: z.enum(['supplier', 'buyer']),
  partyId: z.uuid(),
  name: z.string(),
  month: z.string(),
  /** The month is closed: no line of it can come any more. */
  isFinal: z.boolean(),
  currencies: z.array(
    z.object({
      currency: z.string(),
      openingMinor: amountMinor,
      closingMinor: amountMinor,
      accounts: z.array(
        z.object({ account: z.string(), openingMinor: amountMinor, closingMinor: amountMinor }),
      ),
      lines: z.array(line),
    }),
  ),
});

export type StatementLine = z.output<typeof line>;
export type Statement = z.output<typeof statement>;
export type StatementsStore = ReturnType<typeof createStatementsStore>;

/** What suppliers and buyers are told of their months. */
export function createStatementsStore(rpc: Rpc) {
  return {
    /** Of a supplier or a buyer and a month, YYYY-MM. Throws PARTY_UNKNOWN. */
    read: (partyId: string, month: string): Promise<Statement> =>
      rpc('statement', { p_party_id: partyId, p_month: `${month}-01` }, statement),
  };
}

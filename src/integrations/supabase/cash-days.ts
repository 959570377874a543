import { z } from 'zod';
import { breakSchema } from './breaks.ts';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

const cash = z.object({
  /** Stripe's word: the books may not have it. */
  currency: z.string(),
  openingMinor: amountMinor,
  movementsMinor: amountMinor,
  /** Opening and movements. */
  closingMinor: amountMinor,
  movements: z.int(),
  /** Of the movements, those that a line of the ledger explains. */
  matched: z.int(),
  categories: z.array(
    z.object({
      category: z.string(),
      movements: z.int(),
      matched: z.int(),
      grossMinor: amountMinor,
      feeMinor: amountMinor,
      netMinor: amountMinor,
    }),
  ),
});
const cashDay = z.object({
  date: z.iso.date(),
  state: z.enum(['open', 'frozen']),
  currencies: z.array(cash),
  /** What came for a frozen day later, each opening where the one before closed. */
  corrections: z.array(cash.extend({ revision: z.int(), atMs: instantMs })),
  /** What all movements up to the end of the day come to, with what came later for it and for the days before it. */
  balances: z.array(z.object({ currency: z.string(), amountMinor })),
  breaks: z.array(breakSchema),
});

export type Cash = z.output<typeof cash>;
export type CashDay = z.output<typeof cashDay>;
export type CashDaysStore = ReturnType<typeof createCashDaysStore>;

/** Days (UTC) of Stripe's balance, as they were compared with the ledger. */
export function createCashDaysStore(rpc: Rpc) {
  return {
    /** One day; its breaks in whatever state, at most 500. */
    read: (date: string, nowMs: number): Promise<CashDay> =>
      rpc('cash_day', { p_date: date, p_now_ms: nowMs }, cashDay),
  };
}

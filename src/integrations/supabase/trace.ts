import { z } from 'zod';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

const link = z.object({
  /** What it is: call, score, journal, invoice, charge, balance_transaction, payout, transfer, … */
  link: z.string(),
  /** Ours or Stripe's; null where it has none, or has not come yet. */
  id: z.string().nullable(),
  state: z.string(),
  amountMinor: amountMinor.nullable(),
  /** Stripe's word: a movement may be in a currency that the books do not have. */
  currency: z.string().nullable(),
  atMs: instantMs.nullable(),
  /** What its kind alone has. */
  facts: z.record(z.string(), z.unknown()),
});
const trace = z.object({
  /** What the id that was asked for is of. */
  kind: z.string(),
  links: z.array(link),
});

export type TraceLink = z.output<typeof link>;
export type Trace = z.output<typeof trace>;
export type TraceStore = ReturnType<typeof createTraceStore>;

/** The way of a cent through the books. */
export function createTraceStore(rpc: Rpc) {
  return {
    /** All that an id of ours or of Stripe is joined to, in the order of the chain. Throws TRACE_UNKNOWN when nothing has it. */
    trace: (id: string): Promise<Trace> => rpc('trace', { p_id: id }, trace),
  };
}

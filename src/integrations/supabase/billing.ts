import { z } from 'zod';
import { type Currency, parseCurrency } from '../../money.ts';
import { amountMinor, instantMs, nothing, type Rpc } from './rpc.ts';

const currency = z.string().transform((code): Currency => parseCurrency(code));

const claim = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('settled'), reason: z.string() }),
  z.object({
    kind: z.literal('claimed'),
    token: z.uuid(),
    state: z.enum(['planned', 'open', 'uncollectible']),
    stripeInvoiceId: z.string().nullable(),
    /** The business date whose close last asked for the money. */
    collectOn: z.string(),
    invoice: z.object({
      invoiceId: z.uuid(),
      generation: z.int(),
      customer: z.string(),
      currency,
      amountMinor,
      plannedAtMs: instantMs,
      lines: z.array(
        z.object({ campaignId: z.uuid(), description: z.string(), calls: z.int(), amountMinor }),
      ),
    }),
  }),
]);
/** What Stripe says of an issued invoice; see integrations/stripe/invoices.ts. */
interface State {
  readonly status: string;
  readonly charges: readonly Charge[];
  readonly problem: string | null;
}
interface Charge {
  readonly chargeId: string;
  readonly balanceTransactionId: string;
  readonly grossMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: string;
  readonly availableOnMs: number;
}

export type BillingStore = ReturnType<typeof createBillingStore>;

/** Invoices; whoever holds the newest token may write, a late writer gets TOKEN_STALE and changes nothing. */
export function createBillingStore(rpc: Rpc) {
  return {
    claim: (invoiceId: string, nowMs: number) =>
      rpc('claim_invoice', { p_invoice_id: invoiceId, p_now_ms: nowMs }, claim),
    /** The next try builds the draft anew. */
    renew: (invoiceId: string, token: string) =>
      rpc('renew_invoice', { p_invoice_id: invoiceId, p_token: token }, nothing),
    recordIssued: (invoiceId: string, token: string, stripeInvoiceId: string, nowMs: number) =>
      rpc(
        'record_invoice_issued',
        { p_invoice_id: invoiceId, p_token: token, p_stripe_invoice_id: stripeInvoiceId, p_now_ms: nowMs },
        nothing,
      ),
    /** Books new charges and what became of the invoice. */
    recordState: (invoiceId: string, token: string, state: State, nowMs: number) =>
      rpc(
        'record_invoice_state',
        { p_invoice_id: invoiceId, p_token: token, p_state: state, p_now_ms: nowMs },
        nothing,
      ),
    /** Has the invoice billed again, which reads its present state; false when it is settled or not ours. */
    poke: (invoiceId: string, trace: string, nowMs: number) =>
      rpc('poke_invoice', { p_invoice_id: invoiceId, p_trace: trace, p_now_ms: nowMs }, z.boolean()),
  };
}

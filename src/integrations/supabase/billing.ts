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
    /** Planned to correct it; Stripe may have them or not. */
    creditNotes: z.array(
      z.object({ creditNoteId: z.uuid(), amountMinor, taxedCampaignId: z.uuid().nullable() }),
    ),
    invoice: z.object({
      invoiceId: z.uuid(),
      generation: z.int(),
      customer: z.string(),
      currency,
      amountMinor,
      plannedAtMs: instantMs,
      /** Null when it is charged automatically. */
      paymentTermsDays: z.int().nullable(),
      /** Stripe computes tax on it. */
      automaticTax: z.boolean(),
      lines: z.array(
        z.object({ campaignId: z.uuid().nullable(), description: z.string(), calls: z.int(), amountMinor }),
      ),
    }),
  }),
]);
/** What Stripe says of an issued invoice; see integrations/stripe/invoices.ts. */
interface State {
  readonly status: string;
  readonly charges: readonly Charge[];
  readonly problem: string | null;
  readonly payUrl: string | null;
}
/** See integrations/stripe/credit-notes.ts. */
type CreditNoteEnd =
  | { readonly stripeCreditNoteId: string; readonly taxMinor: number }
  | { readonly problem: string };
interface Charge {
  readonly chargeId: string;
  readonly balanceTransactionId: string;
  readonly paidMinor: number;
  readonly paidCurrency: string;
  readonly exchangeRate: string | null;
  readonly grossMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: string;
  readonly availableOnMs: number;
}

const previewed = z.object({
  buyerId: z.uuid(),
  buyer: z.string(),
  currency,
  periodEndMs: instantMs,
  calls: z.int(),
  /** What is taken off for calls that it had paid for. */
  creditMinor: amountMinor,
  amountMinor,
  /** The buyer's last invoice in this currency. */
  lastMinor: amountMinor.nullable(),
  /** Tax comes on top of the amount. */
  automaticTax: z.boolean(),
  /** Why it is not billed, or waits for a person; null when it is billed. */
  reason: z.enum(['below_minimum', 'period_billed', 'changed_too_much']).nullable(),
});
export type PreviewedInvoice = z.output<typeof previewed>;

const listed = z.object({
  id: z.uuid(),
  buyer: z.string(),
  currency,
  businessDate: z.string(),
  /** Without tax. */
  amountMinor,
  /** Null until Stripe has computed it. */
  taxMinor: amountMinor.nullable(),
  totalMinor: amountMinor.nullable(),
  automaticTax: z.boolean(),
  paidMinor: amountMinor,
  state: z.string(),
  /** When it should be paid; null before it is issued. */
  dueAt: z.string().nullable(),
  problem: z.string().nullable(),
});

const overdue = z.object({
  buyerId: z.uuid(),
  buyer: z.string(),
  currency,
  overdueMinor: amountMinor,
  /** Above it the buyer is paused; null without a limit. */
  limitMinor: amountMinor.nullable(),
  status: z.enum(['active', 'paused']),
  heldCalls: z.int(),
});

export type BillingStore = ReturnType<typeof createBillingStore>;

/** Invoices; whoever holds the newest token may write, a late writer gets TOKEN_STALE and changes nothing. */
export function createBillingStore(rpc: Rpc) {
  return {
    claim: (invoiceId: string, nowMs: number) =>
      rpc('claim_invoice', { p_invoice_id: invoiceId, p_now_ms: nowMs }, claim),
    /** The next try builds the draft anew; `problem` is why it could not be finalised. */
    renew: (invoiceId: string, token: string, problem: string | null) =>
      rpc('renew_invoice', { p_invoice_id: invoiceId, p_token: token, p_problem: problem }, nothing),
    /** Books it, and its tax. */
    recordIssued: (
      invoiceId: string,
      token: string,
      { stripeInvoiceId, taxMinor }: { readonly stripeInvoiceId: string; readonly taxMinor: number },
      nowMs: number,
    ) =>
      rpc(
        'record_invoice_issued',
        {
          ...{ p_invoice_id: invoiceId, p_token: token, p_stripe_invoice_id: stripeInvoiceId },
          ...{ p_tax_minor: taxMinor, p_now_ms: nowMs },
        },
        nothing,
      ),
    /** Posts the call of a credit note back when the note stands at Stripe. */
    recordCreditNote: (creditNoteId: string, token: string, end: CreditNoteEnd, nowMs: number) =>
      rpc(
        'record_credit_note',
        { p_credit_note_id: creditNoteId, p_token: token, p_end: end, p_now_ms: nowMs },
        nothing,
      ),
    /** Books new charges and what became of the invoice. */
    recordState: (invoiceId: string, token: string, state: State, nowMs: number) =>
      rpc(
        'record_invoice_state',
        { p_invoice_id: invoiceId, p_token: token, p_state: state, p_now_ms: nowMs },
        nothing,
      ),
    /** What the close of a date would invoice, were its calls those that are rated now. */
    preview: (date: string) => rpc('preview_invoices', { p_date: date }, z.array(previewed)),
    /** Lets an invoice go that changed too much; the approval binds to its content. */
    approve: (invoiceId: string, by: string, reason: string, nowMs: number) =>
      rpc(
        'approve_invoice',
        { p_invoice_id: invoiceId, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.object({ approved: z.boolean(), state: z.string() }),
      ),
    /** The newest invoices, at most 200; of a state or a buyer when given. */
    list: (filter: { readonly state: string | null; readonly buyerId: string | null }) =>
      rpc('list_invoices', { p_state: filter.state, p_buyer_id: filter.buyerId }, z.array(listed)),
    /** Buyers of whom something is overdue. */
    overdue: (nowMs: number) => rpc('overdue_buyers', { p_now_ms: nowMs }, z.array(overdue)),
    /** All that is known of one invoice, for people; null when there is none. */
    show: (invoiceId: string) =>
      rpc('show_invoice', { p_invoice_id: invoiceId }, z.record(z.string(), z.unknown()).nullable()),
    /** Has the invoice billed again, which reads its present state; false when it is settled or not ours. */
    poke: (invoiceId: string, trace: string, nowMs: number) =>
      rpc('poke_invoice', { p_invoice_id: invoiceId, p_trace: trace, p_now_ms: nowMs }, z.boolean()),
  };
}

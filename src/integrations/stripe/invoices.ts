import { z } from 'zod';
import { ApiError, PermanentError } from '../../errors.ts';
import type { Currency } from '../../money.ts';
import type { StripeClient } from './client.ts';
import { type CreditNote, type CreditNoteEnd, creditInvoice } from './credit-notes.ts';
import { type StripeFailure, toHouseError } from './errors.ts';
import { issueInvoice } from './issue-invoice.ts';
import { type Charge, invoiceStatus, listSchema, minorUnits, readCharge, settledCharge } from './schemas.ts';

export interface FrozenInvoiceLine {
  /** Null for the line of its credits, which takes off. */
  readonly campaignId: string | null;
  readonly description: string;
  readonly calls: number;
  readonly amountMinor: number;
}

/** What the planner froze: one buyer, one currency, one period. */
export interface FrozenInvoice {
  readonly invoiceId: string;
  readonly generation: number;
  /** `cus_…` */
  readonly customer: string;
  readonly currency: Currency;
  readonly amountMinor: number;
  readonly lines: readonly FrozenInvoiceLine[];
  /** It is sent, and due after so many days; null when it is charged to the customer's payment method. */
  readonly paymentTermsDays: number | null;
  /** Stripe computes tax, on top of the lines. */
  readonly automaticTax: boolean;
  /** When the row was made: keys older than 23 h are not trusted, the object is looked up first. */
  readonly plannedAtMs: number;
}

export type InvoiceStatus = 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';

export interface IssuedInvoice {
  readonly stripeInvoiceId: string;
  readonly status: InvoiceStatus;
  /** What Stripe computed, on top of the frozen amount. */
  readonly taxMinor: number;
}

export interface InvoiceState {
  readonly status: InvoiceStatus;
  /** All that was paid, in any order. */
  readonly charges: readonly Charge[];
  /** Why the last try to charge it failed, as Stripe's code. */
  readonly problem: string | null;
  /** Where the buyer pays it itself, or confirms a payment that its bank wants confirmed (`authentication_required`). */
  readonly payUrl: string | null;
}

export interface StripeInvoices {
  /**
   * Draft (auto_advance false, pending items excluded), one item per line, compare with the frozen lines, finalise.
   * Each POST carries the key `invoice-<id>-<generation>-<step>`, and `…-2` (`…-3`) once Stripe replays a stored failure of a
   * step that had no effect; running it twice finds what the first run made.
   * Throws PermanentError INVOICE_MISMATCH when the lines at Stripe are not ours and the draft is gone, INVOICE_CHANGED when
   * they are finalised, TAX_NOT_COMPUTED when Stripe cannot say what the tax is and the draft is gone, OutageError when Stripe is away.
   */
  issue(invoice: FrozenInvoice, options: { signal: AbortSignal; nowMs: number }): Promise<IssuedInvoice>;
  /**
   * Takes a credit note's amount off what is left to be paid of the invoice, once for each note; an answer says what
   * became of it. Throws OutageError STRIPE_UNAVAILABLE when nobody can tell yet.
   */
  credit(stripeInvoiceId: string, note: CreditNote, options: { signal: AbortSignal }): Promise<CreditNoteEnd>;
  /** Charges the customer's default payment method. A decline is an answer (`open`), not an error. `attemptKey` makes two tries of one night one try. */
  pay(stripeInvoiceId: string, attemptKey: string, options: { signal: AbortSignal }): Promise<InvoiceState>;
  /** The present state, with every charge. Throws ANSWER_INVALID for a payment that was made elsewhere. */
  read(stripeInvoiceId: string, options: { signal: AbortSignal }): Promise<InvoiceState>;
  /** Our id of an invoice at Stripe; null when it is not ours, or gone (a draft's event outlives it). */
  findOurs(stripeInvoiceId: string, options: { signal: AbortSignal }): Promise<string | null>;
}

const invoiceSchema = z.object({
  id: z.string(),
  status: invoiceStatus,
  total: minorUnits,
  pre_payment_credit_notes_amount: minorUnits,
  hosted_invoice_url: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).nullable(),
  payments: listSchema(
    z.object({ status: z.string(), payment: z.object({ payment_intent: z.string().optional() }) }),
  ).optional(),
});
type ReadInvoice = z.output<typeof invoiceSchema>;

const intentSchema = z.object({
  latest_charge: readCharge.nullable(),
  last_payment_error: z
    .object({ code: z.string().nullish(), decline_code: z.string().nullish(), type: z.string() })
    .nullable(),
});

export function createStripeInvoices(client: StripeClient): StripeInvoices {
  async function retrieve(id: string, signal: AbortSignal): Promise<ReadInvoice> {
    return client.read({
      operation: 'invoices.retrieve',
      signal,
      schema: invoiceSchema,
      run: (sdk) => sdk.invoices.retrieve(id, { expand: ['payments'] }),
    });
  }
  const read = async (id: string, signal: AbortSignal) => stateOf(client, await retrieve(id, signal), signal);

  return {
    issue: (invoice, { signal, nowMs }) => issueInvoice(client, invoice, { signal, nowMs }),
    credit: (id, note, { signal }) => creditInvoice(client, id, note, signal),
    read: (id, { signal }) => read(id, signal),
    async findOurs(id, { signal }) {
      try {
        return (await retrieve(id, signal)).metadata?.callclear_invoice_id ?? null;
      } catch (error) {
        if (error instanceof ApiError && error.statusCode === 404) return null;
        throw error;
      }
    },
    async pay(id, attemptKey, { signal }) {
      const operation = 'invoices.pay';
      const answer = await client.post({
        operation,
        signal,
        schema: invoiceSchema,
        run: (sdk) => sdk.invoices.pay(id, { off_session: true }, { idempotencyKey: attemptKey }),
      });
      if (answer.ok) return read(id, signal);
      const { kind, replayed } = answer.failure;
      if (UNTRIED.includes(kind)) throw toHouseError(operation, answer.failure);
      const state = await read(id, signal);
      // A stored failure means that this try has ended, whatever it was meant to answer.
      const ended = kind === 'declined' || (kind === 'unreachable' && replayed);
      if (state.status === 'paid' || ended) return state;
      throw toHouseError(operation, answer.failure);
    },
  };
}

/** Failures of a try that was not carried out: the invoice is what it was. */
const UNTRIED: readonly StripeFailure['kind'][] = ['limited', 'in-use', 'denied', 'key-mismatch'];

/**
 * Reads every payment's charge; throws ANSWER_INVALID where one has none (paid elsewhere) or the list is cut. What credit notes
 * took off whole is paid without one.
 */
async function stateOf(
  client: StripeClient,
  invoice: ReadInvoice,
  signal: AbortSignal,
): Promise<InvoiceState> {
  const payments = invoice.payments?.data ?? [];
  const intentsOf = (status: string) =>
    payments.filter((one) => one.status === status).map(({ payment }) => payment.payment_intent);
  const charges: Charge[] = [];
  for (const intentId of intentsOf('paid')) {
    const intent = intentId === undefined ? null : await readIntent(client, intentId, signal);
    charges.push(settledCharge(invoice.id, intent?.latest_charge ?? null));
  }
  const isCredited = invoice.pre_payment_credit_notes_amount === invoice.total;
  const isUnexplained = invoice.status === 'paid' && charges.length === 0 && !isCredited;
  if (invoice.payments?.has_more === true || isUnexplained) {
    throw unreadable(invoice);
  }
  const [openId] = intentsOf('open');
  const open = openId === undefined ? null : await readIntent(client, openId, signal);
  const error = open?.last_payment_error ?? null;
  const problem = error === null ? null : (error.decline_code ?? error.code ?? error.type);
  return { status: invoice.status, charges, problem, payUrl: invoice.hosted_invoice_url ?? null };
}

function unreadable(invoice: ReadInvoice): PermanentError {
  const detail = { stripeInvoiceId: invoice.id, payments: invoice.payments?.data.length ?? 0 };
  const message = 'A paid invoice shows no payment, or more than are read.';
  return new PermanentError('ANSWER_INVALID', message, { detail });
}

function readIntent(client: StripeClient, id: string, signal: AbortSignal) {
  return client.read({
    operation: 'paymentIntents.retrieve',
    signal,
    schema: intentSchema,
    run: (sdk) => sdk.paymentIntents.retrieve(id, { expand: ['latest_charge.balance_transaction'] }),
  });
}

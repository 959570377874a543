import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import type { Currency } from '../../money.ts';
import type { StripeClient } from './client.ts';
import { type StripeFailure, toHouseError } from './errors.ts';
import { issueInvoice } from './issue-invoice.ts';
import { epochMs, invoiceStatus, listSchema, minorUnits } from './schemas.ts';

export interface FrozenInvoiceLine {
  readonly campaignId: string;
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
  /** When the row was made: keys older than 23 h are not trusted, the object is looked up first. */
  readonly plannedAtMs: number;
}

export type InvoiceStatus = 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';

export interface IssuedInvoice {
  readonly stripeInvoiceId: string;
  readonly status: InvoiceStatus;
}

/** The charge that paid an invoice, as its balance transaction states it. */
export interface InvoicePayment {
  readonly chargeId: string;
  readonly balanceTransactionId: string;
  readonly grossMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: string;
  /** When the money becomes available to the platform. */
  readonly availableOnMs: number;
  readonly createdMs: number;
}

export type InvoiceState =
  | { readonly status: 'paid'; readonly payment: InvoicePayment }
  | { readonly status: Exclude<InvoiceStatus, 'paid'>; readonly lastPaymentError: string | null };

export interface StripeInvoices {
  /**
   * Draft (auto_advance false, pending items excluded), one item per line, compare with the frozen lines, finalise.
   * Each POST carries the key `invoice-<id>-<generation>-<step>`, and `…-2` (`…-3`) once Stripe replays a stored failure of a
   * step that had no effect; running it twice finds what the first run made.
   * Throws PermanentError INVOICE_MISMATCH when the lines at Stripe are not ours and the draft is gone, INVOICE_CHANGED when
   * they are finalised, OutageError when Stripe is away.
   */
  issue(invoice: FrozenInvoice, options: { signal: AbortSignal; nowMs: number }): Promise<IssuedInvoice>;
  /** Charges the customer's default payment method. A decline is an answer (`open`), not an error. `attemptKey` makes two tries of one night one try. */
  pay(stripeInvoiceId: string, attemptKey: string, options: { signal: AbortSignal }): Promise<InvoiceState>;
  /** The present state, with the payment when there is one. */
  read(
    stripeInvoiceId: string,
    options: { signal: AbortSignal },
  ): Promise<InvoiceState & { readonly invoiceId: string | null }>;
}

const invoiceSchema = z.object({
  id: z.string(),
  status: invoiceStatus,
  metadata: z.record(z.string(), z.string()).nullable(),
  payments: listSchema(
    z.object({ status: z.string(), payment: z.object({ payment_intent: z.string().optional() }) }),
  ).optional(),
});
type ReadInvoice = z.output<typeof invoiceSchema>;

const chargeSchema = z.object({
  id: z.string(),
  balance_transaction: z
    .object({
      id: z.string(),
      amount: minorUnits,
      fee: minorUnits,
      net: minorUnits,
      currency: z.string(),
      available_on: epochMs,
      created: epochMs,
    })
    .nullable(),
});

const intentSchema = z.object({
  latest_charge: chargeSchema.nullable(),
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
    async read(id, { signal }) {
      const invoice = await retrieve(id, signal);
      const state = await stateOf(client, invoice, signal);
      return { ...state, invoiceId: invoice.metadata?.callclear_invoice_id ?? null };
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

async function stateOf(
  client: StripeClient,
  invoice: ReadInvoice,
  signal: AbortSignal,
): Promise<InvoiceState> {
  const { status } = invoice;
  const payments = invoice.payments?.data ?? [];
  const wanted = payments.filter((payment) => payment.status === (status === 'paid' ? 'paid' : 'open'));
  const intentId = wanted[0]?.payment.payment_intent;
  const intent = intentId === undefined ? null : await readIntent(client, intentId, signal);
  if (status !== 'paid') {
    const error = intent?.last_payment_error ?? null;
    return {
      status,
      lastPaymentError: error === null ? null : (error.decline_code ?? error.code ?? error.type),
    };
  }
  const charge = intent?.latest_charge;
  const transaction = charge?.balance_transaction;
  if (
    charge === undefined ||
    charge === null ||
    transaction === undefined ||
    transaction === null ||
    wanted.length !== 1
  ) {
    const detail = { stripeInvoiceId: invoice.id, payments: wanted.length };
    throw new PermanentError(
      'ANSWER_INVALID',
      'A paid invoice has not exactly one charge with its balance transaction.',
      { detail },
    );
  }
  return {
    status,
    payment: {
      chargeId: charge.id,
      balanceTransactionId: transaction.id,
      grossMinor: transaction.amount,
      feeMinor: transaction.fee,
      netMinor: transaction.net,
      currency: transaction.currency,
      availableOnMs: transaction.available_on,
      createdMs: transaction.created,
    },
  };
}

function readIntent(client: StripeClient, id: string, signal: AbortSignal) {
  return client.read({
    operation: 'paymentIntents.retrieve',
    signal,
    schema: intentSchema,
    run: (sdk) => sdk.paymentIntents.retrieve(id, { expand: ['latest_charge.balance_transaction'] }),
  });
}

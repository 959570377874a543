import { z } from 'zod';
import { codeOf, PermanentError, TransientError } from '../../errors.ts';
import type { JobServices } from '../../services.ts';
import { defineJob, done, HOUSE_BACKOFF, type Outcome, skip, unlessTakenOver } from '../define-job.ts';

/**
 * Bills one frozen invoice: issues it at Stripe, corrects it by the credit notes that are planned for it, asks for the money,
 * and records what Stripe says came of it.
 *
 * Safe to run twice: each request carries a key made from the row and its generation, so Stripe makes one invoice, one credit
 * note for each row and one charge per business date; each journal's key is the invoice, the adjustment or the charge; only
 * the newest token may write.
 */
export const billBuyer = defineJob({
  name: 'billing.bill-buyer',
  queue: 'billing',
  version: 1,
  payload: z.strictObject({ invoiceId: z.uuid() }),
  key: ({ invoiceId }) => invoiceId,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 60_000,
  uses: ['billing', 'stripeInvoices', 'clock'],
  handle: ({ invoiceId }, services) => unlessTakenOver(() => bill(invoiceId, services)),
});

async function bill(
  invoiceId: string,
  {
    billing,
    stripeInvoices,
    clock,
    signal,
  }: Pick<JobServices, 'billing' | 'stripeInvoices' | 'clock'> & { signal: AbortSignal },
): Promise<Outcome> {
  const claim = await billing.claim(invoiceId, clock.nowMs());
  if (claim.kind === 'settled') return skip(claim.reason);
  const { invoice, token } = claim;

  let { stripeInvoiceId } = claim;
  if (stripeInvoiceId === null) {
    const issued = await stripeInvoices
      .issue(invoice, { signal, nowMs: clock.nowMs() })
      .catch(async (error: unknown) => {
        const code = codeOf(error, 'INTERNAL');
        const isUntaxed = error instanceof PermanentError && code === 'TAX_NOT_COMPUTED';
        if (code !== 'INVOICE_MISMATCH' && !isUntaxed) throw error;
        await billing.renew(invoiceId, token, isUntaxed ? String(error.detail.problem) : null);
        // Trying again cannot help before a person has mended the customer's address.
        if (isUntaxed) throw error;
        throw new TransientError('INVOICE_MISMATCH', 'The draft was not what was frozen: it is built anew.', {
          cause: error,
        });
      });
    stripeInvoiceId = issued.stripeInvoiceId;
    await billing.recordIssued(invoiceId, token, issued, clock.nowMs());
  }

  // Before asking for money, which is then less.
  for (const note of claim.creditNotes) {
    const end = await stripeInvoices.credit(stripeInvoiceId, note, { signal });
    await billing.recordCreditNote(note.creditNoteId, token, end, clock.nowMs());
  }

  // Read before asking for money: what a webhook never told, or an earlier run could not record, shows here.
  let state = await stripeInvoices.read(stripeInvoiceId, { signal });
  if (state.status === 'open' && invoice.paymentTermsDays === null) {
    const payKey = `invoice-${invoiceId}-${invoice.generation}-pay-${claim.collectOn}`;
    state = await stripeInvoices.pay(stripeInvoiceId, payKey, { signal });
  }
  const { status, charges } = state;
  await billing.recordState(invoiceId, token, state, clock.nowMs());
  return done({ state: status, charges: charges.length });
}

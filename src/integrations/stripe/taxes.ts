import { z } from 'zod';
import { ApiError, PermanentError } from '../../errors.ts';
import { minorUnits } from './schemas.ts';

/** What invoices and credit notes say of the tax in their total. */
export const taxFields = {
  total: minorUnits,
  total_excluding_tax: minorUnits.nullable(),
  total_taxes: z.array(z.object({ amount: minorUnits, tax_behavior: z.string() })).nullable(),
};
const taxed = z.object(taxFields);

/** On an invoice: whether Stripe computes its tax, and what became of that. */
export const automaticTax = z.object({ enabled: z.boolean(), status: z.string().nullable() });

/** A total without its tax, and the tax on top of it. Throws PermanentError ANSWER_INVALID when it is not the sum of both. */
export function netAndTax(id: string, { total, total_excluding_tax, total_taxes }: z.output<typeof taxed>) {
  const taxMinor = (total_taxes ?? []).reduce((sum, { amount }) => sum + amount, 0);
  const isOnTop = (total_taxes ?? []).every(({ tax_behavior: behavior }) => behavior === 'exclusive');
  const netMinor = total_excluding_tax ?? total;
  if (netMinor + taxMinor === total && taxMinor >= 0 && isOnTop) return { netMinor, taxMinor };
  const message = 'A total at Stripe is not its lines and the tax on top of them.';
  throw new PermanentError('ANSWER_INVALID', message, { detail: { id, total, netMinor, taxMinor } });
}

/** Why Stripe cannot say what the tax of a draft is; null when it can, or has not said yet. */
export function missingTax({ status }: z.output<typeof automaticTax>): string | null {
  return status === 'requires_location_inputs' || status === 'failed' ? status : null;
}

const REFUSALS: readonly (string | null)[] = ['customer_tax_location_invalid', 'taxes_calculation_failed'];

/** Stripe's code of a request that it refused because it cannot compute the tax; null for any other error. */
export function taxRefusal(error: unknown): string | null {
  return error instanceof ApiError && REFUSALS.includes(error.providerCode) ? error.providerCode : null;
}

export function taxNotComputed(invoiceId: string, problem: string): PermanentError {
  const message = `Stripe cannot compute the tax of invoice ${invoiceId} (${problem}): mend its customer's address there.`;
  return new PermanentError('TAX_NOT_COMPUTED', message, { detail: { invoiceId, problem } });
}

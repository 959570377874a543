import { z } from 'zod';
import type { Invoice } from './objects.ts';
import type { Address, Tax, TaxedInvoice } from './objects-of-taxes.ts';
import { invalidRequest } from './refusal.ts';
import type { Store } from './store.ts';

export const taxSchema = z.strictObject({
  country: z.string().length(2),
  /** Before the rate of the country. */
  state: z.string().nullable().default(null),
  /** Null where no tax can be computed. */
  percent: z.number().nonnegative().nullable(),
});

export type TaxedPlace = z.output<typeof taxSchema>;

/** From now on what is sold to a place is taxed so; where nothing is set, no tax is collected. */
export function taxAt(store: Store, { country, state, percent }: TaxedPlace): void {
  store.setMeta(placeOf(country, state), JSON.stringify(percent));
}

const placeOf = (country: string, state: string | null) =>
  `tax:${country}${state === null ? '' : `:${state}`}`;

type Found = { readonly percent: number } | 'failed' | 'requires_location_inputs';

/** A customer in the United States needs a state, every one a country. */
function rateOf(store: Store, address: Address | null): Found {
  const { country = null, state = null } = address ?? {};
  if (country === null || (country === 'US' && state === null)) return 'requires_location_inputs';
  const found = store.meta(placeOf(country, state)) ?? store.meta(placeOf(country, null)) ?? '0';
  const percent = z.number().nullable().parse(JSON.parse(found));
  return percent === null ? 'failed' : { percent };
}

export function taxOf(amount: number, net: number, isCollected: boolean): Tax {
  return {
    amount,
    tax_behavior: 'exclusive',
    tax_rate_details: { tax_rate: 'txr_simulated' },
    taxability_reason: isCollected ? 'standard_rated' : 'not_collecting',
    taxable_amount: isCollected ? net : 0,
    type: 'tax_rate_details',
  };
}

export const UNTAXED: TaxedInvoice['automatic_tax'] = {
  ...{ disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
};
export const TAXED: TaxedInvoice['automatic_tax'] = {
  ...{ disabled_reason: null, enabled: true, liability: { type: 'self' }, provider: 'stripe', status: null },
};

/** The draft with the sum of its lines and, where it is asked for, tax on each by the address that its customer has now. */
export function withTotals(store: Store, invoice: Invoice): Invoice {
  const lines = store.all('line_item', 'invoice', invoice.id);
  const net = lines.reduce((sum, { amount }) => sum + amount, 0);
  const { enabled } = invoice.automatic_tax;
  const found = enabled ? rateOf(store, store.get('customer', invoice.customer).address) : null;
  const percent = found === null || typeof found === 'string' ? null : found.percent;
  const taxes = lines.flatMap((line) => {
    if (percent === null) return [];
    const tax = taxOf(Math.round((line.amount * percent) / 100), line.amount, percent > 0);
    store.update('line_item', { ...line, taxes: [tax] });
    return [tax];
  });
  const tax = taxes.reduce((sum, { amount }) => sum + amount, 0);
  const status = typeof found === 'string' ? found : found === null ? null : 'complete';
  return store.update('invoice', {
    ...invoice,
    amount_due: net + tax,
    amount_remaining: net + tax,
    automatic_tax: { ...invoice.automatic_tax, status },
    subtotal: net,
    total: net + tax,
    total_excluding_tax: net,
    total_taxes: percent === null ? [] : [taxOf(tax, net, percent > 0)],
  });
}

/** Computes the tax of a draft that is to be finalised; Stripe refuses one whose tax it cannot compute. */
export function taxForGood(store: Store, draft: Invoice): Invoice {
  if (!draft.automatic_tax.enabled) return draft;
  const taxed = withTotals(store, draft);
  if (taxed.automatic_tax.status === 'requires_location_inputs')
    throw invalidRequest("The customer's location isn't recognized.", {
      code: 'customer_tax_location_invalid',
    });
  if (taxed.automatic_tax.status === 'failed')
    throw invalidRequest('The tax could not be computed.', { code: 'taxes_calculation_failed' });
  return taxed;
}

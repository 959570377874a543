/** What Stripe says of taxes on invoices and credit notes, in its shapes. */
export interface Address {
  city: string | null;
  country: string | null;
  line1: string | null;
  line2: null;
  postal_code: string | null;
  state: string | null;
}

export interface Tax {
  amount: number;
  tax_behavior: 'exclusive';
  tax_rate_details: { tax_rate: string };
  taxability_reason: 'standard_rated' | 'not_collecting';
  taxable_amount: number;
  type: 'tax_rate_details';
}

export interface Taxed {
  subtotal: number;
  total: number;
  total_excluding_tax: number;
  total_taxes: Tax[];
}

export interface TaxedInvoice extends Taxed {
  automatic_tax: {
    disabled_reason: null;
    enabled: boolean;
    liability: { type: 'self' } | null;
    provider: 'stripe' | null;
    /** Null while no tax was asked for. */
    status: 'complete' | 'failed' | 'requires_location_inputs' | null;
  };
}

export interface CreditNoteLine {
  id: string;
  object: 'credit_note_line_item';
  amount: number;
  description: string | null;
  invoice_line_item: string;
  livemode: false;
  quantity: null;
  taxes: Tax[];
  type: 'invoice_line_item';
}

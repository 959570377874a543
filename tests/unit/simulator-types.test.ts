import type Stripe from 'stripe';
import { expectTypeOf, test } from 'vitest';
import type { Kinds } from '../../sandbox/stripe/objects.ts';

/** What the SDK publishes of each kind of object that the simulator answers with. */
interface Published {
  account: Stripe.Account;
  account_payout: Stripe.Payout;
  balance_transaction: Stripe.BalanceTransaction;
  charge: Stripe.Charge;
  credit_note: Stripe.CreditNote;
  customer: Stripe.Customer;
  dispute: Stripe.Dispute;
  invoice: Stripe.Invoice;
  invoice_payment: Stripe.InvoicePayment;
  invoiceitem: Stripe.InvoiceItem;
  line_item: Stripe.InvoiceLineItem;
  payment_intent: Stripe.PaymentIntent;
  payment_method: Stripe.PaymentMethod;
  payout: Stripe.Payout;
  refund: Stripe.Refund;
  transfer: Stripe.Transfer;
  transfer_reversal: Stripe.TransferReversal;
}

/** Some of the fields, to any depth: the simulator has those that are read. */
type Some<T> = T extends object ? { [Field in keyof T]?: Some<T[Field]> } : T;

/** Names of the fields that Stripe's object has not, or has with another type. */
type Differing<Kind extends keyof Published> = {
  [Field in keyof Kinds[Kind] & string]: Field extends keyof Published[Kind]
    ? Kinds[Kind][Field] extends Some<Published[Kind][Field]>
      ? never
      : `${Kind}.${Field}`
    : `${Kind}.${Field}`;
}[keyof Kinds[Kind] & string];

/** A parameter that the simulator keeps with its invoice until that is finalised. */
type Kept = 'invoice.days_until_due';

// What the compiler finds otherwise is told by `npm run check`, with the names of the fields.
test('each field of the simulator’s objects is one that the SDK publishes, with a type of its', () => {
  type All = { [Kind in keyof Published]: Differing<Kind> }[keyof Published];
  expectTypeOf<Exclude<All, Kept>>().toBeNever();
});

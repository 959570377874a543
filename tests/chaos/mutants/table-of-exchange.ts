import { audited, inFile, type Mutant } from './killers.ts';

/** Defects of what Stripe exchanged. */
export const EXCHANGE: readonly Mutant[] = [
  {
    name: 'exchanged-money-clears',
    invariants: ['INV-9', 'INV-11'],
    breaks: 'suppliers are paid in the currency of an invoice whose money Stripe holds in another',
    redBy: inFile('tests/real/fx-charges.test.ts')(
      'an invoice in eur whose charge settles in usd > is paid, and its charge is booked in both currencies at the rate of Stripe',
    ),
  },
  {
    name: 'exchange-booked-in-one-currency',
    invariants: ['INV-6', 'INV-24'],
    breaks: 'what a buyer paid in one currency is booked in the one that Stripe made of it',
    redBy: audited('what is between two currencies is what charges exchanged, less what was taken back'),
  },
  {
    name: 'refund-booked-in-one-currency',
    invariants: ['INV-6', 'INV-7'],
    breaks:
      'what a refund takes of an invoice in one currency is booked in the one that its charge settled in',
    redBy: audited('what is taken back of such a charge is booked once in each currency'),
  },
  {
    name: 'cover-taken-as-it-settled',
    invariants: ['INV-7'],
    breaks: "a refund takes of an invoice's cover what it was in the currency that its charge settled in",
    redBy: inFile('tests/real/fx-withdrawals.test.ts')(
      'a refund of a charge in eur that settled in usd > takes its part of the invoice in eur, and of the balance in usd by the rate of its day',
    ),
  },
  {
    name: 'exchanged-refund-takes-own-money',
    invariants: ['INV-11'],
    breaks:
      'a refund of money that settled in another currency keeps suppliers from what their own currency pays for',
    redBy: inFile('tests/real/fx-withdrawals-in-part.test.ts')(
      'what is taken back of an invoice that is paid in part by a charge that settled in eur > takes nothing of what its charge in usd pays for',
    ),
  },
];

import { inFile, type Mutant } from './killers.ts';

const deposits = inFile('tests/real/bank-deposits.test.ts');
const destinations = inFile('tests/real/bank-destinations.test.ts');

/** Defects of payouts to the platform's own bank. */
export const DEPOSITS: readonly Mutant[] = [
  {
    name: 'deposit-matched-by-amount',
    invariants: ['INV-20'],
    breaks: 'a line of a bank statement is taken for a payout of the same amount',
    redBy: deposits(
      'a payout of the platform > of the same amount and day as a line is only suggested, never matched',
    ),
  },
  {
    name: 'failed-payout-stays-at-the-bank',
    invariants: ['INV-24'],
    breaks: 'a payout that failed after it was deposited is at the bank and at Stripe',
    redBy: deposits(
      'a payout of the platform > that fails after it was at the bank is open again until the bank and Stripe agree where its money is',
    ),
  },
  {
    name: 'running-balance-not-told',
    invariants: ['INV-24'],
    breaks: 'a movement that is missing between two readings of the balance is no break',
    redBy: deposits(
      'what a payout is made of > is proved of a manual one by the running balance, which is red when one movement is missing',
    ),
  },
  {
    name: 'paid-out-to-any-bank',
    invariants: ['INV-24'],
    breaks: 'a payout of the platform explains itself whatever bank it went to',
    redBy: destinations(
      'a payout to another bank is booked by nobody: it is a break that names the bank, and stops payouts, until somebody accounts for it',
    ),
  },
];

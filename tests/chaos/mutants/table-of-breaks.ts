import { inFile, type Mutant } from './killers.ts';

const breaks = inFile('tests/real/breaks.test.ts');
const life = inFile('tests/real/break-life.test.ts');

/** Defects of what people resolve. */
export const BREAKS: readonly Mutant[] = [
  {
    name: 'resolved-break-opened-again',
    invariants: ['INV-20'],
    breaks: 'a break that a person resolved stops the payouts again on the next night',
    redBy: breaks(
      'a movement at Stripe that is none of ours > is resolved once: a transfer, and payouts of its currency go on',
    ),
  },
  {
    name: 'resolution-approved-by-its-asker',
    invariants: ['INV-29'],
    breaks: 'who resolves a break above the limit approves it too',
    redBy: breaks(
      'a break above the limit > waits for another person than the one who resolved it, and books nothing meanwhile',
    ),
  },
  {
    name: 'resolution-kept-beside-the-truth',
    invariants: ['INV-24'],
    breaks: 'a movement that was resolved and is booked after all is in the books twice',
    redBy: breaks('what turns out to be ours > is taken out of suspense when the books know it after all'),
  },
  {
    name: 'own-refund-resolved',
    invariants: ['INV-11'],
    breaks: 'a refund of ours is taken for another system’s, and suppliers are paid for its calls',
    redBy: breaks('what turns out to be ours > is taken out of suspense when the books know it after all'),
  },
  {
    name: 'own-transfer-resolved',
    invariants: ['INV-2'],
    breaks: 'a payout that the books have lost is taken for another system’s, and its supplier is paid again',
    redBy: breaks(
      'what turns out to be ours > is never resolved when it is a transfer of ours that the books have lost',
    ),
  },
  {
    name: 'half-a-listing-is-whole',
    invariants: ['INV-20'],
    breaks:
      'a listing of Stripe’s movements that was given up is taken for a whole one, and what it lacks is never read',
    redBy: inFile('tests/real/movements.test.ts')(
      'one that stood open for a day is given up, and what it lacks is read by the next',
    ),
  },
  {
    name: 'expected-stops-payouts',
    invariants: ['INV-21'],
    breaks: 'what Stripe need not show yet stops the payouts of its currency',
    redBy: life(
      'what Stripe need not show yet stops nothing, and is missing from its due time on: ch_1, T+2 days',
    ),
  },
  {
    name: 'matched-by-amount',
    invariants: ['INV-20'],
    breaks: 'a transfer is matched with a payout of the same amount',
    redBy: life('a transfer is matched by the payout that its metadata names, and by nothing less'),
  },
  {
    name: 'corrections-left-out',
    invariants: ['INV-24'],
    breaks: 'a day opens without what came late for the days before it',
    redBy: inFile('tests/real/cash-days.test.ts')(
      'what comes for a frozen day later is a correction beside it, and its break lives on',
    ),
  },
];

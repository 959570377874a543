import { inFile, type Mutant } from './killers.ts';

const breaks = inFile('tests/real/breaks.test.ts');

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
];

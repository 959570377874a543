import { inFile, type Mutant } from './killers.ts';

const late = inFile('tests/real/late-calls.test.ts');
const kept = inFile('tests/real/late-calls-kept.test.ts');
const callers = inFile('tests/real/callers-in-order.test.ts');

/** Defects of the places that calls have by their starts. */
export const PLACES: readonly Mutant[] = [
  {
    name: 'late-call-not-noted',
    invariants: ['INV-31'],
    breaks: 'nobody looks at a day in which a call came late',
    redBy: late(
      'at the end of a day > two calls that came late take the places of the two newest, before the buyer is billed',
    ),
  },
  {
    name: 'ids-do-not-order',
    invariants: ['INV-31'],
    breaks: 'of calls that start at the same time the larger id comes first',
    redBy: late(
      'at the end of a day > of calls that start at the same time the one of the smaller id comes first',
    ),
  },
  {
    name: 'share-asked-of-the-buyer',
    invariants: ['INV-31'],
    breaks: 'a share of another tier is given back to the buyer, and waits for its next invoice',
    redBy: late(
      'at the end of a month > another share of a call that was paid out is a debt and owed anew at once, and its buyer sees nothing of it',
    ),
  },
  {
    name: 'tier-by-order-of-arrival',
    invariants: ['INV-31'],
    breaks: 'a share stays that of the place at which its call came',
    redBy: inFile('tests/real/any-order-of-arrival.test.ts')(
      'calls of a month in any order of arrival owe and earn in the end what they do in the order of their starts',
    ),
  },
  {
    name: 'late-call-exceeds-its-cap',
    invariants: ['INV-31'],
    breaks: 'a late call is paid for while the one beyond the cap waits to be taken back',
    redBy: late(
      'at the end of a day > one that came after it was billed waits until the newest is taken back, which is credit for the buyer',
    ),
  },
  {
    name: 'order-goes-before-a-person',
    invariants: ['INV-31'],
    breaks: 'a call whose dispute was denied is taken back for its place',
    redBy: inFile('tests/real/late-calls-waiting.test.ts')(
      "a person's decision goes before the order > a call whose dispute was denied keeps its place, and the one before it is beyond the cap",
    ),
  },
  {
    name: 'late-call-waits-for-exchanged-money',
    invariants: ['INV-30'],
    breaks: 'a late call waits for one to be taken back whose money settled in another currency',
    redBy: kept(
      'a late call waits for none whose money settled in another currency > and has none where the cap is full of such calls',
    ),
  },
  {
    name: 'paid-after-all-not-noted',
    invariants: ['INV-31'],
    breaks: 'nobody looks at a day whose calls were given up and are paid after all',
    redBy: kept('calls whose money is lost > make way for it when they are paid after all'),
  },
  {
    name: 'refused-by-a-later-one-not-noted',
    invariants: ['INV-31'],
    breaks: 'nobody looks at a day in which a call was refused because of a later one of its caller',
    redBy: callers(
      'of three calls of which each has the next within its window, the first and the last are paid for > within one day, as they come: 12, 0, 24',
    ),
  },
  {
    name: 'caller-of-a-call-taken-back-not-noted',
    invariants: ['INV-31'],
    breaks: 'nobody looks at the refused calls of a caller of whom one is taken back',
    redBy: callers('a call that a person took back gives way to the next of its caller, also of another day'),
  },
  {
    name: 'caller-paid-beside-a-later-call',
    invariants: ['INV-16', 'INV-31'],
    breaks: 'a caller is paid for twice while the later call waits to be taken back',
    redBy: callers(
      'one that came after the other was billed waits until that is taken back; nobody is paid twice meanwhile',
    ),
  },
  {
    name: 'window-ends-at-midnight',
    invariants: ['INV-31'],
    breaks: 'the order of a day knows nothing of the paid calls around it',
    redBy: callers(
      'of three calls of which each has the next within its window, the first and the last are paid for > of two days, as they come: 12, 0, 24',
    ),
  },
];

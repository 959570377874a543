import { inFile, type Mutant } from './killers.ts';

/** Defects of how calls and suppliers are judged. */
export const FRAUD: readonly Mutant[] = [
  {
    name: 'word-lost-when-scored-anew',
    invariants: ['INV-32'],
    breaks: 'a call that is scored anew forgets what a person decided about it',
    redBy: inFile('tests/real/review.test.ts')(
      'a call that a person let go is paid for by its newer facts, and waits for nobody again',
    ),
  },
  {
    name: 'marked-calls-not-looked-at',
    invariants: ['INV-33'],
    breaks: 'nobody looks at the calls of a closed date in whose windows a late one lies',
    redBy: inFile('tests/real/fraud-any-order.test.ts')(
      'a call that is reported after its date was closed has the calls in its windows scored anew by the next close',
    ),
  },
  {
    name: 'step-by-old-evidence',
    invariants: ['INV-34'],
    breaks: 'the calls that throttled a supplier pause it the night after',
    redBy: inFile('tests/real/standings.test.ts')(
      'a step rests on calls that started after the step before it: those of its morning do not count',
    ),
  },
];

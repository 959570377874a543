import { audited, breakOf, inFile, type Mutant, queue, reconciliation, road, uniqueRow } from './killers.ts';

import { BREAKS } from './table-of-breaks.ts';
import { DEPOSITS } from './table-of-deposits.ts';
import { EXCHANGE } from './table-of-exchange.ts';
import { FRAUD } from './table-of-fraud.ts';
import { LOGS } from './table-of-logs.ts';
import { LEDGER, PAYOUTS } from './table-of-money.ts';
import { PLACES } from './table-of-places.ts';

const EVENTS: readonly Mutant[] = [
  {
    name: 'earning-row-not-unique',
    invariants: ['INV-10', 'INV-16'],
    breaks: 'a call may have two earnings',
    redBy: uniqueRow('earnings', "call_id) WHERE (state <> 'clawed_back'::text"),
  },
  {
    name: 'call-row-not-unique',
    invariants: ['INV-16'],
    breaks: 'a call that is reported twice is two calls',
    redBy: inFile('tests/real/call-facts.test.ts')(
      'three reports of a call in the order 1, 2, 3 leave the newest facts',
    ),
  },
  {
    name: 'call-rated-twice',
    invariants: ['INV-16'],
    breaks: 'a call that is rated already is rated again',
    redBy: inFile('tests/real/call-facts.test.ts')('a call that is rated is not rated again'),
  },
  {
    name: 'webhook-row-not-unique',
    invariants: ['INV-17'],
    breaks: 'a webhook that is sent twice is stored twice',
    redBy: audited('no event is stored twice'),
  },
  {
    name: 'accepted-before-stored',
    invariants: ['INV-17', 'INV-19'],
    breaks: 'a webhook is answered 202 before the queue has stored it',
    redBy: inFile('tests/unit/receiver-answers.test.ts')(
      'an acceptance of standard comes after the queue has stored the event',
    ),
  },
  {
    name: 'older-facts-overwrite-newer',
    invariants: ['INV-18'],
    breaks: 'the report that comes last counts, and not the newest',
    redBy: inFile('tests/real/call-facts.test.ts')(
      'three reports of a call in the order 3, 2, 1 leave the newest facts',
    ),
  },
  {
    name: 'call-stored-without-work',
    invariants: ['INV-19'],
    breaks: 'a call is stored and nothing ever scores it',
    redBy: inFile('tests/real/call-facts.test.ts')(
      'three reports of a call in the order 2, 1, 3 leave the newest facts',
    ),
  },
  {
    name: 'sweep-that-does-nothing',
    invariants: ['INV-19', 'INV-30'],
    breaks: 'what the queue has lost is never put back',
    redBy: queue(
      'on postgres > all rows come back after the queue has lost everything, and each is done once',
    ),
  },
  {
    name: 'waits-for-ever',
    invariants: ['INV-30'],
    breaks: 'a job whose wait does not end is told to nobody',
    redBy: queue('on postgres > a job that waits longer than a day is a dead letter'),
  },
];

const NIGHTS: readonly Mutant[] = [
  {
    name: 'amounts-not-compared',
    invariants: ['INV-20'],
    breaks: 'a movement of another amount than its row is no difference',
    redBy: breakOf('a charge of another net amount'),
  },
  {
    name: 'audit-tells-nobody',
    invariants: ['INV-20'],
    breaks: 'the audit after a close ends well, whatever it finds',
    redBy: inFile('tests/real/audit-books.test.ts')(
      'a broken book is a dead letter with the name of its check, and done when it is replayed after the repair',
    ),
  },
  {
    name: 'sent-payout-unexplained',
    invariants: ['INV-21'],
    breaks: 'each transfer of ours is reported as nobody’s',
    redBy: road(
      'the nights of a business > pay what cleared by each night and nothing that is still pending',
    ),
  },
  {
    name: 'break-found-again-is-another',
    invariants: ['INV-22'],
    breaks: 'a difference that is found again is reported anew',
    redBy: breakOf('a transfer that nobody here sent'),
  },
  {
    name: 'audit-reads-by-the-jobs',
    invariants: ['INV-23'],
    breaks: 'the audit uses the code that it judges',
    redBy: inFile('tests/tidy.test.ts')(
      'the audit imports no job: it must not j… > it holds in the whole tree',
    ),
  },
  {
    name: 'cash-difference-hidden',
    invariants: ['INV-24', 'INV-25'],
    breaks: 'totals that differ do not stop payouts',
    redBy: reconciliation(
      'each half of the gate stops alone > a difference of the totals, although each movement is explained',
    ),
  },
  {
    name: 'breaks-stop-nothing',
    invariants: ['INV-25'],
    breaks: 'a break that is open does not stop payouts',
    redBy: reconciliation(
      'each half of the gate stops alone > a break, although the totals differ by no more than is tolerated',
    ),
  },
  {
    name: 'gate-always-open',
    invariants: ['INV-25'],
    breaks: 'payouts are planned although the cash was not compared',
    redBy: reconciliation(
      'a comparison that did not come to its end > stops payouts with its reason, also when money had cleared before',
    ),
  },
  {
    name: 'every-other-night-planned',
    invariants: ['INV-26'],
    breaks: 'a missed date is left out',
    redBy: inFile('tests/real/close.test.ts')(
      'planning > after three missed nights closes each of them, oldest first',
    ),
  },
  {
    name: 'paused-pipeline-started',
    invariants: ['INV-26'],
    breaks: 'what was planned before a pause is started in it',
    redBy: inFile('tests/real/schedules.test.ts')('a pause > keeps a run waiting that was planned before'),
  },
  {
    name: 'run-started-beside-another',
    invariants: ['INV-26'],
    breaks: 'a run begins while the one before it is not done',
    redBy: inFile('tests/real/schedules.test.ts')(
      'a pipeline > that waits for its earlier run catches up what it missed one after the other, oldest first',
    ),
  },
  {
    name: 'two-closes-at-once',
    invariants: ['INV-26'],
    breaks: 'two closes may be open at once',
    redBy: uniqueRow('closes', "state) WHERE (state = 'open'::text"),
  },
  {
    name: 'close-waits-for-the-dead',
    invariants: ['INV-30'],
    breaks: 'one dead item keeps a close open for ever',
    redBy: inFile('tests/real/close.test.ts')(
      'a close > goes on without an item that is dead, and its report names it',
    ),
  },
];

const TAXES: readonly Mutant[] = [
  {
    name: 'tax-pays-suppliers',
    invariants: ['INV-9', 'INV-11'],
    breaks: 'suppliers are paid with the tax in what a buyer paid',
    redBy: inFile('tests/real/tax-of-an-invoice.test.ts')(
      'a part of what is owed with tax > of 9599 clears the calls that its part without tax pays for',
    ),
  },
  {
    name: 'refund-gives-more-than-it-took',
    invariants: ['INV-7'],
    breaks: 'the rounding of a credit note counts as a part of what a refund took',
    redBy: inFile('tests/real/tax-of-an-invoice.test.ts')(
      'a credit note whose tax Stripe rounded up > gives nobody more than a refund took',
    ),
  },
  {
    name: 'tax-not-booked',
    invariants: ['INV-7', 'INV-8'],
    breaks: 'the tax of an invoice that Stripe issued is on no account',
    redBy: inFile('tests/real/taxes-once.test.ts')(
      'an invoice with tax is issued and booked once > when the answer of step 0 is lost',
    ),
  },
];

export const MUTANTS: readonly Mutant[] = [
  ...LEDGER,
  ...EXCHANGE,
  ...BREAKS,
  ...LOGS,
  ...DEPOSITS,
  ...TAXES,
  ...PAYOUTS,
  ...EVENTS,
  ...PLACES,
  ...FRAUD,
  ...NIGHTS,
];

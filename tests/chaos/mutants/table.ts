/** A test that is red while a defect is in the tree, and green without it. */
export interface Killer {
  readonly file: string;
  /** Its whole name: those of its describes and its own, with ` > ` between them. */
  readonly test: string;
  /** The check of the audit that the test must name. */
  readonly check?: string;
}

/** One deliberate defect; its patch is `<name>.patch` beside this file. */
export interface Mutant {
  readonly name: string;
  readonly invariants: readonly string[];
  readonly breaks: string;
  readonly redBy: Killer;
}

/** Books that the SQL functions made, read by the audit: red by the check that a defect of them breaks. */
const audited = (check: string): Killer => ({
  file: 'tests/real/audit.test.ts',
  test: "books made by the jobs' own functions keep every promise, and what is open in them is listed",
  check,
});
const inFile =
  (file: string) =>
  (test: string): Killer => ({ file, test });
const catalogue = inFile('tests/real/catalogue.test.ts');
const ledger = inFile('tests/real/ledger.test.ts');
const fences = inFile('tests/real/fences.test.ts');
const reconciliation = inFile('tests/real/reconciliation.test.ts');
const road = inFile('tests/real/road.test.ts');
const queue = inFile('tests/real/queue-contract.test.ts');
const stripeClient = inFile('tests/unit/stripe-client.test.ts');
const sending = inFile('tests/unit/sending.test.ts');
const uniqueRow = (table: string, columns: string) =>
  catalogue(`tables > there is one row of ${table} for each (${columns}), whatever the code does`);
const breakOf = (what: string) =>
  reconciliation(`a break > ${what} stops payouts of its currency only, and keeps its identity`);

const LEDGER: readonly Mutant[] = [
  {
    name: 'unbalanced-journal-accepted',
    invariants: ['INV-1'],
    breaks: 'postings that do not sum to zero are committed',
    redBy: catalogue('tables > a journal whose postings do not sum to zero is refused, whoever writes it'),
  },
  {
    name: 'postings-can-be-changed',
    invariants: ['INV-4'],
    breaks: 'an update of a posting is not refused',
    redBy: catalogue('tables > even the superuser is refused: update public.postings set amount_minor = 2'),
  },
  {
    name: 'balance-not-added-to',
    invariants: ['INV-5'],
    breaks: 'a balance is the last posting and not their sum',
    redBy: ledger('postings > of eight writers at once add up to the balances, and one key posts once'),
  },
  {
    name: 'fractions-accepted',
    invariants: ['INV-6'],
    breaks: 'an amount with a fraction passes',
    redBy: inFile('tests/unit/money.test.ts')(
      'amounts > every number with a fraction is refused, however small the fraction',
    ),
  },
  {
    name: 'amounts-beyond-a-number',
    invariants: ['INV-6'],
    breaks: 'the database takes amounts that a number does not hold exactly',
    redBy: ledger(
      'a journal > holds amounts up to 2^53 − 1, and refuses to pass that by an amount or a balance',
    ),
  },
  {
    name: 'posting-in-another-currency',
    invariants: ['INV-6'],
    breaks: 'a posting may be in another currency than its journal',
    redBy: ledger('postings > are in the currency of their journal and their account'),
  },
  {
    name: 'share-rounded-to-nearest',
    invariants: ['INV-7'],
    breaks: "the supplier's share is rounded by Math.round",
    redBy: inFile('tests/unit/rate.test.ts')('the share is rounded down to a whole minor unit'),
  },
  {
    name: 'fee-and-net-exchanged',
    invariants: ['INV-7', 'INV-24'],
    breaks: "a charge is booked with Stripe's fee as cash and the cash as fee",
    redBy: audited('a charge is booked once when its invoice is paid, with its fee'),
  },
  {
    name: 'given-back-money-posted-as-pending',
    invariants: ['INV-8'],
    breaks: 'a refused payout returns to pending, and payable goes below zero',
    redBy: audited('no balance stands on its wrong side'),
  },
];

const PAYOUTS: readonly Mutant[] = [
  {
    name: 'sent-payout-posted-as-given-back',
    invariants: ['INV-2', 'INV-24'],
    breaks: 'a transfer that was made is booked as if the money had come back',
    redBy: audited('a payout is reserved, sent and given back in the books as its state says'),
  },
  {
    name: 'new-key-on-every-try',
    invariants: ['INV-3'],
    breaks: 'each try of a transfer has another key, so Stripe makes one for each',
    redBy: stripeClient('a transfer is sent once, whatever happens, under the key of its row'),
  },
  {
    name: 'look-up-before-re-send-skipped',
    invariants: ['INV-3', 'INV-14'],
    breaks: 'a key that Stripe may have forgotten is sent again without a look',
    redBy: sending('the next step > is to look up first from 23 hours on, whatever else the row says'),
  },
  {
    name: 'pending-earnings-planned',
    invariants: ['INV-9', 'INV-11'],
    breaks: 'earnings that have not cleared are planned for a payout',
    redBy: road(
      'the nights of a business > pay what cleared by each night and nothing that is still pending',
    ),
  },
  {
    name: 'money-clears-too-early',
    invariants: ['INV-9', 'INV-11'],
    breaks: 'money counts as available a month before Stripe says so',
    redBy: audited('money becomes available once, and not before Stripe says so'),
  },
  {
    name: 'earnings-planned-twice',
    invariants: ['INV-10'],
    breaks: 'earnings of a payout that waits are planned for the next one too',
    redBy: audited('a payout is the sum of its earnings, and a returned one holds none'),
  },
  {
    name: 'run-total-of-one-payout',
    invariants: ['INV-12'],
    breaks: 'the total of a run is that of its largest payout',
    redBy: audited('a run of payouts is the sum of its payouts'),
  },
  {
    name: 'send-without-its-row',
    invariants: ['INV-13'],
    breaks: 'a transfer is asked for and no row says so',
    redBy: fences('an unknown outcome > never ends by its age, and its money stays reserved'),
  },
  {
    name: 'server-error-taken-as-refusal',
    invariants: ['INV-14'],
    breaks: 'an answer 500 counts as a refusal, and the money is paid again',
    redBy: stripeClient('a fault of Stripe ends a send as documented'),
  },
  {
    name: 'absence-counts-at-once',
    invariants: ['INV-14'],
    breaks: 'a listing made right after a send counts as proof that nothing was sent',
    redBy: sending('absence > counts ten minutes after the last send and not a millisecond before'),
  },
  {
    name: 'destination-not-compared',
    invariants: ['INV-15'],
    breaks: 'money goes to an account that the supplier has left since the plan',
    redBy: fences(
      'what was frozen > is not sent when the destination changed after the plan; the next plan pays the new one',
    ),
  },
  {
    name: 'payout-fence-skipped',
    invariants: ['INV-27'],
    breaks: "a late writer's token is not compared with that of the payout",
    redBy: fences(
      'a late writer, whose token another run has replaced > changes nothing of a payout, whatever it wants to record',
    ),
  },
  {
    name: 'invoice-fence-skipped',
    invariants: ['INV-27'],
    breaks: "a late writer's token is not compared with that of the invoice",
    redBy: fences(
      'a late writer, whose token another run has replaced > changes nothing of an invoice, whatever it wants to record',
    ),
  },
  {
    name: 'stop-switch-not-read-at-send',
    invariants: ['INV-28'],
    breaks: 'what was planned before the stop is sent after it',
    redBy: fences('the stop switch > withholds at the last moment what was never sent'),
  },
  {
    name: 'sent-without-a-line-in-the-log',
    invariants: ['INV-29'],
    breaks: 'the line of a payout that was sent does not name it',
    redBy: audited('every payout that ended and every approval has its line in the log'),
  },
  {
    name: 'limit-without-approval',
    invariants: ['INV-29'],
    breaks: 'a payout above the limit goes without a second person',
    redBy: road(
      'what waits says why, and goes on the night after it is mended > a payout above the limit, until a second person approves it; then it goes at once',
    ),
  },
];

const EVENTS: readonly Mutant[] = [
  {
    name: 'earning-row-not-unique',
    invariants: ['INV-10', 'INV-16'],
    breaks: 'a call may have two earnings',
    redBy: uniqueRow('earnings', 'call_id'),
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
      '202 for standard comes after the queue has stored the event',
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
    name: 'sent-payout-unexplained',
    invariants: ['INV-21'],
    breaks: 'each transfer of ours is reported as nobody’s',
    redBy: reconciliation(
      'a clean book > has no finding, however often it is compared, and a comparison moves no money',
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
      'the audit imports no job: it must not judge with the code that it judges > it holds in the whole tree',
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

export const MUTANTS: readonly Mutant[] = [...LEDGER, ...PAYOUTS, ...EVENTS, ...NIGHTS];

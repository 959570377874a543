export interface Invariant {
  readonly id: string;
  readonly promise: string;
  /** The part of it whose feature does not exist yet, so that nothing could break it. */
  readonly notBuilt?: string;
}

/** The promises about money that no fault may break. */
export const INVARIANTS: readonly Invariant[] = [
  { id: 'INV-1', promise: 'debits are credits in each journal and over all accounts, per currency' },
  { id: 'INV-2', promise: 'each transfer at Stripe carries our payout and is booked exactly once' },
  { id: 'INV-3', promise: 'a payout has at most one transfer that stands, over all its tries and keys' },
  { id: 'INV-4', promise: 'postings are only added', notBuilt: 'corrections that name what they reverse' },
  { id: 'INV-5', promise: 'a stored balance is the sum of its postings at every instant' },
  {
    id: 'INV-6',
    promise: 'amounts are whole minor units within ±(2^53 − 1), in the currency of the account',
  },
  { id: 'INV-7', promise: 'the parts of a split sum to the whole to the last unit' },
  { id: 'INV-8', promise: 'no payable balance is below zero', notBuilt: 'debts of suppliers' },
  { id: 'INV-9', promise: 'payouts, pending ones included, never exceed what has cleared' },
  { id: 'INV-10', promise: 'an earning is in at most one live payout, and in one period' },
  {
    id: 'INV-11',
    promise: 'what is paid has cleared, when it is selected and when it is sent',
    notBuilt: 'holds',
  },
  { id: 'INV-12', promise: 'a batch is the sum of its items, each counted once' },
  { id: 'INV-13', promise: 'no request to Stripe without its row, which holds what was frozen' },
  { id: 'INV-14', promise: 'an unknown outcome ends by a look-up and never by its age' },
  { id: 'INV-15', promise: "money goes to the supplier's account of the plan" },
  { id: 'INV-16', promise: 'no call is billed twice, however often it is reported' },
  { id: 'INV-17', promise: 'an accepted webhook has one row and at most one set of effects' },
  { id: 'INV-18', promise: 'the state of an object never moves backward and ends as the sender has it' },
  { id: 'INV-19', promise: 'accepted work is done, waiting, parked or dead: none is lost' },
  { id: 'INV-20', promise: 'every difference between Stripe and the books is reported' },
  { id: 'INV-21', promise: 'clean books have no finding, also with money in flight' },
  { id: 'INV-22', promise: 'comparing a day again gives the same answer and moves no money' },
  { id: 'INV-23', promise: 'the judge reads by paths of its own' },
  {
    id: 'INV-24',
    promise: 'the cash of the books is the cash at Stripe',
    notBuilt: 'owner and cause of a finding',
  },
  { id: 'INV-25', promise: 'without a finished comparison nothing is paid' },
  { id: 'INV-26', promise: 'one run per business date, without a gap' },
  { id: 'INV-27', promise: 'a write under an older token changes nothing' },
  {
    id: 'INV-28',
    promise: 'the stop switch ends new sends within one item',
    notBuilt: 'caps per supplier and day',
  },
  { id: 'INV-29', promise: 'every action about money has its line of who and why' },
  { id: 'INV-30', promise: 'nothing waits for ever: what does not come in time is told' },
  {
    id: 'INV-31',
    promise: 'calls of a closed day or month have the places of their starts, in whatever order they came',
  },
  { id: 'INV-32', promise: "a person's word on a call stands, whatever is scored anew" },
  {
    id: 'INV-33',
    promise: 'calls of a closed date are judged by all that started before them, whenever reported',
  },
  { id: 'INV-34', promise: 'each step of a supplier rests on calls that started after the one before it' },
];

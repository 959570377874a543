import {
  audited,
  catalogue,
  fences,
  inFile,
  ledger,
  type Mutant,
  road,
  sending,
  stripeClient,
} from './killers.ts';

/** Defects of the ledger and of what leaves. */
export const LEDGER: readonly Mutant[] = [
  {
    name: 'lost-and-returned-swapped',
    invariants: ['INV-7', 'INV-8'],
    breaks: 'what the exchange lost is booked as what it returned of its own',
    redBy: audited('bad debt is what the invoices of its currency lost'),
  },
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
    redBy: catalogue('tables > a posting in eur to an account in eur is refused in a journal in usd'),
  },
  {
    name: 'part-payment-clears-all',
    invariants: ['INV-11'],
    breaks: 'a partial payment clears every call of its invoice',
    redBy: inFile('tests/real/invoice-life.test.ts')(
      'a partial payment > clears whole calls, the oldest first, once its money is available',
    ),
  },
  {
    name: 'taken-back-money-stays-payable',
    invariants: ['INV-11'],
    breaks: 'calls whose money a refund or a dispute took stay payable',
    redBy: inFile('tests/real/withdrawals.test.ts')(
      'a refund > withholds a payout that holds such a call and was not sent; the next plan pays the rest',
    ),
  },
  {
    name: 'wallet-spent-twice',
    invariants: ['INV-7'],
    breaks: 'a call is paid from a wallet that covers only a part of it',
    redBy: inFile('tests/real/wallets.test.ts')(
      'a buyer with a wallet > whose wallet covers a call only in part has it held',
    ),
  },
  {
    name: 'wallet-clears-early',
    invariants: ['INV-11'],
    breaks: 'suppliers are paid from money of a wallet that is not available yet',
    redBy: inFile('tests/real/wallets.test.ts')(
      'a buyer with a wallet > pays its suppliers when the money of the wallet is available, and not before',
    ),
  },
  {
    name: 'credit-note-not-looked-up',
    invariants: ['INV-16'],
    breaks: 'a credit note whose answer was lost is made again when Stripe has forgotten its key',
    redBy: inFile('tests/real/credit-notes-once.test.ts')(
      'a credit note is made once > that died before it was recorded, also when Stripe has forgotten the key',
    ),
  },
  {
    name: 'credit-note-leaves-a-call-that-nobody-pays',
    invariants: ['INV-30'],
    breaks: 'a call that a refund left uncovered is billed for ever when a credit note ends its invoice',
    redBy: inFile('tests/real/withdrawals-and-credit-notes.test.ts')(
      'what is taken back of an invoice while a credit note is made that ends it > leaves no call that nobody will ever pay when it is refunded',
    ),
  },
  {
    name: 'credited-call-given-back-twice',
    invariants: ['INV-7'],
    breaks: 'a call that a credit note took off its invoice is credit on the next invoice too',
    redBy: inFile('tests/real/credit-notes.test.ts')(
      'a call on an invoice that is open > is taken off it by a credit note, for both sides; the rest is paid and its supplier too',
    ),
  },
  {
    name: 'intent-not-noted',
    invariants: ['INV-13'],
    breaks: 'the payment intent of a top-up is confirmed before it is noted, and a later run makes another',
    redBy: inFile('tests/real/topups.test.ts')(
      'charging a wallet > that died before it was recorded makes one charge, also a day later and with another card',
    ),
  },
  {
    name: 'disputed-call-invoiced',
    invariants: ['INV-7'],
    breaks: 'a call is put on an invoice while its buyer disputes it',
    redBy: inFile('tests/real/adjustments.test.ts')(
      "a buyer's dispute of a call > keeps it off invoices until it is decided; denied, it is invoiced and paid like any other",
    ),
  },
  {
    name: 'debt-not-kept',
    invariants: ['INV-9'],
    breaks: 'what a supplier owes is not kept of its payouts',
    redBy: inFile('tests/real/adjustments.test.ts')(
      'a call that is taken out of the books > after its supplier was paid is owed by the supplier, and kept of its next payouts',
    ),
  },
  {
    name: 'share-rounded-to-nearest',
    invariants: ['INV-7'],
    breaks: 'a part of an amount is rounded by Math.round',
    redBy: inFile('tests/unit/rate.test.ts')(
      'a share in basis points > is rounded down to a whole minor unit',
    ),
  },
  {
    name: 'fee-and-net-exchanged',
    invariants: ['INV-7', 'INV-24'],
    breaks: "a charge is booked with Stripe's fee as cash and the cash as fee",
    redBy: road('one call > is scored, billed, cleared and paid out, and every journal says so to the cent'),
  },
  {
    name: 'given-back-money-posted-as-pending',
    invariants: ['INV-8'],
    breaks: 'a refused payout returns to pending, and payable goes below zero',
    redBy: audited('no balance stands on its wrong side'),
  },
];

export const PAYOUTS: readonly Mutant[] = [
  {
    name: 'sent-payout-posted-as-given-back',
    invariants: ['INV-2', 'INV-24'],
    breaks: 'a transfer that was made is booked as if the money had come back',
    redBy: road('one call > is scored, billed, cleared and paid out, and every journal says so to the cent'),
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
    name: 'what-came-back-planned-twice',
    invariants: ['INV-7', 'INV-10'],
    breaks: 'a reversed transfer that was paid again is planned for one payout more',
    redBy: inFile('tests/real/transfer-reversals.test.ts')(
      'a transfer that is reversed at Stripe > in two parts is owed again in two parts, each once',
    ),
  },
  {
    name: 'reserve-held-of-a-released-one',
    invariants: ['INV-7'],
    breaks: 'a reserve is held of the reserve that is released, and so on for ever',
    redBy: inFile('tests/real/reserve.test.ts')(
      'the reserve of a supplier > is held of a payout and paid so many days after its date, without a reserve of it',
    ),
  },
  {
    name: 'reserve-kept-of-a-payout-given-back',
    invariants: ['INV-7'],
    breaks: 'a payout that gave its money back still holds a reserve',
    redBy: audited('a reserve is what its payout holds back, and of new earnings alone'),
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

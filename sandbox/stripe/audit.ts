import { holderOf } from './banks.ts';
import type { BalanceTransaction } from './objects.ts';
import type { Store } from './store.ts';

interface Expected {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
}

/** What does not add up in the books, in words; empty when everything does. */
export function audit(store: Store): string[] {
  const transactions = store.all('balance_transaction');
  return [
    ...auditBalances(store, transactions),
    ...auditSources(store, transactions),
    ...auditAccounts(store),
    ...auditPayouts(store),
    ...auditInvoices(store),
  ];
}

/** Each balance is the sum of its transactions, and what is available goes below zero by a dispute only. */
function auditBalances(store: Store, transactions: readonly BalanceTransaction[]): string[] {
  const sums = new Map<string, { available: number; pending: number }>();
  for (const { currency, status, net } of transactions) {
    const sum = sums.get(currency) ?? { available: 0, pending: 0 };
    sum[status] += net;
    sums.set(currency, sum);
  }
  return store.rows('SELECT * FROM balances').flatMap(({ currency, available, pending }) => {
    const sum = sums.get(String(currency)) ?? { available: 0, pending: 0 };
    const problems = [];
    if (sum.available !== available || sum.pending !== pending) problems.push(`balance of ${currency}`);
    const isDisputed = transactions.some(
      ({ reporting_category: category, ...taken }) => category === 'dispute' && taken.currency === currency,
    );
    if (Number(available) < 0 && !isDisputed) problems.push(`available ${currency} is below zero`);
    return problems;
  });
}

/** What an invoice asks for is its total less its credit notes, and was paid or is left; one of which nothing is left is paid. */
function auditInvoices(store: Store): string[] {
  const notes = Map.groupBy(store.all('credit_note'), ({ invoice }) => invoice);
  const issued = store.all('invoice').filter(({ status, total }) => status !== 'draft' && total > 0);
  return issued.flatMap((invoice) => {
    const credited = (notes.get(invoice.id) ?? []).reduce((sum, note) => sum + note.pre_payment_amount, 0);
    const { total, amount_due: due, amount_paid: paid, amount_remaining: left, status } = invoice;
    const taxes = invoice.total_taxes.reduce((sum, { amount }) => sum + amount, 0);
    if (invoice.total_excluding_tax + taxes !== total) return [`tax of ${invoice.id}`];
    const isRight = credited === invoice.pre_payment_credit_notes_amount && total - credited === due;
    const isSettled = paid + left === due && (status === 'paid') === (left === 0);
    return isRight && isSettled ? [] : [`amounts of ${invoice.id}`];
  });
}

/** What a connected account has is what transfers brought it less what its bank kept or is on its way there. */
function auditAccounts(store: Store): string[] {
  const sums = new Map<string, number>();
  const add = (account: string, currency: string, amount: number) =>
    sums.set(`${account} ${currency}`, (sums.get(`${account} ${currency}`) ?? 0) + amount);
  for (const { destination, currency, amount, amount_reversed } of store.all('transfer'))
    add(destination, currency, amount - amount_reversed);
  for (const payout of store.all('account_payout'))
    if (payout.status !== 'failed') add(holderOf(payout), payout.currency, -payout.amount);
  for (const { account, currency, amount } of store.rows('SELECT * FROM account_balances'))
    add(String(account), String(currency), -Number(amount));
  return [...sums].flatMap(([account, left]) => (left === 0 ? [] : [`balance of ${account}`]));
}

/** An automatic payout took all that it is made of: with its own transaction nothing is left. */
function auditPayouts(store: Store): string[] {
  return store.all('payout').flatMap(({ id, automatic }) => {
    const items = store.rows('SELECT txn FROM payout_items WHERE payout = ?', id);
    const left = items.reduce(
      (sum, { txn }) => sum + store.get('balance_transaction', String(txn)).net,
      automatic ? 0 : items.length,
    );
    return left === 0 ? [] : [`items of ${id}`];
  });
}

/** Each object that moves money has exactly one transaction of its amount, and each transaction has its object. */
function auditSources(store: Store, transactions: readonly BalanceTransaction[]): string[] {
  // In the currency of the object; where its transaction has a rate, that makes it the one of the balance.
  const expected = new Map<string, { amount: number; sign: 1 | -1; currency: string }>();
  const expect = (what: string, sign: 1 | -1, { id, amount, currency }: Expected) =>
    expected.set(`${what} ${id}`, { amount, sign, currency });
  for (const charge of store.all('charge')) if (charge.paid) expect('charge', 1, charge);
  for (const transfer of store.all('transfer')) expect('transfer', -1, transfer);
  for (const reversal of store.all('transfer_reversal')) expect('transfer_reversal', 1, reversal);
  for (const payout of store.all('payout')) {
    expect('payout', -1, payout);
    if (payout.status === 'failed') expect('payout_reversal', 1, payout);
  }
  for (const refund of store.all('refund')) expect('refund', -1, refund);
  for (const dispute of store.all('dispute')) {
    expect('dispute', -1, dispute);
    if (dispute.status === 'won') expect('dispute_reversal', 1, dispute);
  }
  const problems = [];
  for (const { id, source, amount, currency, exchange_rate: rate, reporting_category } of transactions) {
    const key = `${reporting_category} ${source}`;
    const made = expected.get(key);
    const settled = made === undefined ? null : made.sign * Math.round(made.amount * (rate ?? 1));
    const isRated = (made?.currency === currency) === (rate === null);
    if (settled === amount && isRated) expected.delete(key);
    else problems.push(`${id} does not fit ${source}`);
  }
  for (const key of expected.keys()) problems.push(`${key} has no transaction`);
  return problems;
}

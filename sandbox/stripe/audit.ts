import type { BalanceTransaction } from './objects.ts';
import type { Store } from './store.ts';

/** What does not add up in the books, in words; empty when everything does. */
export function audit(store: Store): string[] {
  const transactions = store.all('balance_transaction');
  return [...auditBalances(store, transactions), ...auditSources(store, transactions)];
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
    const isDisputed = store.all('dispute').some((dispute) => dispute.currency === currency);
    if (Number(available) < 0 && !isDisputed) problems.push(`available ${currency} is below zero`);
    return problems;
  });
}

/** Each object that moves money has exactly one transaction of its amount, and each transaction has its object. */
function auditSources(store: Store, transactions: readonly BalanceTransaction[]): string[] {
  const expected = new Map<string, number>();
  for (const charge of store.all('charge')) if (charge.paid) expected.set(charge.id, charge.amount);
  for (const transfer of store.all('transfer')) expected.set(transfer.id, -transfer.amount);
  for (const reversal of store.all('transfer_reversal')) expected.set(reversal.id, reversal.amount);
  for (const payout of store.all('payout')) expected.set(payout.id, -payout.amount);
  for (const refund of store.all('refund')) expected.set(refund.id, -refund.amount);
  // A dispute that was won moved its amount there and back.
  const won = new Map(
    store.all('dispute').map(({ id, status, amount }) => [id, status === 'won' ? amount : null]),
  );
  for (const dispute of store.all('dispute')) expected.set(dispute.id, -dispute.amount);
  const problems = [];
  for (const { id, source, amount } of transactions) {
    if (won.get(source) === amount) won.delete(source);
    else if (expected.get(source) !== amount) problems.push(`${id} does not fit ${source}`);
    else expected.delete(source);
  }
  for (const [source, amount] of won)
    if (amount !== null) problems.push(`${source} was won and gave nothing back`);
  for (const source of expected.keys()) problems.push(`${source} has no transaction`);
  return problems;
}

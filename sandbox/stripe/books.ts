import type { BalanceTransaction } from './objects.ts';
import { invalidRequest } from './refusal.ts';
import { newId, type Store } from './store.ts';

const DAY_S = 86_400;

export interface Movement {
  type: BalanceTransaction['type'];
  category: string;
  amount: number;
  fee: number;
  currency: string;
  /** Of what was paid in the movement's currency, where they differ. */
  exchangeRate?: number | null;
  source: string;
  availableOn: number;
  description: string | null;
}

export type Books = ReturnType<typeof createBooks>;

/** The platform's balance: each movement is one balance transaction, pending until its day. */
export function createBooks(store: Store) {
  const add = (currency: string, available: number, pending: number) =>
    store.run(
      `INSERT INTO balances VALUES (?, ?, ?) ON CONFLICT (currency) DO UPDATE
       SET available = available + excluded.available, pending = pending + excluded.pending`,
      currency,
      available,
      pending,
    );
  return {
    record(movement: Movement, nowS: number): BalanceTransaction {
      const { amount, fee, currency, availableOn } = movement;
      const net = amount - fee;
      const pending = availableOn > nowS;
      const transaction: BalanceTransaction = {
        id: newId('txn'),
        object: 'balance_transaction',
        amount,
        available_on: availableOn,
        balance_type: 'payments',
        created: nowS,
        currency,
        description: movement.description,
        exchange_rate: movement.exchangeRate ?? null,
        fee,
        fee_details: fee === 0 ? [] : [feeDetail(fee, currency)],
        net,
        reporting_category: movement.category,
        source: movement.source,
        status: pending ? 'pending' : 'available',
        type: movement.type,
      };
      store.insert('balance_transaction', transaction, nowS);
      add(currency, pending ? 0 : net, pending ? net : 0);
      if (pending) store.run('INSERT INTO pending VALUES (?, ?)', transaction.id, availableOn);
      return transaction;
    },
    /** Makes due money available; true when some became so. */
    settle(nowS: number): boolean {
      const due = store.rows('SELECT txn FROM pending WHERE available_on <= ?', nowS);
      for (const { txn } of due) {
        const transaction = store.get('balance_transaction', String(txn));
        store.update('balance_transaction', { ...transaction, status: 'available' });
        add(transaction.currency, transaction.net, -transaction.net);
        store.run('DELETE FROM pending WHERE txn = ?', transaction.id);
      }
      return due.length > 0;
    },
    needAvailable(amount: number, currency: string): void {
      const row = store.rows('SELECT available FROM balances WHERE currency = ?', currency)[0];
      if (Number(row?.available ?? 0) >= amount) return;
      throw invalidRequest('You have insufficient available funds in your Stripe account.', {
        code: 'balance_insufficient',
      });
    },
    balance: () => balanceOf(store.rows('SELECT * FROM balances ORDER BY currency')),
  };
}

function balanceOf(rows: readonly Record<string, unknown>[]) {
  const part = (name: 'available' | 'pending') =>
    rows.map((row) => {
      const amount = Number(row[name]);
      return { amount, currency: String(row.currency), source_types: { card: amount } };
    });
  return { object: 'balance', available: part('available'), livemode: false, pending: part('pending') };
}

/** 2.9 % and 30 minor units, half up. */
export function feeOf(amount: number): number {
  return Math.floor((amount * 29 + 500) / 1_000) + 30;
}

/** 00:00 UTC two days after. */
export function availableOn(nowS: number): number {
  return Math.floor(nowS / DAY_S + 2) * DAY_S;
}

function feeDetail(amount: number, currency: string): BalanceTransaction['fee_details'][number] {
  return { amount, application: null, currency, description: 'Stripe processing fees', type: 'stripe_fee' };
}

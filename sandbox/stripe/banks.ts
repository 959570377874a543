import { z } from 'zod';
import type { Context } from './context.ts';
import type { BankPayout } from './objects-of-accounts.ts';
import { newId, type Store } from './store.ts';

const DAY_S = 86_400;

/** Why a bank gives a payout back, in Stripe's codes and words. */
const FAILURES = {
  account_closed: 'The bank account has been closed.',
  account_frozen: 'The bank account has been frozen.',
  could_not_process: 'The bank could not process this payout.',
  declined: 'The bank has declined this transfer. Please contact the bank before retrying.',
  invalid_account_number: 'The routing number seems correct, but the account number is invalid.',
  no_account:
    'The bank account details on file are probably incorrect. No bank account could be located with those details.',
} as const;

export const bankSchema = z.strictObject({
  account: z.string(),
  /** Null for a bank that keeps what it is paid. */
  failsWith: z.enum(Object.keys(FAILURES) as (keyof typeof FAILURES)[]).nullable(),
});
export type Bank = z.output<typeof bankSchema>;

/** As Stripe marks a bank that gave a payout back: nothing is paid to it until its holder has changed it. */
const ERRORED = 'errored';

/** A transfer, or the reversal of one: what is there goes to the bank with the next day. */
export function bring(store: Store, account: string, currency: string, amount: number, nowS: number): void {
  store.run(
    `INSERT INTO account_balances VALUES (?, ?, ?, ?) ON CONFLICT (account, currency)
     DO UPDATE SET amount = amount + excluded.amount, due = coalesce(due, excluded.due)`,
    ...[account, currency, amount, nextDay(nowS)],
  );
}

/** The holder names a bank, which gives back what it is paid where `failsWith` says so. */
export function changeBank(store: Store, { account, failsWith }: Bank, nowS: number): void {
  store.get('account', account);
  store.setMeta(`bank:${account}`, failsWith ?? '');
  store.run('UPDATE account_balances SET due = ? WHERE account = ?', nextDay(nowS), account);
}

/** Ends the payouts that have arrived at their bank, and makes those whose day has come. */
export function settleBanks(context: Context): void {
  const { store, nowS } = context;
  for (const { payout } of store.rows('SELECT payout FROM arriving WHERE at <= ?', nowS)) {
    store.run('DELETE FROM arriving WHERE payout = ?', String(payout));
    arrive(context, store.get('account_payout', String(payout)));
  }
  for (const row of store.rows('SELECT * FROM account_balances WHERE due <= ?', nowS)) {
    const { account, currency } = row;
    store.run(
      'UPDATE account_balances SET due = NULL WHERE account = ? AND currency = ?',
      ...[String(account), String(currency)],
    );
    if (Number(row.amount) > 0 && store.meta(`bank:${account}`) !== ERRORED)
      payOut(context, String(account), String(currency), Number(row.amount));
  }
}

function payOut({ store, nowS, emit }: Context, account: string, currency: string, amount: number): void {
  const payout: BankPayout = {
    id: newId('po'),
    object: 'payout',
    amount,
    arrival_date: nextDay(nowS),
    automatic: true,
    balance_transaction: newId('txn'),
    created: nowS,
    currency,
    description: 'STRIPE PAYOUT',
    destination: bankOf(account),
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata: {},
    method: 'standard',
    reconciliation_status: 'in_progress',
    source_type: 'card',
    status: 'pending',
    type: 'bank_account',
  };
  store.insert('account_payout', payout, nowS);
  store.run('INSERT INTO arriving VALUES (?, ?)', payout.id, payout.arrival_date);
  addTo(store, payout, -amount);
  emit('payout.created', payout, account);
}

function arrive({ store, emit }: Context, payout: BankPayout): void {
  const account = holderOf(payout);
  const code = store.meta(`bank:${account}`) ?? '';
  if (!isFailure(code)) {
    const paid = { ...payout, status: 'paid', reconciliation_status: 'completed' } as const;
    emit('payout.paid', store.update('account_payout', paid), account);
    return;
  }
  const failure = { failure_code: code, failure_message: FAILURES[code] };
  const failed = {
    ...payout,
    ...failure,
    status: 'failed',
    failure_balance_transaction: newId('txn'),
  } as const;
  store.setMeta(`bank:${account}`, ERRORED);
  addTo(store, payout, payout.amount);
  emit('payout.failed', store.update('account_payout', failed), account);
}

function addTo(store: Store, { destination, currency }: BankPayout, amount: number): void {
  const sql = 'UPDATE account_balances SET amount = amount + ? WHERE account = ? AND currency = ?';
  store.run(sql, amount, holderOf({ destination }), currency);
}

const isFailure = (code: string): code is keyof typeof FAILURES => Object.hasOwn(FAILURES, code);
const nextDay = (nowS: number) => Math.floor(nowS / DAY_S + 1) * DAY_S;

/** Each account has one bank, of the account's own id: its payouts are found by it. */
export const bankOf = (account: string) => `ba_${account.slice('acct_'.length)}`;
export const holderOf = ({ destination }: Pick<BankPayout, 'destination'>) => `acct_${destination.slice(3)}`;

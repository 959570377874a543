import { z } from 'zod';
import { availableOn } from './books.ts';
import type { Context } from './context.ts';
import type { BalanceTransaction, Metadata, Payout } from './objects.ts';
import { invalidRequest } from './refusal.ts';
import { newId, type Store } from './store.ts';

const DAY_S = 86_400;
const TRACE_DIGITS = 15;
/** The platform's own bank, where nothing else is asked for. */
export const PLATFORM_BANK = 'ba_platform';

export const scheduleSchema = z.strictObject({ interval: z.enum(['manual', 'daily']) });
export type PayoutSchedule = z.output<typeof scheduleSchema>;
export const failureSchema = z.strictObject({
  payout: z.string(),
  failsWith: z.enum(['account_closed', 'could_not_process', 'declined', 'no_account']),
});
export type PayoutFailure = z.output<typeof failureSchema>;

/** Daily: at midnight all that is available leaves for the platform's bank; manual, as from the start: only what is asked for. */
export function schedulePayouts(store: Store, { interval }: PayoutSchedule, nowS: number): void {
  store.setMeta('payouts', interval === 'daily' ? String(nextDay(nowS)) : '');
}

/** When the next automatic payout is due; null where payouts are manual. */
export function nextPayout(store: Store): number | null {
  const due = store.meta('payouts') ?? '';
  return due === '' ? null : Number(due);
}

interface Wanted {
  readonly amount: number;
  readonly currency: string;
  readonly automatic: boolean;
  readonly destination: string;
  readonly description: string | null;
  readonly metadata: Metadata;
}

/** A payout of the platform to its own bank, or another one, where it arrives two days later. */
export function payOut({ store, books, nowS, emit }: Context, wanted: Wanted): Payout {
  const { amount, currency, automatic } = wanted;
  const id = newId('po');
  const transaction = books.record(
    { ...movementOf('payout', id, currency, -amount), availableOn: nowS },
    nowS,
  );
  const payout: Payout = {
    id,
    object: 'payout',
    amount,
    arrival_date: availableOn(nowS),
    automatic,
    balance_transaction: transaction.id,
    created: nowS,
    currency,
    description: wanted.description,
    destination: wanted.destination,
    failure_balance_transaction: null,
    failure_code: null,
    livemode: false,
    metadata: wanted.metadata,
    method: 'standard',
    reconciliation_status: automatic ? 'in_progress' : 'not_applicable',
    status: 'in_transit',
    trace_id: { status: 'pending', value: null },
    type: 'bank_account',
  };
  store.insert('payout', payout, nowS);
  if (automatic) {
    // Everything available that no earlier payout was made of, with those that were asked for and what failed.
    const items = `SELECT id FROM objects WHERE kind = 'balance_transaction' AND json_extract(body, '$.currency') = ?
      AND json_extract(body, '$.status') = 'available' AND id NOT IN (SELECT txn FROM payout_items)`;
    store.run(`INSERT INTO payout_items SELECT id, ? FROM (${items})`, id, currency);
  }
  store.run('INSERT INTO leaving VALUES (?, ?)', id, payout.arrival_date);
  emit('payout.created', payout);
  return payout;
}

/** Ends the payouts that have arrived, and makes the automatic ones whose day has come. */
export function settlePayouts(context: Context): void {
  const { store, nowS, emit } = context;
  for (const { payout } of store.rows('SELECT payout FROM leaving WHERE at <= ?', nowS)) {
    store.run('DELETE FROM leaving WHERE payout = ?', String(payout));
    const found = store.get('payout', String(payout));
    if (found.status !== 'in_transit') continue;
    const paid = store.update('payout', {
      ...found,
      status: 'paid',
      trace_id: { status: 'supported', value: traceOf(found.id) },
      reconciliation_status: found.automatic ? 'completed' : 'not_applicable',
    });
    emit('payout.paid', paid);
    if (found.automatic) emit('payout.reconciliation_completed', paid);
  }
  const due = nextPayout(store);
  if (due === null || due > nowS) return;
  schedulePayouts(store, { interval: 'daily' }, nowS);
  for (const { currency, available } of store.rows('SELECT * FROM balances ORDER BY currency')) {
    const amount = Number(available);
    if (amount > 0)
      payOut(context, {
        ...{ amount, currency: String(currency), automatic: true, destination: PLATFORM_BANK },
        ...{ description: 'STRIPE PAYOUT', metadata: {} },
      });
  }
}

/** The platform's bank gives a payout back, also one that was paid: its money is on the balance again. */
export function failPayout(
  { store, books, nowS, emit }: Context,
  { payout: id, failsWith }: PayoutFailure,
): void {
  const payout = store.get('payout', id);
  if (payout.status === 'failed') return;
  const movement = { ...movementOf('payout_failure', id, payout.currency, payout.amount), availableOn: nowS };
  const { id: failure_balance_transaction } = books.record(movement, nowS);
  const failed = store.update('payout', {
    ...payout,
    ...{ status: 'failed', failure_code: failsWith, failure_balance_transaction },
  });
  emit('payout.failed', failed);
}

/** What an automatic payout is made of, with its own transaction; newest first. */
export function listItems(
  store: Store,
  payoutId: string,
  { limit, starting_after: after }: { limit: number; starting_after?: string | undefined },
): { data: BalanceTransaction[]; has_more: boolean } {
  const payout = store.get('payout', payoutId, 'payout', 400);
  if (!payout.automatic)
    throw invalidRequest(
      'Balance transaction history can only be filtered on automatic payouts, not manual ones.',
    );
  if (payout.reconciliation_status !== 'completed')
    throw invalidRequest('The reconciliation of this payout is not ready yet.', {
      code: 'payout_reconciliation_not_ready',
    });
  const sql = `SELECT o.id FROM payout_items i JOIN objects o ON o.id = i.txn WHERE i.payout = ?
    AND o.seq < coalesce((SELECT seq FROM objects WHERE id = ?), 9e15) ORDER BY o.seq DESC LIMIT ?`;
  const found = store.rows(sql, payoutId, after ?? '', limit + 1);
  const data = found.slice(0, limit).map((row) => store.get('balance_transaction', String(row.id)));
  return { data, has_more: found.length > limit };
}

function movementOf(type: 'payout' | 'payout_failure', source: string, currency: string, amount: number) {
  const category = type === 'payout' ? 'payout' : 'payout_reversal';
  return { type, category, amount, fee: 0, currency, source, description: 'STRIPE PAYOUT' } as const;
}

/** As the bank will name it: digits that the id gives. */
function traceOf(id: string): string {
  const digits = [...id].map((letter) => String(letter.charCodeAt(0) % 10)).join('');
  return digits.slice(-TRACE_DIGITS);
}

const nextDay = (nowS: number) => Math.floor(nowS / DAY_S + 1) * DAY_S;

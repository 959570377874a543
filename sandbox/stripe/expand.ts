import { type Kind, type Kinds, kindOf } from './objects.ts';
import { invalidRequest } from './refusal.ts';
import type { Store } from './store.ts';

// What may be expanded on each kind of object; a node without an object of its own is a step of the path.
const EDGES: Record<string, Record<string, string>> = {
  balance_transaction: { source: 'source' },
  charge: {
    balance_transaction: 'balance_transaction',
    customer: 'customer',
    payment_intent: 'payment_intent',
  },
  invoice: { customer: 'customer', payments: 'invoice_payments' },
  invoice_payments: { data: 'invoice_payment' },
  invoice_payment: { payment: 'invoice_payment_payment' },
  invoice_payment_payment: { payment_intent: 'payment_intent' },
  payment_intent: { customer: 'customer', latest_charge: 'charge', payment_method: 'payment_method' },
  payout: { balance_transaction: 'balance_transaction' },
  transfer: { balance_transaction: 'balance_transaction', destination: 'account' },
  transfer_reversal: { balance_transaction: 'balance_transaction', transfer: 'transfer' },
};

/** Refuses paths that lead nowhere or deeper than four levels. `answers` is a kind, or `list:<kind>`. */
export function checkExpand(paths: readonly string[], answers: string): void {
  for (const path of paths) {
    const steps = path.split('.');
    if (steps.length > 4)
      throw invalidRequest('You cannot expand more than 4 levels of a property.', { param: 'expand' });
    let node: string | undefined = answers;
    for (const step of steps) {
      node = node?.startsWith('list:')
        ? step === 'data'
          ? node.slice(5)
          : undefined
        : EDGES[node ?? '']?.[step];
    }
    if (node === undefined)
      throw invalidRequest(`This property cannot be expanded (${path}).`, { param: 'expand' });
  }
}

export function expand(store: Store, body: object, paths: readonly string[]): object {
  const copy = structuredClone(body);
  for (const path of paths) walk(store, copy, path.split('.'));
  return copy;
}

function walk(store: Store, place: unknown, steps: readonly string[]): void {
  const [step, ...rest] = steps;
  if (step === undefined || typeof place !== 'object' || place === null) return;
  if (Array.isArray(place)) {
    for (const item of place) walk(store, item, steps);
    return;
  }
  const record = place as Record<string, unknown>;
  if (step === 'payments' && record.object === 'invoice')
    record.payments ??= paymentsOf(store, String(record.id));
  const value = record[step];
  if (typeof value === 'string') record[step] = load(store, value);
  walk(store, record[step], rest);
}

function load(store: Store, id: string): Kinds[Kind] | string {
  const kind = kindOf(id);
  return (kind === null ? null : store.find(kind, id)) ?? id;
}

function paymentsOf(store: Store, invoice: string) {
  const data = store.all('invoice_payment', 'invoice', invoice);
  return { object: 'list', data, has_more: false, url: '/v1/invoice_payments' };
}

import { z } from 'zod';
import { CURRENCIES, type Currency } from '../../src/money.ts';
import type { Charge } from './objects.ts';
import type { Store } from './store.ts';

const currency = z.enum(Object.keys(CURRENCIES) as Currency[]);
export const settlementSchema = z.strictObject({
  currency,
  /** The currency itself where its charges settle in it again. */
  into: currency,
  /** Minor units of `into` for a minor unit of `currency`, as Stripe counts. */
  rate: z.number().positive(),
});
export type Settlement = z.output<typeof settlementSchema>;

const rateKey = (currency: string, into: string) => `rate:${currency}:${into}`;

/** From now on charges in one currency settle in another one, and what is taken back of earlier ones moves at this rate. */
export function settleIn(store: Store, settlement: Settlement): void {
  store.setMeta(rateKey(settlement.currency, settlement.into), String(settlement.rate));
  store.setMeta(`settlement:${settlement.currency}`, JSON.stringify(settlement));
}

/** What a charge that is made now brings to the balance. */
export function exchange(store: Store, amount: number, code: string) {
  const found = store.meta(`settlement:${code}`);
  const { into, rate } = found === null ? { into: code, rate: 1 } : settlementSchema.parse(JSON.parse(found));
  if (into === code) return { amount, currency: code, exchangeRate: null };
  return { amount: Math.round(amount * rate), currency: into, exchangeRate: rate };
}

/** What a part of a charge is on the balance now: in the currency that the charge settled in, by the rate of today. */
export function exchangedAs(store: Store, charge: Charge, amount: number) {
  const { currency } = store.get('balance_transaction', charge.balance_transaction ?? '');
  if (currency === charge.currency) return { amount, currency, exchangeRate: null };
  const rate = Number(store.meta(rateKey(charge.currency, currency)));
  return { amount: Math.round(amount * rate), currency, exchangeRate: rate };
}

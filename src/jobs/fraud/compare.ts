import { parseAmountMinor } from '../../money.ts';
import type { Verdict } from './weigh.ts';

export type Outcome = 'approved' | 'held' | 'rejected';

/** How a call stands, and why it may stand so whatever rules say. */
export interface Standing {
  /** Null while the call waits for its score. */
  readonly outcome: Outcome | null;
  /** What its rules said of it; null where none were asked. */
  readonly verdict: Verdict['decision'] | null;
  /** A person decided it, or its time to be decided ran out. */
  readonly isDecided: boolean;
  /** A dispute or an operator took it out of the books. */
  readonly isTakenBack: boolean;
  /** Neither rules nor a person rejected it, but a cap or the window of its caller. */
  readonly isRefused: boolean;
}

export const OUTCOMES = { qualify: 'approved', hold: 'held', reject: 'rejected' } as const;

/**
 * What would have become of a call by another verdict. Caps and windows refuse it all the same; a person decides it as it was decided
 * where it would still have waited for one; and what was taken out of the books is taken out again.
 */
export function outcomeBy({ outcome, ...call }: Standing, verdict: Verdict['decision']): Outcome | null {
  if (verdict === call.verdict || call.isRefused) return outcome;
  if (verdict === 'hold' && call.isDecided) return outcome;
  if (verdict === 'qualify' && call.isTakenBack) return outcome;
  return OUTCOMES[verdict];
}

export interface Amounts {
  readonly priceMinor: number;
  readonly shareMinor: number;
}

/** Calls that would end otherwise: how many, and by currency what they owe and earn, or would. */
export interface Change {
  readonly from: Outcome;
  readonly to: Outcome;
  readonly calls: number;
  readonly money: Readonly<Record<string, Amounts>>;
}

export interface Difference {
  readonly calls: number;
  readonly changes: readonly Change[];
  /** By currency. */
  readonly money: Readonly<Record<string, Effect>>;
}

/** All in minor units. */
export interface Effect {
  /** Shares of approved calls that would be held or rejected. */
  readonly payoutsHeldMinor: number;
  /** Prices of approved calls that would be rejected; those of calls that would be held are owed once they are approved. */
  readonly buyersCreditedMinor: number;
  /** Prices and shares of calls that would be approved in addition. */
  readonly buyersBilledMinor: number;
  readonly suppliersPaidMinor: number;
}

/** Sums calls of which some end otherwise; `money` of a change is that of the side on which it is approved. */
export function createTally() {
  let calls = 0;
  const changes = new Map<
    string,
    { from: Outcome; to: Outcome; calls: number; money: Map<string, Amounts> }
  >();
  return {
    add(
      { from, to, count }: { from: Outcome; to: Outcome; count: number },
      money: (Amounts & { readonly currency: string }) | null,
    ) {
      calls += count;
      if (from === to) return;
      const change = changes.get(`${from} ${to}`) ?? { from, to, calls: 0, money: new Map() };
      changes.set(`${from} ${to}`, change);
      change.calls += count;
      if (money === null || (from !== 'approved' && to !== 'approved')) return;
      const before = change.money.get(money.currency);
      change.money.set(money.currency, {
        priceMinor: parseAmountMinor((before?.priceMinor ?? 0) + money.priceMinor),
        shareMinor: parseAmountMinor((before?.shareMinor ?? 0) + money.shareMinor),
      });
    },
    difference(): Difference {
      const sorted = [...changes.keys()].sort().flatMap((key) => changes.get(key) ?? []);
      const list = sorted.map(({ money, ...change }) => ({ ...change, money: Object.fromEntries(money) }));
      return { calls, changes: list, money: effectOf(list) };
    },
  };
}

function effectOf(changes: readonly Change[]): Record<string, Effect> {
  const currencies = new Set(changes.flatMap(({ money }) => Object.keys(money)));
  const sum = (currency: string, which: (change: Change) => boolean, amount: keyof Amounts) =>
    parseAmountMinor(
      changes.filter(which).reduce((total, { money }) => total + (money[currency]?.[amount] ?? 0), 0),
    );
  return Object.fromEntries(
    [...currencies].sort().map((currency) => [
      currency,
      {
        payoutsHeldMinor: sum(currency, ({ from }) => from === 'approved', 'shareMinor'),
        buyersCreditedMinor: sum(
          currency,
          ({ from, to }) => from === 'approved' && to === 'rejected',
          'priceMinor',
        ),
        buyersBilledMinor: sum(currency, ({ to }) => to === 'approved', 'priceMinor'),
        suppliersPaidMinor: sum(currency, ({ to }) => to === 'approved', 'shareMinor'),
      },
    ]),
  );
}

import { z } from 'zod';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

/** A payout of the platform; see integrations/stripe/payouts.ts. */
interface PlatformPayout {
  readonly id: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly automatic: boolean;
  readonly status: string;
  readonly destination: string | null;
  readonly reconciliationStatus: string;
  readonly traceId: string | null;
  readonly failureCode: string | null;
  readonly arrivesAtMs: number;
  readonly createdMs: number;
}

/** Statements of one account, as they are imported; see integrations/bank/statement.ts. */
interface BankFile {
  readonly currency: string;
  readonly numberHash: string | null;
  readonly statements: readonly object[];
}

const compared = z.object({ matched: z.int(), openBreaks: z.int() });
const imported = compared.extend({ statements: z.int(), lines: z.int(), added: z.int() });

export type Deposits = z.output<typeof deposits>;
const deposits = z.object({
  payouts: z.array(
    z.object({
      id: z.string(),
      currency: z.string(),
      amountMinor,
      automatic: z.boolean(),
      /** Stripe's word. */
      status: z.string(),
      destination: z.string().nullable(),
      /** Operators have said that it is the platform's: otherwise the payout is a break, and not booked. */
      isOwnBank: z.boolean(),
      traceId: z.string().nullable(),
      failureCode: z.string().nullable(),
      createdMs: instantMs,
      arrivesMs: instantMs,
      /** Null as long as nothing proves what it is made of. */
      provedBy: z.enum(['items', 'running_balance']).nullable(),
      /** A line of a statement, or Stripe's word; null as long as it is not at the bank. */
      depositedBy: z.enum(['bank', 'stripe']).nullable(),
      returnedMs: instantMs.nullable(),
      lineId: z.int().nullable(),
      bookedOn: z.iso.date().nullable(),
      account: z.string().nullable(),
    }),
  ),
  /** Of Stripe, and no payout. */
  lines: z.array(
    z.object({
      id: z.int(),
      account: z.string(),
      bookedOn: z.iso.date(),
      currency: z.string(),
      amountMinor,
      details: z.string(),
    }),
  ),
});

export type DepositsStore = ReturnType<typeof createDepositsStore>;

/** Payouts of the platform to its own bank, and what the bank's statements say. */
export function createDepositsStore(rpc: Rpc) {
  return {
    /** When the newest known payout was made; null before the first. */
    watermark: () => rpc('platform_payouts_watermark', {}, instantMs.nullable()),
    /** Stores payouts as they stand, given oldest first; the ids of those that are seen failed for the first time. */
    record: (payouts: readonly PlatformPayout[], nowMs: number) =>
      rpc('record_platform_payouts', { p_payouts: payouts, p_now_ms: nowMs }, z.array(z.string())),
    /** Automatic payouts whose items are to be read; at most 100. */
    toItemise: () => rpc('platform_payouts_to_itemise', {}, z.array(z.string())),
    storeItems: (payoutId: string, items: readonly { id: string; netMinor: number }[]) =>
      rpc('store_payout_items', { p_payout_id: payoutId, p_items: items }, z.int()),
    /** All items of it are stored. */
    settleItems: (payoutId: string, nowMs: number) =>
      rpc('settle_payout_items', { p_payout_id: payoutId, p_now_ms: nowMs }, z.object({})),
    /** Stripe's balances right after a movement, which was the newest when they were read. */
    recordBalances: (
      newest: { id: string; createdMs: number },
      balances: readonly { currency: string; availableMinor: number; pendingMinor: number }[],
      nowMs: number,
    ) =>
      rpc(
        'record_stripe_balances',
        { p_newest_id: newest.id, p_until_ms: newest.createdMs, p_balances: balances, p_now_ms: nowMs },
        z.int(),
      ),
    /** Books what left, came back and arrived, and keeps one row per difference. */
    compare: (nowMs: number) => rpc('reconcile_deposits', { p_now_ms: nowMs }, compared),
    /** Imports statements, all or none, and compares; with `isDry` nothing stays. `marker` null is that of before. */
    importFile: (
      account: string,
      file: BankFile,
      { by, marker, isDry, nowMs }: { by: string; marker: string | null; isDry: boolean; nowMs: number },
    ) =>
      rpc(
        'import_bank_file',
        {
          ...{ p_account: account, p_file: file, p_marker: marker },
          ...{ p_by: by, p_dry: isDry, p_now_ms: nowMs },
        },
        imported,
      ),
    /** A person says which payout a line is that names none; above the limit another one says the same. */
    match: (
      lineId: number,
      payoutId: string,
      { by, reason, nowMs }: { by: string; reason: string; nowMs: number },
    ) =>
      rpc(
        'match_bank_line',
        { p_line_id: lineId, p_payout_id: payoutId, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.object({ state: z.enum(['matched', 'waiting_approval']) }),
      ),
    /** The newest payouts with what of them is at the bank, and the lines from Stripe that are none; at most 200 of each. */
    list: () => rpc('list_deposits', {}, deposits),
  };
}

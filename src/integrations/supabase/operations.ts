import { z } from 'zod';
import { instantMs, nothing, type Rpc } from './rpc.ts';

const closeStatus = z.object({
  date: z.string(),
  state: z.string(),
  stage: z.string().nullable(),
  report: z.record(z.string(), z.unknown()).nullable(),
  waitingFor: z.array(z.object({ job: z.string(), key: z.string(), state: z.string() })).default([]),
});
const health = z.object({
  databaseTimeMs: instantMs,
  /** Age of the sweep's last beat; null before the first. */
  beatAgeMs: z.int().nullable(),
  due: z.array(z.object({ job: z.string(), count: z.int(), ageMs: z.int() })),
  dead: z.int(),
});

export type OperationsStore = ReturnType<typeof createOperationsStore>;

/** The close, the roll-ups, the inbox of Stripe's events, and what ops set. */
export function createOperationsStore(rpc: Rpc) {
  return {
    /** Plans the close of each date that has ended and starts the oldest. */
    planCloses: (dueMs: number, nowMs: number) =>
      rpc(
        'plan_closes',
        { p_due_ms: dueMs, p_now_ms: nowMs },
        z.object({ planned: z.int(), running: z.string().nullable() }),
      ),
    /** Closes one date by hand. CLOSE_OUT_OF_ORDER when it is not due or a later one is closed. */
    startClose: (date: string, nowMs: number) =>
      rpc('start_close', { p_date: date, p_now_ms: nowMs }, closeStatus),
    closeStatus: (date: string) => rpc('close_status', { p_date: date }, closeStatus.nullable()),
    /** Moves the open close on if it can; the date that is open. */
    advanceCloses: (nowMs: number) => rpc('advance_closes', { p_now_ms: nowMs }, z.string().nullable()),
    reportClose: (date: string) => rpc('report_close', { p_date: date }, z.record(z.string(), z.unknown())),
    /** How many rows the day has now. */
    rollUpDay: (date: string) => rpc('roll_up_day', { p_date: date }, z.int()),
    /** How many minutes were computed anew. */
    rollUpRecent: (nowMs: number) => rpc('roll_up_recent', { p_now_ms: nowMs }, z.int()),
    /** False when the event was stored before. */
    storeStripeEvent: (
      event: { eventId: string; type: string; receivedAtMs: number; trace: string },
      result: string,
      nowMs: number,
    ) => rpc('store_stripe_event', { p_event: event, p_now_ms: nowMs, p_result: result }, z.boolean()),
    /** Makes or updates suppliers, buyers, campaigns, terms and tracking numbers by id. */
    importParties: (parties: Parties, by: string, nowMs: number) =>
      rpc(
        'import_parties',
        { p_parties: parties, p_by: by, p_now_ms: nowMs },
        z.object({ routedCalls: z.int() }),
      ),
    ensureTimezone: (timezone: string) => rpc('ensure_timezone', { p_timezone: timezone }, nothing),
    /** Proves progress through the real queue. */
    beat: () => rpc('beat', { p_name: 'sweep' }, nothing),
    health: (nowMs: number) => rpc('health', { p_now_ms: nowMs }, health),
  };
}

/** What `callclear parties import` reads; ids are the exchange's own. A field that is absent keeps what stands, null clears it. */
export const parties = z.strictObject({
  suppliers: z.array(
    z.strictObject({
      id: z.uuid(),
      name: z.string().min(1).max(200),
      stripeAccountId: z.string().nullish(),
      authUserId: z.uuid().nullish(),
      payoutSchedule: z.enum(['daily', 'weekly', 'twice_monthly', 'monthly']).optional(),
      /** Of a weekly schedule: 1 is Monday, 7 is Sunday. */
      payoutWeekday: z.int().min(1).max(7).optional(),
      /** Days between the schedule's day and the payout. */
      payoutNetDays: z.int().min(0).max(90).optional(),
      /** The least amount that is paid, by currency. */
      payoutMinimums: z.record(z.string().length(3), z.int().positive()).optional(),
    }),
  ),
  buyers: z.array(
    z.strictObject({
      id: z.uuid(),
      name: z.string().min(1).max(200),
      email: z.email().nullish(),
      stripeCustomerId: z.string().nullish(),
      authUserId: z.uuid().nullish(),
      /** IANA; a new buyer's is UTC when it is absent. */
      timezone: z.string().optional(),
    }),
  ),
  campaigns: z.array(z.strictObject({ id: z.uuid(), buyerId: z.uuid(), name: z.string().min(1).max(200) })),
  terms: z.array(
    z.strictObject({
      id: z.uuid(),
      campaignId: z.uuid(),
      validFromMs: z.int(),
      currency: z.string().length(3),
      priceMinor: z.int().positive(),
      supplierShareBps: z.int().min(0).max(10_000),
      minDurationS: z.int().nonnegative(),
      duplicateWindowS: z.int().nonnegative(),
    }),
  ),
  trackingNumbers: z.array(
    z.strictObject({ number: z.string(), campaignId: z.uuid(), supplierId: z.uuid() }),
  ),
});
export type Parties = z.infer<typeof parties>;

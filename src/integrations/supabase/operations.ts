import { z } from 'zod';
import { instantMs, nothing, type Rpc } from './rpc.ts';

const closeStatus = z.object({
  date: z.string(),
  state: z.string(),
  stage: z.string().nullable(),
  report: z.record(z.string(), z.unknown()).nullable(),
  waitingFor: z.array(z.object({ job: z.string(), key: z.string(), state: z.string() })).default([]),
});
export type CloseStatus = z.infer<typeof closeStatus>;

const health = z.object({
  databaseTimeMs: instantMs,
  /** The last beat of each job that a schedule makes, by the database's clock. */
  beats: z.record(z.string(), instantMs),
  due: z.array(z.object({ job: z.string(), count: z.int(), ageMs: z.int() })),
  dead: z.int(),
  /** How many calls wait for a person, and how long ago the oldest of them started. */
  review: z.object({ calls: z.int(), ageMs: z.int() }),
});

export type OperationsStore = ReturnType<typeof createOperationsStore>;

/** The close, the roll-ups, the inbox of Stripe's events, and what ops set. */
export function createOperationsStore(rpc: Rpc) {
  return {
    /**
     * Closes one date by hand; with `dry` it only tells how that date stands. CLOSE_OUT_OF_ORDER when it is not due, another
     * comes first or a later one is closed; PIPELINE_PAUSED.
     */
    startClose: (date: string, nowMs: number, { dry = false } = {}) =>
      rpc('start_close', { p_date: date, p_now_ms: nowMs, p_dry: dry }, closeStatus),
    closeStatus: (date: string) => rpc('close_status', { p_date: date }, closeStatus.nullable()),
    reportClose: (date: string) => rpc('report_close', { p_date: date }, z.record(z.string(), z.unknown())),
    /** How many rows the day has now. */
    rollUpDay: (date: string) => rpc('roll_up_day', { p_date: date }, z.int()),
    /** How many minutes were computed anew. */
    rollUpRecent: (nowMs: number) => rpc('roll_up_recent', { p_now_ms: nowMs }, z.int()),
    /** False when the event was stored before. */
    storeStripeEvent: (
      event: { eventId: string; type: string; receivedAtMs: number; recovered: boolean; trace: string },
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
    health: (nowMs: number) => rpc('health', { p_now_ms: nowMs }, health),
  };
}

const seconds = z.int32().nonnegative();
/** HH:MM */
const timeOfDay = z.iso.time({ precision: -1 });
const bps = z.int().min(0).max(10_000);
/** One price and one share, as docs/terms.md shows; the database tells which combinations it refuses. */
const terms = z.strictObject({
  id: z.uuid(),
  campaignId: z.uuid(),
  validFromMs: z.int(),
  currency: z.string().length(3),
  priceMinor: z.int().positive().optional(),
  incrementS: z.int32().positive().optional(),
  minimumS: seconds.optional(),
  revenueBps: bps.positive().optional(),
  supplierShareBps: bps.optional(),
  supplierShareMinor: z.int().nonnegative().optional(),
  supplierShareTiers: z
    .array(z.strictObject({ fromCall: z.int32().positive(), bps }))
    .min(1)
    .refine(
      (tiers) => tiers.every(({ fromCall }, at) => fromCall > (tiers[at - 1]?.fromCall ?? 0)),
      'the tiers must ascend',
    )
    .refine(([first]) => first?.fromCall === 1, 'the first tier must be from call 1 on')
    .optional(),
  minDurationS: seconds,
  duplicateWindowS: seconds,
  /** When a call may start, by the clocks of the campaign's timezone; 1 is Monday. Absent is always. */
  hours: z
    .array(
      z
        .strictObject({
          days: z.array(z.int().min(1).max(7)).min(1),
          from: timeOfDay,
          to: z.union([timeOfDay, z.literal('24:00')]),
        })
        .refine(({ from, to }) => from < to, 'hours end after they begin: those over midnight are two'),
    )
    .min(1)
    .optional(),
  /** How many calls the buyer pays for at most. */
  dailyCap: z.int32().positive().optional(),
  monthlyCap: z.int32().positive().optional(),
  concurrencyCap: z.int32().positive().optional(),
});

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
      /** This part of what a payout pays of new earnings is held back, and released so many days after its date. */
      reserveBps: bps.max(9_999).optional(),
      reserveDays: z.int().min(0).max(365).optional(),
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
      /** On which day it is billed, of the week (1 is Monday) or of the month; a new buyer daily when it is absent. */
      billing: z
        .discriminatedUnion('cycle', [
          z.strictObject({ cycle: z.literal('daily') }),
          z.strictObject({ cycle: z.literal('weekly'), day: z.int().min(1).max(7) }),
          z.strictObject({ cycle: z.literal('monthly'), day: z.int().min(1).max(28) }),
        ])
        .optional(),
      /** Its invoices are sent and due after so many days; without, they are charged to its payment method at once. */
      paymentTermsDays: z.int().min(1).max(90).nullish(),
      /** The most that may be overdue before it is paused, by currency; what is not named has no limit. */
      creditLimits: z.record(z.string().length(3), z.int().nonnegative()).nullish(),
      /** By currency: its calls are paid from a wallet, which is charged when less than the low water is left. */
      prepaid: z
        .record(
          z.string().length(3),
          z.strictObject({
            lowWaterMinor: z.int().nonnegative(),
            rechargeMinor: z.int().positive(),
            mostPerDay: z.int().min(1).max(100),
          }),
        )
        .nullish(),
      /** Stripe computes tax on its invoices; not with a wallet. A new buyer is not taxed when it is absent. */
      automaticTax: z.boolean().optional(),
    }),
  ),
  campaigns: z.array(
    z.strictObject({
      id: z.uuid(),
      buyerId: z.uuid(),
      name: z.string().min(1).max(200),
      /** IANA; a new campaign's is UTC when it is absent. */
      timezone: z.string().optional(),
      /** Where its callers are, in ISO 3166-2 (`US-TX`); null is anywhere. */
      regions: z.array(z.string().min(2).max(6)).min(1).nullish(),
      /** The offer of another platform that it is. */
      offer: z
        .strictObject({
          provider: z.enum(['ringba', 'everflow', 'tune']),
          id: z.string().min(1).max(64),
        })
        .nullish(),
    }),
  ),
  terms: z.array(terms),
  trackingNumbers: z.array(
    z.strictObject({ number: z.string(), campaignId: z.uuid(), supplierId: z.uuid() }),
  ),
});
export type Parties = z.infer<typeof parties>;

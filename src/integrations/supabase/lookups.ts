import { z } from 'zod';
import { instantMs, nothing, type Rpc } from './rpc.ts';

const report = z.object({
  valid: z.boolean(),
  lineType: z.enum(['mobile', 'landline', 'voip', 'toll_free', 'premium', 'other']).nullable(),
  riskScore: z.int().min(0).max(100).nullable(),
});
const known = z.object({ report, reportedAtMs: instantMs });

/** By provider. */
export const callLookups = z.record(
  z.string(),
  z.union([
    known.extend({ state: z.literal('known') }),
    z.object({ state: z.enum(['away', 'over_budget', 'not_configured', 'no_number']) }),
  ]),
);
const ofCalls = z.array(z.object({ callId: z.uuid(), lookups: callLookups }));

const reserved = z.discriminatedUnion('state', [
  z.object({ state: z.literal('ask'), claim: z.uuid() }),
  known.extend({ state: z.literal('known') }),
  z.object({ state: z.enum(['under_way', 'over_budget']) }),
]);

interface CallNumber {
  readonly callId: string;
  /** As reported; empty where the caller withheld it. */
  readonly number: string;
}

interface Asked {
  readonly provider: string;
  /** E.164 */
  readonly number: string;
  /** So long a report stands. */
  readonly keptDays: number;
}

/** What a request came to; `report` is null without an answer, `sent` false where it was not even made. */
interface Ended extends Asked {
  readonly claim: string;
  readonly report: z.infer<typeof report> | null;
  readonly sent: boolean;
}

export type LookupsStore = ReturnType<typeof createLookupsStore>;

/** What providers said of numbers, and what asking them may cost. `onLookup` is told of each provider and call what came of it. */
export function createLookupsStore(
  rpc: Rpc,
  onLookup: (provider: string, state: string) => void = () => undefined,
) {
  return {
    /** What was known of calls when they were first scored by their numbers, and what is known of numbers now. */
    read: (calls: readonly CallNumber[], asked: readonly Asked[], nowMs: number) =>
      rpc(
        'read_lookups',
        { p_calls: calls, p_asks: asked, p_now_ms: nowMs },
        z.object({
          calls: ofCalls,
          numbers: z.array(known.extend({ provider: z.string(), number: z.string() })),
        }),
      ),
    /** Spends one request of the day's budget, where nobody else asks; see reserve_lookup. */
    reserve: (
      { provider, number, mostPerDay, keptDays }: Asked & { readonly mostPerDay: number },
      nowMs: number,
    ) =>
      rpc(
        'reserve_lookup',
        {
          ...{ p_provider: provider, p_number: number, p_most_per_day: mostPerDay },
          ...{ p_kept_days: keptDays, p_now_ms: nowMs },
        },
        reserved,
      ),
    end: ({ provider, number, keptDays, claim, report: stated, sent }: Ended, nowMs: number) =>
      rpc(
        'end_lookup',
        {
          ...{ p_provider: provider, p_number: number, p_claim: claim, p_report: stated },
          ...{ p_sent: sent, p_kept_days: keptDays, p_now_ms: nowMs },
        },
        nothing,
      ),
    /** Deletes the reports whose days were over before the date; how many. */
    forget: (date: string) => rpc('forget_numbers', { p_date: date }, z.int()),
    /** What stands for each call: what was written down first. */
    async remember(found: readonly (CallNumber & { lookups: z.input<typeof callLookups> })[], nowMs: number) {
      const standing = await rpc(
        'remember_lookups',
        { p_lookups: found, p_now_ms: nowMs },
        ofCalls.length(found.length),
      );
      for (const { lookups } of standing)
        for (const [provider, { state }] of Object.entries(lookups)) onLookup(provider, state);
      return standing;
    },
  };
}

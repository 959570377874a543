import { z } from 'zod';
import { breakSchema } from './breaks.ts';
import { callRevenue, callTerms } from './calls.ts';
import { proposal } from './campaigns.ts';
import { letter } from './letters.ts';
import { instantMs, type Rpc } from './rpc.ts';

const count = z.int();
const cap = z.int().nullable();

const campaign = z.object({ id: z.uuid(), name: z.string(), buyer: z.string() });
export type NamedCampaign = z.output<typeof campaign>;

const terms = callTerms.extend({
  id: z.uuid(),
  campaignId: z.uuid(),
  validFromMs: instantMs,
  madeMs: instantMs,
  hours: z.array(z.object({ days: z.array(z.int()), from: z.string(), to: z.string() })).nullable(),
  dailyCap: cap,
  monthlyCap: cap,
  concurrencyCap: cap,
});
export type CampaignTerms = z.output<typeof terms>;

/** A break with when it opened, or changed last. */
const openedBreak = breakSchema.extend({ newsMs: instantMs });
export type OpenedBreak = z.output<typeof openedBreak>;

const waitingCall = z.object({
  callId: z.uuid(),
  campaignId: z.uuid(),
  supplier: z.string(),
  startedAtMs: instantMs,
  durationS: z.int(),
  score: z.int(),
  reasons: z.array(z.object({ points: z.int(), text: z.string() })),
  revenue: callRevenue.nullable(),
  heldMs: instantMs,
});
export type WaitingCall = z.output<typeof waitingCall>;

/** A dead letter, with whom its work is about where its key tells. */
const newLetter = letter.extend({
  whom: z
    .object({
      campaignId: z.uuid().nullable(),
      buyer: z.string().nullable(),
      supplier: z.string().nullable(),
    })
    .nullable(),
});
export type NewLetter = z.output<typeof newLetter>;

const open = z.object({ breaks: count, calls: count, letters: count, proposals: count });
export type OpenCounts = z.output<typeof open>;

export type NewsStore = ReturnType<typeof createNewsStore>;

/** What happened from an instant on, the oldest first, at most 500 of each; for people who look, and for nothing that decides. */
export function createNewsStore(rpc: Rpc) {
  const read = <T>(table: string, sinceMs: number | null, nowMs: number, one: z.ZodType<T>) =>
    rpc('read_news', { p_table: table, p_since_ms: sinceMs, p_now_ms: nowMs }, z.array(one));
  return {
    /** All of them, at most 10,000. */
    campaigns: (nowMs: number) => read('campaigns', null, nowMs, campaign),
    /** Null: what was in force a month ago, and all since, at most 10,000. */
    terms: (sinceMs: number | null, nowMs: number) => read('campaign_terms', sinceMs, nowMs, terms),
    breaks: (sinceMs: number, nowMs: number) => read('reconciliation_breaks', sinceMs, nowMs, openedBreak),
    /** That rules hold for a person. */
    calls: (sinceMs: number, nowMs: number) => read('calls', sinceMs, nowMs, waitingCall),
    letters: (sinceMs: number, nowMs: number) => read('dead_letters', sinceMs, nowMs, newLetter),
    proposals: (sinceMs: number, nowMs: number) => read('term_proposals', sinceMs, nowMs, proposal),
    countOpen: (nowMs: number) => rpc('count_open', { p_now_ms: nowMs }, open),
  };
}

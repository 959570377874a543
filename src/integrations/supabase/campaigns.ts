import { z } from 'zod';
import { amountMinor, instantMs, nothing, type Rpc } from './rpc.ts';

const amount = amountMinor.nullable();
const count = z.int().nullable();

/** The newest terms of a campaign, as an import takes them. */
export const termsNow = z.object({
  id: z.uuid(),
  currency: z.string(),
  priceMinor: amount,
  incrementS: count,
  revenueBps: count,
  supplierShareBps: count,
  supplierShareMinor: amount,
  supplierShareTiers: z.array(z.object({ fromCall: z.int(), bps: z.int() })).nullable(),
  minDurationS: z.int(),
  dailyCap: count,
  monthlyCap: count,
  concurrencyCap: count,
});

const linked = z.object({ campaignId: z.uuid(), offerId: z.string(), terms: termsNow.nullable() });

/** What an offer would change of the terms: from what, to what. */
const changes = z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() }));

export interface FoundOffer {
  readonly campaignId: string;
  readonly provider: string;
  readonly offerId: string;
  /** Of the terms that it was compared with. */
  readonly termsId: string | null;
  readonly currency: string | null;
  readonly changes: z.input<typeof changes>;
  readonly fault: string | null;
  /** Nothing is known of the offer: what stands open of it stays. */
  readonly isUnread: boolean;
  /** Of the night's work that compared it. */
  readonly dueMs: number;
}

export type Proposal = z.output<typeof proposal>;
export const proposal = z.object({
  id: z.uuid(),
  campaignId: z.uuid(),
  campaign: z.string(),
  provider: z.string(),
  offerId: z.string(),
  currency: z.string().nullable(),
  changes,
  fault: z.string().nullable(),
  foundMs: instantMs,
});

const push = z.object({
  id: z.uuid(),
  token: z.int(),
  provider: z.enum(['ringba', 'everflow']),
  offerId: z.string(),
  reference: z.string(),
  currency: z.string(),
  priceMinor: amountMinor,
  shareMinor: amountMinor,
  /** How often it was sent, and when last. */
  sends: z.int(),
  sentAtMs: instantMs.nullable(),
  madeMs: instantMs,
  /** The platform had a conversion of the call, whoever made it. */
  hadBefore: z.boolean(),
  /** When the last request of earlier pushes was sent that may take effect still. */
  looseMs: instantMs.nullable(),
});
export type Push = z.output<typeof push>;

const pushes = z.object({
  counts: z.array(z.object({ provider: z.string(), state: z.string(), count: z.int() })),
  troubles: z.array(
    z.object({
      callId: z.uuid(),
      provider: z.string(),
      state: z.string(),
      code: z.string().nullable(),
      currency: z.string(),
      priceMinor: amountMinor,
      shareMinor: amountMinor,
      sends: z.int(),
      madeMs: instantMs,
    }),
  ),
});

export type CampaignsStore = ReturnType<typeof createCampaignsStore>;

/** Campaigns that are offers of another platform: what their terms would be by it, and what it is told of their calls. */
export function createCampaignsStore(rpc: Rpc) {
  return {
    /** Those of the next `most` offers that the work which is due then has not compared, offer by offer. */
    linked: (provider: string, dueMs: number, most: number) =>
      rpc('linked_campaigns', { p_provider: provider, p_due_ms: dueMs, p_limit: most }, z.array(linked)),
    record: (found: FoundOffer, nowMs: number) =>
      rpc(
        'record_offer',
        { p_found: found, p_now_ms: nowMs },
        z.enum(['same', 'open', 'dismissed', 'new', 'stale']),
      ),
    proposals: () => rpc('list_proposals', {}, z.array(proposal)),
    /** From the instant on, or from the campaign's next midnight. PROPOSAL_REFUSED says why not. */
    apply: (id: string, fromMs: number | null, by: string, nowMs: number) =>
      rpc(
        'apply_proposal',
        { p_id: id, p_from_ms: fromMs, p_by: by, p_now_ms: nowMs },
        z.object({ applied: z.boolean(), termsId: z.uuid(), validFromMs: instantMs }),
      ),
    /** False when it was not open. */
    dismiss: (id: string, by: string, reason: string, nowMs: number) =>
      rpc('dismiss_proposal', { p_id: id, p_by: by, p_reason: reason, p_now_ms: nowMs }, z.boolean()),
    /** What a platform is to be told of a call, under a new token; or why nothing is. */
    claimPush: (callId: string, nowMs: number) =>
      rpc(
        'claim_push',
        { p_call_id: callId, p_now_ms: nowMs },
        z.union([push, z.object({ nothing: z.string() })]),
      ),
    /** Before it is sent; `isShown`: the platform has a conversion of the call. TOKEN_STALE when another run has it. */
    noteSend: ({ id, token }: Pick<Push, 'id' | 'token'>, isShown: boolean, nowMs: number) =>
      rpc(
        'note_push',
        {
          ...{ p_id: id, p_token: token, p_end: null, p_code: null, p_shown: isShown },
          p_now_ms: nowMs,
        },
        nothing,
      ),
    /** After a send of which nothing left the house. TOKEN_STALE when another run has it. */
    takeBackSend: ({ id, token, sends, sentAtMs }: Pick<Push, 'id' | 'token' | 'sends' | 'sentAtMs'>) =>
      rpc('unsend_push', { p_id: id, p_token: token, p_sends: sends, p_sent_at_ms: sentAtMs }, nothing),
    settlePush: (
      { id, token }: Pick<Push, 'id' | 'token'>,
      end: 'sent' | 'refused',
      code: string | null,
      nowMs: number,
    ) =>
      rpc(
        'note_push',
        { ...{ p_id: id, p_token: token, p_end: end, p_code: code, p_shown: false }, p_now_ms: nowMs },
        nothing,
      ),
    pushes: () => rpc('list_pushes', {}, pushes),
  };
}

import { z } from 'zod';
import { callLookups } from './lookups.ts';
import { amountMinor, instantMs, type Rpc } from './rpc.ts';

/** One report of a call, as its provider stated it; the body stays sealed. */
export interface CallEvent {
  readonly source: string;
  readonly eventId: string;
  readonly kind: string;
  readonly receivedAtMs: number;
  readonly bodySealed: string | null;
  readonly trace: string;
  readonly report: CallFacts;
}

interface CallFacts {
  readonly externalId: string;
  /** E.164 */
  readonly trackingNumber: string;
  readonly callerNumber: string | null;
  readonly startedAtMs: number;
  readonly durationS: number;
  readonly answered: boolean;
  /** What the buyer earned by the call, where the report states it. */
  readonly revenue?: { readonly amountMinor: number; readonly currency: string } | undefined;
  /** What the provider says of the caller, where it does. */
  readonly callerRegion?: string | undefined;
  readonly attestation?: 'A' | 'B' | 'C' | undefined;
  readonly lineType?: z.infer<typeof lineType> | undefined;
  readonly clickId?: string | undefined;
  readonly factsAtMs: number;
}

const lineType = z.enum(['mobile', 'landline', 'voip', 'toll_free', 'premium', 'other']);
export const decision = z.enum(['qualify', 'reject', 'hold']);

const ingestResult = z.union([
  z.enum(['stored', 'duplicate', 'revised', 'unchanged', 'superseded', 'late']),
  z.object({ code: z.literal('BODY_MALFORMED'), message: z.string() }),
]);
export type IngestResult = z.infer<typeof ingestResult>;

const counts = <K extends string>(...names: readonly K[]) =>
  Object.fromEntries(names.map((name) => [name, z.int()])) as Record<K, z.ZodInt>;

const profile = z.object({
  ...counts(
    'days',
    'calls',
    'answered',
    'hangups',
    'payable',
    'inBand',
    'afterBand',
    'callers',
    'qualified',
    'refused',
    'disputed',
    'signed',
    'vouchedLess',
    'repeats',
    'stopped',
    'median',
  ),
  hours: z.array(z.int()).length(24),
  weekdays: z.array(z.int()).length(7),
});

/** Of a campaign: how many are long enough to be paid for, and of those how many by at most so many seconds. */
const lengths = counts(
  'calls',
  'payable',
  'within5',
  'within15',
  'within30',
  'within60',
  'within120',
  'within240',
);

const counted = z.object(counts('calls', 'payable'));

export const measured = z.object({
  signal: z.string(),
  version: z.int(),
  strength: z.number(),
  value: z.record(z.string(), z.union([z.number(), z.string()])),
});

/** What a call is rated by; src/jobs/fraud/rate.ts. */
export const callTerms = z.object({
  termsId: z.uuid(),
  currency: z.string(),
  priceMinor: amountMinor.nullable(),
  incrementS: z.int().nullable(),
  minimumS: z.int().nullable(),
  revenueBps: z.int().nullable(),
  supplierShareBps: z.int().nullable(),
  supplierShareMinor: amountMinor.nullable(),
  supplierShareTiers: z.array(z.object({ fromCall: z.int(), bps: z.int() })).nullable(),
  minDurationS: z.int(),
  duplicateWindowS: z.int(),
});
export const callRevenue = z.object({ amountMinor, currency: z.string() });

const scoringContext = z.object({
  callId: z.uuid(),
  factsVersion: z.int(),
  /** Changes with everything that is known of the call. */
  factsKey: z.string(),
  status: z.enum(['stored', 'qualified', 'rejected', 'held']),
  /** Whether the tracking number belongs to a campaign. */
  routed: z.boolean(),
  campaignId: z.uuid().nullable(),
  supplierId: z.uuid().nullable(),
  callerNumber: z.string().nullable(),
  durationS: z.int(),
  answered: z.boolean(),
  startedAtMs: instantMs,
  /** What the buyer reported; null when it has not yet. */
  revenue: callRevenue.nullable(),
  /** The terms in force at the start; null when there are none. */
  terms: callTerms.nullable(),
  /** What a person decided about it, or its hold's end did. */
  decided: z.enum(['qualify', 'reject']).nullable(),
  /** Whether it started within the hours of its terms. */
  inHours: z.boolean(),
  /** Where its campaign's callers are; null is anywhere. */
  regions: z.array(z.string()).nullable(),
  callerRegion: z.string().nullable(),
  attestation: z.enum(['A', 'B', 'C']).nullable(),
  lineType: lineType.nullable(),
  /** What was known of the caller's number at first, by provider; null where nobody was asked. */
  lookups: callLookups.nullable(),
  /** The caller's number is a tracking number. */
  ownNumber: z.boolean(),
  /** How its supplier stood at its start. */
  standing: z.enum(['active', 'throttled', 'paused', 'blocked']),
  /** Signals that people said are not to be counted for it. */
  snoozed: z.array(z.string()),
  caller: z.object({
    ...counts(
      'hour',
      'day',
      'network',
      'buyer',
      'campaign',
      'payable',
      'payableInCampaign',
      'otherSuppliers',
      'otherCampaigns',
    ),
    lastS: z.int().nullable(),
  }),
  supplier: z.object({
    ...counts(
      'calls',
      'spanS',
      'hour',
      'day',
      'evenS',
      'again',
      'answered',
      'hangups',
      'signed',
      'vouchedLess',
      'sameDuration',
      'nearDuration',
      'within3',
      'within8',
      'within45',
      'numbers',
      'thousands',
      'sameLength',
      'sameVouching',
      'regionKnown',
      'outside',
    ),
    campaign: z.object(lengths),
    campaigns: z.array(z.object({ window: counted, day: counted, last: counted, all: z.object(lengths) })),
  }),
  block: z.object(counts('numbers', 'numbersOfSupplier', 'hundred', 'hundredOfSupplier')),
  /** Up to when the profiles count; null while nothing is closed. */
  profileDate: z.iso.date().nullable(),
  profile: profile.nullable(),
  network: profile.nullable(),
  campaign: z.object(lengths),
  /** The rules that it was first scored by; null when it was not. */
  ruleSet: z.int().nullable(),
  /** It is on an invoice: its signals stay what they were. */
  isInvoiced: z.boolean(),
  /** How it is scored; null when it is not. */
  scored: z.object({ score: z.int(), verdict: decision.nullable(), signals: z.array(measured) }).nullable(),
});
export type ScoringContext = z.infer<typeof scoringContext>;

export interface Reason {
  readonly signal: string;
  readonly version: number;
  readonly points: number;
  readonly text: string;
}

export interface Decision {
  readonly callId: string;
  readonly factsVersion: number;
  readonly score: number;
  readonly decision: z.infer<typeof decision>;
  readonly reasons: readonly Reason[];
  /** With `qualify`: the terms it was rated by, and the share from the how-manieth paid call of the month on. */
  readonly termsId?: string;
  readonly priceMinor?: number;
  readonly shares?: readonly { readonly fromCall: number; readonly shareMinor: number }[];
  /** By which rules, and what they said of it; absent where nothing was asked of rules. */
  readonly ruleSet?: number;
  readonly verdict?: z.infer<typeof decision>;
  readonly bySignals?: z.infer<typeof decision> | null;
  readonly signals?: readonly z.infer<typeof measured>[];
  readonly profileDate?: string | null;
  /** What becomes of it when it is held and nobody decides. */
  readonly expiry?: { readonly hours: number; readonly decision: 'qualify' | 'reject' } | null;
  /** What the rules in shadow say of it; price and share where it would qualify. */
  readonly shadow?: {
    readonly ruleSet: number;
    readonly score: number;
    readonly verdict: z.infer<typeof decision>;
    readonly priceMinor: number | null;
    readonly shareMinor: number | null;
  } | null;
}

const rateResult = z.enum(['qualify', 'reject', 'hold', 'already', 'stale']);

export type CallsStore = ReturnType<typeof createCallsStore>;

/** Calls and what is decided about them; every write is one function of the database. */
export function createCallsStore(rpc: Rpc) {
  return {
    /** Stores a batch, at most 500 events; one result per event, in order. */
    ingest: (events: readonly CallEvent[], nowMs: number): Promise<IngestResult[]> =>
      rpc('ingest_calls', { p_events: events, p_now_ms: nowMs }, z.array(ingestResult).length(events.length)),
    /** What scoring needs to know, in one read, also by facts that came after rating; a call that does not exist is absent. */
    scoringContext: (callIds: readonly string[], { withLateFacts = false } = {}): Promise<ScoringContext[]> =>
      rpc('scoring_context', { p_call_ids: callIds, p_late: withLateFacts }, z.array(scoringContext)),
    /** Records decisions and, for what qualifies, earning and journal, in one transaction. */
    rate: (decisions: readonly Decision[], nowMs: number): Promise<z.infer<typeof rateResult>[]> =>
      rpc(
        'rate_calls',
        { p_decisions: decisions, p_now_ms: nowMs },
        z.array(rateResult).length(decisions.length),
      ),
  };
}

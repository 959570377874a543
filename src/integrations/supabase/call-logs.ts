import { z } from 'zod';
import { instantMs, nothing, type Rpc } from './rpc.ts';

const run = z.object({
  pages: z.int(),
  cursor: z.string().nullable(),
  /** Every page is stored. */
  readAll: z.boolean(),
  ended: z.boolean(),
  fromMs: instantMs,
  beforeMs: instantMs,
});

const counts = z.object({
  source: z.string(),
  /** Different calls that the log has. */
  read: z.int(),
  /** Of them, those that no webhook had brought. */
  missing: z.int(),
  /** Of them, those with another duration or answer than the books know. */
  changed: z.int(),
  /** Calls of the books that the provider does not know. */
  absent: z.int(),
  /** Entries that state too little to be compared. */
  unreadable: z.int(),
});

const match = z.enum(['known', 'missing', 'ambiguous', 'foreign', 'changed']);
/** See match_call_log. */
export type CallLogMatch = z.infer<typeof match>;
const kind = z.enum(['missing', 'ambiguous', 'changed', 'absent']);
/** See app.call_breaks_now. */
const state = z.enum(['open', 'recovered', 'arrived', 'agreed']);
const stated = z.object({ startedAtMs: instantMs, durationS: z.int(), answered: z.boolean() });

const report = z.object({
  runs: z.array(counts.extend({ recovered: z.int(), endedAtMs: instantMs.nullable() })),
  breaks: z.array(
    z.object({
      source: z.string(),
      externalId: z.string(),
      kind,
      state,
      callId: z.uuid().nullable(),
      stated,
      foundAtMs: instantMs,
      seenAtMs: instantMs,
    }),
  ),
});

const shownCall = z.object({
  id: z.uuid(),
  source: z.string(),
  externalId: z.string(),
  /** Business date. */
  date: z.string(),
  startedAtMs: instantMs,
  durationS: z.int(),
  answered: z.boolean(),
  status: z.string(),
  /** When the provider's own log brought it; null when its webhook did. */
  recoveredAtMs: instantMs.nullable(),
  breaks: z.array(z.object({ kind, state, stated })),
});

/** The reading of one provider's calls of one date; `dueMs` is that of the work which reads. */
export interface CallLogRun {
  readonly source: string;
  readonly date: string;
  readonly dueMs: number;
}

interface LoggedFacts {
  readonly externalId: string;
  readonly trackingNumber: string | null;
  readonly callerNumber: string | null;
  readonly startedAtMs: number;
  readonly durationS: number;
  readonly answered: boolean;
  readonly statesTalk: boolean;
}

/** Work in its stored form; null where there is nothing to take in. */
interface MatchedCall extends LoggedFacts {
  readonly match: CallLogMatch;
  readonly work: {
    readonly key: string;
    readonly payload: Readonly<Record<string, unknown>>;
    readonly trace: string;
  } | null;
}

interface Page {
  /** How many were stored before it. */
  readonly page: number;
  /** Where the next one begins; null after the last. */
  readonly cursor: string | null;
  readonly calls: readonly MatchedCall[];
  readonly unreadable: number;
}

export type CallLogsStore = ReturnType<typeof createCallLogsStore>;

/** What providers' logs of calls say, beside what webhooks brought. */
export function createCallLogsStore(rpc: Rpc) {
  const named = ({ source, date, dueMs }: CallLogRun) => ({
    p_source: source,
    p_date: date,
    p_due_ms: dueMs,
  });
  return {
    /** Begins, or tells how far it is. */
    begin: (of: CallLogRun, nowMs: number) =>
      rpc('begin_call_log_run', { ...named(of), p_now_ms: nowMs }, run),
    /** One answer per call, in order. */
    match: (source: string, calls: readonly LoggedFacts[], readMs: number) =>
      rpc(
        'match_call_log',
        { p_source: source, p_calls: calls, p_read_ms: readMs },
        z.array(match).length(calls.length),
      ),
    /** False when another run was faster: nothing is stored, and `begin` tells where it goes on. */
    storePage: (of: CallLogRun, { page, cursor, calls, unreadable }: Page, nowMs: number) =>
      rpc(
        'store_call_log_page',
        {
          ...named(of),
          ...{ p_page: page, p_cursor: cursor, p_calls: calls, p_unreadable: unreadable, p_now_ms: nowMs },
        },
        z.boolean(),
      ),
    /** Ids of calls that the books have, that no page named and the provider was not asked for. */
    unseen: (source: string, date: string, limit: number) =>
      rpc('unseen_in_call_log', { p_source: source, p_date: date, p_limit: limit }, z.array(z.string())),
    /** Notes of calls that were asked for which the provider knows and which not; false when another work reads the date. */
    noteLookedUp: (
      of: CallLogRun,
      { known, absent }: { known: readonly string[]; absent: readonly string[] },
      nowMs: number,
    ) =>
      rpc('note_looked_up', { ...named(of), p_known: known, p_absent: absent, p_now_ms: nowMs }, z.boolean()),
    /** Null when a later work reads the date anew. */
    end: (of: CallLogRun, nowMs: number) =>
      rpc('end_call_log_run', { ...named(of), p_now_ms: nowMs }, counts.nullable()),
    report: (date: string) => rpc('call_log_report', { p_date: date }, report),
    /** Null when there is no such call. */
    showCall: (callId: string) => rpc('show_call', { p_call_id: callId }, shownCall.nullable()),
  };
}

export type StripeEventsStore = ReturnType<typeof createStripeEventsStore>;

/** Which of Stripe's events no webhook brought. */
export function createStripeEventsStore(rpc: Rpc) {
  return {
    /** Up to which instant the list was read; null when it never was. */
    readUntil: () => rpc('stripe_events_read_until', {}, instantMs.nullable()),
    /** Makes the work of those that are neither stored nor due, at most 100; how many. */
    recover: (events: readonly Readonly<Record<string, unknown>>[], nowMs: number) =>
      rpc('recover_stripe_events', { p_events: events, p_now_ms: nowMs }, z.int()),
    wereRead: (untilMs: number) => rpc('stripe_events_were_read', { p_until_ms: untilMs }, nothing),
  };
}

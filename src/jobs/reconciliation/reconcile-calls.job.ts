import { createHash } from 'node:crypto';
import { type ErrorCode, OutageError } from '../../errors.ts';
import type { CallLog, LoggedCall } from '../../integrations/call-tracking/log.ts';
import type { CallLogMatch, CallLogRun } from '../../integrations/supabase/call-logs.ts';
import type { JobServices } from '../../services.ts';
import {
  defineJob,
  done,
  HOUSE_BACKOFF,
  nightlyPayload,
  type Outcome,
  type RunContext,
  skip,
  snooze,
} from '../define-job.ts';

/** So many pages in one run: a log that is read for hours must not hold a worker for as long. */
const MOST_PAGES = 30;
/**
 * So many calls that the log did not name are asked for in one run, one by one, and the others in further runs.
 * With CallRail, at one request in four seconds, both limits take 520 of the job's 600 s.
 */
const MOST_LOOKUPS = 100;

/**
 * Every night before the close: reads what the providers' own logs say of the date's calls, has those that no webhook
 * brought, and those that changed, taken in as a webhook's would be, and keeps what does not agree. No call is billed on
 * the word of a log that does not know whether anybody talked: of that all is kept, and nothing taken in. No close waits
 * for it: a provider that is away would stop the payouts of everybody else.
 *
 * Safe to run twice: a page is stored once, the cursor moves with it, and what it makes is work with the key of what the
 * log states, on the road of a webhook, where a call has one row whoever reports it.
 */
export const reconcileCalls = defineJob({
  name: 'reconciliation.reconcile-calls',
  queue: 'reconciliation',
  version: 1,
  payload: nightlyPayload,
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 10 * 60_000,
  // Three hours before the close of the same date, so that what it brings is scored by then.
  nightly: { dueTime: '06:00', catchUpDays: 7, overlap: 'queue', pauseAfter: null },
  concurrency: 1,
  uses: ['callLogs', 'callLogReaders', 'callEvents', 'found', 'clock', 'log'],
  async handle({ date }, services) {
    const { callLogReaders, dueAtMs, log } = services;
    if (callLogReaders.length === 0) return skip('no_provider_is_configured');
    const ends: Outcome[] = [];
    let failure: unknown = null;
    for (const reader of callLogReaders) {
      const run = { source: reader.source, date, dueMs: dueAtMs };
      try {
        ends.push(await reconcileLog(reader, run, services));
      } catch (error) {
        services.signal.throwIfAborted();
        // One provider that is away must not keep the others from being read; a fault of ours goes before its outage.
        if (failure === null || failure instanceof OutageError) failure = error;
        log.warn({ date, source: reader.source, err: error }, 'a log of calls is not read yet');
      }
    }
    if (failure !== null) throw failure;
    return ends.find(({ kind }) => kind === 'snooze') ?? done({ sources: callLogReaders.length });
  },
});

type Reconciling = Pick<JobServices, 'callLogs' | 'callEvents' | 'found' | 'clock' | 'log'> & RunContext;

async function reconcileLog(reader: CallLog, run: CallLogRun, services: Reconciling): Promise<Outcome> {
  const { callLogs, clock, signal, log, found } = services;
  for (let pages = 0; ; pages += 1) {
    const at = await callLogs.begin(run, clock.nowMs());
    if (at.ended) return skip('done_before');
    if (at.readAll) break;
    if (pages === MOST_PAGES) return snooze(1_000, 'more_pages');
    // Before the request: what the log states is no older than this.
    const readMs = clock.nowMs();
    const page = await reader.readPage(at, at.cursor, signal);
    const facts = page.calls.map((call) => factsOf(call, reader));
    const matches = await callLogs.match(run.source, facts, readMs);
    const calls = page.calls.map((call, nth) => {
      const match = matches[nth] ?? 'known';
      return { ...factsOf(call, reader), match, work: workOf(run.source, call, match, readMs, services) };
    });
    const stored = { page: at.pages, cursor: page.next, calls, unreadable: page.unreadable };
    if (await callLogs.storePage(run, stored, clock.nowMs())) tellStrange(run, calls, services);
  }
  if (await lookUp(reader, run, services)) return snooze(1_000, 'more_calls_to_ask_for');
  const counts = await callLogs.end(run, clock.nowMs());
  if (counts === null) return skip('read_anew');
  const { source, ...of } = counts;
  for (const [outcome, count] of Object.entries(of)) found.count(source, outcome, count);
  const differs = of.missing + of.changed + of.absent + of.unreadable > 0;
  log[differs ? 'warn' : 'info']({ date: run.date, ...counts }, 'log of calls compared');
  return done();
}

const factsOf = ({ body: _, ...facts }: LoggedCall, { statesTalk }: CallLog) => ({ ...facts, statesTalk });

/** What would have doubled calls of the books, had it been taken in. */
function tellStrange(
  { source, date }: CallLogRun,
  calls: readonly { match: CallLogMatch }[],
  { found, log }: Reconciling,
): void {
  const count = (of: CallLogMatch) => calls.filter(({ match }) => match === of).length;
  const [foreign, ambiguous] = [count('foreign'), count('ambiguous')];
  found.count(source, 'foreign', foreign);
  found.count(source, 'ambiguous', ambiguous);
  const facts = { code: 'CALL_LOG_FOREIGN' satisfies ErrorCode, source, date, foreign, ambiguous };
  if (foreign + ambiguous > 0) log.error(facts, 'a log of calls has calls of the books under other ids');
}

/**
 * The work of taking a call in; null when there is nothing new, or nothing to go by. A changed call's facts are stated now, so that they
 * replace older ones; a missing call's are of its end, so that whatever else is on its way replaces them.
 */
function workOf(
  source: string,
  call: LoggedCall,
  match: CallLogMatch,
  readMs: number,
  { callEvents }: Reconciling,
) {
  if (call.body === null || (match !== 'missing' && match !== 'changed')) return null;
  const body = call.body(match === 'changed' ? readMs : null);
  const eventId = `${call.externalId}.call_log.${createHash('sha256').update(body).digest('hex')}`;
  const event = { source, kind: 'call_log', eventId, receivedAtMs: readMs };
  return callEvents.toWork({ ...event, body: Buffer.from(body).toString('base64') });
}

/**
 * Asks the provider for calls of the books that its log did not name, for each: a list that moves may skip some. True when there may
 * be more of them.
 */
async function lookUp(
  reader: CallLog,
  run: CallLogRun,
  { callLogs, signal, log, clock }: Reconciling,
): Promise<boolean> {
  const { source, date } = run;
  const unseen = await callLogs.unseen(source, date, MOST_LOOKUPS);
  const [known, absent]: [string[], string[]] = [[], []];
  for (const externalId of unseen) ((await reader.has(externalId, signal)) ? known : absent).push(externalId);
  if (unseen.length > 0) await callLogs.noteLookedUp(run, { known, absent }, clock.nowMs());
  if (unseen.length < MOST_LOOKUPS) return false;
  // So many are no gap of a list but, perhaps, of another account.
  log.error({ source, date, absent: absent.length }, 'the log of calls does not name many of our calls');
  return true;
}

import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import { defineJob, done, HOUSE_BACKOFF, skip } from '../define-job.ts';

/**
 * A call that begins later than this from now is a fault of its sender: no close would ever bill it. Nor may facts be of so
 * much later than their receipt: nothing that is true would ever replace them.
 */
const CLOCKS_DIFFER_MS = 24 * 60 * 60 * 1_000;

/**
 * Takes one verified webhook of a call: parses the report, stores event and call, and makes the work of scoring it.
 *
 * Safe to run twice: the event's unique row (source, event id) is claimed by the insert itself, and an event that was
 * stored before changes nothing. A report that cannot be read fails alone; the others of its batch are stored.
 */
export const ingestCall = defineJob({
  name: 'calls.ingest-call',
  queue: 'calls',
  version: 1,
  payload: z.strictObject({
    source: z.string().min(1).max(64),
    kind: z.string().min(1).max(64),
    eventId: z.string().min(1).max(256),
    receivedAtMs: z.int(),
    /** The raw body, base64; sealed while it waits in the queue. */
    body: z.base64(),
  }),
  sealed: ['body'],
  key: ({ source, eventId }) => `${source}/${eventId}`,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 30_000,
  batch: { size: 100, waitMs: 15 },
  // Two full batches: each job at work needs its lock renewed and its end recorded by a statement of its own.
  concurrency: 2,
  uses: ['calls', 'callReports', 'bodies', 'clock'],
  async handleBatch(payloads, { calls, callReports, bodies, clock }) {
    const parsed = payloads.map((payload) => {
      try {
        const { source, kind, receivedAtMs } = payload;
        const body = Buffer.from(payload.body, 'base64');
        const report = callReports.parse({ source, kind, receivedAtMs, body });
        if (report.startedAtMs > clock.nowMs() + CLOCKS_DIFFER_MS)
          return new PermanentError('BODY_MALFORMED', 'The call begins in the future.');
        if (report.factsAtMs > receivedAtMs + CLOCKS_DIFFER_MS)
          return new PermanentError('BODY_MALFORMED', 'The facts of the call are of the future.');
        return report;
      } catch (error) {
        return error instanceof Error ? error : new Error('the report cannot be read', { cause: error });
      }
    });
    const events = payloads.flatMap(({ body, source, kind, eventId, receivedAtMs }, index) => {
      const report = parsed[index];
      if (report === undefined || report instanceof Error) return [];
      return [
        {
          source,
          kind,
          eventId,
          receivedAtMs,
          bodySealed: bodies.seal(body),
          trace: `${source}/${eventId}`,
          report,
        },
      ];
    });
    const results = events.length === 0 ? [] : await calls.ingest(events, clock.nowMs());
    let next = 0;
    return parsed.map((report) => {
      if (report instanceof Error) return report;
      const result = results[next++];
      if (result === undefined) return new Error('the store answered fewer results than events');
      if (typeof result === 'object') return new PermanentError(result.code, result.message);
      return result === 'stored' || result === 'revised' ? done({ result }) : skip(result);
    });
  },
});

import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';

/**
 * Ends a close: writes what it did, and what stood in its way, onto its row and into the log.
 *
 * Safe to run twice: the report is read from the books anew and replaces the old one.
 */
export const reportClose = defineJob({
  name: 'operations.report-close',
  queue: 'operations',
  version: 1,
  payload: z.strictObject({ date: z.iso.date(), dueAtMs: z.int() }),
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 60_000,
  uses: ['operations', 'log'],
  async handle({ date }, { operations, log }) {
    const report = await operations.reportClose(date);
    log.info({ date, report }, 'business date closed');
    return done();
  },
});

import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';

/**
 * Counts the UTC days that a closed business date touches, per campaign, supplier and currency.
 *
 * Safe to run twice: the counts of a day are computed whole and replace the old ones.
 */
export const rollUpDay = defineJob({
  name: 'analytics.roll-up-day',
  queue: 'analytics',
  version: 1,
  payload: z.strictObject({ date: z.iso.date(), dueAtMs: z.int() }),
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 120_000,
  uses: ['operations'],
  async handle({ date }, { operations }) {
    return done({ rows: await operations.rollUpDay(date) });
  },
});

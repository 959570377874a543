import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';

/**
 * Counts what each supplier sent on a closed date, and makes the profiles of 28 days that later calls are scored by.
 *
 * Safe to run twice: a date is counted once, and a profile stays as it was made.
 */
export const profileSuppliers = defineJob({
  name: 'fraud.profile-suppliers',
  queue: 'fraud',
  version: 1,
  payload: z.strictObject({ date: z.iso.date(), dueAtMs: z.int() }),
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 120_000,
  uses: ['fraud'],
  async handle({ date }, { fraud }) {
    return done({ suppliers: await fraud.profileSuppliers(date) });
  },
});

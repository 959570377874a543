import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';

/**
 * After each close, beside all other work: audits books and Stripe as they stand now. A promise that does not hold is a
 * dead letter at once, with the names of the checks in its message, so that ops are told once; no close waits for it.
 *
 * Safe to run twice: it reads and changes nothing. A replay audits anew, and ends well once the books are right.
 */
export const auditBooks = defineJob({
  name: 'operations.audit-books',
  queue: 'operations',
  version: 1,
  payload: z.strictObject({ date: z.iso.date(), dueAtMs: z.int() }),
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 10 * 60_000,
  concurrency: 1,
  uses: ['audit', 'clock'],
  async handle(_close, { audit, clock }) {
    const { ok, checks } = await audit.run({ nowMs: clock.nowMs() });
    if (ok) return done({ checks: checks.length });
    const broken = checks.filter((check) => !check.ok);
    throw new PermanentError('AUDIT_FAILED', broken.map(({ check }) => check).join('; '), {
      detail: { offenders: Object.fromEntries(broken.map(({ check, offenders }) => [check, offenders])) },
    });
  },
});

import { OutageError, PermanentError } from '../../src/errors.ts';
import { done } from '../../src/jobs/define-job.ts';
import { testJob } from './queue-house.ts';

/** Jobs that end for good, each in its own way. */
export const TERMINAL_JOBS = [
  testJob(
    async () => {
      throw new PermanentError('CALL_UNKNOWN', 'never');
    },
    { name: 'calls.permanent' },
  ),
  testJob(
    async () => {
      throw new Error('again and again');
    },
    { name: 'calls.last-attempt', attempts: 2 },
  ),
  testJob(
    async () => {
      throw new OutageError('STRIPE_UNAVAILABLE', 'away', { retryAfterMs: 20 });
    },
    { name: 'calls.outage' },
  ),
  testJob(async () => done(), { name: 'calls.unparsable' }),
  testJob(async () => done(), { name: 'calls.no-envelope' }),
  testJob(async () => done(), { name: 'calls.other-version' }),
  testJob(
    async () => {
      process.kill(process.pid, 'SIGKILL');
      return done();
    },
    { name: 'calls.kills' },
  ),
];

/** By job, the code of its letter. */
export const TERMINAL_CODES = {
  'calls.permanent': 'CALL_UNKNOWN',
  'calls.last-attempt': 'JOB_FAILED',
  'calls.outage': 'SNOOZED_TOO_LONG',
  'calls.unparsable': 'PAYLOAD_INVALID',
  'calls.no-envelope': 'PAYLOAD_INVALID',
  'calls.other-version': 'PAYLOAD_VERSION_UNKNOWN',
  'calls.kills': 'JOB_STALLED',
} as const;

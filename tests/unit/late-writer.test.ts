import { expect, test } from 'vitest';
import { PermanentError } from '../../src/errors.ts';
import { decideError } from '../../src/queues/run-job.ts';

test('a run whose work another has taken over is tried again, and does not bury the row of the other', () => {
  const late = new PermanentError('TOKEN_STALE', 'another run has taken this payout over');
  expect(decideError(late)).toMatchObject({ kind: 'retry', code: 'TOKEN_STALE' });
  expect(decideError(new PermanentError('INVOICE_MISMATCH', 'other lines'))).toMatchObject({ kind: 'dead' });
});

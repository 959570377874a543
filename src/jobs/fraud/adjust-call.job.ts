import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import { defineJob, done, HOUSE_BACKOFF, skip, snooze } from '../define-job.ts';
import { readRules } from './read-rules.ts';

/**
 * Looks at a call that was rated: do the facts that came later change what it owes, or was its adjustment asked for? Then
 * what was posted is posted back, and the call is scored anew.
 *
 * Safe to run twice: a call has one adjustment at a time, its journal's key is the adjustment, and its earning ends once.
 */
export const adjustCall = defineJob({
  name: 'fraud.adjust-call',
  queue: 'fraud',
  version: 1,
  payload: z.strictObject({ callId: z.uuid() }),
  key: ({ callId }) => callId,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 30_000,
  uses: ['calls', 'fraud', 'adjustments', 'clock'],
  async handle({ callId }, { calls, fraud, adjustments, clock }) {
    const [call] = await calls.scoringContext([callId], { withLateFacts: true });
    if (call === undefined)
      throw new PermanentError('CALL_UNKNOWN', 'No call has this id.', { detail: { callId } });
    const { decision, termsId, priceMinor } = (await readRules(fraud, [call]))(call);
    const seen = { factsKey: call.factsKey, decision, termsId, priceMinor };
    const result = await adjustments.adjust(callId, seen, clock.nowMs());
    // The facts changed between reading and adjusting: the next run reads the newer ones.
    if (result === 'stale') return snooze(100, 'facts_changed');
    if (result === 'unchanged') return skip('unchanged');
    return typeof result === 'string' ? done({ result }) : skip(result.waitsFor);
  },
});

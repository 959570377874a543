import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import { defineJob, done, HOUSE_BACKOFF, skip, snooze } from '../define-job.ts';
import { COMES_AGAIN_MS, lookUpCallers } from './look-up-callers.ts';
import { decideBy, readRuleSets } from './read-rules.ts';

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
  uses: ['calls', 'fraud', 'adjustments', 'lookups', 'lookupProviders', 'log', 'clock'],
  async handle({ callId }, services) {
    const { calls, fraud, adjustments, clock } = services;
    const [late] = await calls.scoringContext([callId], { withLateFacts: true });
    if (late === undefined)
      throw new PermanentError('CALL_UNKNOWN', 'No call has this id.', { detail: { callId } });
    const rulesOf = await readRuleSets(fraud, [late]);
    // Nobody was asked about a call that was worth nothing before.
    const [call = null] = await lookUpCallers([late], rulesOf, services);
    if (call === null) return snooze(COMES_AGAIN_MS, 'number_waits');
    const { decision, termsId, priceMinor } = decideBy(rulesOf)(call);
    const seen = { factsKey: call.factsKey, decision, termsId, priceMinor };
    const result = await adjustments.adjust(callId, seen, clock.nowMs());
    // The facts changed between reading and adjusting: the next run reads the newer ones.
    if (result === 'stale') return snooze(100, 'facts_changed');
    if (result === 'unchanged') return skip('unchanged');
    return typeof result === 'string' ? done({ result }) : skip(result.waitsFor);
  },
});

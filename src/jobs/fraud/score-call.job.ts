import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import { defineJob, done, HOUSE_BACKOFF, type Outcome, skip, snooze } from '../define-job.ts';
import { COMES_AGAIN_MS, lookUpCallers } from './look-up-callers.ts';
import { decideBy, readRuleSets } from './read-rules.ts';

/**
 * Scores calls and, for those that qualify, rates them and posts earning and journal, all in one transaction.
 *
 * Safe to run twice: a call leaves the state `stored` once, under the ledger's lock, and its journal's key is the call.
 * Whether its caller was paid for already is asked under that lock, so two workers cannot both pay.
 */
export const scoreCalls = defineJob({
  name: 'fraud.score-call',
  queue: 'fraud',
  version: 1,
  payload: z.strictObject({ callId: z.uuid() }),
  key: ({ callId }) => callId,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 30_000,
  batch: { size: 100, waitMs: 15 },
  // Two full batches: each job at work needs its lock renewed and its end recorded by a statement of its own.
  concurrency: 2,
  uses: ['calls', 'fraud', 'lookups', 'lookupProviders', 'log', 'clock'],
  async handleBatch(payloads, services) {
    const { calls, fraud, clock } = services;
    const contexts = new Map(
      (await calls.scoringContext(payloads.map(({ callId }) => callId))).map((call) => [call.callId, call]),
    );
    const rulesOf = await readRuleSets(fraud, [...contexts.values()]);
    const stored = [...contexts.values()].filter(({ status }) => status === 'stored');
    const known = (await lookUpCallers(stored, rulesOf, services)).filter((call) => call !== null);
    const decide = decideBy(rulesOf);
    const decisions = known.map((call) => ({
      ...{ callId: call.callId, factsVersion: call.factsVersion },
      ...decide(call),
    }));
    const waiting = new Set(stored.map(({ callId }) => callId));
    for (const { callId } of known) waiting.delete(callId);
    const results = decisions.length === 0 ? [] : await calls.rate(decisions, clock.nowMs());
    const byCall = new Map(decisions.map(({ callId }, index) => [callId, results[index]]));
    return payloads.map(({ callId }): Outcome | Error => {
      if (!contexts.has(callId))
        return new PermanentError('CALL_UNKNOWN', 'No call has this id.', { detail: { callId } });
      if (waiting.has(callId)) return snooze(COMES_AGAIN_MS, 'number_waits');
      const result = byCall.get(callId) ?? 'already';
      // The facts changed between reading and rating: the next run reads the newer ones.
      if (result === 'stale') return snooze(100, 'facts_changed');
      return result === 'already' ? skip('already') : done({ decision: result });
    });
  },
});

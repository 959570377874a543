import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF, type Outcome, skip, snooze } from '../define-job.ts';
import { readRules } from './read-rules.ts';

/** Of 100 calls each; what is left then waits for its next turn, so that others have theirs. */
const MOST_ROUNDS = 50;

/**
 * Puts the calls of a day or month of a campaign in the order of their starts, where one came late or was taken back: those
 * beyond a cap, or behind a paid call of their caller, are taken back, those within it are paid for, and shares of another tier
 * booked anew. What is to be done is read without the ledger's lock, and done 100 calls at a time, when nothing of the period
 * changed since.
 *
 * Safe to run twice: what is in order is read no more; an earning ends once, and each journal has its adjustment or call.
 */
export const orderCalls = defineJob({
  name: 'fraud.order-calls',
  queue: 'fraud',
  version: 1,
  payload: z.strictObject({ campaignId: z.uuid(), unit: z.enum(['day', 'month']), period: z.iso.date() }),
  key: ({ campaignId, unit, period }) => `${campaignId}/${unit}/${period}`,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 300_000,
  uses: ['calls', 'fraud', 'adjustments', 'clock'],
  async handle(period, { calls, fraud, adjustments, clock }): Promise<Outcome> {
    let moved = 0;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const order = await adjustments.readOrder(period);
      if (order === null) return moved === 0 ? skip('in_order') : done({ moved });
      const { changes, kind, settled } = order;
      if (kind === null && !settled) return moved === 0 ? skip('waits') : done({ moved, waits: true });
      const contexts =
        kind === 'rate' ? await calls.scoringContext(order.steps.map(({ callId }) => callId)) : [];
      const decide = await readRules(fraud, contexts);
      const byCall = new Map(contexts.map((call) => [call.callId, call]));
      const steps = order.steps.map((step) => {
        const call = byCall.get(step.callId);
        return call === undefined
          ? step
          : { ...step, factsKey: call.factsKey, decision: { ...decide(call) } };
      });
      const result = await adjustments.putInOrder(period, { changes, kind, steps }, clock.nowMs());
      if (result === 'done') moved += steps.length;
    }
    return snooze(100, 'more_calls');
  },
});

import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF, skip } from '../define-job.ts';

/**
 * Tells PostHog of a business event; those that come together go in one request.
 *
 * Safe to run twice: PostHog drops an event that has the id of one it knows.
 */
export const captureEvent = defineJob({
  name: 'analytics.capture-event',
  queue: 'analytics',
  version: 1,
  payload: z.strictObject({ sink: z.literal('posthog'), event: z.looseObject({ id: z.uuid() }) }),
  key: ({ sink, event }) => `${sink}/${event.id}`,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 60_000,
  batch: { size: 100, waitMs: 200 },
  concurrency: 1,
  uses: ['eventSinks'],
  async handleBatch(payloads, { eventSinks }) {
    const results = await eventSinks.capture(payloads.map(({ event }) => event));
    return results.map((result) =>
      result === 'taken' ? done() : result === 'not_configured' ? skip(result) : result,
    );
  },
});

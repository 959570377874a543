import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF, skip, snooze } from '../define-job.ts';

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
  uses: ['eventSinks', 'eventSinkStore'],
  async handleBatch(payloads, { eventSinks, eventSinkStore }) {
    const results = await eventSinks.capture(payloads.map(({ event }) => event));
    // While another worker has the sink, its events wait until that one meets them.
    const isWanted = results.includes('not_configured') && (await eventSinkStore.isWanted('posthog'));
    const untold = isWanted ? snooze(60_000, 'not_configured_here') : skip('not_configured');
    return results.map((result) =>
      result === 'taken' ? done() : result === 'not_configured' ? untold : result,
    );
  },
});

import { z } from 'zod';
import { defineJob, done, skip, snooze } from '../define-job.ts';

/**
 * Sends a business event to one endpoint of those who subscribed. It is tried for most of a day, slower and slower.
 *
 * Safe to run twice: the event has the same `webhook-id` each time, by which a receiver of Standard Webhooks knows it again.
 */
export const deliverEvent = defineJob({
  name: 'analytics.deliver-event',
  queue: 'analytics',
  version: 1,
  payload: z.strictObject({ sink: z.string().min(1), event: z.looseObject({ id: z.uuid() }) }),
  key: ({ sink, event }) => `${sink}/${event.id}`,
  attempts: 15,
  backoff: { baseMs: 5_000, maxMs: 6 * 3_600_000, jitter: 0.5 },
  timeoutMs: 30_000,
  concurrency: 8,
  uses: ['eventSinks', 'eventSinkStore', 'clock', 'log'],
  async handle({ sink, event }, { eventSinks, eventSinkStore, clock, log, signal }) {
    const outcome = await eventSinks.deliver(sink, event, signal);
    if (outcome === 'delivered') return done();
    // While another worker has the sink, the event waits until that one meets it.
    if (outcome === 'not_configured' && (await eventSinkStore.isWanted(sink)))
      return snooze(60_000, 'not_configured_here');
    const addressHash = eventSinks.configured.find(({ name }) => name === sink)?.addressHash ?? '';
    if (outcome === 'gone' && (await eventSinkStore.giveUp(sink, addressHash, clock.nowMs())))
      log.error({ sink }, 'an endpoint answered 410: it is told nothing more until it has another address');
    return skip(outcome);
  },
});

import type { StripeWebhook } from '../../integrations/stripe/events.ts';
import { defineJob, done, HOUSE_BACKOFF, nightlyPayload } from '../define-job.ts';
import { USED_EVENTS } from './used-events.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Stripe lists no older ones. */
const KEPT_MS = 30 * DAY_MS;
/** Near its end the list may still grow, and a webhook may still be on its way: read so much of the past again. */
const OVERLAP_MS = HOUR_MS;
const SETTLE_MS = 10 * 60_000;

/**
 * Every night: reads which events Stripe says it has told since the last time, and has those that no webhook brought
 * applied as a webhook's are. A day at a time, or an hour where a day has more than a page, so that a run which is cut short
 * goes on where it was: a page tells the newest first, so that only a window which was read to its end moves the mark. No
 * close waits for it.
 *
 * Of the platform's own events only: those of connected accounts are read from the accounts themselves (read-bank-payouts,
 * and an account is asked again before it is paid).
 *
 * Safe to run twice: an event that is stored, or has work, makes none; the watermark only moves on.
 */
export const recoverEvents = defineJob({
  name: 'stripe.recover-events',
  queue: 'stripe',
  version: 1,
  payload: nightlyPayload,
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 10 * 60_000,
  // Each run reads all that was not read, so that one which is due while another runs has nothing of its own to find.
  nightly: { dueTime: '05:00', catchUpDays: 7, overlap: 'skip', pauseAfter: 3 },
  concurrency: 1,
  uses: ['stripeEventList', 'stripeEvents', 'found', 'clock', 'log'],
  async handle(_date, { stripeEventList, stripeEvents, found, clock, log, signal }) {
    const endMs = clock.nowMs() - SETTLE_MS;
    const readUntilMs = await stripeEvents.readUntil();
    let fromMs = Math.max(endMs - KEPT_MS, (readUntilMs ?? 0) - OVERLAP_MS);
    let stepMs = DAY_MS;
    let read = 0;
    let missing = 0;
    while (fromMs < endMs) {
      const beforeMs = Math.min(fromMs + stepMs, endMs);
      const window = { types: USED_EVENTS, fromMs, beforeMs, signal };
      let page = await stripeEventList.readPage({ ...window, after: null });
      if (page.hasMore && stepMs > HOUR_MS) {
        stepMs = HOUR_MS;
        continue;
      }
      for (;;) {
        const { events, hasMore } = page;
        const used = events.filter(({ account }) => account === null);
        if (used.length > 0) missing += await stripeEvents.recover(used.map(asNotice(endMs)), clock.nowMs());
        read += used.length;
        if (!hasMore) break;
        page = await stripeEventList.readPage({ ...window, after: events.at(-1)?.eventId ?? null });
      }
      await stripeEvents.wereRead(beforeMs);
      fromMs = beforeMs;
    }
    found.count('stripe', 'read', read);
    found.count('stripe', 'missing', missing);
    if (missing > 0) log.warn({ read, missing }, 'events of Stripe that no webhook brought');
    return done({ read, missing });
  },
});

/** As the receiver hands one over. */
const asNotice = (receivedAtMs: number) => (event: StripeWebhook) => ({
  ...event,
  receivedAtMs,
  recovered: true,
});

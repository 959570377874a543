import { z } from 'zod';
import { readJsonObject } from './json.ts';
import {
  type CallReport,
  callerNumber,
  callerRegion,
  externalId,
  instant,
  readReport,
  secondsText,
  trackingNumber,
} from './report.ts';

const schema = z
  .object({
    resource_id: z.literal('').or(externalId).nullish(),
    /** The numeric id of calls from before 2021; above 2^53 − 1 two calls would read as one. */
    id: z.union([z.number().int().positive(), externalId]).nullish(),
    tracking_phone_number: trackingNumber,
    customer_phone_number: callerNumber,
    start_time: instant,
    /** Outbound calls have webhooks of their own; one that comes here is a wrong setting, and nobody owes for it. */
    direction: z.literal('inbound').nullish(),
    duration: secondsText,
    answered: z.boolean(),
    created_at: instant.nullish(),
    timestamp: instant.nullish(),
    customer_country: z.string().nullish(),
    customer_state: z.string().nullish(),
  })
  .refine(({ resource_id, id }) => Boolean(resource_id) || id != null, { path: ['resource_id'] });

/**
 * Reads a post_call or call_modified body of CallRail. Throws BODY_MALFORMED.
 *
 * `timestamp` is often the start of the call, also in bodies sent after it; what a body states was known at the
 * earliest when the call ended, so the latest of these instants is taken, and of a correction, which may make a call
 * shorter, not before `correctedAtMs`.
 */
export function parseCallrailReport(body: Uint8Array, correctedAtMs: number): CallReport {
  const report = readReport(schema, readJsonObject(body));
  const startedAtMs = report.start_time;
  const endedAtMs = startedAtMs + report.duration * 1_000;
  return {
    externalId: report.resource_id || String(report.id),
    trackingNumber: report.tracking_phone_number,
    callerNumber: report.customer_phone_number,
    startedAtMs,
    durationS: report.duration,
    answered: report.answered,
    callerRegion: callerRegion.parse(`${report.customer_country || 'US'}-${report.customer_state ?? ''}`),
    factsAtMs: Math.max(endedAtMs, report.created_at ?? 0, report.timestamp ?? 0, correctedAtMs),
  };
}

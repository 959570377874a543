import { z } from 'zod';
import { readJsonObject } from './json.ts';
import {
  attestation,
  type CallReport,
  callerNumber,
  callerRegion,
  externalId,
  instant,
  lineType,
  MAX_DURATION_S,
  readReport,
  revenue,
  trackingNumber,
} from './report.ts';

/** The types of event that carry a call; a sender may send others, which are accepted and not used. */
export const CALL_EVENT_TYPES = ['call.completed', 'call.modified'] as const;

const schema = z.object({
  type: z.enum(CALL_EVENT_TYPES),
  /** When the sender stated these facts. */
  timestamp: instant,
  data: z.object({
    call_id: externalId,
    tracking_number: trackingNumber,
    caller_number: callerNumber,
    started_at: instant,
    duration_s: z.number().int().min(0).max(MAX_DURATION_S),
    answered: z.boolean(),
    revenue,
    caller_region: callerRegion,
    attestation,
    line_type: lineType,
    click_id: externalId.nullish(),
  }),
});

/**
 * Reads our own body, for every sender that has none of its own. Throws BODY_MALFORMED.
 *
 * `{ "type": "call.completed" | "call.modified", "timestamp": ISO, "data": { "call_id", "tracking_number" (E.164),
 * "caller_number" (null when anonymous), "started_at": ISO, "duration_s", "answered", "revenue": { "amount_minor", "currency" } }`. `revenue` is what the buyer earned by the
 * call; a report without it leaves what an earlier one said. So it is with `caller_region` (ISO 3166-2, "US-TX"), `attestation` (STIR:
 * "A", "B" or "C") and `line_type` ("mobile", "landline", "voip", "toll_free", "premium", "other"), and with `click_id`, the click that led to the call. Unknown fields are ignored.
 */
export function parseStandardReport(body: Uint8Array): CallReport {
  const { timestamp, data } = readReport(schema, readJsonObject(body));
  return {
    externalId: data.call_id,
    trackingNumber: data.tracking_number,
    callerNumber: data.caller_number,
    startedAtMs: data.started_at,
    durationS: data.duration_s,
    answered: data.answered,
    revenue: data.revenue,
    callerRegion: data.caller_region,
    attestation: data.attestation,
    lineType: data.line_type,
    clickId: data.click_id ?? undefined,
    factsAtMs: timestamp,
  };
}

import { z } from 'zod';
import { fieldAt, readFields } from './fields.ts';
import {
  attestation,
  type CallReport,
  callerNumber,
  callerRegion,
  externalId,
  readReport,
  secondsText,
  trackingNumber,
} from './report.ts';

/** A caller whose line the first carrier, or a later one, vouches for as `A`, `B` or `C`. */
const PASSED = 'TN-Validation-Passed-';

const TALKED = ['completed', 'answered'];

const schema = z.object({
  CallSid: externalId,
  To: trackingNumber,
  From: callerNumber,
  Direction: z.literal('inbound').nullish(),
  DialCallStatus: z.enum([...TALKED, 'busy', 'failed', 'no-answer', 'canceled']),
  DialCallDuration: secondsText.nullish(),
  FromCountry: z.string().nullish(),
  FromState: z.string().nullish(),
  StirVerstat: z.string().nullish(),
});

/** Whether it is the end of a `<Dial>`: nothing else of Twilio says whether anybody talked, and for how long. */
export const tellsTalk = (fields: Readonly<Record<string, unknown>>): boolean =>
  fieldAt(fields, 'DialCallStatus') !== undefined;

/**
 * Reads what Twilio posts to the `action` of a `<Dial>` that dialled the buyer. Throws BODY_MALFORMED.
 *
 * The status of the inbound call itself is no report: it is `completed` whether or not anybody picked up, and its duration
 * has the menus and the ringing in it. Twilio states no start of the talk, so that it is counted back from the receipt.
 */
export function parseTwilioReport(body: Uint8Array, receivedAtMs: number): CallReport {
  const report = readReport(schema, readFields(body));
  const answered = TALKED.includes(report.DialCallStatus);
  const durationS = answered ? (report.DialCallDuration ?? 0) : 0;
  const verdict = report.StirVerstat ?? '';
  return {
    externalId: report.CallSid,
    trackingNumber: report.To,
    callerNumber: report.From,
    startedAtMs: receivedAtMs - durationS * 1_000,
    durationS,
    answered,
    callerRegion: callerRegion.parse(`${report.FromCountry || 'US'}-${report.FromState ?? ''}`),
    attestation: attestation.parse(verdict.startsWith(PASSED) ? verdict.charAt(PASSED.length) : null),
    factsAtMs: receivedAtMs,
  };
}

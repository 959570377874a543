import { z } from 'zod';
import { readFields } from './fields.ts';
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
const ENDED = ['completed', 'busy', 'failed', 'no-answer', 'canceled'];

const schema = z.object({
  CallSid: externalId,
  To: trackingNumber,
  From: callerNumber,
  Direction: z.literal('inbound').nullish(),
  CallDuration: secondsText.nullish(),
  DialCallStatus: z.enum([...TALKED, 'busy', 'failed', 'no-answer', 'canceled']).nullish(),
  DialCallDuration: secondsText.nullish(),
  FromCountry: z.string().nullish(),
  FromState: z.string().nullish(),
  StirVerstat: z.string().nullish(),
});

/** What a request of Twilio reports; null is a call under way, or a leg that was dialled from one. */
export function kindOfTwilio(fields: Readonly<Record<string, unknown>>): 'dial_ended' | 'call_ended' | null {
  if (fields.Direction !== undefined && fields.Direction !== 'inbound') return null;
  if (fields.DialCallStatus !== undefined) return 'dial_ended';
  return ENDED.some((status) => status === fields.CallStatus) ? 'call_ended' : null;
}

/**
 * Reads what Twilio posts to the `action` of a `<Dial>` that dialled the buyer, or when an inbound call has ended. Throws
 * BODY_MALFORMED.
 *
 * Only the end of a `<Dial>` says whether anybody talked, and for how long: a call is `completed` whether or not anybody
 * picked up, and its duration has the menus and the ringing in it. So the end of a call is a call without talk, by facts of
 * its start, which those of a `<Dial>` replace whichever comes first. Instants are counted back from the receipt.
 */
export function parseTwilioReport(body: Uint8Array, receivedAtMs: number): CallReport {
  const report = readReport(schema, readFields(body));
  const hasDialled = report.DialCallStatus != null;
  const answered = TALKED.some((status) => status === report.DialCallStatus);
  const durationS = answered ? (report.DialCallDuration ?? 0) : 0;
  const startedAtMs = receivedAtMs - (hasDialled ? durationS : (report.CallDuration ?? 0)) * 1_000;
  const verdict = report.StirVerstat ?? '';
  return {
    externalId: report.CallSid,
    trackingNumber: report.To,
    callerNumber: report.From,
    startedAtMs,
    durationS,
    answered,
    callerRegion: callerRegion.parse(`${report.FromCountry || 'US'}-${report.FromState ?? ''}`),
    attestation: attestation.parse(verdict.startsWith(PASSED) ? verdict.charAt(PASSED.length) : null),
    factsAtMs: hasDialled ? receivedAtMs : startedAtMs,
  };
}

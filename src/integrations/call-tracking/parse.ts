import { type CallFields, UNSIGNED_SOURCES } from '../../config-receivers.ts';
import { parseCallrailReport } from './callrail.ts';
import { readMapped } from './mapped.ts';
import type { CallReport } from './report.ts';
import { parseStandardReport } from './standard.ts';
import { TEMPLATES } from './templates.ts';
import { parseTwilioReport } from './twilio.ts';

/** The kind of what a log of calls tells: no sender's event may be called so. */
export const FROM_LOG = 'call_log';

/** A verified report of a call as it waits in the queue. */
export interface RawReport {
  readonly source: string;
  /** As the receiver told it: of CallRail its address, else what the body says. */
  readonly kind: string;
  readonly body: Uint8Array;
  readonly receivedAtMs: number;
}

/** Reads the raw body of a verified webhook; `described` are the senders of the configuration. Throws BODY_MALFORMED. */
export function parseCallReport(
  { source, kind, body, receivedAtMs }: RawReport,
  described: Readonly<Record<string, { readonly fields: CallFields }>> = {},
): CallReport {
  if (source === 'callrail') return parseCallrailReport(body, kind === 'call_modified' ? receivedAtMs : 0);
  if (source === 'twilio') return parseTwilioReport(body, receivedAtMs);
  // A log tells what had long been so: of a call that no webhook brought, any news is later.
  const toldAtMs = kind === FROM_LOG ? null : receivedAtMs;
  const unsigned = UNSIGNED_SOURCES.find((one) => one === source);
  if (unsigned !== undefined) return readMapped(TEMPLATES[unsigned], body, toldAtMs);
  const sender = Object.hasOwn(described, source) ? described[source] : undefined;
  return sender === undefined ? parseStandardReport(body) : readMapped(sender.fields, body, toldAtMs);
}

import { parseCallrailReport } from './callrail.ts';
import type { CallReport } from './report.ts';
import { parseStandardReport } from './standard.ts';

/** Reads the raw body of a verified webhook. `source` is the last part of the receiver's address. Throws BODY_MALFORMED. */
export function parseCallReport(source: string, body: Uint8Array): CallReport {
  return source === 'callrail' ? parseCallrailReport(body) : parseStandardReport(body);
}

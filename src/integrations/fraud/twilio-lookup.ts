import { z } from 'zod';
import { type RefusalInside, refusalInside } from '../api-errors.ts';
import { basic } from '../credentials.ts';
import {
  type LineType,
  type LookupOptions,
  lookupClient,
  type NumberLookup,
  type NumberReport,
} from './lookup.ts';
import type { operations, paths } from './twilio-lookup.openapi.ts';

const PATH = '/v2/PhoneNumbers/{PhoneNumber}' satisfies keyof paths;
const QUERY = {
  Fields: 'line_type_intelligence',
} satisfies operations['FetchPhoneNumber']['parameters']['query'];

const LINE_TYPES: Readonly<Record<string, LineType | null>> = {
  mobile: 'mobile',
  landline: 'landline',
  fixedvoip: 'voip',
  nonfixedvoip: 'voip',
  tollfree: 'toll_free',
  premium: 'premium',
  unknown: null,
};

/** A test holds it against Twilio's document. */
export const answerSchema = z
  .object({
    valid: z.boolean(),
    line_type_intelligence: z
      .object({ type: z.string().nullish(), error_code: z.union([z.int(), z.string()]).nullish() })
      .nullish(),
  })
  .transform(({ valid, line_type_intelligence: line }): NumberReport | RefusalInside => {
    if (line?.error_code != null) return refusalInside(String(line.error_code), { ofEverybody: false });
    const type = (line?.type ?? 'unknown').toLowerCase();
    return {
      valid,
      lineType: Object.hasOwn(LINE_TYPES, type) ? (LINE_TYPES[type] ?? null) : 'other',
      riskScore: null,
    };
  });

/**
 * Twilio's Lookup v2 with the package Line Type Intelligence. Sources: Twilio's OpenAPI document, the requests of its own
 * library (tests compare ours with both), and Twilio, "Line Type Intelligence". It scores no risk of calls: its package
 * about SMS pumping is about texts, and is paid for apart. A package that failed has a code in an answer of 200, such as
 * 60601 for Canadian numbers without an approval, which is about the number and not about us.
 */
export function createTwilioLookup(options: LookupOptions): NumberLookup {
  const client = lookupClient('twilio-lookup', basic, options);
  return {
    isAway: client.isAway,
    lookUp: (number, signal) =>
      client.get({
        operation: 'lookups.fetch',
        path: PATH.replace('{PhoneNumber}', encodeURIComponent(number)),
        query: QUERY,
        schema: answerSchema,
        signal,
      }),
  };
}

/** Of Twilio's own examples. */
const EXAMPLE = '+14159929960';

/** Whether it takes a key: without packages a lookup costs nothing (Twilio, "Lookup v2"). Throws as `lookUp` does. */
export async function checkTwilioLookup(
  key: string,
  options: Omit<LookupOptions, 'keys'>,
  signal: AbortSignal,
) {
  const client = lookupClient('twilio-lookup', basic, { ...options, keys: [key] });
  const path = `/v2/PhoneNumbers/${encodeURIComponent(EXAMPLE)}`;
  await client.get({ operation: 'lookups.fetch', path, schema: z.object({ valid: z.boolean() }), signal });
}

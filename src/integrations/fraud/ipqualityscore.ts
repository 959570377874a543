import { z } from 'zod';
import { type RefusalInside, refusalInside } from '../api-errors.ts';
import { headerKey } from '../credentials.ts';
import {
  digitsOf,
  type LineType,
  type LookupOptions,
  lookupClient,
  type NumberLookup,
  type NumberReport,
} from './lookup.ts';

const LINE_TYPES: Readonly<Record<string, LineType>> = {
  wireless: 'mobile',
  mobile: 'mobile',
  landline: 'landline',
  voip: 'voip',
  'toll free': 'toll_free',
  'premium rate': 'premium',
  satellite: 'other',
  pager: 'other',
};

const failed = z.object({ success: z.literal(false), message: z.string().catch('') });
const found = z.object({
  success: z.literal(true),
  valid: z.boolean(),
  fraud_score: z.number().min(0).max(100),
  VOIP: z.boolean().nullish().catch(null),
  line_type: z.string().nullish().catch(null),
});

const answerSchema = z.union([
  failed.transform(({ message }) => refusalOf(message)),
  found.transform(({ valid, fraud_score: riskScore, VOIP, line_type }): NumberReport => {
    const lineType = LINE_TYPES[(line_type ?? '').toLowerCase()] ?? null;
    return { valid, lineType: VOIP === true ? 'voip' : lineType, riskScore };
  }),
]);

/**
 * IPQualityScore's phone number validation. Sources: its OpenAPI definition, and its own SDK for Node (the key in header
 * `IPQS-KEY` of a POST to `/api/json/phone`, so that neither key nor number stands in an address). Not tried against
 * IPQualityScore; somebody says in public that the header was refused for a GET.
 */
export function createIpQualityScore(options: LookupOptions): NumberLookup {
  const client = lookupClient('ipqualityscore', headerKey('IPQS-KEY'), options);
  return {
    isAway: client.isAway,
    lookUp: (number, signal) =>
      client.write({
        operation: 'phone.validate',
        path: '/api/json/phone',
        body: { form: { phone: digitsOf(number), strictness: '0' } },
        schema: answerSchema,
        signal,
      }),
  };
}

const accountSchema = z.union([
  failed.transform(({ message }) => refusalOf(message)),
  z.object({ success: z.literal(true) }).transform(() => null),
]);

/**
 * Whether it takes a key, by its Credit Usage API, which costs no credit. Source: its page of that name; public clients of it
 * send the key in the address, and none in a header. Throws as `lookUp` does.
 */
export async function checkIpQualityScore(
  key: string,
  options: Omit<LookupOptions, 'keys'>,
  signal: AbortSignal,
) {
  const client = lookupClient('ipqualityscore', headerKey('IPQS-KEY'), { ...options, keys: [key] });
  const path = `/api/json/account/${encodeURIComponent(key)}`;
  await client.get({ operation: 'account.usage', path, schema: accountSchema, signal });
}

/** It has words and no codes. A refusal is of the key or of what was bought: whoever asks next is refused too. */
function refusalOf(message: string): RefusalInside {
  const words = message.toLowerCase();
  const isSpent = ['credit', 'quota', 'exceed'].some((word) => words.includes(word));
  const code = isSpent ? 'credits_spent' : words.includes('key') ? 'key_refused' : 'refused';
  return refusalInside(code, { ofEverybody: true, ofKey: code === 'key_refused' });
}

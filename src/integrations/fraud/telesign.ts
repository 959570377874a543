import { z } from 'zod';
import { ApiError } from '../../errors.ts';
import { type RefusalInside, refusalInside } from '../api-errors.ts';
import { basic } from '../credentials.ts';
import {
  digitsOf,
  type LineType,
  type LookupOptions,
  lookupClient,
  type NumberLookup,
  type NumberReport,
} from './lookup.ts';

/** All that was asked for was found, or a part of it, which it does not name. */
const COMPLETED = 300;
const IN_PART = 301;

const INVALID = '8';
const LINE_TYPES: Readonly<Record<string, LineType>> = {
  '1': 'landline',
  '2': 'mobile',
  '3': 'mobile',
  '4': 'toll_free',
  '5': 'voip',
  '6': 'other',
  '7': 'other',
  '9': 'premium',
  '10': 'other',
  '11': 'other',
  '20': 'other',
};

const answerSchema = z
  .object({
    status: z.object({ code: z.int() }),
    risk: z.object({ score: z.number().min(0).max(1_000) }).nullish(),
    phone_type: z.object({ code: z.string().nullish() }).nullish(),
  })
  .transform(({ status, risk, phone_type }): NumberReport | RefusalInside => {
    if (status.code !== COMPLETED)
      return refusalInside(String(status.code), { ofEverybody: status.code !== IN_PART });
    const type = phone_type?.code ?? '';
    return {
      valid: type !== INVALID,
      lineType: LINE_TYPES[type] ?? null,
      riskScore: risk == null ? null : Math.round(risk.score / 10),
    };
  });

/**
 * Telesign's Intelligence Cloud. Source: its OpenAPI document (POST of a form, basic authentication by customer id and API
 * key, a risk from 0 to 1,000, codes of types of phones) and its list of status codes; 8 is a number that nobody can have.
 * Telesign says to go by the status in the body and not by that of HTTP. Not tried against Telesign.
 */
export function createTelesign(options: LookupOptions): NumberLookup {
  const client = lookupClient('telesign', basic, options);
  return {
    isAway: client.isAway,
    lookUp: (number, signal) =>
      client.write({
        operation: 'intelligence.phone',
        path: '/intelligence/phone',
        body: { form: { phone_number: digitsOf(number), account_lifecycle_event: 'transact' } },
        schema: answerSchema,
        signal,
      }),
  };
}

/** What is wrong with the parameters: of a number, that it is missing or none. */
const OF_THE_NUMBER = ['11000', '11001', '12000'];

/**
 * Whether it takes a key and the account has this product: a question without a number, which there is nothing to pay for. Source: the
 * OpenAPI document, which has 12000 for a number that is missing, and 401 with codes of its own for a key, a customer and a product
 * that the account does not have. That the key is looked at before the number is written nowhere. Throws as `lookUp` does.
 */
export async function checkTelesign(key: string, options: Omit<LookupOptions, 'keys'>, signal: AbortSignal) {
  const client = lookupClient('telesign', basic, { ...options, keys: [key] });
  const asked = client.write({
    operation: 'intelligence.phone',
    path: '/intelligence/phone',
    body: { form: { account_lifecycle_event: 'transact' } },
    schema: answerSchema,
    signal,
  });
  await asked.catch((error: unknown) => {
    if (!(error instanceof ApiError) || !OF_THE_NUMBER.includes(error.providerCode ?? '')) throw error;
  });
}

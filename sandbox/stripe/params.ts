import { z } from 'zod';
import { CURRENCIES, type Currency } from '../../src/money.ts';
import type { FormRecord } from './form.ts';
import { invalidRequest } from './refusal.ts';

// Messages that are codes of Stripe travel as the code of the refusal.
const NO_INTEGER = 'parameter_invalid_integer';

export const integer = z
  .string()
  .regex(/^-?\d{1,15}$/, NO_INTEGER)
  .transform(Number);
export const positive = integer.refine((value) => value > 0, NO_INTEGER);
export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
export const text = z.string().min(1, 'parameter_invalid_empty').max(5_000);
export const metadata = z.record(z.string().max(40), z.string().max(500));
export const currency = z.string().transform((value) => value.toLowerCase());
export const range = z.union([
  integer.transform((at) => ({ gte: at, lte: at, gt: undefined, lt: undefined })),
  z.strictObject({
    gt: integer.optional(),
    gte: integer.optional(),
    lt: integer.optional(),
    lte: integer.optional(),
  }),
]);

/** What every list takes. */
export const page = {
  limit: integer.refine((value) => value >= 1 && value <= 100, NO_INTEGER).default(10),
  starting_after: text.optional(),
  ending_before: text.optional(),
};

/** Reads a form by its schema; what it refuses is refused before execution, so no key remembers it. */
export function readParams<P>(schema: z.ZodType<P>, form: FormRecord): P {
  const parsed = schema.safeParse(form);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue === undefined) throw invalidRequest('Invalid request.');
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const param = named([...path, issue.keys[0] ?? '']);
    throw invalidRequest(`Received unknown parameter: ${param}`, { code: 'parameter_unknown', param });
  }
  const param = named(path);
  if (valueAt(form, path) === undefined) {
    throw invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  }
  const code = issue.message.startsWith('parameter_') ? { code: issue.message } : {};
  throw invalidRequest(`Invalid ${param}`, { ...code, param });
}

function named(path: string[]): string {
  return path.map((part, index) => (index === 0 ? part : `[${part}]`)).join('');
}

function valueAt(form: unknown, path: string[]): unknown {
  let value = form;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** The currency, if Stripe settles in it and the amount is one that it takes in it. */
export function checkAmount(amount: number, code: string): Currency {
  if (!Object.hasOwn(CURRENCIES, code))
    throw invalidRequest(`Invalid currency: ${code}.`, { param: 'currency' });
  const known = code as Currency;
  if (amount % CURRENCIES[known].multipleOfMinor !== 0) {
    const message = `The amount must be a multiple of ${CURRENCIES[known].multipleOfMinor} in ${known}.`;
    throw invalidRequest(message, { code: 'invalid_charge_amount', param: 'amount' });
  }
  if (Math.abs(amount) > 99_999_999) {
    throw invalidRequest('Amount must be no more than 99999999.', {
      code: 'amount_too_large',
      param: 'amount',
    });
  }
  return known;
}

/** As checkAmount, for money taken from a card: below the minimum charge nothing is taken. */
export function checkCharge(amount: number, code: string): Currency {
  const known = checkAmount(amount, code);
  if (amount < CURRENCIES[known].minimumChargeMinor) {
    throw invalidRequest('Amount is below the minimum charge.', {
      code: 'amount_too_small',
      param: 'amount',
    });
  }
  return known;
}

import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { z } from 'zod';
import { PermanentError } from '../../errors.ts';

/** One call as a provider reported it, in one shape whoever the provider is. */
export interface CallReport {
  /** The provider's id of the call: letters, digits, `-`, `_`, `.` and `:`, at most 64. */
  readonly externalId: string;
  /** The number that was dialled, in E.164. */
  readonly trackingNumber: string;
  /** In E.164 where it is a number, else as reported; null when the caller is anonymous. */
  readonly callerNumber: string | null;
  readonly startedAtMs: number;
  readonly durationS: number;
  readonly answered: boolean;
  /** What the buyer earned by the call; absent where the report does not say. */
  readonly revenue?: { readonly amountMinor: number; readonly currency: string } | undefined;
  /** Where the provider says the caller is, in ISO 3166-2 (`US-TX`). */
  readonly callerRegion?: string | undefined;
  /** STIR: how far the caller's carrier vouches for the number. */
  readonly attestation?: 'A' | 'B' | 'C' | undefined;
  readonly lineType?: z.infer<typeof lineType>;
  /** The click that led to it, as an affiliate platform calls it. */
  readonly clickId?: string | undefined;
  /**
   * When the provider stated these facts. Later facts replace earlier ones; of two reports of one call that carry the
   * same instant the one that was stored first stays.
   */
  readonly factsAtMs: number;
}

/** No call lasts longer than a week; a longer one is a fault of the sender and not something to bill. */
export const MAX_DURATION_S = 7 * 86_400;

const EXTERNAL_ID_MARKS = new Set(['-', '_', '.', ':']);

const isDigit = (letter: string) => letter >= '0' && letter <= '9';

function isExternalId(id: string): boolean {
  const plain = (letter: string) =>
    isDigit(letter) || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
  return (
    id !== '' && id.length <= 64 && [...id].every((letter) => plain(letter) || EXTERNAL_ID_MARKS.has(letter))
  );
}

function isE164(number: string): boolean {
  const digits = number.slice(1);
  const bounded = digits.length >= 7 && digits.length <= 15;
  return number.startsWith('+') && bounded && !digits.startsWith('0') && [...digits].every(isDigit);
}

/** Words in place of a number, and the same words as they are dialled on a keypad, which carriers send too. */
const ANONYMOUS = new Set([
  '',
  'anonymous',
  'blocked',
  'private',
  'restricted',
  'unavailable',
  'unknown',
  'withheld',
  '+266696687',
  '+2562533',
  '+7378742833',
  '+86282452253',
  '+8656696',
]);

export const externalId = z.string().refine(isExternalId, 'is no id');
export const trackingNumber = z.string().refine(isE164, 'is not in E.164');

/** Of numbers without one. */
export const HOME_COUNTRY = 'US';

/** In E.164; undefined where it has too few digits or too many to be a number, and names no country. */
export function numberOf(given: string): string | undefined {
  const parsed = parsePhoneNumberFromString(given, { defaultCountry: HOME_COUNTRY, extract: false });
  return given.startsWith('+') || parsed?.isPossible() ? parsed?.number : undefined;
}

const isAnonymous = (number: string) => {
  const digits = [...number].filter(isDigit).join('');
  return ANONYMOUS.has(number.toLowerCase()) || ANONYMOUS.has(`+${digits}`);
};

/**
 * A number is one number however it is written, or who calls again would be two: so it is in E.164, of the USA's plan where it names no
 * country. What is none (`sip:`, too few digits) stays as it is, and is judged by the rules. A token that the sender's template did not
 * fill in is a fault of the report.
 */
export const callerNumber = z
  .string()
  .max(64)
  .refine((number) => [...number].every((letter) => letter >= ' ' && letter <= '~'), 'is no printable text')
  .transform((number) => number.trim())
  .refine((number) => !(number.startsWith('[') || number.startsWith('{')), 'is a token that nobody filled in')
  .nullish()
  .transform((number) => {
    if (number == null || isAnonymous(number)) return null;
    return isE164(number) ? number : (numberOf(number) ?? number);
  });

/** Seconds of a call in plain digits. */
export const secondsText = z
  .string()
  .max(9)
  .refine((text) => text !== '' && [...text].every(isDigit), 'is no number of seconds')
  .transform(Number)
  .refine((durationS) => durationS <= MAX_DURATION_S, 'is longer than a week');

/** A region whose code is not one is left out: a call is not refused for it. */
export const callerRegion = z
  .string()
  .nullish()
  .transform((text) => {
    const code = text?.trim().toUpperCase() ?? '';
    const [country = '', part = ''] = code.split('-');
    const plain = [...code].every(
      (letter) => letter === '-' || isDigit(letter) || (letter >= 'A' && letter <= 'Z'),
    );
    return plain && country.length === 2 && part.length >= 1 && part.length <= 3 ? code : undefined;
  });
export const attestation = z
  .enum(['A', 'B', 'C'])
  .nullish()
  .catch(null)
  .transform((letter) => letter ?? undefined);
export const lineType = z
  .enum(['mobile', 'landline', 'voip', 'toll_free', 'premium', 'other'])
  .nullish()
  .catch(null)
  .transform((type) => type ?? undefined);

const currency = z
  .string()
  .length(3)
  .transform((code) => code.toLowerCase())
  .refine((code) => [...code].every((letter) => letter >= 'a' && letter <= 'z'));

/** In minor units of a currency of ISO 4217; null says no more than absence does. */
export const revenue = z
  .object({ amount_minor: z.int().nonnegative(), currency })
  .nullish()
  .transform((stated) =>
    stated == null ? undefined : { amountMinor: stated.amount_minor, currency: stated.currency },
  );

/** From 2000 to 2099. */
export const isInstant = (ms: number) => ms >= Date.UTC(2000, 0) && ms < Date.UTC(2100, 0);

/** ISO 8601 with an offset or Z, as milliseconds. */
export const instant = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .refine(isInstant, 'is out of range');

/** The parsed value, or BODY_MALFORMED with the fields at fault, what is wrong with each, and never their values. */
export function readReport<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, code, message }) => ({
    field: path.join('.'),
    // Only messages of our own: those of zod may quote what they name.
    issue: code === 'custom' && message !== 'Invalid input' ? message : code,
  }));
  const told = [...new Set(issues.map(({ field, issue }) => `${field} (${issue})`))].join(', ');
  throw new PermanentError('BODY_MALFORMED', `The call report is not usable: ${told}.`, {
    detail: { issues },
  });
}

import { z } from 'zod';
import { CURRENCIES, type Currency } from './money.ts';

/** Providers of calls whose webhooks have a receiver and a shape of their own; no other sender may have their names. */
export const OWN_SOURCES = [
  'callrail',
  'twilio',
  'ringba',
  'retreaver',
  'trackdrive',
  'invoca',
  'convoso',
] as const;

/** Those that sign nothing and are known by a secret path and a secret header. */
export const UNSIGNED_SOURCES = ['ringba', 'retreaver', 'trackdrive', 'invoca', 'convoso'] as const;
export type UnsignedSource = (typeof UNSIGNED_SOURCES)[number];

/** `path` stands in the address, `header` comes in x-webhook-secret. */
export interface PathSecret {
  readonly path: string;
  readonly header: string;
}

const isDigit = (letter: string) => letter >= '0' && letter <= '9';
const isLetter = (letter: string) =>
  (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || isDigit(letter);
/** What a timestamp or an id in a signed text may consist of. */
export const isWordLetter = (letter: string) => isLetter(letter) || letter === '-' || letter === '_';
const isWord = (text: string) => text !== '' && [...text].every(isWordLetter);

/** The router must let a part of an address of this length through. */
export const MAX_PATH_SECRET_LENGTH = 128;

/** Long enough that nobody guesses it, and plain in an address and a header; also outside prod, where none is weak. */
const isPathSecretPart = (text: string) =>
  text.length >= 24 && text.length <= MAX_PATH_SECRET_LENGTH && isWord(text);

export function parsePathSecret(item: string): PathSecret | null {
  const [path = '', header = '', ...more] = item.split(':');
  return more.length === 0 && isPathSecretPart(path) && isPathSecretPart(header) && path !== header
    ? Object.freeze({ path, header })
    : null;
}

export const isSourceName = (name: string) =>
  name !== '' &&
  name.length <= 32 &&
  [...name].every((letter) => (isLetter(letter) && letter === letter.toLowerCase()) || letter === '-');

/** Whether a sender of one's own may be called so. */
export const isFreeSource = (name: string) =>
  isSourceName(name) && name !== 'stripe' && !OWN_SOURCES.some((own) => own === name);

/** Names of fields, by dots: `data.call.id`. */
const field = z
  .string()
  .max(128)
  .refine((path) => path.split('.').every((name) => name !== ''));
const fieldWithValues = z.strictObject({ field, values: z.array(z.string().min(1).max(64)).min(1).max(16) });
const header = z
  .string()
  .max(64)
  .refine(isWord)
  .transform((name) => name.toLowerCase());

/** Where in a body the facts of a call stand. */
export const callFields = z.strictObject({
  callId: field,
  /** The number that was dialled. */
  trackingNumber: field,
  callerNumber: field.optional(),
  startedAt: field,
  /** Seconds of talk. */
  durationS: field,
  /** Answered when the field has one of these values; without, when anybody talked for a second. */
  answered: fieldWithValues.optional(),
  /** What the buyer earned by it, a decimal in major units; its currency stands in a field or is always one. */
  revenue: field.optional(),
  currency: field.optional(),
  alwaysCurrency: z.enum(Object.keys(CURRENCIES) as [Currency, ...Currency[]]).optional(),
  /** ISO 3166-2, or a state of the USA. */
  callerRegion: field.optional(),
  attestation: field.optional(),
  /** The click that led to it, as an affiliate platform calls it. */
  clickId: field.optional(),
  /** When the sender stated these facts. */
  statedAt: field.optional(),
  /** IANA name of the zone of times that have no offset: in a field, or always one. */
  timezone: field.optional(),
  alwaysTimezone: z.string().max(64).optional(),
});
export type CallFields = z.output<typeof callFields>;

/** Also of one that stands in a file, and of the address of that file. */
export const isHmacSecret = (secret: string) => secret.length >= 16 && secret.length <= 256;

const hmacReceiver = z
  .strictObject({
    algorithm: z.enum(['sha1', 'sha256', 'sha512']),
    encoding: z.enum(['hex', 'base64']),
    /** Holds the signature, behind `prefix`. */
    header,
    prefix: z.string().max(32).default(''),
    /** What is signed: text with {body}, and {timestamp} and {id} where headers have them. */
    signed: z.string().max(128).default('{body}'),
    timestampHeader: header.optional(),
    toleranceS: z.int().min(1).max(3_600).default(300),
    idHeader: header.optional(),
    /** Newest first. */
    secrets: z.array(z.string().refine(isHmacSecret)).min(1).max(8).readonly(),
    /** Only bodies whose field has one of these values report a finished call; others are accepted and dropped. */
    only: fieldWithValues.optional(),
    fields: callFields,
  })
  .refine(({ signed, timestampHeader, idHeader }) => isSafeTemplate(signed, { timestampHeader, idHeader }), {
    path: ['signed'],
  })
  .refine(
    ({ fields }) => fields.revenue === undefined || (fields.currency ?? fields.alwaysCurrency) !== undefined,
    {
      path: ['fields', 'currency'],
    },
  );
/** A sender that signs by HMAC in a way of its own, as the configuration describes it. */
export type HmacReceiver = z.output<typeof hmacReceiver>;

const hmacReceivers = z.record(z.string().refine(isFreeSource), hmacReceiver);

/**
 * Each header that counts must be signed, or its value could be replaced; and each placeholder must end where a letter
 * comes that its value cannot have, or one signed text could be read in two ways.
 */
function isSafeTemplate(
  signed: string,
  { timestampHeader, idHeader }: { timestampHeader?: string | undefined; idHeader?: string | undefined },
): boolean {
  const partsAround = (placeholder: string) => signed.split(placeholder);
  const count = (placeholder: string) => partsAround(placeholder).length - 1;
  const bounded = ['{timestamp}', '{id}'].every((placeholder) =>
    partsAround(placeholder)
      .slice(1)
      .every((after) => after !== '' && !isWordLetter(after.charAt(0)) && after.charAt(0) !== '{'),
  );
  return (
    bounded &&
    count('{body}') === 1 &&
    count('{timestamp}') === (timestampHeader === undefined ? 0 : 1) &&
    count('{id}') === (idHeader === undefined ? 0 : 1)
  );
}

/** The receivers by source, or where the text is wrong: names of settings and never what stands in them. */
export function parseHmacReceivers(
  text: string,
): { readonly receivers: Readonly<Record<string, HmacReceiver>> } | { readonly wrongAt: string } {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return { wrongAt: 'it is no JSON' };
  }
  const parsed = hmacReceivers.safeParse(given);
  if (parsed.success) return { receivers: freezeAll(parsed.data) };
  return {
    wrongAt: [...new Set(parsed.error.issues.map(({ path }) => path.join('.') || 'its root'))].join(', '),
  };
}

function freezeAll<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) freezeAll(part);
  return Object.freeze(value);
}

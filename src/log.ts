import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';

const HIDDEN = '[hidden]';

/** Keys, in lower case without underscores and dashes, whose values are never logged. */
const HIDDEN_KEYS = new Set([
  'apikey',
  'authorization',
  'body',
  'bodykeys',
  'callernumber',
  'cookie',
  'customername',
  'customerphonenumber',
  'dsn',
  'email',
  'opspasswords',
  'password',
  'payload',
  'rawbody',
  'sealed',
  'secret',
  'secretkey',
  'signature',
  'token',
  'trackingnumber',
]);

const SECRET =
  /\b(?:sk|rk|pk)_(?:live|test)_\w+|\bwhsec_[\w+/=-]+|\bsb_secret_\w+|\beyJ[\w-]+\.[\w-]+\.[\w-]+/g;
const URL_PASSWORD = /(:\/\/[^\s:/@]{0,64}:)[^\s@/]{1,256}@/g;
/** Some providers take their key nowhere but in the address. */
const URL_KEY =
  /([?&](?:api_?key|key|token|auth_token|access_token|networktoken|secret|signature)=)[^\s&#"']{1,512}/gi;
const PHONE = /\+[1-9]\d{6,14}\b|\(\d{3}\) ?\d{3}[-.]\d{4}\b|\b\d{3}[-.]\d{3}[-.]\d{4}\b/g;

/** Deeper facts are not for a log. */
const MAX_DEPTH = 6;

/** Longer text is cut: it is no fact but a dump, and the patterns above are not to be run over megabytes. */
const MAX_LENGTH = 4_096;

/** Text without secrets of known shape, passwords and keys in addresses, and phone numbers. */
function scrubText(text: string): string {
  return text
    .slice(0, MAX_LENGTH)
    .replace(SECRET, HIDDEN)
    .replace(URL_PASSWORD, `$1${HIDDEN}@`)
    .replace(URL_KEY, `$1${HIDDEN}`)
    .replace(PHONE, '[phone]');
}

function scrub(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array || depth >= MAX_DEPTH) return HIDDEN;
  if (value instanceof Error) return scrub(stdSerializers.err(value), depth);
  if (Array.isArray(value)) return value.map((item) => scrub(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, isHiddenKey(key) ? HIDDEN : scrub(item, depth + 1)]),
  );
}

const isHiddenKey = (key: string) =>
  HIDDEN_KEYS.has(key.toLowerCase().replaceAll('_', '').replaceAll('-', ''));

/**
 * The log: one JSON object a line on standard output, so a line break in a value cannot forge a line.
 *
 * Secrets, bodies and phone numbers are hidden by key and by shape, in objects, errors and messages alike.
 */
export function createLogger({
  level,
  destination,
}: {
  level: string;
  destination?: DestinationStream;
}): Logger {
  const options = {
    level,
    base: null,
    // JSON leaves these two as they are, and some log viewers break a line at them.
    hooks: {
      streamWrite: (line: string) => line.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029'),
    },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: Record<string, unknown>) => scrub(fields) as Record<string, unknown>,
    },
    serializers: { msg: (message: unknown) => (typeof message === 'string' ? scrubText(message) : message) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { parseEndpoint } from './config-events.ts';
import { isFile, isPair, readSecrets } from './config-files.ts';
import { isFreeSource, isSourceName, parseHmacReceivers, parsePathSecret } from './config-receivers.ts';

/** One variable of the environment. */
export interface Variable {
  readonly purpose: string;
  readonly example: string;
  readonly secret?: boolean;
  readonly required?: boolean;
  /** The secrets in it, where it is no comma list of them. */
  readonly secretsOf?: (value: string) => readonly string[];
  /** What each of them must be, also where it stands in a file. */
  readonly isSecret?: (secret: string) => boolean;
  readonly schema: z.ZodType<unknown, string | undefined>;
}

/** Text in, `T` out; null is a fault. Faults say what is wanted and never what was given. */
function checked<T>(wanted: string, parse: (text: string) => T | null) {
  return z.string().transform((text, context): T => {
    const parsed = parse(text);
    if (parsed !== null) return parsed;
    context.addIssue({ code: 'custom', message: `must be ${wanted}` });
    return z.NEVER;
  });
}

export const itemsOf = (text: string, separator = ',') =>
  text
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '');

function list<T>(wanted: string, parse: (item: string) => T | null) {
  return checked(`a comma list of ${wanted}`, (text): readonly T[] | null => {
    const parsed = itemsOf(text).map(parse);
    return parsed.includes(null) ? null : (parsed as T[]);
  });
}

export const text = z.string();
/** One that is used as it is given. */
export const secretText = checked('the secret itself: no file is read here', (value) =>
  isFile(value) ? null : value,
);
export const secrets = list('secrets', (item) => item);
export const keyPairs = list('pairs such as id:secret', (item) => (isPair(item) ? item : null));
export const oneOf = <const T extends string>(values: readonly T[]) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` });

export function url(protocols: readonly string[]) {
  const wanted = protocols.map((protocol) => `${protocol}//`).join(' or ');
  return checked(`an address that begins with ${wanted}`, (value) =>
    URL.canParse(value) && protocols.includes(new URL(value).protocol) ? value : null,
  );
}

export function whole(min: number, max: number) {
  return checked(`a whole number from ${min} to ${max}`, (value) => {
    const number = Number(value);
    return Number.isInteger(number) && number >= min && number <= max ? number : null;
  });
}

export const timezone = checked('the IANA name of a time zone', (name) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    // An offset such as +02:00 is taken by Intl and knows no change of clocks.
    return name.startsWith('+') || name.startsWith('-') ? null : name;
  } catch {
    return null;
  }
});

function parseProxy(item: string): string | null {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(item)) return item;
  const [address = '', prefix, ...rest] = item.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return null;
  if (prefix === undefined) return item;
  try {
    new BlockList().addSubnet(
      address,
      prefix === '' ? Number.NaN : Number(prefix),
      family === 6 ? 'ipv6' : 'ipv4',
    );
    return item;
  } catch {
    return null;
  }
}

function parseBodyKey(item: string): Buffer | null {
  const key = Buffer.from(item, 'base64');
  return key.length === 32 && key.toString('base64') === item ? key : null;
}

/** `whsec_` and a secret of 24 to 64 bytes, or `whpk_` and a public key of ed25519. */
function isStandardSecret(secret: string): boolean {
  const isPublic = secret.startsWith('whpk_');
  const encoded = secret.slice(isPublic ? 'whpk_'.length : 'whsec_'.length);
  const key = Buffer.from(encoded, 'base64');
  const bounded = isPublic ? key.length === 32 : key.length >= 24 && key.length <= 64;
  return (isPublic || secret.startsWith('whsec_')) && bounded && key.toString('base64') === encoded;
}

function parseSource(item: string): [source: string, secrets: readonly string[]] | null {
  const at = item.indexOf('=');
  const source = item.slice(0, Math.max(at, 0));
  const sourceSecrets = itemsOf(item.slice(at + 1), '|');
  if (!isFreeSource(source)) return null;
  return sourceSecrets.length > 0 && sourceSecrets.every(isStandardSecret) ? [source, sourceSecrets] : null;
}

export const endpoints = list('name=https://... entries, without a password', parseEndpoint);
export const proxies = list('addresses, CIDR blocks, loopback, linklocal or uniquelocal', parseProxy);
export const bodyKeys = list('base64 of 32 bytes', parseBodyKey);
export const sources = list(
  'source=whsec_...|whpk_... with 24 to 64 bytes of base64 in each secret, 32 in each public key',
  parseSource,
);
export const pathSecrets = list(
  'pairs path:header, both of 24 to 128 letters, digits, - and _, and different',
  parsePathSecret,
);

export const hmacReceivers = z.string().transform((given, context) => {
  const parsed = parseHmacReceivers(given);
  if ('receivers' in parsed) return parsed.receivers;
  context.addIssue({
    code: 'custom',
    message: `must be JSON as docs/receivers.md has it: ${parsed.wrongAt}`,
  });
  return z.NEVER;
});
/** Of a value that the schema above takes. */
export function secretsOfHmacReceivers(value: string): readonly string[] {
  const parsed = parseHmacReceivers(value);
  return 'receivers' in parsed ? Object.values(parsed.receivers).flatMap(({ secrets: held }) => held) : [];
}

/** Which mode of Stripe a key is for; null when it is no secret or restricted key. */
export function stripeMode(key: string): 'live' | 'test' | null {
  if (key.startsWith('sk_live_') || key.startsWith('rk_live_')) return 'live';
  return key.startsWith('sk_test_') || key.startsWith('rk_test_') ? 'test' : null;
}

export const stripeKey = checked('a key that begins with sk_test_, rk_test_, sk_live_ or rk_live_', (key) =>
  stripeMode(key) === null ? null : key,
);

/** Short, of few different characters, or plainly a placeholder. An entry `source=a|b` is as weak as its weakest secret. */
export function isWeak(item: string): boolean {
  return itemsOf(item.includes('=wh') ? item.slice(item.indexOf('=') + 1) : item, '|').some((secret) => {
    const telling = ['example', 'changeme', 'password', 'not-a-'].some((word) =>
      secret.toLowerCase().includes(word),
    );
    return secret.length < 16 || new Set(secret).size < 6 || telling;
  });
}

/** What is wrong with the secrets of a variable, those in files included; null when nothing is. */
export function secretFault(variable: Variable, value: string, strict: boolean) {
  const { example, secretsOf = itemsOf, isSecret } = variable;
  let held: readonly string[];
  try {
    held = readSecrets(secretsOf(value), isSecret);
  } catch {
    return 'names a file that cannot be read, is empty, or holds what is no such secret';
  }
  const examples = itemsOf(example);
  return strict && held.some((item) => examples.includes(item) || isWeak(item))
    ? 'holds a value that is weak or an example, which prod may not'
    : null;
}

/** Where a process kills itself, in a test. */
export interface KillPoint {
  /** `part.method:before` or `:after`, or `tell`, which names every boundary that is crossed. */
  readonly boundary: string;
  /** The first crossing that kills. */
  readonly nth: number;
  /** Only a crossing whose arguments or result hold this text kills. */
  readonly holding: string | null;
}

function parseKillPoint(item: string): KillPoint | null {
  const [place = '', holding = null] = item.split('~', 2);
  const [boundary = '', times = '1'] = place.split('#', 2);
  const nth = Number(times);
  const isBoundary = boundary === 'tell' || boundary.endsWith(':before') || boundary.endsWith(':after');
  return isBoundary && Number.isInteger(nth) && nth > 0 ? { boundary, nth, holding } : null;
}

export const killPoints = list('boundaries such as payouts.settle:before', parseKillPoint);

/** A source that stands twice keeps the secrets of both entries: dropping some would refuse good webhooks. */
export function secretsBySource(
  entries: readonly (readonly [string, readonly string[]])[],
): Readonly<Record<string, readonly string[]>> {
  const bySource: Record<string, readonly string[]> = {};
  for (const [source, held] of entries)
    bySource[source] = Object.freeze([
      ...(Object.hasOwn(bySource, source) ? (bySource[source] ?? []) : []),
      ...held,
    ]);
  return Object.freeze(bySource);
}

/** A name of a source, as it stands in the address of its receiver. */
export const sourceName = checked('lower-case letters, digits and dashes, at most 32', (name) =>
  isSourceName(name) ? name : null,
);

/** A part of a host's name. */
export const networkName = checked('letters, digits and dashes, at most 32', (name) =>
  isSourceName(name.toLowerCase()) ? name : null,
);

/** Requests per second of all processes and of each operation: `100/25`. */
export const stripeRates = checked('two whole numbers, such as 100/25', (given) => {
  const [perS = 0, operationPerS = 0, ...more] = given.split('/').map(Number);
  const isRate = (rate: number) => Number.isInteger(rate) && rate > 0;
  return more.length === 0 && isRate(perS) && isRate(operationPerS) ? { perS, operationPerS } : null;
});
/** Stripe's own limits, where none are given. */
export const defaultRates = (livemode: boolean) => ({ perS: livemode ? 100 : 25, operationPerS: 25 });

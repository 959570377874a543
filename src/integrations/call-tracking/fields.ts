import { PermanentError } from '../../errors.ts';
import { readJsonObject } from './json.ts';

/** More than any report has: what a form costs grows with its fields, and it is read before it is verified. */
const MAX_FIELDS = 500;
const AMPERSAND = 0x26;

const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Reads bytes that are a JSON object, or else a form: `name=value&…`. Every number is text, as it is written. A name of a
 * form that stands more than once has a list, unless it has the same value each time; one of more than 500 fields is
 * none. Throws BODY_MALFORMED.
 */
export function readFields(body: Uint8Array): Record<string, unknown> {
  const first = body.find((byte) => !BLANKS.has(byte));
  return first === 0x7b || first === 0xef ? readJsonObject(body, { numbersAsText: true }) : readForm(body);
}

/** As `readFields`, of bytes that can only be a form. */
export function readForm(body: Uint8Array): Record<string, string | string[]> {
  let fields = 1;
  for (const byte of body) if (byte === AMPERSAND) fields += 1;
  if (fields > MAX_FIELDS) throw new PermanentError('BODY_MALFORMED', 'The form has too many fields.');
  const values = new Map<string, Set<string>>();
  for (const [name, value] of new URLSearchParams(decode(body))) {
    const known = values.get(name);
    if (known === undefined) values.set(name, new Set([value]));
    else known.add(value);
  }
  return Object.fromEntries(
    [...values].map(([name, known]) => {
      const [only = '', ...more] = known;
      return [name, more.length > 0 ? [only, ...more] : only];
    }),
  );
}

function decode(body: Uint8Array): string {
  try {
    // A byte order mark stays, and is then no name of a field: without it, two bodies would be one form.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch (error) {
    throw new PermanentError('BODY_MALFORMED', 'The body is no text.', { cause: error });
  }
}

/** What stands at `data.call.id`; undefined where nothing does. */
export function fieldAt(fields: unknown, path: string): unknown {
  let found = fields;
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = Reflect.get(found, name);
  }
  return found;
}

import { PermanentError } from '../../errors.ts';
import { readJsonObject } from './json.ts';

const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Reads bytes that are a JSON object, or else a form: `name=value&…`. Every number is text, as it is written. A name of a
 * form that stands more than once has a list, unless it has the same value each time. Throws BODY_MALFORMED.
 */
export function readFields(body: Uint8Array): Record<string, unknown> {
  const first = body.find((byte) => !BLANKS.has(byte));
  return first === 0x7b || first === 0xef ? readJsonObject(body, { numbersAsText: true }) : readForm(body);
}

/** As `readFields`, of bytes that can only be a form. */
export function readForm(body: Uint8Array): Record<string, string | string[]> {
  const form = new URLSearchParams(decode(body));
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const values = [...new Set(form.getAll(name))];
      const [only = ''] = values;
      return [name, values.length > 1 ? values : only];
    }),
  );
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
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

import { PermanentError } from '../../errors.ts';

/** Deeper than any report is; parsers and whoever walks the value later stay far from their stack's end. */
const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads bytes that must be a JSON object in UTF-8, nested at most 32 deep. Throws BODY_MALFORMED.
 *
 * `numbersAsText` has each number as it is written, so that neither an amount nor an id goes through a float.
 * `__proto__` becomes a plain own property and of a key that stands twice the last one counts, as JSON.parse has it.
 */
export function readJsonObject(body: Uint8Array, { numbersAsText = false } = {}): Record<string, unknown> {
  const value = isShallow(body) ? parse(body, numbersAsText) : undefined;
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new PermanentError('BODY_MALFORMED', 'The body is not a JSON object.');
}

/** The types of TypeScript do not know of the text that a value was read from yet. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { source: string }) => unknown,
) => unknown;

function parse(body: Uint8Array, numbersAsText: boolean): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    if (!numbersAsText) return JSON.parse(text);
    return parseWithSource(text, (_key, value, { source }) => (typeof value === 'number' ? source : value));
  } catch {
    return undefined;
  }
}

/** Counts brackets outside strings before anything is parsed, so that depth costs no memory. */
function isShallow(body: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === 0x7b || byte === 0x5b) depth += 1;
    else if (byte === 0x7d || byte === 0x5d) depth -= 1;
    if (depth > MAX_DEPTH) return false;
  }
  return true;
}

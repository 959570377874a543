import { z } from 'zod';
import { Unreadable } from './api-errors.ts';

/** Who wants to be left alone for longer is asked again all the same. */
const LONGEST_PAUSE_MS = 3_600_000;
/** Pages of a thousand calls are a tenth of it. What is larger is not even read to its end. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** The answer as text; ends the request when it is too large, as it is after decompression. */
export async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new Unreadable('too large', { cause: new Error(`more than ${MAX_ANSWER_BYTES} bytes`) });
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

export function readAnswer<T>(text: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  // The paths at fault and never the values, which are personal data.
  const paths = [...new Set(parsed.error.issues.map(({ path }) => path.join('.')))].slice(0, 10);
  throw new Unreadable('unreadable', {
    cause: new Error(`unknown shape at: ${paths.join(', ') || 'the top'}`),
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const code = z.union([z.string().max(64), z.int()]);
const refusal = z.union([
  z.object({ code }),
  z.object({ status: z.object({ code }) }).transform(({ status }) => status),
]);

/** The provider's own code, where its answer has one. */
export function codeIn(text: string): string | null {
  const parsed = refusal.safeParse(parseJson(text));
  return parsed.success ? String(parsed.data.code) : null;
}

/** What the provider calls the request; its support asks for it. */
export const idOf = (headers: Headers) =>
  ['x-request-id', 'request-id', 'twilio-request-id'].map((name) => headers.get(name)).find(Boolean) ?? null;

/** `Retry-After`, in seconds or as an instant. */
export function waitOf(headers: Headers): number | null {
  const given = headers.get('retry-after')?.trim() ?? '';
  if (given === '') return null;
  const seconds = Number(given);
  const waitMs = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(given) - Date.now();
  return Number.isFinite(waitMs) ? Math.min(Math.max(0, waitMs), LONGEST_PAUSE_MS) : null;
}

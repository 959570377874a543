import { z } from 'zod';

const answerSchema = z.object({ code: z.string() });
const databaseErrorSchema = z.object({
  code: z.string().length(5),
  message: z.string(),
  detail: z.string().nullish(),
  hint: z.string().nullish(),
});

/** What lite told on the console while it served one request. */
export interface RequestReport {
  /** What its database driver threw. */
  error: unknown;
  /** It could not read the catalogue, and served an empty schema. */
  catalogueUnread: boolean;
}

/**
 * Gives an answer of lite the form that PostgREST documents for the same failure.
 *
 * For many SQLSTATEs lite answers 500 "SUP" and leaves the SQLSTATE, detail and hint out. Whatever is not an error of
 * the database's own is a connection that failed.
 */
export async function asPostgrest(
  answer: Response,
  { error, catalogueUnread }: RequestReport,
): Promise<Response> {
  if (catalogueUnread) {
    return answerOf(
      503,
      'PGRST002',
      'Could not query the database for the schema cache. Retrying.',
      null,
      null,
    );
  }
  if (answer.status < 500 || error === null) return answer;
  const body = answerSchema.safeParse(parseJson(await answer.clone().text()));
  if (body.success && body.data.code !== 'SUP') return answer;
  const known = databaseErrorSchema.safeParse(error);
  if (!known.success)
    return answerOf(503, 'PGRST001', 'Database client error. Retrying the connection.', null, null);
  const { code, message, detail, hint } = known.data;
  return answerOf(statusOf(code), code, message, detail ?? null, hint ?? null);
}

/** Source: PostgREST, "Errors", table of HTTP status codes by SQLSTATE. */
const STATUS_BY_STATE: readonly (readonly [prefix: string, status: number])[] = [
  ['08', 503],
  ['23503', 409],
  ['23505', 409],
  ['25006', 405],
  ['25', 500],
  ['28', 403],
  ['40', 500],
  ['53400', 500],
  ['53', 503],
  ['54', 500],
  ['55', 500],
  ['57P01', 503],
  ['57P02', 503],
  ['57P03', 503],
  ['57', 500],
  ['58', 500],
  ['P0001', 400],
  ['P0', 500],
  ['XX', 500],
  ['42883', 404],
  ['42P01', 404],
  ['42P17', 500],
  ['42501', 403],
];

function statusOf(state: string): number {
  return STATUS_BY_STATE.find(([prefix]) => state.startsWith(prefix))?.[1] ?? 400;
}

function answerOf(
  status: number,
  code: string,
  message: string,
  details: string | null,
  hint: string | null,
): Response {
  return Response.json({ code, message, details, hint }, { status });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

import { z } from 'zod';
import { ApiError } from '../../errors.ts';
import { tokenScheme } from '../credentials.ts';
import { type ClientParts, createApiClient } from '../http.ts';
import type { CallLog, LoggedCall, LogWindow } from './log.ts';
import { callerNumber, externalId, instant, MAX_DURATION_S, trackingNumber } from './report.ts';

export interface CallRailLogOptions extends ClientParts {
  /** `ACC…` */
  readonly accountId: string;
  /** Newest first. */
  readonly apiKeys: readonly string[];
  readonly apiBase: string;
}

/** The most that the list of calls allows. */
const PER_PAGE = 250;
const HOUR_MS = 3_600_000;
const FIELDS =
  'id,answered,customer_phone_number,tracking_phone_number,direction,duration,start_time,created_at';

const callSchema = z.looseObject({
  id: externalId,
  start_time: instant,
  answered: z.boolean(),
  duration: z.int().min(0).max(MAX_DURATION_S),
});
/** Without a duration it has not ended. */
const underWay = z.object({ duration: z.null().optional() });

const pageSchema = z.object({
  calls: z.array(z.unknown()),
  has_next_page: z.boolean(),
  next_page: z.string().nullish(),
});

/**
 * The calls of CallRail's API v3. Sources: CallRail, "Relative pagination" (`relative_pagination`, `per_page` up to 250,
 * `next_page`, `has_next_page`), and public clients of the API (`Authorization: Token token="…"`, names of fields).
 *
 * Not verified against CallRail: in which timezone it reads `start_date` and `end_date` (so one that covers all of them
 * is asked for, and what is outside of the window is dropped here), that `sort=start_time` goes with relative pages (then
 * calls that come while it is read only lengthen the list), and its rate (1,000 requests an hour, it is said).
 */
export function createCallRailLog(options: CallRailLogOptions): CallLog {
  const { accountId, apiKeys, apiBase, ...parts } = options;
  const client = createApiClient({
    ...{ ...parts, provider: 'callrail', baseUrl: new URL(apiBase), tokens: () => apiKeys },
    authorize: (key) => tokenScheme(`token="${key}"`),
  });
  const account = `/v3/a/${encodeURIComponent(accountId)}`;
  return {
    source: 'callrail',
    statesTalk: true,
    async readPage(window, cursor, signal) {
      const query = cursor === null ? firstQuery(window) : Object.fromEntries(new URLSearchParams(cursor));
      const call = { operation: 'calls.list', path: `${account}/calls.json`, query, signal };
      const { calls, has_next_page, next_page } = await client.get({ ...call, schema: pageSchema });
      const read = calls.map((one) => callSchema.safeParse(one));
      const found = read.flatMap(({ data }) => (data === undefined ? [] : [loggedCall(data)]));
      const waiting = calls.filter((one) => underWay.safeParse(one).success).length;
      return {
        calls: found.filter(({ startedAtMs: at }) => at >= window.fromMs && at < window.beforeMs),
        next: has_next_page ? nextCursor(next_page, query) : null,
        unreadable: read.filter(({ success }) => !success).length - waiting,
      };
    },
    async has(id, signal) {
      const path = `${account}/calls/${encodeURIComponent(id)}.json`;
      try {
        await client.get({ operation: 'calls.retrieve', path, schema: z.object({ id: externalId }), signal });
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.statusCode === 404) return false;
        throw error;
      }
    },
  };
}

/** Dates that cover the window in every timezone, from UTC-12 to UTC+14. */
function firstQuery({ fromMs, beforeMs }: LogWindow): Record<string, string> {
  const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return {
    ...{ relative_pagination: 'true', per_page: String(PER_PAGE), fields: FIELDS },
    ...{ direction: 'inbound', sort: 'start_time', order: 'asc' },
    start_date: dateOf(fromMs - 12 * HOUR_MS),
    end_date: dateOf(beforeMs - 1 + 14 * HOUR_MS),
  };
}

/** Of the next page's address only the parameters are taken: a token goes to no address that an answer names. */
function nextCursor(nextPage: string | null | undefined, query: Readonly<Record<string, string>>): string {
  const given = nextPage != null && URL.canParse(nextPage) ? new URL(nextPage).search : '';
  if (given !== '') return given.slice(1);
  // The page after this one, counted as the documentation counts them.
  return new URLSearchParams({ ...query, offset: String(Number(query.offset ?? 0) + 1) }).toString();
}

/** In the form of a post_call webhook, which is what its source is read by. */
function loggedCall(call: z.output<typeof callSchema>): LoggedCall {
  const { id, start_time: startedAtMs, duration: durationS, answered, ...rest } = call;
  return {
    ...{ externalId: id, startedAtMs, durationS, answered },
    trackingNumber: trackingNumber.safeParse(rest.tracking_phone_number).data ?? null,
    callerNumber: callerNumber.safeParse(rest.customer_phone_number).data ?? null,
    body: (statedAtMs) =>
      JSON.stringify({
        ...{ ...rest, resource_id: id, answered, duration: String(durationS) },
        start_time: new Date(startedAtMs).toISOString(),
        ...(statedAtMs === null ? {} : { timestamp: new Date(statedAtMs).toISOString() }),
      }),
  };
}

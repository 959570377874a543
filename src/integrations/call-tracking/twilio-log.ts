import { z } from 'zod';
import { ApiError } from '../../errors.ts';
import { basic } from '../credentials.ts';
import { type ApiCall, type ApiClient, type ClientParts, createApiClient } from '../http.ts';
import type { CallLog, LoggedCall } from './log.ts';
import { callerNumber, externalId, MAX_DURATION_S, trackingNumber } from './report.ts';
import type { components } from './twilio-log.openapi.ts';

export interface TwilioLogOptions extends ClientParts {
  /** The source under which webhooks report its calls. */
  readonly source: string;
  /** `AC…` */
  readonly accountSid: string;
  /** Auth tokens, or API keys as `SK…:secret`; newest first. */
  readonly authTokens: readonly string[];
  readonly apiBase: string;
}

/** The most that the list of calls allows. */
const PAGE_SIZE = 1_000;

/** How a call of Twilio ends; until then it is queued, ringing or in progress. */
const ENDED: readonly components['schemas']['call_enum_status'][] = [
  'completed',
  'busy',
  'failed',
  'no-answer',
  'canceled',
];

/** What its library needs to make a page of an answer. A test holds both schemas against Twilio's document. */
export const pageSchema = z.looseObject({
  calls: z.array(z.looseObject({ sid: z.string(), status: z.string() })),
  next_page_uri: z.string().refine(isPlace).nullish(),
});

/** Where it says neither page nor token, the page after it would be the first one again, for ever. */
function isPlace(uri: string): boolean {
  const query = URL.parse(uri, 'https://api.twilio.com')?.searchParams;
  return ['Page', 'PageToken'].some((name) => (query?.get(name) ?? '') !== '');
}

const NO_TELEPHONE = ['client:', 'sip:'];

export const callSchema = z.object({
  sid: externalId,
  // A client or a SIP address is no telephone that called.
  from: callerNumber.refine(
    (from) => from === null || !NO_TELEPHONE.some((prefix) => from.startsWith(prefix)),
  ),
  to: trackingNumber,
  status: z.string(),
  startTime: z.date(),
  duration: z.coerce.number().int().min(0).max(MAX_DURATION_S),
});

/**
 * The calls of Twilio's API 2010-04-01, by its official library, which builds the requests; our own client sends them, so
 * that limits, retries, deadlines and errors are the same for every provider. The library is loaded at the first use: it
 * takes half a second and 35 MB, which a worker without Twilio does not pay.
 *
 * A call is the inbound leg; legs that were dialled from it are not calls of their own. A leg that nobody picked up is
 * `completed` too, and its duration has the ringing and the menus in it, so that this log states no talk: who asks for a
 * call's `answered` and `durationS` gets the most that they can be. Not verified against Twilio: whether it filters
 * `StartTime` by the instant or by the date (what is outside of the window is dropped here).
 */
export function createTwilioLog(options: TwilioLogOptions): CallLog {
  const { source, accountSid, apiBase, authTokens, ...parts } = options;
  const api = createApiClient({
    ...{ ...parts, provider: 'twilio', baseUrl: new URL(apiBase), tokens: () => authTokens },
    authorize: (token) => {
      const isKey = token.startsWith('SK') && token.includes(':');
      return basic(isKey ? token : `${accountSid}:${token}`);
    },
  });
  const open = (of: Pick<ApiCall<object>, 'operation' | 'schema' | 'signal'>) =>
    openClient(accountSid, api, of);
  return {
    source,
    statesTalk: false,
    async readPage(window, cursor, signal) {
      const client = await open({ operation: 'calls.list', schema: pageSchema, signal });
      const { instances, nextPageUrl } = await client.calls.page({
        startTimeAfter: new Date(window.fromMs),
        startTimeBefore: new Date(window.beforeMs),
        pageSize: PAGE_SIZE,
        ...(cursor === null ? {} : placeOf(cursor)),
      });
      // What is still going on is read with the next date, whose window reaches back.
      const ended = instances.filter(
        ({ status, direction }) => ENDED.includes(status) && direction === 'inbound',
      );
      const read = ended.map((call) => callSchema.safeParse(call));
      const found = read.flatMap(({ data }) => (data === undefined ? [] : [loggedCall(data)]));
      return {
        calls: found.filter(({ startedAtMs: at }) => at >= window.fromMs && at < window.beforeMs),
        next: nextPageUrl === undefined ? null : new URL(nextPageUrl).search.slice(1),
        unreadable: read.filter(({ success }) => !success).length,
      };
    },
    async has(sid, signal) {
      try {
        const client = await open({
          operation: 'calls.fetch',
          schema: z.looseObject({ sid: externalId }),
          signal,
        });
        await client.calls(sid).fetch();
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.statusCode === 404) return false;
        throw error;
      }
    },
  };
}

/** The token of a page, without which its number means nothing. */
function placeOf(cursor: string): { pageToken?: string; pageNumber?: number } {
  const given = new URLSearchParams(cursor);
  const [pageToken, page] = [given.get('PageToken'), given.get('Page')];
  return {
    ...(pageToken === null ? {} : { pageToken }),
    ...(page === null ? {} : { pageNumber: Number(page) }),
  };
}

/** The library with our client below it. The signal is that of one request, so that a client serves one. */
async function openClient(
  accountSid: string,
  api: ApiClient,
  call: Pick<ApiCall<object>, 'operation' | 'schema' | 'signal'>,
) {
  const { Twilio, RequestClient } = (await import('twilio')).default;
  const sender = Object.assign(new RequestClient(), {
    async request({ uri, params }: { uri: string; params?: object }) {
      const { pathname, searchParams } = new URL(uri);
      const given = Object.entries(params ?? {}).map(([name, value]) => [name, String(value)]);
      const query = { ...Object.fromEntries(searchParams), ...Object.fromEntries(given) };
      const body = await api.get({ ...call, path: pathname, query });
      return { statusCode: 200, body, headers: {} };
    },
  });
  // Who asks is told by our own client; the library only insists on being given somebody.
  return new Twilio(accountSid, 'sent-by-the-api-client', { httpClient: sender });
}

function loggedCall({ sid, from, to, status, startTime, duration }: z.output<typeof callSchema>): LoggedCall {
  return {
    ...{ externalId: sid, trackingNumber: to, callerNumber: from, startedAtMs: startTime.getTime() },
    ...{ durationS: duration, answered: status === 'completed', body: null },
  };
}

import type { components, operations } from '../../src/integrations/call-tracking/twilio-log.openapi.ts';
import type { KnownCall, LogAnswer, LogAsked } from './server.ts';

/** As Twilio's document has them. */
type Call = components['schemas']['api.v2010.account.call'];
type Page = operations['ListCall']['responses'][200]['content']['application/json'];

const MOST_PER_PAGE = 1_000;

/** `GET /2010-04-01/Accounts/{sid}/Calls.json`, newest first, whose pages begin after a call; and one call by its sid. */
export function answerTwilio(asked: LogAsked, calls: readonly KnownCall[], account: string): LogAnswer {
  const path = `/2010-04-01/Accounts/${account}/Calls`;
  const missing = { code: 20404, message: 'The requested resource was not found', status: 404 };
  if (asked.path.startsWith(`${path}/`)) {
    const found = calls.find(({ externalId }) => asked.path === `${path}/${externalId}.json`);
    return found === undefined ? { status: 404, body: missing } : { body: entryOf(found, account) };
  }
  if (asked.path !== `${path}.json`) return { status: 404, body: missing };
  const { query } = asked;
  const instant = (name: string, otherwise: number) => {
    const given = query.get(name);
    return given === null ? otherwise : Date.parse(given);
  };
  const [from, to] = [instant('StartTime>', 0), instant('StartTime<', Number.POSITIVE_INFINITY)];
  const all = calls
    .filter(({ startedAtMs: at }) => at >= from && at <= to)
    .toSorted((a, b) => b.startedAtMs - a.startedAtMs || (a.externalId < b.externalId ? -1 : 1));
  const size = Math.min(Number(query.get('PageSize') ?? 50), asked.mostPerPage ?? MOST_PER_PAGE);
  const after = query.get('PageToken')?.slice('PA'.length);
  const start = after === undefined ? 0 : all.findIndex(({ externalId }) => externalId === after) + 1;
  const page = all.slice(start, start + size);
  const number = Number(query.get('Page') ?? 0);
  const next = new URLSearchParams([...query].filter(([name]) => name !== 'PageToken' && name !== 'Page'));
  next.set('Page', String(number + 1));
  next.set('PageToken', `PA${page.at(-1)?.externalId ?? ''}`);
  return {
    body: {
      calls: page.map((call) => entryOf(call, account)),
      end: start + page.length,
      first_page_uri: `${path}.json`,
      next_page_uri: all.length > start + size ? `${path}.json?${next}` : null,
      page: number,
      page_size: size,
      start,
      uri: `${path}.json`,
    } satisfies Page,
  };
}

const entryOf = (call: KnownCall, account: string): Call => ({
  sid: call.externalId,
  account_sid: account,
  api_version: '2010-04-01',
  from: call.callerNumber ?? '+266696687',
  to: call.trackingNumber,
  direction: 'inbound',
  // A line that was open, for a menu or while another rang, has completed, whether or not anybody talked.
  status: call.answered || call.durationS > 0 ? 'completed' : 'no-answer',
  date_created: new Date(call.startedAtMs).toUTCString(),
  start_time: new Date(call.startedAtMs).toUTCString(),
  end_time: new Date(call.startedAtMs + call.durationS * 1_000).toUTCString(),
  duration: String(call.durationS),
  parent_call_sid: null,
});

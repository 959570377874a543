import type { KnownCall, LogAnswer, LogAsked } from './server.ts';

const MOST_PER_PAGE = 250;

/**
 * `GET /v3/a/{account}/calls.json` with relative pagination, and one call by its id. The list is cut by position, so that a
 * call which goes while it is read makes a page skip one, and one that comes makes it repeat one.
 */
export function answerCallRail(asked: LogAsked, calls: readonly KnownCall[], account: string): LogAnswer {
  const path = `/v3/a/${account}/calls`;
  if (asked.path.startsWith(`${path}/`)) {
    const found = calls.find(({ externalId }) => asked.path === `${path}/${externalId}.json`);
    return found === undefined ? { status: 404, body: { error: 'Not Found' } } : { body: entryOf(found) };
  }
  if (asked.path !== `${path}.json`) return { status: 404, body: { error: 'Not Found' } };
  const { query } = asked;
  const dateOf = ({ startedAtMs }: KnownCall) => new Date(startedAtMs).toISOString().slice(0, 10);
  const [from = '', to = '9999'] = [query.get('start_date') ?? undefined, query.get('end_date') ?? undefined];
  const all = calls
    .filter((call) => dateOf(call) >= from && dateOf(call) <= to)
    .toSorted((a, b) => a.startedAtMs - b.startedAtMs || (a.externalId < b.externalId ? -1 : 1));
  const perPage = Math.min(Number(query.get('per_page') ?? 100), asked.mostPerPage ?? MOST_PER_PAGE);
  const offset = Number(query.get('offset') ?? 0);
  const hasNext = all.length > (offset + 1) * perPage;
  const next = new URLSearchParams([...query].filter(([name]) => name !== 'offset'));
  next.set('offset', String(offset + 1));
  return {
    body: {
      per_page: perPage,
      has_next_page: hasNext,
      next_page: hasNext ? `https://api.callrail.com${path}.json?${next}` : null,
      calls: all.slice(offset * perPage, (offset + 1) * perPage).map(entryOf),
    },
  };
}

const entryOf = (call: KnownCall) => ({
  id: call.externalId,
  answered: call.answered,
  business_phone_number: null,
  customer_city: 'Denver',
  customer_country: 'US',
  customer_name: 'Demo Caller',
  customer_phone_number: call.callerNumber ?? 'anonymous',
  customer_state: 'CO',
  direction: 'inbound',
  duration: call.durationS,
  recording: null,
  start_time: new Date(call.startedAtMs).toISOString(),
  created_at: new Date(call.startedAtMs).toISOString(),
  tracking_phone_number: call.trackingNumber,
  voicemail: false,
});

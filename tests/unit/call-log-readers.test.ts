import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createCallRailLog } from '../../src/integrations/call-tracking/callrail-log.ts';
import type { CallLog, CallLogPage } from '../../src/integrations/call-tracking/log.ts';
import { parseCallReport } from '../../src/integrations/call-tracking/parse.ts';
import { createTwilioLog } from '../../src/integrations/call-tracking/twilio-log.ts';

const server = setupServer();
beforeAll(() => server.listen());
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const DAY_MS = 86_400_000;
const DATE_MS = Date.UTC(2026, 10, 2);
const WINDOW = { fromMs: DATE_MS, beforeMs: DATE_MS + DAY_MS };
const SID = `AC${'0'.repeat(32)}`;
const quiet = { retryBaseMs: 1, onFailure: () => undefined };
const callrail = createCallRailLog({
  ...{ accountId: 'ACC1', apiKeys: ['key-of-callrail'], apiBase: 'https://api.callrail.com', ...quiet },
});
const twilio = createTwilioLog({
  ...{ source: 'twilio', accountSid: SID, authTokens: ['SK1:secret'], apiBase: 'https://api.twilio.com' },
  ...quiet,
});
const signal = new AbortController().signal;

/** Every page, each by the cursor of the one before; and the requests that were made for them. */
async function readAll(log: CallLog): Promise<CallLogPage[]> {
  const pages: CallLogPage[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: CallLogPage = await log.readPage(WINDOW, cursor, signal);
    pages.push(page);
    if (page.next === null) return pages;
    cursor = page.next;
  }
}

const entry = (id: string, facts: object = {}) => ({
  ...{ id, answered: true, customer_phone_number: '+12127361234', direction: 'inbound', duration: 61 },
  ...{ start_time: '2026-11-02T07:00:00.000-05:00', tracking_phone_number: '+18005550100', voicemail: false },
  ...facts,
});
const LIST = 'https://api.callrail.com/v3/a/ACC1/calls.json';
function callrailPages(...pages: object[]) {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get(LIST, ({ request }) => {
      asked.push(new URL(request.url).searchParams);
      return HttpResponse.json(pages[asked.length - 1] ?? {});
    }),
  );
  return asked;
}

describe('the log of CallRail', () => {
  test('is read by the address of the next page, of which only the parameters are taken', async () => {
    const next = 'https://elsewhere.example/v3/a/ACC2/calls.json?relative_pagination=true&offset=1';
    const asked = callrailPages(
      { calls: [entry('CAL1')], has_next_page: true, next_page: next },
      { calls: [entry('CAL2')], has_next_page: true, next_page: null },
      { calls: [entry('CAL3')], has_next_page: false },
    );
    const pages = await readAll(callrail);
    expect(pages.flatMap(({ calls }) => calls.map(({ externalId }) => externalId))).toEqual([
      'CAL1',
      'CAL2',
      'CAL3',
    ]);
    expect(asked.map((query) => query.get('offset'))).toEqual([null, '1', '2']);
    expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({
      ...{ relative_pagination: 'true', per_page: '250', start_date: '2026-11-01', end_date: '2026-11-03' },
    });
  });

  test('leaves out what is outside of the window or has not ended, and counts what it cannot read', async () => {
    const outside = entry('CAL2', { start_time: '2026-11-01T12:00:00Z' });
    const calls = [entry('CAL1'), outside, entry('CAL3', { duration: null }), entry('CAL4', { answered: 1 })];
    callrailPages({ calls, has_next_page: false });
    const [page] = await readAll(callrail);
    expect(page?.calls.map(({ externalId }) => externalId)).toEqual(['CAL1']);
    expect(page?.unreadable).toBe(1);
  });

  test('has calls that are reported as a webhook reports them', async () => {
    callrailPages({ calls: [entry('CAL1')], has_next_page: false });
    const [page] = await readAll(callrail);
    const startedAtMs = Date.parse('2026-11-02T12:00:00Z');
    const report = {
      ...{ externalId: 'CAL1', trackingNumber: '+18005550100', callerNumber: '+12127361234' },
      ...{ startedAtMs, durationS: 61, answered: true },
    };
    const read = (statedAtMs: number | null) =>
      parseCallReport({
        ...{ source: 'callrail', kind: 'call_log', receivedAtMs: 0 },
        body: Buffer.from(page?.calls[0]?.body?.(statedAtMs) ?? ''),
      });
    expect(read(null)).toEqual({ ...report, factsAtMs: startedAtMs + 61_000 });
    expect(read(DATE_MS + DAY_MS)).toEqual({ ...report, factsAtMs: DATE_MS + DAY_MS });
  });

  test('knows a call, or does not: anything else than a 404 is no absence', async () => {
    const answer = (status: number) =>
      server.use(
        http.get('https://api.callrail.com/v3/a/ACC1/calls/CAL1.json', () =>
          HttpResponse.json(status === 200 ? { id: 'CAL1' } : {}, { status }),
        ),
      );
    answer(200);
    expect(await callrail.has('CAL1', signal)).toBe(true);
    answer(404);
    expect(await callrail.has('CAL1', signal)).toBe(false);
    answer(403);
    await expect(callrail.has('CAL1', signal)).rejects.toMatchObject({ code: 'PROVIDER_REFUSED' });
  });
});

const leg = (sid: string, facts: object = {}) => ({
  ...{ sid, account_sid: SID, from: '+12127361234', to: '+18005550100', direction: 'inbound' },
  ...{ status: 'completed', start_time: 'Mon, 02 Nov 2026 12:00:00 +0000', duration: '61' },
  ...facts,
});
const CALLS = `https://api.twilio.com/2010-04-01/Accounts/${SID}/Calls`;

describe('the log of Twilio', () => {
  test('is read page by page by its library, with our key and by our client', async () => {
    const asked: Request[] = [];
    server.use(
      http.get(`${CALLS}.json`, ({ request }) => {
        asked.push(request);
        const next = `/2010-04-01/Accounts/${SID}/Calls.json?PageSize=1000&Page=1&PageToken=PACA1`;
        return HttpResponse.json(
          asked.length === 1
            ? { calls: [leg('CA1')], next_page_uri: next }
            : { calls: [leg('CA2')], next_page_uri: null },
        );
      }),
    );
    const pages = await readAll(twilio);
    expect(pages.flatMap(({ calls }) => calls.map(({ externalId }) => externalId))).toEqual(['CA1', 'CA2']);
    const [first, second] = asked.map(({ url }) => Object.fromEntries(new URL(url).searchParams));
    expect(first).toMatchObject({ 'StartTime>': '2026-11-02T00:00:00Z', PageSize: '1000' });
    expect(second).toMatchObject({ PageToken: 'PACA1', Page: '1' });
    const basic = `Basic ${Buffer.from('SK1:secret').toString('base64')}`;
    expect(asked.map(({ headers }) => headers.get('authorization'))).toEqual([basic, basic]);
  });

  test('is of inbound legs that have ended', async () => {
    const calls = [
      leg('CA1', { status: 'no-answer', duration: '0' }),
      leg('CA2', { direction: 'outbound-dial' }),
      leg('CA3', { status: 'in-progress', duration: null }),
      leg('CA4', { start_time: null }),
    ];
    server.use(http.get(`${CALLS}.json`, () => HttpResponse.json({ calls, next_page_uri: null })));
    const [page] = await readAll(twilio);
    expect(page?.calls).toMatchObject([{ externalId: 'CA1', answered: false, durationS: 0 }]);
    expect(page?.unreadable).toBe(1);
  });

  test('states no talk, so that none of its calls can be reported', async () => {
    const calls = [leg('CA1', { from: '+266696687' })];
    server.use(http.get(`${CALLS}.json`, () => HttpResponse.json({ calls, next_page_uri: null })));
    const [page] = await readAll(twilio);
    expect(twilio.statesTalk).toBe(false);
    expect(page?.calls).toEqual([
      {
        ...{ externalId: 'CA1', trackingNumber: '+18005550100', callerNumber: null, body: null },
        ...{ startedAtMs: Date.parse('2026-11-02T12:00:00Z'), durationS: 61, answered: true },
      },
    ]);
  });

  test.each([
    { to: 'sip:desk@example.com' },
    { to: 'client:ann' },
    { from: 'client:ann' },
    { from: 'sip:ann@example.com' },
  ])('counts what is no call from a telephone to a number as unreadable: %j', async (facts) => {
    const calls = [leg('CA1', facts), leg('CA2')];
    server.use(http.get(`${CALLS}.json`, () => HttpResponse.json({ calls, next_page_uri: null })));
    const [page] = await readAll(twilio);
    expect(page?.calls).toMatchObject([{ externalId: 'CA2' }]);
    expect(page?.unreadable).toBe(1);
  });

  test.each([
    [503, 'PROVIDER_UNAVAILABLE'],
    [401, 'PROVIDER_REFUSED'],
  ])('answers %i: %s, as of every provider', async (status, code) => {
    server.use(http.get(`${CALLS}.json`, () => HttpResponse.json({ code: 20_003 }, { status })));
    await expect(readAll(twilio)).rejects.toMatchObject({ code });
  });

  test.each([[{}], [{ calls: 'none' }], [{ calls: [{}] }]])(
    'of an answer that is no list (%j) is ANSWER_INVALID, and no error of its library',
    async (body) => {
      server.use(http.get(`${CALLS}.json`, () => HttpResponse.json(body)));
      await expect(readAll(twilio)).rejects.toMatchObject({ code: 'ANSWER_INVALID' });
    },
  );

  test.each(['', '/', `/2010-04-01/Accounts/${SID}/Calls.json?PageSize=1000`, 'https://[', '?Page='])(
    'whose next page is at %j has no next page that could be read: ANSWER_INVALID, and not page one again',
    async (next) => {
      const asked: string[] = [];
      server.use(
        http.get(`${CALLS}.json`, ({ request }) => {
          asked.push(request.url);
          return HttpResponse.json({ calls: [leg('CA1')], next_page_uri: asked.length > 3 ? null : next });
        }),
      );
      await expect(readAll(twilio)).rejects.toMatchObject({ code: 'ANSWER_INVALID' });
      expect(asked).toHaveLength(1);
    },
  );

  test('knows a call, or does not', async () => {
    server.use(
      http.get(`${CALLS}/CA1.json`, () => HttpResponse.json(leg('CA1'))),
      http.get(`${CALLS}/CA2.json`, () => HttpResponse.json({ code: 20_404 }, { status: 404 })),
    );
    expect(await twilio.has('CA1', signal)).toBe(true);
    expect(await twilio.has('CA2', signal)).toBe(false);
  });
});

import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseCallReport } from '../../src/integrations/call-tracking/parse.ts';
import { createRingbaLog } from '../../src/integrations/call-tracking/ringba-log.ts';

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const DATE_MS = Date.UTC(2026, 10, 2);
const WINDOW = { fromMs: DATE_MS, beforeMs: DATE_MS + 86_400_000 };
const NOON_MS = DATE_MS + 43_200_000;
const LOGS = 'https://api.ringba.com/v2/RA1/calllogs';
const { signal } = new AbortController();
const log = createRingbaLog({
  ...{ accountId: 'RA1', apiTokens: ['token'], apiBase: 'https://api.ringba.com', retryBaseMs: 1 },
  onFailure: () => undefined,
});

/** As public clients read a record. */
const entry = (inboundCallId: string, facts: object = {}) => ({
  ...{ inboundCallId, callDt: NOON_MS, inboundPhoneNumber: '+12127361234', number: '+18005550100' },
  ...{ hasConnected: true, isLive: false, connectedCallLengthInSeconds: 61, callLengthInSeconds: 70 },
  ...facts,
});

/** Pages of two, whatever size is asked for; what was asked. */
function pages(records: readonly object[], total: object = { totalCount: records.length }) {
  const asked: Record<string, unknown>[] = [];
  server.use(
    http.post(LOGS, async ({ request }) => {
      const body = (await request.json()) as Record<string, unknown>;
      asked.push(body);
      const offset = Number(body.offset);
      return HttpResponse.json({ report: { records: records.slice(offset, offset + 2), ...total } });
    }),
  );
  return asked;
}

async function readAll() {
  const read = [];
  for (let cursor: string | null = null; ; ) {
    const page = await log.readPage(WINDOW, cursor, signal);
    read.push(page);
    if (page.next === null) return read;
    cursor = page.next;
  }
}
const idsOf = (read: Awaited<ReturnType<typeof readAll>>) =>
  read.flatMap(({ calls }) => calls.map(({ externalId }) => externalId));

test.each([
  ['of which the report tells the number of all', {}, 2],
  ['of which it does not', { totalCount: null }, 3],
])('calls %s are read page by page, the oldest first, to the last one', async (_, total, count) => {
  const asked = pages([entry('RGB1'), entry('RGB2'), entry('RGB3')], { totalCount: 3, ...total });
  expect(idsOf(await readAll())).toEqual(['RGB1', 'RGB2', 'RGB3']);
  expect(asked.map(({ offset }) => offset)).toEqual([0, 2, 3].slice(0, count));
  expect(asked[0]).toMatchObject({
    ...{ reportStart: '2026-11-02T00:00:00.000Z', reportEnd: '2026-11-03T00:00:00.000Z', size: 1_000 },
    orderByColumns: [{ column: 'callDt', direction: 'asc' }],
  });
});

test('a page that was read goes on where it ended', async () => {
  pages([entry('RGB1'), entry('RGB2'), entry('RGB3')]);
  expect((await log.readPage(WINDOW, '2', signal)).calls).toMatchObject([{ externalId: 'RGB3' }]);
});

test('what is outside of the window or still goes on is left out, and what cannot be read is counted', async () => {
  pages([entry('RGB1', { callDt: WINDOW.beforeMs }), entry('RGB2', { isLive: true })]);
  expect(await readAll()).toEqual([{ calls: [], next: null, unreadable: 0 }]);
  pages([entry('RGB1', { hasConnected: 'yes' }), entry('RGB2', { callDt: '2026-11-02T12:00:00Z' })]);
  const [page] = await readAll();
  expect(page?.calls).toMatchObject([{ externalId: 'RGB2', startedAtMs: NOON_MS }]);
  expect(page?.unreadable).toBe(1);
});

test('a call that was connected twice counts with its longest talk', async () => {
  pages([entry('RGB1', { connectedCallLengthInSeconds: 5 }), entry('RGB1')]);
  expect((await readAll())[0]?.calls).toMatchObject([{ externalId: 'RGB1', durationS: 61 }]);
});

test('a call is reported in the names of Ringba’s own webhooks, and states talk', async () => {
  pages([entry('RGB1'), entry('RGB2', { hasConnected: false, connectedCallLengthInSeconds: null })]);
  const [page] = await readAll();
  const [call, missed] = page?.calls ?? [];
  expect(log.statesTalk).toBe(true);
  expect(missed).toMatchObject({ answered: false, durationS: 0 });
  expect(JSON.parse(call?.body?.(null) ?? '')).toEqual({
    ...{ inboundCallId: 'RGB1', number: '+18005550100', inboundPhoneNumber: '+12127361234' },
    ...{ callDt: '2026-11-02T12:00:00.000Z', connectedCallLengthInSeconds: '61' },
  });
  const read = (statedAtMs: number | null) =>
    parseCallReport({
      ...{ source: 'ringba', kind: 'call_log', receivedAtMs: NOON_MS + 999_000 },
      body: Buffer.from(call?.body?.(statedAtMs) ?? ''),
    });
  const report = {
    ...{ externalId: 'RGB1', trackingNumber: '+18005550100', callerNumber: '+12127361234' },
    ...{ startedAtMs: NOON_MS, durationS: 61, answered: true },
  };
  expect(read(null)).toMatchObject({ ...report, factsAtMs: NOON_MS + 61_000 });
  expect(read(WINDOW.beforeMs)).toMatchObject({ ...report, factsAtMs: WINDOW.beforeMs });
});

test('a call is known, or is not', async () => {
  const answer = (records: object[], status = 200) =>
    server.use(http.post(`${LOGS}/detail`, () => HttpResponse.json({ report: { records } }, { status })));
  answer([{ inboundCallId: 'RGB1' }]);
  expect(await log.has('RGB1', signal)).toBe(true);
  expect(await log.has('RGB2', signal)).toBe(false);
  answer([], 404);
  expect(await log.has('RGB1', signal)).toBe(false);
  answer([], 403);
  await expect(log.has('RGB1', signal)).rejects.toMatchObject({ code: 'PROVIDER_REFUSED' });
});

test.each([1_764_450_000_000_000_000, -1e18, 8.64e15 + 1, '1764450000000000000'])(
  'a call at the instant %j is counted as one that cannot be read, and the others are read',
  async (callDt) => {
    pages([entry('RGB1', { callDt }), entry('RGB2')]);
    const [page] = await readAll();
    expect(page?.calls).toMatchObject([{ externalId: 'RGB2' }]);
    expect(page?.unreadable).toBe(1);
  },
);

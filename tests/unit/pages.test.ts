import type { FastifyPluginAsync } from 'fastify';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { OutageError } from '../../src/errors.ts';
import type { AppParts } from '../../src/http/app.ts';
import { BOARD_PATH } from '../../src/http/ops.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createBoardPlugin } from '../../src/queues/board.ts';
import { createTestApp, OPS_PASSWORD, post } from '../helpers/app.ts';
import { BODIES, signers } from '../helpers/senders.ts';

const headers = { authorization: `Basic ${Buffer.from(`ops:${OPS_PASSWORD}`).toString('base64')}` };
const CANARY = 'redis://user:canary@10.0.0.1';
const thrower = (error: Error) => async (): Promise<never> => {
  throw error;
};
const boardOf =
  (page: () => Promise<unknown>): FastifyPluginAsync =>
  async (scope) => {
    scope.get('/', page);
  };

const away = new OutageError('QUEUE_UNAVAILABLE', CANARY);
const broken = new Error(CANARY);
const metrics = (error: Error) => ({ ...createMetrics(), render: thrower(error) });

const THROWS: Record<
  string,
  { url: string; parts: Partial<AppParts>; page: string; status: number; code: string }
> = {
  'the board, by a defect': {
    ...{ url: BOARD_PATH, parts: { board: boardOf(thrower(broken)) }, page: 'board' },
    ...{ status: 500, code: 'INTERNAL' },
  },
  'the board, while the queue is away': {
    ...{ url: BOARD_PATH, parts: { board: boardOf(thrower(away)) }, page: 'board' },
    ...{ status: 503, code: 'QUEUE_UNAVAILABLE' },
  },
  'the metrics': {
    ...{ url: '/metrics', parts: { metrics: metrics(broken) }, page: 'metrics' },
    ...{ status: 500, code: 'INTERNAL' },
  },
  readiness: {
    ...{ url: '/readyz', parts: { readiness: thrower(broken) }, page: 'health' },
    ...{ status: 503, code: 'INTERNAL' },
  },
};

/** Its other pages and its receivers, while one page fails. */
async function expectSiblings({ app, calls }: Awaited<ReturnType<typeof createTestApp>>, except: string) {
  expect((await post(app, signers.callrail(BODIES.callrail))).statusCode).toBe(202);
  expect(calls).toHaveLength(1);
  for (const url of ['/healthz', '/readyz', '/metrics'].filter((one) => one !== except))
    expect([url, (await app.inject({ url, headers })).statusCode]).toEqual([url, 200]);
}

afterEach(() => void vi.useRealTimers());

describe('what is thrown in', () => {
  test.each(Object.entries(THROWS))(
    '%s ends that request alone, with a code, in the log and counted',
    async (_name, given) => {
      const { url, parts, page, status, code } = given;
      const counted = createMetrics();
      const render = parts.metrics?.render ?? counted.render;
      const opened = await createTestApp({ ...parts, metrics: { ...counted, render } });
      const answer = await opened.app.inject({ url, headers });
      expect([answer.statusCode, answer.json()]).toEqual([
        status,
        { error: { code, message: expect.any(String) } },
      ]);
      expect(answer.body).not.toContain('canary');
      expect(opened.logLines.filter((line) => line.includes('"err"'))).toHaveLength(1);
      const { text } = await counted.render();
      expect(text).toContain(`callclear_page_failures_total{page="${page}",code="${code}"} 1`);
      await expectSiblings(opened, url);
    },
  );

  test('a page by whoever asks for what is not there is neither our fault nor counted', async () => {
    const { app, logLines } = await createTestApp();
    for (const url of ['/ops/nothing', '/nothing'])
      expect((await app.inject({ url, headers })).statusCode).toBe(404);
    const { body } = await app.inject({ url: '/metrics', headers });
    expect(body).not.toContain('callclear_page_failures_total{');
    expect(logLines).toEqual([]);
  });
});

test('the board with its queue away says so, by a code and without an address, and the receivers go on', async () => {
  const board = await createBoardPlugin({
    backend: { kind: 'redis', url: 'redis://127.0.0.1:1' },
    ...{ jobs: [], basePath: BOARD_PATH, letters: { replayJob: thrower(broken) } },
  });
  try {
    const opened = await createTestApp({ board: board.plugin });
    const ask = (path: string) => opened.app.inject({ url: `${BOARD_PATH}${path}`, headers });
    // BullMQ waits without end for a Redis that was never there.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asking = ask('/api/queues?activeQueue=calls&status=waiting&page=1&jobsPerPage=10');
    await expectSiblings(opened, '/ops');
    await vi.advanceTimersByTimeAsync(10_000);
    const answer = await asking;
    vi.useRealTimers();
    expect([answer.statusCode, answer.json().error.code]).toEqual([503, 'QUEUE_UNAVAILABLE']);
    expect(answer.body).not.toContain('127.0.0.1');
    // Its page itself needs no queue.
    expect((await ask('/')).statusCode).toBe(200);
    const { body } = await opened.app.inject({ url: '/metrics', headers });
    expect(body).toContain('callclear_page_failures_total{page="board",code="QUEUE_UNAVAILABLE"} 1');
  } finally {
    await board.close(500);
  }
});

/** Named as ioredis names what it throws. */
const named = (name: string) => Object.defineProperty(new Error('LOADING'), 'name', { value: name });
const OF_THE_BOARD: readonly [what: string, thrown: Error, status: number, code: string][] = [
  ['a RangeError', new RangeError('Invalid array length'), 500, 'INTERNAL'],
  ['a TypeError', new TypeError('x is not a function'), 500, 'INTERNAL'],
  ['an error of Node', Object.assign(new Error('x'), { code: 'ERR_INVALID_STATE' }), 500, 'INTERNAL'],
  ['a file that is missing', Object.assign(new Error('x'), { code: 'ENOENT' }), 500, 'INTERNAL'],
  ['a broken socket', Object.assign(new Error('x'), { code: 'ECONNRESET' }), 503, 'QUEUE_UNAVAILABLE'],
  ['a refusal of PostgreSQL', new pg.DatabaseError('x', 1, 'error'), 503, 'QUEUE_UNAVAILABLE'],
  ['a refusal of Redis', named('ReplyError'), 503, 'QUEUE_UNAVAILABLE'],
  ['a closed client', new Error('Connection is closed.'), 503, 'QUEUE_UNAVAILABLE'],
];

test.each(OF_THE_BOARD)('%s in the board is told as what it is', async (_what, thrown, status, code) => {
  const board = await createBoardPlugin({
    backend: { kind: 'redis', url: 'redis://127.0.0.1:1' },
    ...{ jobs: [], basePath: BOARD_PATH, letters: { replayJob: thrower(thrown) } },
  });
  try {
    const opened = await createTestApp({ board: board.plugin });
    const answer = await opened.app.inject({
      ...{ method: 'PUT', url: `${BOARD_PATH}/api/queues/calls/1/retry` },
      headers: { ...headers, host: 'ops.test', origin: 'http://ops.test' },
    });
    expect([answer.statusCode, answer.json().error.code]).toEqual([status, code]);
    expect(opened.logLines.filter((line) => line.includes('"err"'))).toHaveLength(1);
    const { body } = await opened.app.inject({ url: '/metrics', headers });
    expect(body).toContain(`callclear_page_failures_total{page="board",code="${code}"} 1`);
  } finally {
    await board.close(500);
  }
});

describe('a page that nothing answers', () => {
  test('is given up after ten seconds, and the others are served meanwhile', async () => {
    const opened = await createTestApp({ board: boardOf(() => new Promise(() => {})) });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asking = opened.app.inject({ url: BOARD_PATH, headers });
    await expectSiblings(opened, BOARD_PATH);
    await vi.advanceTimersByTimeAsync(10_000);
    const answer = await asking;
    expect([answer.statusCode, answer.json().error.code]).toEqual([500, 'INTERNAL']);
    const { body } = await opened.app.inject({ url: '/metrics', headers });
    expect(body).toContain('callclear_page_failures_total{page="board",code="INTERNAL"} 1');
  });
});

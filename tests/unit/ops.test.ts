import type { FastifyPluginAsync } from 'fastify';
import { expect, test } from 'vitest';
import { createTestApp, OPS_PASSWORD } from '../helpers/app.ts';

const CANARY = 'data of a job';

/** Stands for Bull Board, which has an error handler of its own that tells what went wrong. */
const board: FastifyPluginAsync = async (scope) => {
  scope.setErrorHandler((error, _request, reply) =>
    reply.code(500).send({ error: String(error), data: CANARY }),
  );
  scope.get('/', async () => CANARY);
  scope.get('/api/queues', async () => ({ data: CANARY }));
  scope.put('/api/queues/:queue/:job/retry', async () => ({ data: CANARY }));
};

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const ops = basic('ops', OPS_PASSWORD);
const RETRY = { method: 'PUT', url: '/ops/queues/api/queues/payouts/1/retry' } as const;

test('the right user and any of the passwords open the board and the metrics', async () => {
  const { app } = await createTestApp({ board });
  for (const headers of [ops, basic('ops', 'an older password of the tests')]) {
    expect((await app.inject({ url: '/ops/queues', headers })).body).toBe(CANARY);
    expect((await app.inject({ url: '/metrics', headers })).body).toContain('callclear_jobs_total');
  }
});

test('without the password every address under /ops and /metrics is 401 with no data, by every method', async () => {
  const { app } = await createTestApp({ board });
  const urls = [
    '/metrics',
    '/ops',
    '/ops/',
    '/ops/queues',
    '/ops/queues/',
    '/ops/queues/api/queues',
    '/ops/queues/nothing',
    '/ops/%71ueues',
    '/ops//queues',
    '/ops/../ops/queues',
    RETRY.url,
  ];
  const wrong = [
    {},
    basic('ops', 'wrong'),
    basic('OPS', OPS_PASSWORD),
    basic('', ''),
    { authorization: 'Bearer x' },
    { authorization: 'Basic %%%' },
  ];
  const shown = new Set<string>();
  for (const url of urls) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const) {
      if (url === '/metrics' && method !== 'GET' && method !== 'HEAD') continue;
      for (const headers of wrong) {
        const answer = await app.inject({
          method,
          url,
          headers: { ...headers, 'sec-fetch-site': 'same-origin' },
        });
        expect([method, url, answer.statusCode]).toEqual([method, url, 401]);
        expect(answer.headers['www-authenticate']).toBe('Basic realm="callclear", charset="UTF-8"');
        if (method !== 'HEAD') shown.add(answer.body);
      }
    }
  }
  expect(shown.size).toBe(1);
  expect([...shown].join('')).not.toContain(CANARY);
});

test('with no password configured nobody gets in', async () => {
  const { app } = await createTestApp({ board, opsPasswords: [] });
  for (const headers of [ops, basic('ops', '')])
    expect((await app.inject({ url: '/ops/queues', headers })).statusCode).toBe(401);
});

test('a change is made only when a page of this server asks for it', async () => {
  const { app } = await createTestApp({ board });
  const statusWith = async (headers: Record<string, string>) =>
    (await app.inject({ ...RETRY, headers: { ...ops, host: 'ops.internal:8080', ...headers } })).statusCode;
  expect(await statusWith({ 'sec-fetch-site': 'same-origin' })).toBe(200);
  expect(await statusWith({ origin: 'https://ops.internal:8080' })).toBe(200);
  expect(await statusWith({ origin: 'https://ops.internal:8080', 'sec-fetch-site': 'same-origin' })).toBe(
    200,
  );
  const refused = [
    {},
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'null' },
    { origin: 'https://evil.example' },
    { origin: 'https://ops.internal' },
    { origin: 'https://ops.internal:8080.evil.example' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    { origin: 'https://ops.internal:8080', 'sec-fetch-site': 'cross-site' },
    { referer: 'https://ops.internal:8080/ops/queues' },
  ];
  for (const headers of refused) expect([headers, await statusWith(headers)]).toEqual([headers, 403]);
});

test('a proxy that is not trusted cannot say which host this is', async () => {
  const headers = {
    ...ops,
    host: 'ops.internal',
    'x-forwarded-host': 'evil.example',
    origin: 'https://evil.example',
  };
  const { app } = await createTestApp({ board });
  expect((await app.inject({ ...RETRY, headers })).statusCode).toBe(403);
});

test('a proxy that is trusted says which host this is', async () => {
  const headers = {
    ...ops,
    host: '10.0.0.7:8080',
    'x-forwarded-host': 'ops.internal',
    origin: 'https://ops.internal',
  };
  const { app } = await createTestApp({ board, trustProxy: ['loopback'] });
  expect((await app.inject({ ...RETRY, headers })).statusCode).toBe(200);
});

test('every answer under /ops forbids inline scripts, framing, sniffing and storing', async () => {
  const { app } = await createTestApp({ board });
  for (const [url, headers] of [
    ['/ops/queues', ops],
    ['/ops/queues', {}],
    ['/ops/nothing', ops],
    ['/metrics', ops],
  ] as const) {
    const answer = await app.inject({ url, headers });
    const policy = String(answer.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'; script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
  }
});

test('health says that the process is up, and nothing else', async () => {
  const { app } = await createTestApp({ readiness: async () => Promise.reject(new Error('down')) });
  const answer = await app.inject({ url: '/healthz' });
  expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }]);
});

test('readiness names what is away, and is 503 when it cannot be found out', async () => {
  const askWith = async (
    readiness: () => Promise<{ database: boolean; queue: boolean; progress: boolean }>,
  ) => {
    const { app } = await createTestApp({ readiness });
    const answer = await app.inject({ url: '/readyz' });
    return [answer.statusCode, answer.json()];
  };
  expect(await askWith(async () => ({ database: true, queue: true, progress: true }))).toEqual([
    200,
    { ready: true, away: [] },
  ]);
  expect(await askWith(async () => ({ database: true, queue: false, progress: false }))).toEqual([
    503,
    { ready: false, away: ['queue', 'progress'] },
  ]);
  expect(await askWith(async () => Promise.reject(new Error('down')))).toMatchObject([
    503,
    { error: { code: 'INTERNAL' } },
  ]);
});

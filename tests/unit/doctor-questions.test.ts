import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { examine } from '../../src/cli/doctor.ts';
import { validateEnvironment } from '../../src/config.ts';
import { checkDsn } from '../../src/integrations/sentry/check-dsn.ts';
import { type LocalServer, startLocalServer } from '../helpers/local-server.ts';

interface Asked {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
type Answer = { status: number; body?: string; headers?: Record<string, string> };

let server: LocalServer;
let base: string;
let asked: Asked[];
let answer: (asked: Asked, nth: number) => Answer;

beforeEach(async () => {
  asked = [];
  answer = () => ({ status: 200, body: '{}' });
  server = await startLocalServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const one = { line: `${request.method} ${request.url}`, headers: request.headers, body };
    const { status, body: text = '', headers = {} } = answer(one, asked.push(one));
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  });
  base = server.base;
});
afterEach(() => server.stop());

/** An address at which a server was. */
async function nobodyAt(): Promise<string> {
  const gone = await startLocalServer(() => undefined);
  await gone.stop();
  return gone.base;
}

/** What is found of the one integration that this environment configures. */
async function findingOf(env: Record<string, string>) {
  const findings = await examine(validateEnvironment(env));
  const [found, ...more] = findings.filter(({ state }) => state !== 'not configured');
  expect(more).toEqual([]);
  return found;
}
const status = (code: number) => (answer = () => ({ status: code }));

describe('Sentry', () => {
  const env = () => ({ SENTRY_DSN: `${base.replace('//', '//abc@')}/42` });

  test('is sent client reports with nothing in them, which make no event', async () => {
    expect(await findingOf(env())).toMatchObject({ name: 'sentry', state: 'ok' });
    expect(asked).toHaveLength(2);
    for (const { line, body } of asked) {
      expect(line).toMatch(/^POST \/api\/42\/envelope\/\?.*sentry_key=abc/);
      const [, header = '', report = '', ...rest] = body.trim().split('\n');
      expect([JSON.parse(header).type, JSON.parse(report).discarded_events, rest]).toEqual([
        'client_report',
        [],
        [],
      ]);
    }
  });

  test.each([400, 401, 403, 404, 429, 500])('that answers %i takes no reports', async (code) => {
    status(code);
    const finding = await findingOf(env());
    expect(finding).toMatchObject({ state: 'broken', text: expect.stringContaining(`(${code})`) });
    expect(finding?.mend).toContain('SENTRY_DSN');
  });

  test('that refuses only when it has looked the project up is asked again, and found', async () => {
    answer = (_asked, nth) => ({ status: nth === 1 ? 200 : 403 });
    expect(await findingOf(env())).toMatchObject({ state: 'broken', text: expect.stringContaining('(403)') });
  });

  test.each([
    ['accepts and says nothing', () => undefined],
    [
      'begins an answer and never ends it',
      (response: ServerResponse) => void response.writeHead(200).write('{'),
    ],
  ])('that %s leaves no connection and no listener when its time is over', async (_what, begin) => {
    const silent = createServer((_request, response) => begin(response)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    // Reading the library takes nothing of the time that a question has.
    await import('@sentry/node');
    const listeners = process.listenerCount('beforeExit');
    const given = AbortSignal.timeout(1_500);
    const checking = checkDsn(`http://abc@127.0.0.1:${port}/42`, given).catch((error: Error) => error.name);
    const [socket] = (await once(silent, 'connection')) as [Socket];
    expect(['TimeoutError', undefined]).toContain(await checking);
    await vi.waitFor(() => expect(socket.destroyed).toBe(true));
    expect(process.listenerCount('beforeExit')).toBe(listeners);
    // It would wait for whoever is connected still.
    await new Promise((resolve) => silent.close(resolve));
  });

  test.each(['https://sentry.test/42', 'https://abc@sentry.test/settings'])(
    'is not asked by what is no DSN, such as %s',
    async (dsn) => {
      expect(await findingOf({ SENTRY_DSN: dsn })).toMatchObject({
        state: 'broken',
        text: expect.stringContaining('CONFIG_INVALID'),
      });
    },
  );
});

describe('PostHog', () => {
  const env = (host = base) => ({ POSTHOG_KEY: 'phc_project', POSTHOG_HOST: host });

  test('is asked for the flags of nobody, with the key, and sent no event', async () => {
    answer = () => ({ status: 200, body: '{"flags":{}}' });
    expect(await findingOf(env())).toMatchObject({ name: 'posthog', state: 'ok' });
    expect(asked.map(({ line }) => line)).toEqual(['POST /flags/?v=2']);
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
      token: 'phc_project',
      distinct_id: 'callclear-doctor',
    });
  });

  test.each([401, 403, 404, 500])('that answers %i is broken, and asked once', async (code) => {
    status(code);
    expect(await findingOf(env())).toMatchObject({
      state: 'broken',
      text: expect.stringContaining(`(${code})`),
    });
    expect(asked).toHaveLength(1);
  });

  test.each(['<html>no API</html>', ''])('that answers no JSON (%j) is broken', async (body) => {
    answer = () => ({ status: 200, body });
    expect(await findingOf(env())).toMatchObject({
      state: 'broken',
      text: expect.stringContaining('ANSWER_INVALID'),
    });
  });

  test('that cannot be reached is broken, and it is told why', async () => {
    const finding = await findingOf(env(await nobodyAt()));
    expect(finding).toMatchObject({ state: 'broken', text: expect.stringContaining('(ECONNREFUSED)') });
  });
});

describe('Telesign', () => {
  const of = async () => {
    const telesign = { keys: ['id:key'], apiBase: base, perS: 1 };
    const config = validateEnvironment({});
    const findings = await examine({ ...config, lookups: { ...config.lookups, telesign } });
    return findings.find(({ name }) => name === 'lookup-telesign');
  };
  const refusal = (http: number, code: number) => () => ({
    status: http,
    body: JSON.stringify({ status: { code, description: 'no' } }),
  });

  test.each([
    [400, 12000],
    [400, 11000],
    [200, 12000],
  ])('is asked about no number, and takes the key when it says so (%i, %i)', async (http, code) => {
    answer = refusal(http, code);
    expect(await of()).toMatchObject({ state: 'ok' });
    const [{ line, body, headers } = { line: '', body: '', headers: {} }] = asked;
    expect([line, body]).toEqual(['POST /intelligence/phone', 'account_lifecycle_event=transact']);
    expect(headers).toMatchObject({ authorization: `Basic ${btoa('id:key')}` });
  });

  test.each([
    ['a signature that is wrong', 401, 10008],
    ['a product that the account does not have', 401, 10012],
    ['a customer whom it does not know', 401, 10015],
    ['the same inside a success', 200, 10008],
    ['no money', 402, 10030],
    ['a path that it does not know', 404, 10017],
    ['another parameter', 400, 11003],
    ['a fault of its own', 500, -90001],
  ])('that refuses for %s (%i, %i) is broken', async (_reason, http, code) => {
    answer = refusal(http, code);
    const finding = await of();
    expect(finding).toMatchObject({ state: 'broken', mend: expect.stringContaining('TELESIGN_KEYS') });
  });
});

describe('an endpoint of events', () => {
  const secret = `whsec_${Buffer.from('secret'.repeat(5)).toString('base64')}`;
  const env = (address = `${base}/hooks`) => ({
    ...{ EVENT_WEBHOOK_URLS: `one=${address}`, EVENT_WEBHOOK_SECRETS: `one=${secret}` },
  });

  test('is sent neither an event nor a signature', async () => {
    expect(await findingOf(env())).toMatchObject({ name: 'webhook-one', state: 'ok' });
    const [{ line, body, headers } = { line: '', body: '', headers: {} }] = asked;
    expect([asked.length, line, body]).toEqual([1, 'OPTIONS /hooks', '']);
    expect(Object.keys(headers).filter((name) => name.startsWith('webhook'))).toEqual([]);
  });

  test.each([204, 400, 401, 403, 405, 415, 429, 501])('that answers %i is there', async (code) => {
    status(code);
    expect(await findingOf(env())).toMatchObject({ state: 'ok', text: expect.stringContaining(`(${code})`) });
  });

  test.each([404, 410, 500, 502, 503])('that answers %i is broken', async (code) => {
    status(code);
    expect(await findingOf(env())).toMatchObject({
      state: 'broken',
      text: expect.stringContaining(`(${code})`),
      mend: expect.stringContaining('EVENT_WEBHOOK_URLS'),
    });
  });

  test.each([301, 302, 307, 308])('that redirects with %i is broken, and not followed', async (code) => {
    answer = () => ({ status: code, headers: { location: `${base}/elsewhere` } });
    expect(await findingOf(env())).toMatchObject({ state: 'broken' });
    expect(asked).toHaveLength(1);
  });

  test.each([
    ['is not there', async () => `${await nobodyAt()}/hooks`, 'ECONNREFUSED'],
    ['speaks no TLS', async () => `${base.replace('http:', 'https:')}/hooks`, 'ERR_SSL'],
  ])('whose server %s is broken, and it is told why', async (_reason, address, why) => {
    expect(await findingOf(env(await address()))).toMatchObject({
      state: 'broken',
      text: expect.stringContaining(why),
    });
  });
});

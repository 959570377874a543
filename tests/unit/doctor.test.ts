import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { examine } from '../../src/cli/doctor.ts';
import { validateEnvironment } from '../../src/config.ts';
import { runCommandLine } from '../helpers/demo.ts';
import { type LocalServer, startLocalServer } from '../helpers/local-server.ts';
import { type RealtimeServer, startRealtimeServer } from '../helpers/realtime-server.ts';

const BALANCE = { object: 'balance', livemode: false, available: [], pending: [] };
const SECRET = `whsec_${Buffer.from('secret'.repeat(5)).toString('base64')}`;

let server: LocalServer;
let base: string;
let asked: string[];
let answers: (path: string) => { status: number; body: unknown };
let realtime: RealtimeServer;

beforeEach(async () => {
  asked = [];
  answers = (path) => {
    if (path.startsWith('/intelligence')) return { status: 400, body: { status: { code: 12000 } } };
    return { status: 200, body: path.includes('health') ? { databaseTimeMs: Date.now() } : BALANCE };
  };
  realtime = await startRealtimeServer();
  server = await startLocalServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { status, body } = answers(request.url ?? '');
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  base = server.base;
});
afterEach(async () => {
  await server.stop();
  await realtime.stop();
});

const dsnOf = (origin: string) => `${origin.replace('//', '//abc@')}/42`;
const environment = () => ({
  ...{ SUPABASE_URL: base, SUPABASE_SECRET_KEY: 'a-key' },
  ...{ STRIPE_SECRET_KEY: `sk_test_${'doctor'.repeat(4)}`, STRIPE_API_BASE: base },
  ...{ POSTHOG_KEY: 'phc_project', POSTHOG_HOST: base, SENTRY_DSN: dsnOf(base) },
  ...{ EVENT_WEBHOOK_URLS: `one=${base}/hooks`, EVENT_WEBHOOK_SECRETS: `one=${SECRET}` },
});
const states = async (env: Record<string, string>, timeoutMs?: number) =>
  Object.fromEntries(
    (await examine(validateEnvironment(env), timeoutMs)).map(({ name, state }) => [name, state]),
  );
const realtimeOf = async (url: string) => {
  const env = { SUPABASE_URL: url, SUPABASE_SECRET_KEY: 'k', SUPABASE_REALTIME: 'on' };
  return (await examine(validateEnvironment(env), 2_000)).find(({ name }) => name === 'realtime');
};
const NONE = {
  ...{
    database: 'not configured',
    realtime: 'not configured',
    queue: 'not configured',
    stripe: 'not configured',
  },
  ...{
    sentry: 'not configured',
    callrail: 'not configured',
    twilio: 'not configured',
    posthog: 'not configured',
  },
  ...{
    'lookup-ipqualityscore': 'not configured',
    'lookup-twilio': 'not configured',
    'lookup-telesign': 'not configured',
  },
  ...{ ringba: 'not configured', everflow: 'not configured', tune: 'not configured' },
};

describe('callclear doctor', () => {
  test('finds nothing wrong where nothing is configured, and asks nobody', async () => {
    expect(await states({})).toEqual(NONE);
    expect(asked).toEqual([]);
  });

  test('finds what is configured in order, by questions that change nothing', async () => {
    expect(await states(environment())).toEqual({
      ...NONE,
      ...{
        database: 'ok',
        stripe: 'ok',
        sentry: 'ok',
        posthog: 'ok',
        'webhook-one': 'ok',
      },
    });
    const envelope = 'POST /api/42/envelope/';
    expect(asked.map((line) => line.split('?')[0]).toSorted()).toEqual([
      ...['GET /v1/balance', 'OPTIONS /hooks', envelope, envelope, 'POST /flags/'],
      'POST /rest/v1/rpc/health',
    ]);
  });

  test('says of each that is broken what is wrong and how to mend it, and of the others that they are in order', async () => {
    answers = (path) =>
      path.includes('health')
        ? { status: 404, body: { code: 'PGRST202', message: 'no function' } }
        : { status: 401, body: { error: { type: 'invalid_request_error', message: 'no' } } };
    const env = {
      ...environment(),
      ...{ SENTRY_DSN: 'https://sentry.test/settings', POSTHOG_KEY: 'phx_personal' },
      ...{ REDIS_URL: 'redis://127.0.0.1:1', EVENT_WEBHOOK_URLS: `one=${base},two=http://127.0.0.1:1/` },
      EVENT_WEBHOOK_SECRETS: `one=${SECRET},two=${SECRET}`,
    };
    const findings = await examine(validateEnvironment(env));
    const broken = findings.filter(({ state }) => state === 'broken');
    expect(broken.map(({ name, text }) => [name, text.split(':')[0]])).toEqual([
      ['database', 'DATABASE_UNAVAILABLE'],
      ['queue', 'QUEUE_UNAVAILABLE'],
      ['stripe', 'STRIPE_REFUSED'],
      ['sentry', 'CONFIG_INVALID'],
      ['posthog', 'CONFIG_INVALID'],
      ['webhook-two', 'PROVIDER_UNAVAILABLE'],
    ]);
    for (const { name, mend } of broken) expect(mend, name).toMatch(/[A-Z]+_[A-Z]+/);
    expect(findings.find(({ name }) => name === 'webhook-one')?.state).toBe('ok');
  });

  test('tells a platform that does not know the offer it asks about from one that refuses the key', async () => {
    const config = validateEnvironment({});
    const platform = { apiBase: base, perS: 2 };
    const campaigns = {
      ringba: { ...platform, accountId: 'RA1', apiTokens: ['token'] },
      everflow: { ...platform, apiKeys: ['key'] },
      tune: { ...platform, networkTokens: ['token'] },
    };
    const statesOf = async () =>
      (await examine({ ...config, campaigns }))
        .filter(({ name }) => Object.hasOwn(campaigns, name))
        .map(({ state }) => state);
    const log = { status: 200, body: { report: { records: [] } } };
    const answerBy = (tune: object, status: number) => (path: string) => {
      if (path.includes('calllogs')) return log;
      return path.startsWith('/Apiv3') ? { status: 200, body: { response: tune } } : { status, body: {} };
    };
    answers = answerBy({ status: 1, data: false }, 404);
    expect(await statesOf()).toEqual(['ok', 'ok', 'ok']);
    expect(asked.map((line) => line.split('?')[0]).toSorted()).toEqual([
      'GET /Apiv3/json',
      'GET /v1/networks/offers/0',
      'GET /v2/RA1/campaigns/0',
      'POST /v2/RA1/calllogs',
    ]);
    answers = answerBy({ status: -1, httpStatus: 400 }, 422);
    expect(await statesOf()).toEqual(['ok', 'ok', 'ok']);
    // A token that may read campaigns and no reports.
    answers = (path) =>
      path.includes('calllogs') ? { status: 403, body: {} } : answerBy({ status: 1, data: false }, 404)(path);
    expect(await statesOf()).toEqual(['broken', 'ok', 'ok']);
    answers = () => ({ status: 401, body: { message: 'no' } });
    expect(await statesOf()).toEqual(['broken', 'broken', 'broken']);
  });

  test('asks with each key alone: one that is refused is found beside an older one that is good', async () => {
    const config = validateEnvironment({});
    const lookups = {
      ipqualityscore: { keys: ['new', 'old'], apiBase: base, perS: 1 },
      twilio: { keys: ['SK1:new', 'SK1:old'], apiBase: base, perS: 1 },
      telesign: { keys: ['id:new', 'id:old'], apiBase: base, perS: 1 },
    };
    const of = async () =>
      (await examine({ ...config, lookups })).filter(({ name }) => name.startsWith('lookup'));
    const good = { success: true, valid: true, credits: 5 };
    answers = (path) =>
      path.startsWith('/intelligence')
        ? { status: 400, body: { status: { code: 12000 } } }
        : { status: 200, body: good };
    expect((await of()).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
    expect(asked.toSorted()).toEqual([
      'GET /api/json/account/new',
      'GET /api/json/account/old',
      ...[1, 2].map(() => 'GET /v2/PhoneNumbers/%2B14159929960'),
      ...[1, 2].map(() => 'POST /intelligence/phone'),
    ]);
    answers = (path) =>
      path.endsWith('/old')
        ? { status: 200, body: good }
        : { status: 200, body: { success: false, message: 'Invalid or unauthorized key.' } };
    const [first, second] = await of();
    expect(first).toMatchObject({ state: 'broken', text: expect.stringContaining('key 1 of 2') });
    expect(first?.text).toContain('PROVIDER_REFUSED');
    expect(second).toMatchObject({ state: 'broken', text: expect.stringContaining('ANSWER_INVALID') });
  });

  test('finds a clock that differs from the database, and what does not answer in time', async () => {
    answers = () => ({ status: 200, body: { databaseTimeMs: Date.now() - 60_000 } });
    const { SUPABASE_URL, SUPABASE_SECRET_KEY } = environment();
    const [database] = await examine(validateEnvironment({ SUPABASE_URL, SUPABASE_SECRET_KEY }));
    expect(database).toMatchObject({ state: 'broken', text: expect.stringContaining('CLOCK_SKEWED') });
    realtime.behaves.answers = false;
    expect(await realtimeOf(realtime.url)).toMatchObject({
      state: 'broken',
      text: 'it did not answer in time',
    });
  });

  test.each(['answers 404', 'refuses the channel', 'is not there'])(
    'tells of a realtime server that %s by what code it failed, and of the key and the publication',
    async (how) => {
      realtime.behaves.refusesJoins = true;
      const urls: Record<string, string> = { 'answers 404': base, 'refuses the channel': realtime.url };
      answers = () => ({ status: 404, body: {} });
      const found = await realtimeOf(urls[how] ?? 'http://127.0.0.1:1');
      expect(found).toMatchObject({
        ...{
          state: 'broken',
          text: 'it did not succeed in time; its last failure was REALTIME_CHANNEL_ERROR',
        },
        mend: expect.stringMatching(/SUPABASE_SECRET_KEY.*publication supabase_realtime/),
      });
      await expect.poll(() => realtime.connections()).toBe(0);
    },
  );

  test('finds realtime in order where changes come', async () => {
    const env = { SUPABASE_URL: realtime.url, SUPABASE_SECRET_KEY: 'k', SUPABASE_REALTIME: 'on' };
    expect(await states(env)).toMatchObject({ realtime: 'ok' });
    await expect.poll(() => realtime.connections()).toBe(0);
  });
});

describe('its command', () => {
  const run = (env: Record<string, string>, ...more: string[]) => runCommandLine(['doctor', ...more], env);
  const result = z.object({
    ok: z.boolean(),
    findings: z.array(z.object({ name: z.string(), state: z.string() })),
  });

  test('ends with 0 when nothing is broken, and prints one line for each', async () => {
    const { status, out } = await run({ POSTHOG_KEY: 'phc_project', POSTHOG_HOST: base });
    expect(status).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(15);
    expect(out).toContain('posthog');
  });

  test('ends with 1 when something is, also as JSON, and when the environment cannot be used', async () => {
    const broken = await run({ POSTHOG_KEY: 'phc_project', POSTHOG_HOST: 'http://127.0.0.1:1' }, '--json');
    expect(broken.status).toBe(1);
    const { ok, findings } = result.parse(JSON.parse(broken.out));
    expect(ok).toBe(false);
    expect(findings).toContainEqual({ name: 'posthog', state: 'broken' });
    const wrong = await run({ PORT: 'eighty' });
    expect(wrong.status).toBe(1);
    expect(wrong.err).toContain('PORT');
  });
});

import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { refusalInside } from '../../src/integrations/api-errors.ts';
import { basic, bearer, headerKey, queryKey, tokenScheme } from '../../src/integrations/credentials.ts';
import { type ApiOptions, createApiClient } from '../../src/integrations/http.ts';

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterAll(() => server.close());
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
  server.resetHandlers();
});

const ADDRESS = 'https://api.provider.example/v1/things';
const OPEN_MS = 30_000;
const good = () => HttpResponse.json({ ok: true });
const status = (code: number) => () => HttpResponse.json({}, { status: code });

/** A provider that answers as `provider.answer` says, and a client with a circuit that three failures open. */
function openProvider(given: Partial<ApiOptions> = {}) {
  const provider = { answer: good as () => Response | Promise<Response>, asked: [] as Request[] };
  server.use(
    http.all(ADDRESS, ({ request }) => {
      provider.asked.push(request.clone());
      return provider.answer();
    }),
  );
  const told: boolean[] = [];
  const client = createApiClient({
    ...{ provider: 'provider', baseUrl: new URL('https://api.provider.example'), timeoutMs: 2_000 },
    ...{ tokens: () => ['token'], authorize: bearer, tries: 1, onFailure: () => undefined },
    circuit: { failures: 3, openMs: OPEN_MS, onChange: (isOpen) => void told.push(isOpen) },
    ...given,
  });
  const schema = z
    .object({ ok: z.boolean() })
    .transform(({ ok }) => (ok ? 'ok' : refusalInside('not_ok', { ofEverybody: true })));
  const call = { operation: 'things.list', path: '/v1/things', schema };
  const ask = (signal = new AbortController().signal): Promise<unknown> =>
    client.get({ ...call, signal }).catch((error: unknown) => error);
  const fail = async (times: number) => {
    for (let time = 0; time < times; time += 1) await ask();
  };
  return { provider, told, client, ask, fail, call };
}

const NOT_SENT = { code: 'PROVIDER_UNAVAILABLE', detail: { sent: false, code: 'circuit_open' } };

describe('the circuit of a provider', () => {
  test.each([
    ['is away', status(503)],
    ['limits us', status(429)],
    ['refuses our key', status(401)],
    ['wants to be paid', status(402)],
    ['leads elsewhere', status(301)],
    ['answers HTML', () => HttpResponse.html('<p>maintenance</p>')],
    ['refuses everybody in a 200', () => HttpResponse.json({ ok: false })],
    ['breaks the connection', () => HttpResponse.error()],
  ])('that %s opens after so many failures in a row, and nothing is sent', async (_, answer) => {
    const { provider, told, client, ask, fail } = openProvider();
    provider.answer = answer;
    await fail(2);
    expect(client.isAway()).toBe(false);
    await fail(1);
    expect(client.isAway()).toBe(true);
    provider.answer = good;
    expect(await ask()).toMatchObject(NOT_SENT);
    expect(provider.asked).toHaveLength(3);
    expect(told).toEqual([false, true]);
  });

  test.each([404, 422])('stays closed while it refuses what is asked, by %i', async (code) => {
    const { provider, client, fail } = openProvider();
    provider.answer = status(code);
    await fail(6);
    expect(client.isAway()).toBe(false);
    expect(provider.asked).toHaveLength(6);
  });

  test.each([
    ['a success', good],
    ['a refusal of what is asked', status(404)],
  ])('stays closed where %s came between the failures', async (_, answer) => {
    const { provider, client, fail } = openProvider();
    for (let round = 0; round < 3; round += 1) {
      provider.answer = status(500);
      await fail(2);
      provider.answer = answer;
      await fail(1);
    }
    expect([client.isAway(), provider.asked.length]).toEqual([false, 9]);
  });

  test('stays closed while an older key is taken, and while that one has no turn', async () => {
    const turns = { take: vi.fn(async () => true), pause: async () => undefined };
    const { provider, client, ask, fail } = openProvider({ tokens: () => ['bad', 'good'], turns });
    provider.answer = () => (provider.asked.length % 2 === 1 ? status(401)() : good());
    for (const _ of [1, 2, 3]) expect(await ask()).toBe('ok');
    provider.answer = status(401);
    let turn = 0;
    turns.take.mockImplementation(async () => ++turn % 2 === 1);
    await fail(2);
    expect(await ask()).toMatchObject({ detail: { sent: false, code: 'no_turn' } });
    expect([client.isAway(), provider.asked.length]).toEqual([false, 9]);
  });

  test('lets one request through after its time, and closes when that succeeds', async () => {
    const { provider, told, client, ask, fail } = openProvider();
    provider.answer = status(500);
    await fail(3);
    vi.setSystemTime(Date.now() + OPEN_MS - 1);
    expect(await ask()).toMatchObject(NOT_SENT);
    vi.setSystemTime(Date.now() + 1);
    let answer: (response: Response) => void = () => undefined;
    provider.answer = () =>
      new Promise<Response>((resolve) => {
        answer = resolve;
      });
    const probe = ask();
    await expect.poll(() => provider.asked.length).toBe(4);
    // Nobody waits for the one that is tried.
    expect(client.isAway()).toBe(true);
    expect(await ask()).toMatchObject(NOT_SENT);
    answer(good());
    expect(await probe).toBe('ok');
    provider.answer = good;
    expect([await ask(), client.isAway(), told]).toEqual(['ok', false, [false, true, false]]);
  });

  test('opens anew, for as long, when the one request fails', async () => {
    const { provider, told, client, ask, fail } = openProvider();
    provider.answer = status(500);
    await fail(3);
    vi.setSystemTime(Date.now() + OPEN_MS);
    await fail(1);
    expect([client.isAway(), provider.asked.length]).toEqual([true, 4]);
    vi.setSystemTime(Date.now() + OPEN_MS - 1);
    expect(await ask()).toMatchObject(NOT_SENT);
    expect(told).toEqual([false, true, true]);
  });

  test('counts who was given up on for being slow, also as the one that is tried', async () => {
    const { provider, client, ask, fail } = openProvider();
    provider.answer = status(500);
    await fail(3);
    vi.setSystemTime(Date.now() + OPEN_MS);
    provider.answer = () => new Promise<Response>(() => undefined);
    const stop = new AbortController();
    const probe = ask(stop.signal);
    await expect.poll(() => provider.asked.length).toBe(4);
    stop.abort(new Error('too slow'));
    expect(await probe).toMatchObject({ message: 'too slow' });
    expect(client.isAway()).toBe(true);
  });

  test('costs no turn while it is open', async () => {
    const take = vi.fn(async () => true);
    const { provider, ask, fail } = openProvider({ turns: { take, pause: async () => undefined } });
    provider.answer = status(500);
    await fail(3);
    await ask();
    expect(take).toHaveBeenCalledTimes(3);
  });
});

describe('a POST', () => {
  const signal = new AbortController().signal;

  test('carries a form, or JSON', async () => {
    const { provider, client, call } = openProvider();
    await client.write({ ...call, signal, body: { form: { name: 'a b', plus: '+1' } } });
    await client.write({ ...call, signal, body: { json: { name: 'ä' } } });
    const [form, json] = provider.asked;
    expect([form?.method, form?.headers.get('content-type'), await form?.text()]).toEqual([
      ...['POST', 'application/x-www-form-urlencoded', 'name=a+b&plus=%2B1'],
    ]);
    expect([json?.method, json?.headers.get('content-type'), await json?.json()]).toEqual([
      ...['POST', 'application/json', { name: 'ä' }],
    ]);
  });

  test('is sent once, whatever becomes of it', async () => {
    const { provider, client, call } = openProvider({ tries: 4 });
    for (const answer of [status(500), status(429), () => HttpResponse.error()]) {
      provider.asked.length = 0;
      provider.answer = answer;
      await expect(client.write({ ...call, signal, body: { json: {} } })).rejects.toMatchObject({
        code: 'PROVIDER_UNAVAILABLE',
      });
      expect(provider.asked).toHaveLength(1);
    }
  });
});

describe('what may be repeated', () => {
  const signal = new AbortController().signal;
  const body = { json: {} };

  test.each([
    ['a POST with a key, under the one key', { idempotencyKey: 'payout-1' }, ['POST', 'payout-1']],
    ['a POST that only reads', { repeatable: true }, ['POST', null]],
    ['a PUT', { method: 'PUT' as const }, ['PUT', null]],
  ])('%s, is sent again', async (_, given, sent) => {
    const { provider, client, call } = openProvider({ tries: 3, retryBaseMs: 1 });
    provider.answer = status(503);
    await expect(client.write({ ...call, signal, body, ...given })).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
    });
    const all = provider.asked.map(({ method, headers }) => [method, headers.get('idempotency-key')]);
    expect(all).toEqual([sent, sent, sent]);
  });

  test('is not a PATCH, of which nobody says so', async () => {
    const { provider, client, call } = openProvider({ tries: 3, retryBaseMs: 1 });
    provider.answer = status(503);
    await expect(client.write({ ...call, signal, body, method: 'PATCH' })).rejects.toBeDefined();
    expect(provider.asked).toHaveLength(1);
  });
});

describe('a request', () => {
  test('has an id of its own, which its error, the log and the provider call it by', async () => {
    const failed: unknown[] = [];
    const { provider, client, call } = openProvider({
      ...{ tries: 2, retryBaseMs: 1 },
      onFailure: ({ requestId }) => void failed.push(requestId),
    });
    provider.answer = () =>
      HttpResponse.json({}, { status: 500, headers: { 'request-id': 'req_1 of token' } });
    const error = await client
      .get({ ...call, signal: new AbortController().signal })
      .catch((thrown: unknown) => thrown);
    const sent = provider.asked.map(({ headers }) => headers.get('x-request-id'));
    expect(failed).toEqual(sent);
    expect(new Set(sent).size).toBe(2);
    expect(error).toMatchObject({ detail: { requestId: sent[1], theirId: 'req_1 of [hidden]' } });
  });

  test('may have a deadline of its own, below that of its client', async () => {
    const { provider, client, call } = openProvider();
    provider.answer = () => new Promise(() => undefined);
    const startMs = performance.now();
    await expect(
      client.get({ ...call, signal: new AbortController().signal, timeoutMs: 20 }),
    ).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    expect(performance.now() - startMs).toBeLessThan(1_500);
  });
});

describe('who asks', () => {
  test.each([
    ['bearer', bearer, 'authorization', 'Bearer id:key'],
    ['basic', basic, 'authorization', `Basic ${Buffer.from('id:key').toString('base64')}`],
    ['Token', tokenScheme, 'authorization', 'Token id:key'],
    ['header', headerKey('x-api-key'), 'x-api-key', 'id:key'],
  ])('shows it by %s', async (_, authorize, header, value) => {
    const { provider, ask } = openProvider({ authorize, tokens: () => ['id:key'] });
    await ask();
    expect(provider.asked[0]?.headers.get(header)).toBe(value);
  });

  test('shows it in the address where a provider takes it nowhere else, and beside what is asked', async () => {
    const { provider, client, call } = openProvider({ authorize: queryKey('api_key') });
    await client.get({ ...call, query: { page: '1' }, signal: new AbortController().signal });
    expect(provider.asked[0]?.url).toBe(`${ADDRESS}?page=1&api_key=token`);
  });

  test('shows it in no error, though the provider gives its own address back', async () => {
    const { provider, client, call } = openProvider({
      ...{ authorize: queryKey('api_key'), tokens: () => ['to ken&1'] },
    });
    provider.answer = () =>
      HttpResponse.json({ code: `no ${new URL(provider.asked[0]?.url ?? '').search}` }, { status: 400 });
    const error = client.get({ ...call, signal: new AbortController().signal });
    await expect(error).rejects.toMatchObject({ providerCode: 'no ?api_key=[hidden]' });
  });
});

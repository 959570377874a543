import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { delay, HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ApiError, OutageError } from '../../src/errors.ts';
import { handleApiError } from '../../src/integrations/api-errors.ts';
import { type ApiOptions, createApiClient } from '../../src/integrations/http.ts';

const server = setupServer();
beforeAll(() => server.listen());
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const ADDRESS = 'https://api.provider.example/v3/calls.json';
const TOKEN = 'token-that-nobody-may-read';
const schema = z.object({ calls: z.array(z.object({ id: z.string() })) });
const GOOD = { calls: [{ id: 'CAL1', new_field: 1 }], total: 1 };

function clientOf(given: Partial<ApiOptions> = {}) {
  const failures: Parameters<ApiOptions['onFailure']>[0][] = [];
  const client = createApiClient({
    provider: 'provider',
    baseUrl: new URL('https://api.provider.example'),
    tokens: () => [TOKEN],
    authorize: (token) => ({ headers: { authorization: `Token token="${token}"` } }),
    timeoutMs: 20_000,
    retryBaseMs: 1,
    onFailure: (failure) => failures.push(failure),
    ...given,
  });
  const ask = (signal = new AbortController().signal) =>
    client.get({
      operation: 'calls.list',
      path: '/v3/calls.json',
      query: { page: '1', caller: '+12125550100' },
      schema,
      signal,
    });
  return { client, ask, failures };
}

/** Answers one after another, the last one again and again; how many were asked for. */
function answers(...all: readonly (() => Response | Promise<Response>)[]) {
  const asked: Request[] = [];
  server.use(
    http.get(ADDRESS, ({ request }) => {
      asked.push(request);
      return (all[Math.min(asked.length, all.length) - 1] ?? HttpResponse.error)();
    }),
  );
  return asked;
}

const json =
  (body: object, init: ResponseInit = {}) =>
  () =>
    HttpResponse.json(body, init);
const good = json(GOOD);

describe('an answer', () => {
  test('comes back parsed, with what is not known let through unread', async () => {
    const asked = answers(good);
    expect(await clientOf().ask()).toEqual({ calls: [{ id: 'CAL1' }] });
    expect(asked[0]?.headers.get('authorization')).toBe(`Token token="${TOKEN}"`);
    expect(new URL(asked[0]?.url ?? '').searchParams.get('page')).toBe('1');
  });

  test.each([
    ['malformed JSON', () => HttpResponse.text('{"calls": [')],
    ['HTML in place of JSON', () => HttpResponse.html('<html>We will be back soon.</html>')],
    ['half of a page', () => HttpResponse.text(JSON.stringify(GOOD).slice(0, 20))],
    ['another shape', json({ calls: [{ id: 'CAL1' }, { id: 2, phone: '+12125550100' }] })],
  ])('of %s is ANSWER_INVALID, asked for once, and not quoted', async (_, answer) => {
    const asked = answers(answer);
    const { ask, failures } = clientOf();
    const error = await ask().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'ANSWER_INVALID', statusCode: 200, retryable: false });
    expect(asked).toHaveLength(1);
    expect(failures).toMatchObject([{ operation: 'calls.list', code: 'ANSWER_INVALID' }]);
    expect(inspect(error, { depth: 9 })).not.toContain('2125550100');
  });
});

test.each([200, 500])(
  'an answer of %i that has no end is ANSWER_INVALID, and not read on',
  async (status) => {
    let sent = 0;
    const endless = () =>
      new ReadableStream({
        pull(controller) {
          sent += 1;
          controller.enqueue(Buffer.alloc(1024 * 1024, ' '));
        },
      });
    const asked = answers(() => new HttpResponse(endless(), { status }));
    const error = await clientOf()
      .ask()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'ANSWER_INVALID', retryable: false });
    expect(asked).toHaveLength(1);
    expect(sent).toBeLessThan(20);
  },
);

describe('a refusal', () => {
  test.each([400, 403, 404, 422])(
    'by %i is final: one request, an ApiError with the provider’s code',
    async (status) => {
      const asked = answers(json({ code: 20_404, message: `no ${TOKEN}` }, { status }));
      const error = await clientOf()
        .ask()
        .catch((thrown: unknown) => thrown);
      const facts = { code: 'PROVIDER_REFUSED', statusCode: status, provider: 'provider', retryable: false };
      expect(error).toMatchObject({ ...facts, providerCode: '20404' });
      expect(asked).toHaveLength(1);
    },
  );

  test('quotes neither the token nor what was asked', async () => {
    answers(json({ message: TOKEN }, { status: 500 }));
    const { ask, failures } = clientOf();
    const error = await ask().catch((thrown: unknown) => thrown);
    expect(inspect([error, failures], { depth: 9 })).not.toContain(TOKEN);
    expect(inspect([error, failures], { depth: 9 })).not.toContain('2125550100');
  });

  test('of the newest token by 401 has the older one tried, read anew at each request', async () => {
    const held = ['new', 'old'];
    server.use(
      http.get(ADDRESS, ({ request }) =>
        request.headers.get('authorization')?.includes('"old"')
          ? HttpResponse.json(GOOD)
          : HttpResponse.json({}, { status: 401 }),
      ),
    );
    const { ask } = clientOf({ tokens: () => held });
    expect(await ask()).toMatchObject({ calls: [{}] });
    held.splice(0, 2, 'newer');
    await expect(ask()).rejects.toMatchObject({ code: 'PROVIDER_REFUSED', statusCode: 401 });
  });

  test('of the newest token is told, and the older one is a request of its own: a turn and an id', async () => {
    const asked = answers(json({ code: 'revoked' }, { status: 401 }), good);
    const take = vi.fn(async () => true);
    const turns = { take, pause: async () => undefined };
    // Also of a client that asks once: a token that is refused was not taken.
    const { ask, failures } = clientOf({ tokens: () => ['bad', 'good'], tries: 1, turns });
    expect(await ask()).toMatchObject({ calls: [{}] });
    const [bad, other] = asked.map(({ headers }) => headers.get('x-request-id'));
    expect(failures).toMatchObject([{ code: 'PROVIDER_REFUSED', providerCode: 'revoked', requestId: bad }]);
    expect(take).toHaveBeenCalledTimes(2);
    expect(other).not.toBe(bad);
  });
});

test('a token that stands in a file is read at each request: a new one needs no restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'callclear-token-'));
  try {
    const file = join(folder, 'token');
    writeFileSync(file, 'first\n');
    const asked = answers(good);
    const { ask, failures } = clientOf({ tokens: () => [`file:${file}`] });
    await ask();
    writeFileSync(file, 'second\nfirst\n');
    await ask();
    const shown = asked.map(({ headers }) => headers.get('authorization'));
    expect(shown).toEqual(['Token token="first"', 'Token token="second"']);
    rmSync(file);
    await expect(ask()).rejects.toMatchObject({
      ...{ code: 'PROVIDER_UNAVAILABLE', detail: { code: 'no_token', sent: false } },
      cause: { code: 'ENOENT' },
    });
    expect(failures).toEqual([{ operation: 'calls.list', code: 'PROVIDER_UNAVAILABLE', providerCode: null }]);
    expect(asked).toHaveLength(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('a provider that is away', () => {
  test.each([
    ['500', json({}, { status: 500 })],
    ['503', json({}, { status: 503 })],
    ['429', json({}, { status: 429 })],
    ['a broken connection', () => HttpResponse.error()],
  ])('by %s is asked again, and answers then', async (_, answer) => {
    const asked = answers(answer, answer, answer, good);
    expect(await clientOf().ask()).toMatchObject({ calls: [{ id: 'CAL1' }] });
    expect(asked).toHaveLength(4);
  });

  test('is an outage after four tries, whose cause is the ApiError', async () => {
    const asked = answers(json({}, { status: 502 }));
    const { ask, failures } = clientOf();
    const error = await ask().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OutageError);
    expect(error).toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      cause: { statusCode: 502, retryable: true, provider: 'provider' },
    });
    expect(asked).toHaveLength(4);
    expect(failures).toHaveLength(4);
  });

  test('does not answer in time: each try has its own deadline', async () => {
    const asked = answers(async () => {
      await delay('infinite');
      return HttpResponse.json(GOOD);
    }, good);
    expect(await clientOf({ timeoutMs: 1_000 }).ask()).toMatchObject({ calls: [{ id: 'CAL1' }] });
    expect(asked).toHaveLength(2);
  });

  test('says when to come again: so long nobody asks, and all are told', async () => {
    const paused: number[] = [];
    const turns = { take: async () => true, pause: async (forMs: number) => void paused.push(forMs) };
    answers(json({}, { status: 429, headers: { 'retry-after': '0.05' } }), good);
    const startMs = performance.now();
    expect(await clientOf({ turns }).ask()).toMatchObject({ calls: [{}] });
    expect(performance.now() - startMs).toBeGreaterThan(49);
    expect(paused).toEqual([50]);
  });

  test('asks for more than half a minute: its job waits so long in the queue, and nothing is asked meanwhile', async () => {
    const asked = answers(json({}, { status: 429, headers: { 'retry-after': '120' } }));
    await expect(clientOf().ask()).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      retryAfterMs: 120_000,
    });
    expect(asked).toHaveLength(1);
  });

  test('that asks for more than an hour is asked again after an hour', async () => {
    answers(json({}, { status: 429, headers: { 'retry-after': '900000' } }));
    await expect(clientOf().ask()).rejects.toMatchObject({ retryAfterMs: 3_600_000 });
  });

  test('is not asked when it is not the turn of this process', async () => {
    const asked = answers(good);
    const turns = { take: async () => false, pause: async () => undefined };
    await expect(clientOf({ turns }).ask()).rejects.toMatchObject({
      ...{ code: 'PROVIDER_UNAVAILABLE', detail: { code: 'no_turn', sent: false } },
    });
    expect(asked).toHaveLength(0);
  });

  test('is not asked when its line cannot be read, which is told apart from a long line', async () => {
    const asked = answers(good);
    const turns = {
      take: async () => Promise.reject(new Error('no store')),
      pause: async () => undefined,
    };
    await expect(clientOf({ turns }).ask()).rejects.toMatchObject({
      ...{ code: 'PROVIDER_UNAVAILABLE', detail: { code: 'line_away', sent: false } },
    });
    expect(asked).toHaveLength(0);
  });

  test('that is asked once is told as not asked where its turn had not come when the caller ended', async () => {
    const asked = answers(good);
    const take = (ended: AbortSignal) =>
      new Promise<boolean>((resolve) => ended.addEventListener('abort', () => resolve(false)));
    const { ask } = clientOf({ tries: 1, turns: { take, pause: async () => undefined } });
    await expect(ask(AbortSignal.timeout(10))).rejects.toMatchObject({ detail: { sent: false } });
    expect(asked).toHaveLength(0);
  });

  test('that asked for a long pause is away', () => {
    const turns = { take: async () => false, pause: async () => undefined, isPaused: () => true };
    expect(clientOf({ turns }).client.isAway()).toBe(true);
  });

  test('is not waited for by a job that was told to stop', async () => {
    answers(json({}, { status: 500 }));
    const stop = new AbortController();
    const reason = new Error('the worker stops');
    const { ask } = clientOf({ retryBaseMs: 60_000, onFailure: () => stop.abort(reason) });
    await expect(ask(stop.signal)).rejects.toBe(reason);
  });
});

test('the translator leaves an ApiError as it is', () => {
  const error = new ApiError('PROVIDER_REFUSED', 'no', { statusCode: 404, provider: 'p', retryable: false });
  expect(handleApiError('provider', 'calls.list', error)).toBe(error);
});

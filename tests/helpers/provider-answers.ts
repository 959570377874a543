import { inspect } from 'node:util';
import { delay, HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApiError, ERROR_CODES, OutageError } from '../../src/errors.ts';
import type { ClientParts } from '../../src/integrations/http.ts';

/** One request of a client, with whatever its provider answers. */
export interface AskedClient {
  readonly provider: string;
  /** As msw writes it. */
  readonly address: string;
  readonly ask: (parts: ClientParts) => Promise<unknown>;
  /** What no error may quote: keys and tokens, and whatever of a person is asked for. */
  readonly secrets: readonly string[];
  readonly good: { readonly answer: object; readonly result: unknown };
  /** Answers of 200 that are no whole success. */
  readonly partial: readonly {
    readonly what: string;
    readonly answer: object;
    /** What comes of it: a result that says so, or an error. */
    readonly result?: unknown;
    readonly error?: object;
  }[];
  /** 4 where the request may be repeated, 1 where it may not. */
  readonly tries: 1 | 4;
}

type Answer = () => Response | Promise<Response>;
const json =
  (status: number, body: object = {}, headers: Record<string, string> = {}): Answer =>
  () =>
    HttpResponse.json(body, { status, headers });

const REFUSED = { code: 'PROVIDER_REFUSED', retryable: false };
const UNREADABLE = { code: 'ANSWER_INVALID', retryable: false, statusCode: 200 };

/** The table that every client of a provider passes: each kind of answer has its result or its one typed error, and no error quotes a secret. */
export function tellsEachAnswer(name: string, client: AskedClient): void {
  const { provider, address, secrets, good, partial, tries } = client;

  describe(name, () => {
    const server = setupServer();
    beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
    afterEach(() => server.resetHandlers());
    afterAll(() => server.close());

    async function ask(answer: Answer, timeoutMs = 5_000) {
      const codes: string[] = [];
      const log: object[] = [];
      const asked: Request[] = [];
      server.use(
        http.all(address, ({ request }) => {
          asked.push(request);
          return answer();
        }),
      );
      const parts: ClientParts = {
        ...{ timeoutMs, retryBaseMs: 1, tries },
        onFailure: ({ code, ...more }) => {
          codes.push(code);
          log.push(more);
        },
      };
      const end = await client.ask(parts).then(
        (result) => ({ result, error: null }),
        (error: unknown) => ({ result: null, error }),
      );
      const told = inspect([end.error, codes, log], { depth: 9 });
      for (const secret of secrets) expect(told).not.toContain(secret);
      // They are counted by, so that a provider's own words may be no part of them.
      for (const code of codes) expect(Object.keys(ERROR_CODES)).toContain(code);
      return { ...end, codes, asked };
    }

    test('success is its result, asked for once', async () => {
      const { result, error, codes, asked } = await ask(json(200, good.answer));
      expect({ error, codes }).toEqual({ error: null, codes: [] });
      expect(result).toMatchObject(good.result as object);
      expect(asked).toHaveLength(1);
      expect(asked[0]?.headers.get('x-request-id')).toHaveLength(36);
    });

    test.each(partial)('a 200 of $what is told for what it is', async (one) => {
      const { result, error } = await ask(json(200, one.answer));
      if (one.error === undefined) expect(result).toMatchObject(one.result as object);
      else expect(error).toMatchObject(one.error);
    });

    // A redirect is not followed: it could lead anywhere, and a key with it.
    test.each([301, 307, 400, 401, 403, 422])(
      'a %i is final: one request, an ApiError',
      async (statusCode) => {
        const echo = { code: secrets[0], message: secrets.join(' ') };
        const { error, asked, codes } = await ask(json(statusCode, echo, { location: '/' }));
        expect(error).toBeInstanceOf(ApiError);
        expect(error).toMatchObject({ ...REFUSED, provider, statusCode });
        expect([asked.length, codes.length]).toEqual([1, 1]);
      },
    );

    test.each([
      ['a 500', json(500), 500, 5_000],
      ['a 503', json(503), 503, 5_000],
      ['a 429 that says when to come again', json(429, {}, { 'retry-after': '0' }), 429, 5_000],
      ['no answer in time', () => delay('infinite').then(() => HttpResponse.json({})), 0, 80],
      ['a connection that breaks', () => HttpResponse.error(), 0, 5_000],
    ])(`%s is an outage after ${tries} requests`, async (_, answer, statusCode, timeoutMs) => {
      const { error, asked, codes } = await ask(answer, timeoutMs);
      expect(error).toBeInstanceOf(OutageError);
      const cause = { provider, statusCode, retryable: true };
      expect(error).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', cause });
      expect([asked.length, codes.length]).toEqual([tries, tries]);
    });

    test.each([
      ['malformed JSON', () => HttpResponse.text(JSON.stringify(good.answer).slice(0, -2))],
      ['HTML in place of JSON', () => HttpResponse.html('<html>We will be back soon.</html>')],
      ['another JSON', () => HttpResponse.json(secrets)],
    ])('%s is ANSWER_INVALID, asked for once', async (_, answer) => {
      const { error, asked } = await ask(answer);
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({ ...UNREADABLE, provider });
      expect(asked).toHaveLength(1);
    });
  });
}

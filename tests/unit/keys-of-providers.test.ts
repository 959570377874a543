import { inspect } from 'node:util';
import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { createTune } from '../../src/integrations/campaigns/tune.ts';
import { basic } from '../../src/integrations/credentials.ts';
import { createIpQualityScore } from '../../src/integrations/fraud/ipqualityscore.ts';
import { type ApiOptions, type ApiTurns, createApiClient } from '../../src/integrations/http.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { tellFailures } from '../../src/providers.ts';

const server = setupServer();
beforeAll(() => server.listen());
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const { signal } = new AbortController();
const quiet = { retryBaseMs: 1, onFailure: () => undefined };

describe('a key that is refused inside of a 200 gives way to the next', () => {
  const lookUp = (...keys: string[]) =>
    createIpQualityScore({ ...quiet, keys, apiBase: 'https://www.ipqualityscore.com' }).lookUp(
      '+12127361234',
      signal,
    );
  const refusing = (message: string) => {
    const asked: string[] = [];
    server.use(
      http.post('https://www.ipqualityscore.com/api/json/phone', ({ request }) => {
        const key = request.headers.get('ipqs-key') ?? '';
        asked.push(key);
        return HttpResponse.json(
          key === 'good' ? { success: true, valid: true, fraud_score: 5 } : { success: false, message },
        );
      }),
    );
    return asked;
  };

  test('of IPQualityScore, whose answers are all 200', async () => {
    const asked = refusing('Invalid or unauthorized key.');
    expect(await lookUp('new', 'good')).toMatchObject({ riskScore: 5 });
    expect(asked).toEqual(['new', 'good']);
    await expect(lookUp('new', 'old')).rejects.toMatchObject({ providerCode: 'key_refused' });
  });

  test('and not where the key is good and its credits are spent', async () => {
    const asked = refusing('You have insufficient credits to make this query.');
    await expect(lookUp('new', 'good')).rejects.toMatchObject({ providerCode: 'credits_spent' });
    expect(asked).toEqual(['new']);
  });

  test('of TUNE', async () => {
    server.use(
      http.get('https://net.api.hasoffers.com/Apiv3/json', ({ request }) =>
        HttpResponse.json(
          new URL(request.url).searchParams.get('NetworkToken') === 'old'
            ? { response: { status: 1, data: false } }
            : {
                response: {
                  status: -1,
                  httpStatus: 200,
                  errorMessage: 'NetworkToken new is not authenticated',
                },
              },
        ),
      ),
    );
    const networkTokens = ['new', 'old'];
    const tune = createTune({ ...quiet, networkTokens, apiBase: 'https://net.api.hasoffers.com' });
    expect(await tune.readOffer('1', signal)).toBeNull();
  });
});

const PAIR = 'customer:key-that-nobody-may-read';
const clientOf = (
  tokens: readonly string[],
  onFailure: ApiOptions['onFailure'] = quiet.onFailure,
  turns?: ApiTurns,
) =>
  createApiClient({
    ...{ ...quiet, provider: 'provider', baseUrl: new URL('https://api.provider.example') },
    ...{ tokens: () => tokens, authorize: basic, onFailure, turns },
  });
/** Whom failures are told in a process: its log and its counters. */
function told() {
  const lines: string[] = [];
  const metrics = createMetrics();
  const log = createLogger({ level: 'warn', destination: { write: (line) => void lines.push(line) } });
  const tell = tellFailures(metrics, log);
  const onFailure: ApiOptions['onFailure'] = ({ operation, code, ...more }) =>
    tell('provider', operation, code, more);
  return { lines, onFailure, counted: async () => (await metrics.render()).text };
}
const ask = (client: ReturnType<typeof clientOf>) =>
  client.get({ operation: 'read', path: '/', schema: z.object({}), signal });

test('without any key nothing is sent', async () => {
  let asked = 0;
  server.use(
    http.get('https://api.provider.example/', () => {
      asked += 1;
      return HttpResponse.json({});
    }),
  );
  const error = { code: 'PROVIDER_UNAVAILABLE', detail: { code: 'no_token', sent: false } };
  await expect(ask(clientOf([]))).rejects.toMatchObject(error);
  expect(asked).toBe(0);
});

test('a request whose newest key is refused ends as not sent where the older one has no turn', async () => {
  let asked = 0;
  server.use(
    http.get('https://api.provider.example/', () => {
      asked += 1;
      return HttpResponse.json({}, { status: 401 });
    }),
  );
  const failures: object[] = [];
  const turns = { take: vi.fn(async () => false).mockResolvedValueOnce(true), pause: async () => undefined };
  const onFailure = (failure: object) => void failures.push(failure);
  const client = clientOf([PAIR, 'customer:older'], onFailure, turns);
  await expect(ask(client)).rejects.toMatchObject({ detail: { code: 'no_turn', sent: false } });
  expect([asked, failures]).toMatchObject([1, [{ code: 'PROVIDER_REFUSED' }]]);
});

test('a file of keys that goes away is logged and counted, though nothing is sent', async () => {
  const { lines, counted, onFailure } = told();
  await expect(ask(clientOf(['file:/nope/token'], onFailure))).rejects.toMatchObject({
    cause: { code: 'ENOENT' },
    detail: { sent: false },
  });
  expect(await counted()).toContain(
    'callclear_integration_failures_total{provider="provider",code="PROVIDER_UNAVAILABLE"} 1',
  );
  expect(lines).toHaveLength(1);
});

test.each([
  ['half of a pair', 'key-that-nobody-may-read'],
  ['a pair as it is sent, without its scheme', Buffer.from(PAIR).toString('base64')],
  ['a pair', PAIR],
])('%s is hidden where a provider quotes it as its code', async (_what, code) => {
  server.use(http.get('https://api.provider.example/', () => HttpResponse.json({ code }, { status: 400 })));
  const failures: object[] = [];
  const client = clientOf([PAIR], (failure) => void failures.push(failure));
  const error = await ask(client).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'PROVIDER_REFUSED' });
  expect(inspect([error, failures], { depth: 9 })).not.toContain(code);
});

test('what a provider calls its refusal is logged; counted is what we call it', async () => {
  const codes = ['no_such_caller', 'no call of 12125550100'];
  server.use(
    http.get('https://api.provider.example/', () =>
      HttpResponse.json({ code: codes.shift() }, { status: 400 }),
    ),
  );
  const { lines, counted, onFailure } = told();
  const client = clientOf([PAIR], onFailure);
  await ask(client).catch(() => null);
  await ask(client).catch(() => null);
  const text = await counted();
  expect(text).toContain(
    'callclear_integration_failures_total{provider="provider",code="PROVIDER_REFUSED"} 2',
  );
  expect(text).not.toContain('no_such_caller');
  expect(lines.join('')).toContain('"providerCode":"no_such_caller"');
  expect(lines.join('')).not.toContain('12125550100');
});

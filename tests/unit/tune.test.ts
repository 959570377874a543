import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTune } from '../../src/integrations/campaigns/tune.ts';
import { tuneOffer } from '../helpers/campaign-platforms.ts';
import { tellsEachAnswer } from '../helpers/provider-answers.ts';

const { signal } = new AbortController();
const KEY = 'key-that-nobody-may-read&more';
const ADDRESS = 'https://net.api.hasoffers.com/Apiv3/json';
const options = { networkTokens: [KEY], apiBase: 'https://net.api.hasoffers.com' };
const taken = (facts: object) => ({
  response: { status: 1, httpStatus: 200, data: { Offer: tuneOffer(facts) } },
});
/** As its page of error messages shows them. */
const refusal = (errorMessage: string, httpStatus: unknown = 200) => ({
  response: { status: -1, httpStatus, data: '', errors: [{ publicMessage: errorMessage }], errorMessage },
});
const refused = (providerCode: string, ofEverybody: boolean) => ({
  ...{ code: 'PROVIDER_REFUSED', statusCode: 200, providerCode, ofEverybody },
});

tellsEachAnswer('an offer of TUNE, whose token stands in the address', {
  ...{ provider: 'tune', address: ADDRESS, tries: 4, secrets: [KEY, encodeURIComponent(KEY)] },
  ask: (parts) => createTune({ ...parts, ...options, networkCurrency: 'usd' }).readOffer('7', signal),
  good: {
    answer: taken({ conversion_cap: '50' }),
    result: {
      ...{ currency: 'usd', price: '40.00000', share: { amount: '28.00000' } },
      ...{ dailyCap: 50, monthlyCap: null },
    },
  },
  partial: [
    { what: 'an offer in another currency', answer: taken({ currency: 'EUR' }), result: { currency: 'eur' } },
    {
      what: 'a token that is none',
      answer: refusal(`NetworkToken ${KEY} is not authenticated`),
      error: refused('not_authenticated', true),
    },
    {
      what: 'a token that may not',
      answer: refusal('User is not permitted to perform this action'),
      error: refused('not_permitted', true),
    },
    {
      what: 'a text in its list of errors only',
      answer: {
        response: { status: '-1', errors: [{ publicMessage: `NetworkToken ${KEY} is not authenticated` }] },
      },
      error: refused('not_authenticated', true),
    },
    { what: 'a text that nobody knows', answer: refusal(KEY), error: refused('http_200', true) },
    { what: 'a status that is a text', answer: refusal(KEY, '401'), error: refused('http_401', true) },
    {
      what: 'a refusal of the one offer',
      answer: refusal('Offer 7 does not exist'),
      error: refused('http_200', false),
    },
    { what: 'a refusal by its status', answer: refusal(KEY, 400), error: refused('http_400', false) },
  ],
});

describe('TUNE', () => {
  const server = setupServer();
  beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
  afterEach(() => server.resetHandlers());
  afterAll(() => server.close());
  const ask = (answer: object, given: object = {}) => {
    server.use(http.get(ADDRESS, () => HttpResponse.json(answer)));
    return createTune({ ...options, onFailure: () => undefined, tries: 1, ...given }).readOffer('7', signal);
  };

  test('that was asked too often has everybody wait, and is an outage', async () => {
    const pauses: number[] = [];
    const turns = { take: async () => true, pause: async (forMs: number) => void pauses.push(forMs) };
    await expect(ask(refusal('User has exceeded API rate limit'), { turns })).rejects.toMatchObject({
      ...{
        name: 'OutageError',
        retryAfterMs: 10_000,
        cause: { statusCode: 429, providerCode: 'rate_limit' },
      },
    });
    expect(pauses).toEqual([10_000]);
  });

  test.each([null, ''])(
    'an offer whose currency is %j cannot become terms while nobody says which that is',
    async (currency) => {
      expect(await ask(taken({ currency }))).toMatchObject({
        ...{ currency: null, fault: expect.stringContaining('TUNE_NETWORK_CURRENCY') },
      });
      expect((await ask(taken({ currency }), { networkCurrency: 'eur' }))?.fault).toBeUndefined();
    },
  );
});

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import { createCampaignBooks } from '../../src/integrations/campaigns/books.ts';
import { createEverflow } from '../../src/integrations/campaigns/everflow.ts';
import { createRingba } from '../../src/integrations/campaigns/ringba.ts';
import { createTune } from '../../src/integrations/campaigns/tune.ts';

export const RINGBA_TOKEN = 'ringba-token-of-the-tests';
const EVERFLOW_KEY = 'everflow-key-of-the-tests';
const TUNE_TOKEN = 'tune-token-of-the-tests';
const ACCOUNT = 'RA0123456789';

interface Amounts {
  readonly revenue: number;
  readonly payout: number;
}

export type CampaignPlatforms = Awaited<ReturnType<typeof startCampaignPlatforms>>;

/**
 * Ringba, Everflow and TUNE as far as campaigns ask them, over real HTTP and with a memory: what was told them is kept, and
 * so is each request that changed something. What Everflow takes it does when `settle` is called, and not before.
 */
export async function startCampaignPlatforms() {
  const at = {
    /** By id, as each platform states it. */
    offers: {
      ringba: new Map<string, object>(),
      everflow: new Map<string, object>(),
      tune: new Map<string, object>(),
    },
    /** Calls that Ringba has, and clicks that Everflow has, with what was told of them. */
    calls: new Map<string, Amounts>(),
    conversions: new Map<string, Amounts>(),
    clicks: new Set<string>(),
    everflowStatus: 'approved',
    /** The text of TUNE's next refusals, which are a 200. */
    tuneRefuses: null as string | null,
    /** Ringba answers success and does nothing. */
    ringbaDoesNothing: false,
    /** Everything that was sent to change something. */
    sent: [] as { path: string; body: Record<string, unknown> }[],
    /** The next answers are these, and nothing is done. */
    refuse: [] as number[],
    /** What is sent is done, and its answer is lost. */
    loseAnswers: false,
  };
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://platform');
    const body = request.method === 'GET' ? {} : z.record(z.string(), z.unknown()).parse(await json(request));
    const reply = (status: number, content: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
    const { authorization, 'x-eflow-api-key': key } = request.headers;
    const who = { token: authorization, key, network: query.get('NetworkToken') };
    const isKnown =
      who.token === `Token ${RINGBA_TOKEN}` || who.key === EVERFLOW_KEY || who.network === TUNE_TOKEN;
    if (!isKnown) return void reply(401, { code: 'unauthorized' });
    const refused = at.refuse.shift();
    if (refused !== undefined) return void reply(refused, { code: 'on_demand' });
    const changes = request.method !== 'GET' && !path.endsWith('/detail');
    if (changes) at.sent.push({ path, body });
    const [status, content] = answerOf(path, query, body);
    if (changes && at.loseAnswers) return void response.destroy();
    reply(status, content);
  }

  function answerOf(path: string, query: URLSearchParams, body: Record<string, unknown>): [number, object] {
    const last = decodeURIComponent(path.split('/').at(-1) ?? '');
    if (path === '/Apiv3/json') {
      if (at.tuneRefuses !== null)
        return [200, { response: { status: -1, httpStatus: 200, data: '', errorMessage: at.tuneRefuses } }];
      const offer = at.offers.tune.get(query.get('id') ?? '');
      return [
        200,
        { response: { status: 1, httpStatus: 200, data: offer === undefined ? [] : { Offer: offer } } },
      ];
    }
    if (path.startsWith(`/v2/${ACCOUNT}/campaigns/`)) return found(at.offers.ringba.get(last), 'campaign');
    if (path === `/v2/${ACCOUNT}/calllogs/detail`) {
      const [id = ''] = z.array(z.string()).parse(body.InboundCallIds);
      const call = at.calls.get(id);
      const records =
        call === undefined
          ? []
          : [{ inboundCallId: id, conversionAmount: call.revenue, payoutAmount: call.payout }];
      return [200, { report: { records } }];
    }
    if (path === `/v2/${ACCOUNT}/calls/payments/override`) {
      const given = z
        .object({ inboundCallId: z.string(), newConversionAmount: z.number(), newPayoutAmount: z.number() })
        .parse(body);
      if (!at.calls.has(given.inboundCallId)) return [400, { code: 'unknown_call' }];
      if (at.ringbaDoesNothing) return [200, { isSuccessful: false, errors: ['no'] }];
      at.calls.set(given.inboundCallId, {
        revenue: given.newConversionAmount,
        payout: given.newPayoutAmount,
      });
      return [
        200,
        { result: { conversionAmount: given.newConversionAmount, payoutAmount: given.newPayoutAmount } },
      ];
    }
    if (path.startsWith('/v1/networks/offers/')) return found(at.offers.everflow.get(last), null);
    if (path.startsWith('/v1/networks/reporting/transactions/')) return transaction(last);
    return everflowTakes(path, body);
  }

  const found = (offer: object | undefined, name: string | null): [number, object] =>
    offer === undefined ? [404, {}] : [200, name === null ? offer : { transactionId: 'TR1', [name]: offer }];

  function transaction(id: string): [number, object] {
    if (!at.clicks.has(id)) return [404, {}];
    const known = at.conversions.get(id);
    const entries =
      known === undefined
        ? []
        : [{ conversion_id: `c-${id}`, is_event: false, status: at.everflowStatus, ...known }];
    return [200, { click: {}, conversions: { total: entries.length, entries } }];
  }

  function everflowTakes(path: string, body: Record<string, unknown>): [number, object] {
    if (path === '/v1/networks/conversions/reporting/transaction_ids') {
      const given = z
        .object({
          transaction_ids: z.array(z.string()),
          payout_amount: z.number(),
          revenue_amount: z.number(),
        })
        .parse(body);
      const [id = ''] = given.transaction_ids;
      if (!at.clicks.has(id)) return [400, { code: 'unknown_transaction' }];
      // Twice would be two conversions: the second is told apart, so that a test sees it.
      waiting.push(() =>
        at.conversions.set(at.conversions.has(id) ? `${id} again` : id, {
          revenue: given.revenue_amount,
          payout: given.payout_amount,
        }),
      );
      return [200, { result: true }];
    }
    const [, id = ''] = path.split('/conversions/c-');
    const given = z.object({ payout: z.number(), revenue: z.number() }).parse(body);
    waiting.push(() => at.conversions.set(id.replace('/payoutrevenue', ''), given));
    return [200, { result: true }];
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const apiBase = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const parts = { onFailure: () => undefined, retryBaseMs: 1, timeoutMs: 2_000 };
  return {
    ...{ at, apiBase },
    /** Everflow does what it took. */
    settle: () => {
      for (const done of waiting.splice(0)) done();
    },
    /** Everflow took it, and will never do it. */
    drop: () => void waiting.splice(0),
    books: createCampaignBooks({
      ringba: createRingba({ ...parts, apiBase, accountId: ACCOUNT, apiTokens: [RINGBA_TOKEN] }),
      everflow: createEverflow({ ...parts, apiBase, apiKeys: [EVERFLOW_KEY] }),
      tune: createTune({ ...parts, apiBase, networkTokens: [TUNE_TOKEN], networkCurrency: 'usd' }),
    }),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** As Everflow states an offer. */
export const everflowOffer = (facts: object = {}, amounts: object = {}) => ({
  ...{ network_offer_id: 33, name: 'Roof Repair', currency_id: 'USD', offer_status: 'active' },
  ...{ is_caps_enabled: false, daily_conversion_cap: 0, monthly_conversion_cap: 0, ...facts },
  relationship: {
    payout_revenue: {
      entries: [
        {
          ...{ is_default: true, payout_type: 'cpa', payout_amount: 28, payout_percentage: 0 },
          ...{ revenue_type: 'rpa', revenue_amount: 40, revenue_percentage: 0, ...amounts },
        },
      ],
    },
  },
});

/** As Ringba states a campaign. */
export const ringbaCampaign = (payout: object = {}) => ({
  ...{ id: 'CA1', name: 'Roof Repair', enabled: true },
  defaultPayouts: [
    {
      ...{ id: 'PO1', priority: 0, isRevShare: false, payoutAmount: 28, payoutConversionType: 'callLength' },
      ...{ payoutConversionArgs: { callLengthInSeconds: 30, startTimerEvent: 'OnCallConnected' } },
      ...{ dailyCap: -1, monthlyCap: -1, concurrencyCap: -1, hourlyCap: -1, ...payout },
    },
  ],
});

/** As TUNE states an offer. */
export const tuneOffer = (facts: object = {}) => ({
  ...{ id: '7', name: 'Roof Repair', currency: null, status: 'active', payout_type: 'cpa_flat' },
  ...{ revenue_type: 'cpa_flat', default_payout: '28.00000', max_payout: '40.00000' },
  ...{ conversion_cap: '0', monthly_conversion_cap: '0', ...facts },
});

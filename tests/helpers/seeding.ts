import { randomUUID } from 'node:crypto';
import type { StripeSimulator } from '../../sandbox/stripe/simulator.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeSetup } from '../../src/integrations/stripe/setup.ts';
import type { Parties } from '../../src/integrations/supabase/operations.ts';
import { ingestCall } from '../../src/jobs/calls/ingest-call.job.ts';
import type { RunContext } from '../../src/jobs/define-job.ts';
import { contextFor } from '../../src/queues/run-job.ts';
import type { JobServices } from '../../src/services.ts';
import { rawApi } from './stripe.ts';

/** The key of every simulator that a house opens. */
export const SECRET_KEY = 'sk_test_house';

type Terms = Parties['terms'][number];

export interface CallFacts {
  readonly number: string;
  readonly callId?: string;
  readonly caller?: string | null;
  readonly startedAtMs?: number;
  readonly durationS?: number;
  readonly answered?: boolean;
  readonly statedAtMs?: number;
  readonly revenue?: { amount_minor: number; currency: string };
  readonly clickId?: string;
  readonly attestation?: 'A' | 'B' | 'C' | undefined;
}

export function runContext(facts: Partial<RunContext> = {}): RunContext {
  return { signal: new AbortController().signal, dueAtMs: 0, attempt: 1, trace: 'test', ...facts };
}

const MADE_AT_ONCE = 5;

/** The API has ten connections: on a loaded machine a hundred requests at once would wait for one for too long. */
export async function makeMany<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const some = Math.min(MADE_AT_ONCE, count - made.length);
    made.push(...(await Promise.all(Array.from({ length: some }, make))));
  }
  return made;
}

let calls = 0;
let numbers = 0;

/** Reports calls as a sender does, by the job that takes their webhooks. */
export function ingestOver(services: JobServices) {
  return async ({
    number,
    callId = `call-${++calls}`,
    caller = `+1212736${String(1_000 + (++numbers % 9_000))}`,
    startedAtMs = services.clock.nowMs() - 60_000,
    durationS = 120,
    answered = true,
    statedAtMs = services.clock.nowMs(),
    revenue,
    clickId,
    attestation,
  }: CallFacts): Promise<string> => {
    const at = (ms: number) => new Date(ms).toISOString();
    const data = {
      call_id: callId,
      tracking_number: number,
      caller_number: caller,
      started_at: at(startedAtMs),
      duration_s: durationS,
      answered,
      revenue,
      click_id: clickId,
      attestation,
    };
    const body = JSON.stringify({ type: 'call.completed', timestamp: at(statedAtMs), data });
    const payload = {
      source: 'exchange',
      kind: 'call.completed',
      eventId: randomUUID(),
      receivedAtMs: services.clock.nowMs(),
      body: Buffer.from(body).toString('base64'),
    };
    await ingestCall.run(payload, contextFor(ingestCall, services, runContext({ trace: payload.eventId })));
    return callId;
  };
}

/** Makes parties, at Stripe and in the database. */
export function seedingOver(services: JobServices, simulator: StripeSimulator) {
  const client = createStripeClient({
    secretKey: SECRET_KEY,
    apiBase: new URL(simulator.url),
    timeoutMs: 5_000,
    livemode: false,
    onFailure: () => undefined,
  });
  const setup = createStripeSetup(client);
  const none: Parties = { suppliers: [], buyers: [], campaigns: [], terms: [], trackingNumbers: [] };
  const put = (parties: Partial<Parties>) =>
    services.operations.importParties({ ...none, ...parties }, 'tests', services.clock.nowMs());
  return {
    put,
    /** Gives a customer a card that pays. */
    mendCard: (customer: string) => replaceCard(simulator.url, customer),
    async supplier({ account = true, id = randomUUID() }: { account?: boolean; id?: string } = {}) {
      const name = `Supplier ${id.slice(0, 4)}`;
      const stripeAccountId = account ? await setup.ensureAccount({ supplierId: id, name }) : null;
      await put({ suppliers: [{ id, name, stripeAccountId, authUserId: null }] });
      return { id, account: stripeAccountId };
    },
    async buyer({ card = 'pm_card_visa' as string | null, timezone = 'UTC', id = randomUUID() } = {}) {
      const facts = { name: `Buyer ${id.slice(0, 4)}`, email: 'buyer@example.com' };
      const stripeCustomerId =
        card === null ? null : await setup.ensureCustomer({ buyerId: id, ...facts, paymentMethod: card });
      await put({ buyers: [{ id, ...facts, stripeCustomerId, authUserId: null, timezone }] });
      return { id, customer: stripeCustomerId };
    },
    /** A campaign with one tracking number: 40.00 a call, 70 % of it the supplier's, where the terms say nothing else. */
    async campaign(
      buyer: { id: string },
      supplier: { id: string },
      { timezone = 'UTC', ...given }: Partial<Terms> & { timezone?: string } = {},
    ) {
      const id = randomUUID();
      const number = `+1800${String(2_000_000 + ++numbers)}`;
      const terms = { id: randomUUID(), campaignId: id, validFromMs: Date.UTC(2026, 0), minDurationS: 30 };
      const price = given.revenueBps === undefined ? { priceMinor: 4_000 } : {};
      const isShared = given.supplierShareMinor ?? given.supplierShareTiers;
      const share = isShared === undefined ? { supplierShareBps: 7_000 } : {};
      await put({
        campaigns: [{ id, buyerId: buyer.id, name: `Campaign ${id.slice(0, 4)}`, timezone }],
        terms: [{ ...terms, ...price, ...share, currency: 'usd', duplicateWindowS: 0, ...given }],
        trackingNumbers: [{ number, campaignId: id, supplierId: supplier.id }],
      });
      return { id, number };
    },
    /** Everything for one call to earn and be paid: buyer, supplier, campaign. */
    async road(terms: Partial<Terms> & { card?: string; timezone?: string } = {}) {
      const { card = 'pm_card_visa', ...rest } = terms;
      const [buyer, supplier] = await Promise.all([this.buyer({ card }), this.supplier()]);
      return { buyer, supplier, ...(await this.campaign(buyer, supplier, rest)) };
    },
  };
}

async function replaceCard(url: string, customer: string): Promise<void> {
  const api = rawApi(url, SECRET_KEY);
  const method = await api('POST', '/v1/payment_methods/pm_card_visa/attach', { customer });
  const settings = { 'invoice_settings[default_payment_method]': method.json().id };
  const answer = await api('POST', `/v1/customers/${customer}`, settings);
  if (answer.status !== 200) throw new Error(answer.text);
}

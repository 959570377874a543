import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setInterval } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeSetup } from '../../src/integrations/stripe/setup.ts';
import { createLogger } from '../../src/log.ts';
import { createIntegrations } from '../../src/services.ts';
import { type Backend, type ChaosHouse, openChaosHouse, SECRETS } from '../chaos/house.ts';
import type { Managed } from '../chaos/processes.ts';

const DAY_MS = 86_400_000;
const PAGE_BYTES = 4_096;
const MIB = 1_048_576;
const SUPPLIERS_PER_BUYER = 250;
/** Of a live account: of all requests, and of each endpoint. The second binds, since a payout is one transfer. */
const LIMITS = { perS: 100, endpointPerS: 25 };
const WORKERS = 2;
/** The flags of Node.js with which `npm run worker` and docker-compose.yml start a worker. */
const WORKER_FLAGS = z
  .object({ scripts: z.object({ worker: z.string() }) })
  .parse(JSON.parse(readFileSync('package.json', 'utf8')))
  .scripts.worker.split(' ')
  .filter((part) => part.startsWith('--'));

interface PayoutsBenchOptions {
  readonly suppliers: number;
  readonly seed: number;
  readonly backend: Backend;
  readonly say: (line: string) => void;
}

export interface PayoutsBenchResult {
  readonly name: 'payouts';
  readonly suppliers: number;
  /** Distinct payouts sent per second ÷ the limit that binds. */
  readonly ratio: number;
  /** Requests to Stripe from the first transfer to the last ÷ payouts. */
  readonly requestsPerPayout: number;
  /** Share of the requests that Stripe's limiter refused. */
  readonly rate429: number;
  /** Of the larger worker, at the end. */
  readonly rssMb: number;
  /** How fast the workers' memory grows, in MB per minute, over the second half. */
  readonly rssSlopeMbPerMin: number;
  /** Payouts with more than one transfer. */
  readonly duplicates: number;
  readonly auditFailures: readonly string[];
}

/**
 * Pays so many suppliers at once by two worker processes against the simulator, which limits like a live account of Stripe:
 * one call each, billed to a few buyers, cleared, planned and sent by a real close.
 */
export async function benchPayouts(options: PayoutsBenchOptions): Promise<PayoutsBenchResult> {
  const { suppliers, say, backend } = options;
  const date = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS - 2 * DAY_MS).toISOString().slice(0, 10);
  const house = await openChaosHouse({ backend, startMs: Date.parse(date) + DAY_MS / 2, lockMs: 30_000 });
  try {
    await seed(house, date, options);
    await house.control('POST', '/_sim/limits', LIMITS);
    const rates = { STRIPE_RATES: `${LIMITS.perS}/${LIMITS.endpointPerS}` };
    const workers = Array.from({ length: WORKERS }, (_, nth) =>
      house.start('worker', { env: rates, name: `worker-${nth}`, nodeFlags: WORKER_FLAGS }),
    );
    await Promise.all(workers.map((worker) => worker.waitForLine('working')));
    say(`${suppliers} suppliers are there; ${date} is closed`);
    return await measure(house, date, workers, options);
  } finally {
    await house.close();
  }
}

/** Buyers whose money is available at once, a campaign each, and for each supplier an account and one call. */
async function seed(house: ChaosHouse, date: string, { suppliers, seed: salt, say }: PayoutsBenchOptions) {
  const services = integrationsOf(house);
  const setup = createStripeSetup(
    createStripeClient({
      ...{ secretKey: SECRETS.stripeKey, apiBase: new URL(house.stripeUrl), livemode: false },
      ...{ timeoutMs: 20_000, onFailure: () => undefined },
    }),
  );
  const ids = Array.from({ length: suppliers }, () => randomUUID());
  const accounts: string[] = [];
  for (let from = 0; from < suppliers; from += 20) {
    const part = ids.slice(from, from + 20);
    const made = part.map((supplierId) => setup.ensureAccount({ supplierId, name: 'Supplier' }));
    accounts.push(...(await Promise.all(made)));
  }
  say(`${accounts.length} accounts at Stripe`);
  const roads = Array.from({ length: Math.ceil(suppliers / SUPPLIERS_PER_BUYER) }, () => ({
    ...{ buyerId: randomUUID(), campaignId: randomUUID(), name: 'Buyer' },
  }));
  const campaignOf = (nth: number) => roads[nth % roads.length]?.campaignId ?? '';
  const numberOf = (nth: number) => `+1202${String(5_000_000 + nth)}`;
  const buyers = [];
  for (const { buyerId: id, name } of roads) {
    const customer = {
      buyerId: id,
      name,
      email: 'buyer@example.com',
      paymentMethod: 'pm_card_bypassPending',
    };
    buyers.push({ id, name, stripeCustomerId: await setup.ensureCustomer(customer) });
  }
  const nowMs = Date.now();
  await services.operations.importParties(
    {
      suppliers: ids.map((id, nth) => ({
        ...{ id, name: `Supplier ${nth}`, stripeAccountId: accounts[nth] ?? null },
      })),
      buyers,
      campaigns: roads.map(({ campaignId: id, buyerId, name }) => ({ id, buyerId, name })),
      terms: roads.map(({ campaignId }) => ({
        ...{ id: randomUUID(), campaignId, validFromMs: Date.parse(date) - DAY_MS, currency: 'usd' },
        ...{ priceMinor: 4_000, supplierShareBps: 7_000, minDurationS: 60, duplicateWindowS: 0 },
      })),
      trackingNumbers: ids.map((supplierId, nth) => ({
        ...{ number: numberOf(nth), campaignId: campaignOf(nth), supplierId },
      })),
    },
    'bench',
    nowMs,
  );
  const startedAtMs = Date.parse(date) + DAY_MS / 2;
  const events = ids.map((_, nth) => ({
    ...{ source: 'bench', eventId: `bench-${salt}-${nth}`, kind: 'report', bodySealed: null },
    ...{ receivedAtMs: nowMs, trace: `bench-${nth}` },
    report: {
      ...{
        externalId: `bench-${salt}-${nth}`,
        trackingNumber: numberOf(nth),
        startedAtMs: startedAtMs + nth * 1_000,
      },
      ...{ callerNumber: `+1303${String(2_000_000 + nth)}`, durationS: 90, answered: true, factsAtMs: nowMs },
    },
  }));
  for (let from = 0; from < events.length; from += 500)
    await services.calls.ingest(events.slice(from, from + 500), nowMs);
}

const integrationsOf = (house: ChaosHouse) =>
  createIntegrations(house.platform, {
    bodyKeys: [Buffer.from(SECRETS.body, 'base64')],
    log: createLogger({ level: 'silent' }),
    openTurns: null,
    onFailure: () => undefined,
  });

async function measure(
  house: ChaosHouse,
  date: string,
  workers: readonly Managed[],
  { suppliers, say }: PayoutsBenchOptions,
): Promise<PayoutsBenchResult> {
  const services = integrationsOf(house);
  const pool = new pg.Pool({ connectionString: house.postgres.adminUrl, max: 1 });
  const countSent = async () =>
    Number(
      (await pool.query<{ n: string }>("select count(*) as n from payouts where state = 'sent'")).rows[0]?.n,
    );
  const counts = async () =>
    (await house.control('GET', '/_sim/limits')) as { requests: number; refused: number };
  const rssMb = async () => Math.max(...(await Promise.all(workers.map(rssMbOf))));

  const samples: { atMs: number; sent: number; rssMb: number; requests: number; refused: number }[] = [];
  await services.operations.startClose(date, Date.now());
  const deadlineMs = performance.now() + 600_000;
  for await (const _ of setInterval(500)) {
    const sent = await countSent();
    samples.push({ atMs: performance.now(), sent, rssMb: await rssMb(), ...(await counts()) });
    if (samples.length % 20 === 0) say(`${sent} sent`);
    if (sent === suppliers) break;
    if (performance.now() > deadlineMs)
      throw new Error(`only ${sent} of ${suppliers} were sent in ten minutes`);
    await services.schedules.advanceRuns(Date.now());
  }
  await pool.end();

  const during = samples.slice(samples.findIndex(({ sent }) => sent > 0));
  const [first, last] = [during[0], during.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was measured');
  const paid = last.sent - first.sent;
  const requests = last.requests - first.requests;
  const { data } = (await house.control('GET', '/_sim/state?kind=transfer')) as {
    data: { metadata: { payout_id?: string } }[];
  };
  const perPayout = Map.groupBy(data, ({ metadata }) => metadata.payout_id);
  return {
    name: 'payouts',
    suppliers,
    ratio: round(paid / ((last.atMs - first.atMs) / 1_000) / LIMITS.endpointPerS),
    requestsPerPayout: round(requests / paid),
    rate429: round((last.refused - first.refused) / requests, 5),
    rssMb: round(last.rssMb, 1),
    rssSlopeMbPerMin: round(slopePerMin(during.slice(during.length / 2)), 2),
    duplicates: [...perPayout.values()].filter((transfers) => transfers.length > 1).length,
    auditFailures: (await house.audit()).failures,
  };
}

async function rssMbOf({ pid }: Managed): Promise<number> {
  const [, pages = '0'] = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ');
  return (Number(pages) * PAGE_BYTES) / MIB;
}

/** The slope of the line through the samples, by least squares. */
function slopePerMin(samples: readonly { atMs: number; rssMb: number }[]): number {
  const mean = (pick: (sample: { atMs: number; rssMb: number }) => number) =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  const [atMs, mb] = [mean((sample) => sample.atMs), mean((sample) => sample.rssMb)];
  const over = samples.reduce((sum, sample) => sum + (sample.atMs - atMs) * (sample.rssMb - mb), 0);
  const under = samples.reduce((sum, sample) => sum + (sample.atMs - atMs) ** 2, 0);
  return under === 0 ? 0 : (over / under) * 60_000;
}

function round(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}

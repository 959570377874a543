import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { demoExchange, seedExchange } from '../../sandbox/seed.ts';
import { planTraffic } from '../../sandbox/traffic/plan.ts';
import { openProgress } from '../../sandbox/traffic/progress.ts';
import { sendDeliveries } from '../../sandbox/traffic/send.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeSetup } from '../../src/integrations/stripe/setup.ts';
import { jobs } from '../../src/jobs/registry.ts';
import { createLogger } from '../../src/log.ts';
import { createDeadLetters, type DeadLetters } from '../../src/queues/dead-letter.ts';
import { createEnqueuer } from '../../src/queues/enqueue.ts';
import { createSweeper } from '../../src/queues/sweep.ts';
import { createIntegrations, type JobServices } from '../../src/services.ts';
import { type ChaosHouse, SECRETS } from './house.ts';

const DAY_MS = 24 * 3_600_000;
const CLOSE_DUE_MS = 33 * 3_600_000;
const EVENING_MS = 23.5 * 3_600_000;
/** So long without a change, and the test does what the minutely sweep would do. */
const STUCK_MS = 1_500;

interface BusinessOptions {
  readonly dates: readonly string[];
  readonly callsPerDate: number;
  readonly seed: number;
}

/** What a test does with the processes of a house: business of one date after the other, and what came of it. */
export interface Business {
  readonly services: Omit<JobServices, 'queueSweep'>;
  readonly letters: DeadLetters;
  /** Sends the calls of a date until each is answered. */
  send(date: string): Promise<void>;
  /** Adds the ticks that schedules would make, as ordinary jobs. */
  tick(date: string): Promise<void>;
  /** Gives a part of one charge back, where there is one that nothing was given back of and Stripe has the money for it. */
  refund(): Promise<void>;
  /** Takes a transfer back at Stripe, where there is one, and releases suppliers that an earlier one had held. */
  reverse(): Promise<void>;
  /** Changes a supplier's account, which Stripe tells by a webhook. */
  touchAccount(date: string): Promise<void>;
  /** An operator takes one rated call out of the books, where there is one that nobody asked for yet. */
  takeBack(): Promise<void>;
  /** Adds work that is refused for good. */
  addHopeless(date: string): Promise<void>;
  /** Ends when it sees true; what a kill has lost is looked for meanwhile. */
  until(look: () => Promise<unknown>, deadlineMs?: number): Promise<void>;
  /** Ends when the date is closed; what a kill has lost is looked for meanwhile. */
  untilClosed(date: string, deadlineMs?: number): Promise<Record<string, unknown>>;
  /** Ends when nothing is due any more. */
  untilIdle(deadlineMs?: number): Promise<void>;
  sent(): { source: string; externalId: string }[];
  close(): Promise<void>;
}

/** The same exchange, whose wallets are charged for every few calls. */
function withSmallWallets({ parties, ...rest }: ReturnType<typeof demoExchange>) {
  const small = { usd: { lowWaterMinor: 4_000, rechargeMinor: 4_500, mostPerDay: 100 } };
  const buyers = parties.buyers.map((buyer) =>
    buyer.prepaid === undefined ? buyer : { ...buyer, prepaid: small },
  );
  return { ...rest, parties: { ...parties, buyers } };
}

/** The `count` business dates that end with the one before yesterday. */
export function pastDates(count: number, nowMs: number = Date.now()): string[] {
  const first = Math.floor(nowMs / DAY_MS) - count - 1;
  return Array.from({ length: count }, (_, nth) =>
    new Date((first + nth) * DAY_MS).toISOString().slice(0, 10),
  );
}

export const noonOf = (date: string): number => Date.parse(date) + DAY_MS / 2;

export async function openBusiness(house: ChaosHouse, options: BusinessOptions): Promise<Business> {
  const { dates, callsPerDate, seed } = options;
  const exchange = withSmallWallets(demoExchange(Date.parse(dates[0] ?? '') - DAY_MS));
  const quiet = { log: createLogger({ level: 'silent' }), openTurns: null, onFailure: () => undefined };
  const sealKeys = [Buffer.from(SECRETS.body, 'base64')];
  const services = createIntegrations(house.platform, { ...quiet, bodyKeys: sealKeys });
  const { work, operations, schedules, clock } = services;
  const queue = { backend: house.platform.queue, jobs, onEvent: () => undefined };
  const enqueuer = createEnqueuer({ ...queue, sealKeys });
  const letters = createDeadLetters({ ...queue, work, enqueuer, sealKeys, clock });
  const sweeper = createSweeper({ ...queue, work, enqueuer, letters, clock, handedAgeMs: 1_000 });
  const setup = createStripeSetup(
    createStripeClient({
      ...{ secretKey: SECRETS.stripeKey, apiBase: new URL(house.stripeUrl), livemode: false },
      ...{ timeoutMs: 20_000, openTurns: null, onFailure: () => undefined },
    }),
  );
  await seedExchange(exchange, { setup, operations, fraud: services.fraud, nowMs: clock.nowMs() });
  const plan = { seed, calls: callsPerDate * dates.length, fraudShare: 0 };
  const days = planTraffic({ ...plan, dates, placements: exchange.placements });
  const progress = openProgress(join(house.dataDir, 'traffic.json'));
  const sent: { source: string; externalId: string }[] = [];

  async function add(job: string, key: string, payload: object, dueAtMs: number): Promise<void> {
    await poll(60_000, async () => {
      const item = { job, key, generation: 1, payload, dueAtMs, trace: `test/${key}` };
      return (await enqueuer.addMany([item]))[0] ?? true;
    });
  }
  /** Polls; each time that nothing has changed for a while, makes good what a kill has lost. */
  function settle(deadlineMs: number, look: () => Promise<unknown>): Promise<unknown> {
    let seen = '';
    let changedMs = performance.now();
    return poll(deadlineMs, async () => {
      const found = await look();
      if (found === true) return true;
      const nowMs = performance.now();
      if (JSON.stringify(found) !== seen) changedMs = nowMs;
      seen = JSON.stringify(found);
      if (nowMs - changedMs < STUCK_MS) return found;
      changedMs = nowMs;
      await sweeper.sweep();
      await schedules.advanceRuns(clock.nowMs());
      return found;
    });
  }

  const atStripe = async <T>(kind: string): Promise<readonly T[]> =>
    ((await house.control('GET', `/_sim/state?kind=${kind}`)) as { data: T[] }).data;
  async function postToStripe(path: string, form: Record<string, string>): Promise<string> {
    const headers = { authorization: `Bearer ${SECRETS.stripeKey}` };
    const body = new URLSearchParams(form);
    return (await fetch(`${house.stripeUrl}${path}`, { method: 'POST', headers, body })).text();
  }

  return {
    services,
    letters,
    async send(date) {
      await house.control('POST', '/_sim/clock', { nowMs: Date.parse(date) + EVENING_MS });
      const nth = days.findIndex((day) => day.date === date);
      const day = days[nth];
      if (day === undefined) throw new Error(`No calls are planned for ${date}.`);
      const from = days.slice(0, nth).reduce((sum, { deliveries }) => sum + deliveries.length, 0);
      const secrets = { callrailKey: SECRETS.callrail, standardSecret: SECRETS.standard };
      const { deliveries, calls } = day;
      await sendDeliveries({ deliveries, from, baseUrl: house.serverUrl, secrets, progress, tries: 90 });
      sent.push(...calls.map(({ source, externalId }) => ({ source, externalId })));
    },
    async tick(date) {
      const dueAtMs = Date.parse(date) + CLOSE_DUE_MS;
      await house.control('POST', '/_sim/clock', { nowMs: dueAtMs });
      for (const job of ['analytics.roll-up-recent', 'operations.plan-runs', 'operations.sweep'])
        await add(job, `tick-${date}`, {}, dueAtMs);
    },
    async refund() {
      const charges = await atStripe<{ id: string; status: string; amount: number; amount_refunded: number }>(
        'charge',
      );
      const charge = charges.find((one) => one.status === 'succeeded' && one.amount_refunded === 0);
      if (charge === undefined) return;
      const amount = String(Math.min(charge.amount, 100));
      const answered = await postToStripe('/v1/refunds', { charge: charge.id, amount });
      if (answered.includes('"error"') && !answered.includes('balance_insufficient'))
        throw new Error(`no refund: ${answered}`);
    },
    async reverse() {
      for (const { id } of exchange.parties.suppliers)
        await services.payouts.hold(id, false, 'ops', 'looked at', clock.nowMs());
      const transfers = await atStripe<{ id: string; reversed: boolean }>('transfer');
      const transfer = transfers.find(({ reversed }) => !reversed);
      if (transfer !== undefined)
        await postToStripe(`/v1/transfers/${transfer.id}/reversals`, { amount: '1' });
    },
    async touchAccount(date) {
      const [account] = await atStripe<{ id: string }>('account');
      await postToStripe(`/v1/accounts/${account?.id}`, { 'metadata[touched]': date });
    },
    async takeBack() {
      const client = new pg.Client({ connectionString: house.postgres.adminUrl });
      await client.connect();
      try {
        const { rows } = await client.query<{ id: string }>(
          "select call_id as id from earnings where state <> 'clawed_back' and not frozen order by started_at limit 1",
        );
        for (const { id } of rows) await services.adjustments.ask(id, 'ops', 'fraud', clock.nowMs());
      } finally {
        await client.end();
      }
    },
    async addHopeless(date) {
      const payoutId = `00000000-0000-4000-8000-0000${date.replaceAll('-', '')}`;
      await add('payouts.pay-supplier', payoutId, { payoutId }, clock.nowMs());
    },
    async until(look, deadlineMs = 90_000) {
      await settle(deadlineMs, look);
    },
    async untilClosed(date, deadlineMs = 90_000) {
      let report: Record<string, unknown> = {};
      await settle(deadlineMs, async () => {
        const status = await operations.closeStatus(date);
        report = status?.report ?? {};
        return status?.state === 'done' ? true : status;
      });
      return report;
    },
    async untilIdle(deadlineMs = 90_000) {
      await settle(deadlineMs, async () => {
        const { due } = await operations.health(clock.nowMs());
        const late = due.map(({ job, count }) => `${job} ${count}`);
        return late.length === 0 ? true : late;
      });
    },
    sent: () => sent,
    async close() {
      await Promise.all([sweeper.close(1_000), letters.close(1_000), enqueuer.close(1_000)]);
    },
  };
}

/** Looks until it sees true; what is away counts as not yet. Throws what it saw last. */
export async function poll(deadlineMs: number, look: () => Promise<unknown>): Promise<true> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look().catch((error: unknown) => error);
    if (seen === true) return true;
    if (performance.now() > until) {
      throw new Error(
        `Not within ${deadlineMs} ms; last: ${seen instanceof Error ? seen.stack : JSON.stringify(seen)}`,
      );
    }
    await sleep(50);
  }
}

import pg from 'pg';
import { pino } from 'pino';
import { vi } from 'vitest';
import { dateAfter, dateOf } from '../../sandbox/demo/state.ts';
import { demoExchange, seedExchange } from '../../sandbox/seed.ts';
import { planTraffic } from '../../sandbox/traffic/plan.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeSetup } from '../../src/integrations/stripe/setup.ts';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import { pipelines } from '../../src/jobs/pipelines.ts';
import { jobs } from '../../src/jobs/registry.ts';
import { createDeadLetters } from '../../src/queues/dead-letter.ts';
import { createEnqueuer } from '../../src/queues/enqueue.ts';
import { createSweeper } from '../../src/queues/sweep.ts';
import { createIntegrations } from '../../src/services.ts';
import { type ChaosHouse, SECRETS } from './house.ts';

const HOUR_MS = 3_600_000;
/** Business dates that a house can close one after another: the last has ended for long, whatever the time is now. */
const DATES = 12;
/** How long anything may take on a machine that has others to serve. */
export const PATIENCE_MS = 90_000;

/** The first business date of a house, and where its Stripe's clock starts. */
export const FIRST_DATE = dateAfter(dateOf(Date.now()), -DATES - 2);
export const NOON_MS = 12 * HOUR_MS;

interface StripeTransfer {
  readonly id: string;
  readonly amount: number;
  readonly metadata: { readonly payout_id?: string };
}

/** Polls until the look throws no more; looks that ask real processes are not hurried. */
export const eventually = <T>(look: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(look, { timeout: PATIENCE_MS, interval: 50 });

/** The demo's exchange in a house, whose buyers' money is available at once, so that each close also pays. */
export type Business = Awaited<ReturnType<typeof openBusiness>>;

export async function openBusiness(house: ChaosHouse, firstDate = FIRST_DATE) {
  const { platform } = house;
  const pool = new pg.Pool({
    connectionString: house.postgres.adminUrl,
    max: 3,
    options: '-c default_transaction_read_only=off',
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const bodyKeys = [Buffer.from(SECRETS.body, 'base64')];
  const services = createIntegrations(platform, {
    bodyKeys,
    log: pino({ level: 'silent' }),
    openTurns: null,
    onFailure: () => undefined,
  });
  const { work, clock, operations, schedules, calls } = services;
  const queue = { backend: platform.queue, jobs, onEvent: () => undefined };
  const enqueuer = createEnqueuer({ ...queue, sealKeys: bodyKeys });
  const letters = createDeadLetters({ ...queue, work, enqueuer, sealKeys: bodyKeys, clock });
  const sweeper = createSweeper({ ...queue, work, enqueuer, letters, clock, handedAgeMs: 1_000 });
  const exchange = demoExchange(Date.parse(firstDate) - 24 * HOUR_MS);
  let day = -1;

  async function sql<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await pool.query<Row>(text, values)).rows;
  }
  const count = async (text: string, values: unknown[] = []) =>
    Number((await sql<{ count: string }>(`select count(*) as count from ${text}`, values))[0]?.count);

  /** What the sweep's minute does, at once. */
  async function sweep() {
    await schedules.advanceRuns(Date.now());
    return sweeper.sweep();
  }

  return {
    ...{ services, enqueuer, letters, sql, count, sweep },
    /** Buyers and suppliers at Stripe and in the books, and the pipelines as every start declares them. */
    async seed() {
      await schedules.ensure(pipelines);
      const client = createStripeClient({
        secretKey: platform.stripe.secretKey,
        apiBase: new URL(house.stripeUrl),
        timeoutMs: 20_000,
        livemode: false,
        onFailure: () => undefined,
      });
      const setup = createStripeSetup(client);
      const paying: typeof setup = {
        ...setup,
        ensureCustomer: (buyer) => setup.ensureCustomer({ ...buyer, paymentMethod: 'pm_card_bypassPending' }),
      };
      await seedExchange(exchange, {
        setup: paying,
        operations,
        fraud: services.fraud,
        nowMs: clock.nowMs(),
      });
    },
    /** Brings calls of the next business date, stored and not scored, and moves Stripe's clock to its noon. */
    async bringCalls(howMany: number) {
      day += 1;
      const date = dateAfter(firstDate, day);
      await house.control('POST', '/_sim/clock', { nowMs: Date.parse(date) + NOON_MS });
      const traffic = { seed: 100 + day, calls: howMany, fraudShare: 0, dates: [date] };
      const [planned] = planTraffic({ ...traffic, placements: exchange.placements });
      const events = (planned?.calls ?? []).map((call) => ({
        ...{ source: call.source, eventId: call.externalId, kind: 'report', bodySealed: null },
        ...{ receivedAtMs: clock.nowMs(), trace: call.externalId },
        report: { ...call, factsAtMs: call.statedAtMs },
      }));
      await calls.ingest(events, clock.nowMs());
      return date;
    },
    startClose: (date: string) => operations.startClose(date, clock.nowMs()),
    /** Waits until the date is closed; sweeps meanwhile, as the schedule would. */
    async waitClosed(date: string) {
      await eventually(async () => {
        await sweep();
        const status = await operations.closeStatus(date);
        if (status?.state !== 'done') throw new Error(`${date}: ${JSON.stringify(status)}`);
      });
    },
    /** Waits until no row is due; sweeps meanwhile, as the schedule would. */
    async waitIdle() {
      await eventually(async () => {
        await sweep();
        const [row] = await sql("select job, key, handed_at from work where state = 'due' limit 1");
        if (row !== undefined) throw new Error(`still due: ${JSON.stringify(row)}`);
      });
    },
    /** Transfers that stand at Stripe, whatever the books say. */
    async transfers(): Promise<readonly StripeTransfer[]> {
      const { data } = (await house.control('GET', '/_sim/state?kind=transfer')) as {
        data: StripeTransfer[];
      };
      return data;
    },
    /** How often money moved, by Stripe and by the books; every effect once means that all agree. */
    async effects(date?: string) {
      const ofDate = date === undefined ? '' : ` and business_date = '${date}'`;
      const transfers = (await this.transfers()).map(({ metadata }) => metadata.payout_id);
      const sent = await sql<{ id: string }>(`select id from payouts where state = 'sent'${ofDate}`);
      const ids = sent.map(({ id }) => id);
      return {
        sent: ids.length,
        transfers: transfers.filter((id) => date === undefined || ids.includes(id ?? '')).length,
        postings: await count(`journals where template = 'payout_send' and refs ->> 'payoutId' = any ($1)`, [
          ids,
        ]),
        charges: await count(`journals where template = 'charge'`),
        paid: await count(`invoices where state = 'paid'`),
        rated: await count(`journals where template = 'call'`),
      };
    },
    /** Rows of work that are done, as the queue got them. */
    async doneWork(): Promise<WorkItem[]> {
      const rows = await sql<{ item: WorkItem }>(
        "select app.work_json(w) as item from work w where state = 'done' order by id",
      );
      return rows.map(({ item }) => item);
    },
    async close() {
      await Promise.all([sweeper.close(1_000), letters.close(1_000), enqueuer.close(1_000)]);
      await pool.end();
    },
  };
}

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { createStripeSimulator, type StripeSimulator } from '../../sandbox/stripe/simulator.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeSetup } from '../../src/integrations/stripe/setup.ts';
import type { Parties } from '../../src/integrations/supabase/operations.ts';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import { ingestCall } from '../../src/jobs/calls/ingest-call.job.ts';
import type { Job, RunContext } from '../../src/jobs/define-job.ts';
import { startClose } from '../../src/jobs/operations/start-close.job.ts';
import { jobs } from '../../src/jobs/registry.ts';
import { contextFor, type Decision, decideError, decideOutcome } from '../../src/queues/run-job.ts';
import { createIntegrations, type JobServices } from '../../src/services.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { rawApi } from './stripe.ts';

export const DAY_MS = 86_400_000;
/** Noon of the day on which every house opens. */
export const OPENS_MS = Date.UTC(2026, 10, 2, 12);
export const FIRST_DATE = '2026-11-02';

const SECRET_KEY = 'sk_test_house';
const SEND_FIRST_MS = 400;

/** A process that dies in the middle: whoever runs the job loses it, and its row stays as it is. */
export class Killed extends Error {}

export interface Ran {
  readonly job: string;
  readonly key: string;
  readonly end: 'finish' | 'wait' | 'dead' | 'killed';
  /** The reason of a skip or a wait, the code of a death. */
  readonly code: string | null;
}

export interface CallFacts {
  readonly number: string;
  readonly callId?: string;
  readonly caller?: string | null;
  readonly startedAtMs?: number;
  readonly durationS?: number;
  readonly answered?: boolean;
  readonly statedAtMs?: number;
}

export type House = Awaited<ReturnType<typeof openHouse>>;

/** The business date that is `days` after the first. */
export function dateAfter(days: number): string {
  return new Date(OPENS_MS + days * DAY_MS).toISOString().slice(0, 10);
}

/** Keeps the database server up from one house of a test file to the next; call it at the top of the file. */
export function keepServer(): void {
  let held: TestDatabase | null = null;
  beforeAll(async () => {
    held = await createTestDatabase();
  });
  afterAll(() => held?.close());
}

/**
 * Everything a job of money needs, without a queue: a database and a Stripe simulator of its own, whose clock is the
 * business clock, and the real services over them.
 */
export async function openHouse(startMs = OPENS_MS) {
  const directory = mkdtempSync(join(tmpdir(), 'callclear-house-'));
  const [db, simulator] = await Promise.all([
    createTestDatabase(),
    createStripeSimulator({ dataDir: directory, port: 0, secretKey: SECRET_KEY, webhook: null, startMs }),
  ]);
  const services = servicesOver(db, simulator);
  const { clock, operations } = services;
  // As every start of callclear does; and the API is warm before many ask at once.
  await operations.ensureTimezone('UTC');
  const run = runnerOf(services);

  async function work(given: Partial<JobServices> = {}, leave: readonly string[] = []): Promise<Ran[]> {
    const ran: Ran[] = [];
    const seen = new Set<string>();
    for (;;) {
      const nowMs = clock.nowMs();
      const due = await services.work.takeDue({ nowMs, handedBeforeMs: nowMs + 1, limit: 500 });
      const fresh = due.filter(
        ({ job, key, generation }) => !leave.includes(job) && !seen.has(`${job}/${key}/${generation}`),
      );
      if (fresh.length === 0) return ran;
      for (const item of fresh) {
        seen.add(`${item.job}/${item.key}/${item.generation}`);
        ran.push(await run(item, given));
      }
    }
  }

  async function tick(dueAtMs = clock.nowMs()): Promise<void> {
    await startClose.run({}, contextFor(startClose, services, runContext({ dueAtMs, trace: 'tick' })));
  }

  return {
    db,
    sql: db.sql,
    simulator,
    services,
    clock,
    /** Runs one row of `work` as a worker would, by services of which `given` replaces some. */
    run,
    /** Runs whatever is due until nothing is; rows that wait, and those of the jobs in `leave`, are left. */
    work,
    /** The row of a job as it is handed to a worker. */
    row: (job: string, key: string) => rowOf(db, job, key),
    /** The hourly tick that plans closes. */
    tick,
    ...seedingOver(services, simulator),
    advanceTo: (ms: number) => simulator.clock.advanceTo(ms),
    advance: (ms: number) => simulator.clock.advanceTo(clock.nowMs() + ms),
    /** Reports a call as a sender does, by the job that takes its webhook. */
    call: (facts: CallFacts) => ingestOver(services)(facts),
    /** Moves the clock to 09:00 UTC of the day after and starts the close of the date. */
    async begin(date: string): Promise<void> {
      simulator.clock.advanceTo(Date.parse(`${date}T09:00:00Z`) + DAY_MS);
      await tick();
    },
    /** The same, and runs the close to its end. */
    async close(date: string, given: Partial<JobServices> = {}): Promise<Ran[]> {
      simulator.clock.advanceTo(Date.parse(`${date}T09:00:00Z`) + DAY_MS);
      await tick();
      const ran = await work(given);
      const status = await operations.closeStatus(date);
      if (status?.state === 'done') return ran;
      throw new Error(`the close of ${date} stands: ${JSON.stringify({ status, ran })}`);
    },
    async end() {
      await simulator.close();
      await db.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function rowOf({ sql }: TestDatabase, job: string, key: string): Promise<WorkItem> {
  const [row] = await sql<{ generation: number; payload: unknown; dueAtMs: number; trace: string }>(
    'select generation, payload, app.ms(due_at) as "dueAtMs", trace from work where job = $1 and key = $2',
    [job, key],
  );
  if (row === undefined) throw new Error(`no row ${job} ${key}`);
  return { job, key, ...row };
}

function servicesOver(db: TestDatabase, simulator: StripeSimulator): JobServices {
  const integrations = createIntegrations(
    {
      database: { url: db.lite.url, secretKey: db.lite.serviceKey, fetch: db.lite.fetch },
      queue: { kind: 'postgres', url: db.queueUrl },
      stripe: { secretKey: SECRET_KEY, apiBase: simulator.url, livemode: false },
      clock: simulator.clock,
    },
    { bodyKeys: [Buffer.alloc(32, 7)], log: pino({ level: 'silent' }), onFailure: () => undefined },
  );
  const queueSweep = { sweep: () => Promise.reject(new Error('this house has no queue')) };
  return { ...integrations, queueSweep };
}

export function runContext(facts: Partial<RunContext> = {}): RunContext {
  return { signal: new AbortController().signal, dueAtMs: OPENS_MS, attempt: 1, trace: 'test', ...facts };
}

/** Runs one row to its decision and carries that out, as src/queues does, without waiting between attempts. */
function runnerOf(services: JobServices) {
  return async (
    item: WorkItem,
    given: Partial<JobServices> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Ran> => {
    const job = jobs.find(({ name }) => name === item.job);
    if (job === undefined) throw new Error(`no job ${item.job}`);
    const all = { ...services, ...given };
    const facts = { job: item.job, key: item.key };
    try {
      for (let attempt = 1; ; attempt += 1) {
        const context = runContext({ dueAtMs: item.dueAtMs, trace: item.trace, attempt, signal });
        const decision = await decide(job, item, contextFor(job, all, context));
        if (decision.kind === 'wait') return { ...facts, end: 'wait', code: decision.code };
        if (decision.kind === 'finish') {
          await all.work.finish([{ ...item, result: decision.skipped ?? 'done' }]);
          return { ...facts, end: 'finish', code: decision.skipped };
        }
        if (decision.kind === 'retry' && attempt < job.attempts) continue;
        const { code, message } = decision;
        await all.work.fail({ ...item, code, message, attempts: attempt, nowMs: all.clock.nowMs() });
        return { ...facts, end: 'dead', code };
      }
    } catch (error) {
      if (error instanceof Killed) return { ...facts, end: 'killed', code: null };
      throw error;
    }
  };
}

async function decide(job: Job, item: WorkItem, context: RunContext & JobServices): Promise<Decision> {
  try {
    return decideOutcome(await job.run(item.payload, context));
  } catch (error) {
    if (error instanceof Killed) throw error;
    return decideError(error);
  }
}

let calls = 0;
let numbers = 0;

function ingestOver(services: JobServices) {
  return async ({
    number,
    callId = `call-${++calls}`,
    caller = `+1212736${String(1_000 + (++numbers % 9_000))}`,
    startedAtMs = services.clock.nowMs() - 60_000,
    durationS = 120,
    answered = true,
    statedAtMs = services.clock.nowMs(),
  }: CallFacts): Promise<string> => {
    const at = (ms: number) => new Date(ms).toISOString();
    const data = {
      call_id: callId,
      tracking_number: number,
      caller_number: caller,
      started_at: at(startedAtMs),
      duration_s: durationS,
      answered,
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

function seedingOver(services: JobServices, simulator: StripeSimulator) {
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
    /** A campaign with one tracking number: 40.00 a call, 70 % of it the supplier's. */
    async campaign(
      buyer: { id: string },
      supplier: { id: string },
      { priceMinor = 4_000, supplierShareBps = 7_000, currency = 'usd', duplicateWindowS = 0 } = {},
    ) {
      const id = randomUUID();
      const number = `+1800${String(2_000_000 + ++numbers)}`;
      const terms = { id: randomUUID(), campaignId: id, validFromMs: Date.UTC(2026, 0), minDurationS: 30 };
      await put({
        campaigns: [{ id, buyerId: buyer.id, name: `Campaign ${id.slice(0, 4)}` }],
        terms: [{ ...terms, currency, priceMinor, supplierShareBps, duplicateWindowS }],
        trackingNumbers: [{ number, campaignId: id, supplierId: supplier.id }],
      });
      return { id, number };
    },
    /** Everything for one call to earn and be paid: buyer, supplier, campaign. */
    async road(terms: { priceMinor?: number; currency?: string; card?: string } = {}) {
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

/** The signal of a worker that gives up on a request that does not come back. */
export function impatient(): AbortSignal {
  return AbortSignal.timeout(SEND_FIRST_MS);
}

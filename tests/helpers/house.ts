import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { createStripeSimulator, type StripeSimulator } from '../../sandbox/stripe/simulator.ts';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import type { Job, RunContext } from '../../src/jobs/define-job.ts';
import { planRuns } from '../../src/jobs/operations/plan-runs.job.ts';
import { pipelines } from '../../src/jobs/pipelines.ts';
import { jobs } from '../../src/jobs/registry.ts';
import { openPayload } from '../../src/queues/envelope.ts';
import { contextFor, type Decision, decideError, decideOutcome } from '../../src/queues/run-job.ts';
import { createIntegrations, type JobServices } from '../../src/services.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { type CallFacts, ingestOver, runContext, SECRET_KEY, seedingOver } from './seeding.ts';
import { SECRETS } from './senders.ts';

export const DAY_MS = 86_400_000;
/** Noon of the day on which every house opens. */
export const OPENS_MS = Date.UTC(2026, 10, 2, 12);
export const FIRST_DATE = '2026-11-02';

const BODY_KEY = Buffer.alloc(32, 7);

/** A process that dies in the middle: whoever runs the job loses it, and its row stays as it is. */
export class Killed extends Error {}

export interface Ran {
  readonly job: string;
  readonly key: string;
  readonly end: 'finish' | 'wait' | 'dead' | 'killed';
  /** The reason of a skip or a wait, the code of a death. */
  readonly code: string | null;
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
  await services.schedules.ensure(pipelines);
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
    await planRuns.run({}, contextFor(planRuns, services, runContext({ dueAtMs, trace: 'tick' })));
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
      hmacReceivers: SECRETS.hmacReceivers,
      clock: simulator.clock,
    },
    { bodyKeys: [BODY_KEY], log: pino({ level: 'silent' }), openTurns: null, onFailure: () => undefined },
  );
  const queueSweep = { sweep: () => Promise.reject(new Error('this house has no queue')) };
  // It gets no webhook, so that each night would bring all events: only tests of that ask for them.
  const stripeEventList = { readPage: async () => ({ events: [], hasMore: false }) };
  return { ...integrations, queueSweep, stripeEventList };
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
        const death = { code, message, attempts: attempt, tries: [], payloadVersion: job.version };
        await all.work.fail({ ...item, ...death, nowMs: all.clock.nowMs() });
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
    return decideOutcome(await job.run(openPayload(job, item.key, item.payload, [BODY_KEY]), context));
  } catch (error) {
    if (error instanceof Killed) throw error;
    return decideError(error);
  }
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { fillTables } from './fill.ts';
import { DAY, HAND_WRITTEN, LARGE, NOW_MS, statements } from './reconcile-data.ts';

type Sql = TestDatabase['sql'];

/** Of a million lines three thousand. */
const BREAKS_PER_LINE = 0.003;
/** The same is done with a tenth of the rows. */
const PART = 10;
/** The API's limit for one statement, under which the close freezes the day. */
const STATEMENT_LIMIT = '10s';

interface ReconcileBenchOptions {
  readonly rows: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface ReconcileBenchResult {
  readonly name: 'reconcile';
  /** Lines of the ledger, and about as many movements at Stripe. */
  readonly rows: number;
  readonly injected: number;
  /** Of the injected those that are a break of the right kind. */
  readonly found: number;
  readonly wrongKind: number;
  readonly falseBreaks: number;
  /** Time of matching, staged rows → breaks ÷ that of one hand-written full outer join on the same rows. */
  readonly ratio: number;
  /** Rows per second of fetching, validating and storing pages ÷ of fetching and validating them. */
  readonly stagingRatio: number;
  /** Staging and matching per line ÷ the same with a tenth of the rows. */
  readonly perLineRatio: number;
  /** Of matching alone. */
  readonly perLineMatchingRatio: number;
  /** Peak of the process that stages and matches. */
  readonly rssMb: number;
  readonly seconds: Readonly<Record<string, number>>;
}

/**
 * Compares a day of so many movements at Stripe with as many lines of the ledger, in which three of a thousand are breaks of all
 * kinds: pages come from a server in Stripe's form, and a process like a worker stages, matches and compares them by the API.
 */
export async function benchReconcile(options: ReconcileBenchOptions): Promise<ReconcileBenchResult> {
  const part = await run({ ...options, rows: Math.round(options.rows / PART) });
  const whole = await run(options);
  const perLine = ({ rows, seconds: s }: typeof whole, steps: readonly string[]) =>
    steps.reduce((sum, step) => sum + (s[step] ?? 0), 0) / rows;
  const compared = (steps: readonly string[]) => round(perLine(whole, steps) / perLine(part, steps));
  const { seconds } = whole;
  return {
    ...{ name: 'reconcile', rows: options.rows, ...whole.breaks },
    ratio: round(((seconds.match ?? 0) + (seconds.compare ?? 0)) / (seconds.joined ?? 0)),
    stagingRatio: round((seconds.drop ?? 0) / (seconds.store ?? 0)),
    perLineRatio: compared(['store', 'match', 'compare']),
    perLineMatchingRatio: compared(['match', 'compare']),
    rssMb: round(whole.rssMb, 1),
    seconds: Object.fromEntries(Object.entries(seconds).map(([step, s]) => [step, round(s)])),
  };
}

async function run({ rows, seed, say }: ReconcileBenchOptions) {
  const db = await createTestDatabase();
  const stripe = await startStripe(db.sql);
  let worker: ChildProcess | null = null;
  try {
    const injected = Math.round(rows * BREAKS_PER_LINE);
    await fillTables(db.sql, LARGE, statements(rows, injected, seed), say);
    worker = await startWorker(db, stripe.url);
    const seconds: Record<string, number> = {};
    let rssMb = 0;
    const step = async (name: string) => {
      const done = await ask(worker, name);
      seconds[name] = done.tookMs / 1_000;
      rssMb = Math.max(rssMb, done.rssMb);
      say(`${rows} rows: ${name} ${round(seconds[name])} s, ${Math.round(done.rssMb)} MB`);
    };
    for (const name of ['warm', 'drop', 'store']) await step(name);
    // As autovacuum leaves them; otherwise whoever reads the new rows first does that work for the other.
    await db.sql('vacuum analyze stripe_movements, journals');
    const before = await joinByHand(db.sql);
    for (const name of ['match', 'identify', 'compare']) await step(name);
    const after = await joinByHand(db.sql);
    seconds.joined = (before + after) / 2;
    say(`${rows} rows: joined by hand in ${round(before)} s and ${round(after)} s`);
    const breaks = await judge(db.sql);
    seconds.freeze = await freeze(db.sql, say);
    return { rows, rssMb, seconds, breaks };
  } finally {
    worker?.kill();
    stripe.close();
    await db.close();
  }
}

/** Serves the pages that the database holds, and transfers that name no payout. */
async function startStripe(sql: Sql) {
  const server = createServer(async ({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://stripe');
    response.setHeader('content-type', 'application/json');
    const [, , kind, id] = pathname.split('/');
    if (kind === 'transfers') {
      const facts = { amount: 1, currency: 'usd', destination: 'acct_1', balance_transaction: 'txn_1' };
      response.end(JSON.stringify({ id, object: 'transfer', ...facts, created: 1, metadata: {} }));
    } else {
      const after = searchParams.get('starting_after') ?? '';
      const [page] = await sql<{ body: string }>('select body from bench.pages where after = $1', [after]);
      response.writeHead(page === undefined ? 404 : 200).end(page?.body ?? '{}');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function startWorker({ authenticatorUrl, jwtSecret }: TestDatabase, stripeUrl: string) {
  const house = { authenticatorUrl, jwtSecret, stripeUrl, nowMs: NOW_MS, date: DAY };
  // The flags of Node.js with which a worker is started.
  const { worker } = z
    .object({ scripts: z.object({ worker: z.string() }) })
    .parse(JSON.parse(readFileSync('package.json', 'utf8'))).scripts;
  const child = fork(new URL('./reconcile-worker.ts', import.meta.url), [JSON.stringify(house)], {
    execArgv: worker.split(' ').filter((part) => part.startsWith('--')),
  });
  await answerOf(child);
  return child;
}

const doneSchema = z.object({ tookMs: z.number(), rssMb: z.number() });

async function ask(child: ChildProcess | null, step: string) {
  child?.send(step);
  return doneSchema.parse(child === null ? null : await answerOf(child));
}

function answerOf(child: ChildProcess): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const fail = () => reject(new Error('the worker ended'));
  child.once('exit', fail);
  child.once('message', (message) => {
    child.off('exit', fail);
    resolve(message);
  });
  return promise;
}

/** With the memory that the matching has. */
async function joinByHand(sql: Sql): Promise<number> {
  await sql('create table bench.joined (movement_id text, journal_id bigint, kind text)');
  const startedMs = performance.now();
  await sql(`begin; set local work_mem = '64MB'; set local jit = off; ${HAND_WRITTEN}; commit`);
  const s = (performance.now() - startedMs) / 1_000;
  await sql('drop table bench.joined');
  return s;
}

async function judge(sql: Sql) {
  const [counted] = await sql<{ injected: number; found: number; wrongKind: number; falseBreaks: number }>(
    `select count(i.identity)::int as injected, count(*) filter (where f.kind = i.kind)::int as found,
       count(*) filter (where f.kind <> i.kind)::int as "wrongKind", count(*) filter (where i.identity is null)::int as "falseBreaks"
     from bench.injected i full join (
       -- Which of two lines that name one movement is its match is nobody's business.
       select case when identity like 'line:%' then 'line:' || (evidence ->> 'movement') else identity end as identity, kind
       from reconciliation_breaks where state in ('open', 'explained')) f on f.identity = i.identity`,
  );
  if (counted === undefined) throw new Error('nothing was counted');
  return counted;
}

/** As the report of a close does, by the limit that it has there; says when it does not fit. */
async function freeze(sql: Sql, say: (line: string) => void): Promise<number> {
  const startedMs = performance.now();
  await sql(
    `begin; set local statement_timeout = '${STATEMENT_LIMIT}'; select app.freeze_days('${DAY}'); commit`,
  );
  const [frozen] = await sql<{ movements: number }>(
    `select coalesce(sum(movements), 0)::int as movements from cash_days where day = '${DAY}'`,
  );
  const s = (performance.now() - startedMs) / 1_000;
  say(`${frozen?.movements} movements of ${DAY} frozen in ${round(s)} s`);
  return s;
}

const round = (value: number, digits = 2) => Number(value.toFixed(digits));

import { pino } from 'pino';
import type { ScoringContext } from '../../src/integrations/supabase/calls.ts';
import { decideCall } from '../../src/jobs/fraud/decide-call.ts';
import { defaultRules } from '../../src/jobs/fraud/default-rules.ts';
import { scoreCalls } from '../../src/jobs/fraud/score-call.job.ts';
import { measureCall, signals } from '../../src/jobs/fraud/signals.ts';
import { createIntegrations } from '../../src/services.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { useDefaultRules } from '../helpers/rules.ts';
import { runContext } from '../helpers/seeding.ts';
import { fillTables } from './fill.ts';

/** The small exchange has a hundredth of the calls: a tenth of the suppliers, for a tenth of the time. */
const SMALL = 100;
const CALLS_PER_SUPPLIER_AND_DAY = 100;
const BATCH = 100;
/** Before what is measured: plans, pages and code are warm. */
const WARMING_BATCHES = 5;
const BATCHES = 40;
/** The newest calls are stored and not scored. */
const FRESH = BATCH * (WARMING_BATCHES + BATCHES);
const ENGINE_MS = 3_000;
const DAY = '2026-11-20';

interface FraudBenchOptions {
  readonly calls: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface FraudBenchResult {
  readonly name: 'fraud';
  /** Stored, in the larger of the two exchanges. */
  readonly calls: number;
  /** Of one call, read, scored and rated in batches of 100 by the job; the median of batches. */
  readonly msPerCall: number;
  readonly msPerCallOfSmall: number;
  readonly ratio: number;
  /** Of one call, read alone. */
  readonly readMsPerCall: number;
  readonly readRatio: number;
  /** Of the engine alone, on the calls that were read. */
  readonly signalsPerSecond: number;
  readonly decisionsPerSecond: number;
}

/**
 * Scores calls where so many are stored, and where a hundredth of them is, batch by batch in turn. Suppliers, callers and blocks of
 * numbers are as busy in both; the larger exchange has ten times the suppliers and ten times the days.
 */
export async function benchFraud({ calls, seed, say }: FraudBenchOptions): Promise<FraudBenchResult> {
  if (calls < SMALL * FRESH) throw new Error(`fewer than ${SMALL * FRESH} calls are too few to compare`);
  const whole = await openExchange(calls, Math.sqrt(calls * 0.008), seed, say);
  const small = await openExchange(Math.round(calls / SMALL), Math.sqrt((calls / SMALL) * 0.008), seed, say);
  try {
    const took = {
      whole: [] as number[],
      small: [] as number[],
      read: [] as number[],
      readOfSmall: [] as number[],
    };
    for (let nth = 0; nth < WARMING_BATCHES + BATCHES; nth += 1) {
      const [one, other] = [await whole.score(nth), await small.score(nth)];
      if (nth < WARMING_BATCHES) continue;
      took.whole.push(one.scoreMs);
      took.read.push(one.readMs);
      took.small.push(other.scoreMs);
      took.readOfSmall.push(other.readMs);
    }
    const perCall = (batches: number[]) => median(batches) / BATCH;
    const engine = await whole.engine();
    return {
      name: 'fraud',
      calls,
      msPerCall: round(perCall(took.whole)),
      msPerCallOfSmall: round(perCall(took.small)),
      ratio: round(perCall(took.whole) / perCall(took.small)),
      readMsPerCall: round(perCall(took.read)),
      readRatio: round(perCall(took.read) / perCall(took.readOfSmall)),
      ...engine,
    };
  } finally {
    await whole.close();
    await small.close();
  }
}

async function openExchange(calls: number, suppliers: number, seed: number, say: (line: string) => void) {
  const db = await createTestDatabase();
  await useDefaultRules(db.sql);
  await fillTables(db.sql, ['calls'], statements(calls, Math.round(suppliers), seed), say);
  await db.sql(PROFILES);
  const nowMs = Date.parse(`${DAY}T23:59:00Z`);
  const services = createIntegrations(
    {
      database: { url: db.lite.url, secretKey: db.lite.serviceKey, fetch: db.lite.fetch },
      queue: { kind: 'postgres', url: db.queueUrl },
      stripe: { secretKey: 'sk_test_bench', apiBase: 'http://127.0.0.1:9', livemode: false },
      clock: { nowMs: () => nowMs },
    },
    {
      bodyKeys: [Buffer.alloc(32)],
      log: pino({ level: 'silent' }),
      openTurns: null,
      onFailure: () => undefined,
    },
  );
  const fresh = await newest(db);
  const idsOf = (nth: number) => fresh.slice(nth * BATCH, (nth + 1) * BATCH);
  const context = {
    ...services,
    ...runContext(),
    queueSweep: { sweep: () => Promise.reject(new Error('no queue')) },
  };
  return {
    async score(nth: number) {
      const ids = idsOf(nth);
      const readMs = await timed(() => services.calls.scoringContext(ids));
      const scoreMs = await timed(async () => {
        const outcomes = await scoreCalls.runBatch?.(
          ids.map((callId) => ({ callId })),
          context,
        );
        if (outcomes?.some((outcome) => 'message' in outcome || outcome.kind !== 'done') ?? true)
          throw new Error('a call was not scored');
      });
      return { readMs, scoreMs };
    },
    async engine() {
      const contexts: ScoringContext[] = [];
      for (let nth = 0; nth < 10; nth += 1)
        contexts.push(...(await services.calls.scoringContext(idsOf(nth))));
      const perSecond = (work: (call: (typeof contexts)[number]) => unknown) => {
        const startedMs = performance.now();
        let done = 0;
        while (performance.now() - startedMs < ENGINE_MS)
          for (const call of contexts) if (work(call) !== null) done += 1;
        return done / ((performance.now() - startedMs) / 1_000);
      };
      return {
        signalsPerSecond: Math.round(perSecond((call) => measureCall(call)) * signals.length),
        decisionsPerSecond: Math.round(perSecond((call) => decideCall(call, defaultRules))),
      };
    },
    close: () => db.close(),
  };
}

/** The last calls of the last day, which are not scored. */
async function newest({ sql }: TestDatabase): Promise<string[]> {
  const rows = await sql<{ id: string }>(
    `select id from calls where status = 'stored' order by started_at, id limit ${FRESH}`,
  );
  return rows.map(({ id }) => id);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const round = (value: number) => Number(value.toFixed(3));

const uuid = (kind: number, number: string) =>
  `('0000000${kind}-0000-4000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;

/** The n-th call is of supplier n % suppliers; a day has a hundred of each, between noon and midnight. */
function statements(calls: number, suppliers: number, seed: number): Record<string, string> {
  const perDay = suppliers * CALLS_PER_SUPPLIER_AND_DAY;
  const days = Math.ceil(calls / perDay);
  const day = `date '${DAY}' - (${days} - 1 - n / ${perDay})::int`;
  const at = `(${day}) + interval '12 hours' + (n % ${perDay}) * interval '43000 seconds' / ${perDay}`;
  // Every caller calls about twice in a month, and a thousand of numbers has five callers.
  const caller = `'+1' || (array[212, 305, 312, 404, 512, 602, 702, 713, 818, 917])[1 + n % 10] || lpad(((n * 7919 + ${seed} * 104729) % ${perDay * 15} * 7 % 7900000 + 2000000)::text, 7, '0')`;
  return {
    parties: `insert into suppliers (id, name) select ${uuid(3, 's')}, 'Supplier ' || s from generate_series(0, ${suppliers - 1}) s;
      insert into buyers (id, name) values (${uuid(4, '0')}, 'Buyer');
      insert into campaigns (id, buyer_id, name) select ${uuid(5, 'k')}, ${uuid(4, '0')}, 'Campaign' from generate_series(0, 9) k;
      insert into campaign_terms (id, campaign_id, valid_from, currency, price_minor, supplier_share_bps, min_duration_s, duplicate_window_s)
        select ${uuid(6, 'k')}, ${uuid(5, 'k')}, '2000-01-01', 'usd', 4000, 7000, 60, 2592000 from generate_series(0, 9) k;
      insert into tracking_numbers (number, campaign_id, supplier_id)
        select '+1833' || lpad(s::text, 7, '0'), ${uuid(5, 's % 10')}, ${uuid(3, 's')} from generate_series(0, ${suppliers - 1}) s`,
    calls: `insert into calls (id, source, external_id, tracking_number, campaign_id, supplier_id, buyer_id, caller_number, started_at, duration_s,
        answered, facts_at, status, business_date, trace, made_at, changed_at)
      select ${uuid(1, 'n')}, 'bench', n::text, '+1833' || lpad((n % ${suppliers})::text, 7, '0'), ${uuid(5, `n % ${suppliers} % 10`)}, ${uuid(3, `n % ${suppliers}`)},
        ${uuid(4, '0')}, ${caller}, ${at}, 20 + n * 31 % 600, true, ${at}, case when n >= ${calls - FRESH} then 'stored' else 'rejected' end,
        ${day}, 't', ${at}, ${at} from generate_series(0::bigint, ${calls - 1}) n`,
  };
}

/** Of the last days alone: those of the others are read by nobody. By the indexes, which are there when the rows are. */
const PROFILES = `select app.count_day(d::date) from generate_series(date '${DAY}' - 28, date '${DAY}' - 1, interval '1 day') d;
      insert into supplier_profiles select supplier_id, date '${DAY}' - 1, app.profile_of(array_agg(d)) from supplier_days d group by 1;
      insert into network_profiles select date '${DAY}' - 1, app.profile_of(array_agg(d)) from supplier_days d`;

import { demoExchange, seedExchange } from '../../../sandbox/seed.ts';
import { countPaidFor } from '../../../sandbox/traffic/calls.ts';
import { planTraffic } from '../../../sandbox/traffic/plan.ts';
import { createStripeClient } from '../../../src/integrations/stripe/client.ts';
import { createStripeSetup } from '../../../src/integrations/stripe/setup.ts';
import { pipelines } from '../../../src/jobs/pipelines.ts';
import type { Backend } from '../house.ts';
import { canMount } from './disk.ts';
import { judge, type SentCall } from './judge.ts';
import { createKiller } from './killer.ts';
import { createPatience, openQueue } from './patience.ts';
import { type CampaignResult, judgeHouse, resultOf } from './result.ts';
import { openScene, type Scene } from './scene.ts';
import { drawSchedule, PHASES } from './schedule.ts';
import { closeDate, type Stage, sendDay, untilQuiet } from './steps.ts';

export interface CampaignOptions {
  readonly seed: number;
  readonly kills: number;
  readonly calls: number;
  readonly backend: Backend;
  readonly keep: boolean;
  readonly say: (line: string) => void;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const LOCK_MS = 3_000;
/** The last of five dates lies three days back, so that each was due when it is closed. */
const FIRST_DAY_AGO = 8;
const CALL_DAYS = 3;
const CLOSES = 5;
const FRAUD_SHARE = 0.15;

const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** One house from its opening to the judgement. Rejects when nothing moves any more, or when the rig itself fails. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const startedMs = performance.now();
  const { seed, kills, calls, backend, keep, say } = options;
  const canFillDisk = await canMount();
  const schedule = drawSchedule({ seed, kills, backend, lockMs: LOCK_MS, canFillDisk });
  const firstMs = Date.parse(dateOf(Date.now())) - FIRST_DAY_AGO * DAY_MS;
  const dates = Array.from({ length: CLOSES }, (_, nth) => dateOf(firstMs + nth * DAY_MS));
  const exchange = demoExchange(firstMs - DAY_MS);
  const callDates = dates.slice(0, CALL_DAYS);
  const traffic = { seed, calls, fraudShare: FRAUD_SHARE, dates: callDates, placements: exchange.placements };
  const days = planTraffic(traffic);
  const scene = await openScene({ backend, startMs: firstMs + 12 * HOUR_MS, lockMs: LOCK_MS, canFillDisk });
  const queue = openQueue(scene);
  let isOver = false;
  try {
    await seedHouse(scene, exchange, callDates[0] ?? '');
    const killer = createKiller(scene, schedule, say);
    const patience = createPatience(scene, killer, queue);
    const stage: Stage = { scene, killer, patience, queue, say, deadLetters: [], failures: [] };
    const accepted: SentCall[] = [];
    let verdict = await judge(scene, []);
    for (const phase of PHASES) {
      const [kind, nth = '1'] = phase.split(' ');
      const index = Number(nth) - 1;
      if (kind === 'send') accepted.push(...(await sendDay(stage, phase, days, index)));
      else await closeDate(stage, phase, dates[index] ?? '');
      await untilQuiet(stage, phase);
      if (kind === 'close') verdict = await judgeHouse(stage, phase, accepted);
    }
    const paidFor = countPaidFor(days.flatMap((day) => day.calls));
    if (verdict.qualified !== paidFor)
      stage.failures.push(`${verdict.qualified} calls earned money, and ${paidFor} should`);
    for (const { job, key, code } of await scene.direct.work.listDead({ afterId: null, limit: 500 }))
      stage.failures.push(`${job} ${key} is dead: ${code}`);
    const closes = await scene.sql(`select 1 from closes where state = 'done'`);
    const result = resultOf({
      options: { ...options, closes: CLOSES },
      stage,
      verdict,
      accepted,
      closes: closes.length,
      canFillDisk,
      startedMs,
    });
    isOver = result.ok;
    return result;
  } finally {
    if (!isOver && keep) say(`everything is kept in ${scene.house.dataDir}`);
    await queue.close();
    await scene.close({ keep });
  }
}

async function seedHouse(
  scene: Scene,
  exchange: ReturnType<typeof demoExchange>,
  firstDate: string,
): Promise<void> {
  const { house, direct, sql } = scene;
  const { secretKey, apiBase } = house.platform.stripe;
  const client = createStripeClient({
    ...{ secretKey, livemode: false, timeoutMs: 20_000, onFailure: () => undefined },
    apiBase: new URL(apiBase ?? ''),
  });
  await seedExchange(exchange, {
    setup: createStripeSetup(client),
    operations: direct.operations,
    fraud: direct.fraud,
    nowMs: Date.now(),
  });
  await direct.schedules.ensure(pipelines);
  // The hourly tick would close all these dates at once; each is planned when its night has come.
  await sql(
    `insert into schedule_runs (pipeline, period, state, due_at)
     select 'nightly-close', day::date, 'missed', app.close_due_at(day::date)
     from generate_series($1::date, current_date, interval '1 day') day`,
    [firstDate],
  );
}

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrafficDay } from '../../../sandbox/traffic/plan.ts';
import { openProgress } from '../../../sandbox/traffic/progress.ts';
import { sendDeliveries } from '../../../sandbox/traffic/send.ts';
import type { SentCall } from './judge.ts';
import { type Killer, untilTaken } from './killer.ts';
import type { DirectQueue, Patience } from './patience.ts';
import type { DeadLetter } from './result.ts';
import { type Scene, TRAFFIC_SECRETS } from './scene.ts';
import { CLOSE_STAGES, type CloseStage, type Phase } from './schedule.ts';

const HOUR_MS = 3_600_000;
/** When a date's close is due, as hours of its date. */
const CLOSE_DUE_MS = (24 + 9) * HOUR_MS;
const STAGE_POLL_MS = 30;
const TRIES = 200;
const MOST_REPLAYS = 3;
/** Faults explain these; what died of anything else is a finding and stays dead. */
const EXPLAINED = new Set(['JOB_STALLED', 'JOB_TIMEOUT', 'SNOOZED_TOO_LONG', 'ANSWER_INVALID']);
/** A tick has one try and the next one makes up for it: it may die of a lost lock alone. */
const isExplained = ({ key, code }: { key: string; code: string }) =>
  EXPLAINED.has(code) || key.startsWith('tick');

export interface Stage {
  readonly scene: Scene;
  readonly killer: Killer;
  readonly patience: Patience;
  readonly queue: DirectQueue;
  readonly say: (line: string) => void;
  readonly deadLetters: DeadLetter[];
  readonly failures: string[];
}

/** Sends a day's webhooks until each is answered; the calls that were accepted. */
export async function sendDay(
  { scene, killer, failures, say }: Stage,
  phase: Phase,
  days: readonly TrafficDay[],
  index: number,
): Promise<SentCall[]> {
  const day = days[index];
  if (day === undefined) return [];
  const { deliveries, calls } = day;
  say(`${phase}: ${deliveries.length} webhooks about ${calls.length} calls`);
  await untilTaken(() => scene.house.control('POST', '/_sim/webhooks', { twiceShuffled: true }));
  let answered = 0;
  const faults = killer.begin(phase, () => answered / deliveries.length);
  const { surprises } = await sendDeliveries({
    deliveries,
    from: 0,
    baseUrl: scene.house.serverUrl,
    secrets: TRAFFIC_SECRETS,
    progress: openProgress(join(scene.house.dataDir, `${index}.json`)),
    tries: TRIES,
    onAnswered(more) {
      answered += more;
    },
  });
  await faults.end();
  for (const { kind, statusCode } of surprises) failures.push(`a ${kind} webhook was answered ${statusCode}`);
  return surprises.some(({ kind }) => kind === 'report') ? [] : [...calls];
}

/** Starts a date's close while faults fall, and waits until it is done. */
export async function closeDate(stage: Stage, phase: Phase, date: string): Promise<void> {
  const { scene, killer, patience, say } = stage;
  const { house, direct, sql } = scene;
  say(`${phase}: ${date}`);
  const nowMs = Date.parse(date) + CLOSE_DUE_MS;
  await untilTaken(() => house.control('POST', '/_sim/clock', { nowMs }));
  let passed = 0;
  const faults = killer.begin(phase, () => passed);
  await untilTaken(async () => {
    await sql(
      `update schedule_runs set state = 'planned' where period = $1 and state = 'missed' and pipeline = 'nightly-close'`,
      [date],
    );
    await direct.operations.startClose(date, Date.now());
  });
  let isDone = false;
  const watching = (async () => {
    for (; !isDone; await sleep(STAGE_POLL_MS)) {
      const at = CLOSE_STAGES.indexOf(await readStage(scene, date));
      if (at >= 0) passed = at / (CLOSE_STAGES.length - 1);
    }
  })();
  try {
    await patience.wait(phase, async () => {
      const status = await direct.operations.closeStatus(date);
      const standing = `${status?.stage} ${JSON.stringify(status?.waitingFor)}`;
      return { done: status?.state === 'done', standing };
    });
  } finally {
    isDone = true;
    await watching;
  }
  await faults.end();
}

/** The stage `calls` also while the database is away: then nothing moves either. */
async function readStage({ sql }: Scene, date: string): Promise<CloseStage> {
  const read = sql<{ stage: CloseStage }>('select stage from closes where business_date = $1', [date]);
  const [close] = await read.catch(() => []);
  return close?.stage ?? 'calls';
}

/** Nothing is due, under way, in doubt or on the road; what died and may be replayed is replayed. */
export async function untilQuiet(stage: Stage, phase: Phase): Promise<void> {
  const { scene, patience, queue } = stage;
  for (const keeper of scene.keepers.values()) await keeper.untilUp();
  await untilTaken(() => scene.house.control('DELETE', '/_sim/faults'));
  await patience.wait(`quiet after ${phase}`, async () => {
    await replayDead(stage);
    const [row] = await scene.sql<{ standing: string }>(IN_DOUBT);
    // Cheap questions first: the others are asked only when these say that it may be quiet.
    if (row?.standing !== '0 0 0')
      return { done: false, standing: `due, in doubt, planned: ${row?.standing}` };
    const open = await queue.countOpen();
    const { undelivered } = (await scene.house.control('GET', '/_sim/state')) as { undelivered: number };
    const standing = `jobs: ${open}; events: ${undelivered}`;
    return { done: open === 0 && undelivered === 0, standing };
  });
}

const IN_DOUBT = `
  select (select count(*) from work where state = 'due') || ' ' ||
    (select count(*) from payouts where state in ('planned', 'sending', 'unknown')) || ' ' ||
    (select count(*) from invoices where state = 'planned' and not exists (select from work w
      where w.job = 'billing.bill-buyer' and w.key = invoices.id::text and w.state = 'dead')) as standing`;

async function replayDead({ scene, queue, deadLetters, say }: Stage): Promise<void> {
  const dead = await scene.direct.work.listDead({ afterId: null, limit: 500 });
  const replayable = dead.filter((letter) => isExplained(letter) && letter.replays < MOST_REPLAYS);
  for (const { job, key, code } of dead) {
    const isKnown = deadLetters.some(
      (letter) => letter.job === job && letter.key === key && letter.code === code,
    );
    if (isKnown) continue;
    deadLetters.push({ job, key, code });
    say(`dead letter: ${job} ${key} ${code}`);
  }
  for (const { id } of replayable)
    await queue.letters.replay({ id, by: 'chaos', reason: 'a fault explains it' });
}

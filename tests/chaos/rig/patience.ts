import { setTimeout as sleep } from 'node:timers/promises';
import { jobs } from '../../../src/jobs/registry.ts';
import { connectQueues, QUEUE_NAMES } from '../../../src/queues/connection.ts';
import { createDeadLetters } from '../../../src/queues/dead-letter.ts';
import { createEnqueuer } from '../../../src/queues/enqueue.ts';
import { createSweeper } from '../../../src/queues/sweep.ts';
import { SECRETS } from '../house.ts';
import type { Killer } from './killer.ts';
import type { Scene } from './scene.ts';

const POLL_MS = 250;
/** So long without progress and without a fault, and time is made to pass: what only waits for its time is called. */
const STUCK_MS = 3_000;
const NUDGE_EVERY_MS = 4_000;
/** So long without progress is a failure. */
const GIVE_UP_MS = 240_000;
const HANDED_AGE_MS = 5_000;
/** Longer than any answer of the simulator takes, and than any proxy holds bytes back. */
const SETTLED_AFTER_MS = 10_000;
const CLOSE_MS = 1_000;

/** Where the campaign stands: `standing` is a text that changes when anything moves. */
export type Look = () => Promise<{ readonly done: boolean; readonly standing: string }>;

export interface Patience {
  /** Polls until `look` is done. Rejects with an account of the whole scene when nothing moves for four minutes. */
  wait(what: string, look: Look): Promise<void>;
  readonly nudges: number;
}

export function createPatience(scene: Scene, killer: Killer, queue: DirectQueue): Patience {
  let nudges = 0;
  return {
    get nudges() {
      return nudges;
    },
    async wait(what, look) {
      let standing = '';
      let movedMs = performance.now();
      let nudgedMs = movedMs;
      for (;;) {
        const seen = await look().catch((error: unknown) => ({ done: false, standing: String(error) }));
        if (seen.done) return;
        const nowMs = performance.now();
        if (seen.standing !== standing) {
          standing = seen.standing;
          movedMs = nowMs;
        }
        if (nowMs - movedMs > GIVE_UP_MS)
          throw new Error(
            `${what}: nothing has moved for four minutes.\n${await describeScene(scene, standing)}`,
          );
        const stillMs = Math.min(nowMs - movedMs, killer.quietMs());
        if (stillMs > STUCK_MS && nowMs - nudgedMs > NUDGE_EVERY_MS) {
          nudgedMs = nowMs;
          nudges += 1;
          await letTimePass(scene, killer, queue).catch(() => undefined);
        }
        await sleep(POLL_MS);
      }
    },
  };
}

/**
 * Makes minutes pass at once, as far as that is safe: the sweep looks for rows that were handed over seconds ago, jobs
 * that wait for their time are called, and a payout's ten minutes before absence counts are over. The last only when
 * no fault has stood for longer than a request can be under way, which is what the ten minutes are for.
 */
async function letTimePass({ sql, direct }: Scene, killer: Killer, queue: DirectQueue): Promise<void> {
  if (killer.quietMs() > SETTLED_AFTER_MS) {
    await sql(`update payouts set last_sent_at = last_sent_at - interval '10 minutes'
      where in_doubt and sends >= 3 and last_sent_at < now() - interval '10 seconds' and last_sent_at > now() - interval '10 minutes'`);
  }
  await queue.sweeper.sweep();
  await direct.schedules.advanceRuns(Date.now());
  await queue.promote();
}

export type DirectQueue = ReturnType<typeof openQueue>;

/** The queue's machinery in this process, around all proxies. */
export function openQueue({ house, direct }: Scene) {
  const backend = house.platform.queue;
  const onEvent = () => undefined;
  const { work, clock } = direct;
  const sealKeys = [Buffer.from(SECRETS.body, 'base64')];
  const enqueuer = createEnqueuer({ backend, jobs, sealKeys, onEvent });
  const letters = createDeadLetters({ backend, jobs, work, enqueuer, sealKeys, clock, onEvent });
  const sweeper = createSweeper({
    ...{ backend, jobs, work, enqueuer, letters, clock, onEvent },
    handedAgeMs: HANDED_AGE_MS,
  });
  const connection = connectQueues(backend, { role: 'producer' }, onEvent);
  return {
    letters,
    sweeper,
    /** Calls what waits for its time, but for the schedules' own. */
    async promote() {
      for (const name of QUEUE_NAMES) {
        for (const job of await (await connection.queue(name)).getDelayed()) {
          if (job.repeatJobKey === undefined) await job.promote().catch(() => undefined);
        }
      }
    },
    /** Jobs that are not over, but for those of schedules. */
    async countOpen(): Promise<number> {
      let open = 0;
      for (const name of QUEUE_NAMES) {
        const found = await (await connection.queue(name)).getJobs([
          'active',
          'waiting',
          'prioritized',
          'delayed',
        ]);
        open += found.filter((job) => job?.repeatJobKey === undefined).length;
      }
      return open;
    },
    async close() {
      await Promise.all([connection, sweeper, letters, enqueuer].map((one) => one.close(CLOSE_MS)));
    },
  };
}

const LAST_LINES = 5;

/** Who waits for what, for a person. */
export async function describeScene(scene: Scene, standing: string): Promise<string> {
  const { sql, keepers, printed } = scene;
  const read = (text: string) =>
    sql(text).then(
      (rows) => rows.map((row) => JSON.stringify(row)).join('\n  '),
      (error: unknown) => String(error),
    );
  const latest = new Map(printed.map((managed) => [managed.name, managed]));
  return [
    `stands at: ${standing}`,
    `closes:\n  ${await read('select business_date, state, stage from closes order by 1')}`,
    `due work:\n  ${await read(`select job, key, generation, handed_at, attempts, trace from work where state = 'due' order by id limit 20`)}`,
    `dead work:\n  ${await read(`select job, key, code, message from work where state = 'dead' order by id limit 20`)}`,
    `payouts:\n  ${await read(`select id, state, generation, sends, in_doubt, problem from payouts where state <> 'sent' limit 20`)}`,
    `invoices:\n  ${await read(`select id, state, generation, last_problem from invoices where state <> 'paid' limit 20`)}`,
    `processes: ${[...keepers.values()].map(({ name, state }) => `${name} ${state}`).join(', ')}`,
    ...[...latest.values()].map(({ name, lines }) => `${name}:\n  ${lines.slice(-LAST_LINES).join('\n  ')}`),
  ].join('\n');
}

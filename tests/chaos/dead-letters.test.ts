import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectQueues } from '../../src/queues/connection.ts';
import { replayMany, selectLetters } from '../../src/queues/decide-many.ts';
import { startQueueBackend } from '../helpers/queue-backends.ts';
import { openHouse } from '../helpers/queue-house.ts';
import { TERMINAL_CODES, TERMINAL_JOBS } from '../helpers/terminal-jobs.ts';
import { BACKENDS } from './backends.ts';
import { type Business, FIRST_DATE, NOON_MS, openBusiness } from './exchange.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';
import { startProcess } from './processes.ts';
import { supervise } from './supervisor.ts';

/** Each kind costs a death at its burial, and the job that kills its process nine before that. */
const MOST_DEATHS = 60;

test.each(BACKENDS)(
  'every kind of terminal failure has its letter after one sweep, though the process died when it was to write it (%s)',
  async (kind) => {
    const store = await startQueueBackend(kind);
    if (store === null) throw new Error('BACKENDS has what this machine lacks');
    const house = openHouse(store.backend, TERMINAL_JOBS);
    const connection = connectQueues(store.backend, { role: 'producer' }, () => undefined);
    try {
      const queue = await connection.queue('calls');
      const odd = ['calls.unparsable', 'calls.no-envelope', 'calls.other-version'];
      const even = Object.keys(TERMINAL_CODES).filter((job) => !odd.includes(job));
      for (const job of even) house.work.put({ ...house.item('a'), job });
      await house.dispatcher.dispatch();
      const envelope = { v: 1, trace: 't', dueAtMs: 1, generation: 1, key: 'a' };
      await queue.add(
        'calls.unparsable',
        { ...envelope, payload: { id: 7 } },
        { jobId: 'calls.unparsable.a.1' },
      );
      await queue.add('calls.no-envelope', { text: 'of somebody' }, { jobId: 'strange' });
      const newer = { ...envelope, v: 2, payload: { id: 'a' } };
      await queue.add('calls.other-version', newer, { jobId: 'calls.other-version.a.1' });

      let deaths = 0;
      while ((await queue.getFailedCount()) < Object.keys(TERMINAL_CODES).length) {
        deaths += 1;
        expect(deaths).toBeLessThan(MOST_DEATHS);
        const args = ['tests/chaos/dying-worker.ts', JSON.stringify(store.backend)];
        const worker = startProcess({ name: 'worker', command: process.execPath, args, env: {} });
        expect(await worker.ended).toBe('SIGKILL');
      }
      expect(await house.letters.listLetterIds(100)).toEqual([]);
      await house.sweeper.sweep();
      const dead = await house.work.listDead({ afterId: null, limit: 100 });
      expect(Object.fromEntries(dead.map(({ job, code }) => [job, code]))).toEqual(TERMINAL_CODES);
      expect(await house.letters.listLetterIds(100)).toHaveLength(dead.length);
      const tries = [...house.work.rows.values()].find(({ job }) => job === 'calls.last-attempt')?.tries;
      expect(tries).toMatchObject([{ code: 'JOB_FAILED' }, { code: 'JOB_FAILED' }]);
    } finally {
      await connection.close(500);
      await house.close();
      await store.stop();
    }
  },
);

const LETTERS = 1_000;
const SCORE = 'fraud.score-call';

describe.each(BACKENDS)('a thousand letters, on %s', (backend) => {
  let house: ChaosHouse;
  let business: Business;
  beforeAll(async () => {
    house = await openChaosHouse({ backend, startMs: Date.parse(FIRST_DATE) + NOON_MS, lockMs: 1_000 });
    business = await openBusiness(house);
    await business.seed();
  });
  afterAll(async () => {
    await business?.close();
    await house?.close();
  });

  /** Buries rows as those of jobs that lost their workers too often. */
  async function bury(states: string): Promise<void> {
    const rows = await business.sql<{ item: Parameters<Business['letters']['bury']>[0] }>(
      `update work w set state = 'due' where job = '${SCORE}' and state in (${states}) returning app.work_json(w) as item`,
    );
    const facts = {
      code: 'JOB_STALLED',
      message: 'stalled',
      attempts: 1,
      tries: [],
      payloadVersion: 1,
    } as const;
    for (const { item } of rows)
      expect(await business.letters.bury({ ...item, ...facts, durationMs: 0 })).toBe(true);
  }

  test('replayed by two operators at once, while the worker is killed, have every effect once', async () => {
    await business.bringCalls(LETTERS / 2);
    const first = house.start('worker');
    await business.waitIdle();
    first.signal('SIGKILL');
    await first.ended;
    const had = await business.count(`journals where template = 'call'`);
    expect(had).toBeGreaterThan(0);
    // Half of them had their effect before their row was dead, half have not.
    await bury(`'done'`);
    await business.bringCalls(LETTERS / 2);
    await bury(`'due'`);
    const { deadLetters } = business.services;
    const letters = await selectLetters(deadLetters, { jobs: [SCORE] });
    expect(letters).toHaveLength(LETTERS);

    const worker = supervise(house, 'worker', [
      'calls.rate:after',
      'work.finish:before',
      'work.finish:after',
    ]);
    const replay = (by: string) =>
      replayMany(business.letters, deadLetters, {
        ...{ letters, by, reason: 'the workers are mended', ratePerS: 200, stopAfter: 5, waitMs: 0 },
      });
    try {
      const reports = await worker.during(Promise.all([replay('ann'), replay('bob')]));
      const sum = (pick: 'replayed' | 'gone' | 'diedAgain') =>
        reports.reduce((total, report) => total + report[pick], 0);
      expect([sum('replayed'), sum('gone'), sum('diedAgain')]).toEqual([LETTERS, LETTERS, 0]);
      await worker.during(business.waitIdle());
      expect(worker.left.size).toBe(0);
    } finally {
      await worker.stop();
    }
    expect(await selectLetters(deadLetters, {})).toEqual([]);
    expect(await business.letters.listLetterIds(LETTERS)).toEqual([]);
    expect(await business.count(`dead_letters where decision = 'replayed'`)).toBe(LETTERS);
    const rated = await business.count(`calls where status = 'qualified'`);
    expect(rated).toBeGreaterThan(had);
    expect(await business.count(`journals where template = 'call'`)).toBe(rated);
    expect(await house.audit()).toMatchObject({ ok: true, failures: [] });
  });
});

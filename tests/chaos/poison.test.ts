import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobs } from '../../src/jobs/registry.ts';
import { MAX_STALLS } from '../../src/queues/run-job.ts';
import { applySchedules, readSchedulers } from '../../src/queues/schedules.ts';
import { BACKENDS } from './backends.ts';
import { type Business, noonOf, openBusiness, pastDates, poll } from './business.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';
import { supervise } from './supervisor.ts';

const SWEEP = 'operations.sweep';
const NOW_AND_TOMORROW_MS = 4_000;

describe.each(BACKENDS)('work that kills its process, on %s', (backend) => {
  const [date = ''] = pastDates(1);
  let house: ChaosHouse;
  let business: Business;
  beforeAll(async () => {
    house = await openChaosHouse({ backend, startMs: noonOf(date), lockMs: 1_000 });
    business = await openBusiness(house, { dates: [date], callsPerDate: 12, seed: 3 });
    await house.start('server').waitForLine('listening', 90_000);
  });
  afterAll(async () => {
    await business?.close();
    await house?.close();
  });

  /** One tick in a moment and the next one tomorrow; set anew where this machine was so slow that it missed the first. */
  async function scheduleNowAndTomorrow(): Promise<void> {
    const backend = house.platform.queue;
    for (;;) {
      const at = new Date(Date.now() + NOW_AND_TOMORROW_MS);
      const cron = `${at.getUTCSeconds()} ${at.getUTCMinutes()} ${at.getUTCHours()} * * *`;
      const scheduled = jobs.map((job) =>
        job.name === SWEEP ? { ...job, schedule: { cron, timezone: 'UTC' } } : { ...job, schedule: null },
      );
      await applySchedules({ backend, jobs: scheduled });
      const nextMs = (await readSchedulers(backend)).get(SWEEP) ?? Number.POSITIVE_INFINITY;
      if (nextMs <= at.getTime()) return;
    }
  }
  const listDead = () => business.services.work.listDead({ afterId: null, limit: 50 });

  test('is a dead letter after so many deaths; what was at work beside it is not, and a replay works', async () => {
    await business.send(date);
    const poison = business.sent()[5]?.externalId ?? '';
    const worker = supervise(house, 'worker', [`calls.ingest:before~${poison}`]);
    try {
      await worker.during(poll(120_000, async () => (await listDead()).length > 0));
    } finally {
      await worker.stop();
    }
    expect(worker.deaths).toHaveLength(MAX_STALLS + 1);
    const healthy = house.start('worker');
    await business.untilIdle();
    const dead = await listDead();
    expect(dead).toMatchObject([{ job: 'calls.ingest-call', code: 'JOB_STALLED' }]);
    const others = business.sent().filter(({ externalId }) => externalId !== poison);
    expect((await house.audit(others)).failures).toEqual([]);

    await business.letters.replay({ id: dead[0]?.id ?? '', by: 'test', reason: 'the cause is mended' });
    await poll(60_000, async () => (await house.audit(business.sent())).ok);
    healthy.signal('SIGKILL');
    await healthy.ended;
  });

  test('is a dead letter also when a schedule made it', async () => {
    await scheduleNowAndTomorrow();
    const worker = supervise(house, 'worker', ['schedules.beat:before#1~']);
    try {
      await worker.during(poll(120_000, async () => (await listDead()).some(({ job }) => job === SWEEP)));
    } finally {
      await worker.stop();
    }
    expect(worker.deaths).toHaveLength(MAX_STALLS + 1);
    expect(await listDead()).toMatchObject([{ job: SWEEP, code: 'JOB_STALLED' }]);
  });
});

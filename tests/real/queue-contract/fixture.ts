import type { Job as QueueJob } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import type { Job } from '../../../src/jobs/define-job.ts';
import { connectQueues, type QueueBackend, type QueueConnection } from '../../../src/queues/connection.ts';
import { jobIdOf } from '../../../src/queues/job-id.ts';
import { startQueueBackend, type TestBackend } from '../../helpers/queue-backends.ts';
import { type House, openHouse } from '../../helpers/queue-house.ts';

/** Its limit is only what ends a test that waits in vain. */
export const until = (check: () => unknown) => vi.waitFor(check, { timeout: 40_000, interval: 15 });
export const never = () => new Promise<never>(() => {});

export interface Fixture {
  given(): TestBackend;
  /** The house of this test; it is closed after it. */
  open(jobs: readonly Job[]): House;
  inspect<T>(look: (connection: QueueConnection) => Promise<T>): Promise<T>;
  jobOf(id: string): Promise<QueueJob | undefined>;
  letterIds(house: House): Promise<string[]>;
}

/** One store for all tests of a describe, emptied before each; skips them when this machine has none. */
export function useQueueBackend(kind: QueueBackend['kind']): Fixture {
  let store: TestBackend | null = null;
  let house: House | undefined;

  beforeAll(async () => {
    store = await startQueueBackend(kind);
  });
  afterAll(async () => {
    await store?.stop();
  });
  beforeEach(async ({ skip }) => {
    if (store === null) skip('no Redis on this machine');
    await store?.lose();
  });
  afterEach(async () => {
    await house?.close();
    house = undefined;
  });

  function given(): TestBackend {
    if (store === null) throw new Error('skipped');
    return store;
  }
  async function inspect<T>(look: (connection: QueueConnection) => Promise<T>): Promise<T> {
    const connection = connectQueues(given().backend, { role: 'producer' }, () => {});
    try {
      return await look(connection);
    } finally {
      await connection.close(500);
    }
  }
  return {
    given,
    inspect,
    open(jobs) {
      house = openHouse(given().backend, jobs);
      return house;
    },
    jobOf: (id) =>
      inspect(async (connection) => {
        const queue = await connection.queue('calls');
        return queue.getJob(jobIdOf({ job: 'calls.test', key: id, generation: 1 }));
      }),
    letterIds: (of) => of.letters.listLetterIds(1_000),
  };
}

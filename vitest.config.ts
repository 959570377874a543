import { defineConfig } from 'vitest/config';

/**
 * `unit` needs nothing, `real` starts databases and queues, `e2e` whole processes, `chaos` kills them.
 *
 * The times only end what hangs: a loaded machine takes four times as long as a quiet one.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['tests/unit/**/*.test.ts', 'tests/tidy.test.ts'],
          testTimeout: 60_000,
          // Most of these wait for a short while; and what they import is read once for each worker, not for each file.
          maxWorkers: '200%',
          isolate: false,
        },
      },
      {
        test: {
          name: 'real',
          include: ['tests/real/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['tests/chaos/campaign.test.ts', 'tests/chaos/house.test.ts'],
          testTimeout: 480_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        // Walks every kill point, clock and loss with real processes: half an hour, so not in `npm test`.
        test: {
          name: 'chaos-long',
          include: ['tests/chaos/**/*.test.ts'],
          exclude: ['tests/chaos/campaign.test.ts', 'tests/chaos/house.test.ts'],
          testTimeout: 480_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          testTimeout: 480_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

import { setTimeout as sleep } from 'node:timers/promises';
import type { Part } from '../runtime.ts';
import { startWorker } from '../worker.ts';
import { act, asDate, program } from './session.ts';

const CLOSE_WITHIN_MS = 30 * 60_000;

program
  .command('close')
  .description('close one business date and wait until it is done')
  .requiredOption('--date <date>', 'business date, YYYY-MM-DD', asDate)
  .action(({ date }: { date: string }) =>
    act(async ({ runtime, isAlone }) => {
      const { operations, clock } = runtime.services;
      const started = await operations.startClose(date, clock.nowMs());
      // More than a week old when it was planned: its calls are in the closes that came after it.
      if (started.state === 'missed') return { ok: false, ...started };
      const worker: Part | null = isAlone && started.state !== 'done' ? await startWorker(runtime) : null;
      try {
        const until = performance.now() + CLOSE_WITHIN_MS;
        for (;;) {
          const status = await operations.closeStatus(date);
          if (status?.state === 'done' || performance.now() > until)
            return { ok: status?.state === 'done', ...status };
          await sleep(500);
        }
      } finally {
        await worker?.close(10_000);
      }
    }),
  );

program
  .command('close-status')
  .description('how the close of a business date stands, and what it waits for')
  .requiredOption('--date <date>', 'business date, YYYY-MM-DD', asDate)
  .action(({ date }: { date: string }) =>
    act(({ runtime }) => runtime.services.operations.closeStatus(date)),
  );

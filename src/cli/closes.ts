import { setTimeout as sleep } from 'node:timers/promises';
import { PermanentError } from '../errors.ts';
import type { CloseStatus } from '../integrations/supabase/operations.ts';
import type { Part } from '../runtime.ts';
import { startWorker } from '../worker.ts';
import { act, asDate, program, type Session } from './session.ts';

const CLOSE_WITHIN_MS = 30 * 60_000;
const LOOK_MS = 500;

/** For people; the report is numbers and short lists. */
function describe(status: CloseStatus): string {
  const { date, state, stage, report, waitingFor } = status;
  const lines = [`The close of ${date} is ${state}${state === 'open' ? `, at ${stage}` : ''}.`];
  for (const item of waitingFor) lines.push(`  waits for ${item.job} ${item.key}`);
  for (const [name, value] of Object.entries(report ?? {}))
    lines.push(`  ${name.padEnd(10)} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  return lines.join('\n');
}

/** Exit status 1 when it is not done. */
const answer = (status: CloseStatus, json?: true) => ({
  ok: status.state === 'done',
  ...(json === true ? status : { text: describe(status) }),
});

async function close({ runtime, isAlone }: Session, date: string): Promise<CloseStatus> {
  const { operations, clock } = runtime.services;
  const started = await operations.startClose(date, clock.nowMs());
  // More than a week old when it was planned: its calls are in the closes that came after it.
  if (started.state === 'missed') return started;
  const worker: Part | null = isAlone && started.state !== 'done' ? await startWorker(runtime) : null;
  try {
    const until = performance.now() + CLOSE_WITHIN_MS;
    for (;;) {
      const status = (await operations.closeStatus(date)) ?? started;
      if (status.state === 'done' || performance.now() > until) return status;
      await sleep(LOOK_MS);
    }
  } finally {
    await worker?.close(10_000);
  }
}

program
  .command('close')
  .description('close one business date and wait until it is done')
  .requiredOption('--date <date>', 'business date, YYYY-MM-DD', asDate)
  .option('--dry-run', 'say what would be closed, and write nothing')
  .option('--json', 'as JSON')
  .action(({ date, dryRun, json }: { date: string; dryRun?: true; json?: true }) =>
    act(async (session) => {
      if (dryRun !== true) return answer(await close(session, date), json);
      const { operations, clock } = session.runtime.services;
      const status = await operations.startClose(date, clock.nowMs(), { dry: true });
      const shown = json === true ? { dryRun: true, ...status } : { text: `${date} ${status.state}` };
      return { ok: status.state !== 'missed', ...shown };
    }),
  );

program
  .command('close-status')
  .description('how the close of a business date stands, and what it waits for')
  .requiredOption('--date <date>', 'business date, YYYY-MM-DD', asDate)
  .option('--json', 'as JSON')
  .action(({ date, json }: { date: string; json?: true }) =>
    act(async ({ runtime }) => {
      const status = await runtime.services.operations.closeStatus(date);
      if (status === null) throw new PermanentError('CLOSE_UNKNOWN', `No close of ${date} was begun.`);
      return json === true ? status : describe(status);
    }),
  );

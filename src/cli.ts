import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { openAudit } from './audit/audit.ts';
import { loadConfig } from './config.ts';
import { PermanentError } from './errors.ts';
import { migrate } from './integrations/supabase/migrate.ts';
import { parties } from './integrations/supabase/operations.ts';
import { createLogger } from './log.ts';
import { openRuntime, type Part, platformOf, type Runtime } from './runtime.ts';
import { startWorker } from './worker.ts';

/** What a command works with; `isAlone` when no other process works on the queue. */
interface Session {
  readonly runtime: Runtime;
  readonly isAlone: boolean;
  close(): Promise<void>;
}

const MIGRATIONS = join(import.meta.dirname, '..', 'supabase', 'migrations');
const CLOSE_WITHIN_MS = 30 * 60_000;

/** Refuses what is typed wrongly before anything is opened. */
const typed = (schema: z.ZodType<string>, wanted: string) => (text: string) => {
  if (schema.safeParse(text).success) return text;
  throw new InvalidArgumentError(`It must be ${wanted}.`);
};
/** Every date after the oldest close gets its row: a year that lost its digits would make hundreds of thousands. */
const asDate = typed(
  z.iso.date().refine((date) => date >= '2000-01-01'),
  'a date from 2000 on, YYYY-MM-DD',
);
const asReason = typed(z.string().trim().min(1), 'a reason');
const asLetterId = typed(z.string().regex(/^[0-9]{1,15}$/), 'the number of a dead letter');
const asUuid = typed(z.uuid(), 'an id as the log and the board show it');

const program = new Command('callclear')
  .description('The operator’s command line. Reads the same environment as the server.')
  .option('--data <dir>', 'data directory of the embedded parts, where nothing is configured', '.callclear')
  .option('--by <name>', 'who acts, for the audit log', userInfo().username);

/** Opens a session, runs the command, prints what it returns, closes. Exit status 1 when it returns `ok: false` or throws. */
async function act(command: (session: Session, by: string) => Promise<unknown>): Promise<void> {
  const { data, by } = z.object({ data: z.string(), by: z.string().min(1) }).parse(program.opts());
  let session: Session | null = null;
  try {
    session = await openSession(data);
    const result = await command(session, by);
    console.log(typeof result === 'string' ? result : JSON.stringify(result, null, 2));
    if (typeof result === 'object' && result !== null && 'ok' in result && result.ok === false)
      process.exitCode = 1;
  } catch (error) {
    console.error(describeError(error));
    process.exitCode = 1;
  } finally {
    await session?.close();
  }
}

/** One line for a person; what was typed wrongly is told without the schema behind it. */
function describeError(error: unknown): string {
  if (error instanceof z.ZodError) return `ARGUMENT_INVALID: ${z.prettifyError(error)}`;
  const { code, message } = z.object({ code: z.string().default('ERROR'), message: z.string() }).parse(error);
  return `${code}: ${message}`;
}

async function openSession(dataDir: string): Promise<Session> {
  const config = loadConfig();
  const log = createLogger({ level: 'error', destination: process.stderr });
  if (!Object.values(config.embedded).includes(true)) {
    const runtime = await openRuntime(config, platformOf(config), log);
    return { runtime, isAlone: false, close: runtime.close };
  }
  const { attachEmbedded, startEmbedded } = await import('../sandbox/embedded.ts');
  // A directory that is typed wrongly would else be made, and its empty books found in order.
  if (!existsSync(dataDir))
    throw new PermanentError('CONFIG_INVALID', `There is no data in ${dataDir}: \`npm start\` makes it.`);
  const running = await attachEmbedded({ config, dataDir });
  const embedded = running ?? (await startEmbedded({ config, dataDir }));
  const runtime = await openRuntime(embedded.config, embedded.platform, log);
  return {
    runtime,
    isAlone: running === null,
    async close() {
      await runtime.close();
      await embedded.close();
    },
  };
}

program
  .command('audit')
  .description('read the books and Stripe a second time and say which promises hold; changes nothing')
  .option('--json', 'every check, not only those that do not hold')
  .action(({ json = false }: { json?: boolean }) =>
    act(async ({ runtime: { platform } }) => {
      const { ok, failures, checks } = await openAudit(platform).run({ nowMs: platform.clock.nowMs() });
      return json ? { ok, failures, checks } : { ok, checks: checks.length, failures };
    }),
  );

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

program
  .command('calls')
  .description('calls that wait for a person')
  .command('decide')
  .description('decide a held call: it is scored again, and the decision goes before the score')
  .argument('<id>')
  .addOption(new Option('--as <decision>').choices(['qualify', 'reject']).makeOptionMandatory())
  .requiredOption('--reason <text>', 'why, for the audit log')
  .action((id: string, { as, reason }: { as: 'qualify' | 'reject'; reason: string }) =>
    act(async ({ runtime: { services } }, by) => ({
      ok: await services.calls.decide(z.uuid().parse(id), as, by, reason, services.clock.nowMs()),
      id,
    })),
  );

const letters = program.command('dead-letters').description('work that ended for good without success');
letters
  .command('list')
  .option('--after <id>', 'go on after this id', asLetterId)
  .action(({ after = null }: { after?: string | null }) =>
    act(({ runtime }) => runtime.services.work.listDead({ afterId: after, limit: 100 })),
  );
for (const action of ['replay', 'discard'] as const) {
  letters
    .command(action)
    .argument('<id>', 'as the list shows it', asLetterId)
    .requiredOption('--reason <text>', 'why, for the audit log', asReason)
    .action((id: string, { reason }: { reason: string }) =>
      act(async ({ runtime }, by) => ({ ok: await runtime.letters[action]({ id, by, reason }), id })),
    );
}

const payouts = program.command('payouts').description('money to suppliers');
payouts
  .command('approve')
  .description('let a payout above the limit go; the approval binds to its content')
  .argument('<id>', 'of the payout', asUuid)
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action((id: string, { reason }: { reason: string }) =>
    act(({ runtime: { services } }, by) => services.payouts.approve(id, by, reason, services.clock.nowMs())),
  );
for (const action of ['stop', 'start'] as const) {
  payouts
    .command(action)
    .description(action === 'stop' ? 'send nothing more; read before every send' : 'send again')
    .requiredOption('--reason <text>', 'why, for the audit log', asReason)
    .action(({ reason }: { reason: string }) =>
      act(async ({ runtime: { services } }, by) => ({
        stopped: await services.payouts.stop(action === 'stop', by, reason, services.clock.nowMs()),
      })),
    );
}

program
  .command('parties')
  .description('suppliers, buyers, campaigns, terms and tracking numbers')
  .command('import')
  .argument('<file>', 'JSON; docs/runbook.md shows one')
  .action((file: string) =>
    act(async ({ runtime: { services } }, by) => {
      const imported = parties.parse(JSON.parse(await readFile(file, 'utf8')));
      return services.operations.importParties(imported, by, services.clock.nowMs());
    }),
  );

program
  .command('migrate')
  .description('bring a database to the newest migration')
  .addOption(
    new Option('--database-url <url>', 'of the owner of the tables')
      .env('DATABASE_ADMIN_URL')
      .makeOptionMandatory(),
  )
  .action(async ({ databaseUrl }: { databaseUrl: string }) => {
    const { applied, alreadyApplied } = await migrate(databaseUrl, MIGRATIONS);
    console.log(`${applied.length} applied, ${alreadyApplied} were there before`);
  });

await program.parseAsync();
